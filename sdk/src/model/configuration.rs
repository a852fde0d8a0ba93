//! The configuration of a server.

use serde::Serialize;
use serde_json::Value;

use super::ModelRef;

/// What a server is told by its configuration, as JSON objects in its own words. Texts under names like `apiKey`,
/// `token`, `secret`, `password` or `authorization` are `[redacted]`.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct ServerConfiguration {
    /// What holds in the client's folder: all files laid over each other.
    pub effective: Value,
    /// The part that can be changed through the server: on 1.x the file of the person who runs it, on OpenCode 2 the
    /// shell alone.
    pub changeable: Value,
    /// The model of new sessions, where the configuration names one.
    pub model: Option<ModelRef>,
    /// The agent of new sessions, where the configuration names one.
    pub agent: Option<String>,
}

impl ServerConfiguration {
    /// The changeable part as it will be after a change: a JSON merge patch (RFC 7396), where `null` removes a name.
    #[must_use]
    pub fn after(&self, patch: &Value) -> Value {
        let mut after = self.changeable.clone();
        merge(&mut after, patch);
        after
    }
}

/// RFC 7396 §2.
pub(crate) fn merge(target: &mut Value, patch: &Value) {
    let Value::Object(fields) = patch else {
        *target = patch.clone();
        return;
    };
    if !target.is_object() {
        *target = Value::Object(serde_json::Map::new());
    }
    let Value::Object(target) = target else { return };
    for (name, value) in fields {
        match value {
            Value::Null => {
                target.shift_remove(name);
            }
            _ => merge(target.entry(name).or_insert(Value::Null), value),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// RFC 7396, Appendix A.
    #[test]
    fn a_merge_patch_does_what_the_examples_of_its_specification_say() {
        for (original, patch, result) in [
            (json!({"a":"b"}), json!({"a":"c"}), json!({"a":"c"})),
            (json!({"a":"b"}), json!({"b":"c"}), json!({"a":"b","b":"c"})),
            (json!({"a":"b"}), json!({"a":null}), json!({})),
            (json!({"a":"b","b":"c"}), json!({"a":null}), json!({"b":"c"})),
            (json!({"a":["b"]}), json!({"a":"c"}), json!({"a":"c"})),
            (json!({"a":"c"}), json!({"a":["b"]}), json!({"a":["b"]})),
            (json!({"a":{"b":"c"}}), json!({"a":{"b":"d","c":null}}), json!({"a":{"b":"d"}})),
            (json!({"a":[{"b":"c"}]}), json!({"a":[1]}), json!({"a":[1]})),
            (json!(["a", "b"]), json!(["c", "d"]), json!(["c", "d"])),
            (json!({"a":"b"}), json!(["c"]), json!(["c"])),
            (json!({"a":"foo"}), json!(null), json!(null)),
            (json!({"a":"foo"}), json!("bar"), json!("bar")),
            (json!({"e":null}), json!({"a":1}), json!({"e":null,"a":1})),
            (json!([1, 2]), json!({"a":"b","c":null}), json!({"a":"b"})),
            (json!({}), json!({"a":{"bb":{"ccc":null}}}), json!({"a":{"bb":{}}})),
        ] {
            let mut target = original.clone();
            merge(&mut target, &patch);
            assert_eq!(target, result, "{original} {patch}");
        }
    }
}
