//! Mentions in what a person writes: `@src/lib.rs`, `@file:"a b.rs"#L3-9`, `@git-diff`. Sans-I/O.

use std::ops::Range;

use pulldown_cmark::{CodeBlockKind, Event, Parser, Tag};

use crate::error::{Error, ErrorKind, Result};

/// One mention.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mention {
    /// Which bytes of the text it takes, `@` included.
    pub range: Range<usize>,
    /// The provider's name; `None` for the short form, which names a file, a folder, an agent, or a provider that needs
    /// nothing more (`@git-diff`).
    pub provider: Option<String>,
    /// What stands behind the colon (or the `@`, in the short form), unquoted, with `#L3-9` where it has lines.
    pub argument: Option<String>,
}

impl Mention {
    /// The mention as a person would write it, with quotes where it needs them; `None` when it cannot be written, because
    /// there is a line break or another control character in it. What is written so is read as the same mention again.
    pub fn written(provider: Option<&str>, argument: &str) -> Option<String> {
        if argument.contains(char::is_control) || argument.is_empty() {
            return None;
        }
        let prefix = provider.map_or_else(|| "@".to_owned(), |name| format!("@{name}:"));
        let (bare, lines) = split_lines(argument);
        let plain = format!("{prefix}{argument}");
        let quoted = format!("{prefix}\"{}\"{lines}", bare.replace('\\', "\\\\").replace('"', "\\\""));
        [plain, quoted].into_iter().find(|written| {
            let read = mentions(written);
            let [mention] = read.as_slice() else { return false };
            mention.range == (0..written.len())
                && mention.provider.as_deref() == provider
                && mention.argument.as_deref() == Some(argument)
        })
    }
}

/// Every mention of a text, in order. An `@` inside a word (an address of mail), in code fences or in backticks is none.
pub fn mentions(text: &str) -> Vec<Mention> {
    let code = if text.contains('@') { code_ranges(text) } else { Vec::new() };
    let (mut found, mut from) = (Vec::new(), 0);
    while let Some(at) = text[from..].find('@').map(|at| from + at) {
        from = at + 1;
        if code.iter().any(|range| range.contains(&at)) || !may_begin(&text[..at]) {
            continue;
        }
        if let Some(mention) = read(text, at) {
            from = mention.range.end;
            found.push(mention);
        }
    }
    found
}

impl Mention {
    /// A mention by its name alone, with or without its `@`: `git-diff`, `src/lib.rs#L3-9`, `file:"a b.rs"`. A name with spaces
    /// needs no quotes.
    ///
    /// # Errors
    /// `user.invalid_input` when it names nothing.
    pub fn named(name: &str) -> Result<Self> {
        let bare = name.strip_prefix('@').unwrap_or(name);
        let whole = format!("@{bare}");
        let read = mentions(&whole).into_iter().next().filter(|mention| mention.range == (0..whole.len()));
        let spelt = || Self::written(None, bare).and_then(|written| mentions(&written).into_iter().next());
        read.or_else(spelt).ok_or_else(|| {
            let message = format!("`{}` names no context", name.escape_debug());
            Error::new(ErrorKind::InvalidInput, message)
                .with_hint("name it as behind an @: git-diff, src/lib.rs#L3-9, \"file:a b.rs\"")
        })
    }
}

/// Where the mention begins that is being typed at the end of a text; `None` when none is.
pub fn typed_mention(text: &str) -> Option<usize> {
    let code = code_ranges(text);
    text.rmatch_indices('@').map(|(at, _)| at).take(TYPED).find(|at| {
        let rest = &text[at + 1..];
        let rest = provider(rest).map_or(rest, |name| &rest[name.len() + 1..]);
        let open = match rest.strip_prefix('"') {
            Some(inner) => match quoted(inner) {
                // Lines may be typed behind the quote.
                Some((_, length)) => inner[length + 1..].starts_with('#') && is_word(&inner[length + 1..]),
                None => !inner.contains(['\n', '\r']),
            },
            None => is_word(rest) && !rest.starts_with('@'),
        };
        open && may_begin(&text[..*at]) && !code.iter().any(|range| range.contains(at))
    })
}

/// So many `@` are looked at, from the end.
const TYPED: usize = 16;

