//! Handing out a new recovery key: shown once on the terminal, or written into a file for scripts.

use std::fs::File;
use std::io::{IsTerminal as _, Write as _};
use std::path::PathBuf;

use opencode_nexus::auth::RecoveryKey;
use opencode_nexus::{Error, ErrorKind, Result};

/// Where a new recovery key goes.
#[derive(clap::Args, Clone, Debug, Default)]
pub(crate) struct RecoveryArguments {
    /// Write the recovery key into this new file, which only you can read, instead of showing it.
    #[arg(long, value_name = "FILE")]
    recovery_file: Option<PathBuf>,
}

/// A place for a key that does not exist yet. It is made first: a key that nobody can read would be lost.
pub(crate) enum Place {
    File(Option<File>, PathBuf),
    Json,
    Terminal,
}

impl RecoveryArguments {
    /// Makes sure that the key will be seen.
    ///
    /// # Errors
    /// `user.conflict` when the file exists, `user.invalid_input` when it cannot be made, or there is neither a file nor a
    /// terminal nor `--json`.
    pub(crate) fn prepare(&self, json: bool) -> Result<Place> {
        let Some(path) = &self.recovery_file else {
            return match (json, std::io::stderr().is_terminal()) {
                (true, _) => Ok(Place::Json),
                (false, true) => Ok(Place::Terminal),
                (false, false) => Err(Error::new(
                    ErrorKind::InvalidInput,
                    "the recovery key is shown once, and there is no terminal to show it on",
                )
                .with_hint("name a new file with --recovery-file, or take it from --json")),
            };
        };
        let mut options = std::fs::OpenOptions::new();
        options.write(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        match options.open(path) {
            Ok(file) => Ok(Place::File(Some(file), path.clone())),
            Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {
                let message = format!("{} exists already", path.display());
                Err(Error::new(ErrorKind::Conflict, message)
                    .with_hint("name a new file with --recovery-file"))
            }
            Err(error) => {
                let message = format!("cannot write {}: {error}", path.display());
                Err(Error::new(ErrorKind::InvalidInput, message)
                    .with_hint("give --recovery-file a file in a folder that exists"))
            }
        }
    }
}

impl Place {
    /// Hands the key out; the answer belongs into the result of `--json`.
    ///
    /// # Errors
    /// `system.io` when the file cannot be written. The key is shown on the terminal then.
    pub(crate) fn hand_out(mut self, key: &RecoveryKey) -> Result<Option<String>> {
        match &mut self {
            Self::Json => return Ok(Some(key.expose().to_owned())),
            Self::Terminal => show(key),
            Self::File(file, path) => {
                let written = file
                    .take()
                    .map(|mut file| writeln!(file, "{}", key.expose()).and_then(|()| file.sync_all()));
                if let Some(Err(error)) = written {
                    show(key);
                    return Err(Error::new(
                        ErrorKind::Io,
                        format!("the recovery key cannot be written into {}: {error}", path.display()),
                    )
                    .with_hint("write down the one above"));
                }
                eprintln!("recovery key: in {}; keep it where this machine is not", path.display());
            }
        }
        Ok(None)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        // Nothing was written into it: whatever should make the key has failed.
        if let Self::File(Some(_), path) = self {
            let _ = std::fs::remove_file(path);
        }
    }
}

fn show(key: &RecoveryKey) {
    eprintln!(
        "\nRecovery key, shown this once:\n\n  {}\n\nWrite it down and keep it where this machine is not: it opens the \
         account when the passphrase is forgotten (`nexus history recover`). Whoever has it needs no passphrase.\n",
        key.expose()
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_for_the_key_must_be_new_and_goes_again_when_there_is_no_key() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("key.txt");
        let arguments = RecoveryArguments { recovery_file: Some(path.clone()) };
        let place = arguments.prepare(false).unwrap();
        assert!(path.exists());
        assert!(arguments.prepare(false).is_err_and(|error| error.kind() == ErrorKind::Conflict));
        drop(place);
        assert!(!path.exists());
        let nowhere = RecoveryArguments { recovery_file: Some(folder.path().join("no/such/key.txt")) };
        assert!(nowhere.prepare(true).is_err_and(|error| error.hint().is_some()));
    }
}
