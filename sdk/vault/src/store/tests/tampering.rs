//! What happens when somebody changes the file: with its key (rows), or without it (bytes, pages).

use std::collections::BTreeSet;

use super::*;
use crate::ErrorKind;

fn filled() -> (Place, Store) {
    let place = Place::new();
    let store = place.create();
    for (number, name) in ["a", "b"].into_iter().enumerate() {
        write(&store, |batch| {
            batch.put_group(group(name, 10 + number as i64));
            for n in 0..6 {
                batch.put_record(record(name, &format!("m{n}"), n, &format!("role=user|word{n} of {name}")));
            }
            batch.append_chunk(name, "m9", b"one".to_vec()).append_chunk(name, "m9", b"two".to_vec());
            batch.put_entry("shelf", name, name.as_bytes().to_vec());
        })
        .expect("written");
    }
    (place, store)
}

/// Nothing that can be read is wrong: each read is an error, or gives what was written.
fn reads_are_errors_or_right(store: &Store, expected: &[GroupContent]) -> usize {
    let mut errors = 0;
    for content in expected {
        match store.read_group(&content.group.name) {
            Ok(read) => assert_eq!(read.as_ref(), Some(content)),
            Err(error) => {
                assert!(matches!(error.kind(), ErrorKind::Damaged | ErrorKind::Newer), "{error:?}");
                errors += 1;
            }
        }
        for record in &content.records {
            match store.record(&record.group, &record.name) {
                Ok(read) => assert_eq!(read.as_ref(), Some(record)),
                Err(error) => {
                    assert!(matches!(error.kind(), ErrorKind::Damaged | ErrorKind::Newer), "{error:?}");
                    errors += 1;
                }
            }
        }
    }
    errors
}

fn contents(store: &Store) -> Vec<GroupContent> {
    ["a", "b"].into_iter().map(|name| store.read_group(name).expect("read").expect("there")).collect()
}

/// Every kind of row that can be changed, in every way that a person with the key of the file (and no other) could try.
#[test]
fn rows_that_are_moved_changed_doubled_or_taken_out_are_noticed() {
    let changes = [
        // Swapped and moved.
        "UPDATE bodies SET sealed = (SELECT sealed FROM bodies AS other WHERE other.id = 8 - bodies.id) WHERE id IN (1, 7)",
        "UPDATE bodies SET sealed = (SELECT sealed FROM bodies AS other WHERE other.id = 3 - bodies.id) WHERE id IN (1, 2)",
        "UPDATE records SET grp = 3 - grp, name = 'x' || name",
        "UPDATE records SET grp = 2, name = 'm8' WHERE grp = 1 AND name = 'm3'",
        "UPDATE records SET name = CASE name WHEN 'm1' THEN 'mx' ELSE name END",
        "UPDATE chunks SET number = 5 WHERE number = 1",
        "UPDATE chunks SET grp = 3 - grp, name = 'm7'",
        "UPDATE chunks SET name = 'm8' WHERE grp = 1",
        "UPDATE groups SET name = name || 'x'",
        "UPDATE groups SET sealed = (SELECT sealed FROM groups AS other WHERE other.id = 3 - groups.id)",
        "UPDATE groups SET state = (SELECT state FROM groups AS other WHERE other.id = 3 - groups.id)",
        "UPDATE group_keys SET wrapped = (SELECT wrapped FROM group_keys AS other WHERE other.grp = 3 - group_keys.grp)",
        "UPDATE entries SET sealed = (SELECT sealed FROM entries AS other WHERE other.id = 3 - entries.id)",
        "UPDATE entries SET shelf = 'other' WHERE id = 1",
        // Columns.
        "UPDATE records SET time = time + 1 WHERE id = 2",
        "UPDATE records SET amount = 1.5 WHERE id = 2",
        "UPDATE records SET revision = revision + 1 WHERE id = 2",
        "UPDATE groups SET time = time + 1 WHERE id = 1",
        "UPDATE chunks SET revision = revision + 1 WHERE id = 1",
        "UPDATE entries SET revision = revision + 1 WHERE id = 1",
        // Taken out, and added.
        "DELETE FROM records WHERE id = 3",
        "DELETE FROM bodies WHERE id = 3",
        "DELETE FROM chunks WHERE id = 2",
        "DELETE FROM groups WHERE id = 2",
        "DELETE FROM group_keys WHERE grp = 1",
        "DELETE FROM entries WHERE id = 1",
        "DELETE FROM meta",
        "INSERT INTO chunks(grp, name, number, revision, sealed) SELECT grp, name, 2, revision, sealed FROM chunks WHERE id = 1",
        "INSERT INTO entries(shelf, name, revision, sealed) SELECT shelf, 'more', revision, sealed FROM entries WHERE id = 1",
        // Not even of the right kind.
        "UPDATE bodies SET sealed = x'' WHERE id = 1",
        "UPDATE bodies SET sealed = 'text' WHERE id = 1",
        "UPDATE bodies SET sealed = zeroblob(100) WHERE id = 1",
        "UPDATE groups SET state = x'00' WHERE id = 1",
        "UPDATE groups SET sealed = x'' WHERE id = 1",
        "UPDATE group_keys SET wrapped = x'01' WHERE grp = 1",
        "UPDATE entries SET sealed = 7 WHERE id = 1",
        "UPDATE meta SET value = zeroblob(200)",
        // The index alone.
        "INSERT INTO words(words) VALUES('delete-all')",
        "INSERT INTO words(rowid, text, labels) VALUES(1, 'forged', 'r')",
    ];
    for change in changes {
        let (place, store) = filled();
        let expected = contents(&store);
        let raw = place.raw();
        assert!(raw.execute(change, []).expect(change) > 0, "{change}");
        drop(raw);
        // Names of what was renamed are gone; what is still called by its name must be an error or right.
        let gone: BTreeSet<&str> =
            BTreeSet::from(["UPDATE groups SET name", "DELETE FROM groups", "DELETE FROM records"]);
        if !gone.iter().any(|start| change.starts_with(start))
            && !change.contains("SET grp")
            && !change.contains("'mx'")
        {
            reads_are_errors_or_right(&store, &expected);
        }
        let found = store.check(&mut |_, _| ());
        assert!(!found.expect("a report").problems.is_empty(), "check did not notice: {change}");
        match store.search(&search("of")) {
            Ok(page) => {
                for hit in page.hits {
                    assert!(expected.iter().any(|content| content.records.contains(&hit.record)), "{change}");
                }
            }
            Err(error) => assert!(matches!(error.kind(), ErrorKind::Damaged), "{change}: {error:?}"),
        }
    }
}

