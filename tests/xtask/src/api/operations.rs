//! Operations: path, query, body and answer of each.
use serde_json::Value;

use super::emit::rust_type;
use super::lower::{Lowering, Place as SchemaPlace, members};
use super::model::{File, Item, OperationItem, Parameter, Place, Slot, Type};
use super::naming::{id_by_name, pascal, snake};

/// Where the schema of a JSON body is.
const BODY: &str = "/requestBody/content/application~1json/schema";
/// Parameters that name a location, in the two styles.
const QUERY_LOCATION: &[&str] = &["directory", "workspace"];
const BRACKET_LOCATION: &[&str] = &["location", "location[directory]", "location[workspace]"];

/// All operations in the order of the document.
pub fn lower(lowering: &mut Lowering<'_>) -> Result<Vec<OperationItem>, String> {
    let paths = lowering.paths;
    let mut operations = Vec::new();
    for (path, methods) in paths {
        for (method, operation) in methods.as_object().into_iter().flatten() {
            let id = operation.get("operationId").and_then(Value::as_str);
            let id = id.ok_or_else(|| format!("{method} {path} has no operationId"))?;
            operations.push(one(lowering, id, method, path, operation)?);
        }
    }
    Ok(operations)
}

fn one(
    lowering: &mut Lowering<'_>,
    id: &str,
    method: &str,
    path: &str,
    operation: &Value,
) -> Result<OperationItem, String> {
    let mut segments: Vec<&str> = id.split('.').collect();
    let name = pascal(segments.pop().ok_or("an empty operationId")?);
    let (response_kind, answer) = response(lowering, id, operation)?;
    let response = if answer.nullable { Type::Value } else { answer.of.clone() };
    let mut item = OperationItem {
        id: id.to_owned(),
        modules: segments.into_iter().map(snake).collect(),
        name,
        method: pascal(method),
        path: path.to_owned(),
        location: "None",
        response_kind,
        response,
        answer,
        required: Vec::new(),
        filled: Vec::new(),
        optional: Vec::new(),
        headers: lowering.overlay.headers.get(id).cloned().unwrap_or_default().into_iter().collect(),
        deprecated: operation.get("deprecated").and_then(Value::as_bool).unwrap_or(false),
    };
    if path.ends_with('*') {
        let (of, rust) = (Type::String, "String".to_owned());
        item.required.push(Parameter { place: Place::Tail, wire: "*".into(), name: "path".into(), of, rust });
    }
    let parameters = operation.get("parameters").and_then(Value::as_array);
    let parameters: Vec<&Value> = parameters.into_iter().flatten().collect();
    item.location = location(lowering, &parameters, operation);
    for parameter in parameters {
        add_parameter(lowering, &mut item, parameter)?;
    }
    // The order of the path, not that of the document.
    item.required
        .sort_by_key(|parameter| path.find(&format!("{{{}}}", parameter.wire)).unwrap_or(usize::MAX));
    if let Some(schema) = operation.pointer(BODY) {
        add_body(lowering, &mut item, schema)?;
    } else if operation.pointer("/requestBody/content/application~1octet-stream").is_some() {
        let (of, rust) = (Type::String, "Vec<u8>".to_owned());
        item.required.push(Parameter {
            place: Place::Bytes,
            wire: "body".into(),
            name: "body".into(),
            of,
            rust,
        });
    } else if operation.get("requestBody").is_some() {
        return Err(format!("{id}: the body is neither JSON nor bytes"));
    }
    Ok(item)
}

