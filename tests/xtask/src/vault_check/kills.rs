//! Kills a process that writes, at random moments, and looks what is there afterwards.
//!
//! What was acknowledged must be there; of what was on its way, either all of a step or nothing; and nothing else. The
//! vault of one kind lives on from kill to kill, as it would with a person whose machine is unlucky.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use nexus_vault::{ErrorKind, Unlock, Vault};
use rand::rngs::StdRng;
use rand::{Rng as _, SeedableRng as _};

use super::process::Worker;
use super::report::{Checked, Report, because};
use super::story::{Model, Step, Theme, options, slot, with_passphrase};
use super::worker::{QUEUE, numbered, open, open_by, recovery_file};

/// One kind of work that is killed, and its share of all kills.
struct Kind {
    name: &'static str,
    mode: &'static str,
    share: f64,
    one: fn(&mut Place, &mut StdRng) -> Checked,
}

const KINDS: &[Kind] = &[
    Kind { name: "appending", mode: "append", share: 0.24, one: |p, r| story(p, r, Theme::Append, 1) },
    Kind {
        name: "compacting chunks",
        mode: "compact",
        share: 0.16,
        one: |p, r| story(p, r, Theme::Compact, 1),
    },
    Kind { name: "removing groups", mode: "remove", share: 0.12, one: |p, r| story(p, r, Theme::Remove, 1) },
    Kind {
        name: "writing with a full queue",
        mode: "queue",
        share: 0.12,
        one: |p, r| story(p, r, Theme::Append, QUEUE),
    },
    Kind { name: "a new master key", mode: "rekey", share: 0.1, one: rekey },
    Kind { name: "a new passphrase", mode: "passphrase", share: 0.1, one: passphrase },
    Kind { name: "a backup", mode: "backup", share: 0.06, one: backup },
    Kind { name: "a new index", mode: "reindex", share: 0.06, one: reindex },
    Kind { name: "making a vault", mode: "create", share: 0.04, one: create },
];

/// Where one kind of work is done.
struct Place {
    folder: PathBuf,
    mode: &'static str,
    seed: u64,
    /// How many steps, changes or copies are surely done.
    next: u64,
    model: Model,
    /// How long one piece of work took at most so far.
    longest: Duration,
    lost: usize,
}

/// Kills `kills` times in all.
pub fn run(report: &mut Report, kills: usize, seed: u64) {
    for (place, kind) in KINDS.iter().enumerate() {
        let count = ((kills as f64 * kind.share).ceil() as usize).max(1);
        let name = format!("killed {count} times: {}", kind.name);
        report.check_with(&name, |report| {
            let mut random = StdRng::seed_from_u64(seed ^ ((place as u64) << 32));
            let folder = tempfile::tempdir().map_err(because("a folder"))?;
            let mut place = prepared(folder.path(), kind, random.random())?;
            let mut failures = Vec::new();
            for kill in 0..count {
                if let Err(why) = (kind.one)(&mut place, &mut random) {
                    failures.push(format!("kill {kill}: {why}"));
                    break;
                }
            }
            report.lost += place.lost;
            failures.pop().map_or(Ok(()), Err)
        });
    }
}

fn prepared(folder: &Path, kind: &Kind, seed: u64) -> Result<Place, String> {
    let folder = folder.join("vault");
    let mut place = Place {
        folder,
        mode: kind.mode,
        seed,
        next: 0,
        model: Model::default(),
        longest: Duration::from_millis(60),
        lost: 0,
    };
    if kind.mode == "create" {
        return Ok(place);
    }
    let created = Vault::create(&place.folder, slot(), options()).map_err(because("creating"))?;
    std::fs::write(recovery_file(&place.folder), created.recovery.expose()).map_err(because("recovery"))?;
    // Something to copy, to seal anew and to index.
    for number in 0..60 {
        let step = Step::new(Theme::Append, !seed, number, &place.model);
        let written = created.vault.write(step.batch(), nexus_vault::Durability::Process);
        written.map_err(because("writing"))?;
        place.model.apply(&step);
    }
    created.vault.lock();
    Ok(place)
}

