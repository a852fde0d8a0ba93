//! JSON documents without the keys of providers in them.
//!
//! Some servers answer with API keys in clear text (which routes these are, `dialect::secrets` knows). Such an answer is
//! redacted before it is decoded. The text itself is scanned, not parsed: what is no secret stays as it is, byte for byte, and a document that is
//! cut short is redacted as far as it goes.

use std::ops::Range;

/// What stands where a secret stood.
pub(crate) const PLACEHOLDER: &str = "[redacted]";

/// Which names of an object hold secrets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Keys {
    /// Those whose last word says so: `apiKey`, `x-api-key`, `GITHUB_TOKEN`, `client_secret`, `Authorization`.
    Usual,
    /// Those, and what a stored login of OAuth calls its tokens: `access` and `refresh`.
    Credential,
}

impl Keys {
    /// Whether what stands under a name is a secret.
    pub(crate) fn is_secret(self, name: &str) -> bool {
        // camelCase, snake_case, kebab-case and spaces: the last word decides. `maxTokens` and `tokens` are counts.
        let start = name
            .char_indices()
            .rev()
            .find(|(_, c)| !c.is_alphanumeric())
            .map_or(0, |(i, c)| i + c.len_utf8());
        let word = &name[start..];
        let lower = word.to_lowercase();
        let ends =
            ["apikey", "token", "secret", "password", "passwd", "passphrase", "authorization", "cookie"];
        // `accessKey`, but not `monkey`; a `KEY` in capitals is a word of its own.
        lower == "key"
            || word.ends_with("Key")
            || ["accesskey", "secretkey", "privatekey"].contains(&lower.as_str())
            || ends.iter().any(|end| lower.ends_with(end))
            || self == Self::Credential && matches!(name, "access" | "refresh")
    }
}

/// The document with every string below a secret name replaced; `None` when there is none.
pub(crate) fn redact(document: &[u8], keys: Keys) -> Option<Vec<u8>> {
    let mut redacted = Vec::new();
    let mut copied = 0;
    for range in secrets(document, keys) {
        redacted.extend_from_slice(&document[copied..range.start]);
        redacted.push(b'"');
        redacted.extend_from_slice(PLACEHOLDER.as_bytes());
        redacted.push(b'"');
        copied = range.end;
    }
    if copied == 0 {
        return None;
    }
    redacted.extend_from_slice(&document[copied..]);
    Some(redacted)
}

/// Where secret strings stand, with their quotation marks, in order.
fn secrets(document: &[u8], keys: Keys) -> Vec<Range<usize>> {
    let mut found = Vec::new();
    let (mut at, mut depth) = (0_usize, 0_usize);
    // Everything deeper than this is below a secret name.
    let mut below: Option<usize> = None;
    // The value that comes next belongs to a secret name.
    let mut awaited = false;
    while let Some(&byte) = document.get(at) {
        match byte {
            b'"' => {
                let end = end_of_string(document, at);
                if is_name(document, end) {
                    awaited = below.is_none() && keys.is_secret(&name(&document[at..end]));
                } else {
                    if awaited || below.is_some() {
                        found.push(at..end);
                    }
                    awaited = false;
                }
                at = end;
                continue;
            }
            b'{' | b'[' => {
                if awaited {
                    below = Some(depth);
                }
                awaited = false;
                depth += 1;
            }
            b'}' | b']' => {
                depth = depth.saturating_sub(1);
                if below.is_some_and(|outer| depth <= outer) {
                    below = None;
                }
            }
            // A number or a word was the value.
            b',' => awaited = false,
            _ => {}
        }
        at += 1;
    }
    found
}

/// The place behind the closing quotation mark, or the end of a document that is cut.
fn end_of_string(document: &[u8], start: usize) -> usize {
    let mut at = start + 1;
    while let Some(&byte) = document.get(at) {
        match byte {
            b'"' => return at + 1,
            b'\\' => at += 2,
            _ => at += 1,
        }
    }
    document.len()
}

fn is_name(document: &[u8], end: usize) -> bool {
    document[end..].iter().find(|byte| !byte.is_ascii_whitespace()) == Some(&b':')
}

