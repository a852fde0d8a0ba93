//! A story of writes that follows from a seed, and a model of what a vault holds after each of its steps.
//!
//! The process that is killed and the one that looks afterwards make the same steps, so nothing but a number has to
//! reach us out of the killed one.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use nexus_vault::{
    Backend, Batch, Group, Indexed, Indexer, KdfParameters, Keyring, NewSlot, Options, Record, SecretString,
    Unlock, Vault,
};
use rand::rngs::StdRng;
use rand::{Rng as _, SeedableRng as _};

/// The passphrase of every vault here.
pub const PASSPHRASE: &str = "made-up passphrase for the checks";
/// As cheap as it may be: what is tested is not its cost.
pub const CHEAP: KdfParameters = KdfParameters::LEAST;
const SHELF: &str = "marks";

/// Payloads are text.
struct Texts;

impl Indexer for Texts {
    fn version(&self) -> u32 {
        1
    }

    fn index(&self, payload: &[u8]) -> Indexed {
        let text = String::from_utf8_lossy(payload).into_owned();
        let labels = vec![format!("first={}", text.chars().next().unwrap_or('-'))];
        Indexed { text, labels }
    }
}

/// Without any keyring: these checks must not touch that of a person.
pub fn options() -> Options {
    options_with(Keyring::new(Backend::None, "nexus-vault-check"))
}

/// With a certain keyring.
pub fn options_with(keyring: Keyring) -> Options {
    Options { indexer: Arc::new(Texts), keyring, readers: 2, busy_bound: Duration::from_secs(30) }
}

/// The passphrase as a slot.
pub fn slot() -> NewSlot {
    NewSlot::Passphrase(SecretString::from(PASSPHRASE), CHEAP)
}

/// The passphrase as a key.
pub fn with_passphrase() -> Unlock {
    Unlock::Passphrase(SecretString::from(PASSPHRASE))
}

/// What a story is mostly about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Theme {
    /// New records, and a little of everything.
    Append,
    /// Chunks, and records that replace them.
    Compact,
    /// Groups that come with all their records and go again.
    Remove,
}

/// One write.
#[derive(Clone, Debug)]
enum Write {
    PutGroup(String, i64, Vec<u8>),
    RemoveGroup(String),
    PutRecord(Record),
    RemoveRecord(String, String),
    Append(String, String, Vec<u8>),
    PutEntry(String, Vec<u8>),
    RemoveEntry(String),
}

/// Writes that happen together.
pub struct Step {
    writes: Vec<Write>,
    /// Whether it must survive the loss of power.
    pub is_durable: bool,
}

/// Everything that a vault holds.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Model {
    groups: BTreeMap<String, Contents>,
    entries: BTreeMap<String, Vec<u8>>,
}

#[derive(Clone, Debug, Default, PartialEq)]
struct Contents {
    time: i64,
    payload: Vec<u8>,
    records: BTreeMap<String, Record>,
    chunks: BTreeMap<String, Vec<Vec<u8>>>,
}

impl Model {
    /// Reads everything out of a vault.
    pub fn read(vault: &Vault) -> nexus_vault::Result<Self> {
        let mut model = Self::default();
        for group in vault.groups(0, usize::MAX / 4)? {
            // Gone in between is gone.
            let Some(content) = vault.read_group(&group.name)? else { continue };
            let records = content.records.into_iter().map(|record| (record.name.clone(), record)).collect();
            let Group { name, time, payload } = content.group;
            let chunks = content.unfinished.into_iter().collect();
            model.groups.insert(name, Contents { time, payload, records, chunks });
        }
        model.entries = vault.entries(SHELF)?.into_iter().collect();
        Ok(model)
    }

    /// Does a step.
    pub fn apply(&mut self, step: &Step) {
        for write in step.writes.iter().cloned() {
            match write {
                Write::PutGroup(name, time, payload) => {
                    let contents = self.groups.entry(name).or_default();
                    (contents.time, contents.payload) = (time, payload);
                }
                Write::RemoveGroup(name) => drop(self.groups.remove(&name)),
                Write::PutRecord(record) => {
                    let Some(contents) = self.groups.get_mut(&record.group) else { continue };
                    contents.chunks.remove(&record.name);
                    contents.records.insert(record.name.clone(), record);
                }
                Write::RemoveRecord(group, name) => {
                    let Some(contents) = self.groups.get_mut(&group) else { continue };
                    contents.chunks.remove(&name);
                    contents.records.remove(&name);
                }
                Write::Append(group, name, bytes) => {
                    let Some(contents) = self.groups.get_mut(&group) else { continue };
                    contents.chunks.entry(name).or_default().push(bytes);
                }
                Write::PutEntry(name, bytes) => drop(self.entries.insert(name, bytes)),
                Write::RemoveEntry(name) => drop(self.entries.remove(&name)),
            }
        }
    }

