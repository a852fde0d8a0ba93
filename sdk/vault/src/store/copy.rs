//! Whole files: a copy under the same keys, and everything anew under other keys.

use std::path::Path;

use rusqlite::Connection;
use rusqlite::backup::{Backup, StepResult};

use super::Opened;
use super::connection::{self, Explain, Role, run};
use super::read::{GroupKeys, Piece, walk};
use super::types::{Batch, Durability};
use super::work::{StoredGroup, read_head};
use super::{Store, read};
use crate::error::{Error, ErrorKind, Result};
use crate::vault::Progress;

/// So many pages at a time.
const PAGES: i32 = 256;
/// So many bytes of records in one transaction, when everything is written anew.
const BATCH: usize = 4 << 20;

/// Makes an empty file that only its owner can read.
pub(super) fn new_file(file: &Path) -> Result<()> {
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(file).map(drop).map_err(|error| match error.kind() {
        std::io::ErrorKind::AlreadyExists => Error::new(ErrorKind::Exists, "there is a database already"),
        _ => Error::from(error),
    })
}

/// Copies what `from` sees (it is in a transaction) into a new file under the same key, and makes sure that it is on disk.
pub(super) fn copy(from: &Connection, opened: &Opened, file: &Path, progress: Progress<'_>) -> Result<()> {
    new_file(file)?;
    let copied = copy_into(from, opened, file, progress);
    if copied.is_err() {
        discard(file);
    }
    copied
}

fn copy_into(from: &Connection, opened: &Opened, file: &Path, progress: Progress<'_>) -> Result<()> {
    // The first look fixes the moment that is copied.
    read_head(from, &opened.secrets)?;
    let mut to = connection::open(file, &opened.keys.database, Role::Writer, std::time::Duration::ZERO)?;
    {
        let backup = Backup::new(from, &mut to).explain(from)?;
        loop {
            match backup.step(PAGES).explain(from)? {
                StepResult::Done => break,
                StepResult::More => {
                    let done = backup.progress();
                    let total = u64::try_from(done.pagecount).unwrap_or(0);
                    progress(total.saturating_sub(u64::try_from(done.remaining).unwrap_or(0)), total);
                }
                _ => return Err(Error::new(ErrorKind::Busy, "the copy is in use").with_hint("try again")),
            }
        }
    }
    run(&to, "PRAGMA wal_checkpoint(TRUNCATE)")?;
    drop(to);
    sync(file)
}

/// Makes sure that a file and its name are on disk.
pub(super) fn sync(file: &Path) -> Result<()> {
    std::fs::OpenOptions::new().write(true).open(file)?.sync_all()?;
    #[cfg(unix)]
    if let Some(folder) = file.parent() {
        std::fs::File::open(folder)?.sync_all()?;
    }
    Ok(())
}

/// Removes a database file that was not finished, with what stands beside it.
pub(super) fn discard(file: &Path) {
    for suffix in ["", "-wal", "-shm", "-journal"] {
        let mut name = file.as_os_str().to_owned();
        name.push(suffix);
        if let Err(error) = std::fs::remove_file(&name)
            && error.kind() != std::io::ErrorKind::NotFound
        {
            tracing::warn!(%error, "an unfinished database could not be removed");
        }
    }
}

/// Writes everything into another, new store. What does not verify is an error: sealing it anew would make it look sound.
pub(super) fn rewrite(from: &Connection, opened: &Opened, to: &Store, progress: Progress<'_>) -> Result<()> {
    let head = read_head(from, &opened.secrets)?;
    super::check::compare_store(from, opened, &head)?;
    let mut after = i64::MIN;
    let mut done = 0;
    while let Some(group) = next_group(from, opened, after)? {
        after = group.id;
        rewrite_group(from, opened, group, to, &mut |records| {
            done += records;
            progress(done, head.records);
        })?;
    }
    rewrite_entries(from, opened, to)?;
    to.take_over(head.generation)
}

/// The group with the next number.
pub(super) fn next_group(from: &Connection, opened: &Opened, after: i64) -> Result<Option<StoredGroup>> {
    use rusqlite::OptionalExtension as _;
    from.prepare_cached("SELECT id, name, time, state, sealed FROM groups WHERE id > ?1 ORDER BY id LIMIT 1")
        .and_then(|mut select| {
            select.query_row([after], |row| StoredGroup::from_row(row, &opened.secrets)).optional()
        })
        .explain(from)?
        .transpose()
}

fn rewrite_group(
    from: &Connection,
    opened: &Opened,
    stored: StoredGroup,
    to: &Store,
    done: &mut dyn FnMut(u64),
) -> Result<()> {
    let name = stored.name.clone();
    let mut keys = GroupKeys::new(from, &opened.secrets, stored.id);
    let mut batch = Batch::new();
    let group = read::group(from, opened, &name)?.ok_or_else(|| connection::damaged("a group is missing"))?;
    batch.put_group(group);
    let mut records = 0;
    let found = walk(from, &opened.secrets, &stored, &mut keys, &mut |piece| {
        match piece? {
            Piece::Record(_, record) => {
                batch.put_record(record);
                records += 1;
            }
            Piece::Chunk(record, bytes) => {
                batch.append_chunk(name.clone(), record, bytes);
            }
        }
        if batch.weight() > BATCH {
            to.write(std::mem::take(&mut batch), Durability::Process)?;
            done(std::mem::take(&mut records));
        }
        Ok(())
    })?;
    found.compare(&stored)?;
    to.write(batch, Durability::Process)?;
    done(records);
    Ok(())
}

fn rewrite_entries(from: &Connection, opened: &Opened, to: &Store) -> Result<()> {
    let mut select = from.prepare("SELECT DISTINCT shelf FROM entries ORDER BY shelf").explain(from)?;
    let shelves: Vec<String> =
        select.query_map([], |row| row.get(0)).and_then(Iterator::collect).explain(from)?;
    for shelf in shelves {
        let mut batch = Batch::new();
        for (name, bytes) in read::entries(from, opened, &shelf)? {
            batch.put_entry(shelf.clone(), name, bytes);
            if batch.weight() > BATCH {
                to.write(std::mem::take(&mut batch), Durability::Process)?;
            }
        }
        to.write(batch, Durability::Process)?;
    }
    Ok(())
}
