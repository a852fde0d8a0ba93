//! The terminal itself: taken at the start, given back whatever happens (the end, an error, a panic, a signal), and lent
//! to the shell while the program is in the background.

use std::io::{self, IsTerminal as _, Write as _};

use crossterm::event::{
    DisableBracketedPaste, DisableMouseCapture, EnableBracketedPaste, EnableMouseCapture,
    KeyboardEnhancementFlags, PopKeyboardEnhancementFlags, PushKeyboardEnhancementFlags,
};
use crossterm::terminal::{EnterAlternateScreen, LeaveAlternateScreen, disable_raw_mode, enable_raw_mode};
use crossterm::{cursor, execute};
use opencode_nexus::{Error, ErrorKind, Result};
use ratatui::Terminal;
use ratatui::backend::CrosstermBackend;
use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};

use super::view::finish::{Abilities, finish};

/// A terminal in our hands. Dropping it gives it back.
pub(crate) struct Screen {
    terminal: Terminal<CrosstermBackend<io::Stdout>>,
    abilities: Abilities,
    mouse: bool,
}

/// Whether somebody sits in front of us.
///
/// # Errors
/// `user.unsupported` when input or output is no terminal.
pub(crate) fn check() -> Result<()> {
    if io::stdin().is_terminal() && io::stdout().is_terminal() {
        return Ok(());
    }
    Err(Error::new(ErrorKind::Unsupported, "chat needs a terminal for its input and its output")
        .with_hint("use `nexus run \"PROMPT\"` in scripts and pipes"))
}

/// What the terminal can show, by what the environment says of it.
pub(crate) fn abilities(no_colour: bool) -> Abilities {
    let set = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
    let dumb = set("TERM").is_none_or(|term| term == "dumb");
    let locale = set("LC_ALL").or_else(|| set("LC_CTYPE")).or_else(|| set("LANG")).unwrap_or_default();
    let locale = locale.to_ascii_lowercase();
    // Windows has no such variables, and its terminals speak UTF-8.
    let unicode = cfg!(windows) || locale.contains("utf-8") || locale.contains("utf8");
    Abilities { colours: !no_colour && !dumb && set("NO_COLOR").is_none(), unicode }
}

impl Screen {
    /// Takes the terminal.
    ///
    /// # Errors
    /// `system.io` when it cannot be read key by key.
    pub fn enter(abilities: Abilities, mouse: bool) -> Result<Self> {
        give_back_on_panic();
        take(mouse).inspect_err(|_| give_back())?;
        let terminal = Terminal::new(CrosstermBackend::new(io::stdout())).inspect_err(|_| give_back())?;
        Ok(Self { terminal, abilities, mouse })
    }

    pub fn area(&self) -> Rect {
        let (width, height) = crossterm::terminal::size().unwrap_or((80, 24));
        Rect::new(0, 0, width, height)
    }

    /// Shows a frame.
    ///
    /// # Errors
    /// `system.io` when the terminal is gone.
    pub fn show(&mut self, mut frame: Buffer, cursor: Option<Position>) -> Result<()> {
        finish(&mut frame, self.abilities);
        // One frame is one picture, also where the terminal is slow.
        let mut out = io::stdout();
        execute!(out, crossterm::terminal::BeginSynchronizedUpdate)?;
        self.terminal.draw(|to| {
            let area = to.area();
            let buffer = to.buffer_mut();
            // The window may have changed its size since it was drawn: then the next frame is right.
            for y in 0..area.height.min(frame.area.height) {
                for x in 0..area.width.min(frame.area.width) {
                    buffer[(x, y)] = frame[(x, y)].clone();
                }
            }
            if let Some(position) = cursor.filter(|at| at.x < area.width && at.y < area.height) {
                to.set_cursor_position(position);
            }
        })?;
        execute!(out, crossterm::terminal::EndSynchronizedUpdate)?;
        Ok(())
    }

    /// Draws everything anew with the next frame.
    ///
    /// # Errors
    /// `system.io` when the terminal is gone.
    pub fn clear(&mut self) -> Result<()> {
        Ok(self.terminal.clear()?)
    }

    /// Stops this program as the shell's Ctrl-Z does, and takes the terminal again when it goes on.
    ///
    /// # Errors
    /// `system.io` when the terminal is gone.
    pub fn suspend(&mut self) -> Result<()> {
        #[cfg(unix)]
        {
            give_back();
            // SAFETY: a signal to the processes of our own group; the default action stops them.
            unsafe { libc::kill(0, libc::SIGTSTP) };
            take(self.mouse)?;
            self.terminal.clear()?;
        }
        Ok(())
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        give_back();
    }
}

/// The terminal for somebody else's rows, without a drawing of ours. Dropping it gives it back.
pub(crate) struct Taken(());

impl Taken {
    /// Takes the terminal.
    ///
    /// # Errors
    /// `system.io` when it cannot be read key by key.
    pub(crate) fn take() -> Result<Self> {
        give_back_on_panic();
        take(false).inspect_err(|_| give_back())?;
        Ok(Self(()))
    }
}

impl Drop for Taken {
    fn drop(&mut self) {
        give_back();
    }
}

fn give_back_on_panic() {
    let before = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        // The report must be readable, and the shell usable.
        give_back();
        before(panic);
    }));
}

fn take(mouse: bool) -> io::Result<()> {
    enable_raw_mode()?;
    let mut out = io::stdout();
    execute!(out, EnterAlternateScreen, EnableBracketedPaste)?;
    if mouse {
        execute!(out, EnableMouseCapture)?;
    }
    // Terminals that know it tell Shift-Enter from Enter; others let it pass.
    execute!(out, PushKeyboardEnhancementFlags(KeyboardEnhancementFlags::DISAMBIGUATE_ESCAPE_CODES))
}

/// Whatever was taken. Failing does not matter: then there is no terminal any more.
fn give_back() {
    let mut out = io::stdout();
    let _ = execute!(out, PopKeyboardEnhancementFlags);
    let _ = execute!(out, DisableMouseCapture, DisableBracketedPaste, LeaveAlternateScreen, cursor::Show);
    let _ = disable_raw_mode();
    let _ = out.flush();
}
