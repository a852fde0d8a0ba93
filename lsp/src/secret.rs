//! Passphrases and recovery keys: read from the terminal without an echo or from a file descriptor, never from an argument
//! or a variable; and the rules for new ones.

use std::io::IsTerminal as _;

use opencode_nexus::auth::{ExposeSecret as _, SecretString};
use opencode_nexus::{Error, ErrorKind, Result};

/// The fewest characters of a new passphrase.
pub(crate) const SHORTEST: usize = 8;
/// A passphrase below this is called weak, once, in one line.
const STRONG: usize = 14;
/// No passphrase and no recovery key is longer.
const LONGEST: usize = 1_024;

/// Whether a person can be asked: they must see the question.
pub(crate) fn can_ask() -> bool {
    std::io::stderr().is_terminal()
}

/// Asks on the terminal without an echo.
///
/// # Errors
/// `user.invalid_input` when there is no terminal; `user.aborted` when the input ends.
pub(crate) async fn ask(question: &str) -> Result<SecretString> {
    if !can_ask() {
        return Err(no_terminal());
    }
    let _echo = Echo::remember();
    let question = format!("{question}: ");
    match on_a_thread(move || rpassword::prompt_password(question).map(SecretString::from)).await {
        #[cfg(unix)]
        Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {
            // Ctrl-C was read as a key. It becomes what it is everywhere else, and ends the command.
            // SAFETY: a signal to ourselves; its handler is in place since the command began.
            unsafe { libc::raise(libc::SIGINT) };
            std::future::pending().await
        }
        read => read.map_err(|error| {
            Error::new(ErrorKind::Aborted, format!("nothing was read: {error}"))
                .with_hint("type it in a terminal, or give it by --passphrase-fd")
        }),
    }
}

/// Asks twice for a new one.
///
/// # Errors
/// As [`ask`] and [`check_new`]; `user.invalid_input` when the two differ.
pub(crate) async fn ask_new(what: &str) -> Result<SecretString> {
    let first = ask(&format!("New {what}")).await?;
    check_new(&first)?;
    let second = ask("The same again").await?;
    if first.expose_secret() != second.expose_secret() {
        return Err(Error::new(ErrorKind::InvalidInput, "the two are not the same").with_hint("try again"));
    }
    Ok(first)
}

/// A new passphrase from a descriptor, or from the person.
///
/// # Errors
/// As [`ask_new`] and [`line()`].
pub(crate) async fn new(descriptor: Option<i32>, what: &str) -> Result<SecretString> {
    match descriptor {
        Some(number) => {
            let secret = line(number).await?;
            check_new(&secret).map(|()| secret)
        }
        None => ask_new(what).await,
    }
}

/// Whether a new passphrase may be used; says in one line when it is weak.
///
/// # Errors
/// `user.invalid_input` when it is too short.
pub(crate) fn check_new(secret: &SecretString) -> Result<()> {
    let text = secret.expose_secret();
    let length = text.chars().count();
    if length < SHORTEST {
        let message = format!("the passphrase has {length} characters; at least {SHORTEST} are needed");
        return Err(Error::new(ErrorKind::InvalidInput, message)
            .with_hint("four or more words that nobody would put together are easy to keep"));
    }
    if is_weak(text) {
        eprintln!(
            "warning: that passphrase is weak: who copies the files can guess it; four or more words are better"
        );
    }
    Ok(())
}

fn is_weak(text: &str) -> bool {
    let mut characters: Vec<char> = text.chars().collect();
    let length = characters.len();
    characters.sort_unstable();
    characters.dedup();
    let digits = text.chars().all(|c| c.is_ascii_digit());
    length < STRONG || characters.len() < 6 || digits
}

/// The next line of an open file descriptor, without its end; nothing behind it is taken, so that several secrets can
/// stand there one below the other. Standard input is 0.
///
/// # Errors
/// `user.invalid_input` when it is not open, empty, too long or not UTF-8.
pub(crate) async fn line(number: i32) -> Result<SecretString> {
    let wrong = |why: &str| {
        Error::new(
            ErrorKind::InvalidInput,
            format!("no passphrase can be read from descriptor {number}: {why}"),
        )
        .with_hint("open it in the shell, like: nexus … --passphrase-fd 3 3< FILE")
    };
    let mut file = descriptor(number).map_err(|error| wrong(&error.to_string()))?;
    let read = on_a_thread(move || read_line(&mut file)).await;
    let bytes = read.map_err(|error| wrong(&error.to_string()))?;
    let text = String::from_utf8(bytes).map_err(|_| wrong("it is not UTF-8"))?;
    match text.is_empty() {
        true => Err(wrong("it is empty")),
        false => Ok(SecretString::from(text)),
    }
}