/// What was written under the same name before is put back: records, chunks, entries, a whole group.
#[test]
fn rows_that_are_put_back_are_noticed() {
    type Put = fn(&mut Batch, &str);
    let writes: [(Put, &[&str]); 3] = [
        (|batch, text| done(batch.put_record(record("a", "m1", 5, text))), &["records", "bodies"]),
        (|batch, text| done(batch.put_entry("shelf", "a", text.as_bytes().to_vec())), &["entries"]),
        (|batch, text| done(batch.put_group(Group { payload: text.into(), ..group("a", 10) })), &["groups"]),
    ];
    for (put, tables) in writes {
        let (place, store) = filled();
        write(&store, |batch| put(batch, "old")).expect("written");
        let raw = place.raw();
        for table in tables {
            raw.execute_batch(&format!("CREATE TABLE old_{table} AS SELECT * FROM {table}")).expect("kept");
        }
        write(&store, |batch| put(batch, "new")).expect("written");
        assert_eq!(problems(&store), Vec::<String>::new());
        for table in tables {
            raw.execute_batch(&format!("REPLACE INTO {table} SELECT * FROM old_{table}")).expect("put back");
        }
        drop(raw);
        assert!(!problems(&store).is_empty(), "{tables:?}");
        if tables[0] == "records" {
            assert_eq!(store.read_group("a").expect_err("old").kind(), ErrorKind::Damaged);
        }
        // The other group is as sound as before.
        store.read_group("b").expect("read");
    }
}

