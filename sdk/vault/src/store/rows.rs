//! Rows of the tables: found, read and written, still sealed.

use rusqlite::{Connection, OptionalExtension as _, params};

use super::connection::Explain;
use super::secrets::RecordMark;
use crate::error::Result;

/// A record without its bytes.
pub(super) struct FoundRecord {
    pub id: i64,
    pub revision: u64,
    pub time: i64,
    pub amount: f64,
}

impl FoundRecord {
    pub(super) fn mark<'r>(&self, group: i64, name: &'r str) -> RecordMark<'r> {
        RecordMark { group, name, revision: self.revision, time: self.time, amount: self.amount }
    }
}

/// A record of a group by its name.
pub(super) fn find_record(connection: &Connection, group: i64, name: &str) -> Result<Option<FoundRecord>> {
    connection
        .prepare_cached("SELECT id, revision, time, amount FROM records WHERE grp = ?1 AND name = ?2")
        .and_then(|mut select| {
            let read = |row: &rusqlite::Row<'_>| {
                let revision: i64 = row.get(1)?;
                Ok(FoundRecord {
                    id: row.get(0)?,
                    revision: revision.cast_unsigned(),
                    time: row.get(2)?,
                    amount: row.get(3)?,
                })
            };
            select.query_row(params![group, name], read).optional()
        })
        .explain(connection)
}

/// The sealed bytes of a record.
pub(super) fn read_body(connection: &Connection, record: i64) -> Result<Vec<u8>> {
    connection
        .prepare_cached("SELECT sealed FROM bodies WHERE id = ?1")
        .and_then(|mut select| select.query_row([record], |row| row.get(0)))
        .explain(connection)
}

/// The number, revision and sealed bytes of an entry.
pub(super) fn find_entry(
    connection: &Connection,
    shelf: &str,
    name: &str,
) -> Result<Option<(i64, u64, Vec<u8>)>> {
    connection
        .prepare_cached("SELECT id, revision, sealed FROM entries WHERE shelf = ?1 AND name = ?2")
        .and_then(|mut select| {
            let read = |row: &rusqlite::Row<'_>| {
                Ok((row.get(0)?, row.get::<_, i64>(1)?.cast_unsigned(), row.get(2)?))
            };
            select.query_row([shelf, name], read).optional()
        })
        .explain(connection)
}

/// Writes a record and its sealed bytes: over the one with this number, or as a new one, whose number is given.
pub(super) fn write_record(
    connection: &Connection,
    id: Option<i64>,
    mark: RecordMark<'_>,
    sealed: &[u8],
) -> Result<i64> {
    let revision = mark.revision.cast_signed();
    if let Some(id) = id {
        execute(
            connection,
            "UPDATE records SET revision = ?1, time = ?2, amount = ?3 WHERE id = ?4",
            params![revision, mark.time, mark.amount, id],
        )?;
        execute(connection, "UPDATE bodies SET sealed = ?1 WHERE id = ?2", params![sealed, id])?;
        return Ok(id);
    }
    execute(
        connection,
        "INSERT INTO records(grp, name, revision, time, amount) VALUES(?1, ?2, ?3, ?4, ?5)",
        params![mark.group, mark.name, revision, mark.time, mark.amount],
    )?;
    let id = connection.last_insert_rowid();
    execute(connection, "INSERT INTO bodies(id, sealed) VALUES(?1, ?2)", params![id, sealed])?;
    Ok(id)
}

/// Runs a statement; how many rows it changed.
pub(super) fn execute(connection: &Connection, sql: &str, with: impl rusqlite::Params) -> Result<usize> {
    connection.prepare_cached(sql).and_then(|mut statement| statement.execute(with)).explain(connection)
}
