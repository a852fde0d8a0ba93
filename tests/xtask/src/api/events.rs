//! Events: the payload of each kind becomes a type, the frames around it are one type of the crate.
use serde_json::Value;

use super::lower::{Lowering, Place, constant, has_properties, members, reference};
use super::model::{Definition, EventItem, File, Type};
use super::naming::pascal;

/// All kinds of events, in the order of the document, then those that only the overlay knows.
pub fn lower(lowering: &mut Lowering<'_>) -> Result<Vec<EventItem>, String> {
    let mut payloads: Vec<(String, Value)> = Vec::new();
    for union in ["Event", "V2Event"] {
        let schema = lowering.schemas.get(union).ok_or_else(|| format!("no schema {union}"))?;
        for member in members(schema).unwrap_or_default() {
            let properties = lowering.resolve(&member).get("properties");
            let kind = properties.and_then(|all| all.get("type")).and_then(constant);
            let kind = kind.ok_or_else(|| format!("{union}: an event without kind"))?;
            let payload = properties.and_then(|all| all.get("properties").or_else(|| all.get("data")));
            if !payloads.iter().any(|(known, _)| *known == kind) {
                payloads.push((kind, payload.cloned().unwrap_or(Value::Null)));
            }
        }
    }
    for (kind, schema) in &lowering.overlay.events {
        if !payloads.iter().any(|(known, _)| known == kind) {
            payloads.push((kind.clone(), schema.clone()));
        }
    }
    payloads.into_iter().map(|(kind, payload)| event(lowering, kind, &payload)).collect()
}

fn event(lowering: &mut Lowering<'_>, kind: String, payload: &Value) -> Result<EventItem, String> {
    let variant = pascal(&kind);
    let place = Place { file: File::Events, hint: variant.clone(), property: "" };
    // Every kind has a struct of its own, even where two look alike or have no fields yet: they grow apart.
    let is_object = payload.get("type").and_then(Value::as_str) == Some("object");
    let payload = if reference(payload).is_none() && (has_properties(payload) || is_object) {
        let name = lowering.name(&variant, File::Events);
        let item = lowering.structure(payload, &name, File::Events)?;
        let doc = format!("Payload of `{kind}`.");
        lowering.definitions.push(Definition { file: File::Events, name: name.clone(), doc, item });
        Type::Named(File::Events, name)
    } else {
        lowering.slot(payload, &place)?.of
    };
    Ok(EventItem { kind, variant, payload })
}
