//! The interface documents, and how to find something in them.
#![allow(dead_code)] // each test needs a part of it

use opencode_api::{Map, Value};

pub const V1: &str = include_str!("../../spec/openapi-1.18.33.json");
pub const V2: &str = include_str!("../../spec/openapi-2.1.2-derived.json");
pub const V2_OLDER: &str = include_str!("../../spec/openapi-2.0.14.json");

/// An interface document.
pub struct Document(Value);

impl Document {
    pub fn new(text: &str) -> Self {
        Self(serde_json::from_str(text).expect("the interface document"))
    }

    /// The named schemas.
    pub fn schemas(&self) -> &Map<String, Value> {
        self.0["components"]["schemas"].as_object().expect("schemas")
    }

    /// Id, method and path of all operations, with what the document says about each.
    pub fn operations(&self) -> Vec<(&str, String, &str, &Value)> {
        let mut all = Vec::new();
        for (path, methods) in self.0["paths"].as_object().expect("paths") {
            for (method, operation) in methods.as_object().expect("methods") {
                let id = operation["operationId"].as_str().expect("an id");
                all.push((id, method.to_uppercase(), path.as_str(), operation));
            }
        }
        all
    }

    /// What the document says about an operation.
    pub fn operation(&self, method: &str, path: &str) -> Option<&Value> {
        self.0["paths"].get(path)?.get(method.to_lowercase())
    }

    /// How many operations answer with JSON.
    pub fn json_answers(&self) -> usize {
        let has = |operation: &Value| {
            operation.pointer("/responses/200/content/application~1json/schema").is_some()
        };
        self.operations().into_iter().filter(|(_, _, _, operation)| has(operation)).count()
    }

    /// The frames that a stream lists; not those whose kind is a pattern.
    pub fn streamed(&self, path: &str) -> Vec<Value> {
        fn members<'a>(document: &'a Document, schema: &'a Value, into: &mut Vec<Value>) {
            let name = schema.get("$ref").and_then(Value::as_str).and_then(|path| path.rsplit('/').next());
            let target = name.map_or(schema, |name| &document.schemas()[name]);
            match target.get("anyOf").or_else(|| target.get("oneOf")) {
                Some(inner) => {
                    inner
                        .as_array()
                        .expect("members")
                        .iter()
                        .for_each(|inner| members(document, inner, into));
                }
                None if target.pointer("/properties/type/const").is_some() => into.push(target.clone()),
                None => {}
            }
        }
        let operation = self.operation("GET", path).expect("a stream");
        let schema = operation.pointer("/responses/200/content/text~1event-stream/schema").expect("frames");
        let mut frames = Vec::new();
        members(self, schema, &mut frames);
        frames
    }
}
