//! The processes of this machine, as `/proc` shows them: who carries the mark of a case, and who lives.

use super::context::MARK;

/// Whether a process lives; a zombie, which only waits to be reaped by somebody else, does not.
pub fn lives(pid: u32) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    stat.rsplit(") ").next().is_some_and(|rest| !rest.is_empty() && !rest.starts_with(['Z', 'X']))
}

/// The living processes of the case with this mark.
pub fn marked(mark: &str) -> Vec<u32> {
    let wanted = format!("{MARK}={mark}");
    let numbers = std::fs::read_dir("/proc").into_iter().flatten().flatten();
    numbers
        .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
        .filter(|pid| {
            let environment = std::fs::read(format!("/proc/{pid}/environ")).unwrap_or_default();
            environment.split(|byte| *byte == 0).any(|entry| entry == wanted.as_bytes()) && lives(*pid)
        })
        .collect()
}

/// The number of a process and what it was started as.
pub fn shown(pid: u32) -> String {
    let line = std::fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
    let words = String::from_utf8_lossy(&line).replace('\0', " ");
    format!("{pid} {}", words.chars().take(160).collect::<String>())
}

/// Sends a signal, by the name that `kill` knows.
pub fn signal(pid: u32, name: &str) -> Result<(), String> {
    let status = std::process::Command::new("kill").args([&format!("-{name}"), &pid.to_string()]).status();
    match status {
        Ok(status) if status.success() => Ok(()),
        other => Err(format!("cannot send {name} to {pid}: {other:?}")),
    }
}
