//! The first lines of the documentation in Bun, in a pinned version from the registry.

use std::path::Path;
use std::process::Command;

use super::build::{Package, QUIET, npm};
use super::suite::World;
use crate::editors::install::{once, perform, place};

const BUN: &str = "1.4.5";

/// Runs the quick start in Bun, from the package's folder.
pub fn quickstart(root: &Path, package: &Package, world: &World) -> Result<String, String> {
    let folder = place(&format!("bun-{BUN}"))?;
    let architecture = if cfg!(target_arch = "aarch64") { "aarch64" } else { "x64" };
    // The program itself is in a package for each platform: nothing is downloaded by a script.
    let name = format!("@oven/bun-linux-{architecture}");
    once(&folder, |folder| {
        perform(
            npm(folder).arg("install").args(QUIET).arg("--prefix").arg(folder).arg(format!("{name}@{BUN}")),
        )
    })?;
    let bun = folder.join("node_modules").join(&name).join("bin/bun");
    let here = tempfile::tempdir_in(package.folder.join("test")).map_err(|error| error.to_string())?;
    let file = here.path().join("quickstart.mjs");
    std::fs::copy(root.join("examples/node/quickstart.mjs"), &file).map_err(|error| error.to_string())?;
    world.answered(Command::new(bun).arg("run").arg(&file).current_dir(here.path()))?;
    Ok(format!("the quick start answers in Bun {BUN}"))
}
