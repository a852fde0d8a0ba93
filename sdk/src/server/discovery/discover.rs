//! The background server of OpenCode 2 that runs already, found by the file that it leaves about itself.
//!
//! Only a server that was started as the service (`opencode service start`, which runs `opencode serve --service`)
//! writes that file and removes it when it ends; a plain `opencode serve` has none (2.0.14, seen). A server that was
//! killed leaves its file behind, and then any other program may listen at the port: so nothing is said there unless a
//! process with the file's number lives and is ours, and nothing is believed before the server itself has confirmed it.

use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::Deserialize;
use url::{Host, Url};

use crate::server::run::ready;
use crate::transport::{Credentials, Secret};
use crate::{Error, ErrorKind, Result};

/// The user of every server of OpenCode 2.
const USER: &str = "opencode";
/// The file is below 300 bytes.
const FILE_BYTES: u64 = 64 * 1024;
/// A server that runs answers in milliseconds.
const BOUND: Duration = Duration::from_secs(2);

/// Where to look for the file of a running server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DiscoverOptions {
    /// The folder of the program below the one for state; builds of others have their own. Default `opencode`.
    pub folder: String,
    /// The folder for state. Default (`None`): `$XDG_STATE_HOME`, else `.local/state` in the home.
    pub state_home: Option<PathBuf>,
}

impl Default for DiscoverOptions {
    fn default() -> Self {
        Self { folder: "opencode".to_owned(), state_home: None }
    }
}

/// A server that runs and has confirmed what its file says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunningServer {
    /// The base URL, without a slash at the end and without the password.
    pub address: String,
    /// Its version.
    pub version: String,
    /// Its process.
    pub pid: u32,
    /// Its password, not shown by `Debug`.
    pub password: Secret,
}

impl RunningServer {
    /// What the server wants to hear from a client.
    pub fn credentials(&self) -> Credentials {
        Credentials { user: USER.to_owned(), password: self.password.clone() }
    }
}

/// What the server writes about itself. It has an `id` too, which nothing else tells, so that it confirms nothing.
#[derive(Deserialize)]
struct Service {
    version: String,
    url: String,
    pid: u32,
    #[serde(deserialize_with = "secret")]
    password: Secret,
}

fn secret<'de, D: serde::Deserializer<'de>>(deserializer: D) -> std::result::Result<Secret, D::Error> {
    String::deserialize(deserializer).map(Secret::new)
}

/// Looks for the background server of OpenCode 2 that runs on this machine for this person. `None` when there is no
/// file, or when it is a left-over: its process is gone or belongs to somebody else, or what answers at its address
/// within 2 s is not that process in that version.
///
/// ```no_run
/// use opencode_nexus::Client;
/// use opencode_nexus::server::{DiscoverOptions, discover};
///
/// # async fn story() -> opencode_nexus::Result<()> {
/// if let Some(server) = discover(&DiscoverOptions::default()).await? {
///     let client = Client::builder(&server.address).credentials(server.credentials()).connect().await?;
///     println!("{}", client.server().version);
/// }
/// # Ok(())
/// # }
/// ```
///
/// # Errors
/// `security.forbidden` when others may read or write the file or own it, or its address is not on this machine: whoever
/// wrote it could want our words. `system.protocol` when it is not such a file, `system.io` when it cannot be read, and
/// `user.configuration` when there is no home to look in.
pub async fn discover(options: &DiscoverOptions) -> Result<Option<RunningServer>> {
    let path = state_home(options)?.join(&options.folder).join("service.json");
    let Some(service) = read(&path).map_err(|e| e.with_operation("server.discover"))? else {
        return Ok(None);
    };
    let host = loopback(&service.url).ok_or_else(|| {
        let message = format!("{} names an address that is not on this machine", path.display());
        Error::new(ErrorKind::Forbidden, message)
            .with_operation("server.discover")
            .with_hint("OpenCode does not write that; remove the file, and start the service again")
    })?;
    let confirmed = is_ours(service.pid) && confirms(&host, &service).await;
    if !confirmed {
        tracing::debug!(pid = service.pid, "the file of a background server is a left-over");
        return Ok(None);
    }
    let Service { version, url: _, pid, password } = service;
    Ok(Some(RunningServer { address: format!("http://{host}"), version, pid, password }))
}