    /// The first difference to another one, for a person.
    pub fn difference(&self, other: &Self) -> String {
        for (name, here) in &self.groups {
            let Some(there) = other.groups.get(name) else { return format!("group {name} is gone") };
            for (record, value) in &here.records {
                if there.records.get(record) != Some(value) {
                    return format!("record {name}/{record} is gone or another");
                }
            }
            if here.chunks != there.chunks {
                return format!("chunks of {name} differ");
            }
            if here != there {
                return format!("group {name} differs");
            }
        }
        if let Some(name) = other.groups.keys().find(|name| !self.groups.contains_key(*name)) {
            return format!("group {name} should not be there");
        }
        if self.entries == other.entries { "none".to_owned() } else { "entries differ".to_owned() }
    }
}

impl Step {
    /// Step `number` of the story `seed`, for a vault that holds `model`.
    pub fn new(theme: Theme, seed: u64, number: u64, model: &Model) -> Self {
        let mut random = StdRng::seed_from_u64(seed ^ (number + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15));
        let is_durable = random.random_bool(0.3);
        let mut writes = Vec::new();
        let count = random.random_range(1..=4);
        let mut model = model.clone();
        for _ in 0..count {
            let some = one(theme, &mut random, &model);
            let step = Self { writes: some, is_durable };
            model.apply(&step);
            writes.extend(step.writes);
        }
        Self { writes, is_durable }
    }

    /// For the vault.
    pub fn batch(&self) -> Batch {
        let mut batch = Batch::new();
        for write in self.writes.iter().cloned() {
            match write {
                Write::PutGroup(name, time, payload) => batch.put_group(Group { name, time, payload }),
                Write::RemoveGroup(name) => batch.remove_group(name),
                Write::PutRecord(record) => batch.put_record(record),
                Write::RemoveRecord(group, name) => batch.remove_record(group, name),
                Write::Append(group, name, bytes) => batch.append_chunk(group, name, bytes),
                Write::PutEntry(name, bytes) => batch.put_entry(SHELF, name, bytes),
                Write::RemoveEntry(name) => batch.remove_entry(SHELF, name),
            };
        }
        batch
    }
}

fn one(theme: Theme, random: &mut StdRng, model: &Model) -> Vec<Write> {
    let group = format!("g{:02}", random.random_range(0..10));
    let name = format!("r{:03}", random.random_range(0..40));
    let Some(contents) = model.groups.get(&group) else {
        let mut writes =
            vec![Write::PutGroup(group.clone(), random.random_range(0..1_000_000), text(random, 40))];
        let records = if theme == Theme::Remove { 40 } else { 2 };
        writes.extend((0..records).map(|n| Write::PutRecord(record(random, &group, &format!("r{n:03}")))));
        return writes;
    };
    let dice = random.random_range(0..100);
    let write = match theme {
        Theme::Append => match dice {
            0..60 => Write::PutRecord(record(random, &group, &name)),
            60..75 => Write::Append(group, name, text(random, 400)),
            75..85 => Write::PutEntry(format!("e{}", random.random_range(0..20)), text(random, 100)),
            85..90 => Write::RemoveEntry(format!("e{}", random.random_range(0..20))),
            90..96 => Write::RemoveRecord(group, name),
            96..99 => Write::PutGroup(group, random.random_range(0..1_000_000), text(random, 40)),
            _ => Write::RemoveGroup(group),
        },
        Theme::Compact => {
            // What has chunks gets more of them, or is finished.
            let open = contents.chunks.keys().next().cloned();
            match (dice, open) {
                (0..70, Some(open)) => Write::Append(group, open, text(random, 2_000)),
                (70..100, Some(open)) => Write::PutRecord(record(random, &group, &open)),
                _ => Write::Append(group, name, text(random, 2_000)),
            }
        }
        Theme::Remove => Write::RemoveGroup(group),
    };
    vec![write]
}

fn record(random: &mut StdRng, group: &str, name: &str) -> Record {
    Record {
        group: group.to_owned(),
        name: name.to_owned(),
        time: random.random_range(0..1_000_000),
        amount: f64::from(random.random_range(0..100)) / 4.0,
        payload: text(random, 1_500),
    }
}

fn text(random: &mut StdRng, longest: usize) -> Vec<u8> {
    let length = random.random_range(1..=longest);
    let mut text = String::new();
    while text.len() < length {
        text.push_str(
            ["river ", "stone ", "lantern ", "été ", "木 ", "fn main() ", "0x2a "][random.random_range(0..7)],
        );
    }
    text.into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_vault_holds_what_the_model_says_after_every_step() {
        let folder = tempfile::tempdir().expect("a folder");
        for theme in [Theme::Append, Theme::Compact, Theme::Remove] {
            let place = folder.path().join(format!("{theme:?}"));
            let vault = Vault::create(&place, slot(), options()).expect("a vault").vault;
            let mut model = Model::default();
            for number in 0..60 {
                let step = Step::new(theme, 7, number, &model);
                vault.write(step.batch(), nexus_vault::Durability::Process).expect("written");
                model.apply(&step);
                assert_eq!(Model::read(&vault).expect("read"), model, "{theme:?} {number}");
            }
        }
    }
}
