//! Key slots made by somebody who wants to exhaust the machine: refused before anything is allocated.

use std::path::Path;
use std::process::Command;

use nexus_vault::Vault;
use sha2::{Digest as _, Sha256};

use super::process::{Worker, command};
use super::report::{Checked, Report, because};
use super::story::{options, slot};

/// Parameters that must be refused: memory in KiB, passes, lanes.
const REFUSED: &[(u64, u64, u64)] = &[
    (4_294_967_295, 2, 1),
    (1_048_577, 2, 1),
    (19_456, 17, 1),
    (19_456, 4_294_967_295, 1),
    (19_456, 2, 17),
    (19_456, 2, 4_294_967_295),
    (19_455, 2, 1),
    (8, 1, 1),
    (19_456, 1, 1),
    (19_456, 2, 0),
    (0, 0, 0),
];

/// What the worker may have of address space; a whole process with its libraries lives in it.
const SPACE: u64 = 1 << 30;
/// A process that allocated nothing for a derivation stays below.
const PEAK_KB: u64 = 64 * 1024;

pub fn run(report: &mut Report) {
    for parameters in REFUSED {
        let (memory, passes, lanes) = parameters;
        let name = format!(
            "key slots that ask for {memory} KiB, {passes} passes, {lanes} lanes are refused at once"
        );
        report.check(&name, || refused(*parameters));
    }
}

fn refused((memory, passes, lanes): (u64, u64, u64)) -> Checked {
    let folder = tempfile::tempdir().map_err(because("a folder"))?;
    let folder = folder.path().join("vault");
    Vault::create(&folder, slot(), options()).map_err(because("creating"))?.vault.lock();
    for copy in ["keys.json", "keys.json.2"] {
        rewrite(&folder.join(copy), [("memory", memory), ("passes", passes), ("lanes", lanes)])?;
    }
    let mut limited = command("unlock", &folder, &[])?;
    limit(&mut limited, Bound::Memory, SPACE);
    let (lines, _) = Worker::of(limited)?.finish()?;
    let [said, peak] = &lines[..] else { return Err(format!("the worker said {lines:?}")) };
    let peak: u64 = peak.strip_prefix("peak ").and_then(|kb| kb.parse().ok()).ok_or("no peak")?;
    if !said.starts_with("Parameters: ") {
        return Err(format!("it said {said:?}"));
    }
    if peak > PEAK_KB { Err(format!("it took {peak} KiB")) } else { Ok(()) }
}

/// Changes numbers in a file of key slots and makes its checksum right again, as an attacker would.
fn rewrite(file: &Path, numbers: [(&str, u64); 3]) -> Checked {
    let text = std::fs::read_to_string(file).map_err(because("the slots"))?;
    let (_, rest) = text.split_once(",\n").ok_or("slots without a checksum")?;
    let mut rest = rest.to_owned();
    for (name, number) in numbers {
        let start = rest.find(&format!("\"{name}\":")).ok_or_else(|| format!("no {name}"))? + name.len() + 3;
        let length = rest[start..].find([',', '\n', '}']).ok_or("the slots are cut")?;
        rest.replace_range(start..start + length, &format!(" {number}"));
    }
    let sum: String = Sha256::digest(&rest).iter().map(|byte| format!("{byte:02x}")).collect();
    std::fs::write(file, format!("{{\"checksum\":\"{sum}\",\n{rest}")).map_err(because("the slots"))
}

/// What can be bounded.
#[derive(Clone, Copy)]
pub enum Bound {
    /// Address space.
    Memory,
    /// The size of a file.
    File,
}

/// Bounds what a command may use, in bytes.
pub fn limit(command: &mut Command, what: Bound, most: u64) {
    use std::os::unix::process::CommandExt as _;
    let limit = libc::rlimit { rlim_cur: most, rlim_max: most };
    // SAFETY: the closure only makes system calls, which is allowed between fork and exec; the pointer is to a live value.
    unsafe {
        command.pre_exec(move || {
            // A file that becomes too large is to be an error and not the end.
            libc::signal(libc::SIGXFSZ, libc::SIG_IGN);
            let done = match what {
                Bound::Memory => libc::setrlimit(libc::RLIMIT_AS, &limit),
                Bound::File => libc::setrlimit(libc::RLIMIT_FSIZE, &limit),
            };
            if done == 0 { Ok(()) } else { Err(std::io::Error::last_os_error()) }
        });
    }
}
