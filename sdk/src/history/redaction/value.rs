//! Secrets in whole JSON values: in every text, in names, and under names that say that a secret follows.

use serde_json::Value;

use super::patterns::{is_no_placeholder, is_password, is_random};
use super::{MARK, Redactor};
use crate::transport::Keys;

impl Redactor {
    /// Hides secrets everywhere in a value; how many there were. What it is made of stays as it was: numbers, lists, names
    /// (but for secrets in them), order.
    pub(in crate::history) fn redact_value(&self, value: &mut Value) -> u64 {
        match value {
            Value::String(text) => self.redact_string(text),
            Value::Array(items) => items.iter_mut().map(|item| self.redact_value(item)).sum(),
            Value::Object(fields) => {
                let mut count = 0;
                let old = std::mem::take(fields);
                for (name, mut value) in old {
                    count += match &mut value {
                        Value::String(text) if is_secret_under(&name, text) => {
                            *text = format!("{MARK} secret]");
                            1
                        }
                        other => self.redact_value(other),
                    };
                    let (mut name, secrets) = self.redact(&name);
                    count += secrets;
                    // Two names may be the same once their secrets are gone; neither value is lost.
                    while fields.contains_key(&name) {
                        name.push('\'');
                    }
                    fields.insert(name, value);
                }
                count
            }
            Value::Null | Value::Bool(_) | Value::Number(_) => 0,
        }
    }

    /// Hides secrets in a text in its place.
    pub(in crate::history) fn redact_string(&self, text: &mut String) -> u64 {
        let (redacted, count) = self.redact(text);
        if count > 0 {
            *text = redacted;
        }
        count
    }
}

/// Names like `apiKey` and `password`. The value must look like one: tools call many things a key or a token.
fn is_secret_under(name: &str, text: &str) -> bool {
    let lower = name.to_ascii_lowercase();
    let password = ["password", "passwd", "passphrase"].iter().any(|end| lower.ends_with(end));
    !text.contains(MARK)
        && Keys::Usual.is_secret(name)
        && if password {
            is_password(text)
        } else {
            text.len() >= 12 && is_no_placeholder(text) && is_random(text)
        }
}
