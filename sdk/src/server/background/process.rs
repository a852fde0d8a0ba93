//! Which process is meant. A number alone names nobody for long, so the time of its start belongs to it; and what a
//! server has started is found by a mark in its environment, because children may leave every group and session.

use serde::{Deserialize, Serialize};

/// The environment variable that every server of ours, and whatever it starts, inherits: number and start of the process
/// that owns the server, and a name of this one server, with spaces in between.
pub(in crate::server) const MARK_VARIABLE: &str = "NEXUS_SERVER_OWNER";

/// A process that is surely the one that was meant, also after its number was used again or the machine started anew.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProcessIdentity {
    /// The number.
    pub pid: u32,
    /// When it started, in a form that can only be compared.
    pub started: String,
}

impl ProcessIdentity {
    /// Who has this number now; `None` when nobody lives that has it.
    pub fn of(pid: u32) -> Option<Self> {
        Some(Self { pid, started: started(pid)? })
    }

    /// This process.
    pub fn current() -> Self {
        let pid = std::process::id();
        // We live, so it is known; where the system does not tell, the number has to do.
        Self { pid, started: started(pid).unwrap_or_default() }
    }

    /// Whether it still lives. One that has ended and only waits to be reaped does not.
    pub fn lives(&self) -> bool {
        Self::of(self.pid).as_ref() == Some(self)
    }
}

/// A name for one server, as it stands in the environment of all that it starts.
pub(in crate::server) fn new_mark() -> String {
    use rand::Rng as _;
    let name: String = rand::rng().sample_iter(rand::distr::Alphanumeric).take(16).map(char::from).collect();
    let ProcessIdentity { pid, started } = ProcessIdentity::current();
    format!("{pid} {started} {name}")
}

/// The process that owns the server with this mark; `None` when the mark is none of ours.
pub(in crate::server) fn owner_of(mark: &str) -> Option<ProcessIdentity> {
    let mut words = mark.split(' ');
    let (pid, started, _name) = (words.next()?.parse().ok()?, words.next()?.to_owned(), words.next()?);
    words.next().is_none().then_some(ProcessIdentity { pid, started })
}

/// Every living process that carries a mark, with the mark; never ourselves.
#[cfg(target_os = "linux")]
pub(in crate::server) fn marked() -> Vec<(u32, String)> {
    let ours = std::process::id();
    // Numbers of another namespace (a container) mean other processes there.
    let namespace = |pid: u32| std::fs::read_link(format!("/proc/{pid}/ns/pid")).ok();
    let here = namespace(ours);
    let prefix = format!("{MARK_VARIABLE}=");
    let mut found = Vec::new();
    for entry in std::fs::read_dir("/proc").into_iter().flatten().flatten() {
        let pid = entry.file_name().to_str().and_then(|name| name.parse::<u32>().ok());
        let Some(pid) = pid.filter(|pid| *pid != ours) else { continue };
        // Unreadable: it is somebody else's, or has just ended.
        let Ok(environment) = std::fs::read(entry.path().join("environ")) else { continue };
        let mark = environment.split(|byte| *byte == 0).find_map(|e| e.strip_prefix(prefix.as_bytes()));
        let Some(mark) = mark.and_then(|mark| std::str::from_utf8(mark).ok()) else { continue };
        if namespace(pid) == here && started(pid).is_some() {
            found.push((pid, mark.to_owned()));
        }
    }
    found
}

/// Every living process that carries a mark, with the mark; never ourselves.
#[cfg(not(target_os = "linux"))]
pub(in crate::server) fn marked() -> Vec<(u32, String)> {
    use sysinfo::{ProcessRefreshKind, ProcessesToUpdate, System, UpdateKind};
    let mut system = System::new();
    let what = ProcessRefreshKind::nothing().with_environ(UpdateKind::Always);
    system.refresh_processes_specifics(ProcessesToUpdate::All, true, what);
    let prefix = format!("{MARK_VARIABLE}=");
    let mut found = Vec::new();
    for (pid, process) in system.processes() {
        let mark = process.environ().iter().find_map(|e| e.to_str()?.strip_prefix(&prefix));
        if let Some(mark) = mark.filter(|_| pid.as_u32() != std::process::id()) {
            found.push((pid.as_u32(), mark.to_owned()));
        }
    }
    found
}

/// Start in ticks since the machine started, and which start of the machine that was: neither moves when the clock is set.
#[cfg(target_os = "linux")]
fn started(pid: u32) -> Option<String> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name of the program may hold spaces and brackets; behind its last bracket nothing else does.
    let mut fields = stat.rsplit_once(") ")?.1.split(' ');
    if matches!(fields.next()?, "Z" | "X") {
        return None;
    }
    let ticks = fields.nth(18)?;
    let boot = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default();
    Some(format!("{ticks}@{}", boot.trim()))
}

#[cfg(not(target_os = "linux"))]
fn started(pid: u32) -> Option<String> {
    use sysinfo::{Pid, ProcessRefreshKind, ProcessesToUpdate, System};
    let (mut system, pid) = (System::new(), Pid::from_u32(pid));
    system.refresh_processes_specifics(ProcessesToUpdate::Some(&[pid]), true, ProcessRefreshKind::nothing());
    Some(system.process(pid)?.start_time().to_string())
}

/// Kills a process outright.
pub(in crate::server) fn kill(pid: u32) {
    #[cfg(unix)]
    send(pid, libc::SIGKILL);
    #[cfg(not(unix))]
    std::process::Command::new("taskkill").args(["/T", "/F", "/PID", &pid.to_string()]).output().ok();
}

/// Asks a process to end. Elsewhere than on Unix nobody can be asked, so it is ended.
pub(in crate::server) fn terminate(pid: u32) {
    #[cfg(unix)]
    send(pid, libc::SIGTERM);
    #[cfg(not(unix))]
    kill(pid);
}

#[cfg(unix)]
fn send(pid: u32, signal: libc::c_int) {
    // Zero and negative numbers mean groups.
    if let Some(pid) = libc::pid_t::try_from(pid).ok().filter(|pid| *pid > 0) {
        // SAFETY: kill has no memory effects; a process that has just ended is no failure.
        unsafe { libc::kill(pid, signal) };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn we_live_and_nobody_else_with_our_number_does() {
        let ours = ProcessIdentity::current();
        assert!(ours.lives());
        let other = ProcessIdentity { started: format!("{}1", ours.started), ..ours.clone() };
        assert!(!other.lives(), "the same number, started at another time");
        assert_eq!(owner_of(&new_mark()), Some(ours));
        for wrong in ["", "1", "1 2", "x 2 3", "1 2 3 4"] {
            assert_eq!(owner_of(wrong), None, "{wrong}");
        }
    }

    #[cfg(unix)]
    #[test]
    fn a_process_that_waits_to_be_reaped_does_not_live_and_a_mark_is_found() {
        let mark = new_mark();
        let mut child = std::process::Command::new("sleep");
        let mut child = child.arg("60").env(MARK_VARIABLE, &mark).spawn().unwrap();
        let identity = ProcessIdentity::of(child.id()).unwrap();
        // Between fork and exec it still has our environment.
        while !marked().contains(&(child.id(), mark.clone())) {
            std::thread::yield_now();
        }
        kill(child.id());
        while identity.lives() {
            std::thread::yield_now();
        }
        child.wait().unwrap();
        assert!(!marked().iter().any(|(_, found)| *found == mark));
    }
}