/// Pages of the file as they were are put over those of today: the database's own authentication accepts them.
#[test]
fn pages_that_are_put_back_are_noticed_by_a_check() {
    let (place, store) = filled();
    let checkpoint = || {
        let raw = place.raw();
        raw.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(())).expect("a checkpoint");
    };
    write(&store, |batch| done(batch.put_record(record("a", "m1", 5, "|old text")))).expect("written");
    store.close();
    checkpoint();
    let old = std::fs::read(place.file()).expect("read");
    let store = place.open().expect("open");
    write(&store, |batch| done(batch.put_record(record("a", "m1", 5, "|new text")))).expect("written");
    let expected = contents(&store);
    store.close();
    checkpoint();
    let new = std::fs::read(place.file()).expect("read");
    assert_eq!(old.len(), new.len());
    let page = connection::PAGE_SIZE as usize;
    let mut noticed = 0;
    for at in (page..new.len()).step_by(page).filter(|at| old[*at..*at + page] != new[*at..*at + page]) {
        let mut mixed = new.clone();
        mixed[at..at + page].copy_from_slice(&old[at..at + page]);
        std::fs::write(place.file(), &mixed).expect("put back");
        for suffix in ["-wal", "-shm"] {
            let _ = std::fs::remove_file(format!("{}{suffix}", place.file().display()));
        }
        let Ok(store) = place.open() else {
            noticed += 1;
            continue;
        };
        for content in &expected {
            if let Ok(read) = store.read_group(&content.group.name) {
                assert_eq!(read.as_ref(), Some(content), "page {}", at / page);
            }
        }
        let report = store.check(&mut |_, _| ());
        if report.is_err() || report.is_ok_and(|report| !report.problems.is_empty()) {
            noticed += 1;
        } else {
            // Pages that were written again with the same content differ only in how they are encrypted.
            assert_eq!(contents(&store), expected, "page {}", at / page);
            assert_eq!(names(&store, &search("new")), ["m1"], "page {}", at / page);
            assert_eq!(names(&store, &search("old")), Vec::<String>::new(), "page {}", at / page);
        }
    }
    assert!(noticed >= 3, "{noticed} pages were noticed");
}

/// A flipped bit on every page, at several places of it: an error, or everything as it was. Never a panic.
#[test]
fn a_flipped_bit_on_any_page_is_an_error_and_never_another_answer() {
    let (place, store) = filled();
    let expected = contents(&store);
    let hits = names(&store, &search("word1"));
    store.close();
    place.raw().query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(())).expect("a checkpoint");
    let sound = std::fs::read(place.file()).expect("read");
    let page = connection::PAGE_SIZE as usize;
    let mut errors = 0;
    for at in (0..sound.len()).step_by(page) {
        for offset in [0, 20, 100, page / 2, page - 70, page - 1] {
            let mut bytes = sound.clone();
            bytes[at + offset] ^= 1 << (offset % 8);
            std::fs::write(place.file(), &bytes).expect("written");
            for suffix in ["-wal", "-shm"] {
                let _ = std::fs::remove_file(format!("{}{suffix}", place.file().display()));
            }
            match place.open() {
                Err(error) => {
                    let kinds = [ErrorKind::Damaged, ErrorKind::Foreign, ErrorKind::Newer];
                    assert!(kinds.contains(&error.kind()), "page {} at {offset}: {error:?}", at / page);
                    errors += 1;
                }
                Ok(store) => {
                    errors += reads_are_errors_or_right(&store, &expected);
                    match store.search(&search("word1")) {
                        Ok(page) => {
                            assert_eq!(
                                page.hits.into_iter().map(|hit| hit.record.name).collect::<Vec<_>>(),
                                hits
                            );
                        }
                        Err(error) => assert_eq!(error.kind(), ErrorKind::Damaged, "{error:?}"),
                    }
                    let report = store.check(&mut |_, _| ());
                    assert!(
                        report.is_err() || report.is_ok_and(|report| !report.problems.is_empty()),
                        "page {} at {offset}",
                        at / page
                    );
                }
            }
        }
    }
    assert!(errors > sound.len() / page, "{errors}");
}

