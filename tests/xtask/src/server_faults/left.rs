//! What a case leaves behind: processes that still live, and files that nobody has promised.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::Context;
use super::processes::{lives, marked, shown, signal};

/// What is started may need this long to be gone after its command has ended; the guardian's own bound.
const GRACE: Duration = Duration::from_secs(5);

/// The processes that still live, after a grace; they are ended here.
pub fn processes(context: &Context) -> Vec<String> {
    let begun = Instant::now();
    loop {
        let left = marked(&context.mark);
        if left.is_empty() {
            return Vec::new();
        }
        if begun.elapsed() > GRACE {
            let names = left.iter().map(|pid| shown(*pid)).collect();
            left.into_iter().filter(|pid| lives(*pid)).for_each(|pid| drop(signal(pid, "KILL")));
            return names;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// The files that are left in the folders for state, cache and temporary files, without those that are documented to
/// stay: the log, the reports of crashes and the homes of named servers, and locks.
pub fn files(context: &Context) -> Vec<PathBuf> {
    let mut left = Vec::new();
    for folder in ["state", "cache", "tmp"] {
        collect(&context.root.join(folder), &mut left);
    }
    left.retain(|file| !stays(file.strip_prefix(&context.root).unwrap_or(file)));
    left
}

fn stays(file: &Path) -> bool {
    let parts: Vec<&str> = file.iter().filter_map(|part| part.to_str()).collect();
    match parts[..] {
        // What OpenCode itself keeps for the person.
        ["state" | "cache", "opencode", ..] => true,
        ["state", "opencode-nexus", "homes" | "crashes", ..] => true,
        ["state", "opencode-nexus", "instances", name] => {
            name.ends_with(".log") || name.ends_with(".log.1") || name.ends_with(".lock")
        }
        // Which version is used, and the locks of installations.
        ["state", "opencode-nexus", name] => name.starts_with("servers.json"),
        ["cache", "opencode-nexus", "servers", name] => name.starts_with('.') && name.ends_with(".lock"),
        _ => false,
    }
}

fn collect(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            collect(&path, found);
        } else {
            found.push(path);
        }
    }
}
