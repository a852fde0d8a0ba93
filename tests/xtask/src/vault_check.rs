//! `cargo xtask vault-check`: the promises of the encrypted store, each done to real files, processes and keyrings.
//!
//! What can be shown inside of one process is a test of `nexus-vault` or of the SDK; those are run by their names, and one
//! that is gone is a failure. What needs processes is done here, by this program as its own worker: kills, crowds, full
//! disks, keyrings that hang, and a look into files and memory for what must not be there.

mod crowd;
mod hostile;
mod keyring;
mod kills;
mod lockouts;
mod memory;
mod named;
mod plaintext;
mod process;
mod report;
mod space;
mod story;
pub mod worker;

use std::path::Path;
use std::time::Instant;

use report::Report;

#[derive(clap::Args)]
pub struct Arguments {
    /// Only these groups of checks.
    #[arg(long, value_delimiter = ',')]
    only: Vec<Group>,
    /// At least so many kills.
    #[arg(long, default_value_t = 240)]
    kills: usize,
    /// Seed of everything random; printed, so that a run can be repeated.
    #[arg(long)]
    seed: Option<u64>,
}

/// A group of checks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Group {
    /// A process that writes is killed at random moments.
    Kills,
    /// Several processes write at once.
    Crowd,
    /// Full disks, folders that cannot be written, disks that fail.
    Space,
    /// Key slots made to exhaust the machine.
    Hostile,
    /// The counter of failed attempts.
    Lockout,
    /// Words in files, logs and errors.
    Plaintext,
    /// Keys in memory.
    Memory,
    /// A real keyring in every state.
    Keyring,
    /// Tests of the crates, by name.
    Named,
}

const ALL: &[Group] = &[
    Group::Hostile,
    Group::Lockout,
    Group::Crowd,
    Group::Space,
    Group::Plaintext,
    Group::Memory,
    Group::Keyring,
    Group::Kills,
    Group::Named,
];

pub fn run(root: &Path, arguments: &Arguments) -> Result<(), String> {
    let seed = arguments.seed.unwrap_or_else(rand::random);
    println!("seed {seed}");
    let started = Instant::now();
    let mut report = Report::default();
    for group in ALL.iter().filter(|group| arguments.only.is_empty() || arguments.only.contains(group)) {
        match group {
            Group::Kills => kills::run(&mut report, arguments.kills, seed),
            Group::Crowd => crowd::run(&mut report),
            Group::Space => space::run(&mut report, seed),
            Group::Hostile => hostile::run(&mut report),
            Group::Lockout => lockouts::run(&mut report, seed),
            Group::Plaintext => plaintext::run(&mut report),
            Group::Memory => memory::run(&mut report),
            Group::Keyring => keyring::run(&mut report)?,
            Group::Named => named::run(root, &mut report)?,
        }
    }
    let Report { checks, failed, lost, hits } = report;
    let line = serde_json::json!({
        "seed": seed, "checks": checks, "failed": failed, "acknowledged_writes_lost": lost, "plaintext_hits": hits,
        "seconds": started.elapsed().as_secs(),
    });
    println!("{line}");
    println!("checks {checks}, failed {failed}, acknowledged writes lost {lost}, plaintext hits {hits}");
    if checks == 0 || failed + lost + hits > 0 {
        return Err("vault-check: not every promise was kept".to_owned());
    }
    Ok(())
}
