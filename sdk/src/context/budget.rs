//! How much context a prompt may carry, and what was left out because of it. Sans-I/O.

use super::item::{ContextItem, ItemKind};

/// How many bytes count as one token. Real ones differ by model and language; English and code have three to five.
const TOKEN_BYTES: usize = 4;

/// How much context a prompt may carry. A token is counted as four bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Budget {
    /// All items together, in bytes. Default 256 KiB.
    pub bytes: usize,
    /// One item, in bytes; longer ones are cut at a line, and say so. Default 64 KiB.
    pub item_bytes: usize,
    /// How many items. Default 100.
    pub items: usize,
}

impl Default for Budget {
    fn default() -> Self {
        Self { bytes: 256 * 1024, item_bytes: 64 * 1024, items: 100 }
    }
}

impl Budget {
    /// The same with at most so many tokens for all items together. An item never has more than all of them.
    #[must_use]
    pub fn with_tokens(self, tokens: usize) -> Self {
        Self { bytes: tokens.saturating_mul(TOKEN_BYTES), ..self }
    }

    /// The same with at most so many tokens for one item.
    #[must_use]
    pub fn with_item_tokens(self, tokens: usize) -> Self {
        Self { item_bytes: tokens.saturating_mul(TOKEN_BYTES), ..self }
    }

    /// How many tokens all items together may have.
    pub fn tokens(&self) -> usize {
        self.bytes / TOKEN_BYTES
    }
}

/// What was gathered for a prompt.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Gathered {
    /// The items that go along, in the order in which they are sent.
    pub items: Vec<ContextItem>,
    /// What does not, each with its reason.
    pub left_out: Vec<LeftOut>,
    /// How many bytes of text the items have, those counted that the server reads.
    pub bytes: usize,
}

impl Gathered {
    /// The same in tokens, rounded up.
    pub fn tokens(&self) -> usize {
        self.bytes.div_ceil(TOKEN_BYTES)
    }
}

/// One piece that was left out or cut.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LeftOut {
    /// Its title, or the mention.
    pub title: String,
    /// Why, in one line for a person.
    pub reason: String,
}

/// An item with the text that counts.
pub(crate) struct Measured {
    pub item: ContextItem,
    /// The text, or the lines of the file, as far as they were read; empty for what is no text.
    pub text: String,
    /// Whether there is more.
    pub more: bool,
}

/// Chooses what goes along: what weighs most first, of equals the first. Their order stays as it was.
pub(crate) fn pack(all: Vec<Measured>, budget: &Budget) -> Gathered {
    let mut ranked: Vec<(usize, Measured)> = all.into_iter().enumerate().collect();
    ranked.sort_by(|(_, one), (_, other)| other.item.weight.total_cmp(&one.item.weight));
    let (mut chosen, mut gathered) = (Vec::new(), Gathered::default());
    for (at, measured) in ranked {
        let title = measured.item.title.clone();
        if chosen.len() >= budget.items {
            let reason = format!("only {} pieces of context go along with a prompt", budget.items);
            gathered.left_out.push(LeftOut { title, reason });
            continue;
        }
        let room = budget.item_bytes.min(budget.bytes.saturating_sub(gathered.bytes));
        match fit(measured, room) {
            Fit::Whole(item, bytes) => {
                gathered.bytes += bytes;
                chosen.push((at, item));
            }
            Fit::Cut(item, bytes, lines) => {
                gathered.bytes += bytes;
                let reason =
                    format!("only its first {lines} {} along: there is room for {} bytes", goes(lines), room);
                gathered.left_out.push(LeftOut { title, reason });
                chosen.push((at, item));
            }
            Fit::Not => {
                let reason = format!("there is room for {room} bytes, and its first line is longer");
                gathered.left_out.push(LeftOut { title, reason });
            }
        }
    }
    chosen.sort_by_key(|(at, _)| *at);
    gathered.items = chosen.into_iter().map(|(_, item)| item).collect();
    gathered
}

fn goes(lines: usize) -> &'static str {
    if lines == 1 { "line goes" } else { "lines go" }
}

enum Fit {
    Whole(ContextItem, usize),
    /// With how many bytes and lines of it go along.
    Cut(ContextItem, usize, usize),
    Not,
}

