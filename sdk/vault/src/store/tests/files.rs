//! Whole files: copies, files under other keys, older versions, an index of another version.

use super::open::Settings;
use super::schema::Migration;
use super::*;
use crate::ErrorKind;

fn filled(place: &Place) -> Store {
    let store = place.create();
    for name in ["a", "b"] {
        write(&store, |batch| {
            batch.put_group(group(name, 1));
            for n in 0..30 {
                batch.put_record(record(
                    name,
                    &format!("m{n:02}"),
                    n,
                    &format!("role=user|word{n} of {name}"),
                ));
            }
            batch.append_chunk(name, "x", b"one".to_vec()).append_chunk(name, "x", b"two".to_vec());
            batch.put_entry("shelf", name, name.as_bytes().to_vec());
        })
        .expect("written");
    }
    store
}

fn assert_equal(one: &Store, other: &Store) {
    assert_eq!(one.groups(0, 99).expect("groups"), other.groups(0, 99).expect("groups"));
    for group in one.groups(0, 99).expect("groups") {
        assert_eq!(one.read_group(&group.name).expect("read"), other.read_group(&group.name).expect("read"));
    }
    assert_eq!(one.entries("shelf").expect("entries"), other.entries("shelf").expect("entries"));
    let mut found = names(one, &search("of a"));
    let mut other_found = names(other, &search("of a"));
    found.sort();
    other_found.sort();
    assert_eq!(found, other_found);
    assert_eq!(problems(other), Vec::<String>::new());
}

#[test]
fn a_copy_is_equal_also_while_others_write() {
    let (place, target) = (Place::new(), Place::new());
    let store = filled(&place);
    let mut steps = Vec::new();
    store
        .copy(&target.file(), &mut |copied, total| {
            steps.push((copied, total));
            write(&store, |batch| done(batch.put_entry("other", format!("{copied}"), vec![1])))
                .expect("written");
        })
        .expect("copied");
    let copy = target.open().expect("open");
    assert!(copy.entries("other").expect("entries").is_empty(), "it is of the moment in which it began");
    assert_equal(&store, &copy);
    assert_eq!(store.copy(&target.file(), &mut |_, _| ()).expect_err("exists").kind(), ErrorKind::Exists);
}

#[test]
fn everything_can_be_written_anew_under_other_keys() {
    let (place, target) = (Place::new(), Place::new());
    let store = filled(&place);
    let key = |byte: u8| Key::from_slice(&[byte; 32]).expect("32 bytes");
    let others = StoreKeys { vault: [7; 16], database: key(11), kek: key(12), sum: key(13) };
    let mut last = (0, 0);
    store.rewrite(&target.file(), others.clone(), &mut |done, total| last = (done, total)).expect("written");
    assert_eq!(last, (60, 60));
    let anew =
        Store::open_with(&target.file(), others, Arc::new(Lines(1)), Settings::default()).expect("open");
    assert_equal(&store, &anew);
    assert!(anew.generation().expect("generation") > store.generation().expect("generation"));
    assert_eq!(target.open().err().expect("the old keys do not open it").kind(), ErrorKind::Damaged);
}

#[test]
fn what_does_not_verify_is_not_written_anew() {
    for change in [
        "DELETE FROM entries WHERE id = 1",
        "DELETE FROM records WHERE id = 5",
        "UPDATE bodies SET sealed = zeroblob(60) WHERE id = 40",
        "DELETE FROM groups WHERE id = 2",
    ] {
        let (place, target) = (Place::new(), Place::new());
        let store = filled(&place);
        place.raw().execute(change, []).expect(change);
        let error = store.rewrite(&target.file(), keys(), &mut |_, _| ()).expect_err(change);
        assert_eq!(error.kind(), ErrorKind::Damaged, "{change}");
        assert_eq!(
            std::fs::read_dir(target.folder.path()).expect("a folder").count(),
            0,
            "something was left"
        );
    }
}

#[test]
fn an_index_of_another_version_is_made_anew_before_the_next_search() {
    let place = Place::new();
    let old = filled(&place);
    let new = place.open_with(Lines(2), Settings::default()).expect("open");
    // Written while the index is not complete, and replaced, and removed.
    write(&new, |batch| {
        batch.put_record(record("a", "m99", 99, "|word99 of a"));
        batch.put_record(record("a", "m00", 0, "|replaced"));
        batch.remove_record("a", "m01");
    })
    .expect("written");
    let error = write(&old, |batch| done(batch.put_entry("a", "b", vec![1]))).expect_err("another version");
    assert_eq!(error.kind(), ErrorKind::Newer);
    assert_eq!(old.search(&search("of")).expect_err("another version").kind(), ErrorKind::Newer);
    assert_eq!(names(&new, &search("of")).len(), 59);
    assert_eq!(names(&new, &search("replaced")), ["m00"]);
    assert_eq!(problems(&new), Vec::<String>::new());
}

