//! SQLite with FTS5 as a careful person would use it, with or without SQLCipher below: one table, an index over its
//! texts, WAL. It seals no record and notices no row that was put back.

use std::path::Path;

use rusqlite::{Connection, params};

use crate::store::corpus::Message;
use crate::store::work::{Done, Peer};

/// A database; `SEALED` with a raw key as ours has.
pub struct Sqlite<const SEALED: bool> {
    connection: Connection,
}

impl<const SEALED: bool> Sqlite<SEALED> {
    fn connect(folder: &Path) -> Done<Self> {
        let connection = Connection::open(folder.join("messages.db"))?;
        if SEALED {
            let key = "5e".repeat(32);
            connection.execute_batch(&format!("PRAGMA key = \"x'{key}'\""))?;
            let version: String = connection.query_row("PRAGMA cipher_version", [], |row| row.get(0))?;
            if version.is_empty() {
                return Err("this SQLite does not encrypt".into());
            }
        }
        connection.set_prepared_statement_cache_capacity(32);
        // The cache is as large as ours, and what is deleted is overwritten as with ours.
        connection.execute_batch(
            "PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA temp_store = MEMORY;
             PRAGMA secure_delete = ON; PRAGMA cache_size = -16000;",
        )?;
        Ok(Self { connection })
    }

    fn insert(connection: &Connection, message: &Message) -> rusqlite::Result<()> {
        let mut row = connection.prepare_cached(
            "INSERT INTO messages (session, name, time, role, text) VALUES (?, ?, ?, ?, ?)",
        )?;
        row.execute(params![message.session as i64, message.name, message.time, message.role, message.text])?;
        let mut words = connection.prepare_cached("INSERT INTO words (rowid, text) VALUES (?, ?)")?;
        words.execute(params![connection.last_insert_rowid(), message.text])?;
        Ok(())
    }
}

impl<const SEALED: bool> Peer for Sqlite<SEALED> {
    fn create(folder: &Path) -> Done<Self> {
        std::fs::create_dir_all(folder)?;
        let new = Self::connect(folder)?;
        new.connection.execute_batch(
            "CREATE TABLE messages (id INTEGER PRIMARY KEY, session INTEGER NOT NULL, name TEXT NOT NULL,
                 time INTEGER NOT NULL, role TEXT NOT NULL, text TEXT NOT NULL, UNIQUE (session, name));
             CREATE VIRTUAL TABLE words USING fts5 (text, content = 'messages', content_rowid = 'id',
                 tokenize = 'unicode61');",
        )?;
        Ok(new)
    }

    fn open(folder: &Path) -> Done<Self> {
        let opened = Self::connect(folder)?;
        opened.connection.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get::<_, i64>(0))?;
        Ok(opened)
    }

    fn bulk(&mut self, messages: &[Message]) -> Done {
        let transaction =
            self.connection.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)?;
        for message in messages {
            Self::insert(&transaction, message)?;
        }
        Ok(transaction.commit()?)
    }

    fn append(&mut self, message: &Message, durable: bool) -> Done<Option<()>> {
        self.connection.pragma_update(None, "synchronous", if durable { "FULL" } else { "NORMAL" })?;
        self.bulk(std::slice::from_ref(message))?;
        Ok(Some(()))
    }

    fn read(&mut self, session: usize) -> Done<usize> {
        let mut statement = self
            .connection
            .prepare_cached("SELECT name, time, role, text FROM messages WHERE session = ? ORDER BY name")?;
        let rows = statement.query_map([session as i64], |row| {
            Ok((
                row.get::<_, String>(0)?,
                row.get::<_, i64>(1)?,
                row.get::<_, String>(2)?,
                row.get::<_, String>(3)?,
            ))
        })?;
        let messages = rows.collect::<rusqlite::Result<Vec<_>>>()?;
        Ok(messages.iter().map(|message| message.3.len()).sum())
    }

    fn search(&mut self, word: &str, newest: bool) -> Done<Option<usize>> {
        let order = if newest { "words.rowid DESC" } else { "rank" };
        let mut statement = self.connection.prepare_cached(&format!(
            "SELECT m.name, m.time, m.role, m.text, snippet(words, 0, '[', ']', '…', 24)
             FROM words JOIN messages m ON m.id = words.rowid WHERE words MATCH ? ORDER BY {order} LIMIT 20"
        ))?;
        let rows = statement.query_map([format!("\"{word}\"")], |row| {
            Ok((row.get::<_, String>(0)?, row.get::<_, String>(3)?, row.get::<_, String>(4)?))
        })?;
        Ok(Some(rows.collect::<rusqlite::Result<Vec<_>>>()?.len()))
    }
}
