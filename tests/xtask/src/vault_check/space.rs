//! Disks that are full, cannot be written, or fail in the middle.

use std::path::{Path, PathBuf};
use std::process::Command;

use nexus_vault::{ErrorKind, Vault};

use super::hostile::{Bound, limit};
use super::process::{Worker, command};
use super::report::{Checked, Report, because, is_kind};
use super::story::{Model, Step, Theme, options, slot, with_passphrase};
use super::worker::{open, recovery_file};

/// Which write to the database fails, of all of a process.
const FAILING: std::ops::RangeInclusive<usize> = 1..=32;

pub fn run(report: &mut Report, seed: u64) {
    for kib in [900, 1_000, 1_100] {
        let name = format!("a disk of {kib} KiB becomes full, is given space, and becomes full again");
        report.check_with(&name, |report| full_disk(report, seed, kib));
    }
    report.check_with("a file that may not grow any more is a clear error, and nothing is lost", |report| {
        bounded_file(report, seed)
    });
    report.check("a folder that cannot be written is a clear error", read_only);
    report.check_with("the disk fails at each write and each flush of the database", |report| {
        failing_disk(report, seed)
    });
}

/// A vault that is open nowhere, in a folder.
fn new(folder: &Path) -> Result<PathBuf, String> {
    let vault = folder.join("vault");
    let created = Vault::create(&vault, slot(), options()).map_err(because("creating"))?;
    std::fs::write(recovery_file(&vault), created.recovery.expose()).map_err(because("recovery"))?;
    created.vault.lock();
    Ok(vault)
}

/// What the story's first steps lead to, and how many there were.
struct Told {
    model: Model,
    next: u64,
    /// The line that was no acknowledgement.
    error: Option<String>,
}

impl Told {
    fn new() -> Self {
        Self { model: Model::default(), next: 0, error: None }
    }

    /// Reads acknowledgements until there is something else, or the end.
    fn read(&mut self, worker: &mut Worker, seed: u64) -> Checked {
        self.error = None;
        while let Some(line) = worker.line()? {
            match line.strip_prefix("ok ").and_then(|number| number.parse::<u64>().ok()) {
                Some(number) if number == self.next => self.step(seed),
                Some(number) => return Err(format!("{number} was acknowledged in place of {}", self.next)),
                None if line == "open" => {}
                None => {
                    self.error = Some(line);
                    break;
                }
            }
        }
        Ok(())
    }

    fn step(&mut self, seed: u64) {
        let step = Step::new(Theme::Append, seed, self.next, &self.model);
        self.model.apply(&step);
        self.next += 1;
    }

    /// Everything acknowledged must be there, perhaps with the step that failed, and the vault be sound.
    fn compare(&mut self, report: &mut Report, vault: &Vault, seed: u64) -> Checked {
        let found = Model::read(vault).map_err(because("reading"))?;
        let problems = vault.check(&mut |_, _| {}).map_err(because("checking"))?.problems;
        if let Some(problem) = problems.first() {
            return Err(problem.clone());
        }
        let before = self.model.clone();
        if found == before {
            return Ok(());
        }
        self.step(seed);
        if found == self.model {
            return Ok(());
        }
        report.lost += 1;
        Err(format!("after {} steps: {}", self.next - 1, before.difference(&found)))
    }
}

/// A file system in memory, for as long as this lives.
struct Disk(PathBuf);

impl Disk {
    fn mount(at: &Path, kib: u64) -> Result<Self, String> {
        std::fs::create_dir_all(at).map_err(because("a folder"))?;
        mount(&["-t", "tmpfs", "-o", &format!("size={kib}k"), "nexus-check"], at)?;
        Ok(Self(at.to_owned()))
    }

    fn again(&self, options: &str) -> Checked {
        mount(&["-o", &format!("remount,{options}")], &self.0)
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        // Lazily: whatever still holds a file of it is ending.
        let _ = Command::new("umount").arg("-l").arg(&self.0).status();
    }
}

fn mount(arguments: &[&str], at: &Path) -> Checked {
    let output = Command::new("mount").args(arguments).arg(at).output().map_err(because("mount"))?;
    match output.status.success() {
        true => Ok(()),
        false => Err(format!("mount: {}", String::from_utf8_lossy(&output.stderr).trim())),
    }
}

/// Only root may mount.
fn is_root() -> bool {
    // SAFETY: this call has no preconditions.
    unsafe { libc::geteuid() == 0 }
}

