//! mypy reads the package, its tests and the examples as strictly as it can, pyright the package and the examples.

use std::process::Command;

use super::stage::Staged;
use super::{Bench, PYRIGHT, perform};
use crate::editors::install::once;

/// Counts each of the two as one.
///
/// # Errors
/// What they find.
pub fn check(bench: &Bench, staged: &Staged) -> Result<(usize, usize, String), String> {
    let pyright = bench.work.join("tools").join(PYRIGHT.replace('@', "-"));
    once(&pyright, |folder| {
        let mut install = Command::new("npm");
        install.args(["install", "--silent", "--no-fund", "--no-audit", "--prefix"]).arg(folder).arg(PYRIGHT);
        perform(&mut install).map(drop)
    })?;
    let package = staged.folder.join("opencode_nexus");
    let rest = [bench.root.join("python/tests"), bench.root.join("examples/python")];
    let mut mypy = Command::new(&bench.python);
    mypy.args(["-m", "mypy", "--strict", "--no-error-summary", "--config-file"])
        .arg(bench.root.join("python/pyproject.toml"))
        .arg("--cache-dir")
        .arg(bench.work.join("mypy"))
        .arg(&package)
        .args(rest.iter().filter(|folder| folder.is_dir()))
        .env("MYPYPATH", &staged.folder);
    perform(&mut mypy)?;
    // Pyright takes its settings from a file and everything else from the command line.
    // Those in it are relative to it, or they are not read.
    let settings = serde_json::json!({
        "typeCheckingMode": "strict",
        "pythonVersion": "3.9",
        "extraPaths": ["stage"],
        "include": ["stage/opencode_nexus", "../../examples/python"],
        // The package uses its own private modules.
        "reportPrivateUsage": "none",
    });
    let project = bench.work.join("pyrightconfig.json");
    std::fs::write(&project, settings.to_string()).map_err(|error| error.to_string())?;
    let mut read = Command::new(pyright.join("node_modules/.bin/pyright"));
    perform(read.arg("--project").arg(&project).arg("--pythonpath").arg(&bench.python))?;
    Ok((2, 0, "mypy --strict and pyright strict find nothing".to_owned()))
}
