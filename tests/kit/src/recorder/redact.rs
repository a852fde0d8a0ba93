//! What is written down holds no keys: recordings are sent around. The patterns are ASCII alone (`-u`): this crate's
//! regular expressions know no capitals of other alphabets.

use std::borrow::Cow;

use regex::bytes::Regex;

/// The texts under names that say so, and what looks like a key of a well-known service wherever it stands.
const PATTERNS: [(&str, &[u8]); 3] = [
    (
        r#"(?i-u)("[a-z0-9_.-]*(?:api[_-]?key|token|secret|password|passwd|authorization|cookie)"\s*:\s*)"(?:[^"\\]|\\.)*""#,
        br#"$1"[redacted]""#,
    ),
    (r"(?i-u)\b(bearer|basic)\s+[a-z0-9._~+/=-]{12,}", b"$1 [redacted]"),
    (
        r"(?-u)\b(?:sk-[A-Za-z0-9_-]{16,}|gh[pousr]_[A-Za-z0-9]{20,}|github_pat_[A-Za-z0-9_]{20,}|xox[abprs]-[A-Za-z0-9-]{10,}|AKIA[0-9A-Z]{16}|AIza[A-Za-z0-9_-]{30,})",
        b"[redacted]",
    ),
];

/// The text without keys. What is no key stays byte for byte. A key that a model says in several pieces is not seen: look
/// at a recording before you send it to anybody.
pub fn redacted(text: &[u8]) -> Vec<u8> {
    PATTERNS.iter().fold(text.to_vec(), |text, (pattern, with)| match Regex::new(pattern) {
        Ok(pattern) => match pattern.replace_all(&text, *with) {
            Cow::Borrowed(_) => text,
            Cow::Owned(changed) => changed,
        },
        // It cannot happen; if it does, nothing is told rather than everything.
        Err(error) => error.to_string().into_bytes(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_go_and_everything_else_stays() {
        for (text, wanted) in [
            (r#"{"apiKey":"a\"b","x":1}"#, r#"{"apiKey":"[redacted]","x":1}"#),
            (r#"{"OPENAI_API_KEY": "a"}"#, r#"{"OPENAI_API_KEY": "[redacted]"}"#),
            (r#"{"tokens":{"input":5},"maxTokens":7}"#, r#"{"tokens":{"input":5},"maxTokens":7}"#),
            (
                "curl -H 'Authorization: Bearer abcdefghijklmnop'",
                "curl -H 'Authorization: Bearer [redacted]'",
            ),
            ("key sk-ant-abcdefghijklmnop end", "key [redacted] end"),
            ("a bearer of news", "a bearer of news"),
        ] {
            assert_eq!(String::from_utf8(redacted(text.as_bytes())).unwrap(), wanted);
        }
    }
}
