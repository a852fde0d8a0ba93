//! A search by index finds what a scan of all records finds, whatever was written, replaced and removed before.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;
use crate::TextQuery;
use crate::text::tests::texts;

/// What is stored, kept in memory: by group and name.
type Model = BTreeMap<(String, String), Record>;

#[derive(Clone, Debug)]
enum Step {
    Put { group: usize, name: usize, time: i64, amount: f64, labels: Vec<usize>, text: String },
    Remove { group: usize, name: usize },
    RemoveGroup(usize),
    Chunk { group: usize, name: usize },
    Reopen,
    Reindex,
}

const LABELS: &[&str] = &["role=user", "role=assistant", "tool=bash", "日本語", "dir=/a\"b*c"];

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let labels = prop::collection::vec(0..LABELS.len(), 0..4);
    let put =
        (0..4usize, 0..6usize, -3i64..9, prop_oneof![Just(0.0), Just(-0.0), -1.0..1.0], labels, texts())
            .prop_map(|(group, name, time, amount, labels, text)| Step::Put {
                group,
                name,
                time,
                amount,
                labels,
                text,
            });
    let step = prop_oneof![
        12 => put,
        3 => (0..4usize, 0..6usize).prop_map(|(group, name)| Step::Remove { group, name }),
        1 => (0..4usize).prop_map(Step::RemoveGroup),
        2 => (0..4usize, 0..6usize).prop_map(|(group, name)| Step::Chunk { group, name }),
        1 => Just(Step::Reopen),
        1 => Just(Step::Reindex),
    ];
    prop::collection::vec(step, 1..40)
}

fn questions() -> impl Strategy<Value = Search> {
    let labels = || prop::collection::vec(0..LABELS.len(), 0..3);
    let text = prop_oneof![
        2 => texts(),
        2 => "-?(naive|a|an|日本|本|елка|foo_bar|👍|हिन्दी|한)\\*? ?-?(naive|a|b|日|🎉)?\\*?",
        1 => Just(String::new()),
    ];
    let filters = (prop::collection::vec(labels(), 0..2), labels(), prop::option::of(0..5usize));
    let bounds = (
        prop::option::of(-3i64..9),
        prop::option::of(-3i64..9),
        prop::option::of(-1.0..1.0),
        prop::option::of(-1.0..1.0),
    );
    (text, filters, bounds, any::<bool>()).prop_map(|(text, (labels, without, group), bounds, newest)| {
        Search {
            text: TextQuery::parse(&text),
            labels: labels
                .into_iter()
                .map(|any| any.into_iter().map(|n| LABELS[n].to_owned()).collect())
                .collect(),
            without: without.into_iter().map(|n| LABELS[n].to_owned()).collect(),
            group: group.map(|n| format!("group {n}")),
            since: bounds.0,
            until: bounds.1,
            at_least: bounds.2,
            at_most: bounds.3,
            order: if newest { Order::Newest } else { Order::Relevance },
            limit: 1_000,
            offset: 0,
        }
    })
}

fn payload(labels: &[usize], text: &str) -> String {
    let labels: Vec<String> = labels.iter().map(|n| LABELS[*n].to_owned()).collect();
    format!("{}|{}", labels.join(" "), text.replace('|', " "))
}

fn step(place: &Place, store: &mut Store, model: &mut Model, step: &Step) {
    let (group_name, name_of) = (|n: &usize| format!("group {n}"), |n: &usize| format!("record {n}"));
    match step {
        Step::Put { group: g, name, time, amount, labels, text } => {
            let text = payload(labels, text);
            let record = Record { amount: *amount, ..record(&group_name(g), &name_of(name), *time, &text) };
            write(store, |batch| {
                batch.put_group(group(&group_name(g), 1)).put_record(record.clone());
            })
            .expect("written");
            model.insert((group_name(g), name_of(name)), record);
        }
        Step::Remove { group, name } => {
            write(store, |batch| {
                batch.remove_record(group_name(group), name_of(name));
            })
            .expect("written");
            model.remove(&(group_name(group), name_of(name)));
        }
        Step::RemoveGroup(group) => {
            write(store, |batch| {
                batch.remove_group(group_name(group));
            })
            .expect("written");
            model.retain(|(of, _), _| *of != group_name(group));
        }
        Step::Chunk { group: g, name } => {
            write(store, |batch| {
                batch.put_group(group(&group_name(g), 1)).append_chunk(group_name(g), name_of(name), vec![1]);
            })
            .expect("written");
        }
        Step::Reopen => {
            store.close();
            *store = place.open().expect("open");
        }
        Step::Reindex => store.reindex(&mut |_, _| ()).expect("made anew"),
    }
}

