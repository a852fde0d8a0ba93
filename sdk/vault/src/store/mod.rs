//! Groups, records, entries and search over one encrypted database.
//!
//! Three layers keep what is stored. The file is encrypted page by page (SQLCipher), so that nothing of it can be read, not
//! even the words of the index. Every record, chunk, entry and payload is sealed on its own (`secrets`), so that none can
//! be moved or changed. Sums over sets of them (`sum`) show what was taken out or put back.
//!
//! One thread writes (`writer`), a transaction at a time (`work`, `apply`, `rows`, `index`); a few connections read (`readers`,
//! `read`, `search`, `check`). `connection` and `cipher` open files, `schema` knows the tables and how they came to be,
//! `open` puts it together, `copy` makes whole files.

mod apply;
mod check;
mod cipher;
mod connection;
mod copy;
mod index;
mod open;
mod read;
mod readers;
mod rows;
mod schema;
mod search;
mod secrets;
mod state;
mod sum;
#[cfg(test)]
mod tests;
mod types;
mod work;
mod writer;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use readers::Readers;
use secrets::Secrets;
pub use types::{
    Batch, CheckReport, Durability, Group, GroupContent, Hit, Indexed, Indexer, Order, Record, Search,
    SearchPage, StoreUsage, Written,
};
use writer::Writer;

use crate::error::{Error, ErrorKind, Result};
use crate::keys::Key;
use crate::vault::Progress;

/// What a store needs to know of the keys.
#[derive(Clone)]
pub(crate) struct StoreKeys {
    /// The vault's name; part of what every envelope authenticates.
    pub vault: [u8; 16],
    /// Encrypts the file.
    pub database: Key,
    /// Wraps the keys of groups.
    pub kek: Key,
    /// Makes the sums that show whether rows were put back.
    pub sum: Key,
}

/// The keys of an open store.
struct Opened {
    keys: StoreKeys,
    secrets: Secrets,
}

/// One open database: a writer's thread and a pool of readers.
pub(crate) struct Store {
    file: PathBuf,
    writer: Writer,
    readers: Readers,
    indexer: Arc<dyn Indexer>,
}

/// So many records are indexed in one transaction when the index is made anew: about a tenth of a second.
const INDEX_STEP: usize = 1_000;

impl Store {
    /// Writes what is queued, then closes every connection and clears the keys; calls fail with `Locked` from then on.
    pub(crate) fn close(&self) {
        self.writer.close();
        self.readers.close();
    }

    /// How often the vault was opened for writing; counted up by [`open`](Self::open).
    pub(crate) fn generation(&self) -> Result<u64> {
        self.readers.read(|connection, opened| Ok(work::read_head(connection, &opened.secrets)?.generation))
    }

    /// Writes everything into a new file under other keys, every record sealed anew.
    pub(crate) fn rewrite(&self, file: &Path, keys: StoreKeys, progress: Progress<'_>) -> Result<()> {
        let to = Self::make(file, keys, Arc::clone(&self.indexer), open::Settings::default())?;
        let written =
            self.readers.read(|connection, opened| copy::rewrite(connection, opened, &to, progress));
        to.close();
        let written = written.and_then(|()| copy::sync(file));
        if written.is_err() {
            copy::discard(file);
        }
        written
    }

    /// Counts on from where another file was.
    fn take_over(&self, generation: u64) -> Result<()> {
        self.writer.task(move |context| {
            context.transact(Durability::Power, |work| {
                work.head.generation = generation;
                Ok(())
            })
        })
    }

    /// Writes a copy of the file under the same keys, consistent while others write.
    pub(crate) fn copy(&self, file: &Path, progress: Progress<'_>) -> Result<()> {
        self.readers.read(|connection, opened| copy::copy(connection, opened, file, progress))
    }

    /// Looks at everything.
    pub(crate) fn check(&self, progress: Progress<'_>) -> Result<CheckReport> {
        self.readers
            .read(|connection, opened| check::check(connection, opened, self.indexer.as_ref(), progress))
    }

    /// Makes the index anew.
    pub(crate) fn reindex(&self, progress: Progress<'_>) -> Result<()> {
        self.writer.task(|context| context.transact(Durability::Process, index::restart))?;
        self.complete_index(progress)
    }