/// Looks at an open vault: it must hold one of these, and be sound.
fn holds(vault: &Vault, candidates: &[Model]) -> Result<usize, String> {
    let found = Model::read(vault).map_err(because("reading"))?;
    let report = vault.check(&mut |_, _| {}).map_err(because("checking"))?;
    if let Some(problem) = report.problems.first() {
        return Err(format!("{} problems: {problem}", report.problems.len()));
    }
    let at = candidates.iter().position(|model| *model == found);
    at.ok_or_else(|| format!("not what was written: {}", candidates[0].difference(&found)))
}

/// How far the acknowledgements go: one behind the last `ok N`.
fn acknowledged(lines: &[String], first: u64) -> Result<u64, String> {
    let mut next = first;
    for line in lines {
        match line.strip_prefix("ok ").and_then(|number| number.parse::<u64>().ok()) {
            Some(number) if number == next => next += 1,
            Some(number) => return Err(format!("{number} was acknowledged before {next}")),
            None if line == "open" || line.starts_with("go ") => {}
            None => return Err(format!("the worker said {line:?}")),
        }
    }
    Ok(next)
}

/// A story of writes; up to `ahead` steps may be done that were not acknowledged.
fn story(place: &mut Place, random: &mut StdRng, theme: Theme, ahead: u64) -> Checked {
    let numbers = [place.seed.to_string(), place.next.to_string()];
    let mut worker = Worker::start(place.mode, &place.folder, &[&numbers[0], &numbers[1]])?;
    let mut lines = Vec::new();
    // Now and then while it opens, otherwise after some steps.
    let steps = random.random_range(0..24);
    while lines.len() < steps {
        lines.push(worker.line()?.ok_or("the worker ended by itself")?);
    }
    std::thread::sleep(Duration::from_micros(random.random_range(0..4_000)));
    lines.extend(worker.kill()?);
    let next = acknowledged(&lines, place.next)?;
    let mut candidates = vec![place.model.clone()];
    for number in place.next..next + ahead {
        let model = candidates.last().cloned().unwrap_or_default();
        let step = Step::new(theme, place.seed, number, &model);
        let mut after = model;
        after.apply(&step);
        candidates.push(after);
    }
    let behind = (next - place.next) as usize;
    let vault = open(&place.folder).map_err(because("opening"))?;
    let found = holds(&vault, &candidates[behind..]);
    if let Err(why) = &found {
        // An older state is what was lost; anything else is worse.
        let older = holds(&vault, &candidates[..behind]);
        place.lost += older.as_ref().map_or(1, |at| behind - at);
        return Err(format!("{why}; as it was before: {older:?}"));
    }
    let at = behind + found?;
    place.model = candidates.swap_remove(at);
    place.next += at as u64;
    vault.lock();
    Ok(())
}

/// Kills somewhere in one piece of work; how many pieces were acknowledged.
fn interrupted(place: &mut Place, random: &mut StdRng, more: &[&str]) -> Result<u64, String> {
    let mut worker = Worker::start(place.mode, &place.folder, more)?;
    let mut lines = Vec::new();
    let pieces = random.random_range(0..2);
    let mut begun = Instant::now();
    loop {
        let line = worker.line()?.ok_or_else(|| format!("the worker ended by itself after {lines:?}"))?;
        if line.starts_with("ok ") {
            place.longest = begun.elapsed();
        }
        let is_last = line.starts_with("go ")
            && lines.iter().filter(|l: &&String| l.starts_with("go ")).count() == pieces;
        begun = if line.starts_with("go ") { Instant::now() } else { begun };
        let only_one = place.mode == "create";
        lines.push(line);
        if is_last || (only_one && lines.len() == 2) {
            break;
        }
    }
    let longest = place.longest.as_micros().max(1_000) as u64;
    std::thread::sleep(Duration::from_micros(random.random_range(0..longest + longest / 10)));
    lines.extend(worker.kill()?);
    acknowledged(&lines, place.next)
}

