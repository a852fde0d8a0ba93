//! What real servers do differently from their interface document.
use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

/// Corrections to an interface document. Types are named as in the generated code, fields as on the wire.
#[derive(Debug, Clone, Default)]
pub struct Overlay {
    /// `Type.field` that some server of this line leaves out although the document requires it.
    pub optional: BTreeSet<String>,
    /// `Type.field` → the id type that it holds.
    pub ids: BTreeMap<String, String>,
    /// `Type.field` → the schema of a field that the document lacks or describes less well. A new one is optional.
    pub fields: BTreeMap<String, Value>,
    /// Named schemas that the document lacks.
    pub schemas: BTreeMap<String, Value>,
    /// Named schemas that nobody needs as types.
    pub skip: BTreeSet<String>,
    /// The name of a union → the field whose constant its members have: all schemas with such a field.
    pub unions: BTreeMap<String, String>,
    /// The name the generator would choose → a better one.
    pub names: BTreeMap<String, String>,
    /// Events that are sent but not in the document: kind → schema of the payload.
    pub events: BTreeMap<String, Value>,
    /// Operations that upgrade to a WebSocket without saying so.
    pub websockets: BTreeSet<String>,
    /// Operation → headers that it always needs.
    pub headers: BTreeMap<String, BTreeMap<String, String>>,
}

impl Overlay {
    /// Reads an overlay file.
    pub fn from_json(json: &Value) -> Result<Self, String> {
        let object = json.as_object().ok_or("the overlay is not an object")?;
        let mut overlay = Self::default();
        for (key, value) in object {
            match key.as_str() {
                "about" => {}
                "optional" => overlay.optional = texts(value),
                "websockets" => overlay.websockets = texts(value),
                "ids" => overlay.ids = renames(value),
                "names" => overlay.names = renames(value),
                "unions" => overlay.unions = renames(value),
                "skip" => overlay.skip = texts(value),
                "events" => overlay.events = values(value),
                "fields" => overlay.fields = values(value),
                "schemas" => overlay.schemas = values(value),
                "headers" => {
                    let all = values(value).into_iter();
                    overlay.headers = all.map(|(id, headers)| (id, renames(&headers))).collect();
                }
                other => return Err(format!("the overlay has an unknown key: {other}")),
            }
        }
        Ok(overlay)
    }
}

fn texts(value: &Value) -> BTreeSet<String> {
    value.as_array().into_iter().flatten().filter_map(|item| item.as_str().map(str::to_owned)).collect()
}

fn values(value: &Value) -> BTreeMap<String, Value> {
    let entries = value.as_object().into_iter().flatten();
    entries.map(|(key, value)| (key.clone(), value.clone())).collect()
}

fn renames(value: &Value) -> BTreeMap<String, String> {
    let entries = value.as_object().into_iter().flatten();
    entries.filter_map(|(from, to)| Some((from.clone(), to.as_str()?.to_owned()))).collect()
}