fn is_word(text: &str) -> bool {
    !text.contains(|c: char| c.is_whitespace() || c.is_control() || ends_words(c) || matches!(c, '"' | '`'))
}

/// The argument without `#L3-9` at its end, and these lines, from 1, both ends included.
pub fn lines_of(argument: &str) -> (&str, Option<(u32, u32)>) {
    let (bare, lines) = split_lines(argument);
    (bare, lines.strip_prefix("#L").and_then(range))
}

/// The argument in two: what stands before `#L3-9`, and that.
fn split_lines(argument: &str) -> (&str, &str) {
    match argument.rfind("#L") {
        Some(at) if range(&argument[at + 2..]).is_some() => argument.split_at(at),
        _ => (argument, ""),
    }
}

/// `3-9`, `3-L9` or `3`.
fn range(text: &str) -> Option<(u32, u32)> {
    let digits = |text: &str| -> Option<u32> {
        text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok())?
    };
    let (from, to) = text.split_once('-').unwrap_or((text, text));
    let (from, to) = (digits(from)?, digits(to.strip_prefix('L').unwrap_or(to))?);
    (from >= 1 && to >= from).then_some((from, to))
}

/// What is code, as Markdown (CommonMark 0.31) sees it: blocks between fences, and words in backticks. Indented text is not:
/// people indent what they paste.
fn code_ranges(text: &str) -> Vec<Range<usize>> {
    let code = Parser::new(text).into_offset_iter().filter_map(|(event, range)| match event {
        Event::Code(_) | Event::Start(Tag::CodeBlock(CodeBlockKind::Fenced(_))) => Some(range),
        _ => None,
    });
    code.collect()
}

/// Whether a mention may stand behind this text.
fn may_begin(before: &str) -> bool {
    before.chars().next_back().is_none_or(|c| {
        c.is_whitespace()
            || ends_words(c)
            || is_unspaced(c)
            || matches!(c, '(' | '[' | '{' | '"' | '\'' | '*' | '>' | ',' | ';' | ':')
    })
}

/// Scripts that put no spaces between words, so that a mention begins behind any letter of them.
fn is_unspaced(c: char) -> bool {
    matches!(c, '\u{0e00}'..='\u{0eff}' | '\u{3040}'..='\u{30ff}' | '\u{3400}'..='\u{9fff}' | '\u{f900}'..='\u{faff}' | '\u{20000}'..='\u{3ffff}')
}

/// Marks that no name of a file has without quotes: of scripts whose sentences have no spaces behind them, and quotation marks.
fn ends_words(c: char) -> bool {
    matches!(c, '\u{3001}'..='\u{3003}' | '\u{3008}'..='\u{3011}' | '\u{ff01}' | '\u{ff08}' | '\u{ff09}' | '\u{ff0c}' | '\u{ff1a}' | '\u{ff1b}' | '\u{ff1f}' | '“' | '”' | '„' | '«' | '»' | '…' | '—')
}

/// The mention whose `@` stands at `at`.
fn read(text: &str, at: usize) -> Option<Mention> {
    let name = provider(&text[at + 1..]);
    let start = at + 1 + name.map_or(0, |name| name.len() + 1);
    let (argument, length) = argument(&text[start..]).or_else(|| {
        // `@git-diff: look` is the short form with a colon behind it.
        name.map(|name| (name.to_owned(), 0))
    })?;
    if length == 0 {
        let end = start - 1;
        return Some(Mention { range: at..end, provider: None, argument: Some(argument) });
    }
    Some(Mention { range: at..start + length, provider: name.map(str::to_owned), argument: Some(argument) })
}

