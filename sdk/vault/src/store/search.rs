//! Searching: from what is looked for to the records, best or newest first.
//!
//! What is given to the index is made of tokens in quotes alone, so no query can be anything else than what it says.
//! By relevance the index ranks every match (BM25 over the texts; labels have no weight). The newest of many matches are
//! found without looking at all of them.

use std::collections::HashMap;
use std::fmt::Write as _;

use rusqlite::{Connection, OptionalExtension as _, ToSql};

use super::connection::{Explain, damaged};
use super::index::{EVERY, group_token, label_token};
use super::read::{GroupKeys, bound};
use super::secrets::RecordMark;
use super::types::{Hit, Order, Record, Search, SearchPage};
use super::work::StoredGroup;
use super::{Indexer, Opened};
use crate::error::Result;
use crate::text::{Phrase, Snippet};

/// So many hits when nobody says how many.
const USUAL: usize = 20;
/// How long a snippet is, in characters.
const SNIPPET: usize = 160;
/// More matches than this are many.
const FEW: i64 = 4_000;
/// So many records are asked for one by one, beside those that the index gives by itself.
const PROBES: usize = 100;
/// After so many records that did not match, the walk from the newest on is given up.
const STEPS: usize = 20_000;

/// A record that was found, with its score.
type Found = (i64, f64);

/// Searches. The index must be complete.
pub(super) fn search(
    connection: &Connection,
    opened: &Opened,
    indexer: &dyn Indexer,
    search: &Search,
) -> Result<SearchPage> {
    let Some(question) = Question::of(connection, search)? else { return Ok(SearchPage::default()) };
    let limit = if search.limit == 0 { USUAL } else { search.limit };
    let mut found = match search.order {
        Order::Relevance if !search.text.wanted().is_empty() => question.best(limit + 1, search.offset)?,
        _ => question.newest(limit + 1, search.offset)?,
    };
    let more = found.len() > limit;
    found.truncate(limit);
    let mut reader = HitReader { connection, opened, indexer, search, groups: HashMap::new() };
    let hits = found.into_iter().map(|found| reader.read(found)).collect::<Result<_>>()?;
    Ok(SearchPage { hits, more })
}

/// What the database is asked.
struct Question<'s> {
    connection: &'s Connection,
    /// For the index.
    expression: String,
    /// For the small rows: conditions, and what belongs into them.
    filter: String,
    values: Vec<&'s dyn ToSql>,
}

impl<'s> Question<'s> {
    /// Nothing when nothing can be found.
    fn of(connection: &'s Connection, search: &'s Search) -> Result<Option<Self>> {
        let group = match &search.group {
            None => None,
            Some(name) => {
                let id: Option<i64> = connection
                    .prepare_cached("SELECT id FROM groups WHERE name = ?1")
                    .and_then(|mut select| select.query_row([name], |row| row.get(0)).optional())
                    .explain(connection)?;
                match id {
                    None => return Ok(None),
                    some => some,
                }
            }
        };
        let mut question = Self {
            connection,
            expression: expression(search, group),
            filter: String::new(),
            values: Vec::new(),
        };
        question.bound("time >=", search.since.as_ref());
        question.bound("time <", search.until.as_ref());
        question.bound("amount >=", search.at_least.as_ref());
        question.bound("amount <=", search.at_most.as_ref());
        Ok(Some(question))
    }

    fn bound(&mut self, condition: &str, value: Option<&'s impl ToSql>) {
        if let Some(value) = value {
            self.values.push(value);
            // ?1 to ?4 are the expression, the record, limit and offset.
            let _ = write!(self.filter, " AND records.{condition} ?{}", self.values.len() + 4);
        }
    }

    /// By BM25, the best first; of equals the one that was stored last.
    fn best(&self, limit: usize, offset: usize) -> Result<Vec<Found>> {
        let join = if self.filter.is_empty() { "" } else { "JOIN records ON records.id = words.rowid" };
        let sql = format!(
            "SELECT words.rowid, -bm25(words, 1.0, 0.0) AS score FROM words {join}
             WHERE words MATCH ?1 AND ?2 IS NULL {} ORDER BY score DESC, words.rowid DESC LIMIT ?3 OFFSET ?4",
            self.filter
        );
        self.rows(&sql, limit, offset)
    }

    /// The newest first. Records are mostly stored in the order of their times, and then the last stored matches are the
    /// answer; where they are not, many matches are walked to, and few all looked at.
    fn newest(&self, limit: usize, offset: usize) -> Result<Vec<Found>> {
        if let Some(found) = self.last_stored(limit, offset)? {
            return Ok(found);
        }
        if self.has_many()?
            && let Some(found) = self.walk(limit, offset)?
        {
            return Ok(found);
        }
        let sql = format!(
            "SELECT records.id, 0.0 FROM words JOIN records ON records.id = words.rowid
             WHERE words MATCH ?1 AND ?2 IS NULL {} ORDER BY records.time DESC, records.id DESC LIMIT ?3 OFFSET ?4",
            self.filter
        );
        self.rows(&sql, limit, offset)
    }

