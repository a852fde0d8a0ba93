//! What an interface document says that a server has. Operations are told apart by method and path: their ids are names
//! for people, and servers of line 2 have changed many of them.
use std::collections::BTreeSet;

use serde_json::Value;

/// The operations and events of a server.
pub struct Described {
    pub version: String,
    /// See [`operation`].
    pub operations: BTreeSet<String>,
    /// The kinds of events, without those that are told by a pattern.
    pub events: BTreeSet<String>,
}

/// How an operation is written.
pub fn operation(method: &str, path: &str) -> String {
    format!("{} {path}", method.to_uppercase())
}

impl Described {
    /// Reads a document.
    pub fn new(version: &str, document: &Value) -> Self {
        let paths = document.get("paths").and_then(Value::as_object).into_iter().flatten();
        let (mut operations, mut events) = (BTreeSet::new(), BTreeSet::new());
        for (path, methods) in paths {
            for (method, described) in methods.as_object().into_iter().flatten() {
                // Beside its methods a path may have other fields.
                if described.get("operationId").is_some() {
                    operations.insert(operation(method, path));
                }
                if let Some(schema) = described.pointer("/responses/200/content/text~1event-stream/schema") {
                    kinds(document, schema, &mut events);
                }
            }
        }
        Self { version: version.to_owned(), operations, events }
    }

    /// Adds what another version of the line has.
    pub fn add(&mut self, other: Self) {
        self.operations.extend(other.operations);
        self.events.extend(other.events);
    }
}

/// The kinds of the frames that a schema lists, through unions and references.
fn kinds(document: &Value, schema: &Value, into: &mut BTreeSet<String>) {
    let name = schema.get("$ref").and_then(Value::as_str).and_then(|path| path.rsplit('/').next());
    let named = name.and_then(|name| document.pointer("/components/schemas")?.get(name));
    let schema = named.unwrap_or(schema);
    for member in ["anyOf", "oneOf"].iter().filter_map(|key| schema.get(key)?.as_array()).flatten() {
        kinds(document, member, into);
    }
    let kind = schema.pointer("/properties/type");
    let kind = kind.and_then(|kind| kind.get("const").or_else(|| kind.pointer("/enum/0")));
    into.extend(kind.and_then(Value::as_str).map(str::to_owned));
}

#[cfg(test)]
mod tests {
    use super::Described;

    #[test]
    fn a_document_of_line_1_has_as_many_events_as_its_union() {
        let spec = crate::root().join("sdk/api/spec/openapi-1.18.33.json");
        let document = crate::api::read_json(&spec).expect("the document");
        let described = Described::new("1.18.33", &document);
        assert_eq!((described.operations.len(), described.events.len()), (188, 89));
    }
}
