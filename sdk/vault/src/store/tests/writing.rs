//! The write path: many writers, batches that fail beside others, full disks, panics of those who listen.

use std::sync::mpsc;
use std::time::Duration;

use super::*;
use crate::ErrorKind;

#[test]
fn eight_stores_on_one_file_write_at_once_and_nothing_is_lost() {
    let place = Place::new();
    let first = place.create();
    write(&first, |batch| done(batch.put_group(group("shared", 1)))).expect("written");
    std::thread::scope(|scope| {
        for number in 0..8 {
            let place = &place;
            scope.spawn(move || {
                let store = place.open().expect("open");
                let own = format!("own {number}");
                write(&store, |batch| done(batch.put_group(group(&own, 1)))).expect("written");
                for n in 0..25 {
                    let name = format!("{number}-{n:02}");
                    write(&store, |batch| {
                        batch.put_record(record("shared", &name, n, &format!("|word{n} by{number}")));
                        batch.append_chunk(own.clone(), "streaming", vec![number]);
                        batch.put_entry("shelf", name.clone(), vec![1]);
                    })
                    .expect("written");
                }
            });
        }
    });
    assert_eq!(first.read_group("shared").expect("read").expect("there").records.len(), 200);
    assert_eq!(first.entries("shelf").expect("entries").len(), 200);
    assert_eq!(names(&first, &search("word7")).len(), 8);
    assert_eq!(first.generation().expect("generation"), 9);
    assert_eq!(problems(&first), Vec::<String>::new());
}

#[test]
fn a_batch_that_fails_takes_no_other_with_it() {
    let place = Place::new();
    let store = place.create();
    write(&store, |batch| done(batch.put_group(group("a", 1)))).expect("written");
    let (send, receive) = mpsc::channel();
    // The thread is kept busy, so that the others wait together and share a transaction.
    let (hold, held) = mpsc::channel::<()>();
    let mut first = Batch::new();
    first.put_entry("shelf", "first", vec![1]);
    store
        .submit(first, Durability::Process, move |_| {
            let _ = held.recv();
        })
        .expect("queued");
    for n in 0..20i64 {
        let mut batch = Batch::new();
        let group = if n % 5 == 3 { "missing" } else { "a" };
        batch.put_entry("shelf", format!("{n}"), vec![2]).put_record(record(
            group,
            &format!("{n:02}"),
            n,
            "|text",
        ));
        let send = send.clone();
        let durability = if n == 7 { Durability::Power } else { Durability::Process };
        store
            .submit(batch, durability, move |result| {
                send.send((n, result.map_err(|error| error.kind()))).expect("sent");
            })
            .expect("queued");
    }
    drop(hold);
    for n in 0..20 {
        let (number, result) = receive.recv().expect("a result");
        assert_eq!(number, n, "in order");
        let expected = if n % 5 == 3 { Err(ErrorKind::NotFound) } else { Ok(Written { changed: 2 }) };
        assert_eq!(result, expected);
    }
    assert_eq!(store.read_group("a").expect("read").expect("there").records.len(), 16);
    assert_eq!(store.entries("shelf").expect("entries").len(), 17);
    assert_eq!(problems(&store), Vec::<String>::new());
}

#[test]
fn a_full_queue_says_busy_and_goes_on() {
    let place = Place::new();
    let store = place.create();
    let (hold, held) = mpsc::channel::<()>();
    let (begun, has_begun) = mpsc::channel();
    let mut first = Batch::new();
    first.put_entry("shelf", "first", vec![1]);
    store
        .submit(first, Durability::Process, move |_| {
            begun.send(()).expect("sent");
            let _ = held.recv();
        })
        .expect("queued");
    has_begun.recv().expect("it has begun");
    let mut accepted = 0u64;
    let refused = loop {
        let mut batch = Batch::new();
        batch.put_entry("shelf", format!("{accepted}"), vec![0; 100]);
        match store.submit(batch, Durability::Process, |_| ()) {
            Ok(()) => accepted += 1,
            Err(error) => break error,
        }
    };
    assert_eq!((accepted, refused.kind()), (1024, ErrorKind::Busy));
    drop(hold);
    write(&store, |batch| done(batch.put_entry("shelf", "last", vec![3]))).expect("there is room again");
    assert_eq!(store.entries("shelf").expect("entries").len(), 1026);
}