fn state_home(options: &DiscoverOptions) -> Result<PathBuf> {
    let set = |key: &str| std::env::var_os(key).map(PathBuf::from).filter(|p| p.is_absolute());
    options
        .state_home
        .clone()
        .or_else(|| set("XDG_STATE_HOME"))
        .or_else(|| set(if cfg!(windows) { "USERPROFILE" } else { "HOME" }).map(|h| h.join(".local/state")))
        .ok_or_else(|| {
            Error::new(ErrorKind::Configuration, "there is no folder for state").with_hint("set HOME")
        })
}

fn read(path: &Path) -> Result<Option<Service>> {
    let file = match open(path) {
        Ok(file) => file,
        Err(error)
            if matches!(error.kind(), std::io::ErrorKind::NotFound | std::io::ErrorKind::NotADirectory) =>
        {
            return Ok(None);
        }
        Err(error) => return Err(unreadable(path, error)),
    };
    // Of the file that is open, so that nobody can change it in between.
    check(path, &file)?;
    let mut text = zeroize::Zeroizing::new(Vec::new());
    file.take(FILE_BYTES).read_to_end(&mut text).map_err(|error| unreadable(path, error))?;
    // What the decoder says is not passed on: it may quote the file.
    serde_json::from_slice(&text).map(Some).map_err(|_| {
        Error::new(ErrorKind::Protocol, format!("{} does not describe a running server", path.display()))
            .with_hint("restart the service: opencode service restart")
    })
}

fn unreadable(path: &Path, error: std::io::Error) -> Error {
    Error::new(ErrorKind::Io, format!("cannot read {}: {error}", path.display()))
        .with_hint("it must be a file that belongs to you and that you may read")
        .with_source(error)
}

fn open(path: &Path) -> std::io::Result<File> {
    let mut options = File::options();
    options.read(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt as _;
        // A pipe of that name would be waited for.
        options.custom_flags(libc::O_NONBLOCK);
    }
    options.open(path)
}

/// Whether the file can be believed: it has a password in it, and it says to whom we shall talk.
fn check(path: &Path, file: &File) -> Result<()> {
    let meta = file.metadata().map_err(|error| unreadable(path, error))?;
    let refused =
        |why: &str| Error::new(ErrorKind::Forbidden, format!("{} is not trusted: {why}", path.display()));
    if !meta.is_file() {
        return Err(refused("it is not a file").with_hint("remove it, and start the service again"));
    }
    #[cfg(unix)]
    {
        use std::os::unix::fs::MetadataExt as _;
        // SAFETY: geteuid has no memory effects and cannot fail.
        if meta.uid() != unsafe { libc::geteuid() } {
            return Err(refused("it belongs to another user").with_hint("run as the user whose server it is"));
        }
        if meta.mode() & 0o077 != 0 {
            return Err(refused("other users may open it, and a password is in it").with_hint(format!(
                "chmod 600 {}; then give the server a new password, because others may know this one",
                path.display()
            )));
        }
    }
    Ok(())
}

/// Host and port of an address that cannot leave this machine.
fn loopback(address: &str) -> Option<String> {
    let url = Url::parse(address).ok().filter(|url| url.scheme() == "http" && url.password().is_none())?;
    let here = match url.host()? {
        Host::Ipv4(ip) => ip.is_loopback(),
        Host::Ipv6(ip) => ip.is_loopback(),
        Host::Domain(name) => name == "localhost",
    };
    here.then(|| Some(format!("{}:{}", url.host_str()?, url.port_or_known_default()?)))?
}

/// Whether such a process lives and is ours.
#[cfg(unix)]
fn is_ours(pid: u32) -> bool {
    // Zero and negative numbers mean groups.
    // SAFETY: signal 0 is never sent, it only asks whether it could be.
    libc::pid_t::try_from(pid).is_ok_and(|pid| pid > 0 && unsafe { libc::kill(pid, 0) } == 0)
}

#[cfg(not(unix))]
fn is_ours(_pid: u32) -> bool {
    true
}

async fn confirms(host: &str, service: &Service) -> bool {
    let authorization = ready::basic(USER, service.password.expose());
    let asked = ready::get(host, "/api/info", Some(&authorization));
    let Ok(Some(info)) = tokio::time::timeout(BOUND, asked).await else { return false };
    let (pid, version) =
        (info.get("pid").and_then(|v| v.as_u64()), info.get("version").and_then(|v| v.as_str()));
    pid == Some(service.pid.into()) && version == Some(service.version.as_str())
}

#[cfg(test)]
#[path = "discover_tests.rs"]
mod tests;
