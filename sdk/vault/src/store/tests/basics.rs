//! What is written can be read, searched, replaced, removed, and is there after opening again.

use super::*;
use crate::ErrorKind;

fn two_conversations(store: &Store) {
    write(store, |batch| {
        batch.put_group(group("a", 10)).put_group(group("b", 20));
        batch.put_record(record("a", "m1", 11, "role=user|How do I sort a Vec of floats?"));
        batch.put_record(record(
            "a",
            "m2",
            12,
            "role=assistant tool=bash|Use total_cmp; naïve sorting fails.",
        ));
        batch.put_record(record("b", "m3", 21, "role=user|日本語のテキストを検索する"));
        batch.append_chunk("b", "m4", b"first".to_vec()).append_chunk("b", "m4", b"second".to_vec());
        batch.put_entry("shelf", "e1", b"entry".to_vec());
    })
    .expect("written");
}

#[test]
fn what_was_written_is_there_also_after_opening_again() {
    let place = Place::new();
    let store = place.create();
    two_conversations(&store);
    for store in [store, place.open().expect("open")] {
        let names: Vec<_> =
            store.groups(0, 10).expect("groups").into_iter().map(|group| group.name).collect();
        assert_eq!(names, ["b", "a"]);
        let a = store.read_group("a").expect("content").expect("there");
        assert_eq!(a.group, group("a", 10));
        assert_eq!(a.records.iter().map(|record| record.name.as_str()).collect::<Vec<_>>(), ["m1", "m2"]);
        let b = store.read_group("b").expect("content").expect("there");
        assert_eq!(b.unfinished, [("m4".to_owned(), vec![b"first".to_vec(), b"second".to_vec()])]);
        assert_eq!(store.entry("shelf", "e1").expect("entry").as_deref(), Some(&b"entry"[..]));
        assert_eq!(store.entries("shelf").expect("entries").len(), 1);
        assert_eq!(store.record("a", "m2").expect("record").expect("there").time, 12);
        let usage = store.usage().expect("usage");
        assert_eq!((usage.groups, usage.records, usage.chunks), (2, 3, 2));
        assert_eq!(problems(&store), Vec::<String>::new());
        store.close();
    }
    let store = place.open().expect("open");
    assert_eq!(store.generation().expect("generation"), 3);
}

#[test]
fn words_phrases_prefixes_labels_and_negations_find_what_they_say() {
    let place = Place::new();
    let store = place.create();
    two_conversations(&store);
    assert_eq!(names(&store, &search("sort vec")), ["m1"]);
    assert_eq!(names(&store, &search("naive")), ["m2"]);
    assert_eq!(names(&store, &search("\"total cmp\"")), ["m2"]);
    assert_eq!(names(&store, &search("sort*")).len(), 2);
    assert_eq!(names(&store, &search("sort* -floats")), ["m2"]);
    assert_eq!(names(&store, &search("検索")), ["m3"]);
    assert_eq!(names(&store, &search("-sort")), ["m3", "m2"]);
    let labels = |labels: &[&str]| vec![labels.iter().map(|label| (*label).to_owned()).collect()];
    let by_label = Search { labels: labels(&["role=user"]), limit: 9, ..Search::default() };
    assert_eq!(names(&store, &by_label), ["m3", "m1"]);
    let without = Search { without: vec!["tool=bash".into()], ..by_label.clone() };
    assert_eq!(names(&store, &without), ["m3", "m1"]);
    assert_eq!(names(&store, &Search { group: Some("a".into()), ..by_label.clone() }), ["m1"]);
    assert_eq!(names(&store, &Search { since: Some(12), ..Search::default() }), ["m3", "m2"]);
    assert_eq!(names(&store, &Search { until: Some(12), ..Search::default() }), ["m1"]);
    let page = store.search(&Search { limit: 1, offset: 1, ..Search::default() }).expect("a page");
    assert_eq!((page.hits[0].record.name.as_str(), page.more), ("m2", true));
}

#[test]
fn replacing_and_removing_change_what_is_found() {
    let place = Place::new();
    let store = place.create();
    two_conversations(&store);
    write(&store, |batch| {
        batch.put_record(record("a", "m1", 11, "|completely different"));
        batch.put_record(record("b", "m4", 22, "|first second"));
        batch.remove_entry("shelf", "e1");
    })
    .expect("written");
    assert_eq!(names(&store, &search("floats")), Vec::<String>::new());
    assert_eq!(names(&store, &search("different")), ["m1"]);
    assert_eq!(names(&store, &search("second")), ["m4"]);
    assert!(store.read_group("b").expect("content").expect("there").unfinished.is_empty());
    assert_eq!(store.entry("shelf", "e1").expect("entry"), None);
    write(&store, |batch| {
        batch
            .remove_group("b")
            .remove_record("a", "m1")
            .remove_record("a", "nothing")
            .remove_group("nothing");
    })
    .expect("written");
    assert_eq!(names(&store, &Search::default()), ["m2"]);
    assert!(store.read_group("b").expect("content").is_none());
    assert_eq!(problems(&store), Vec::<String>::new());
}

#[test]
fn a_batch_happens_as_a_whole_or_not_at_all() {
    let place = Place::new();
    let store = place.create();
    let error = write(&store, |batch| {
        batch.put_group(group("a", 1)).put_record(record("missing", "m", 1, "|x"));
    })
    .expect_err("no such group");
    assert_eq!(error.kind(), ErrorKind::NotFound);
    assert!(store.group("a").expect("read").is_none());
    let large = Record { payload: vec![0; (16 << 20) + 1], ..record("a", "m", 1, "") };
    let error = write(&store, |batch| {
        batch.put_group(group("a", 1)).put_record(large);
    })
    .expect_err("too large");
    assert_eq!(error.kind(), ErrorKind::InvalidInput);
    assert_eq!(store.usage().expect("usage").groups, 0);
}

#[test]
fn a_closed_store_says_that_it_is_locked() {
    let place = Place::new();
    let store = place.create();
    let (send, receive) = std::sync::mpsc::channel();
    let mut batch = Batch::new();
    batch.put_group(group("a", 1));
    store
        .submit(batch, Durability::Process, move |result| send.send(result.is_ok()).expect("sent"))
        .expect("queued");
    store.close();
    assert_eq!(receive.recv(), Ok(true));
    assert_eq!(store.group("a").expect_err("closed").kind(), ErrorKind::Locked);
    assert_eq!(write(&store, |_| ()).expect_err("closed").kind(), ErrorKind::Locked);
    assert!(place.open().expect("open").group("a").expect("read").is_some());
}