#[test]
fn a_panic_of_who_listens_or_indexes_does_not_end_the_writer() {
    struct Fragile;
    impl Indexer for Fragile {
        fn version(&self) -> u32 {
            1
        }
        fn index(&self, payload: &[u8]) -> Indexed {
            assert!(payload != b"poison", "made up");
            Indexed::default()
        }
    }
    let place = Place::new();
    let store = Store::make(&place.file(), keys(), Arc::new(Fragile), Settings::default()).expect("a store");
    let mut batch = Batch::new();
    batch.put_group(group("a", 1));
    store.submit(batch, Durability::Process, |_| panic!("made up")).expect("queued");
    let error =
        write(&store, |batch| done(batch.put_record(record("a", "m", 1, "poison")))).expect_err("a panic");
    assert_eq!(error.kind(), ErrorKind::Internal);
    write(&store, |batch| done(batch.put_record(record("a", "n", 1, "food")))).expect("written");
    assert_eq!(store.read_group("a").expect("read").expect("there").records.len(), 1);
    // A callback cannot wait for the thread that runs it, and is told so instead of hanging.
    let (send, receive) = mpsc::channel();
    std::thread::scope(|scope| {
        let shared = Arc::new(store);
        let inner = Arc::clone(&shared);
        let mut batch = Batch::new();
        batch.put_entry("shelf", "e", vec![1]);
        shared
            .submit(batch, Durability::Process, move |_| {
                let error = write(&inner, |_| ()).expect_err("it would wait for itself");
                drop(inner);
                send.send(error.kind()).expect("sent");
            })
            .expect("queued");
        scope.spawn(move || assert_eq!(receive.recv(), Ok(ErrorKind::InvalidInput)));
    });
}

/// The database may not grow: what is refused is refused with a clear error, and everything before it stays.
#[test]
fn a_full_disk_is_an_error_that_says_so_and_loses_nothing() {
    let place = Place::new();
    let store = place.create();
    write(&store, |batch| done(batch.put_group(group("a", 1)))).expect("written");
    let limit = |pages: &'static str| {
        store
            .writer
            .task(move |context| {
                context
                    .connection
                    .query_row(&format!("PRAGMA max_page_count = {pages}"), [], |_| Ok(()))
                    .expect("set");
                Ok(())
            })
            .expect("a task");
    };
    limit("120");
    let mut acknowledged = Vec::new();
    let mut refused = 0;
    for n in 0..60i64 {
        let name = format!("{n:02}");
        let text = format!("|word{n} {}", "some more text ".repeat(500));
        match write(&store, |batch| done(batch.put_record(record("a", &name, n, &text)))) {
            Ok(_) => acknowledged.push(name),
            Err(error) => {
                assert_eq!(error.kind(), ErrorKind::Full, "{error:?}");
                assert!(error.hint().is_some());
                refused += 1;
            }
        }
    }
    assert!(refused > 10 && acknowledged.len() > 10, "{refused} of {}", acknowledged.len());
    let stored = |store: &Store| {
        let content = store.read_group("a").expect("read").expect("there");
        content.records.into_iter().map(|record| record.name).collect::<Vec<_>>()
    };
    assert_eq!(stored(&store), acknowledged);
    limit("1000000");
    write(&store, |batch| done(batch.put_record(record("a", "99", 99, "|space again")))).expect("written");
    acknowledged.push("99".into());
    assert_eq!(stored(&store), acknowledged);
    assert_eq!(problems(&store), Vec::<String>::new());
}

#[test]
fn another_writer_that_does_not_end_is_busy_after_the_bound() {
    let place = Place::new();
    drop(place.create());
    let settings = Settings { busy: Duration::from_millis(50), ..Settings::default() };
    let store = place.open_with(Lines(1), settings).expect("open");
    let raw = place.raw();
    raw.execute_batch("BEGIN IMMEDIATE").expect("begun");
    let error = write(&store, |batch| done(batch.put_entry("a", "b", vec![1]))).expect_err("busy");
    assert_eq!(error.kind(), ErrorKind::Busy);
    raw.execute_batch("ROLLBACK").expect("ended");
    write(&store, |batch| done(batch.put_entry("a", "b", vec![1]))).expect("written");
}

#[test]
fn keys_are_replaced_after_so_many_pieces_and_old_ones_still_open() {
    let place = Place::new();
    drop(place.create());
    let settings = Settings { seals_per_key: 5, ..Settings::default() };
    let store = place.open_with(Lines(1), settings).expect("open");
    write(&store, |batch| {
        batch.put_group(group("a", 1));
        for n in 0..23 {
            batch.put_record(record("a", &format!("{n:02}"), n, &format!("|word{n}")));
            batch.put_entry("shelf", format!("{n:02}"), vec![1]);
        }
        batch.append_chunk("a", "x", vec![2]);
    })
    .expect("written");
    let raw = place.raw();
    let count = |sql: &str| raw.query_row(sql, [], |row| row.get::<_, i64>(0)).expect(sql);
    // A group, 23 records and a chunk.
    assert_eq!(count("SELECT count(*) FROM group_keys"), 5);
    assert_eq!(count("SELECT count(DISTINCT substr(sealed, 3, 4)) FROM bodies"), 5);
    assert_eq!(
        count("SELECT max(n) FROM (SELECT count(*) AS n FROM bodies GROUP BY substr(sealed, 3, 4))"),
        5
    );
    assert_eq!(count("SELECT count(DISTINCT substr(sealed, 3, 4)) FROM entries"), 5);
    let store = place.open().expect("open");
    assert_eq!(store.read_group("a").expect("read").expect("there").records.len(), 23);
    assert_eq!(names(&store, &search("word3")), ["03"]);
    assert_eq!(problems(&store), Vec::<String>::new());
}