/// The name of a provider before a colon.
fn provider(text: &str) -> Option<&str> {
    let end = text.find(|c: char| !(c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-'))?;
    (end > 0 && text[end..].starts_with(':')).then(|| &text[..end])
}

/// The argument at the beginning of a text, unquoted, and how many bytes it takes.
fn argument(text: &str) -> Option<(String, usize)> {
    if let Some(inner) = text.strip_prefix('"') {
        let (mut argument, length) = quoted(inner)?;
        let behind = &text[length + 2..];
        let word = behind.find(|c: char| c.is_whitespace() || ends_words(c)).unwrap_or(behind.len());
        let lines = trimmed(&behind[..word]);
        let lines = if lines.strip_prefix("#L").and_then(range).is_some() { lines } else { "" };
        argument.push_str(lines);
        return (length > 0).then_some((argument, length + 2 + lines.len()));
    }
    let end =
        text.find(|c: char| c.is_whitespace() || c.is_control() || ends_words(c) || matches!(c, '"' | '`'));
    let word = trimmed(&text[..end.unwrap_or(text.len())]);
    (!word.is_empty() && !word.starts_with('@')).then(|| (word.to_owned(), word.len()))
}

/// What stands before the closing quote, and how many bytes that takes. A backslash keeps a quote or a backslash as it is.
fn quoted(text: &str) -> Option<(String, usize)> {
    let (mut out, mut chars) = (String::new(), text.char_indices().peekable());
    while let Some((at, c)) = chars.next() {
        match c {
            '"' => return Some((out, at)),
            '\n' | '\r' => return None,
            '\\' => match chars.next_if(|(_, next)| matches!(next, '"' | '\\')) {
                Some((_, next)) => out.push(next),
                None => out.push(c),
            },
            c => out.push(c),
        }
    }
    None
}

/// The word without the punctuation of the sentence behind it. A bracket goes only when it was not opened in the word.
fn trimmed(mut word: &str) -> &str {
    while let Some(last) = word.chars().next_back() {
        let unopened = |open: char, close: char| word.matches(close).count() > word.matches(open).count();
        let falls = match last {
            '.' | ',' | ';' | ':' | '!' | '?' | '\'' | '*' | '>' => true,
            ')' => unopened('(', ')'),
            ']' => unopened('[', ']'),
            '}' => unopened('{', '}'),
            _ => false,
        };
        if !falls {
            break;
        }
        word = &word[..word.len() - last.len_utf8()];
    }
    word
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_name_alone_is_read_with_and_without_its_sign() {
        let named = |name: &str| {
            let mention = Mention::named(name).unwrap();
            (mention.provider, mention.argument.unwrap())
        };
        assert_eq!(named("git-diff"), (None, "git-diff".into()));
        assert_eq!(named("@git-diff:HEAD~2"), (Some("git-diff".into()), "HEAD~2".into()));
        assert_eq!(named("a b.rs#L3"), (None, "a b.rs#L3".into()));
        assert_eq!(named("file:\"a b.rs\""), (Some("file".into()), "a b.rs".into()));
        for wrong in ["", "@", "a\nb"] {
            assert!(Mention::named(wrong).unwrap_err().hint().is_some(), "{wrong:?}");
        }
    }

    /// As `provider|argument`, joined.
    fn found(text: &str) -> Vec<String> {
        let shown = |mention: Mention| {
            format!("{}|{}", mention.provider.unwrap_or_default(), mention.argument.unwrap_or_default())
        };
        mentions(text).into_iter().map(shown).collect()
    }

    #[test]
    fn every_form_is_read() {
        for (text, expected) in [
            ("see @src/lib.rs please", "|src/lib.rs"),
            ("@\"a b.rs\"", "|a b.rs"),
            ("@file:src/lib.rs#L3-9", "file|src/lib.rs#L3-9"),
            ("@file:\"a b.rs\"#L3", "file|a b.rs#L3"),
            ("what of @git-diff?", "|git-diff"),
            ("@git-diff: what is new", "|git-diff"),
            ("@git-diff:HEAD~2.", "git-diff|HEAD~2"),
            ("(@url:http://127.0.0.1:8080/x?a=b)", "url|http://127.0.0.1:8080/x?a=b"),
            ("@session:\"login bug\"", "session|login bug"),
            ("@\"say \\\"hi\\\".txt\", and", "|say \"hi\".txt"),
            ("(see @a(1).txt)", "|a(1).txt"),
            ("**@src/**", "|src/"),
            ("看@src/lib.rs，谢谢", "|src/lib.rs"),
            ("@a.rs...", "|a.rs"),
        ] {
            assert_eq!(found(text), [expected], "{text}");
        }
        assert_eq!(found("@a.rs,@b.rs and\n@c.rs"), ["|a.rs,@b.rs", "|c.rs"]);
    }

    #[test]
    fn an_at_sign_inside_a_word_or_in_code_is_none() {
        for text in [
            "mail me@example.org",
            "`@a.rs`",
            "``a ` @a.rs``",
            "```\n@a.rs\n```",
            "~~~rust\n@a.rs",
            "> ```\n> @a.rs\n> ```",
            "@ alone, @, @\"\", @\"open",
            "node_modules/@types/x",
            "@@",
        ] {
            assert_eq!(found(text), [] as [&str; 0], "{text}");
        }
        assert_eq!(found("`code` @a.rs `@b.rs` @c.rs\n```\n@d\n```\n@e.rs"), ["|a.rs", "|c.rs", "|e.rs"]);
    }

    #[test]
    fn what_is_being_typed_is_found() {
        for (text, typed) in [
            ("see @", Some("@")),
            ("see @src/li", Some("@src/li")),
            ("@a.rs and @file:\"with sp", Some("@file:\"with sp")),
            ("@\"with space.md\"#L3", Some("@\"with space.md\"#L3")),
            ("@\"with space.md\" ", None),
            ("@a.rs ", None),
            ("me@example", None),
            ("```\n@a", None),
            ("`@a` @b", Some("@b")),
            ("@types/@b", Some("@types/@b")),
            ("", None),
        ] {
            assert_eq!(typed_mention(text).map(|at| &text[at..]), typed, "{text}");
        }
    }

    #[test]
    fn lines_are_told_from_names() {
        for (argument, bare, lines) in [
            ("a.rs#L3-9", "a.rs", Some((3, 9))),
            ("a.rs#L3-L9", "a.rs", Some((3, 9))),
            ("a.rs#L3", "a.rs", Some((3, 3))),
            ("a.rs#L9-3", "a.rs#L9-3", None),
            ("a.rs#L0", "a.rs#L0", None),
            ("a.rs#Lx", "a.rs#Lx", None),
            ("a.rs#L+3", "a.rs#L+3", None),
            ("a.rs#L99999999999", "a.rs#L99999999999", None),
        ] {
            assert_eq!(lines_of(argument), (bare, lines), "{argument}");
        }
    }

    #[test]
    fn what_cannot_be_written_is_not() {
        assert_eq!(Mention::written(None, "a\nb"), None);
        assert_eq!(Mention::written(None, ""), None);
        assert_eq!(Mention::written(Some("file"), "a b.rs#L3").as_deref(), Some("@file:\"a b.rs\"#L3"));
        assert_eq!(Mention::written(None, "file:x").as_deref(), Some("@\"file:x\""));
        assert_eq!(Mention::written(None, "a.").as_deref(), Some("@\"a.\""));
    }

    proptest! {
        #[test]
        fn any_text_is_read_and_ranges_are_right(text in "([@\"`#L:\\\\ .)a-z0-9\n~-]|\\PC){0,60}") {
            let typed = typed_mention(&text);
            prop_assert!(typed.is_none_or(|at| text[at..].starts_with('@')));
            let mut last = 0;
            for mention in mentions(&text) {
                prop_assert!(mention.range.start >= last && mention.range.start < mention.range.end);
                last = mention.range.end;
                prop_assert!(text[mention.range.clone()].starts_with('@'));
                let argument = mention.argument.unwrap_or_default();
                prop_assert!(!argument.is_empty());
                // Read by itself it is the same.
                let alone = mentions(&text[mention.range]);
                prop_assert_eq!(alone.len(), 1);
                prop_assert_eq!(alone[0].argument.as_deref(), Some(argument.as_str()));
            }
        }

        #[test]
        fn what_is_written_is_read_back(
            name in "([ab.\"\\\\ ,:#L@`()0-9/-]|\\PC){1,30}",
            provider in proptest::option::of("[a-z][a-z0-9-]{0,8}"),
        ) {
            if let Some(written) = Mention::written(provider.as_deref(), &name) {
                let read = mentions(&written);
                prop_assert_eq!(read.len(), 1);
                prop_assert_eq!(read[0].provider.as_deref(), provider.as_deref());
                prop_assert_eq!(read[0].argument.as_deref(), Some(name.as_str()));
                let within = format!("see {written}, and more");
                prop_assert_eq!(mentions(&within).first().map(|m| m.argument.clone()), Some(Some(name)));
            }
        }

        #[test]
        fn a_name_of_a_file_can_be_written(name in "[a-zA-Z0-9 ._,;()é漢\"'-]{1,30}") {
            prop_assert!(Mention::written(Some("file"), &name).is_some(), "{}", name);
        }
    }
}