    /// Goes on with an index that is being made, a step at a time; writes come in between.
    fn complete_index(&self, progress: Progress<'_>) -> Result<()> {
        let mut done = 0;
        loop {
            let (complete, total) = self.writer.task(|context| {
                context.transact(Durability::Process, |work| {
                    Ok((index::step(work, INDEX_STEP)?, work.head.records))
                })
            })?;
            done = if complete { total } else { total.min(done + INDEX_STEP as u64) };
            progress(done, total);
            if complete {
                return Ok(());
            }
        }
    }

    pub(crate) fn write(&self, batch: Batch, durability: Durability) -> Result<Written> {
        batch.validate()?;
        self.writer.write(batch, durability)
    }

    /// Writes batches in one transaction as they come. What `batches` says is kept apart from what the database says: the
    /// transaction only has to know that it is over.
    pub(crate) fn write_all<E: From<Error> + Send + 'static>(
        &self,
        batches: impl Iterator<Item = std::result::Result<Batch, E>> + Send + 'static,
    ) -> std::result::Result<Written, E> {
        let written = self.writer.task(move |context| {
            let mut given_up = None;
            let written = context.transact(Durability::Power, |work| {
                let mut changed = 0;
                for batch in batches {
                    let batch = batch.map_err(|error| {
                        given_up = Some(error);
                        Error::new(ErrorKind::Internal, "what was to be written could not be made")
                    })?;
                    batch.validate()?;
                    work.precheck(&batch)?;
                    changed += work.apply(&batch)?;
                }
                Ok(Written { changed })
            });
            context.clear_log_if_needed();
            Ok(match given_up {
                Some(error) => Err(error),
                None => written.map_err(E::from),
            })
        });
        written.unwrap_or_else(|error| Err(error.into()))
    }

    pub(crate) fn submit(
        &self,
        batch: Batch,
        durability: Durability,
        then: impl FnOnce(Result<Written>) + Send + 'static,
    ) -> Result<()> {
        batch.validate()?;
        self.writer.submit(batch, durability, Box::new(then))
    }

    pub(crate) fn group(&self, name: &str) -> Result<Option<Group>> {
        self.readers.read(|connection, opened| read::group(connection, opened, name))
    }

    pub(crate) fn groups(&self, offset: usize, limit: usize) -> Result<Vec<Group>> {
        self.readers.read(|connection, opened| read::groups(connection, opened, offset, limit))
    }

    pub(crate) fn read_group(&self, name: &str) -> Result<Option<GroupContent>> {
        self.readers.read(|connection, opened| read::content(connection, opened, name))
    }

    pub(crate) fn record(&self, group: &str, name: &str) -> Result<Option<Record>> {
        self.readers.read(|connection, opened| read::record(connection, opened, group, name))
    }

    pub(crate) fn entry(&self, shelf: &str, name: &str) -> Result<Option<Vec<u8>>> {
        self.readers.read(|connection, opened| read::entry(connection, opened, shelf, name))
    }

    pub(crate) fn entries(&self, shelf: &str) -> Result<Vec<(String, Vec<u8>)>> {
        self.readers.read(|connection, opened| read::entries(connection, opened, shelf))
    }

    /// Searches. An index that another version of the program has made is made anew first.
    pub(crate) fn search(&self, search: &Search) -> Result<SearchPage> {
        loop {
            let page = self.readers.read(|connection, opened| {
                let head = work::read_head(connection, &opened.secrets)?;
                if head.index != index_version(self.indexer.as_ref()) {
                    return Err(work::other_version());
                }
                if !head.is_indexed() {
                    return Ok(None);
                }
                search::search(connection, opened, self.indexer.as_ref(), search).map(Some)
            })?;
            match page {
                Some(page) => return Ok(page),
                None => self.complete_index(&mut |_, _| ())?,
            }
        }
    }

    pub(crate) fn usage(&self) -> Result<StoreUsage> {
        let head = self.readers.read(|connection, opened| work::read_head(connection, &opened.secrets))?;
        let bytes = ["", "-wal", "-shm"]
            .iter()
            .filter_map(|suffix| {
                let mut name = self.file.as_os_str().to_owned();
                name.push(suffix);
                std::fs::metadata(&name).ok()
            })
            .map(|data| data.len())
            .sum();
        Ok(StoreUsage { groups: head.groups, records: head.records, chunks: head.chunks, bytes })
    }
}

impl Drop for Store {
    fn drop(&mut self) {
        self.close();
    }
}

/// How an index is made: a change of the indexer or of how texts are split makes another one.
fn index_version(indexer: &dyn Indexer) -> String {
    format!("{}/{}", indexer.version(), crate::text::version())
}
