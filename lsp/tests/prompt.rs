//! Passphrases that a person types, on a terminal of their own (a pty).
#![cfg(unix)]

mod program;

use std::fs::File;
use std::io::{Read as _, Write as _};
use std::os::fd::{AsRawFd as _, FromRawFd as _};
use std::os::unix::process::CommandExt as _;
use std::process::Child;
use std::time::Instant;

use program::{BOUND, Home};

const PASSPHRASE: &str = "made up for a test only";

/// A program on a terminal.
struct Terminal {
    child: Child,
    screen: File,
    seen: String,
}

impl Terminal {
    fn run(home: &Home, arguments: &[&str]) -> Self {
        let (mut outer, mut inner) = (0, 0);
        let none = std::ptr::null_mut();
        // SAFETY: two numbers to write to; the other pointers may be null.
        let opened = unsafe { libc::openpty(&raw mut outer, &raw mut inner, none, none.cast(), none.cast()) };
        assert_eq!(opened, 0);
        // SAFETY: both were just opened and belong to nobody else.
        let (screen, inner) = unsafe { (File::from_raw_fd(outer), File::from_raw_fd(inner)) };
        let mut command = home.command(arguments).into_std();
        let side = || inner.try_clone().unwrap();
        command.stdin(side()).stdout(side()).stderr(side());
        let number = inner.as_raw_fd();
        // SAFETY: two plain system calls between fork and exec.
        unsafe {
            command.pre_exec(move || {
                libc::close(outer);
                if libc::setsid() == -1 || libc::ioctl(number, libc::TIOCSCTTY as _, 0) == -1 {
                    return Err(std::io::Error::last_os_error());
                }
                Ok(())
            });
        }
        Self { child: command.spawn().unwrap(), screen, seen: String::new() }
    }

    /// Waits until the screen says something, from here on.
    fn wait_for(&mut self, text: &str) {
        let until = Instant::now() + BOUND;
        while !self.seen.contains(text) {
            assert!(Instant::now() < until, "no {text:?} in {:?}", self.seen);
            assert!(self.read(), "it ended without {text:?}: {:?}", self.seen);
        }
    }

    /// Reads what there is; false at the end.
    fn read(&mut self) -> bool {
        let mut poll = libc::pollfd { fd: self.screen.as_raw_fd(), events: libc::POLLIN, revents: 0 };
        // SAFETY: one entry, which lives through the call.
        if unsafe { libc::poll(&raw mut poll, 1, 200) } == 0 {
            return true;
        }
        let mut bytes = [0; 4096];
        match self.screen.read(&mut bytes) {
            Ok(0) | Err(_) => false,
            Ok(count) => {
                self.seen += &String::from_utf8_lossy(&bytes[..count]);
                true
            }
        }
    }

    /// Types once the question is asked and the echo is off.
    fn type_in(&mut self, question: &str, text: &str) {
        self.wait_for(question);
        let until = Instant::now() + BOUND;
        while self.echoes() {
            assert!(Instant::now() < until, "the echo stays on");
            std::thread::yield_now();
        }
        self.screen.write_all(text.as_bytes()).unwrap();
    }

    fn echoes(&self) -> bool {
        // SAFETY: a zeroed termios is valid, and it lives through the call that fills it.
        let settings = unsafe {
            let mut settings: libc::termios = std::mem::zeroed();
            assert_eq!(libc::tcgetattr(self.screen.as_raw_fd(), &raw mut settings), 0);
            settings
        };
        settings.c_lflag & libc::ECHO != 0
    }

    fn end(&mut self) -> i32 {
        let until = Instant::now() + BOUND;
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                while self.read() && Instant::now() < until {
                    let mut poll =
                        libc::pollfd { fd: self.screen.as_raw_fd(), events: libc::POLLIN, revents: 0 };
                    // SAFETY: one entry, which lives through the call; the call does not wait.
                    if unsafe { libc::poll(&raw mut poll, 1, 0) } == 0 {
                        break;
                    }
                }
                return status.code().unwrap_or(-1);
            }
            assert!(Instant::now() < until, "it does not end: {:?}", self.seen);
            self.read();
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_passphrase_is_typed_twice_unseen_and_the_recovery_key_is_shown_once() {
    let home = Home::new();
    let create = ["account", "create", "me", "--kdf-memory", "19", "--kdf-passes", "2"];
    let mut terminal = Terminal::run(&home, &create);
    terminal.type_in("New passphrase for me: ", &format!("{PASSPHRASE}\n"));
    terminal.type_in("The same again: ", "something else\n");
    assert_eq!(terminal.end(), 2, "{:?}", terminal.seen);
    assert!(terminal.seen.contains("the two are not the same"), "{:?}", terminal.seen);

    let mut terminal = Terminal::run(&home, &create);
    terminal.type_in("New passphrase for me: ", &format!("{PASSPHRASE}\n"));
    terminal.type_in("The same again: ", &format!("{PASSPHRASE}\n"));
    assert_eq!(terminal.end(), 0, "{:?}", terminal.seen);
    assert!(terminal.seen.contains("Recovery key, shown this once") && !terminal.seen.contains(PASSPHRASE));

    let mut terminal = Terminal::run(&home, &["history", "status"]);
    terminal.type_in("Passphrase of me: ", "not the right one\n");
    terminal.seen.clear();
    terminal.type_in("Passphrase of me: ", &format!("{PASSPHRASE}\n"));
    assert_eq!(terminal.end(), 0, "a slip costs nothing but another try: {:?}", terminal.seen);
    assert!(terminal.seen.contains("0 sessions"), "{:?}", terminal.seen);
}

#[tokio::test(flavor = "multi_thread")]
async fn ctrl_c_at_a_question_ends_the_command_and_the_echo_is_on_again() {
    let home = Home::new();
    home.create("me", PASSPHRASE).await;
    let mut terminal = Terminal::run(&home, &["history", "list"]);
    terminal.type_in("Passphrase of me: ", "half\u{3}");
    assert_eq!(terminal.end(), 130, "{:?}", terminal.seen);
    assert!(terminal.echoes(), "the terminal is as it was");
    assert!(!terminal.seen.contains("half"), "{:?}", terminal.seen);
}
