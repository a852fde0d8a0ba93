//! `nexus plugin key`: a key pair to sign with.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use opencode_nexus::auth::ExposeSecret as _;
use opencode_nexus::{Error, ErrorKind, Result};
use opencode_nexus_plugins::signature::SecretKey;
use serde_json::json;

use crate::{account, core_dumps, output, secret};

/// Where the keys go.
#[derive(clap::Args)]
#[command(
    after_help = "The secret key is encrypted with a passphrase, or readable by you alone with --no-passphrase. The program minisign reads both files. Keep the secret key: who has installed your plugin believes no other.\n\nExamples:\n  nexus plugin key author.key\n  nexus plugin key ci.key --no-passphrase\n  nexus plugin key author.key --passphrase-fd 3 3< secret.txt"
)]
pub(super) struct Key {
    /// The new file of the secret key; the public key goes beside it, with `.pub` behind the name.
    file: PathBuf,
    /// Do not encrypt the secret key.
    #[arg(long, alias = "no-password")]
    no_passphrase: bool,
}

impl Key {
    pub(super) async fn run(self, json: bool) -> Result<ExitCode> {
        core_dumps::forbid();
        let public_file = with_pub(&self.file);
        for file in [&self.file, &public_file] {
            if std::fs::symlink_metadata(file).is_ok() {
                return Err(exists(file));
            }
        }
        let passphrase = match (self.no_passphrase, account::given_passphrase().await?) {
            (true, _) => None,
            (false, Some(given)) => Some(secret::check_new(&given).map(|()| given)?),
            (false, None) => Some(secret::ask_new("passphrase for the key").await?),
        };
        let (key, text) = super::blocking(move || SecretKey::make(passphrase.as_ref())).await?;
        write_new(&self.file, text.expose_secret().as_bytes(), 0o600)?;
        write_new(&public_file, key.public().to_text().as_bytes(), 0o644).inspect_err(|_| {
            let _ = std::fs::remove_file(&self.file);
        })?;
        let public = key.public();
        if json {
            output::print_json(&json!({
                "ok": true, "secret": self.file, "public": public_file, "key": public, "fingerprint": public.fingerprint(),
            }));
            return Ok(ExitCode::SUCCESS);
        }
        output::print_line(&format!(
            "{}: the secret key; keep it, and show it to nobody",
            self.file.display()
        ));
        output::print_line(&format!("{}: the public key, {}", public_file.display(), public.fingerprint()));
        Ok(ExitCode::SUCCESS)
    }
}

/// Reads the file of a secret key; asks for its passphrase where it has one.
pub(super) async fn read(file: &Path) -> Result<SecretKey> {
    core_dumps::forbid();
    let text = std::fs::read_to_string(file).map_err(|error| {
        let kind = match error.kind() {
            std::io::ErrorKind::NotFound => ErrorKind::NotFound,
            _ => ErrorKind::Io,
        };
        Error::new(kind, format!("the key {} cannot be read: {error}", file.display()))
            .with_hint("`nexus plugin key FILE` makes one")
            .with_source(error)
    })?;
    let passphrase = match SecretKey::is_encrypted(&text) {
        false => None,
        true => match account::given_passphrase().await? {
            Some(given) => Some(given),
            None => Some(secret::ask(&format!("Passphrase for {}", file.display())).await?),
        },
    };
    super::blocking(move || SecretKey::from_text(&text.into(), passphrase.as_ref())).await
}

fn with_pub(file: &Path) -> PathBuf {
    let mut name = file.as_os_str().to_owned();
    name.push(".pub");
    PathBuf::from(name)
}

fn write_new(file: &Path, bytes: &[u8], mode: u32) -> Result<()> {
    let mut options = std::fs::File::options();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, mode);
    #[cfg(not(unix))]
    let _ = mode;
    let written =
        options.open(file).and_then(|mut file| file.write_all(bytes).and_then(|()| file.sync_all()));
    written.map_err(|error| match error.kind() {
        std::io::ErrorKind::AlreadyExists => exists(file),
        _ => Error::new(ErrorKind::Io, format!("{} cannot be written: {error}", file.display()))
            .with_hint("check the folder, or name another file")
            .with_source(error),
    })
}

/// A key that is overwritten is lost, and with it everybody who believes it.
fn exists(file: &Path) -> Error {
    Error::new(ErrorKind::Conflict, format!("{} is there already", file.display()))
        .with_hint("name another file; a key is never overwritten")
}
