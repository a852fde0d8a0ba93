//! Whether a binary runs: asked of the system, not of a file, so that it is true after any crash.

use std::path::Path;

use sysinfo::{ProcessRefreshKind, ProcessesToUpdate, System, UpdateKind};

/// Whether a process of this machine that we can see runs the binary, itself or as the script that it is.
pub(in crate::server) fn is_running(binary: &Path) -> bool {
    let real = binary.canonicalize();
    let real = real.as_deref().unwrap_or(binary);
    let mut system = System::new();
    let what = ProcessRefreshKind::nothing().with_exe(UpdateKind::Always).with_cmd(UpdateKind::Always);
    system.refresh_processes_specifics(ProcessesToUpdate::All, true, what);
    system.processes().values().any(|process| {
        let is_it = |path: &Path| path == real || path == binary;
        // The guardian names the binary too, as the last of what its shell was given; it ends with the server.
        process.exe().is_some_and(is_it) || process.cmd().iter().any(|word| is_it(Path::new(word)))
    })
}