#[test]
fn files_that_are_no_store_are_told_apart() {
    let (place, store) = filled();
    store.close();
    drop(place.raw());
    let sound = std::fs::read(place.file()).expect("read");
    let kind = |bytes: &[u8]| {
        let place = Place::new();
        std::fs::write(place.file(), bytes).expect("written");
        let error = place.open().err().expect("an error");
        assert!(error.hint().is_some() && !error.message().contains('\n'), "{error}");
        assert_eq!(std::fs::read(place.file()).expect("read"), bytes, "it was changed");
        error.kind()
    };
    assert_eq!(kind(&[]), ErrorKind::Damaged);
    assert_eq!(kind(&sound[..100]), ErrorKind::Damaged);
    assert_eq!(kind(&sound[..connection::PAGE_SIZE as usize]), ErrorKind::Damaged);
    assert_eq!(kind(&vec![0x5a; 40_960]), ErrorKind::Damaged);
    let plain = Place::new();
    rusqlite::Connection::open(plain.file()).expect("open").execute_batch("CREATE TABLE t(a)").expect("made");
    assert_eq!(kind(&std::fs::read(plain.file()).expect("read")), ErrorKind::Foreign);
    let missing = Place::new().open().err().expect("an error");
    assert_eq!(missing.kind(), ErrorKind::NotFound);
    let raw = place.raw();
    raw.execute_batch("PRAGMA user_version = 99").expect("set");
    drop(raw);
    let before = std::fs::read(place.file()).expect("read");
    assert_eq!(place.open().err().expect("newer").kind(), ErrorKind::Newer);
    assert_eq!(std::fs::read(place.file()).expect("read"), before);
    place.raw().execute_batch("PRAGMA user_version = 1; PRAGMA application_id = 5").expect("set");
    assert_eq!(place.open().err().expect("foreign").kind(), ErrorKind::Foreign);
}

/// Cut anywhere, the file is an error or right.
#[test]
fn a_file_that_was_cut_is_an_error_and_never_another_answer() {
    let (place, store) = filled();
    let expected = contents(&store);
    store.close();
    place.raw().query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(())).expect("a checkpoint");
    let sound = std::fs::read(place.file()).expect("read");
    let page = connection::PAGE_SIZE as usize;
    for length in (0..sound.len()).step_by(page / 2) {
        std::fs::write(place.file(), &sound[..length]).expect("written");
        for suffix in ["-wal", "-shm"] {
            let _ = std::fs::remove_file(format!("{}{suffix}", place.file().display()));
        }
        match place.open() {
            Err(error) => assert_eq!(error.kind(), ErrorKind::Damaged, "{length}: {error:?}"),
            Ok(store) => {
                reads_are_errors_or_right(&store, &expected);
                assert!(!problems(&store).is_empty(), "{length}");
            }
        }
    }
}

/// The words of what was removed are not in the index any more, and nothing of it is in any file.
#[test]
fn what_was_removed_is_gone_from_the_index_and_from_the_files() {
    let place = Place::new();
    let store = place.create();
    for name in ["kept", "gone"] {
        write(&store, |batch| {
            batch.put_group(group(name, 1));
            for n in 0..200 {
                let text = format!("|common words and canary{name}{n} unique{name}");
                batch.put_record(record(name, &format!("m{n:03}"), n, &text));
            }
        })
        .expect("written");
    }
    write(&store, |batch| {
        batch.put_group(group("few", 1)).put_record(record("few", "m", 1, "|canaryfew uniquefew"));
        batch.put_record(record("few", "n", 1, "|canaryfew uniquefew"));
    })
    .expect("written");
    let in_index = |needle: &str| {
        let raw = place.raw();
        let mut select = raw.prepare("SELECT block FROM words_data").expect("prepared");
        let blocks: Vec<Vec<u8>> =
            select.query_map([], |row| row.get(0)).expect("rows").map(|b| b.expect("b")).collect();
        let all: Vec<u8> = blocks.concat();
        all.windows(needle.len()).any(|part| part == needle.as_bytes())
    };
    assert!(in_index("uniquegone") && in_index("uniquekept"), "the positive control");
    // With a small group, replaced, removed one by one, and with a large group.
    assert!(in_index("uniquefew"));
    write(&store, |batch| done(batch.remove_group("few"))).expect("written");
    assert!(!in_index("uniquefew") && !in_index("canaryfew"));
    write(&store, |batch| done(batch.put_record(record("gone", "m000", 0, "|nothing")))).expect("written");
    write(&store, |batch| done(batch.remove_record("gone", "m001"))).expect("written");
    write(&store, |batch| done(batch.remove_group("gone"))).expect("written");
    // Terms are stored by what they share with the one before, so single characters are looked for, too.
    assert!(!in_index("uniquegone") && !in_index("canarygone") && !in_index("gone1"));
    assert!(in_index("uniquekept"));
    assert_eq!(names(&store, &search("uniquegone")), Vec::<String>::new());
    assert_eq!(names(&store, &search("uniquekept")).len(), 200);
    assert_eq!(problems(&store), Vec::<String>::new());
    let wal = std::fs::metadata(format!("{}-wal", place.file().display())).map_or(0, |data| data.len());
    assert_eq!(wal, 0, "the write-ahead log was not cleared");
}
