//! Events: the payload of each kind becomes a type, the frames around it are one type of the crate.
use serde_json::Value;

use super::lower::{Lowering, Place, constant, has_properties, members, reference};
use super::model::{Definition, EventItem, File, Type};
use super::naming::pascal;

/// All kinds of events, in the order of the document, then those that only the overlay knows.
pub fn lower(lowering: &mut Lowering<'_>) -> Result<Vec<EventItem>, String> {
    let mut payloads: Vec<(String, Value, Option<&'static str>)> = Vec::new();
    for member in frames(lowering) {
        let properties = lowering.resolve(&member).get("properties");
        // Kinds that are told by a pattern only (`rpc.…` of OpenCode 2) stay unknown: they are whatever plugins send.
        let Some(kind) = properties.and_then(|all| all.get("type")).and_then(constant) else { continue };
        let field = ["properties", "data"]
            .into_iter()
            .find(|name| properties.is_some_and(|all| all.get(name).is_some()));
        let payload = field.and_then(|name| properties?.get(name));
        if !payloads.iter().any(|(known, ..)| *known == kind) {
            // A frame without payload field is its own payload.
            payloads.push((kind, payload.cloned().unwrap_or(member), field));
        }
    }
    // The field of a line is that of its first event.
    let usual = payloads.first().and_then(|(.., field)| *field);
    for (kind, schema) in &lowering.overlay.events {
        if !payloads.iter().any(|(known, ..)| known == kind) {
            payloads.push((kind.clone(), schema.clone(), usual));
        }
    }
    payloads.into_iter().map(|(kind, payload, field)| event(lowering, kind, &payload, field)).collect()
}

/// The frames of all events: those of the named unions, then those that streams list themselves.
fn frames(lowering: &Lowering<'_>) -> Vec<Value> {
    let mut frames = Vec::new();
    for union in ["Event", "V2Event"] {
        frames.extend(lowering.schemas.get(union).and_then(members).unwrap_or_default());
    }
    let operations = lowering.paths.values().filter_map(Value::as_object).flat_map(serde_json::Map::values);
    for operation in operations {
        if let Some(schema) = operation.pointer("/responses/200/content/text~1event-stream/schema") {
            flat_members(schema, &mut frames);
        }
    }
    frames
}

/// The members of a union, and those of the unions among them.
fn flat_members(schema: &Value, into: &mut Vec<Value>) {
    for member in members(schema).unwrap_or_default() {
        match members(&member) {
            Some(_) => flat_members(&member, into),
            None => into.push(member),
        }
    }
}

fn event(
    lowering: &mut Lowering<'_>,
    kind: String,
    payload: &Value,
    field: Option<&'static str>,
) -> Result<EventItem, String> {
    let variant = pascal(&kind);
    let place = Place { file: File::Events, hint: variant.clone(), property: "" };
    let payload = match reference(payload) {
        // It is used here and nowhere else, so that it needs no name of its own.
        Some(name) if lowering.is_frame_part(name) => lowering.schemas.get(name).unwrap_or(payload),
        _ => payload,
    };
    // Every kind has a struct of its own, even where two look alike or have no fields yet: they grow apart.
    let is_object = payload.get("type").and_then(Value::as_str) == Some("object")
        || payload.as_object().is_some_and(serde_json::Map::is_empty);
    let payload = if reference(payload).is_none() && (has_properties(payload) || is_object) {
        let name = lowering.name(&variant, File::Events);
        let item = lowering.structure(payload, &name, File::Events)?;
        let doc = format!("Payload of `{kind}`.");
        lowering.definitions.push(Definition { file: File::Events, name: name.clone(), doc, item });
        Type::Named(File::Events, name)
    } else {
        lowering.slot(payload, &place)?.of
    };
    Ok(EventItem { kind, variant, payload, field })
}
