//! Reading, writing and searching an unlocked vault: each call goes to its store.

use super::{Progress, Vault};
use crate::error::Result;
use crate::store::{
    Batch, CheckReport, Durability, Group, GroupContent, Record, Search, SearchPage, StoreUsage, Written,
};

impl Vault {
    /// Opens every record, checks every sum, and compares the index with the texts.
    ///
    /// # Errors
    /// `Locked`. What is wrong stands in the report.
    pub fn check(&self, progress: Progress<'_>) -> Result<CheckReport> {
        self.store.check(progress)
    }

    /// Makes the index anew from the records.
    ///
    /// # Errors
    /// `Locked`, `Damaged`, those of files.
    pub fn reindex(&self, progress: Progress<'_>) -> Result<()> {
        self.store.reindex(progress)
    }

    /// Writes a batch and waits until it is as sure as asked.
    ///
    /// # Errors
    /// `Locked`, `NotFound` for a group that does not exist, `InvalidInput` for a record above 16 MiB, `Full`,
    /// `ReadOnly`, `Busy`. Nothing of the batch is written then.
    pub fn write(&self, batch: Batch, durability: Durability) -> Result<Written> {
        self.store.write(batch, durability)
    }

    /// Writes many batches in one transaction, for good: all of them or none. They are taken one after the other on the
    /// writer's thread, so they need not be in memory together; reading is allowed there, writing is not. Other writers
    /// wait meanwhile.
    ///
    /// # Errors
    /// The first one that `batches` gives, and those of [`write`](Self::write). Nothing is written then.
    pub fn write_all<E: From<crate::Error> + Send + 'static>(
        &self,
        batches: impl Iterator<Item = std::result::Result<Batch, E>> + Send + 'static,
    ) -> std::result::Result<Written, E> {
        self.store.write_all(batches)
    }

    /// Queues a batch and returns at once; `then` hears the result on the writer's thread, and must be quick. Batches
    /// are written in the order in which they were queued; several may share one transaction.
    ///
    /// # Errors
    /// `Locked`; `Busy` when 1,024 batches or 64 MiB wait already. `then` is not called then.
    pub fn submit(
        &self,
        batch: Batch,
        durability: Durability,
        then: impl FnOnce(Result<Written>) + Send + 'static,
    ) -> Result<()> {
        self.store.submit(batch, durability, then)
    }

    /// A group without its records.
    ///
    /// # Errors
    /// `Locked`, `Damaged`.
    pub fn group(&self, name: &str) -> Result<Option<Group>> {
        self.store.group(name)
    }

    /// Groups, those with the latest time first.
    ///
    /// # Errors
    /// `Locked`, `Damaged`.
    pub fn groups(&self, offset: usize, limit: usize) -> Result<Vec<Group>> {
        self.store.groups(offset, limit)
    }

    /// A whole group, checked against its sum.
    ///
    /// # Errors
    /// `Locked`, `Damaged` (also when rows were put back or taken out).
    pub fn read_group(&self, name: &str) -> Result<Option<GroupContent>> {
        self.store.read_group(name)
    }

    /// One record.
    ///
    /// # Errors
    /// `Locked`, `Damaged`.
    pub fn record(&self, group: &str, name: &str) -> Result<Option<Record>> {
        self.store.record(group, name)
    }

    /// Searches.
    ///
    /// # Errors
    /// `Locked`, `Damaged`.
    pub fn search(&self, search: &Search) -> Result<SearchPage> {
        self.store.search(search)
    }

    /// An entry of a shelf.
    ///
    /// # Errors
    /// `Locked`, `Damaged`.
    pub fn entry(&self, shelf: &str, name: &str) -> Result<Option<Vec<u8>>> {
        self.store.entry(shelf, name)
    }

    /// All entries of a shelf by name.
    ///
    /// # Errors
    /// `Locked`, `Damaged`.
    pub fn entries(&self, shelf: &str) -> Result<Vec<(String, Vec<u8>)>> {
        self.store.entries(shelf)
    }

    /// How much is stored.
    ///
    /// # Errors
    /// `Locked`, `Damaged`.
    pub fn usage(&self) -> Result<StoreUsage> {
        self.store.usage()
    }
}
