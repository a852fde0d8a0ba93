//! Builds the first-party plugins as their authors would, and runs their cases.

use std::path::{Path, PathBuf};

use serde_json::Value;

use super::{Bench, perform};

/// The plugins, and where each lies: every folder of `plugins/` with a manifest.
fn folders(bench: &Bench) -> Result<Vec<(String, PathBuf)>, String> {
    let place = bench.root.join("plugins");
    let entries = std::fs::read_dir(&place).map_err(|error| format!("{}: {error}", place.display()))?;
    let mut found: Vec<(String, PathBuf)> = entries
        .flatten()
        .filter(|entry| entry.path().join("plugin.toml").is_file())
        .map(|entry| (entry.file_name().to_string_lossy().into_owned(), entry.path()))
        .filter(|(name, _)| bench.wants(name))
        .collect();
    found.sort();
    Ok(found)
}

/// Builds all of them and runs all cases; gives a line that says how many.
pub fn all(bench: &Bench) -> Result<String, String> {
    let to = bench.root.join("target/plugins");
    std::fs::create_dir_all(&to).map_err(|error| format!("{}: {error}", to.display()))?;
    let key = bench.home.path().join("throw-away.key");
    perform(bench.plugin().arg("key").arg(&key).arg("--no-passphrase"))?;
    let (mut built, mut cases, mut wrong) = (0, 0, Vec::new());
    for (name, folder) in folders(bench)? {
        let file = to.join(format!("{name}.plugin"));
        let mut command = bench.plugin();
        command.arg("build").arg(&folder).arg("--key").arg(&key).arg("--output").arg(&file).arg("--json");
        let said = match perform(&mut command) {
            Ok(said) => said,
            Err(why) => {
                println!("   {name}: {why}");
                wrong.push(name);
                continue;
            }
        };
        let said: Value =
            serde_json::from_str(said.trim()).map_err(|error| format!("{name}: {error}: {said}"))?;
        let bytes = said["component_bytes"].as_u64().unwrap_or_default();
        println!("   {name}: {} ({} KB)", said["way"].as_str().unwrap_or("?"), bytes.div_ceil(1024));
        built += 1;
        if !has_cases(&folder) {
            println!("   {name}: it has no cases of its own");
            continue;
        }
        match played(bench, &folder) {
            Ok(number) => cases += number,
            Err(why) => {
                println!("   {name}: {why}");
                wrong.push(name);
            }
        }
    }
    if !wrong.is_empty() {
        return Err(wrong.join(", "));
    }
    Ok(format!("{built} built, {cases} cases passed"))
}

/// Whether there are cases beside a plugin; what shows itself in a browser is tested there.
fn has_cases(folder: &Path) -> bool {
    let files = std::fs::read_dir(folder.join("tests")).into_iter().flatten().flatten();
    files.into_iter().any(|file| file.path().extension().is_some_and(|end| end == "toml"))
}

/// Runs the cases of one; gives how many.
fn played(bench: &Bench, folder: &Path) -> Result<u64, String> {
    let said = perform(bench.plugin().arg("test").arg(folder).arg("--json"))?;
    let said: Value = serde_json::from_str(said.trim()).map_err(|error| format!("{error}: {said}"))?;
    match said["passed"].as_u64() {
        Some(passed) if passed > 0 => Ok(passed),
        _ => Err("no case was played".to_owned()),
    }
}