/// A name may be written with escapes.
fn name(quoted: &[u8]) -> String {
    serde_json::from_slice(quoted)
        .unwrap_or_else(|_| String::from_utf8_lossy(quoted).trim_matches('"').to_owned())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::*;

    const SECRET_NAMES: [&str; 20] = [
        "apiKey",
        "api_key",
        "API-KEY",
        "apikey",
        "key",
        "x-api-key",
        "token",
        "accessToken",
        "GITHUB_TOKEN",
        "secret",
        "client_secret",
        "password",
        "Authorization",
        "proxy-authorization",
        "secretAccessKey",
        "privateKey",
        "refresh_token",
        "set-cookie",
        "passphrase",
        "OPENAI_KEY",
    ];
    const OTHER_NAMES: [&str; 12] = [
        "name",
        "id",
        "tokens",
        "maxTokens",
        "max_tokens",
        "baseURL",
        "keys",
        "monkey",
        "keyboard",
        "access",
        "type",
        "secretary",
    ];

    /// The same rule, told in another way: on the parsed value.
    fn expected(value: &Value, secret: bool) -> Value {
        match value {
            Value::String(_) if secret => json!(PLACEHOLDER),
            Value::Array(items) => items.iter().map(|item| expected(item, secret)).collect(),
            Value::Object(fields) => (fields.iter())
                .map(|(name, value)| {
                    let is = secret || SECRET_NAMES.contains(&name.as_str());
                    (name.clone(), expected(value, is))
                })
                .collect::<serde_json::Map<_, _>>()
                .into(),
            other => other.clone(),
        }
    }

    fn any_json() -> impl Strategy<Value = Value> {
        // Texts with everything that could confuse a scanner.
        let text = prop_oneof!["\\PC{0,6}", "[\"\\\\{}:, \n]{0,6}", Just("apiKey".to_owned())];
        let name = prop_oneof![
            prop::sample::select(&SECRET_NAMES[..]).prop_map(str::to_owned),
            prop::sample::select(&OTHER_NAMES[..]).prop_map(str::to_owned),
            "[\"\\\\{}:, \n]{0,6}",
        ];
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            text.prop_map(Value::from),
        ];
        leaf.prop_recursive(5, 60, 6, move |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
                prop::collection::vec((name.clone(), inner), 0..6)
                    .prop_map(|fields| Value::Object(fields.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2000))]

        #[test]
        fn no_string_under_a_secret_name_survives_and_everything_else_stays(value in any_json(), pretty: bool) {
            let text = if pretty { serde_json::to_vec_pretty(&value) } else { serde_json::to_vec(&value) }.unwrap();
            let redacted = redact(&text, Keys::Usual);
            let expected = expected(&value, false);
            if expected == value {
                // At most placeholders were replaced by themselves.
                prop_assert_eq!(redacted.unwrap_or_else(|| text.clone()), text);
            } else {
                prop_assert_eq!(serde_json::from_slice::<Value>(&redacted.unwrap()).unwrap(), expected);
            }
        }

        #[test]
        fn whatever_comes_is_survived(bytes in "[\"\\\\{}\\[\\]:,a k\u{e9}]{0,40}", cut in 0_usize..40) {
            let bytes = bytes.as_bytes();
            redact(&bytes[..cut.min(bytes.len())], Keys::Credential);
        }
    }

    #[test]
    fn a_document_that_is_cut_anywhere_shows_no_secret() {
        let text =
            br#"{"data":[{"id":"a","settings":{"apiKey":"hunter2\"hunter2","list":{"token":["hunter2"]}}}]}"#;
        for cut in 0..=text.len() {
            let redacted = redact(&text[..cut], Keys::Usual).unwrap_or_else(|| text[..cut].to_vec());
            let shown = String::from_utf8(redacted).unwrap();
            assert!(!shown.contains('h'), "{shown}");
        }
    }

    #[test]
    fn a_name_may_be_written_with_escapes_and_numbers_keep_their_digits() {
        let text = br#"{"api\u004bey" : "x", "n": 1.000000000000000000001e400, "token": 5, "id": "y"}"#;
        let redacted = String::from_utf8(redact(text, Keys::Usual).unwrap()).unwrap();
        let wanted =
            r#"{"api\u004bey" : "[redacted]", "n": 1.000000000000000000001e400, "token": 5, "id": "y"}"#;
        assert_eq!(redacted, wanted);
    }

    #[test]
    fn a_stored_login_shows_neither_of_its_tokens() {
        let text = br#"{"value":{"type":"oauth","methodID":"m","access":"x","refresh":"y","expires":1}}"#;
        let redacted: Value = serde_json::from_slice(&redact(text, Keys::Credential).unwrap()).unwrap();
        let wanted = json!({"type": "oauth", "methodID": "m", "access": "[redacted]", "refresh": "[redacted]", "expires": 1});
        assert_eq!(redacted["value"], wanted);
        assert_eq!(redact(text, Keys::Usual), None);
    }
}
