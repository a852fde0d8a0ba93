//! The text of a chat: front matter, and sections under the headings `## You` and `## OpenCode`. Pure.
//!
//! A heading is a heading wherever it stands, also between the backticks of a block of code: an answer that forgets to close
//! one must not swallow what follows. So a line in a section that looks like a heading gets a backslash before it
//! ([`escape`]), and one that begins with backslashes and would then look like one gets another: [`unescape`] gives back
//! exactly what there was.

use std::ops::Range;

/// The heading over what the person writes.
pub(super) const YOU: &str = "## You";
/// The heading over what the agent answers.
pub(super) const OPENCODE: &str = "## OpenCode";

/// Who speaks in a section.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Speaker {
    You,
    OpenCode,
}

/// A chat. All ranges are bytes of its text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct ChatText {
    pub front: Option<Front>,
    /// What stands before the first heading, behind the front matter.
    pub preamble: Range<usize>,
    pub sections: Vec<Section>,
}

/// The block between two lines `---` at the very beginning.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Front {
    pub fields: Vec<Field>,
    /// Where the line stands that closes it.
    pub close: usize,
}

/// A line `key: value` of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Field {
    pub key: String,
    /// Without quotes around it.
    pub value: String,
    /// The line with its line break.
    pub line: Range<usize>,
}

/// A heading, and what stands under it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Section {
    pub speaker: Speaker,
    /// The line of the heading, without its line break.
    pub heading: Range<usize>,
    /// From the next line to the next heading or the end.
    pub body: Range<usize>,
}

impl ChatText {
    pub(super) fn parse(text: &str) -> Self {
        let (front, start) = front(text);
        let mut sections: Vec<Section> = Vec::new();
        let mut preamble = start..text.len();
        for line in lines(text, start) {
            let Some(speaker) = heading(&text[line.clone()]) else { continue };
            match sections.last_mut() {
                Some(last) => last.body.end = line.start,
                None => preamble.end = line.start,
            }
            let end = line.start + text[line.clone()].trim_end().len();
            sections.push(Section { speaker, heading: line.start..end, body: line.end..text.len() });
        }
        Self { front, preamble, sections }
    }

    /// A field of the front matter that is not empty.
    pub(super) fn field(&self, key: &str) -> Option<&str> {
        let fields = &self.front.as_ref()?.fields;
        fields
            .iter()
            .find(|field| field.key == key)
            .map(|field| field.value.as_str())
            .filter(|v| !v.is_empty())
    }

    /// Where the person speaks last, if nobody has answered there: the last section, or a text without any heading.
    pub(super) fn draft(&self) -> Option<Range<usize>> {
        match self.sections.last() {
            Some(last) => (last.speaker == Speaker::You).then(|| last.body.clone()),
            None => Some(self.preamble.clone()),
        }
    }

    /// The last answer, with the number of its section.
    pub(super) fn last_answer(&self) -> Option<(usize, &Section)> {
        self.sections.iter().enumerate().rev().find(|(_, section)| section.speaker == Speaker::OpenCode)
    }

    /// What the person had written before the section of that number.
    pub(super) fn prompt_before(&self, section: usize) -> Option<Range<usize>> {
        let before = &self.sections[..section.min(self.sections.len())];
        match before.iter().rev().find(|section| section.speaker == Speaker::You) {
            Some(section) => Some(section.body.clone()),
            None => (!self.preamble.is_empty()).then(|| self.preamble.clone()),
        }
    }
}

/// What was written in a range of a chat, as it was meant.
pub(super) fn written(text: &str, range: Range<usize>) -> String {
    unescape(text[range].trim())
}

