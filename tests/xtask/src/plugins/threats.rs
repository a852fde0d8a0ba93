//! Runs the threat tests and counts what the host has contained.

use std::path::Path;
use std::process::{Output, Stdio};

use crate::cargo::cargo;

/// Runs them; gives the line `threats N, contained N, host crashes N`.
pub fn run(root: &Path) -> Result<String, String> {
    let mut command = cargo();
    // With the whole workspace, so that nothing is built twice.
    command.args(["test", "--workspace", "--test", "threats", "--no-fail-fast"]);
    let output =
        command.current_dir(root).stdin(Stdio::null()).output().map_err(|error| error.to_string())?;
    judge(&output)
}

fn judge(output: &Output) -> Result<String, String> {
    let printed = String::from_utf8_lossy(&output.stdout);
    let counts = Counts::of(&printed);
    let line =
        format!("threats {}, contained {}, host crashes {}", counts.all, counts.contained, counts.crashes);
    if output.status.success() && counts.all > 0 && counts.contained == counts.all && counts.crashes == 0 {
        return Ok(line);
    }
    let said = String::from_utf8_lossy(&output.stderr);
    let tail: Vec<&str> = printed.lines().chain(said.lines()).rev().take(60).collect();
    let tail: Vec<&str> = tail.into_iter().rev().collect();
    Err(format!("{line}\n{}", tail.join("\n")))
}

#[derive(Debug, PartialEq, Eq)]
struct Counts {
    all: usize,
    contained: usize,
    /// Runs of the test program that ended without saying how: with it the host in it has ended.
    crashes: usize,
}

impl Counts {
    fn of(printed: &str) -> Self {
        let number = |line: &str, word: &str| {
            let pieces = line.split([';', '.']);
            pieces
                .filter_map(|piece| piece.trim().strip_suffix(word))
                .find_map(|number| number.trim().parse().ok())
        };
        let mut counts = Self { all: 0, contained: 0, crashes: 0 };
        let mut running: Option<usize> = None;
        for line in printed.lines() {
            if let Some(began) = line.strip_prefix("running ") {
                counts.crashes += usize::from(running.is_some());
                running = began.split(' ').next().and_then(|number| number.parse().ok());
                counts.all += running.unwrap_or_default();
            } else if let Some(result) = line.strip_prefix("test result: ") {
                running = None;
                counts.contained += number(result, "passed").unwrap_or(0_usize);
            }
        }
        counts.crashes += usize::from(running.is_some());
        counts
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_without_a_result_is_a_crash_of_the_host() {
        let ended = "running 3 tests\ntest a ... ok\n\ntest result: FAILED. 2 passed; 1 failed; 0 ignored; 0 measured; 0 filtered out; finished in 1.00s\n";
        assert_eq!(Counts::of(ended), Counts { all: 3, contained: 2, crashes: 0 });
        let crashed = format!("running 2 tests\ntest a ... ok\n{ended}");
        assert_eq!(Counts::of(&crashed), Counts { all: 5, contained: 2, crashes: 1 });
        assert_eq!(Counts::of("running 2 tests\n").crashes, 1);
    }
}
