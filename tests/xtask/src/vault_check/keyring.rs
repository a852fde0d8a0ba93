//! A real Secret Service in every state: a gnome-keyring of our own on a bus of its own, with a home of its own.
//!
//! The worker runs below `dbus-run-session`; it starts, locks, stops and ends the keyring's process, and tells each check
//! on a line.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use nexus_vault::{
    Backend, Error, ErrorKind, Keyring, KeyringState, NewSlot, SecretString, Unlock, Vault, Warning,
};

use super::process::{Worker, command};
use super::report::{Checked, Report, because, is_kind};
use super::story::{CHEAP, PASSPHRASE, options_with, slot, with_passphrase};

const SERVICE: &str = "nexus-vault-check";
/// What each call is given, and a second for everything else.
const BOUND: Duration = Duration::from_secs(4);
/// How long the keyring's process may take to appear.
const START: Duration = Duration::from_secs(15);

const TOOLS: &[(&str, &str)] =
    &[("dbus-run-session", "dbus"), ("gnome-keyring-daemon", "gnome-keyring"), ("gdbus", "libglib2.0-bin")];

/// A bus that starts nobody by itself: an absent keyring must stay absent.
const BUS: &str = r#"<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig>
  <type>session</type>
  <listen>unix:tmpdir=/tmp</listen>
  <auth>EXTERNAL</auth>
  <policy context="default">
    <allow send_destination="*" eavesdrop="true"/>
    <allow eavesdrop="true"/>
    <allow own="*"/>
  </policy>
</busconfig>
"#;

/// Starts the worker on its bus and counts what it tells.
pub fn run(report: &mut Report) -> Result<(), String> {
    for (tool, package) in TOOLS {
        let path = std::env::var_os("PATH").unwrap_or_default();
        if !std::env::split_paths(&path).any(|folder| folder.join(tool).exists()) {
            return Err(format!("{tool} is missing on this machine; apt-get install -y {package}"));
        }
    }
    let folder = tempfile::tempdir().map_err(because("a folder"))?;
    let bus = folder.path().join("bus.conf");
    std::fs::write(&bus, BUS).map_err(because("the bus"))?;
    let inner = command("keyring", &folder.path().join("vault"), &[])?;
    let mut outer = Command::new("dbus-run-session");
    outer.arg("--config-file").arg(&bus).arg("--").arg(inner.get_program()).args(inner.get_args());
    // A socket's path is short, so the folder for it is no deep one.
    outer.env("HOME", folder.path()).env("XDG_RUNTIME_DIR", folder.path()).env_remove("DISPLAY");
    outer.env_remove("WAYLAND_DISPLAY").env_remove("XDG_DATA_HOME").env_remove("DBUS_SESSION_BUS_ADDRESS");
    let noise = folder.path().join("standard-error");
    outer.stderr(std::fs::File::create(&noise).map_err(because("a file"))?);
    let (lines, well) = Worker::of(outer)?.finish()?;
    let mut ended = false;
    for line in &lines {
        match line.split_once('\t') {
            Some(("ok", name)) => report.told(name, Ok(())),
            Some((why, name)) => report.told(name, Err(why.to_owned())),
            None => ended |= line == "end",
        }
    }
    if !(ended && well) {
        report
            .told("all states of the keyring were reached", Err(format!("the worker ended after {lines:?}")));
    }
    Ok(())
}

/// What the worker does.
pub fn work(folder: &Path) -> Result<(), String> {
    let mut session = Session::new(folder)?;
    let mut tell = |name: &str, check: &mut dyn FnMut(&mut Session) -> Checked| {
        let done = check(&mut session).map_err(|why| why.replace(['\t', '\n'], " "));
        println!("{}\tkeyring {name}", done.err().unwrap_or_else(|| "ok".to_owned()));
    };
    tell("without anybody on the bus: absent, and the passphrase opens", &mut |s| {
        s.is_state(KeyringState::Absent)?;
        s.fails(ErrorKind::KeyringAbsent)
    });
    tell("unlocked: makes, keeps and opens", &mut Session::unlocked);
    tell("unlocked: passphrase and keyring open only together", &mut Session::both);
    tell("of another kind: said, and never fallen back from", &mut Session::changed);
    tell("of a vault that went back in time: a warning", &mut Session::rolled_back);
    tell("locked: said, and the passphrase opens", &mut |s| {
        s.lock()?;
        s.is_state(KeyringState::Locked)?;
        s.fails(ErrorKind::KeyringLocked)
    });
    tell("unlocked again: opens", &mut |s| {
        s.restart()?;
        s.opens(Unlock::Keyring).map(drop)
    });
    tell("hung: bounded, and the passphrase opens", &mut |s| {
        s.signal(libc::SIGSTOP)?;
        let done = s.is_state(KeyringState::Hung).and_then(|()| s.fails(ErrorKind::KeyringHung));
        let again = timed(|| s.fails(ErrorKind::KeyringHung));
        s.signal(libc::SIGCONT)?;
        done.and(again)
    });
    tell("that goes on after it hung: opens", &mut |s| {
        until("the keyring answers again", || s.keyring.state() == KeyringState::Unlocked)?;
        s.opens(Unlock::Keyring).map(drop)
    });
    tell("without the entry: said, and the passphrase opens", &mut |s| {
        s.forget()?;
        s.fails(ErrorKind::KeyringEmpty)
    });
    tell("that ended: absent, and the passphrase opens", &mut |s| {
        s.end()?;
        until("the keyring is gone", || s.keyring.state() == KeyringState::Absent)?;
        s.fails(ErrorKind::KeyringAbsent)
    });
    tell("without a bus: absent, and the passphrase opens", &mut |s| {
        // SAFETY: calls to the keyring have ended, and no other thread of this process reads the environment.
        unsafe { std::env::set_var("DBUS_SESSION_BUS_ADDRESS", "unix:path=/nonexistent/bus") };
        s.is_state(KeyringState::Absent)?;
        s.fails(ErrorKind::KeyringAbsent)
    });
    println!("end");
    Ok(())
}

