//! `cargo xtask test`: everything that can be tested, part by part; the same command as in CI.
//!
//! Parts run one after the other, and all of them run even if an earlier one fails: a person wants the whole list.
//! Each part is callable alone (`cargo xtask test clippy`). A tool that is missing is an error before anything runs.

mod checks;
mod interrupt;
mod parts;
mod process;
mod tools;

use std::path::Path;
use std::time::{Duration, Instant};

use parts::PARTS;

#[derive(clap::Args)]
pub struct Arguments {
    /// Only these parts; all of them when none is named.
    #[arg(value_parser = clap::builder::PossibleValuesParser::new(PARTS.iter().map(|part| part.name)))]
    parts: Vec<String>,
}

/// How many checks of a part were right and how many were not.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    pub passed: usize,
    pub failed: usize,
}

impl Counts {
    /// One check.
    pub fn one(passed: bool) -> Self {
        Self { passed: usize::from(passed), failed: usize::from(!passed) }
    }

    fn add(&mut self, other: Self) {
        self.passed += other.passed;
        self.failed += other.failed;
    }
}

/// Something that is tested by itself.
pub struct Part {
    name: &'static str,
    /// What it shows, for the person who waits.
    about: &'static str,
    /// The programs that it needs beside cargo.
    tools: &'static [tools::Tool],
    run: fn(&Path) -> Counts,
}

/// Runs the parts and prints the summary.
pub fn run(root: &Path, arguments: &Arguments) -> Result<(), String> {
    let wanted =
        |part: &&Part| arguments.parts.is_empty() || arguments.parts.iter().any(|name| name == part.name);
    let chosen: Vec<&Part> = PARTS.iter().filter(wanted).collect();
    tools::check(chosen.iter().flat_map(|part| part.tools))?;
    interrupt::listen()?;
    let mut lines = Vec::new();
    let mut total = Counts::default();
    for (number, part) in chosen.iter().enumerate() {
        println!("── {} ({}/{}): {}", part.name, number + 1, chosen.len(), part.about);
        let started = Instant::now();
        let counts = (part.run)(root);
        let line = summary(part.name, counts, started.elapsed());
        println!("{line}\n");
        lines.push(line);
        total.add(counts);
    }
    println!("── summary");
    lines.iter().for_each(|line| println!("{line}"));
    println!("{} passed, {} failed", total.passed, total.failed);
    if total.failed > 0 { Err("not everything passed".to_owned()) } else { Ok(()) }
}

fn summary(name: &str, counts: Counts, took: Duration) -> String {
    let word = if counts.failed == 0 { "ok" } else { "FAILED" };
    let failed = if counts.failed == 0 { String::new() } else { format!(", {} failed", counts.failed) };
    format!("suite {name} … {word}, {} passed{failed}, {:.0} s", counts.passed, took.as_secs_f64())
}