/// The change that gives a field of the front matter a value, or takes it away: the range to be replaced, and by what.
/// `None` when it is so already.
pub(super) fn set_field(
    text: &str,
    key: &str,
    value: Option<&str>,
    newline: &str,
) -> Option<(Range<usize>, String)> {
    let parsed = ChatText::parse(text);
    let Some(front) = &parsed.front else {
        let value = value?;
        let gap = if text.is_empty() || text.starts_with(['\n', '\r']) { "" } else { newline };
        return Some((0..0, format!("---{newline}{key}: {value}{newline}---{newline}{gap}")));
    };
    match (front.fields.iter().find(|field| field.key == key), value) {
        (Some(field), Some(value)) if field.value == value => None,
        (Some(field), Some(value)) => Some((field.line.clone(), format!("{key}: {value}{newline}"))),
        (Some(field), None) => Some((field.line.clone(), String::new())),
        (None, Some(value)) => Some((front.close..front.close, format!("{key}: {value}{newline}"))),
        (None, None) => None,
    }
}

/// The line break that a text uses.
pub(super) fn newline_of(text: &str) -> &'static str {
    match text.find('\n') {
        Some(at) if text[..at].ends_with('\r') => "\r\n",
        _ => "\n",
    }
}

/// Makes of any text one without headings of ours.
pub(super) fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for line in text.split_inclusive('\n') {
        if heading(line.trim_start_matches('\\')).is_some() {
            out.push('\\');
        }
        out.push_str(line);
    }
    out
}

/// The text that was escaped.
pub(super) fn unescape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for line in text.split_inclusive('\n') {
        let escaped = line.starts_with('\\') && heading(line.trim_start_matches('\\')).is_some();
        out.push_str(if escaped { &line[1..] } else { line });
    }
    out
}

/// How much of a text that still grows is settled: its last line is not, while it could become a heading. What is settled is
/// escaped the same way whatever follows.
pub(super) fn settled(text: &str) -> &str {
    let start = text.rfind('\n').map_or(0, |at| at + 1);
    let line = text[start..].trim_start_matches('\\');
    let open =
        |name: &str| name.starts_with(line) || line.strip_prefix(name).is_some_and(|r| r.trim().is_empty());
    if open(YOU) || open(OPENCODE) { &text[..start] } else { text }
}

/// Whether a line is a heading of ours.
fn heading(line: &str) -> Option<Speaker> {
    match line.trim_end() {
        YOU => Some(Speaker::You),
        OPENCODE => Some(Speaker::OpenCode),
        _ => None,
    }
}

/// The lines from a place on, with their line breaks.
fn lines(text: &str, from: usize) -> impl Iterator<Item = Range<usize>> + '_ {
    text[from..].split_inclusive('\n').scan(from, |at, line| {
        let start = *at;
        *at += line.len();
        Some(start..*at)
    })
}