    /// The newest of all matches, if the last stored ones are enough to know them; nothing when they are not.
    ///
    /// The index gives matches by number, the last stored first, and ends early. Whatever is newer than the oldest of them
    /// and was stored before may be an answer as well: each of those is asked for, when they are not too many.
    fn last_stored(&self, limit: usize, offset: usize) -> Result<Option<Vec<Found>>> {
        let wanted = limit.saturating_add(offset);
        let sql = format!(
            "SELECT records.id, records.time FROM words JOIN records ON records.id = words.rowid
             WHERE words MATCH ?1 AND ?2 IS NULL {} ORDER BY words.rowid DESC LIMIT ?3 OFFSET ?4",
            self.filter
        );
        let mut found: Vec<(i64, i64)> = self.rows(&sql, wanted, 0)?;
        if found.len() == wanted
            && let (Some(&(first, _)), Some(oldest)) =
                (found.last(), found.iter().map(|(_, time)| *time).min())
        {
            let Some(earlier) = self.newer_but_stored_before(oldest, first)? else { return Ok(None) };
            for (id, time) in earlier {
                if self.matches(id)? {
                    found.push((id, time));
                }
            }
        }
        found.sort_unstable_by_key(|&(id, time)| std::cmp::Reverse((time, id)));
        Ok(Some(found.into_iter().skip(offset).take(limit).map(|(id, _)| (id, 0.0)).collect()))
    }

    /// Records at least as new as `time` that were stored before the record `id`; nothing when they are many, or when it
    /// takes long to tell.
    fn newer_but_stored_before(&self, time: i64, id: i64) -> Result<Option<Vec<(i64, i64)>>> {
        let sql = format!(
            "SELECT id, time FROM records WHERE ?1 IS NULL AND ?2 IS NULL AND ?3 IS NULL AND ?4 IS NULL {}
             AND time >= ?{} ORDER BY time DESC, id DESC",
            self.filter,
            self.values.len() + 5
        );
        let mut values: Vec<&dyn ToSql> = vec![&rusqlite::types::Null; 4];
        values.extend(&self.values);
        values.push(&time);
        let mut select = self.connection.prepare_cached(&sql).explain(self.connection)?;
        let mut rows = select.query(values.as_slice()).explain(self.connection)?;
        let (mut earlier, mut steps) = (Vec::new(), 0);
        while let Some(row) = rows.next().explain(self.connection)? {
            let one: (i64, i64) = row.get(0).and_then(|id| Ok((id, row.get(1)?))).explain(self.connection)?;
            if one.0 < id {
                earlier.push(one);
            }
            steps += 1;
            if steps > STEPS || earlier.len() > PROBES {
                return Ok(None);
            }
        }
        Ok(Some(earlier))
    }

    /// Whether a record is what the index was asked for.
    fn matches(&self, id: i64) -> Result<bool> {
        self.connection
            .prepare_cached("SELECT 1 FROM words WHERE words MATCH ?1 AND rowid = ?2")
            .and_then(|mut probe| probe.exists(rusqlite::params![self.expression, id]))
            .explain(self.connection)
    }

    fn rows<T: rusqlite::types::FromSql>(
        &self,
        sql: &str,
        limit: usize,
        offset: usize,
    ) -> Result<Vec<(i64, T)>> {
        let (limit, offset) = (bound(limit), bound(offset));
        let mut values: Vec<&dyn ToSql> = vec![&self.expression, &rusqlite::types::Null, &limit, &offset];
        values.extend(&self.values);
        self.connection
            .prepare_cached(sql)
            .and_then(|mut select| {
                select.query_map(values.as_slice(), |row| Ok((row.get(0)?, row.get(1)?)))?.collect()
            })
            .explain(self.connection)
    }

    fn has_many(&self) -> Result<bool> {
        self.connection
            .prepare_cached("SELECT count(*) FROM (SELECT 1 FROM words WHERE words MATCH ?1 LIMIT ?2)")
            .and_then(|mut select| {
                select.query_row(rusqlite::params![self.expression, FEW], |row| row.get::<_, i64>(0))
            })
            .explain(self.connection)
            .map(|count| count == FEW)
    }

    /// Walks from the newest record on; nothing when that takes too long.
    fn walk(&self, limit: usize, offset: usize) -> Result<Option<Vec<Found>>> {
        let sql = format!(
            "SELECT id FROM records WHERE ?1 IS NULL AND ?2 IS NULL AND ?3 IS NULL AND ?4 IS NULL {}
             ORDER BY time DESC, id DESC",
            self.filter
        );
        let mut values: Vec<&dyn ToSql> = vec![&rusqlite::types::Null; 4];
        values.extend(&self.values);
        let everything = self.expression == every();
        let (mut found, mut passed) = (Vec::new(), 0);
        let mut select = self.connection.prepare_cached(&sql).explain(self.connection)?;
        let mut rows = select.query(values.as_slice()).explain(self.connection)?;
        let mut steps = 0;
        while let Some(row) = rows.next().explain(self.connection)? {
            let id: i64 = row.get(0).explain(self.connection)?;
            if !everything && !self.matches(id)? {
                steps += 1;
                if steps > STEPS {
                    return Ok(None);
                }
                continue;
            }
            passed += 1;
            if passed > offset {
                found.push((id, 0.0));
            }
            if found.len() == limit {
                break;
            }
        }
        Ok(Some(found))
    }
}

