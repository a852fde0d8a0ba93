//! What changing and removing costs in a vault of some size, which `cargo xtask bench store` does not measure:
//! `cargo run --release -p nexus-vault --example store_speed -- 20000`.
#![allow(clippy::print_stdout)]

use std::sync::Arc;
use std::time::{Duration, Instant};

use nexus_vault::{
    Batch, Durability, Group, Indexed, Indexer, KdfParameters, Keyring, NewSlot, Options, Record,
    SecretString, Vault,
};

struct Plain;

impl Indexer for Plain {
    fn version(&self) -> u32 {
        1
    }

    fn index(&self, payload: &[u8]) -> Indexed {
        let labels =
            ["role=user", "agent=build", "model=made-up", "dir=/home", "dir=/home/a", "dir=/home/a/b"];
        let text = String::from_utf8_lossy(payload).into_owned();
        Indexed { text, labels: labels.map(str::to_owned).to_vec() }
    }
}

/// About 1 KB of words, some of them common.
fn text(mut seed: u64) -> Vec<u8> {
    let mut text = String::new();
    while text.len() < 1_000 {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        // The smaller the number, the more often it comes.
        let word = ((seed >> 33) % 200) * ((seed >> 45) % 150);
        text.push_str(&format!("w{word:x} "));
    }
    text.into_bytes()
}

fn record(group: usize, number: usize, seed: u64) -> Record {
    let (group, name) = (format!("group {group}"), format!("{number:08}"));
    Record { group, name, time: number as i64, amount: 0.0, payload: text(seed) }
}

fn timed<T>(what: &str, count: usize, work: impl FnOnce() -> T) -> T {
    let start = Instant::now();
    let result = work();
    println!("{what}: {:.1} µs each of {count}", 1e6 * start.elapsed().as_secs_f64() / count as f64);
    result
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let count: usize = std::env::args().nth(1).map_or(Ok(20_000), |count| count.parse())?;
    let folder = std::env::temp_dir().join(format!("store-speed-{}", std::process::id()));
    let options = Options {
        indexer: Arc::new(Plain),
        keyring: Keyring::system("store-speed"),
        readers: 4,
        busy_bound: Duration::from_secs(10),
    };
    let slot = NewSlot::Passphrase(SecretString::from("made up"), KdfParameters::default());
    let vault = Vault::create(&folder, slot, options)?.vault;
    let large = count / 4;
    timed("stored in bulk", count, || {
        for from in (0..count).step_by(500) {
            let mut batch = Batch::new();
            for number in from..count.min(from + 500) {
                // One group has a quarter of all, the others 50 each.
                let group = if number < large { 0 } else { 1 + number / 50 };
                batch.put_group(Group { name: format!("group {group}"), time: 1, payload: b"{}".to_vec() });
                batch.put_record(record(group, number, number as u64));
            }
            vault.write(batch, Durability::Process)?;
        }
        Ok::<_, nexus_vault::Error>(())
    })?;
    timed("replaced one by one", 100, || {
        for number in (large..count).step_by((count - large) / 100).take(100) {
            let mut batch = Batch::new();
            batch.put_record(record(1 + number / 50, number, 1 + count as u64 + number as u64));
            vault.write(batch, Durability::Process)?;
        }
        Ok::<_, nexus_vault::Error>(())
    })?;
    timed("removed one by one", 20, || {
        for number in (large + 1..count).step_by((count - large) / 20).take(20) {
            let mut batch = Batch::new();
            batch.remove_record(format!("group {}", 1 + number / 50), format!("{number:08}"));
            vault.write(batch, Durability::Process)?;
        }
        Ok::<_, nexus_vault::Error>(())
    })?;
    timed("removed with a group of 50", 50, || {
        let mut batch = Batch::new();
        batch.remove_group(format!("group {}", count / 50 - 1));
        vault.write(batch, Durability::Process)
    })?;
    timed("removed with a large group", large, || {
        let mut batch = Batch::new();
        batch.remove_group("group 0");
        vault.write(batch, Durability::Process)
    })?;
    timed("indexed anew", count - large, || vault.reindex(&mut |_, _| ()))?;
    timed("checked", count - large, || vault.check(&mut |_, _| ()))
        .map(|report| println!("{:?}", report.problems))?;
    vault.lock();
    std::fs::remove_dir_all(folder)?;
    Ok(())
}