/// The front matter, and where it ends.
fn front(text: &str) -> (Option<Front>, usize) {
    let is_fence = |range: &Range<usize>| text[range.clone()].trim_end() == "---";
    let mut rest = lines(text, 0);
    if !rest.next().is_some_and(|line| is_fence(&line)) {
        return (None, 0);
    }
    let mut fields = Vec::new();
    for line in rest {
        if is_fence(&line) {
            return (Some(Front { fields, close: line.start }), line.end);
        }
        if let Some((key, value)) = text[line.clone()].split_once(':') {
            let value = value.trim().trim_matches(['"', '\'']).to_owned();
            fields.push(Field { key: key.trim().to_owned(), value, line });
        }
    }
    (None, 0)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const CHAT: &str = "---\nnexus: ses_1\nmodel: \"a/b\"\n---\n\n## You\n\nhello\n\n## OpenCode\n\n\\## You\n\n## You\n\nnext\n";

    #[test]
    fn a_chat_has_its_front_matter_and_its_sections() {
        let chat = ChatText::parse(CHAT);
        assert_eq!(
            (chat.field("nexus"), chat.field("model"), chat.field("agent")),
            (Some("ses_1"), Some("a/b"), None)
        );
        let said: Vec<_> = chat.sections.iter().map(|s| (s.speaker, written(CHAT, s.body.clone()))).collect();
        assert_eq!(
            said,
            [
                (Speaker::You, "hello".to_owned()),
                (Speaker::OpenCode, "## You".to_owned()),
                (Speaker::You, "next".to_owned())
            ]
        );
        assert_eq!(written(CHAT, chat.draft().unwrap()), "next");
        let (at, _) = chat.last_answer().unwrap();
        assert_eq!(written(CHAT, chat.prompt_before(at).unwrap()), "hello");
    }

    #[test]
    fn a_text_without_headings_is_a_draft() {
        let chat = ChatText::parse("just this\n");
        assert_eq!(written("just this\n", chat.draft().unwrap()), "just this");
        assert_eq!(ChatText::parse("## OpenCode\n").draft(), None);
    }

    #[test]
    fn front_matter_that_is_never_closed_is_text() {
        let text = "---\nnexus: x\n## You\nhi";
        let chat = ChatText::parse(text);
        assert_eq!((chat.field("nexus"), chat.sections.len()), (None, 1));
    }

    fn set(text: &str, key: &str, value: Option<&str>) -> String {
        let mut out = text.to_owned();
        if let Some((range, new)) = set_field(text, key, value, newline_of(text)) {
            out.replace_range(range, &new);
        }
        out
    }

    #[test]
    fn fields_are_set_changed_and_taken_away() {
        let first = set("## You\r\n\r\nhi\r\n", "nexus", Some("ses_1"));
        assert_eq!(first, "---\r\nnexus: ses_1\r\n---\r\n\r\n## You\r\n\r\nhi\r\n");
        let second = set(&first, "answering", Some("msg_1"));
        assert_eq!(second, "---\r\nnexus: ses_1\r\nanswering: msg_1\r\n---\r\n\r\n## You\r\n\r\nhi\r\n");
        assert_eq!(set(&second, "nexus", Some("ses_2")).replace("ses_2", "ses_1"), second);
        assert_eq!(set(&second, "answering", None), first);
        assert_eq!(set("x", "answering", None), "x");
    }

    /// Pieces of which headings and almost-headings are made.
    fn tricky() -> impl Strategy<Value = String> {
        let piece = prop::sample::select(vec![
            "## You",
            "## OpenCode",
            "## Yo",
            "#",
            "# ",
            "\\",
            "\\\\",
            " ",
            "\t",
            "\n",
            "\r\n",
            "```\n",
            "---\n",
            "nexus: x",
            "x",
            "ü",
            "OpenCode",
            "😀",
        ]);
        prop::collection::vec(piece, 0..24).prop_map(|pieces| pieces.concat())
    }

    proptest! {
        #[test]
        fn escaping_is_taken_back_exactly_and_leaves_no_heading(text in tricky()) {
            let escaped = escape(&text);
            prop_assert_eq!(unescape(&escaped), text);
            let text = format!("x\n{escaped}");
            prop_assert!(ChatText::parse(&text).sections.is_empty());
        }

        #[test]
        fn what_is_settled_stays_whatever_follows(text in tricky(), more in tricky()) {
            let before = escape(settled(&text));
            let after = escape(&format!("{text}{more}"));
            prop_assert!(after.starts_with(&before), "{:?} is no beginning of {:?}", before, after);
        }

        #[test]
        fn every_byte_belongs_somewhere(text in tricky()) {
            let chat = ChatText::parse(&text);
            let mut at = chat.preamble.end;
            for section in &chat.sections {
                prop_assert_eq!(section.heading.start, at);
                prop_assert!(text[section.heading.end..section.body.start].trim().is_empty());
                at = section.body.end;
            }
            prop_assert_eq!(at, text.len());
        }

        #[test]
        fn a_field_that_is_set_is_read_back_and_the_rest_stays(text in tricky(), value in "[a-z_0-9]{1,12}") {
            let with = set(&text, "answering", Some(&value));
            let parsed = ChatText::parse(&with);
            prop_assert_eq!(parsed.field("answering"), Some(value.as_str()));
            prop_assert_eq!(parsed.sections.len(), ChatText::parse(&text).sections.len());
            prop_assert_eq!(set_field(&with, "answering", Some(&value), "\n"), None);
        }
    }
}