fn full_disk(report: &mut Report, seed: u64, kib: u64) -> Checked {
    if !is_root() {
        // The bound on a file's size shows the same to everybody else.
        return bounded_file(report, seed ^ kib);
    }
    let folder = tempfile::tempdir().map_err(because("a folder"))?;
    let disk = Disk::mount(&folder.path().join("disk"), kib)?;
    let vault = new(&disk.0)?;
    let mut worker = Worker::start("append", &vault, &[&seed.to_string(), "0"])?;
    let mut told = Told::new();
    for more in [kib + 100, kib + 200] {
        told.read(&mut worker, seed)?;
        let error = told.error.clone().ok_or("it ended by itself")?;
        if !error.starts_with("Full: ") {
            return Err(format!("the full disk is {error:?}"));
        }
        disk.again(&format!("size={more}k"))?;
        worker.say("there is space again")?;
    }
    // Full for the third time, and then killed.
    told.read(&mut worker, seed)?;
    worker.kill()?;
    is_opened_full(&vault)?;
    disk.again("size=64m")?;
    let vault = open(&vault).map_err(because("opening"))?;
    told.compare(report, &vault, seed)?;
    vault.lock();
    Ok(())
}

/// On a full disk a vault opens, or says why not.
fn is_opened_full(vault: &Path) -> Checked {
    match open(vault) {
        Ok(vault) => {
            vault.lock();
            Ok(())
        }
        Err(error) => is_kind::<()>(Err(error), ErrorKind::Full),
    }
}

fn bounded_file(report: &mut Report, seed: u64) -> Checked {
    let folder = tempfile::tempdir().map_err(because("a folder"))?;
    let vault = new(folder.path())?;
    let mut limited = command("append", &vault, &[&seed.to_string(), "0"])?;
    limit(&mut limited, Bound::File, 400 * 1024);
    let mut worker = Worker::of(limited)?;
    let mut told = Told::new();
    told.read(&mut worker, seed)?;
    let error = told.error.clone().ok_or("it ended by itself")?;
    if !error.starts_with("Full: ") && !error.starts_with("Io: ") {
        return Err(format!("the bounded file is {error:?}"));
    }
    worker.kill()?;
    let vault = open(&vault).map_err(because("opening"))?;
    told.compare(report, &vault, seed)?;
    vault.lock();
    Ok(())
}

fn read_only() -> Checked {
    let folder = tempfile::tempdir().map_err(because("a folder"))?;
    let place = folder.path().join("disk");
    std::fs::create_dir_all(&place).map_err(because("a folder"))?;
    // Permissions do not bind root; a file system that is read-only does.
    let disk = if is_root() { Some(Disk::mount(&place, 8_000)?) } else { None };
    let vault = new(&place)?;
    let permit = |mode: u32| {
        use std::os::unix::fs::PermissionsExt as _;
        std::fs::set_permissions(&vault, std::fs::Permissions::from_mode(mode))
            .map_err(because("permissions"))
    };
    match &disk {
        Some(disk) => disk.again("ro")?,
        None => permit(0o500)?,
    }
    let opened = is_kind(Vault::unlock(&vault, with_passphrase(), options()), ErrorKind::ReadOnly);
    let made = is_kind(Vault::create(&vault.join("new"), slot(), options()), ErrorKind::ReadOnly);
    if disk.is_none() {
        permit(0o700)?;
    }
    opened.and(made)
}

/// Takes the place of the calls that write and flush: from a certain one on they fail, or that one alone does.
const SHIM: &str = r#"
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>

static int is_failing(int fd) {
    static long count, at, once;
    static int known;
    char link[64], path[4096];
    int before = errno;
    if (!known) {
        const char *text = getenv("NEXUS_FAIL_AT");
        at = text ? atol(text) : 0;
        once = getenv("NEXUS_FAIL_ONCE") != NULL;
        known = 1;
    }
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t length = readlink(link, path, sizeof path - 1);
    errno = before;
    if (length <= 0) return 0;
    path[length] = 0;
    if (!strstr(path, "/history-")) return 0;
    long now = __atomic_add_fetch(&count, 1, __ATOMIC_SEQ_CST);
    return once ? now == at : now >= at;
}

#define FAIL if (is_failing(fd)) { errno = EIO; return -1; }
#define NEXT(result, name, ...) result (*next)(__VA_ARGS__) = (result (*)(__VA_ARGS__))dlsym(RTLD_NEXT, #name)

