//! The cargo that runs us, as if it had been called from a shell.

use std::process::Command;

/// What `cargo run` sets for the program that it runs. Build scripts that look at these variables would run again in
/// each nested build, and everything above them (ring, and so all of TLS and HTTP) be compiled twice.
const SET_BY_RUN: &[&str] =
    &["CARGO_PKG_", "CARGO_MANIFEST_", "CARGO_BIN_", "CARGO_CRATE_", "CARGO_PRIMARY_"];

/// A call of cargo.
pub fn cargo() -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    for (name, _) in std::env::vars_os() {
        if name.to_str().is_some_and(|name| SET_BY_RUN.iter().any(|prefix| name.starts_with(prefix))) {
            command.env_remove(name);
        }
    }
    command
}