struct Session {
    folder: PathBuf,
    keyring: Keyring,
    daemon: Option<Child>,
}

impl Session {
    /// A vault with a passphrase; there is no keyring yet.
    fn new(folder: &Path) -> Result<Self, String> {
        let keyring = Keyring::new(Backend::SecretService, SERVICE);
        Vault::create(folder, slot(), options_with(keyring.clone()))
            .map_err(because("creating"))?
            .vault
            .lock();
        Ok(Self { folder: folder.to_owned(), keyring, daemon: None })
    }

    /// Starts the keyring with its collection unlocked.
    fn start(&mut self) -> Checked {
        let mut daemon = Command::new("gnome-keyring-daemon");
        daemon.args(["--foreground", "--unlock", "--components=secrets"]);
        daemon.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
        let mut child = daemon.spawn().map_err(because("gnome-keyring-daemon"))?;
        if let Some(mut input) = child.stdin.take() {
            input.write_all(b"made-up password of the keyring").map_err(because("the keyring's password"))?;
        }
        self.daemon = Some(child);
        until("the keyring is there", || self.keyring.state() == KeyringState::Unlocked)
    }

    fn end(&mut self) -> Checked {
        let Some(mut daemon) = self.daemon.take() else { return Ok(()) };
        daemon.kill().and_then(|()| daemon.wait()).map(drop).map_err(because("ending the keyring"))
    }

    fn restart(&mut self) -> Checked {
        self.end()?;
        self.start()
    }

    fn signal(&self, signal: i32) -> Checked {
        let pid = self.daemon.as_ref().ok_or("there is no keyring")?.id();
        // SAFETY: the process is a child of ours that was not waited for, so the number is its.
        match unsafe { libc::kill(pid as i32, signal) } {
            0 => Ok(()),
            _ => Err(std::io::Error::last_os_error().to_string()),
        }
    }

    fn lock(&self) -> Checked {
        self.call(&[
            "/org/freedesktop/secrets",
            "--method",
            "org.freedesktop.Secret.Service.Lock",
            "[objectpath '/org/freedesktop/secrets/collection/login']",
        ])
        .map(drop)
    }

    fn call(&self, arguments: &[&str]) -> Result<String, String> {
        let mut gdbus = Command::new("gdbus");
        gdbus
            .args(["call", "--session", "--dest", "org.freedesktop.secrets", "--object-path"])
            .args(arguments);
        let output = gdbus.output().map_err(because("gdbus"))?;
        match output.status.success() {
            true => Ok(String::from_utf8_lossy(&output.stdout).into_owned()),
            false => Err(format!("gdbus: {}", String::from_utf8_lossy(&output.stderr).trim())),
        }
    }

    /// Deletes every entry of the collection, as a person might in an application for keyrings.
    fn forget(&self) -> Checked {
        let answer = self.call(&[
            "/org/freedesktop/secrets/collection/login",
            "--method",
            "org.freedesktop.DBus.Properties.Get",
            "org.freedesktop.Secret.Collection",
            "Items",
        ])?;
        let items: Vec<&str> = answer.split('\'').filter(|piece| piece.starts_with("/org/")).collect();
        if items.is_empty() {
            return Err("there is no entry to delete".to_owned());
        }
        items.into_iter().try_for_each(|item| {
            self.call(&[item, "--method", "org.freedesktop.Secret.Item.Delete"]).map(drop)
        })
    }

