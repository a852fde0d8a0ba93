//! The programs that the tests need on the machine. One that is missing is an error with the command that installs it.

use std::collections::BTreeMap;
use std::process::{Command, Stdio};

/// A program, how it is asked whether it is there, and its package by package manager.
#[derive(PartialEq, Eq)]
pub struct Tool {
    command: &'static [&'static str],
    apt: &'static str,
    dnf: &'static str,
    brew: &'static str,
}

pub const GIT: Tool = Tool { command: &["git", "--version"], apt: "git", dnf: "git", brew: "git" };
pub const NODE: Tool = Tool { command: &["node", "--version"], apt: "nodejs", dnf: "nodejs", brew: "node" };
pub const NPM: Tool = Tool { command: &["npm", "--version"], apt: "npm", dnf: "nodejs-npm", brew: "node" };
pub const PYTHON: Tool =
    Tool { command: &["python3", "--version"], apt: "python3 python3-venv", dnf: "python3", brew: "python" };
pub const CXX: Tool = Tool { command: &["g++", "--version"], apt: "g++", dnf: "gcc-c++", brew: "gcc" };
/// Takes names for debuggers out of a library; comes with every compiler.
pub const STRIP: Tool =
    Tool { command: &["strip", "--version"], apt: "binutils", dnf: "binutils", brew: "binutils" };
/// Only Debian and its children have these two; elsewhere there is nothing that could be installed.
pub const DEBOOTSTRAP: Tool = Tool {
    command: &["debootstrap", "--version"],
    apt: "debootstrap",
    dnf: "debootstrap",
    brew: "debootstrap",
};
pub const DPKG: Tool = Tool { command: &["dpkg-deb", "--version"], apt: "dpkg", dnf: "dpkg", brew: "dpkg" };
pub const UNSHARE: Tool =
    Tool { command: &["unshare", "--version"], apt: "util-linux", dnf: "util-linux", brew: "util-linux" };
pub const IP: Tool = Tool { command: &["ip", "-V"], apt: "iproute2", dnf: "iproute", brew: "iproute2mac" };
/// A bus of our own, the Secret Service on it, and what talks to both.
pub const DBUS: Tool =
    Tool { command: &["dbus-run-session", "--version"], apt: "dbus", dnf: "dbus-daemon", brew: "dbus" };
pub const GDBUS: Tool =
    Tool { command: &["gdbus", "help"], apt: "libglib2.0-bin", dnf: "glib2", brew: "glib" };
pub const KEYRING: Tool = Tool {
    command: &["gnome-keyring-daemon", "--version"],
    apt: "gnome-keyring",
    dnf: "gnome-keyring",
    brew: "gnome-keyring",
};
/// The window of VS Code, and letters in it.
pub const CHROMIUM: Tool = Tool {
    command: &["chromium", "--version"],
    apt: "chromium fonts-dejavu-core",
    dnf: "chromium dejavu-sans-fonts",
    brew: "chromium",
};
const RUSTUP: &str = "rustup component add";
pub const RUSTFMT: Tool =
    Tool { command: &["cargo", "fmt", "--version"], apt: "rustfmt", dnf: RUSTUP, brew: RUSTUP };
pub const CLIPPY: Tool =
    Tool { command: &["cargo", "clippy", "--version"], apt: "clippy", dnf: RUSTUP, brew: RUSTUP };

/// Fails with one line for each way of installing what is missing.
pub fn check<'a>(tools: impl Iterator<Item = &'a Tool>) -> Result<(), String> {
    let mut needed: Vec<&Tool> = Vec::new();
    for tool in tools {
        if !needed.contains(&tool) {
            needed.push(tool);
        }
    }
    needed.retain(|tool| !is_there(tool));
    if needed.is_empty() {
        return Ok(());
    }
    let missing: Vec<&str> = needed.iter().map(|tool| shown(tool)).collect();
    Err(format!("missing on this machine: {}\n{}", missing.join(", "), installation(&needed)))
}

fn is_there(tool: &Tool) -> bool {
    let mut command = Command::new(tool.command[0]);
    command.args(&tool.command[1..]).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command.status().is_ok_and(|status| status.success())
}

/// `cargo fmt` by two words, the others by one.
fn shown(tool: &Tool) -> &'static str {
    if tool.command[0] == "cargo" { tool.command[1] } else { tool.command[0] }
}

fn installation(needed: &[&Tool]) -> String {
    let (components, programs): (Vec<&Tool>, Vec<&Tool>) = needed.iter().partition(|tool| tool.dnf == RUSTUP);
    let mut lines = BTreeMap::new();
    if !components.is_empty() {
        let names: Vec<&str> = components.iter().map(|tool| tool.apt).collect();
        lines.insert(0, format!("  {RUSTUP} {}", names.join(" ")));
    }
    if !programs.is_empty() {
        let list = |of: fn(&Tool) -> &'static str| {
            programs.iter().map(|tool| of(tool)).collect::<Vec<_>>().join(" ")
        };
        lines.insert(1, format!("  Debian, Ubuntu: apt-get install -y {}", list(|tool| tool.apt)));
        lines.insert(2, format!("  Fedora:         dnf install -y {}", list(|tool| tool.dnf)));
        lines.insert(3, format!("  macOS:          brew install {}", list(|tool| tool.brew)));
    }
    format!("Install with\n{}", lines.into_values().collect::<Vec<_>>().join("\n"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_missing_is_named_with_the_command_that_installs_it() {
        const NOTHING: Tool =
            Tool { command: &["there-is-no-such-program"], apt: "some-package", dnf: "a", brew: "b" };
        let error = check([&NOTHING, &NOTHING, &GIT].into_iter()).unwrap_err();
        assert!(error.contains("apt-get install -y some-package\n"), "{error}");
        assert!(error.starts_with("missing on this machine: there-is-no-such-program\n"), "{error}");
    }
}