fn every() -> String {
    format!("labels : \"{EVERY}\"")
}

/// What the index is asked: `(… AND …) NOT (… OR …)`.
fn expression(search: &Search, group: Option<i64>) -> String {
    let mut wanted: Vec<String> = Vec::new();
    let phrases = |phrases: &[Phrase], between: &str| {
        format!("text : ({})", phrases.iter().map(phrase).collect::<Vec<_>>().join(between))
    };
    let labels = |labels: &[String]| {
        let tokens: Vec<_> = labels.iter().map(|label| format!("\"{}\"", label_token(label))).collect();
        format!("labels : ({})", tokens.join(" OR "))
    };
    if !search.text.wanted().is_empty() {
        wanted.push(phrases(search.text.wanted(), " AND "));
    }
    wanted.extend(search.labels.iter().filter(|any| !any.is_empty()).map(|any| labels(any)));
    wanted.extend(group.map(|group| format!("labels : \"{}\"", group_token(group))));
    if wanted.is_empty() {
        wanted.push(every());
    }
    let mut unwanted: Vec<String> = Vec::new();
    if !search.text.unwanted().is_empty() {
        unwanted.push(phrases(search.text.unwanted(), " OR "));
    }
    if !search.without.is_empty() {
        unwanted.push(labels(&search.without));
    }
    let wanted = wanted.join(" AND ");
    if unwanted.is_empty() { wanted } else { format!("({wanted}) NOT ({})", unwanted.join(" OR ")) }
}

/// A phrase for the index. Tokens hold letters, digits, marks and emoji, and never a quote.
fn phrase(phrase: &Phrase) -> String {
    let star = if phrase.prefix { " *" } else { "" };
    format!("\"{}\"{star}", phrase.tokens.join(" "))
}

/// The group's number, name, revision, time, amount, sealed bytes.
type HitRow = (i64, String, i64, i64, f64, Vec<u8>);

/// Opens what was found.
struct HitReader<'r> {
    connection: &'r Connection,
    opened: &'r Opened,
    indexer: &'r dyn Indexer,
    search: &'r Search,
    groups: HashMap<i64, (String, GroupKeys<'r>)>,
}

impl HitReader<'_> {
    fn read(&mut self, (id, score): Found) -> Result<Hit> {
        let connection = self.connection;
        let row: Option<HitRow> = connection
            .prepare_cached(
                "SELECT grp, name, revision, time, amount, sealed FROM records
                 JOIN bodies ON bodies.id = records.id WHERE records.id = ?1",
            )
            .and_then(|mut select| {
                let read = |row: &rusqlite::Row<'_>| {
                    Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?, row.get(4)?, row.get(5)?))
                };
                select.query_row([id], read).optional()
            })
            .explain(connection)?;
        let (group_id, name, revision, time, amount, sealed) = row.ok_or_else(stale)?;
        if !self.groups.contains_key(&group_id) {
            let name = self.group_name(group_id)?;
            self.groups.insert(group_id, (name, GroupKeys::new(connection, &self.opened.secrets, group_id)));
        }
        let (group, keys) = self.groups.get_mut(&group_id).ok_or_else(stale)?;
        let mark =
            RecordMark { group: group_id, name: &name, revision: revision.cast_unsigned(), time, amount };
        let payload = self.opened.secrets.open_record(keys.of(&sealed)?, mark, &sealed)?;
        let group = group.clone();
        let indexed = self.indexer.index(&payload);
        if !has_labels(self.search, &indexed) {
            return Err(stale());
        }
        let snippet = Snippet::of_match(&indexed.text, &self.search.text, SNIPPET).ok_or_else(stale)?;
        Ok(Hit { record: Record { group, name, time, amount, payload }, score, snippet })
    }
}

impl HitReader<'_> {
    /// The name of a group, as its head confirms it.
    fn group_name(&self, group: i64) -> Result<String> {
        let stored = self
            .connection
            .prepare_cached("SELECT id, name, time, state, sealed FROM groups WHERE id = ?1")
            .and_then(|mut select| {
                select.query_row([group], |row| StoredGroup::from_row(row, &self.opened.secrets)).optional()
            })
            .explain(self.connection)?;
        Ok(stored.ok_or_else(stale)??.name)
    }
}

/// Whether a record has the labels that were asked for. The index is a part of the file like any other, and an old page of it can be
/// put back: what it says is believed when the record says the same.
fn has_labels(search: &Search, indexed: &super::Indexed) -> bool {
    search.labels.iter().all(|any| any.is_empty() || any.iter().any(|label| indexed.labels.contains(label)))
        && !search.without.iter().any(|label| indexed.labels.contains(label))
}

fn stale() -> crate::Error {
    damaged("the search index does not fit the records")
        .with_hint("make the index anew, or put the vault back")
}
