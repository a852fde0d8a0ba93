//! Unified diffs, as servers send them for one file. Sans-I/O.
//!
//! The heads of hunks say how many lines follow, and these numbers are what counts: a removed line `-- x` looks like the name
//! of a file otherwise.

/// What a line of a diff is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Tag {
    Same,
    Old,
    New,
}

/// One hunk as it is written. Both sides are lines with their ends; only the last one of a text may have none.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Fragment {
    /// The first line of the old side, from 0.
    pub old_start: usize,
    /// The first line of the new side, from 0.
    pub new_start: usize,
    pub old: Vec<String>,
    pub new: Vec<String>,
}

/// The hunks of a diff of one file; `None` when it is no such diff, or is cut off.
pub(super) fn parse(text: &str) -> Option<Vec<Fragment>> {
    let mut fragments = Vec::new();
    let mut lines = text.split_inclusive('\n').peekable();
    while let Some(line) = lines.next() {
        let Some(head) = line.strip_prefix("@@ -") else { continue };
        let ((old_start, mut old), (new_start, mut new)) = numbers(head)?;
        let mut fragment = Fragment { old_start, new_start, ..Fragment::default() };
        while old > 0 || new > 0 {
            let line = lines.next()?;
            let (tag, rest) = tagged(line)?;
            let bare = lines.next_if(|next| next.starts_with('\\')).is_some();
            let rest = if bare { rest.strip_suffix('\n').unwrap_or(rest) } else { rest };
            if tag != Tag::New {
                old = old.checked_sub(1)?;
                fragment.old.push(rest.to_owned());
            }
            if tag != Tag::Old {
                new = new.checked_sub(1)?;
                fragment.new.push(rest.to_owned());
            }
        }
        fragments.push(fragment);
    }
    Some(fragments)
}

/// A line without its mark. Some writers leave the space of an empty line out.
fn tagged(line: &str) -> Option<(Tag, &str)> {
    match line.as_bytes().first()? {
        b' ' => Some((Tag::Same, &line[1..])),
        b'-' => Some((Tag::Old, &line[1..])),
        b'+' => Some((Tag::New, &line[1..])),
        b'\n' | b'\r' => Some((Tag::Same, line)),
        _ => None,
    }
}

/// `1,3 +1,4 @@ …`: start (from 0) and count of both sides.
fn numbers(head: &str) -> Option<((usize, usize), (usize, usize))> {
    let (old, rest) = head.split_once(" +")?;
    let (new, _) = rest.split_once(" @@")?;
    Some((side(old)?, side(new)?))
}

/// A side without lines names the line before it, so its number is right already.
fn side(text: &str) -> Option<(usize, usize)> {
    let (start, count) = match text.split_once(',') {
        Some((start, count)) => (start.parse().ok()?, count.parse().ok()?),
        None => (text.parse().ok()?, 1),
    };
    Some((if count == 0 { start } else { usize::checked_sub(start, 1)? }, count))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use similar::TextDiff;

    use super::*;

    fn lines(text: &str) -> Vec<String> {
        text.split_inclusive('\n').map(str::to_owned).collect()
    }

    #[test]
    fn what_a_server_sends_is_read_with_every_kind_of_line_end() {
        let crlf = "Index: a\n=====\n--- a\t\n+++ a\t\n@@ -1,3 +1,3 @@\n x\r\n-y\r\n+y2\r\n z\r\n";
        let read = parse(crlf).unwrap();
        assert_eq!(read[0].old, ["x\r\n", "y\r\n", "z\r\n"]);
        assert_eq!(read[0].new, ["x\r\n", "y2\r\n", "z\r\n"]);
        let bare =
            "@@ -1,1 +1,2 @@\n-c\n\\ No newline at end of file\n+c\n+d\n\\ No newline at end of file\n";
        let read = parse(bare).unwrap();
        assert_eq!((read[0].old.clone(), read[0].new.clone()), (lines("c"), lines("c\nd")));
        let added = parse("@@ -0,0 +1,2 @@\n+one\n+two\n").unwrap();
        assert_eq!((added[0].old_start, added[0].new_start, added[0].old.len()), (0, 0, 0));
    }

    #[test]
    fn removed_lines_that_look_like_heads_are_lines() {
        let read = parse("--- a\n+++ a\n@@ -1,3 +1 @@\n--- x\n-@@ -1 +1 @@\n y\n").unwrap();
        assert_eq!((read.len(), read[0].old.clone()), (1, lines("-- x\n@@ -1 +1 @@\ny\n")));
    }

    #[test]
    fn what_is_cut_off_or_wrong_is_no_diff() {
        for wrong in
            ["@@ -1,2 +1,2 @@\n a\n", "@@ -x +1 @@\n", "@@ -1 +1 @@\n?a\n", "@@ -0,1 +1 @@\n-a\n+a\n"]
        {
            assert_eq!(parse(wrong), None, "{wrong:?}");
        }
        assert_eq!(parse("no diff at all"), Some(Vec::new()));
    }

    proptest! {
        #[test]
        fn a_diff_with_all_of_its_context_gives_both_texts(
            old in "([a-c-]{0,2}\r?\n){0,8}[a-c]?", new in "([a-c+]{0,2}\r?\n){0,8}[a-c]?"
        ) {
            let diff = TextDiff::from_lines(old.as_str(), new.as_str());
            let read = parse(&diff.unified_diff().context_radius(100).header("a", "b").to_string()).unwrap();
            if let [one] = &read[..] {
                prop_assert_eq!((one.old.concat(), one.new.concat()), (old, new));
            } else {
                prop_assert_eq!(old, new);
            }
        }

        #[test]
        fn fragments_of_a_diff_are_pieces_of_both_texts(
            old in "([a-c]{0,2}\n){0,40}", new in "([a-c]{0,2}\n){0,40}"
        ) {
            let diff = TextDiff::from_lines(old.as_str(), new.as_str());
            let (old, new) = (lines(&old), lines(&new));
            for one in parse(&diff.unified_diff().context_radius(1).to_string()).unwrap() {
                prop_assert_eq!(&old[one.old_start..][..one.old.len()], &one.old[..]);
                prop_assert_eq!(&new[one.new_start..][..one.new.len()], &one.new[..]);
            }
        }

        #[test]
        fn nothing_makes_it_panic(text in "(@@ -[0-9],[0-9] \\+[0-9],[0-9] @@\n|[ +\\\\-]?[a@]{0,3}\r?\n){0,12}") {
            let _ = parse(&text);
        }
    }
}
