//! The interface documents of a line as one: the newest, and what only older ones have. Two ways of writing the same
//! are made one here, so that the rest of the generator knows only one of them.
use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use super::overlay::Overlay;

/// Makes one document of several, the newest first, and adds what the overlay adds.
pub fn merged(documents: Vec<Value>, overlay: &Overlay) -> Result<Value, String> {
    let mut documents = documents.into_iter().map(normal);
    let mut newest = documents.next().ok_or("a line without documents")?;
    for older in documents {
        add_operations(&mut newest, &older)?;
    }
    let schemas = newest.pointer_mut("/components/schemas").and_then(Value::as_object_mut);
    let schemas = schemas.ok_or("no schemas")?;
    for (name, schema) in &overlay.schemas {
        if schemas.insert(name.clone(), schema.clone()).is_some() {
            return Err(format!("the overlay adds the schema {name}, which the document has"));
        }
    }
    for name in &overlay.skip {
        schemas.shift_remove(name).ok_or_else(|| format!("the overlay skips {name}, which is not there"))?;
    }
    for (name, tag) in &overlay.unions {
        let members: Vec<Value> = schemas
            .iter()
            .filter(|(_, schema)| {
                schema.pointer(&format!("/properties/{tag}/enum/0")).is_some_and(Value::is_string)
            })
            .map(|(member, _)| json!({ "$ref": format!("#/components/schemas/{member}") }))
            .collect();
        schemas.insert(name.clone(), json!({ "anyOf": members }));
    }
    Ok(newest)
}

/// `const` as an `enum` of one value, without `default`: what a server fills in is no part of a shape.
fn normal(value: Value) -> Value {
    match value {
        Value::Object(map) => {
            let is_schema = map.get("const").is_some_and(|value| !value.is_object());
            let entries = map.into_iter().filter(|(key, value)| {
                // A property may be called `default`; its schema is an object.
                key != "default" || value.is_object()
            });
            Value::Object(
                entries
                    .map(|(key, value)| {
                        if key == "const" && is_schema {
                            ("enum".to_owned(), json!([value]))
                        } else {
                            (key, normal(value))
                        }
                    })
                    .collect(),
            )
        }
        Value::Array(items) => Value::Array(items.into_iter().map(normal).collect()),
        other => other,
    }
}

/// Adds the operations that only the older document has: others may have been renamed, so path and method tell.
fn add_operations(newest: &mut Value, older: &Value) -> Result<(), String> {
    let mut wanted = BTreeSet::new();
    let paths = newest.get_mut("paths").and_then(Value::as_object_mut).ok_or("no paths")?;
    for (path, methods) in older.get("paths").and_then(Value::as_object).into_iter().flatten() {
        for (method, operation) in methods.as_object().into_iter().flatten() {
            let known = paths.entry(path.clone()).or_insert_with(|| Value::Object(Map::new()));
            let known = known.as_object_mut().ok_or("a path without methods")?;
            if !known.contains_key(method) {
                known.insert(method.clone(), operation.clone());
                for part in ["parameters", "requestBody", "responses"] {
                    references(operation.get(part).unwrap_or(&Value::Null), &mut wanted);
                }
            }
        }
    }
    let found = |name: &String| older.pointer("/components/schemas")?.get(name);
    let schemas = newest.pointer_mut("/components/schemas").and_then(Value::as_object_mut);
    let schemas = schemas.ok_or("no schemas")?;
    while let Some(name) = wanted.pop_first() {
        if let (false, Some(schema)) = (schemas.contains_key(&name), found(&name)) {
            references(schema, &mut wanted);
            schemas.insert(name, schema.clone());
        }
    }
    Ok(())
}

/// The names of all schemas that a value refers to. Failures are left out: they have types of the newest document.
fn references(value: &Value, names: &mut BTreeSet<String>) {
    match value {
        Value::Object(map) => {
            for (key, value) in map {
                match value.as_str().and_then(|path| path.rsplit('/').next()) {
                    Some(name) if key == "$ref" => {
                        names.insert(name.to_owned());
                    }
                    _ if key.starts_with(['4', '5']) => {}
                    _ => references(value, names),
                }
            }
        }
        Value::Array(items) => items.iter().for_each(|item| references(item, names)),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::{Overlay, merged};
    use serde_json::{Value, json};

    fn document(id: &str, path: &str, schema: &str, shape: &Value) -> Value {
        let schema_path = format!("#/components/schemas/{schema}");
        let content = json!({ "application/json": { "schema": { "$ref": schema_path } } });
        json!({
            "paths": { path: { "get": { "operationId": id, "responses": { "200": { "content": content } } } } },
            "components": { "schemas": { schema: shape } },
        })
    }

    #[test]
    fn an_older_document_adds_what_the_newest_lacks() {
        let newest = document("a.get", "/a", "A", &json!({ "const": "x", "default": "x" }));
        let renamed = document("old.a", "/a", "OldA", &json!({}));
        let older = document("b.get", "/b", "B", &json!({ "type": "string" }));
        let all = merged(vec![newest, renamed, older], &Overlay::default()).expect("a document");
        assert_eq!(all.pointer("/paths/~1a/get/operationId"), Some(&json!("a.get")));
        assert_eq!(all.pointer("/paths/~1b/get/operationId"), Some(&json!("b.get")));
        let expected = json!({ "A": { "enum": ["x"] }, "B": { "type": "string" } });
        assert_eq!(all.pointer("/components/schemas"), Some(&expected));
    }

    #[test]
    fn an_overlay_that_fits_nothing_is_an_error() {
        let documents = || vec![document("a.get", "/a", "A", &json!({}))];
        let overlay = |json: &Value| Overlay::from_json(json).expect("an overlay");
        assert!(merged(documents(), &overlay(&json!({ "skip": ["B"] }))).is_err());
        assert!(merged(documents(), &overlay(&json!({ "schemas": { "A": {} } }))).is_err());
    }
}
