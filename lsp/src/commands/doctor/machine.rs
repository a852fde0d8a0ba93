//! What does not depend on OpenCode: programs, folders, proxies, the terminal, the clock, certificates.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use opencode_nexus::server::cache_dir;

use super::Check;

/// A program that does not say its version within this is broken.
const BOUND: Duration = Duration::from_secs(10);
/// An unpacked server and its archive.
const SPACE_NEEDED: u64 = 600 * 1024 * 1024;
/// 2025-01-01: this program is younger.
const OLDEST_CLOCK: u64 = 1_735_689_600;

pub(super) async fn checks() -> Vec<Check> {
    let mut checks = vec![
        program("git", "apt-get install git, or https://git-scm.com/downloads").await,
        program("npm", "apt-get install npm, or https://nodejs.org: it installs OpenCode").await,
        home(),
    ];
    checks.extend(folders());
    checks.extend([proxies(), terminal(), clock(), certificates()]);
    checks
}

/// The version of a program that others of ours run.
async fn program(name: &'static str, install: &str) -> Check {
    let mut command = tokio::process::Command::new(name);
    command.arg("--version").stdin(Stdio::null()).kill_on_drop(true);
    match tokio::time::timeout(BOUND, command.output()).await {
        Ok(Ok(output)) if output.status.success() => {
            let text = String::from_utf8_lossy(&output.stdout);
            Check::ok(name, text.lines().next().unwrap_or_default().trim().to_owned())
        }
        Ok(Ok(output)) => {
            Check::fail(name, format!("ends with {}", output.status), format!("install it anew: {install}"))
        }
        Ok(Err(_)) => Check::fail(name, "not found on PATH", format!("install it: {install}")),
        Err(_) => {
            Check::fail(name, "does not say its version within 10 s", format!("install it anew: {install}"))
        }
    }
}

fn home() -> Check {
    match std::env::var_os("HOME").or_else(|| std::env::var_os("USERPROFILE")).map(PathBuf::from) {
        Some(home) if home.is_dir() => Check::ok("home", home.display().to_string()),
        Some(home) => {
            Check::fail("home", format!("{} does not exist", home.display()), "set HOME to your folder")
        }
        None => Check::fail("home", "HOME is not set", "set HOME to your folder"),
    }
}

/// The folders in which we and OpenCode keep things.
fn folders() -> Vec<Check> {
    let xdg = |variable: &str, below: &str| {
        std::env::var_os(variable)
            .map(PathBuf::from)
            .filter(|path| path.is_absolute())
            .or_else(|| std::env::var_os("HOME").map(|home| PathBuf::from(home).join(below)))
    };
    let cache = match cache_dir() {
        Ok(path) => folder("cache", &path, true),
        Err(error) => {
            Check::fail("cache", error.message().to_owned(), error.hint().unwrap_or("set XDG_CACHE_HOME"))
        }
    };
    let mut checks = vec![cache];
    for (name, variable, below) in
        [("state", "XDG_STATE_HOME", ".local/state"), ("config", "XDG_CONFIG_HOME", ".config")]
    {
        checks.extend(xdg(variable, below).map(|path| folder(name, &path.join("opencode-nexus"), false)));
    }
    checks
}

/// Whether we may write there, and for the cache whether a server fits.
fn folder(name: &'static str, path: &Path, large: bool) -> Check {
    // What is missing is made when it is needed; what counts is the first folder that is there.
    let Some(there) = path.ancestors().find(|p| p.exists()) else {
        return Check::fail(
            name,
            format!("{} cannot be made", path.display()),
            "set HOME to a folder of yours",
        );
    };
    if let Err(error) = tempfile_in(there) {
        let fix = format!("make it yours: sudo chown -R \"$USER\" '{}'", there.display());
        return Check::fail(name, format!("{} cannot be written to: {error}", there.display()), fix);
    }
    match free_space(there) {
        Some(free) if large && free < SPACE_NEEDED => Check::warn(
            name,
            format!("{}, {} MB free; a server needs {} MB", path.display(), free >> 20, SPACE_NEEDED >> 20),
            "free some space, or set XDG_CACHE_HOME to another disk",
        ),
        Some(free) => Check::ok(name, format!("{}, {} MB free", path.display(), free >> 20)),
        None => Check::ok(name, path.display().to_string()),
    }
}

/// Writes a file and removes it: rights and read-only disks show only so.
fn tempfile_in(folder: &Path) -> std::io::Result<()> {
    let path = folder.join(format!(".nexus-doctor-{}", std::process::id()));
    std::fs::OpenOptions::new().write(true).create_new(true).open(&path)?;
    std::fs::remove_file(path)
}

