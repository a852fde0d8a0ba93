//! `cargo xtask bench history`: turns of a real server with a history and without one, taking turns in one process.

use std::path::Path;
use std::process::Command;

use serde_json::Value;

use super::install;

/// Turns of each kind in a round of the other measurements: a turn takes milliseconds and swings by more than a history
/// costs.
const TURNS: usize = 24;

/// Measures and prints.
pub fn run(root: &Path, rounds: usize) -> Result<(), String> {
    let program = install::build(root, false)?.join("history_turns");
    let output = Command::new(&program)
        .arg((rounds * TURNS).to_string())
        .output()
        .map_err(|error| format!("{}: {error}", program.display()))?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let line = text.lines().last().unwrap_or_default();
    let said: Value = serde_json::from_str(line).map_err(|error| {
        format!(
            "{} reports nothing ({error}): {}",
            program.display(),
            String::from_utf8_lossy(&output.stderr)
        )
    })?;
    let number = |name: &str| said[name].as_f64().unwrap_or(f64::NAN);
    println!("turn [ms], medians of {} turns each", rounds * TURNS);
    println!("  without a history {:>12.1}", number("without_ms"));
    println!("  with a history    {:>12.1} {:8.3} x", number("with_ms"), number("ratio"));
    println!("{line}");
    Ok(())
}