fn rekey(place: &mut Place, random: &mut StdRng) -> Checked {
    interrupted(place, random, &[])?;
    let vault = Vault::unlock(&place.folder, with_passphrase(), options()).map_err(because("opening"))?;
    holds(&vault, std::slice::from_ref(&place.model))?;
    let left = databases(&place.folder)?;
    vault.lock();
    if left == 1 { Ok(()) } else { Err(format!("{left} databases are left")) }
}

fn databases(folder: &Path) -> Result<usize, String> {
    let entries = std::fs::read_dir(folder).map_err(because("the folder"))?;
    let names = entries.flatten().map(|entry| entry.file_name().to_string_lossy().into_owned());
    Ok(names.filter(|name| name.ends_with(".db")).count())
}

/// Exactly one passphrase opens: the last that was acknowledged, or the one that was on its way.
fn passphrase(place: &mut Place, random: &mut StdRng) -> Checked {
    let next = interrupted(place, random, &[&place.next.to_string()])?;
    let opens = |number: u64| -> Result<bool, String> {
        let passphrase =
            if number == 0 { with_passphrase() } else { Unlock::Passphrase(numbered(number - 1)) };
        match Vault::unlock(&place.folder, passphrase, options()) {
            Ok(vault) => {
                holds(&vault, std::slice::from_ref(&place.model))?;
                vault.lock();
                Ok(true)
            }
            Err(error) if error.kind() == ErrorKind::WrongKey => Ok(false),
            Err(error) => Err(format!("opening: {error}")),
        }
    };
    let (last, on_its_way) = (opens(next)?, opens(next + 1)?);
    if next > 0 && opens(next - 1)? {
        return Err("the passphrase before opens the vault again".to_owned());
    }
    place.next = next + u64::from(on_its_way);
    if last == on_its_way {
        place.lost += usize::from(!last);
        return Err(format!("the last passphrase opens: {last}, the one on its way: {on_its_way}"));
    }
    Ok(())
}

fn backup(place: &mut Place, random: &mut StdRng) -> Checked {
    let first = place.next;
    let next = interrupted(place, random, &[&first.to_string()])?;
    let model = std::slice::from_ref(&place.model);
    let vault = open(&place.folder).map_err(because("opening"))?;
    holds(&vault, model)?;
    vault.lock();
    for number in first..=next {
        let copy = place.folder.with_extension(format!("backup-{number}"));
        match open_by(&copy, &recovery_file(&place.folder)) {
            Ok(vault) => {
                holds(&vault, model)?;
                vault.lock();
            }
            Err(error) if number < next => {
                place.lost += 1;
                return Err(format!("a finished copy does not open: {error}"));
            }
            // Not finished, and it says so.
            Err(error) if [ErrorKind::NotFound, ErrorKind::Damaged].contains(&error.kind()) => {}
            Err(error) => return Err(format!("a copy that was not finished: {error}")),
        }
        // One that never began is not there.
        std::fs::remove_dir_all(&copy)
            .or_else(|error| if copy.exists() { Err(error) } else { Ok(()) })
            .map_err(because("removing a copy"))?;
    }
    place.next = next + 1;
    Ok(())
}

fn reindex(place: &mut Place, random: &mut StdRng) -> Checked {
    interrupted(place, random, &[])?;
    let vault = open(&place.folder).map_err(because("opening"))?;
    holds(&vault, std::slice::from_ref(&place.model))?;
    vault.lock();
    Ok(())
}

/// Either there is a vault that opens, or none, and then it can be made in the same folder.
fn create(place: &mut Place, random: &mut StdRng) -> Checked {
    let done = interrupted(place, random, &[])? > 0;
    let vault = match Vault::unlock(&place.folder, with_passphrase(), options()) {
        Err(error) if !done && error.kind() == ErrorKind::NotFound => {
            Vault::create(&place.folder, slot(), options()).map_err(because("making it again"))?.vault
        }
        other => other.map_err(because("opening"))?,
    };
    holds(&vault, &[Model::default()])?;
    vault.lock();
    std::fs::remove_dir_all(&place.folder).map_err(because("removing"))
}
