//! The event cache of matrix-sdk-sqlite, for `cargo xtask bench store`: a conversation is a room, a message an event.
//! It encrypts the content of events (XChaCha20-Poly1305) and not the file, always writes as SQLite does by default
//! (`synchronous = FULL`), and has no search.

#[path = "../../../src/memory.rs"]
mod memory;
#[path = "../../../src/store/mod.rs"]
mod store;

use std::collections::HashMap;
use std::path::Path;

use matrix_sdk_base::deserialized_responses::TimelineEvent;
use matrix_sdk_base::event_cache::store::EventCacheStore as _;
use matrix_sdk_base::linked_chunk::{ChunkContent, ChunkIdentifier, LinkedChunkId, Position, Update};
use matrix_sdk_sqlite::{SqliteEventCacheStore, SqliteStoreConfig};
use memory::memory;
use ruma::{OwnedRoomId, serde::Raw};
use serde_json::value::to_raw_value;
use store::corpus::Message;
use store::work::{self, Done, Peer};

fn main() -> Done {
    work::run::<Matrix>()
}

struct Matrix {
    runtime: tokio::runtime::Runtime,
    store: SqliteEventCacheStore,
    /// How many events a room has: an event is added at a place.
    lengths: HashMap<usize, usize>,
}

/// The only chunk of a room: a conversation is not longer than what its own users load at once.
fn chunk() -> ChunkIdentifier {
    ChunkIdentifier::new(0)
}

fn room(session: usize) -> Done<OwnedRoomId> {
    Ok(OwnedRoomId::try_from(format!("!ses{session:08}:bench.example"))?)
}

fn event(message: &Message) -> Done<TimelineEvent> {
    let event = to_raw_value(&serde_json::json!({
        "type": "m.room.message",
        "event_id": format!("${}:bench.example", message.name),
        "sender": format!("@{}:bench.example", message.role),
        "origin_server_ts": message.time,
        "content": {"msgtype": "m.text", "body": message.text},
    }))?;
    Ok(TimelineEvent::from_plaintext(Raw::from_json(event)))
}

impl Matrix {
    fn push(&mut self, session: usize, messages: &[Message]) -> Done {
        let room = room(session)?;
        let mut updates = Vec::new();
        let length = self.lengths.entry(session).or_default();
        if *length == 0 {
            updates.push(Update::NewItemsChunk { previous: None, new: chunk(), next: None });
        }
        let items = messages.iter().map(event).collect::<Done<Vec<_>>>()?;
        updates.push(Update::PushItems { at: Position::new(chunk(), *length), items });
        *length += messages.len();
        self.runtime.block_on(self.store.handle_linked_chunk_updates(LinkedChunkId::Room(&room), updates))?;
        Ok(())
    }
}

/// Its connections want the runtime when they end.
impl Drop for Matrix {
    fn drop(&mut self) {
        // It is closed at the end of the work as well; there is nothing left to lose.
        let _ = self.runtime.block_on(self.store.close());
        let _inside = self.runtime.enter();
    }
}

impl Peer for Matrix {
    fn create(folder: &Path) -> Done<Self> {
        std::fs::create_dir_all(folder)?;
        Self::open(folder)
    }

    fn open(folder: &Path) -> Done<Self> {
        let runtime = tokio::runtime::Builder::new_current_thread().build()?;
        let config = SqliteStoreConfig::new(folder).key(Some(&[0x5E; 32]));
        let store = runtime.block_on(SqliteEventCacheStore::open_with_config(&config))?;
        Ok(Self { runtime, store, lengths: HashMap::new() })
    }

    fn bulk(&mut self, messages: &[Message]) -> Done {
        // A room is the most that it writes at once.
        for conversation in messages.chunk_by(|a, b| a.session == b.session) {
            self.push(conversation[0].session, conversation)?;
        }
        Ok(())
    }

    fn append(&mut self, message: &Message, durable: bool) -> Done<Option<()>> {
        if durable {
            self.push(message.session, std::slice::from_ref(message))?;
        }
        Ok(durable.then_some(()))
    }

    fn read(&mut self, session: usize) -> Done<usize> {
        let room = room(session)?;
        let chunks = self.runtime.block_on(self.store.load_all_chunks(LinkedChunkId::Room(&room)))?;
        let mut bytes = 0;
        for chunk in chunks {
            let ChunkContent::Items(events) = chunk.content else { continue };
            for event in events {
                bytes += event.raw().json().get().len();
            }
        }
        Ok(bytes)
    }

    fn search(&mut self, _word: &str, _newest: bool) -> Done<Option<usize>> {
        Ok(None)
    }
}
