//! A terminal window with a program in it: keys go in, a screen comes out. Waiting is always for what the screen shows,
//! and has a bound.

use std::io::{Read as _, Write};
use std::path::Path;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use portable_pty::{Child, CommandBuilder, MasterPty, PtySize, native_pty_system};

/// No screen needs longer, on a loaded machine either.
const BOUND: Duration = Duration::from_secs(30);
/// A program that was asked to end does so within this time.
const END: Duration = Duration::from_secs(15);

/// What has come out of the program.
struct Shown {
    parser: vt100::Parser,
    raw: Vec<u8>,
    last: Instant,
    ended: bool,
}

/// A window. Dropping it kills what runs in it.
pub struct Window {
    shown: Arc<(Mutex<Shown>, Condvar)>,
    keys: Box<dyn Write + Send>,
    master: Box<dyn MasterPty + Send>,
    child: Box<dyn Child + Send + Sync>,
    pub size: (u16, u16),
}

fn text(error: impl std::fmt::Display) -> String {
    error.to_string()
}

impl Window {
    /// Starts a program in a window of so many columns and rows.
    pub fn open(
        program: &Path,
        arguments: &[String],
        environment: &[(String, String)],
        folder: &Path,
        size: (u16, u16),
    ) -> Result<Self, String> {
        let pair = native_pty_system().openpty(pty_size(size)).map_err(text)?;
        let mut command = CommandBuilder::new(program);
        command.args(arguments);
        command.cwd(folder);
        command.env_clear();
        for (name, value) in environment {
            command.env(name, value);
        }
        let child = pair.slave.spawn_command(command).map_err(text)?;
        drop(pair.slave);
        let mut output = pair.master.try_clone_reader().map_err(text)?;
        let keys = pair.master.take_writer().map_err(text)?;
        let shown = Shown {
            parser: vt100::Parser::new(count(size.1), count(size.0), 0),
            raw: Vec::new(),
            last: Instant::now(),
            ended: false,
        };
        let shown = Arc::new((Mutex::new(shown), Condvar::new()));
        let to = shown.clone();
        std::thread::spawn(move || {
            let mut buffer = vec![0; 65_536];
            loop {
                let count = output.read(&mut buffer).unwrap_or(0);
                let mut shown = to.0.lock().unwrap_or_else(PoisonError::into_inner);
                shown.ended = count == 0;
                shown.last = Instant::now();
                shown.raw.extend_from_slice(&buffer[..count]);
                shown.parser.process(&buffer[..count]);
                to.1.notify_all();
                if count == 0 {
                    break;
                }
            }
        });
        Ok(Self { shown, keys, master: pair.master, child, size })
    }

    fn lock(&self) -> MutexGuard<'_, Shown> {
        self.shown.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Presses keys, as the bytes that a terminal sends for them.
    pub fn press(&mut self, keys: &str) -> Result<(), String> {
        // A rest is one after the key, not before it.
        self.lock().last = Instant::now();
        self.keys.write_all(keys.as_bytes()).and_then(|()| self.keys.flush()).map_err(text)
    }

    /// Pastes as terminals do that say so.
    pub fn paste(&mut self, pasted: &str) -> Result<(), String> {
        self.press(&format!("\x1b[200~{pasted}\x1b[201~"))
    }

    /// Gives the window another size.
    pub fn resize(&mut self, size: (u16, u16)) -> Result<(), String> {
        self.size = size;
        self.lock().parser.screen_mut().set_size(count(size.1), count(size.0));
        self.master.resize(pty_size(size)).map_err(text)
    }

    /// The rows of the screen, without spaces at their ends.
    pub fn rows(&self) -> Vec<String> {
        rows(self.lock().parser.screen())
    }

    /// Whether the program shows anything in a colour.
    pub fn has_colours(&self) -> bool {
        let shown = self.lock();
        let screen = shown.parser.screen();
        let cells = (0..self.size.1).flat_map(|y| (0..self.size.0).map(move |x| (y, x)));
        cells
            .filter_map(|(y, x)| screen.cell(y, x))
            .any(|cell| cell.fgcolor() != vt100::Color::Default || cell.bgcolor() != vt100::Color::Default)
    }

    /// Everything that the program has written.
    pub fn raw(&self) -> Vec<u8> {
        self.lock().raw.clone()
    }

    /// Waits until the screen is as wanted.
    pub fn wait(&self, what: &str, wanted: impl Fn(&[String]) -> bool) -> Result<(), String> {
        let until = Instant::now() + BOUND;
        let mut shown = self.lock();
        loop {
            let now = rows(shown.parser.screen());
            if wanted(&now) {
                return Ok(());
            }
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() || shown.ended {
                let why = if shown.ended { "the program ended before" } else { "the screen never showed" };
                return Err(format!("{why}: {what}\n{}", framed(&now)));
            }
            shown = self.shown.1.wait_timeout(shown, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// Waits until some row holds this.
    pub fn wait_for(&self, wanted: &str) -> Result<(), String> {
        self.wait(&format!("`{wanted}`"), |rows| rows.iter().any(|row| row.contains(wanted)))
    }

    /// Waits until no row holds this.
    pub fn wait_without(&self, unwanted: &str) -> Result<(), String> {
        self.wait(&format!("no `{unwanted}`"), |rows| !rows.iter().any(|row| row.contains(unwanted)))
    }

    /// Waits until nothing was written for a moment, so that a key pressed before has had its effect. Whoever uses
    /// this looks again when it was too early.
    pub fn rest(&self) {
        let moment = Duration::from_millis(120);
        let until = Instant::now() + BOUND;
        loop {
            let quiet = self.lock().last.elapsed();
            if quiet >= moment || Instant::now() > until {
                return;
            }
            std::thread::sleep(moment - quiet);
        }
    }

    /// Waits until the program has ended by itself, and says with which code.
    pub fn ended(&mut self) -> Result<u32, String> {
        let until = Instant::now() + END;
        loop {
            if let Some(status) = self.child.try_wait().map_err(text)? {
                return Ok(status.exit_code());
            }
            if Instant::now() > until {
                return Err(format!("the program did not end\n{}", framed(&self.rows())));
            }
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// Whether the program, which has ended, has given the terminal back as it was.
    pub fn is_given_back(&self) -> bool {
        // Its last words may still be on their way.
        let all = self.shown.1.wait_timeout_while(self.lock(), END, |shown| !shown.ended);
        let shown = all.unwrap_or_else(PoisonError::into_inner).0;
        let screen = shown.parser.screen();
        !screen.alternate_screen()
            && !screen.hide_cursor()
            && !screen.bracketed_paste()
            && screen.mouse_protocol_mode() == vt100::MouseProtocolMode::None
    }

    pub fn pid(&self) -> Option<u32> {
        self.child.process_id()
    }
}

impl Drop for Window {
    fn drop(&mut self) {
        // It has ended already when all went well.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A window has at least one row and one column.
fn count(size: u16) -> std::num::NonZero<u16> {
    std::num::NonZero::new(size).unwrap_or(std::num::NonZero::<u16>::MIN)
}

fn pty_size((cols, rows): (u16, u16)) -> PtySize {
    PtySize { rows, cols, pixel_width: 0, pixel_height: 0 }
}

fn rows(screen: &vt100::Screen) -> Vec<String> {
    let (_, columns) = screen.size();
    screen.rows(0, columns.get()).map(|row| row.trim_end().to_owned()).collect()
}

/// A screen with a frame around it, for people.
pub fn framed(rows: &[String]) -> String {
    let lines: Vec<String> = rows.iter().map(|row| format!("  │{row}")).collect();
    lines.join("\n")
}