/// The scan: what a search means, said once more without an index.
fn is_meant(search: &Search, record: &Record) -> bool {
    let indexed = Lines(1).index(&record.payload);
    search.text.matches(&indexed.text)
        && search
            .labels
            .iter()
            .all(|any| any.is_empty() || any.iter().any(|label| indexed.labels.contains(label)))
        && !search.without.iter().any(|label| indexed.labels.contains(label))
        && search.group.as_ref().is_none_or(|group| *group == record.group)
        && search.since.is_none_or(|since| record.time >= since)
        && search.until.is_none_or(|until| record.time < until)
        && search.at_least.is_none_or(|least| record.amount >= least)
        && search.at_most.is_none_or(|most| record.amount <= most)
}

fn compare(store: &Store, model: &Model, search: &Search) -> Result<(), TestCaseError> {
    let page = store.search(search).expect("a page");
    let key = |record: &Record| (record.group.clone(), record.name.clone());
    let mut found: Vec<_> = page.hits.iter().map(|hit| key(&hit.record)).collect();
    let is_ranked = search.order == Order::Relevance && !search.text.wanted().is_empty();
    for pair in page.hits.windows(2) {
        let in_order = if is_ranked {
            pair[0].score >= pair[1].score
        } else {
            pair[0].record.time >= pair[1].record.time
        };
        prop_assert!(in_order);
    }
    for hit in &page.hits {
        prop_assert_eq!(&hit.record, &model[&key(&hit.record)]);
        prop_assert_eq!(hit.snippet.pieces.iter().any(|(_, found)| *found), !search.text.wanted().is_empty());
    }
    // Pages, put together, are the whole.
    let in_pages: Vec<_> = (0..=found.len())
        .step_by(3)
        .flat_map(|offset| {
            let page = store.search(&Search { limit: 3, offset, ..search.clone() }).expect("a page");
            assert_eq!(page.more, offset + 3 < found.len());
            page.hits.into_iter().map(|hit| key(&hit.record)).collect::<Vec<_>>()
        })
        .collect();
    prop_assert_eq!(&in_pages, &found);
    let mut meant: Vec<_> = model.values().filter(|record| is_meant(search, record)).map(key).collect();
    found.sort();
    meant.sort();
    prop_assert_eq!(found, meant, "{:?}", search);
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    #[test]
    fn an_index_search_equals_a_scan(steps in steps(), questions in prop::collection::vec(questions(), 12)) {
        let place = Place::new();
        let (mut store, mut model) = (place.create(), Model::new());
        for one in &steps {
            step(&place, &mut store, &mut model, one);
        }
        for record in model.values_mut() {
            // Zero has two forms, and the store keeps one.
            record.amount += 0.0;
        }
        for question in &questions {
            compare(&store, &model, question)?;
        }
        prop_assert_eq!(problems(&store), Vec::<String>::new());
        let stored = store.groups(0, 99).expect("groups").into_iter()
            .flat_map(|group| store.read_group(&group.name).expect("read").expect("there").records).collect::<Vec<_>>();
        prop_assert_eq!(stored.len(), model.len());
        for record in stored {
            prop_assert_eq!(&record, &model[&(record.group.clone(), record.name.clone())]);
        }
    }
}

/// Many matches are found in another way than few: both must say the same.
#[test]
fn the_walk_from_the_newest_on_equals_the_scan() {
    let place = Place::new();
    let (store, mut model) = (place.create(), Model::new());
    let mut batch = Batch::new();
    batch.put_group(group("a", 1)).put_group(group("b", 1));
    for n in 0..9_000i64 {
        let labels: &[usize] = if n % 3 == 0 { &[0] } else { &[1, 2] };
        let text = payload(labels, if n % 2 == 0 { "even common" } else { "common odd" });
        // Times go back and forth, and many are equal.
        let time = (n * 7_919) % 1_000;
        let name = format!("{n:05}");
        let record = Record {
            amount: f64::from(n as i32 % 10),
            ..record(if n % 5 == 0 { "a" } else { "b" }, &name, time, &text)
        };
        batch.put_record(record.clone());
        model.insert((record.group.clone(), name), record);
    }
    store.write(batch, Durability::Process).expect("written");
    let questions = ["common", "even", "-odd", "", "com* -even"];
    for text in questions {
        for (labels, group, since, at_most) in [
            (vec![], None, None, None),
            (vec![vec!["role=user".to_owned()]], None, Some(500), None),
            (vec![], Some("b".to_owned()), None, Some(3.0)),
        ] {
            let search = Search {
                text: TextQuery::parse(text),
                labels,
                group,
                since,
                at_most,
                order: Order::Newest,
                limit: 50,
                offset: 20,
                ..Search::default()
            };
            let mut times: Vec<i64> =
                model.values().filter(|record| is_meant(&search, record)).map(|record| record.time).collect();
            times.sort_by_key(|time| std::cmp::Reverse(*time));
            let page = store.search(&search).expect("a page");
            assert_eq!(
                page.hits.iter().map(|hit| hit.record.time).collect::<Vec<_>>(),
                times[20..70],
                "{search:?}"
            );
            assert!(page.hits.iter().all(|hit| is_meant(&search, &hit.record)) && page.more);
        }
    }
    assert_eq!(problems(&store), Vec::<String>::new());
}