/// How the operation names where it runs.
fn location(lowering: &Lowering<'_>, parameters: &[&Value], operation: &Value) -> &'static str {
    let has = |wire: &str| {
        parameters.iter().any(|parameter| {
            parameter.get("name").and_then(Value::as_str) == Some(wire)
                && parameter.get("in").and_then(Value::as_str) == Some("query")
        })
    };
    // A `directory` alone is a filter: `session.list` of OpenCode 2 lists those of a directory, wherever it runs.
    if QUERY_LOCATION.iter().all(|wire| has(wire)) {
        return "Query";
    }
    if BRACKET_LOCATION.iter().any(|wire| has(wire)) {
        return "Bracket";
    }
    let body = operation.pointer(BODY).map(|schema| lowering.resolve(schema));
    let in_body = body.and_then(|schema| schema.pointer("/properties/location"));
    let in_body = in_body.is_some_and(|schema| {
        let all = members(schema).unwrap_or_else(|| vec![schema.clone()]);
        all.iter().any(|member| lowering.resolve(member).pointer("/properties/directory").is_some())
    });
    if in_body { "Body" } else { "None" }
}

fn add_parameter(
    lowering: &mut Lowering<'_>,
    item: &mut OperationItem,
    parameter: &Value,
) -> Result<(), String> {
    let wire = parameter.get("name").and_then(Value::as_str).ok_or("a parameter without name")?;
    let place = match parameter.get("in").and_then(Value::as_str) {
        Some("path") => Place::Path,
        Some("query") => Place::Query,
        // Headers that an operation needs are in the overlay: the documents know some, and the values of none.
        Some("header") => return Ok(()),
        other => return Err(format!("{}: parameters in {other:?} are not supported", item.id)),
    };
    let is_location = match item.location {
        "Query" => QUERY_LOCATION.contains(&wire),
        "Bracket" => BRACKET_LOCATION.contains(&wire),
        _ => false,
    };
    if place == Place::Query && is_location {
        return Ok(());
    }
    if parameter.get("style").and_then(Value::as_str).is_some_and(|style| style != "form") {
        return Err(format!("{}: {wire} has a style that is only supported for locations", item.id));
    }
    let required = parameter.get("required").and_then(Value::as_bool).unwrap_or(place == Place::Path);
    let schema = parameter.get("schema").unwrap_or(&Value::Null);
    let (of, rust) = parameter_type(lowering, item, wire, schema)?;
    let parameter = Parameter { place, wire: wire.to_owned(), name: snake(wire), of, rust };
    if required {
        item.required.push(parameter)
    } else {
        item.optional.push(parameter)
    }
    Ok(())
}

/// The type of a path or query parameter, and what Rust makes of it: what is sent is chosen by us, so plain types do.
fn parameter_type(
    lowering: &mut Lowering<'_>,
    item: &OperationItem,
    wire: &str,
    schema: &Value,
) -> Result<(Type, String), String> {
    let hint = format!("{}{}", pascal(&item.id), pascal(wire));
    let place = SchemaPlace { file: File::Bodies, hint, property: wire };
    // A flag that may also be written as text: "true", "false".
    let is_flag = schema.to_string().contains("\"true\"");
    let of = match lowering.overlay.ids.get(&format!("{}.{wire}", item.id)) {
        Some(id) => Type::Id(id_by_name(id).ok_or_else(|| format!("unknown id type {id}"))?),
        None => lowering.slot(schema, &place)?.of,
    };
    let of = match of {
        _ if is_flag => Type::Bool,
        Type::Value | Type::Mixed(_) => Type::String,
        of => of,
    };
    let rust = if of == Type::Number { "u64".to_owned() } else { rust_type(&of, None) };
    Ok((of, rust))
}

fn add_body(lowering: &mut Lowering<'_>, item: &mut OperationItem, schema: &Value) -> Result<(), String> {
    let hint = format!("{}Body", pascal(&item.id));
    let of = lowering.slot(schema, &SchemaPlace { file: File::Bodies, hint, property: "body" })?.of;
    let parameter = Parameter {
        place: Place::Body,
        wire: "body".into(),
        name: "body".into(),
        rust: rust_type(&of, None),
        of: of.clone(),
    };
    if needs_something(lowering, &of) {
        item.required.push(parameter)
    } else {
        item.filled.push(parameter)
    }
    Ok(())
}

/// Whether a body is useless when nothing in it is set.
fn needs_something(lowering: &Lowering<'_>, of: &Type) -> bool {
    let Type::Named(file, name) = of else { return true };
    let found = lowering.definitions.iter().find(|found| found.file == *file && found.name == *name);
    match found.map(|found| &found.item) {
        Some(Item::Struct { fields, .. }) => fields.iter().any(|field| field.mode != super::model::Mode::Opt),
        _ => true,
    }
}

/// What a successful response is, and its type.
fn response(
    lowering: &mut Lowering<'_>,
    id: &str,
    operation: &Value,
) -> Result<(&'static str, Slot), String> {
    let websocket = operation.get("x-websocket").and_then(Value::as_bool).unwrap_or(false);
    if websocket || lowering.overlay.websockets.contains(id) {
        return Ok(("WebSocket", Type::Unit.into()));
    }
    let responses = operation.get("responses").and_then(Value::as_object);
    let success = responses.into_iter().flatten().find(|(status, _)| status.starts_with('2'));
    let content = success.and_then(|(_, response)| response.get("content")).and_then(Value::as_object);
    let Some((media, content)) = content.and_then(|content| content.iter().next()) else {
        return Ok(("Empty", Type::Unit.into()));
    };
    let schema = content.get("schema").unwrap_or(&Value::Null);
    let hint = format!("{}Response", pascal(id));
    let place = SchemaPlace { file: File::Bodies, hint, property: "response" };
    Ok(match media.split(';').next().unwrap_or_default() {
        "application/json" => ("Json", lowering.slot(schema, &place)?),
        "text/event-stream" => match lowering.slot(schema, &place)?.of {
            of @ (Type::Envelope | Type::GlobalEnvelope) => ("EventStream", of.into()),
            _ => ("EventStream", Type::Envelope.into()),
        },
        "application/octet-stream" => ("Bytes", Type::Unit.into()),
        media if media.starts_with("text/") => ("Text", Type::Unit.into()),
        other => return Err(format!("{id} answers with {other}")),
    })
}