#[cfg(unix)]
fn free_space(path: &Path) -> Option<u64> {
    use std::os::unix::ffi::OsStrExt as _;
    let path = std::ffi::CString::new(path.as_os_str().as_bytes()).ok()?;
    // SAFETY: a zeroed statvfs is valid, the path ends with a zero byte, and both live through the call.
    let (result, stat) = unsafe {
        let mut stat: libc::statvfs = std::mem::zeroed();
        (libc::statvfs(path.as_ptr(), &raw mut stat), stat)
    };
    #[allow(clippy::unnecessary_cast)] // the fields are of different sizes on different systems
    (result == 0).then(|| (stat.f_bavail as u64).saturating_mul(stat.f_frsize as u64))
}

#[cfg(not(unix))]
fn free_space(_: &Path) -> Option<u64> {
    None
}

/// Proxies are followed, but a server on this machine must not be asked through one.
fn proxies() -> Check {
    let set: Vec<&str> = ["HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy"]
        .into_iter()
        .filter(|name| std::env::var_os(name).is_some_and(|value| !value.is_empty()))
        .collect();
    if set.is_empty() {
        return Check::ok("proxy", "none");
    }
    let except = std::env::var("NO_PROXY").or_else(|_| std::env::var("no_proxy")).unwrap_or_default();
    // The addresses may hold passwords, so only the names are told.
    let what = format!("{} set", set.join(", "));
    if except.contains("127.0.0.1") && except.contains("localhost") {
        return Check::ok("proxy", what);
    }
    Check::warn(
        "proxy",
        format!("{what}; other programs may ask the local server through it"),
        "export NO_PROXY=\"$NO_PROXY,127.0.0.1,localhost\"",
    )
}

fn terminal() -> Check {
    use std::io::IsTerminal as _;
    let variable = |name: &str| std::env::var(name).unwrap_or_default();
    let locale = ["LC_ALL", "LC_CTYPE", "LANG"].into_iter().map(variable).find(|value| !value.is_empty());
    let locale = locale.unwrap_or_else(|| "no locale".to_owned());
    let lower = locale.to_lowercase();
    let utf8 = lower.contains("utf-8") || lower.contains("utf8");
    let (term, shown) = (variable("TERM"), std::io::stdout().is_terminal());
    let colours = crate::output::colours() && term != "dumb";
    let what = format!(
        "{}, {}, {}, {locale}",
        if shown { "a terminal" } else { "no terminal" },
        if term.is_empty() { "TERM not set" } else { &term },
        if colours { "colours" } else { "no colours" },
    );
    if cfg!(unix) && !utf8 {
        return Check::warn("terminal", format!("{what}; only ASCII is shown"), "export LC_ALL=C.UTF-8");
    }
    Check::ok("terminal", what)
}

fn clock() -> Check {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map(|time| time.as_secs()).unwrap_or_default();
    if now < OLDEST_CLOCK {
        return Check::fail(
            "clock",
            "the clock is years behind: certificates and identifiers will not work",
            "timedatectl set-ntp true",
        );
    }
    // A mean year of the Gregorian calendar; nobody needs the day to see whether a clock is wrong.
    Check::ok("clock", format!("it is {}", 1970 + now / 31_556_952))
}

/// The certificates that the system trusts; without them nothing but servers on this machine can be reached.
fn certificates() -> Check {
    if !cfg!(target_os = "linux") {
        return Check::ok("certificates", "those of the system");
    }
    if let Some(file) = std::env::var_os("SSL_CERT_FILE").map(PathBuf::from) {
        return match file.is_file() {
            true => Check::ok("certificates", format!("{} (SSL_CERT_FILE)", file.display())),
            false => Check::fail(
                "certificates",
                format!("SSL_CERT_FILE names {}, which is not there", file.display()),
                "unset SSL_CERT_FILE",
            ),
        };
    }
    let places = [
        "/etc/ssl/certs/ca-certificates.crt",
        "/etc/pki/tls/certs/ca-bundle.crt",
        "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",
        "/etc/ssl/ca-bundle.pem",
        "/etc/ssl/cert.pem",
    ];
    match places.into_iter().find(|place| Path::new(place).is_file()) {
        Some(place) => Check::ok("certificates", place),
        None => Check::warn(
            "certificates",
            "no bundle of trusted certificates was found; only servers on this machine can be reached",
            "apt-get install ca-certificates",
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::super::State;
    use super::*;

    #[test]
    fn a_folder_that_is_missing_is_fine_when_it_can_be_made() {
        let root = tempfile::tempdir().unwrap();
        let check = folder("cache", &root.path().join("a/b/c"), false);
        assert_eq!(check.state, State::Ok, "{check:?}");
        assert!(check.what.contains("MB free"), "{check:?}");
        assert_eq!(std::fs::read_dir(root.path()).unwrap().count(), 0, "looking leaves nothing behind");
    }

    #[test]
    fn a_folder_that_is_a_file_cannot_be_written_to() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let check = folder("state", file.path(), false);
        assert_eq!(check.state, State::Fail, "{check:?}");
        assert!(check.fix.is_some());
    }
}
