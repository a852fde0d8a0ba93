//! `--output-schema`: the answer shall be JSON of a certain form. It is asked for in the prompt and checked here.
//!
//! Servers of 1.x could do it themselves, but 1.18.33 then answers every later reading of the session's messages with
//! 400 `Expected OutputFormatJsonSchema` (seen), so that neither we nor anybody else could open that session again.

use std::path::Path;

use jsonschema::Validator;
use opencode_nexus::{Error, ErrorKind, Result};
use serde_json::Value;

/// Mistakes that the model is told of at once; more would only confuse it.
const MISTAKES: usize = 8;

/// A schema that can be checked.
pub(super) struct Schema {
    text: String,
    validator: Validator,
}

impl Schema {
    /// From a file, or from JSON that stands in the argument itself.
    ///
    /// # Errors
    /// `user.invalid_input` when there is no such file, it is no JSON, or the JSON is no schema.
    pub(super) fn load(argument: &str) -> Result<Self> {
        let wrong = |why: String| {
            Error::new(ErrorKind::InvalidInput, format!("--output-schema: {why}"))
                .with_hint("give a file with a JSON schema, or the schema itself in quotes")
        };
        let text = if argument.trim_start().starts_with('{') {
            argument.to_owned()
        } else {
            std::fs::read_to_string(Path::new(argument)).map_err(|e| wrong(format!("{argument}: {e}")))?
        };
        let value: Value = serde_json::from_str(&text).map_err(|e| wrong(format!("no JSON: {e}")))?;
        let validator =
            jsonschema::validator_for(&value).map_err(|e| wrong(format!("no JSON schema: {e}")))?;
        Ok(Self { text: value.to_string(), validator })
    }

    /// What the prompt says at its end.
    pub(super) fn demand(&self) -> String {
        format!(
            "Answer with one JSON value and nothing else: no explanation, no code fence. It must follow this JSON \
             schema:\n{}",
            self.text
        )
    }

    /// What the model is told when it has not followed.
    pub(super) fn complaint(&self, mistakes: &[String]) -> String {
        format!("Your answer cannot be used:\n- {}\n\n{}", mistakes.join("\n- "), self.demand())
    }

    /// The value in an answer, or what is wrong with it.
    pub(super) fn check(&self, answer: &str) -> Result<Value, Vec<String>> {
        let Some(value) = find(answer) else {
            return Err(vec!["it holds no JSON value".to_owned()]);
        };
        let mistakes: Vec<String> = (self.validator.iter_errors(&value))
            .take(MISTAKES)
            .map(|error| format!("at '{}': {error}", error.instance_path()))
            .collect();
        if mistakes.is_empty() { Ok(value) } else { Err(mistakes) }
    }
}

/// The JSON value in a text: all of it, else what stands in a fence, else from the first bracket on.
fn find(text: &str) -> Option<Value> {
    if let Ok(value) = serde_json::from_str(text.trim()) {
        return Some(value);
    }
    let fenced = text.split("```").skip(1).step_by(2).find_map(|block| {
        let block = block.split_once('\n').map_or(block, |(_, rest)| rest);
        serde_json::from_str(block.trim()).ok()
    });
    fenced.or_else(|| {
        let starts = text.match_indices(['{', '[']).map(|(at, _)| at);
        starts
            .take(64)
            .find_map(|at| serde_json::Deserializer::from_str(&text[at..]).into_iter().next()?.ok())
    })
}

/// Whether the value at a JSON pointer (RFC 6901) says that the run shall fail: true, a number that is not 0, a text,
/// list or object with something in it.
pub(super) fn is_set(value: &Value, pointer: &str) -> bool {
    match value.pointer(pointer) {
        None | Some(Value::Null) => false,
        Some(Value::Bool(value)) => *value,
        Some(Value::Number(number)) => number.as_f64() != Some(0.0),
        Some(Value::String(text)) => !text.is_empty(),
        Some(Value::Array(items)) => !items.is_empty(),
        Some(Value::Object(fields)) => !fields.is_empty(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_value_is_found_in_whatever_the_model_wraps_it() {
        let wanted = Some(json!({"a": 1}));
        for text in [
            "{\"a\":1}",
            " {\"a\": 1}\n",
            "Here:\n```json\n{\"a\":1}\n```\nDone",
            "It is {\"a\": 1}, surely.",
            "[1 {\"a\":1}",
        ] {
            assert_eq!(find(text), wanted, "{text}");
        }
        assert_eq!(find("none"), None);
    }

    #[test]
    fn mistakes_name_their_places_and_a_schema_that_is_none_is_refused() {
        let schema =
            Schema::load(r#"{"type":"object","properties":{"n":{"type":"number"}},"required":["n"]}"#)
                .unwrap();
        assert_eq!(schema.check("{\"n\": 1}"), Ok(json!({"n": 1})));
        let mistakes = schema.check("{\"n\": \"x\"}").unwrap_err();
        assert!(mistakes[0].starts_with("at '/n'"), "{mistakes:?}");
        assert!(schema.complaint(&mistakes).contains("/n"));
        assert!(Schema::load(r#"{"type": 5}"#).is_err() && Schema::load("{").is_err());
        assert!(Schema::load("no-such-file.json").is_err_and(|e| e.hint().is_some()));
    }

    #[test]
    fn a_field_is_set_when_there_is_something_in_it() {
        let value = json!({"a": true, "b": [], "c": {"d": "x"}, "e": 0, "f": null, "g": 2});
        for (pointer, set) in [
            ("/a", true),
            ("/b", false),
            ("/c", true),
            ("/c/d", true),
            ("/e", false),
            ("/f", false),
            ("/g", true),
            ("/z", false),
        ] {
            assert_eq!(is_set(&value, pointer), set, "{pointer}");
        }
    }
}