fn fit(measured: Measured, room: usize) -> Fit {
    let Measured { mut item, text, more } = measured;
    if text.len() <= room && !more {
        return Fit::Whole(item, text.len());
    }
    let kept = whole_lines(&text, room);
    let count = kept.lines().count();
    if count == 0 {
        return Fit::Not;
    }
    match &mut item.kind {
        ItemKind::Text { text, .. } => *text = format!("{kept}[cut here: {}]\n", "the rest is too long"),
        ItemKind::File { lines, .. } => {
            let first = lines.map_or(1, |(first, _)| first);
            let last = first.saturating_add(u32::try_from(count - 1).unwrap_or(u32::MAX));
            *lines = Some((first, last));
            item.title = format!("{} (its lines {first}-{last}; the rest is too long)", item.title);
        }
        ItemKind::Image { .. } | ItemKind::Agent { .. } => {}
    }
    Fit::Cut(item, kept.len(), count)
}

/// As many whole lines as have at most `room` bytes. Read lines of a text that goes on count as whole only with their break.
fn whole_lines(text: &str, room: usize) -> &str {
    let mut end = 0;
    for line in text.split_inclusive('\n') {
        if end + line.len() > room || !line.ends_with('\n') {
            break;
        }
        end += line.len();
    }
    &text[..end]
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::item::Trust;
    use super::*;

    fn text(title: &str, text: &str, weight: f64) -> Measured {
        let kind = ItemKind::Text { text: text.into(), language: String::new() };
        let (title, provider) = (title.to_owned(), "x".to_owned());
        let item = ContextItem { title, kind, provider, trust: Trust::Project, weight };
        Measured { item, text: text.into(), more: false }
    }

    fn titles(gathered: &Gathered) -> Vec<&str> {
        gathered.items.iter().map(|item| item.title.as_str()).collect()
    }

    #[test]
    fn the_weightiest_goes_along_and_the_order_stays() {
        let all = vec![text("a", "aaaa\n", 0.5), text("b", "bbbb\n", 0.9), text("c", "cccc\n", 0.7)];
        let gathered = pack(all, &Budget { bytes: 10, item_bytes: 10, items: 9 });
        assert_eq!(titles(&gathered), ["b", "c"]);
        assert_eq!(gathered.left_out[0].title, "a");
        assert_eq!((gathered.bytes, gathered.tokens()), (10, 3));
    }

    #[test]
    fn what_is_too_long_is_cut_at_a_line_and_says_so() {
        let gathered =
            pack(vec![text("a", "one\ntwo\nthree\n", 1.0)], &Budget { item_bytes: 9, ..Budget::default() });
        let ItemKind::Text { text, .. } = &gathered.items[0].kind else { panic!("a text") };
        assert_eq!(text, "one\ntwo\n[cut here: the rest is too long]\n");
        assert!(gathered.left_out[0].reason.starts_with("only its first 2 lines go along"), "{gathered:?}");
    }

    #[test]
    fn a_file_is_cut_by_its_lines() {
        let kind = ItemKind::File { path: "/a".into(), lines: Some((5, 90)), text: None };
        let item = ContextItem {
            title: "a:5-90".into(),
            kind,
            provider: "file".into(),
            trust: Trust::Project,
            weight: 1.0,
        };
        let measured = Measured { item, text: "5\n6\n7\n".into(), more: true };
        let gathered = pack(vec![measured], &Budget { item_bytes: 5, ..Budget::default() });
        assert!(matches!(gathered.items[0].kind, ItemKind::File { lines: Some((5, 6)), .. }), "{gathered:?}");
    }

    #[test]
    fn tokens_are_four_bytes() {
        let budget = Budget::default().with_tokens(1000).with_item_tokens(10);
        assert_eq!((budget.bytes, budget.item_bytes, budget.tokens()), (4000, 40, 1000));
    }

    proptest! {
        #[test]
        fn no_budget_is_exceeded(
            texts in proptest::collection::vec(("[a-z\n]{0,50}", 0.0_f64..1.0), 0..12),
            bytes in 0_usize..120, item_bytes in 0_usize..40, items in 0_usize..6,
        ) {
            let all = texts.iter().enumerate().map(|(n, (t, w))| text(&n.to_string(), t, *w)).collect();
            let gathered = pack(all, &Budget { bytes, item_bytes, items });
            prop_assert!(gathered.bytes <= bytes && gathered.items.len() <= items);
            let order: Vec<usize> = titles(&gathered).iter().map(|t| t.parse().unwrap()).collect();
            prop_assert!(order.is_sorted());
            // Everything is there, or is said not to be.
            prop_assert!(gathered.items.len() + gathered.left_out.len() >= texts.len());
        }
    }
}
