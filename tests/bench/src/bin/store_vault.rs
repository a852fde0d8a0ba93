//! Our vault, for `cargo xtask bench store`.

use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use nexus_vault::{
    Batch, Durability, Group, Indexed, Indexer, KdfParameters, Keyring, NewSlot, Options, Order, Record,
    Search, SecretString, TextQuery, Unlock, Vault,
};
use opencode_nexus_bench::store::corpus::Message;
use opencode_nexus_bench::store::work::{self, Done, Figures, Peer};

const PASSPHRASE: &str = "a passphrase of the benchmark";
/// The recovery key is kept beside the vault, so that opening without Argon2 can be measured.
const RECOVERY: &str = "recovery.txt";

fn main() -> Done {
    work::run::<Ours>()
}

struct Ours(Vault);

/// Reads the payload as the history does: JSON with the text in it.
struct Texts;

#[derive(serde::Serialize, serde::Deserialize)]
struct Payload<'a> {
    #[serde(borrow)]
    role: std::borrow::Cow<'a, str>,
    #[serde(borrow)]
    text: std::borrow::Cow<'a, str>,
}

impl Indexer for Texts {
    fn version(&self) -> u32 {
        1
    }

    fn index(&self, payload: &[u8]) -> Indexed {
        let Ok(read) = serde_json::from_slice::<Payload<'_>>(payload) else { return Indexed::default() };
        Indexed { labels: vec![format!("role={}", read.role)], text: read.text.into_owned() }
    }
}

fn options() -> Options {
    Options {
        indexer: Arc::new(Texts),
        keyring: Keyring::system("nexus-bench"),
        readers: 4,
        busy_bound: std::time::Duration::from_secs(10),
    }
}

fn group(session: usize) -> String {
    format!("ses_{session:08}")
}

fn put(batch: &mut Batch, message: &Message) -> Done {
    let payload = Payload { role: message.role.into(), text: message.text.as_str().into() };
    batch.put_record(Record {
        group: group(message.session),
        name: message.name.clone(),
        time: message.time,
        amount: 0.0,
        payload: serde_json::to_vec(&payload)?,
    });
    Ok(())
}

impl Peer for Ours {
    fn create(folder: &Path) -> Done<Self> {
        let slot = NewSlot::Passphrase(SecretString::from(PASSPHRASE), KdfParameters::default());
        let created = Vault::create(folder, slot, options())?;
        std::fs::write(folder.with_file_name(RECOVERY), created.recovery.expose())?;
        Ok(Self(created.vault))
    }

    fn open(folder: &Path) -> Done<Self> {
        Ok(Self(Vault::unlock(folder, Unlock::Passphrase(SecretString::from(PASSPHRASE)), options())?))
    }

    fn bulk(&mut self, messages: &[Message]) -> Done {
        let mut batch = Batch::new();
        let mut session = None;
        for message in messages {
            if session != Some(message.session) {
                session = Some(message.session);
                batch.put_group(Group {
                    name: group(message.session),
                    time: message.time,
                    payload: b"{\"title\":\"a conversation\"}".to_vec(),
                });
            }
            put(&mut batch, message)?;
        }
        self.0.write(batch, Durability::Process)?;
        Ok(())
    }

    fn append(&mut self, message: &Message, durable: bool) -> Done<Option<()>> {
        let mut batch = Batch::new();
        put(&mut batch, message)?;
        self.0.write(batch, if durable { Durability::Power } else { Durability::Process })?;
        Ok(Some(()))
    }

    fn read(&mut self, session: usize) -> Done<usize> {
        let content = self.0.read_group(&group(session))?.ok_or("the conversation is not there")?;
        let mut bytes = 0;
        for record in &content.records {
            bytes += serde_json::from_slice::<Payload<'_>>(&record.payload)?.text.len();
        }
        Ok(bytes)
    }

    fn search(&mut self, word: &str, newest: bool) -> Done<Option<usize>> {
        let order = if newest { Order::Newest } else { Order::Relevance };
        let search = Search { text: TextQuery::parse(word), order, limit: 20, ..Search::default() };
        Ok(Some(self.0.search(&search)?.hits.len()))
    }

    /// Unlocking once more with the recovery key, which is everything but Argon2.
    fn more(folder: &Path, figures: &mut Figures) -> Done {
        let recovery = SecretString::from(std::fs::read_to_string(folder.with_file_name(RECOVERY))?);
        let start = Instant::now();
        let vault = Vault::unlock(folder, Unlock::Recovery(recovery), options())?;
        figures.insert("open_without_argon2_ms", 1e3 * start.elapsed().as_secs_f64());
        drop(vault);
        if let Some(open) = figures.get("open_ms").copied() {
            figures.insert("argon2_ms", open - figures["open_without_argon2_ms"]);
        }
        Ok(())
    }
}
