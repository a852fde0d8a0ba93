//! The quick way for frames in the very form that servers write, fields in their order and nothing between them: they are
//! read by looking where their texts end. A `message.part.delta`, four events of five, is read wholly so; of the others
//! the payload is found without parsing it first. Anything else is not ours to judge: the general decoder reads it, and
//! for every frame that this one takes it would have said the same (tested).

use std::borrow::Cow;

/// A delta, borrowed from its frame.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Delta<'a> {
    pub(super) id: &'a str,
    pub(super) session: &'a str,
    pub(super) message: &'a str,
    pub(super) part: &'a str,
    pub(super) field: &'a str,
    pub(super) text: Cow<'a, str>,
}

/// A frame of another kind, with its payload still to be parsed: it may turn out not to be one JSON value.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Head<'a> {
    pub(super) id: &'a str,
    pub(super) kind: &'a str,
    pub(super) payload: &'a str,
}

/// The head of a frame; `None` when it is written in another form.
pub(super) fn head(frame: &str) -> Option<Head<'_>> {
    let (id, rest) = plain(frame.strip_prefix(r#"{"id":""#)?)?;
    let (kind, rest) = plain(rest.strip_prefix(r#","type":""#)?)?;
    let payload = rest.strip_prefix(r#","properties":"#)?.strip_suffix('}')?;
    Some(Head { id, kind, payload })
}

/// The delta in a frame; `None` when the frame is another event, or is written in another form.
pub(super) fn parse(frame: &str) -> Option<Delta<'_>> {
    let (id, rest) = plain(frame.strip_prefix(r#"{"id":""#)?)?;
    let (session, rest) =
        plain(rest.strip_prefix(r#","type":"message.part.delta","properties":{"sessionID":""#)?)?;
    let (message, rest) = plain(rest.strip_prefix(r#","messageID":""#)?)?;
    let (part, rest) = plain(rest.strip_prefix(r#","partID":""#)?)?;
    let (field, rest) = plain(rest.strip_prefix(r#","field":""#)?)?;
    // The text with its quotes: by the parser if it has escapes (and then it may turn out to end earlier), else as it is.
    let quoted = rest.strip_prefix(r#","delta":"#)?.strip_suffix("}}")?;
    let inner = quoted.strip_prefix('"')?.strip_suffix('"')?;
    let text = match memchr::memchr2(b'"', b'\\', inner.as_bytes()) {
        None if is_plain(inner) => Cow::Borrowed(inner),
        None => return None,
        Some(_) => Cow::Owned(serde_json::from_str(quoted).ok()?),
    };
    Some(Delta { id, session, message, part, field, text })
}

/// A text without escapes up to its closing quote, and what follows the quote.
fn plain(text: &str) -> Option<(&str, &str)> {
    let end = memchr::memchr2(b'"', b'\\', text.as_bytes())?;
    let inner = &text[..end];
    (text.as_bytes()[end] == b'"' && is_plain(inner)).then(|| (inner, &text[end + 1..]))
}

/// JSON has no control characters in texts.
fn is_plain(text: &str) -> bool {
    !text.bytes().fold(false, |found, byte| found | (byte < b' '))
}

#[cfg(test)]
mod tests {
    use opencode_api::EventHead;
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::*;

    fn frame(texts: [&str; 6]) -> String {
        let [id, session, message, part, field, delta] = texts;
        let properties = json!({"sessionID": session, "messageID": message, "partID": part, "field": field, "delta": delta});
        json!({"id": id, "type": "message.part.delta", "properties": properties}).to_string()
    }

    #[test]
    fn what_servers_write_is_read_quickly_with_and_without_escapes() {
        for text in ["word", "", "a \"quote\" and \\", "é😀\n\t", "\u{1}"] {
            let frame = frame(["evt_1", "ses_1", "msg_1", "prt_1", "text", text]);
            assert_eq!(parse(&frame).map(|delta| delta.text.into_owned()).as_deref(), Some(text), "{frame}");
        }
    }

    #[test]
    fn another_form_is_left_to_the_general_decoder() {
        let usual = frame(["evt_1", "ses_1", "msg_1", "prt_1", "text", "word"]);
        assert!(parse(&usual).is_some());
        for odd in [
            usual.replace(":", ": "),
            usual.replace("}}", ",\"more\":1}}"),
            usual.replace("}}", "},\"more\":1}"),
            usual.replace("delta\",", "updated\","),
            usual.replace("word", "wo\"rd"),
            usual.replace("word", "a\",\"delta\":\"b"),
            usual.replace("word", "wo\nrd"),
            usual.replace("\"word\"", "null"),
            usual.replace("ses_1", "ses\\u0031"),
            usual[..usual.len() - 1].to_owned(),
        ] {
            assert_eq!(parse(&odd), None, "{odd}");
        }
    }

    proptest! {
        #[test]
        fn it_says_what_the_general_decoder_says(texts in proptest::array::uniform6(".{0,12}"), at in 0usize..400, byte in any::<u8>()) {
            let [id, session, message, part, field, delta] = &texts;
            let mut bytes = frame([id, session, message, part, field, delta]).into_bytes();
            // One byte of it may be anything.
            if let Some(place) = bytes.get_mut(at) {
                *place = byte;
            }
            let Ok(frame) = String::from_utf8(bytes) else { return Ok(()) };
            let Some(quick) = parse(&frame) else { return Ok(()) };
            let head = EventHead::parse(frame.as_bytes()).unwrap();
            let fields: Value = serde_json::from_str(head.properties.get()).unwrap();
            prop_assert_eq!(head.kind.as_ref(), "message.part.delta");
            prop_assert_eq!(head.id.as_deref(), Some(quick.id));
            for (name, text) in [("sessionID", quick.session), ("messageID", quick.message), ("partID", quick.part), ("field", quick.field), ("delta", &*quick.text)] {
                prop_assert_eq!(fields[name].as_str(), Some(text));
            }
        }
    }
}
