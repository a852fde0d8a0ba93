//! Counts failed attempts and makes the next one wait: 5 failures in 15 minutes cost 30 s, doubling up to an hour, never
//! for good. The attempt is on disk before the costly key derivation begins. A day without failures is forgotten.
//!
//! What this is not: protection against somebody who copies the files. That one guesses at the speed of Argon2. Nor
//! against somebody who sets the clock forward.

mod counter;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};

use counter::Counter;

use crate::error::{Error, ErrorKind, Result};
use crate::files::{self, Hold, Lock};
use crate::keyring::{Keyring, KeyringState};

const FORMAT: u32 = 1;
const LARGEST: u64 = 4096;
/// How long to wait for another process that counts.
const BUSY_BOUND: Duration = Duration::from_secs(10);

/// The counter of one account.
#[derive(Clone)]
pub struct Lockout {
    path: PathBuf,
    mirror: Option<Arc<dyn Mirror>>,
    /// Unix milliseconds.
    clock: Arc<dyn Fn() -> u64 + Send + Sync>,
}

/// An attempt that counts as failed until it is said to have succeeded.
#[derive(Debug)]
#[must_use = "an attempt counts as failed until `succeeded` is called"]
pub struct Attempt {
    lockout: Lockout,
}

/// How the counter stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
pub struct LockoutState {
    /// Failures that count.
    pub failures: u32,
    /// How long the next attempt has to wait.
    pub wait: Option<Duration>,
}

impl Lockout {
    /// The counter in the file `path`, mirrored in the keyring under `name` where there is one (the larger count wins).
    /// A keyring that is locked, absent or does not answer is no mirror; it is not asked to open.
    pub fn new(path: &Path, mirror: Option<(Keyring, String)>) -> Self {
        let mirror = mirror.map(|(keyring, name)| Arc::new(InKeyring { keyring, name }) as Arc<dyn Mirror>);
        Self { path: path.to_owned(), mirror, clock: Arc::new(crate::vault::now) }
    }

    /// Begins an attempt: waits for other processes, counts, and writes it down for good.
    ///
    /// # Errors
    /// `LockedOut` with the time to wait; `Busy` when another process counts for more than 10 s; `Newer`; `Full`,
    /// `ReadOnly`, `Io` when it cannot be written down.
    pub fn attempt(&self) -> Result<Attempt> {
        let _lock = self.lock()?;
        let now = (self.clock)();
        let Present { mut counter, must_be_kept } = self.present(now)?;
        if let Some(wait) = counter.wait(now) {
            // A wait that began only now, because the file is gone or the clock was set back, must be able to end.
            if must_be_kept {
                self.keep(&counter)?;
            }
            let seconds = wait.as_millis().div_ceil(1000);
            return Err(Error::new(ErrorKind::LockedOut, "too many failed attempts")
                .with_hint(format!("try again in {seconds} s"))
                .with_wait(wait));
        }
        counter.fail(now);
        self.keep(&counter)?;
        Ok(Attempt { lockout: self.clone() })
    }

    /// How it stands.
    ///
    /// # Errors
    /// `Newer`, and when the file cannot be read.
    pub fn state(&self) -> Result<LockoutState> {
        let now = (self.clock)();
        let counter = self.present(now)?.counter;
        Ok(LockoutState { failures: counter.failures(), wait: counter.wait(now) })
    }

