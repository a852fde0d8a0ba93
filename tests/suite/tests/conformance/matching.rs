//! Whether a value is as a case expects: see "What is expected" in `tests/conformance/README.md`.

use serde_json::Value;

/// Why it is not, with the place.
pub fn check(expected: &Value, found: &Value, place: &str) -> Result<(), String> {
    let differs = |what: String| Err(format!("{place}: {what}, found {}", shortened(found)));
    if let Some(some) = expected.get("$some").and_then(Value::as_array) {
        let items = found.as_array().map(Vec::as_slice).unwrap_or_default();
        return match some.iter().find(|one| !items.iter().any(|item| check(one, item, place).is_ok())) {
            Some(missing) => differs(format!("none is as {missing}")),
            None => Ok(()),
        };
    }
    if let Some(kind) = expected.get("$type").and_then(Value::as_str) {
        return if kind_of(found) == kind { Ok(()) } else { differs(format!("is no {kind}")) };
    }
    if let Some(part) = expected.get("$has").and_then(Value::as_str) {
        let has = found.as_str().is_some_and(|text| text.contains(part));
        return if has { Ok(()) } else { differs(format!("does not hold {part:?}")) };
    }
    match (expected, found) {
        (Value::Object(fields), Value::Object(_)) => {
            for (name, expected) in fields {
                check(expected, found.get(name).unwrap_or(&Value::Null), &format!("{place}.{name}"))?;
            }
            Ok(())
        }
        (Value::Array(expected), Value::Array(items)) if expected.len() == items.len() => {
            for (index, (expected, item)) in expected.iter().zip(items).enumerate() {
                check(expected, item, &format!("{place}[{index}]"))?;
            }
            Ok(())
        }
        (Value::Number(a), Value::Number(b)) if a.as_f64() == b.as_f64() => Ok(()),
        (expected, found) if expected == found => Ok(()),
        _ => differs(format!("is not {expected}")),
    }
}

/// Whether these come in this order, others between them.
pub fn in_order(expected: &Value, found: &[Value], place: &str) -> Result<(), String> {
    let mut rest = found.iter();
    for one in expected.as_array().into_iter().flatten() {
        if !rest.any(|item| check(one, item, place).is_ok()) {
            let all: Vec<String> = found.iter().map(shortened).collect();
            return Err(format!(
                "{place}: {one} does not come, or not there; these came:\n  {}",
                all.join("\n  ")
            ));
        }
    }
    Ok(())
}

fn kind_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}

fn shortened(value: &Value) -> String {
    let text = value.to_string();
    text.chars().take(4000).collect()
}

#[test]
fn an_expectation_can_fail() {
    use serde_json::json;
    for (expected, found) in [
        (json!({"a": 1}), json!({"a": 2})),
        (json!({"a": 1}), json!({})),
        (json!([1]), json!([1, 2])),
        (json!({"$some": [1, 3]}), json!([1, 2])),
        (json!({"$type": "string"}), json!(1)),
        (json!({"$has": "x"}), json!("y")),
        (json!("once"), json!("always")),
    ] {
        assert!(check(&expected, &found, "it").is_err(), "{expected} {found}");
    }
    assert!(check(&json!({"a": {"$some": [1.0]}}), &json!({"a": [2, 1], "b": 3}), "it").is_ok());
    assert!(in_order(&json!([1, 2]), &[json!(2), json!(1)], "it").is_err());
    assert!(in_order(&json!([1, 2]), &[json!(0), json!(1), json!(3), json!(2)], "it").is_ok());
}