    fn unlock(&self, with: Unlock) -> Result<Vault, Error> {
        Vault::unlock(&self.folder, with, options_with(self.keyring.clone()))
    }

    fn opens(&self, with: Unlock) -> Result<Vault, String> {
        self.unlock(with).map_err(because("opening"))
    }

    fn is_state(&self, expected: KeyringState) -> Checked {
        let mut state = KeyringState::Unlocked;
        timed(|| {
            state = self.keyring.state();
            Ok(())
        })?;
        if state == expected { Ok(()) } else { Err(format!("it is {state:?}")) }
    }

    /// Opening by the keyring ends in time with this error, and the passphrase opens all the same.
    fn fails(&self, kind: ErrorKind) -> Checked {
        let opened = timed(|| is_kind(self.unlock(Unlock::Keyring), no_slot_or(kind, &self.folder)?));
        let passphrase = timed(|| self.opens(with_passphrase()).map(|vault| vault.lock()));
        let got = timed(|| match kind {
            // A locked keyring says as well that it has no entry of a name; only a secret is kept back.
            ErrorKind::KeyringEmpty | ErrorKind::KeyringLocked => Ok(()),
            _ => is_kind(self.keyring.get("anything"), kind),
        });
        opened.and(passphrase).and(got)
    }

    fn unlocked(&mut self) -> Checked {
        self.start()?;
        let vault = self.opens(with_passphrase())?;
        timed(|| vault.add_slot(NewSlot::Keyring).map(drop).map_err(because("adding a slot")))?;
        vault.lock();
        timed(|| self.opens(Unlock::Keyring).map(|vault| vault.lock()))
    }

    fn both(&mut self) -> Checked {
        let folder = self.folder.with_file_name("both");
        let options = || options_with(self.keyring.clone());
        let new = NewSlot::Both(SecretString::from(PASSPHRASE), CHEAP);
        Vault::create(&folder, new, options()).map_err(because("creating"))?.vault.lock();
        let both = Unlock::Both(SecretString::from(PASSPHRASE));
        Vault::unlock(&folder, both, options()).map_err(because("opening"))?.lock();
        let wrong = Unlock::Both(SecretString::from("another one"));
        is_kind(Vault::unlock(&folder, wrong, options()), ErrorKind::WrongKey)?;
        is_kind(Vault::unlock(&folder, with_passphrase(), options()), ErrorKind::InvalidInput)
    }

    fn changed(&mut self) -> Checked {
        let kernel = options_with(Keyring::new(Backend::Kernel, SERVICE));
        is_kind(Vault::unlock(&self.folder, Unlock::Keyring, kernel), ErrorKind::KeyringChanged)
    }

    fn rolled_back(&mut self) -> Checked {
        let (now, before) = (self.folder.clone(), self.folder.with_file_name("before"));
        copy(&now, &before)?;
        for _ in 0..3 {
            let vault = self.opens(Unlock::Keyring)?;
            if vault.warnings().contains(&Warning::RolledBack) {
                return Err("a warning before anything was put back".to_owned());
            }
            vault.lock();
        }
        std::fs::remove_dir_all(&now)
            .and_then(|()| std::fs::rename(&before, &now))
            .map_err(because("moving"))?;
        let vault = self.opens(Unlock::Keyring)?;
        let warned = vault.warnings().contains(&Warning::RolledBack);
        vault.lock();
        if warned { Ok(()) } else { Err("no warning".to_owned()) }
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        // Its end is the end of the bus as well.
        let _ = self.end();
    }
}

/// Before the first slot of the keyring is made, that is what is said.
fn no_slot_or(kind: ErrorKind, folder: &Path) -> Result<ErrorKind, String> {
    let slots = Vault::describe(folder).map_err(because("looking"))?.slots;
    let has = slots.iter().any(|slot| slot.backend.is_some());
    Ok(if has { kind } else { ErrorKind::InvalidInput })
}

fn copy(from: &Path, to: &Path) -> Checked {
    std::fs::create_dir_all(to).map_err(because("a folder"))?;
    for entry in std::fs::read_dir(from).map_err(because("a folder"))?.flatten() {
        std::fs::copy(entry.path(), to.join(entry.file_name())).map_err(because("copying"))?;
    }
    Ok(())
}

/// Fails when something takes longer than it may.
fn timed(work: impl FnOnce() -> Checked) -> Checked {
    let started = Instant::now();
    let done = work();
    let took = started.elapsed();
    if took > BOUND { Err(format!("it took {:.1} s", took.as_secs_f64())) } else { done }
}

fn until(what: &str, mut is_so: impl FnMut() -> bool) -> Checked {
    let started = Instant::now();
    while !is_so() {
        if started.elapsed() > START {
            return Err(format!("waited too long until {what}"));
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    Ok(())
}
