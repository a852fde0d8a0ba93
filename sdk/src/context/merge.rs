//! What is mentioned twice goes along once, and ranges of one file that touch become one. Pure.

use super::item::{ContextItem, ItemKind};

/// The items without doubles, in the order in which each was first there.
pub(crate) fn merged(items: Vec<ContextItem>) -> Vec<ContextItem> {
    let mut out: Vec<ContextItem> = Vec::new();
    for item in items {
        add(&mut out, item);
    }
    out
}

fn add(out: &mut Vec<ContextItem>, mut item: ContextItem) {
    // Two that did not touch may both touch a third.
    let mut at = None;
    while let Some(n) = out.iter().position(|known| joined(known, &item).is_some()) {
        let known = out.remove(n);
        item = match joined(&known, &item) {
            Some(lines) => one_of(known, item, lines),
            None => item,
        };
        at = Some(at.map_or(n, |at: usize| at.min(n)));
    }
    out.insert(at.unwrap_or(out.len()), item);
}

/// The lines of both together; `None` when they do not belong together. Without a file they are the same thing or not.
fn joined(one: &ContextItem, other: &ContextItem) -> Option<Option<(u32, u32)>> {
    match (&one.kind, &other.kind) {
        (ItemKind::File { path, lines, .. }, ItemKind::File { path: other, lines: more, .. })
            if path == other =>
        {
            match (*lines, *more) {
                (Some((from, to)), Some((more_from, more_to))) => {
                    let touch = from <= more_to.saturating_add(1) && more_from <= to.saturating_add(1);
                    touch.then(|| Some((from.min(more_from), to.max(more_to))))
                }
                _ => Some(None),
            }
        }
        (ItemKind::Text { text, .. }, ItemKind::Text { text: other, .. }) => (text == other).then_some(None),
        (ItemKind::Image { path, .. }, ItemKind::Image { path: other, .. }) => {
            (path == other).then_some(None)
        }
        (ItemKind::Agent { name }, ItemKind::Agent { name: other }) => (name == other).then_some(None),
        _ => None,
    }
}

/// The first with the lines of both.
fn one_of(first: ContextItem, second: ContextItem, together: Option<(u32, u32)>) -> ContextItem {
    let weight = first.weight.max(second.weight);
    let (first_lines, second_lines) = (lines(&first), lines(&second));
    // The title is that of the one that holds the other, or says what both are.
    let mut item = match (first_lines == together, second_lines == together) {
        (true, _) => first,
        (false, true) => second,
        (false, false) => {
            let mut item = first;
            if let Some((from, to)) = together {
                let name = item.title.rsplit_once(':').map_or(item.title.as_str(), |(name, _)| name);
                item.title = format!("{name}:{from}-{to}");
            }
            item
        }
    };
    if let ItemKind::File { lines, .. } = &mut item.kind {
        *lines = together;
    }
    item.weight = weight;
    item
}

fn lines(item: &ContextItem) -> Option<(u32, u32)> {
    match item.kind {
        ItemKind::File { lines, .. } => lines,
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::item::Trust;
    use super::*;

    fn file(path: &str, lines: Option<(u32, u32)>) -> ContextItem {
        let title = lines.map_or_else(|| path.to_owned(), |(from, to)| format!("{path}:{from}-{to}"));
        let kind = ItemKind::File { path: path.into(), lines, text: None };
        ContextItem { title, kind, provider: "file".into(), trust: Trust::Project, weight: 0.5 }
    }

    fn titles(items: Vec<ContextItem>) -> Vec<String> {
        merged(items).into_iter().map(|item| item.title).collect()
    }

    #[test]
    fn ranges_that_touch_become_one() {
        let some = |from, to| file("a", Some((from, to)));
        assert_eq!(titles(vec![some(1, 3), file("b", None), some(3, 9)]), ["a:1-9", "b"]);
        assert_eq!(titles(vec![some(1, 3), some(4, 9)]), ["a:1-9"]);
        assert_eq!(titles(vec![some(1, 3), some(5, 9)]), ["a:1-3", "a:5-9"]);
        assert_eq!(titles(vec![some(1, 3), some(5, 9), some(2, 6)]), ["a:1-9"]);
        assert_eq!(titles(vec![some(1, 3), file("a", None), some(7, 8)]), ["a"]);
    }

    proptest! {
        #[test]
        fn every_line_that_was_mentioned_goes_along_once(
            ranges in proptest::collection::vec((0_u8..3, 1_u32..30, 0_u32..8), 0..12),
        ) {
            let items = ranges.iter().map(|(f, from, more)| file(&f.to_string(), Some((*from, from + more)))).collect();
            let merged = merged(items);
            for name in 0_u8..3 {
                for line in 1..40 {
                    let holds = |(from, to): (u32, u32)| from <= line && line <= to;
                    let wanted = ranges.iter().any(|(f, from, more)| *f == name && holds((*from, from + more)));
                    let got = merged.iter().filter(|item| match &item.kind {
                        ItemKind::File { path, lines: Some(lines), .. } => path.to_str() == Some(&name.to_string()) && holds(*lines),
                        _ => false,
                    });
                    prop_assert_eq!(got.count(), usize::from(wanted));
                }
            }
        }
    }
}