    /// The counter as it stands at `now`, from file and mirror.
    fn present(&self, now: u64) -> Result<Present> {
        // An entry of somebody else, or of a newer version, is no mirror.
        let mirror = self.mirror.as_ref().and_then(|mirror| mirror.load());
        let mirror = mirror.and_then(|text| decode(text.as_bytes()).ok());
        let in_file = match files::read(&self.path, LARGEST) {
            Ok(None) => None,
            Ok(Some(bytes)) => Some(decode(&bytes)),
            Err(error) if error.kind() == ErrorKind::Foreign => Some(Err(error)),
            Err(error) => return Err(error),
        };
        let (mut counter, is_new) = match (in_file, mirror) {
            (None, None) => (Counter::default(), false),
            (Some(Err(error)), _) if error.kind() == ErrorKind::Newer => return Err(error),
            (Some(Ok(file)), mirror) => (file.max(mirror.unwrap_or_default()), false),
            // Whoever removes or spoils the file does not get more attempts by that.
            (None, Some(mirror)) => (Counter::unknown(now).locked_at_least(&mirror), true),
            (Some(Err(_)), mirror) => {
                (Counter::unknown(now).locked_at_least(&mirror.unwrap_or_default()), true)
            }
        };
        let was_set_back = counter.advance(now);
        Ok(Present { counter, must_be_kept: is_new || was_set_back })
    }

    fn keep(&self, counter: &Counter) -> Result<()> {
        let content = Content { format: FORMAT, counter: counter.clone() };
        let text = serde_json::to_string(&content).map_err(|error| {
            Error::new(ErrorKind::Internal, "a counter cannot be written").with_source(error)
        })?;
        files::replace(&self.path, text.as_bytes())?;
        if let Some(mirror) = &self.mirror {
            mirror.store(&text);
        }
        Ok(())
    }

    fn lock(&self) -> Result<Lock> {
        if let Some(folder) = self.path.parent().filter(|folder| !folder.exists()) {
            files::create_folder(folder)?;
        }
        let mut name = self.path.clone().into_os_string();
        name.push(".lock");
        Lock::take(Path::new(&name), Hold::Exclusive, BUSY_BOUND)?.ok_or_else(|| {
            Error::new(ErrorKind::Busy, "another process counts attempts").with_hint("try again in a moment")
        })
    }
}

impl Attempt {
    /// The attempt has succeeded: the counter begins anew.
    ///
    /// # Errors
    /// When it cannot be written down; it counts as failed then.
    pub fn succeeded(self) -> Result<()> {
        let _lock = self.lockout.lock()?;
        self.lockout.keep(&Counter::default())
    }
}

struct Present {
    counter: Counter,
    /// Says something that neither file nor mirror say.
    must_be_kept: bool,
}

#[derive(serde::Serialize, serde::Deserialize)]
struct Content {
    format: u32,
    #[serde(flatten)]
    counter: Counter,
}

fn decode(bytes: &[u8]) -> Result<Counter> {
    #[derive(serde::Deserialize)]
    struct Format {
        format: u32,
    }
    let damaged = |error| {
        Error::new(ErrorKind::Damaged, "the counter of failed attempts is damaged").with_source(error)
    };
    let format: Format = serde_json::from_slice(bytes).map_err(damaged)?;
    if format.format > FORMAT {
        return Err(Error::new(
            ErrorKind::Newer,
            "the counter of failed attempts was written by a newer version",
        )
        .with_hint("update and try again"));
    }
    serde_json::from_slice::<Content>(bytes).map(|content| content.counter).map_err(damaged)
}

/// A second place for the counter. What it cannot do it does not say: it is only ever a help.
trait Mirror: Send + Sync {
    fn load(&self) -> Option<String>;
    fn store(&self, text: &str);
}

struct InKeyring {
    keyring: Keyring,
    name: String,
}

impl InKeyring {
    /// No dialog must open because somebody types a passphrase.
    fn is_open(&self) -> bool {
        self.keyring.state() == KeyringState::Unlocked
    }
}

impl Mirror for InKeyring {
    fn load(&self) -> Option<String> {
        let text = self.is_open().then(|| self.keyring.get(&self.name))?.ok()??;
        Some(text.expose_secret().to_owned())
    }

    fn store(&self, text: &str) {
        if self.is_open()
            && let Err(error) = self.keyring.set(&self.name, &SecretString::from(text))
        {
            tracing::debug!(%error, "the counter of failed attempts has no mirror");
        }
    }
}

impl std::fmt::Debug for Lockout {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Lockout({})", files::name_of(&self.path))
    }
}

#[cfg(test)]
mod tests;