#[test]
fn a_record_that_does_not_open_hides_no_other() {
    let place = Place::new();
    let store = filled(&place);
    place.raw().execute("UPDATE bodies SET sealed = zeroblob(60) WHERE id = 7", []).expect("changed");
    store.reindex(&mut |_, _| ()).expect("made anew");
    assert_eq!(names(&store, &search("of")).len(), 59);
    // Its group can still be destroyed, with all that the index knows.
    write(&store, |batch| done(batch.remove_group("a"))).expect("written");
    assert_eq!(names(&store, &search("of")).len(), 30);
    assert_eq!(problems(&store), Vec::<String>::new());
}

fn add_table(connection: &rusqlite::Connection) -> Result<()> {
    connection::run(connection, "CREATE TABLE later(a)")
}

fn fail_halfway(connection: &rusqlite::Connection) -> Result<()> {
    connection::run(connection, "CREATE TABLE half(a)")?;
    connection::run(connection, "INSERT INTO missing VALUES(1)")
}

#[test]
fn an_older_file_is_copied_and_brought_up_to_date_step_by_step() {
    const STEPS: &[Migration] = &[Migration { to: 2, run: add_table }, Migration { to: 3, run: |_| Ok(()) }];
    const BROKEN: &[Migration] =
        &[Migration { to: 2, run: add_table }, Migration { to: 3, run: fail_halfway }];
    let (place, reference) = (Place::new(), Place::new());
    filled(&place).close();
    let expected = filled(&reference);
    let copy = schema::copy_name(&place.file(), 1);
    let broken = Settings { newest: 3, migrations: BROKEN, ..Settings::default() };
    place.open_with(Lines(1), broken).err().expect("the second step fails");
    // The first step stays, the second left nothing; and the copy is a whole store of the version before.
    assert_eq!(schema::version(&place.raw()).expect("a version"), 2);
    assert!(place.raw().prepare("SELECT * FROM half").is_err());
    let before =
        Store::open_with(&copy, keys(), Arc::new(Lines(1)), Settings::default()).expect("the copy opens");
    assert_equal(&expected, &before);
    drop(before);
    let settings = Settings { newest: 3, migrations: STEPS, ..Settings::default() };
    let store = place.open_with(Lines(1), settings).expect("open");
    assert_equal(&expected, &store);
    assert_eq!(schema::version(&place.raw()).expect("a version"), 3);
    assert!(schema::copy_name(&place.file(), 2).exists());
    drop(store);
    // A program of today leaves the file of tomorrow alone; the one of tomorrow cleans up.
    assert_eq!(place.open().err().expect("newer").kind(), ErrorKind::Newer);
    drop(place.open_with(Lines(1), settings).expect("open"));
    assert!(!copy.exists() && !schema::copy_name(&place.file(), 2).exists());
}

#[test]
fn a_frozen_store_of_version_1_still_opens() {
    let place = Place::new();
    std::fs::write(place.file(), include_bytes!("frozen-1.db")).expect("written");
    let store = place.open().expect("open");
    let content = store.read_group("frozen").expect("read").expect("there");
    assert_eq!(content.group, group("frozen", 1_700_000_000_000));
    assert_eq!(content.records[0].payload, "role=user|Grüße aus Version 1, 検索".as_bytes());
    assert_eq!(content.unfinished, [("m2".to_owned(), vec![b"chunk".to_vec()])]);
    assert_eq!(store.entry("shelf", "entry").expect("entry").as_deref(), Some(&b"kept"[..]));
    for text in ["aus version", "gruße", "検索"] {
        assert_eq!(names(&store, &search(text)), ["m1"]);
    }
    assert_eq!(problems(&store), Vec::<String>::new());
    // The file was made by a compiler with other tables of Unicode, perhaps: then the index was just made anew.
    write(&store, |batch| done(batch.put_record(record("frozen", "m3", 3, "|new")))).expect("written");
}

/// Makes the frozen store; run it by name for a new version, and never again for an old one.
#[test]
fn a_store_that_is_frozen_now_is_like_the_frozen_one() {
    let place = Place::new();
    let store = place.create();
    write(&store, |batch| {
        batch.put_group(group("frozen", 1_700_000_000_000));
        batch.put_record(record("frozen", "m1", 1_700_000_000_001, "role=user|Grüße aus Version 1, 検索"));
        batch.append_chunk("frozen", "m2", b"chunk".to_vec());
        batch.put_entry("shelf", "entry", b"kept".to_vec());
    })
    .expect("written");
    store.close();
    drop(place.raw());
    if let Some(target) = std::env::var_os("NEXUS_FREEZE") {
        std::fs::copy(place.file(), target).expect("frozen");
    }
    let tables = |file: &std::path::Path| {
        let bound = std::time::Duration::from_secs(5);
        let raw =
            connection::open(file, &keys().database, connection::Role::Writer, bound).expect("a connection");
        let mut select = raw.prepare("SELECT sql FROM sqlite_schema ORDER BY name").expect("prepared");
        select
            .query_map([], |row| row.get(0))
            .expect("rows")
            .collect::<rusqlite::Result<Vec<Option<String>>>>()
    };
    let frozen = Place::new();
    std::fs::write(frozen.file(), include_bytes!("frozen-1.db")).expect("written");
    // Whoever changes the tables needs a new version, a step to it, and a new frozen store.
    assert_eq!(tables(&place.file()).expect("tables"), tables(&frozen.file()).expect("tables"));
}
