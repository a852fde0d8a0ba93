//! The tests of the package, on real servers. What they start is on loopback, and has a home of its own.

use std::io::{BufRead as _, BufReader};
use std::process::{Command, Stdio};

use opencode_nexus_testkit::server::SECOND;

use super::Bench;
use super::stage::Staged;

/// Runs them, and lets what they say be seen as it comes.
///
/// # Errors
/// When they cannot be run, or say nothing about how many there were.
pub fn run(bench: &Bench, staged: &Staged, only: Option<&str>) -> Result<(usize, usize, String), String> {
    let home = tempfile::tempdir().map_err(|error| error.to_string())?;
    let mut command = Command::new(&bench.python);
    command.args(["-X", "dev", "-W", "error::ResourceWarning", "-m", "unittest", "discover", "--verbose"]);
    command.args(["-s", "python/tests", "-t", "python/tests"]);
    if let Some(name) = only {
        command.args(["-k", name]);
    }
    command
        .current_dir(&bench.root)
        .env("PYTHONPATH", &staged.folder)
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .env("NEXUS_TEST_SERVER", &staged.server)
        .env("NEXUS_TEST_SECOND", SECOND)
        .env("NEXUS_EXAMPLES", bench.root.join("examples/python"))
        .env("NEXUS_DATA_DIR", home.path().join("data"))
        .env("XDG_CONFIG_HOME", home.path().join("config"))
        .env("XDG_STATE_HOME", home.path().join("state"))
        .env_remove("OPENCODE_SERVER_PASSWORD")
        .stdin(Stdio::null())
        .stderr(Stdio::piped());
    let mut child = command.spawn().map_err(|error| format!("python: {error}"))?;
    let said = child.stderr.take().ok_or("python says nothing")?;
    let (mut ran, mut failed) = (0, 0);
    for line in BufReader::new(said).lines() {
        let line = line.map_err(|error| error.to_string())?;
        println!("   {line}");
        if let Some(rest) = line.strip_prefix("Ran ") {
            ran = first_number(rest);
        }
        if let Some(rest) = line.strip_prefix("FAILED (").or_else(|| line.strip_prefix("OK (")) {
            // A test that was skipped has shown nothing.
            failed = rest.split(',').map(first_number).sum();
        }
    }
    let status = child.wait().map_err(|error| error.to_string())?;
    if ran == 0 {
        return Err(format!("no test ran ({status})"));
    }
    if !status.success() && failed == 0 {
        failed = 1;
    }
    let passed = ran.saturating_sub(failed);
    Ok((passed, failed, format!("{passed} passed, {failed} failed")))
}

fn first_number(text: &str) -> usize {
    let digits: String =
        text.chars().skip_while(|c| !c.is_ascii_digit()).take_while(char::is_ascii_digit).collect();
    digits.parse().unwrap_or_default()
}
