//! A call that may never return, on a thread that may be left behind.
//!
//! While a thread that was left behind is still waiting, further calls to the same keyring fail at once: they would only
//! queue up behind it. When it returns after all (the daemon goes on, the person has answered the dialog), calls go
//! through again. Such a thread ends with the process at the latest.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{RecvTimeoutError, sync_channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::Backend;
use crate::error::{Error, ErrorKind, Result};

/// What a call says of itself while it runs.
#[derive(Debug, Default)]
pub(super) struct Progress {
    asks_a_person: AtomicBool,
}

impl Progress {
    /// From here on the keyring may be waiting for its owner.
    pub(super) fn asks_a_person(&self) {
        self.asks_a_person.store(true, Ordering::Release);
    }
}

/// Runs `work` and waits at most `bound` for it.
pub(super) fn run<T: Send + 'static>(
    backend: Backend,
    bound: Duration,
    work: impl FnOnce(&Progress) -> Result<T> + Send + 'static,
) -> Result<T> {
    static SECRET_SERVICE: Line = Line::new();
    static KERNEL: Line = Line::new();
    static KEYCHAIN: Line = Line::new();
    static CREDENTIAL_MANAGER: Line = Line::new();
    let line = match backend {
        Backend::SecretService => &SECRET_SERVICE,
        Backend::Kernel => &KERNEL,
        Backend::Keychain => &KEYCHAIN,
        Backend::CredentialManager => &CREDENTIAL_MANAGER,
        Backend::None => {
            return Err(Error::new(ErrorKind::KeyringAbsent, "no keyring is in use")
                .with_hint("use a passphrase, or choose a keyring"));
        }
    };
    line.run(bound, work)
}

/// The calls to one keyring.
struct Line {
    /// Calls that were left behind and still wait.
    left_behind: Mutex<Vec<Arc<Call>>>,
}

#[derive(Debug, Default)]
struct Call {
    progress: Progress,
    has_ended: AtomicBool,
}

impl Call {
    fn overdue(&self) -> Error {
        match self.progress.asks_a_person.load(Ordering::Acquire) {
            true => Error::new(ErrorKind::KeyringLocked, "the keyring is locked and asks for its password")
                .with_hint("answer its dialog and try again"),
            false => Error::new(ErrorKind::KeyringHung, "the keyring does not answer")
                .with_hint("restart it, or use a passphrase"),
        }
    }
}

impl Line {
    const fn new() -> Self {
        Self { left_behind: Mutex::new(Vec::new()) }
    }

    fn left_behind(&self) -> MutexGuard<'_, Vec<Arc<Call>>> {
        self.left_behind.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn run<T: Send + 'static>(
        &self,
        bound: Duration,
        work: impl FnOnce(&Progress) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        {
            let mut left_behind = self.left_behind();
            left_behind.retain(|call| !call.has_ended.load(Ordering::Acquire));
            if let Some(call) = left_behind.first() {
                return Err(call.overdue());
            }
        }
        let call = Arc::new(Call::default());
        let (sender, receiver) = sync_channel(1);
        let theirs = call.clone();
        std::thread::Builder::new().name("keyring".to_owned()).spawn(move || {
            let ended = Ended(theirs);
            let result = work(&ended.0.progress);
            // Nobody listens any more when the call was left behind; its result is dropped, which clears it.
            let _ = sender.send(result);
        })?;
        match receiver.recv_timeout(bound) {
            Ok(result) => result,
            Err(RecvTimeoutError::Timeout) => {
                let error = call.overdue();
                self.left_behind().push(call);
                Err(error)
            }
            Err(RecvTimeoutError::Disconnected) => Err(Error::new(
                ErrorKind::KeyringAbsent,
                "the keyring cannot be used: its library has failed",
            )
            .with_hint("use a passphrase")),
        }
    }
}

/// Marks a call as ended, also when it panics.
struct Ended(Arc<Call>);

impl Drop for Ended {
    fn drop(&mut self) {
        self.0.has_ended.store(true, Ordering::Release);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::channel;

    use super::*;

    const SOON: Duration = Duration::from_millis(1);
    const LONG: Duration = Duration::from_secs(60);

    #[test]
    fn an_answer_comes_through_and_an_error_too() {
        let line = Line::new();
        assert_eq!(line.run(LONG, |_| Ok(7)).expect("answer"), 7);
        let failed = line.run(LONG, |_| Err::<(), _>(Error::new(ErrorKind::KeyringEmpty, "empty")));
        assert_eq!(failed.expect_err("error").kind(), ErrorKind::KeyringEmpty);
        let panicked = line.run(LONG, |_| -> Result<()> { panic!("made up") });
        assert_eq!(panicked.expect_err("error").kind(), ErrorKind::KeyringAbsent);
        assert_eq!(line.run(LONG, |_| Ok(8)).expect("answer"), 8);
    }

    #[test]
    fn a_call_that_hangs_is_left_behind_and_others_fail_at_once_until_it_ends() {
        let line = Line::new();
        let (release, released) = channel::<()>();
        let hung = line.run(SOON, move |_| {
            let _ = released.recv();
            Ok(())
        });
        assert_eq!(hung.expect_err("hung").kind(), ErrorKind::KeyringHung);
        let (ran, runs) = channel();
        // The bound is long: it returns because it does not wait.
        let next = line.run(LONG, move |_| {
            let _ = ran.send(());
            Ok(())
        });
        assert_eq!(next.expect_err("at once").kind(), ErrorKind::KeyringHung);
        assert!(runs.recv().is_err(), "it was not even tried");
        drop(release);
        while line.left_behind().iter().any(|call| !call.has_ended.load(Ordering::Acquire)) {
            std::thread::yield_now();
        }
        assert_eq!(line.run(LONG, |_| Ok(1)).expect("works again"), 1);
    }

    #[test]
    fn a_keyring_that_asks_its_owner_is_locked_and_not_hung() {
        let call = Call::default();
        assert_eq!(call.overdue().kind(), ErrorKind::KeyringHung);
        call.progress.asks_a_person();
        assert_eq!(call.overdue().kind(), ErrorKind::KeyringLocked);
    }

    #[test]
    fn without_a_keyring_nothing_is_tried() {
        let error = run(Backend::None, LONG, |_| Ok(())).expect_err("absent");
        assert_eq!(error.kind(), ErrorKind::KeyringAbsent);
    }
}
