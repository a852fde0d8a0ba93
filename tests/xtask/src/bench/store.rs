//! `cargo xtask bench store`: our vault beside plain SQLite with FTS5, SQLCipher alone and matrix-sdk-sqlite.
//!
//! Every program stores the same messages and answers the same questions in a new folder on the disk. The first size has
//! all rounds, larger ones fewer. How a cost grows from the smallest to the largest size stands at the end, beside the
//! growth of a logarithm: what has to look at every hit (the best of all common ones) grows with the hits, for everybody.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde_json::json;

use super::runner::{self, Contestant, Runs};
use super::{Suite, install, table};

/// Figures whose growth is told: those of one operation.
const GROWING: &[&str] = &[
    "bulk_us",
    "append_durable_us",
    "append_small_us",
    "read_us",
    "rare_us",
    "common_relevance_us",
    "common_newest_us",
    "open_without_argon2_ms",
    "open_ms",
    "peak_kb",
];

/// Measures at every size and prints.
pub fn run(root: &Path, rounds: usize, sizes: &[usize]) -> Result<(), String> {
    let contestants = contestants(root)?;
    let folder = root.join("target/bench");
    std::fs::create_dir_all(&folder).map_err(|error| error.to_string())?;
    let mut all: Vec<(usize, Runs)> = Vec::new();
    for (place, size) in sizes.iter().enumerate() {
        // A large store takes minutes to fill, and its figures swing less.
        let rounds = if place == 0 { rounds } else { (rounds * 3).div_ceil(5) };
        let sized: Vec<Contestant> = contestants
            .iter()
            .map(|(name, program)| Contestant::new(name, program.clone(), &[&size.to_string()]))
            .collect();
        let runs = runner::rounds(&sized, &folder.to_string_lossy(), rounds)?;
        println!("\n{size} messages, {rounds} rounds");
        table::print(Suite::Store, &format!("store-{size}"), &sized, &runs);
        all.push((*size, runs));
    }
    if let [(small, few), .., (large, many)] = &all[..] {
        growth(&contestants, (*small, few), (*large, many));
    }
    Ok(())
}

/// Name and program of everybody; the first is the one that the others are compared with.
fn contestants(root: &Path) -> Result<Vec<(&'static str, PathBuf)>, String> {
    let programs = install::build(root, false)?;
    let peers = root.join("tests/bench/store-peers");
    let peer = |name: &str| {
        let target = root.join("target/store-peers").join(name);
        install::build_alone(&peers.join(name), &target)?;
        Ok::<_, String>(target.join("release").join(format!("nexus-bench-{name}-store")))
    };
    Ok(vec![
        ("plain SQLite + FTS5", peer("plain")?),
        ("SQLCipher alone", programs.join("store_sqlcipher")),
        ("nexus-vault", programs.join("store_vault")),
        ("matrix-sdk-sqlite", peer("matrix")?),
    ])
}

/// Medians at the largest size through medians at the smallest.
fn growth(contestants: &[(&'static str, PathBuf)], small: (usize, &Runs), large: (usize, &Runs)) {
    let medians = |runs: &Runs, at: usize| {
        let mut all: BTreeMap<&str, f64> = BTreeMap::new();
        for name in GROWING {
            let values = runs.iter().filter_map(|round| round.get(&at)?.get(*name).copied());
            if let Some((median, ..)) = table::median(values) {
                all.insert(name, median);
            }
        }
        all
    };
    let logarithm = (large.0 as f64).ln() / (small.0 as f64).ln();
    println!(
        "\ngrowth of one operation from {} to {} messages; that of log n is {logarithm:.2}",
        small.0, large.0
    );
    let mut lines = Vec::new();
    for (at, (client, _)) in contestants.iter().enumerate() {
        let (before, after) = (medians(small.1, at), medians(large.1, at));
        for (name, before) in before {
            let Some(after) = after.get(name) else { continue };
            let times = after / before;
            println!("  {client:<26} {name:<24} {times:8.2} x");
            lines.push(json!({
                "bench": "store-growth", "figure": name, "client": client, "from": small.0, "to": large.0,
                "growth": times, "growth_of_log_n": logarithm,
            }));
        }
    }
    lines.iter().for_each(|line| println!("{line}"));
}
