//! What the worker does: one mode each, until it is killed or has nothing more to do.
//!
//! Every line that it prints is a promise: what stands in it has happened.

use std::io::BufRead as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex, PoisonError};

use nexus_vault::{Batch, Durability, Group, Lockout, Record, SecretString, Unlock, Vault};

use super::story::{CHEAP, Model, PASSPHRASE, Step, Theme, options, with_passphrase};
use super::{keyring, plaintext};

/// How many batches are queued at once.
pub const QUEUE: u64 = 48;

#[derive(clap::Args)]
pub struct Arguments {
    mode: Mode,
    folder: PathBuf,
    more: Vec<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Mode {
    Append,
    Compact,
    Remove,
    Queue,
    Rekey,
    Passphrase,
    Backup,
    Reindex,
    Create,
    Lockout,
    Crowd,
    Hold,
    Unlock,
    Plaintext,
    Keyring,
}

pub fn run(arguments: &Arguments) -> Result<(), String> {
    let folder = &arguments.folder;
    let number =
        |at: usize| -> u64 { arguments.more.get(at).and_then(|text| text.parse().ok()).unwrap_or_default() };
    let done = match arguments.mode {
        Mode::Append => write(folder, Theme::Append, number(0), number(1)),
        Mode::Compact => write(folder, Theme::Compact, number(0), number(1)),
        Mode::Remove => write(folder, Theme::Remove, number(0), number(1)),
        Mode::Queue => queue(folder, number(0), number(1)),
        Mode::Rekey => rekey(folder),
        Mode::Passphrase => passphrase(folder, number(0)),
        Mode::Backup => backup(folder, number(0)),
        Mode::Reindex => reindex(folder),
        Mode::Create => create(folder),
        Mode::Lockout => lockout(folder),
        Mode::Crowd => crowd(folder, number(0), number(1)),
        Mode::Hold => hold(folder),
        Mode::Unlock => unlock(folder),
        Mode::Plaintext => return plaintext::work(folder),
        Mode::Keyring => return keyring::work(folder),
    };
    done.map_err(|error| format!("{error:?}"))
}

type Done = nexus_vault::Result<()>;

/// The recovery key, beside the vault: opening with it costs nothing.
pub fn recovery_file(folder: &Path) -> PathBuf {
    folder.with_extension("recovery")
}

/// Opens a vault by its recovery key.
pub fn open(folder: &Path) -> nexus_vault::Result<Vault> {
    open_by(folder, &recovery_file(folder))
}

/// Opens a vault by the recovery key in a file.
pub fn open_by(folder: &Path, recovery: &Path) -> nexus_vault::Result<Vault> {
    let key = std::fs::read_to_string(recovery)?;
    Vault::unlock(folder, Unlock::Recovery(SecretString::from(key)), options())
}

fn durability(step: &Step) -> Durability {
    if step.is_durable { Durability::Power } else { Durability::Process }
}

/// Goes on with a story; every step is acknowledged. An error ends it, and is told.
fn write(folder: &Path, theme: Theme, seed: u64, first: u64) -> Done {
    let vault = open(folder)?;
    let mut model = Model::read(&vault)?;
    println!("open");
    for number in first.. {
        let step = Step::new(theme, seed, number, &model);
        if let Err(error) = vault.write(step.batch(), durability(&step)) {
            println!("{:?}: {error}", error.kind());
            // Whether it goes on when there is space again, without being opened anew.
            wait_for_a_line();
            vault.write(step.batch(), durability(&step))?;
        }
        println!("ok {number}");
        model.apply(&step);
    }
    Ok(())
}

/// The same with many steps in the queue at once.
fn queue(folder: &Path, seed: u64, first: u64) -> Done {
    let vault = open(folder)?;
    let mut model = Model::read(&vault)?;
    let waiting = Arc::new((Mutex::new(0_u64), Condvar::new()));
    println!("open");
    for number in first.. {
        let step = Step::new(Theme::Append, seed, number, &model);
        model.apply(&step);
        {
            let (count, changed) = &*waiting;
            let mut count = count.lock().unwrap_or_else(PoisonError::into_inner);
            while *count >= QUEUE {
                count = changed.wait(count).unwrap_or_else(PoisonError::into_inner);
            }
            *count += 1;
        }
        let waiting = waiting.clone();
        vault.submit(step.batch(), durability(&step), move |done| {
            match done {
                Ok(_) => println!("ok {number}"),
                Err(error) => println!("{:?}: {error}", error.kind()),
            }
            let (count, changed) = &*waiting;
            *count.lock().unwrap_or_else(PoisonError::into_inner) -= 1;
            changed.notify_all();
        })?;
    }
    Ok(())
}

fn rekey(folder: &Path) -> Done {
    println!("open");
    for number in 0_u64.. {
        println!("go {number}");
        let created = Vault::rekey(folder, with_passphrase(), options(), &mut |_, _| {})?;
        println!("ok {number}");
        created.vault.lock();
    }
    Ok(())
}

/// The passphrase with a number at its end.
pub fn numbered(number: u64) -> SecretString {
    SecretString::from(format!("{PASSPHRASE} {number}"))
}

fn passphrase(folder: &Path, first: u64) -> Done {
    let vault = open(folder)?;
    println!("open");
    for number in first.. {
        println!("go {number}");
        vault.change_passphrase(numbered(number), CHEAP)?;
        println!("ok {number}");
    }
    Ok(())
}

fn backup(folder: &Path, first: u64) -> Done {
    let vault = open(folder)?;
    println!("open");
    for number in first.. {
        println!("go {number}");
        vault.backup(&folder.with_extension(format!("backup-{number}")), &mut |_, _| {})?;
        println!("ok {number}");
    }
    Ok(())
}

fn reindex(folder: &Path) -> Done {
    let vault = open(folder)?;
    println!("open");
    for number in 0_u64.. {
        println!("go {number}");
        vault.reindex(&mut |_, _| {})?;
        println!("ok {number}");
    }
    Ok(())
}

/// Makes a vault. Killed in the middle, it must be possible to make it again.
fn create(folder: &Path) -> Done {
    println!("open");
    println!("go 0");
    Vault::create(folder, super::story::slot(), options())?;
    println!("ok 0");
    wait_for_a_line();
    Ok(())
}

/// Fails, again and again.
fn lockout(file: &Path) -> Done {
    let lockout = Lockout::new(file, None);
    println!("open");
    for number in 0_u64.. {
        match lockout.attempt() {
            Ok(_failed) => println!("ok {number}"),
            Err(error) => {
                println!("{:?}: {error}", error.kind());
                wait_for_a_line();
            }
        }
    }
    Ok(())
}

/// One of several processes that write at once, each into a group of its own and into one of all.
fn crowd(folder: &Path, me: u64, count: u64) -> Done {
    let vault = open(folder)?;
    println!("open");
    wait_for_a_line();
    let (own, all) = (format!("own-{me}"), "all".to_owned());
    for number in 0..count {
        let mut batch = Batch::new();
        for name in [&own, &all] {
            batch.put_group(Group { name: name.clone(), time: 1, payload: Vec::new() });
            batch.put_record(Record {
                group: name.clone(),
                name: format!("{me}-{number:05}"),
                time: 1,
                amount: 0.0,
                payload: format!("written by {me} as {number}").into_bytes(),
            });
        }
        vault.write(batch, if number % 8 == 0 { Durability::Power } else { Durability::Process })?;
        println!("ok {number}");
    }
    Ok(())
}

/// Holds an open vault, and then a locked one, while its memory is looked at.
fn hold(folder: &Path) -> Done {
    let vault = Vault::unlock(folder, with_secret(&numbered(0)), options())?;
    let mut model = Model::read(&vault)?;
    for number in 0..40 {
        let step = Step::new(Theme::Append, 5, number, &model);
        vault.write(step.batch(), durability(&step))?;
        model.apply(&step);
    }
    let search = nexus_vault::Search { text: nexus_vault::TextQuery::parse("lantern"), ..Default::default() };
    vault.search(&search)?;
    println!("unlocked");
    wait_for_a_line();
    vault.lock();
    println!("locked {}", vault.is_locked());
    wait_for_a_line();
    Ok(())
}

/// Opens by a passphrase and says how that went.
fn unlock(folder: &Path) -> Done {
    match Vault::unlock(folder, with_passphrase(), options()) {
        Ok(_) => println!("open"),
        Err(error) => println!("{:?}: {error}", error.kind()),
    }
    println!("peak {}", peak());
    Ok(())
}

fn with_secret(secret: &SecretString) -> Unlock {
    Unlock::Passphrase(secret.clone())
}

/// The most memory that this process had, in KiB.
fn peak() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.and_then(|rest| rest.split_whitespace().next()?.parse().ok()).unwrap_or_default()
}

/// Until somebody says something, or nobody can any more.
pub fn wait_for_a_line() {
    let mut line = String::new();
    // Whether there was one or the end, the wait is over.
    let _ = std::io::stdin().lock().read_line(&mut line);
}
