//! `cargo xtask bench plugins`: our host beside wasmtime alone and beside Extism. Each program lets a plugin give a text back:
//! into its memory and out of it.

use std::path::Path;

use super::runner::{self, Contestant};
use super::{Suite, install, table};

/// Measures and prints.
pub fn run(root: &Path, rounds: usize, rust_only: bool) -> Result<(), String> {
    let program = install::example(root, "opencode-nexus-plugins", "plugin_bench")?;
    let mut contestants = vec![
        Contestant::new("wasmtime alone", program.clone(), &["bare"]),
        Contestant::new("nexus (plugins/host)", program.clone(), &["host"]),
    ];
    if !rust_only {
        let library = install::extism()?;
        contestants.push(Contestant::new("Extism", program, &["extism", &library.to_string_lossy()]));
    }
    let runs = runner::rounds(&contestants, "", rounds)?;
    table::print(Suite::Plugins, "plugins", &contestants, &runs);
    Ok(())
}
