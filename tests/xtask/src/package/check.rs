//! Whether the packages work for somebody who has nothing: a bare Debian made by debootstrap, without a network. The
//! Debian package and the install script are installed, play the demo and are removed; nothing may stay.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use opencode_nexus::server::PINNED;
use opencode_nexus_testkit::server::opencode_binary;
use serde_json::Value;

/// Where dpkg and the system keep their own books.
const BOOKS: &[&str] = &["var/lib/dpkg", "var/log", "var/cache", "proc", "sys", "dev", "run"];

/// Runs all checks; the packages are in `dist`.
pub fn run(dist: &Path, target: &str) -> Result<(), String> {
    let folder =
        tempfile::Builder::new().prefix("nexus-debian-").tempdir().map_err(|error| error.to_string())?;
    let system = folder.path().join("system");
    println!("making a bare Debian");
    debootstrap(&system)?;
    let runtime = tokio::runtime::Runtime::new().map_err(|error| error.to_string())?;
    let binary = runtime.block_on(opencode_binary(PINNED)).map_err(|error| error.to_string())?;
    let within = |place: &str| system.join(place);
    fs::create_dir_all(within("opt/dist")).map_err(|error| error.to_string())?;
    fs::copy(&binary, within("opt/opencode")).map_err(|error| format!("{}: {error}", binary.display()))?;
    for file in fs::read_dir(dist).map_err(|error| error.to_string())?.flatten() {
        fs::copy(file.path(), within("opt/dist").join(file.file_name()))
            .map_err(|error| error.to_string())?;
    }
    let before = files(&system)?;

    inside(&system, "dpkg --install /opt/dist/*.deb")?;
    inside(&system, "test -s /usr/share/man/man1/nexus.1.gz && nexus --version >/dev/null")?;
    demo(&system, "nexus")?;
    inside(&system, "dpkg --purge opencode-nexus")?;
    nothing_stays("the Debian package", &before, &files(&system)?)?;

    let script = "sh /opt/dist/install.sh --from /opt/dist";
    inside(&system, script)?;
    demo(&system, "/root/.local/bin/nexus")?;
    inside(&system, "sh /opt/dist/install.sh --uninstall && find /root/.local -type d -empty -delete")?;
    nothing_stays("the install script", &before, &files(&system)?)?;

    // A damaged archive is refused before anything of it is used.
    let archive = within("opt/dist").join(format!("nexus-{target}.tar.gz"));
    let mut bytes = fs::read(&archive).map_err(|error| error.to_string())?;
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(&archive, bytes).map_err(|error| error.to_string())?;
    match inside(&system, script) {
        Ok(_) => return Err("the install script took a damaged archive".to_owned()),
        Err(said) if said.contains("is not what SHA256SUMS says") => {}
        Err(said) => return Err(said),
    }
    nothing_stays("the refused archive", &before, &files(&system)?)?;
    println!("installed, demo played, removed: Debian package, install script; a damaged archive is refused");
    Ok(())
}

/// From where apt on this machine gets its packages.
fn debootstrap(system: &Path) -> Result<(), String> {
    // SAFETY: geteuid has no memory effects and cannot fail.
    if unsafe { libc::geteuid() } != 0 {
        return Err("a bare Debian can only be made as root: sudo cargo xtask package --check".to_owned());
    }
    let targets = Command::new("apt-get")
        .args([
            "indextargets",
            "--format",
            "$(CODENAME) $(REPO_URI)",
            "Created-By: Packages",
            "Component: main",
        ])
        .output()
        .map_err(|error| format!("cannot run apt-get: {error}; this check needs Debian or a child of it"))?;
    let text = String::from_utf8_lossy(&targets.stdout).into_owned();
    // `bookworm`, and neither `bookworm-updates` nor `bookworm-security`.
    let plain = text.lines().filter_map(|line| line.split_once(' ')).find(|(name, _)| !name.contains('-'));
    let (release, mirror) = plain.ok_or("apt names no source of packages; see /etc/apt/sources.list")?;
    let output = Command::new("debootstrap")
        .args(["--variant=minbase", "--include=git", release])
        .arg(system)
        .arg(mirror)
        .stdin(Stdio::null())
        .output()
        .map_err(|error| format!("cannot run debootstrap: {error}; apt-get install debootstrap"))?;
    if output.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    let last: Vec<&str> = said.lines().rev().take(5).collect();
    Err(format!("debootstrap failed: {}", last.into_iter().rev().collect::<Vec<_>>().join("; ")))
}

/// Runs a line in the system: a mount, process and network namespace of its own, with nothing but loopback.
fn inside(system: &Path, line: &str) -> Result<String, String> {
    let outer = "mount -t proc proc \"$1/proc\" && ip link set lo up && exec chroot \"$1\" \
                 env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LC_ALL=C.UTF-8 \
                 DEBIAN_FRONTEND=noninteractive timeout 300 sh -c \"$2\"";
    let output = Command::new("unshare")
        .args(["--mount", "--net", "--pid", "--fork", "--kill-child", "sh", "-c", outer, "sh"])
        .arg(system)
        .arg(line)
        .stdin(Stdio::null())
        .output()
        .map_err(|error| format!("cannot run unshare: {error}; apt-get install util-linux iproute2"))?;
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    if output.status.success() {
        return Ok(said);
    }
    Err(format!(
        "`{line}` in the bare system: {}\n{said}{}",
        output.status,
        String::from_utf8_lossy(&output.stderr)
    ))
}

fn demo(system: &Path, program: &str) -> Result<(), String> {
    let said = inside(system, &format!("{program} demo --json --server /opt/opencode"))?;
    println!("{}", said.trim());
    let line: Value =
        serde_json::from_str(said.trim()).map_err(|error| format!("the demo: {error}: {said}"))?;
    match line["ok"] == true {
        true => Ok(()),
        false => Err(format!("the demo: {said}")),
    }
}

/// Every path of the system that is not in its own books.
fn files(system: &Path) -> Result<BTreeSet<String>, String> {
    let mut found = BTreeSet::new();
    let mut folders = vec![system.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in
            fs::read_dir(&folder).map_err(|error| format!("{}: {error}", folder.display()))?.flatten()
        {
            let path = entry.path();
            let name = path.strip_prefix(system).unwrap_or(&path).to_string_lossy().into_owned();
            if BOOKS.contains(&name.as_str()) {
                continue;
            }
            if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                folders.push(path);
            }
            found.insert(name);
        }
    }
    Ok(found)
}

fn nothing_stays(what: &str, before: &BTreeSet<String>, after: &BTreeSet<String>) -> Result<(), String> {
    let stays: Vec<&String> = after.difference(before).collect();
    let gone: Vec<&String> = before.difference(after).collect();
    match stays.is_empty() && gone.is_empty() {
        true => Ok(()),
        false => {
            Err(format!("after {what} was removed, these stay: {stays:?}, and these are gone: {gone:?}"))
        }
    }
}
