//! Finds the `type` of an event in its text without reading the rest of it: nine of ten events are deltas that somebody only
//! counts or passes on. Pure.

use std::ops::Range;

use serde::Deserialize;

/// Where the `type` of a JSON object stands, without its quotes. Servers write it first, or right after the `id`; elsewhere, or
/// with escapes in it, the whole document is read. `None` when there is no plain `type`.
pub(super) fn kind(document: &[u8]) -> Option<Range<usize>> {
    first_names(document).or_else(|| anywhere(document))
}

/// Looks at the names from the beginning, as long as their values are short strings.
fn first_names(document: &[u8]) -> Option<Range<usize>> {
    let mut at = after(document, 0, b'{')?;
    for _ in 0..2 {
        let name = string(document, at)?;
        at = after(document, name.end + 1, b':')?;
        let value = string(document, at)?;
        if &document[name] == b"type" {
            return Some(value);
        }
        at = after(document, value.end + 1, b',')?;
    }
    None
}

/// The place behind this byte, when nothing but spaces stands before it.
fn after(document: &[u8], from: usize, byte: u8) -> Option<usize> {
    let at = skip(document, from);
    (*document.get(at)? == byte).then(|| skip(document, at + 1))
}

fn skip(document: &[u8], from: usize) -> usize {
    let spaces = document.iter().skip(from).take_while(|byte| matches!(byte, b' ' | b'\t' | b'\r' | b'\n'));
    from + spaces.count()
}

/// The inside of a string without escapes that begins here.
fn string(document: &[u8], at: usize) -> Option<Range<usize>> {
    let text = document.get(at..)?.strip_prefix(b"\"")?;
    let end = memchr::memchr2(b'"', b'\\', text)?;
    (text[end] == b'"').then_some(at + 1..at + 1 + end)
}

fn anywhere(document: &[u8]) -> Option<Range<usize>> {
    #[derive(Deserialize)]
    struct Head<'a> {
        #[serde(rename = "type", borrow)]
        kind: Option<&'a str>,
    }
    let kind = serde_json::from_slice::<Head<'_>>(document).ok()?.kind?;
    // A borrowed text lies inside the document.
    let start = (kind.as_ptr() as usize).checked_sub(document.as_ptr() as usize)?;
    Some(start..start + kind.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(document: &str) -> Option<&str> {
        kind(document.as_bytes()).map(|range| &document[range])
    }

    #[test]
    fn the_type_is_found_wherever_it_stands() {
        for document in [
            r#"{"type":"a.b","properties":{"type":"x"}}"#,
            r#"{"id":"evt_1","type":"a.b","data":{}}"#,
            "{ \"id\" : \"evt_1\" ,\n \"type\" : \"a.b\" }",
            r#"{"properties":{"type":"x"},"type":"a.b"}"#,
            r#"{"id":"e\"","type":"a.b"}"#,
            r#"{"a":"","b":"","type":"a.b"}"#,
        ] {
            assert_eq!(found(document), Some("a.b"), "{document}");
        }
    }

    #[test]
    fn what_has_no_plain_type_has_none() {
        for document in [
            "",
            "{",
            "[]",
            "null",
            r#"{"type":1}"#,
            r#"{"type":"a\u002eb"}"#,
            r#"{"properties":{"type":"x"}}"#,
            "{\"type\"",
        ] {
            assert_eq!(found(document), None, "{document}");
        }
        assert_eq!(found(r#"{"type":""}"#), Some(""));
    }
}