/// A byte at a time: what stands behind the line belongs to somebody else.
fn read_line(from: &mut impl std::io::Read) -> std::io::Result<Vec<u8>> {
    let mut bytes = Vec::with_capacity(LONGEST);
    let mut byte = [0];
    loop {
        match from.read(&mut byte) {
            Ok(0) => break,
            Ok(_) if byte[0] == b'\n' => break,
            Ok(_) if bytes.len() == LONGEST => {
                return Err(std::io::Error::other(format!("the line is longer than {LONGEST} bytes")));
            }
            Ok(_) => bytes.push(byte[0]),
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    if bytes.last() == Some(&b'\r') {
        bytes.pop();
    }
    Ok(bytes)
}

/// Keeps programs that we start from inheriting a descriptor with a passphrase. Called before there are any.
pub(crate) fn keep_to_ourselves(number: i32) {
    #[cfg(unix)]
    if number > 2 {
        // SAFETY: fcntl touches no memory; a number that is not open is no harm.
        unsafe { libc::fcntl(number, libc::F_SETFD, libc::FD_CLOEXEC) };
    }
    #[cfg(not(unix))]
    let _ = number;
}

#[cfg(unix)]
fn descriptor(number: i32) -> std::io::Result<std::fs::File> {
    use std::os::fd::BorrowedFd;
    if number < 0 || matches!(number, 1 | 2) {
        return Err(std::io::Error::other("it is none to read from"));
    }
    // SAFETY: a plain question about a number.
    if unsafe { libc::fcntl(number, libc::F_GETFD) } == -1 {
        return Err(std::io::Error::last_os_error());
    }
    // SAFETY: it was open just now, and nobody else here closes descriptors that they were not given.
    let borrowed = unsafe { BorrowedFd::borrow_raw(number) };
    // A copy shares the place in the file, so the next secret is the next line.
    let copy = borrowed.try_clone_to_owned()?;
    Ok(std::fs::File::from(copy))
}

#[cfg(not(unix))]
fn descriptor(number: i32) -> std::io::Result<std::io::Stdin> {
    match number {
        0 => Ok(std::io::stdin()),
        _ => Err(std::io::Error::other("this system has only standard input, which is 0")),
    }
}

/// Blocking work on a thread of its own: Ctrl-C must not wait for a line.
async fn on_a_thread<T: Send + 'static>(
    work: impl FnOnce() -> std::io::Result<T> + Send + 'static,
) -> std::io::Result<T> {
    let (send, receive) = tokio::sync::oneshot::channel();
    std::thread::spawn(move || {
        let _ = send.send(work());
    });
    receive.await.unwrap_or_else(|_| Err(std::io::Error::other("the thread that reads has ended")))
}

fn no_terminal() -> Error {
    Error::new(ErrorKind::InvalidInput, "a passphrase is needed, and there is no terminal to ask on")
        .with_hint("give it by --passphrase-fd N, like: nexus … --passphrase-fd 3 3< FILE")
}

/// The terminal's settings as they were. A command that is asked to end while its question waits leaves the thread that
/// reads behind, with the echo off, so they are put back from here.
struct Echo {
    #[cfg(unix)]
    before: Option<(std::fs::File, libc::termios)>,
}

impl Echo {
    #[cfg(unix)]
    fn remember() -> Self {
        use std::os::fd::AsRawFd as _;
        let before = std::fs::File::open("/dev/tty").ok().and_then(|terminal| {
            // SAFETY: a zeroed termios is valid, and it lives through the call that fills it.
            let (result, settings) = unsafe {
                let mut settings: libc::termios = std::mem::zeroed();
                (libc::tcgetattr(terminal.as_raw_fd(), &raw mut settings), settings)
            };
            (result == 0).then_some((terminal, settings))
        });
        Self { before }
    }

    #[cfg(not(unix))]
    fn remember() -> Self {
        Self {}
    }
}

#[cfg(unix)]
impl Drop for Echo {
    fn drop(&mut self) {
        use std::os::fd::AsRawFd as _;
        if let Some((terminal, settings)) = &self.before {
            // SAFETY: the terminal is open and the settings are those that it had.
            unsafe { libc::tcsetattr(terminal.as_raw_fd(), libc::TCSANOW, &raw const *settings) };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_taken_and_nothing_behind_it() {
        let mut from: &[u8] = "one two\r\nthree\n".as_bytes();
        assert_eq!(read_line(&mut from).unwrap(), b"one two");
        assert_eq!(read_line(&mut from).unwrap(), b"three");
        assert_eq!(read_line(&mut from).unwrap(), b"");
        let long = vec![b'x'; LONGEST + 1];
        assert!(read_line(&mut &long[..]).is_err());
        assert_eq!(read_line(&mut &long[1..]).unwrap().len(), LONGEST, "the longest that is allowed");
    }

    #[test]
    fn a_new_passphrase_is_long_enough_and_weak_ones_are_known() {
        for (text, allowed) in [("", false), ("1234567", false), ("12345678", true), ("äöüßéèçñ", true)]
        {
            assert_eq!(check_new(&SecretString::from(text)).is_ok(), allowed, "{text}");
        }
        for (text, weak) in
            [("aaaaaaaaaaaaaaaaaaaa", true), ("12345678901234567890", true), ("made up for a test", false)]
        {
            assert_eq!(is_weak(text), weak, "{text}");
        }
    }
}
