//! What a store takes and gives: groups, records, batches, searches and their results.

use crate::text::{Snippet, TextQuery};

/// What can be searched of a record's bytes. The same bytes must always give the same answer, until
/// [`version`](Self::version) changes; then everything is indexed anew.
pub trait Indexer: Send + Sync {
    /// Changes when [`index`](Self::index) answers differently than before.
    fn version(&self) -> u32;

    /// The texts and labels of a record's bytes.
    fn index(&self, payload: &[u8]) -> Indexed;
}

/// What can be searched of a record.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Indexed {
    /// All of its text.
    pub text: String,
    /// What it can be filtered by, for example `role=user`. Any text; compared as a whole.
    pub labels: Vec<String>,
}

/// A group of records: it has a key of its own, and is destroyed as a whole.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Group {
    /// Unique in the vault.
    pub name: String,
    /// Groups are listed by it; Unix milliseconds.
    pub time: i64,
    /// What the caller keeps of the group itself.
    pub payload: Vec<u8>,
}

/// A record.
#[derive(Clone, Debug, PartialEq)]
pub struct Record {
    /// The group's name.
    pub group: String,
    /// Unique in the group, and the order in it.
    pub name: String,
    /// Unix milliseconds; searches can be bounded by it.
    pub time: i64,
    /// A quantity that searches can be bounded by (a cost).
    pub amount: f64,
    /// The bytes.
    pub payload: Vec<u8>,
}

/// A whole group as it is stored, checked against its sum.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct GroupContent {
    /// The group.
    pub group: Group,
    /// Its records by name.
    pub records: Vec<Record>,
    /// Chunks that belong to records that are not complete: name of the record, and its chunks in order.
    pub unfinished: Vec<(String, Vec<Vec<u8>>)>,
}

/// How sure a write is when it returns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Durability {
    /// Survives the end of the process, not the loss of power (`synchronous=NORMAL`).
    Process,
    /// Survives the loss of power (`synchronous=FULL`).
    Power,
}

/// Writes that happen together or not at all. In the order in which they were added.
#[derive(Clone, Debug, Default)]
pub struct Batch {
    pub(crate) operations: Vec<Operation>,
}

#[derive(Clone, Debug)]
pub(crate) enum Operation {
    PutGroup(Group),
    RemoveGroup(String),
    PutRecord(Record),
    RemoveRecord { group: String, name: String },
    AppendChunk { group: String, record: String, bytes: Vec<u8> },
    PutEntry { shelf: String, name: String, bytes: Vec<u8> },
    RemoveEntry { shelf: String, name: String },
}

impl Batch {
    /// An empty one.
    pub fn new() -> Self {
        Self::default()
    }

    /// Whether there is nothing in it.
    pub fn is_empty(&self) -> bool {
        self.operations.is_empty()
    }

    /// Makes or replaces a group; its records stay.
    pub fn put_group(&mut self, group: Group) -> &mut Self {
        self.operations.push(Operation::PutGroup(group));
        self
    }

    /// Destroys a group: its key, its records, their words in the index. Nothing happens when there is none.
    pub fn remove_group(&mut self, name: impl Into<String>) -> &mut Self {
        self.operations.push(Operation::RemoveGroup(name.into()));
        self
    }

    /// Makes or replaces a record; chunks that were appended for it are gone with that. The group must exist.
    pub fn put_record(&mut self, record: Record) -> &mut Self {
        self.operations.push(Operation::PutRecord(record));
        self
    }

    /// Removes a record, its chunks, and its words from the index. Nothing happens when there is none.
    pub fn remove_record(&mut self, group: impl Into<String>, name: impl Into<String>) -> &mut Self {
        self.operations.push(Operation::RemoveRecord { group: group.into(), name: name.into() });
        self
    }

    /// Appends a piece to a record that is not complete yet. Chunks are kept in order and not searched. The group must exist.
    pub fn append_chunk(
        &mut self,
        group: impl Into<String>,
        record: impl Into<String>,
        bytes: Vec<u8>,
    ) -> &mut Self {
        self.operations.push(Operation::AppendChunk { group: group.into(), record: record.into(), bytes });
        self
    }

    /// Puts an entry on a shelf, or replaces it.
    pub fn put_entry(
        &mut self,
        shelf: impl Into<String>,
        name: impl Into<String>,
        bytes: Vec<u8>,
    ) -> &mut Self {
        self.operations.push(Operation::PutEntry { shelf: shelf.into(), name: name.into(), bytes });
        self
    }

    /// Removes an entry. Nothing happens when there is none.
    pub fn remove_entry(&mut self, shelf: impl Into<String>, name: impl Into<String>) -> &mut Self {
        self.operations.push(Operation::RemoveEntry { shelf: shelf.into(), name: name.into() });
        self
    }
}

/// What a batch did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Written {
    /// Operations that changed something.
    pub changed: usize,
}

/// In which order hits come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Order {
    /// The best first (BM25); without a text, the newest.
    #[default]
    Relevance,
    /// The newest first, by the records' time.
    Newest,
}

/// What to look for.
#[derive(Clone, Debug, Default)]
pub struct Search {
    /// In the texts. Empty: everything that the filters let through.
    pub text: TextQuery,
    /// Labels: of each list at least one.
    pub labels: Vec<Vec<String>>,
    /// Labels that it must not have.
    pub without: Vec<String>,
    /// Only this group.
    pub group: Option<String>,
    /// Not before, Unix milliseconds.
    pub since: Option<i64>,
    /// Before, Unix milliseconds.
    pub until: Option<i64>,
    /// At least this amount.
    pub at_least: Option<f64>,
    /// At most this amount.
    pub at_most: Option<f64>,
    /// The order.
    pub order: Order,
    /// At most so many hits; 0 means 20.
    pub limit: usize,
    /// So many are passed over first.
    pub offset: usize,
}

/// Something that was found.
#[derive(Clone, Debug, PartialEq)]
pub struct Hit {
    /// The record.
    pub record: Record,
    /// The better the larger; 0 without a text.
    pub score: f64,
    /// Why it was found.
    pub snippet: Snippet,
}

/// Some of what was found.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SearchPage {
    /// In order.
    pub hits: Vec<Hit>,
    /// Whether there are more behind them.
    pub more: bool,
}

/// How much is stored.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct StoreUsage {
    /// Groups.
    pub groups: u64,
    /// Records.
    pub records: u64,
    /// Chunks of records that are not complete.
    pub chunks: u64,
    /// Bytes on disk, with the write-ahead log.
    pub bytes: u64,
}

/// What a check of everything found.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct CheckReport {
    /// Groups that were looked at.
    pub groups: u64,
    /// Records that were opened.
    pub records: u64,
    /// What is wrong, a line each; empty when all is well.
    pub problems: Vec<String>,
}