ssize_t write(int fd, const void *b, size_t n) { NEXT(ssize_t, write, int, const void *, size_t); FAIL return next(fd, b, n); }
ssize_t pwrite(int fd, const void *b, size_t n, off_t o) { NEXT(ssize_t, pwrite, int, const void *, size_t, off_t); FAIL return next(fd, b, n, o); }
ssize_t pwrite64(int fd, const void *b, size_t n, off64_t o) { NEXT(ssize_t, pwrite64, int, const void *, size_t, off64_t); FAIL return next(fd, b, n, o); }
int fsync(int fd) { NEXT(int, fsync, int); FAIL return next(fd); }
int fdatasync(int fd) { NEXT(int, fdatasync, int); FAIL return next(fd); }
int ftruncate(int fd, off_t o) { NEXT(int, ftruncate, int, off_t); FAIL return next(fd, o); }
int ftruncate64(int fd, off64_t o) { NEXT(int, ftruncate64, int, off64_t); FAIL return next(fd, o); }
"#;

fn failing_disk(report: &mut Report, seed: u64) -> Checked {
    let folder = tempfile::tempdir().map_err(because("a folder"))?;
    let (source, shim) = (folder.path().join("shim.c"), folder.path().join("shim.so"));
    std::fs::write(&source, SHIM).map_err(because("the shim"))?;
    let built = Command::new("cc")
        .args(["-shared", "-fPIC", "-O1", "-o"])
        .arg(&shim)
        .arg(&source)
        .arg("-ldl")
        .output();
    let built = built.map_err(|error| format!("cannot run cc ({error}); apt-get install -y gcc"))?;
    if !built.status.success() {
        return Err(format!("the shim does not build: {}", String::from_utf8_lossy(&built.stderr)));
    }
    let mut reached = 0;
    for at in FAILING {
        for once in [false, true] {
            let place = folder.path().join(format!("{at}-{once}"));
            let said = fails(report, seed, &place, &shim, at, once)
                .map_err(|why| format!("write {at}, once {once}: {why}"))?;
            reached += usize::from(said);
            std::fs::remove_dir_all(&place).map_err(because("removing"))?;
        }
    }
    // Where one write alone fails that nobody has to believe in, nothing is said.
    if reached < 32 { Err(format!("only {reached} failures were noticed")) } else { Ok(()) }
}

/// Whether the failure was noticed by the writer.
fn fails(
    report: &mut Report,
    seed: u64,
    place: &Path,
    shim: &Path,
    at: usize,
    once: bool,
) -> Result<bool, String> {
    let vault = new(place)?;
    let mut broken = command("append", &vault, &[&seed.to_string(), "0"])?;
    broken.env("LD_PRELOAD", shim).env("NEXUS_FAIL_AT", at.to_string()).stderr(std::process::Stdio::null());
    if once {
        broken.env("NEXUS_FAIL_ONCE", "1");
    }
    let mut worker = Worker::of(broken)?;
    let mut told = Told::new();
    while told.next < 60 && told.error.is_none() {
        let before = told.next;
        match worker.line()? {
            Some(line) if line == format!("ok {}", told.next) => told.step(seed),
            Some(line) if line == "open" => {}
            Some(line) => told.error = Some(line),
            // It could not even be opened.
            None => break,
        }
        debug_assert!(told.next >= before);
    }
    let noticed = told.error.clone();
    worker.kill()?;
    if let Some(error) = &noticed
        && !["Io: ", "Full: ", "Damaged: "].iter().any(|kind| error.starts_with(kind))
    {
        return Err(format!("it said {error:?}"));
    }
    let vault = open(&vault).map_err(because("opening"))?;
    catch_up(&mut told, &vault, seed)?;
    told.compare(report, &vault, seed)?;
    vault.lock();
    Ok(noticed.is_some() || told.next < 60)
}

/// Steps that were done after the last line that was read.
fn catch_up(told: &mut Told, vault: &Vault, seed: u64) -> Checked {
    let found = Model::read(vault).map_err(because("reading"))?;
    let mut ahead = told.model.clone();
    for more in 0..400 {
        if found == ahead {
            for _ in 0..more {
                told.step(seed);
            }
            return Ok(());
        }
        let step = Step::new(Theme::Append, seed, told.next + more, &ahead);
        ahead.apply(&step);
    }
    Ok(())
}
