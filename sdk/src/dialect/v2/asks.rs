//! Permission requests and forms of OpenCode 2, in neutral words: a form is a set of questions, a field each.

use std::collections::BTreeMap;

use opencode_api::v2;
use serde_json::{Value, json};

use super::map::id;
use crate::model::{Permission, Question, QuestionItem, QuestionOption, ToolRef};

pub(super) fn permission(wire: v2::PermissionRequest) -> Permission {
    let mut metadata = wire.metadata.unwrap_or_default();
    metadata.extend(wire.message.map(|message| ("message".to_owned(), message.into())));
    Permission {
        id: id(wire.id),
        session_id: id(wire.session_id),
        action: wire.action,
        patterns: wire.resources,
        always: wire.save.unwrap_or_default(),
        tool: wire
            .source
            .map(|source| ToolRef { message_id: id(source.message_id), call_id: source.id.into() }),
        metadata,
    }
}

pub(super) fn question(wire: v2::FormInfo) -> Question {
    let tool = wire.metadata.as_ref().and_then(|metadata| {
        let tool = metadata.get("tool")?;
        Some(ToolRef {
            message_id: tool.get("messageID")?.as_str()?.into(),
            call_id: tool.get("id")?.as_str()?.to_owned(),
        })
    });
    Question {
        id: id(wire.id),
        session_id: id(wire.session_id),
        items: wire.fields.iter().map(|field| item(field, &wire.title)).collect(),
        tool,
    }
}

/// A field as JSON: all kinds have the same names for the same things.
fn fields_of(field: &v2::FormField) -> Value {
    serde_json::to_value(field).unwrap_or_default()
}

fn item(field: &v2::FormField, form: &str) -> QuestionItem {
    let wire = fields_of(field);
    let text = |name: &str| wire.get(name).and_then(Value::as_str).map(str::to_owned);
    let header = text("title").unwrap_or_else(|| form.to_owned());
    let given = wire.get("options").and_then(Value::as_array);
    let option = |option: &Value| QuestionOption {
        label: word(option, "label").or_else(|| word(option, "value")).unwrap_or_default(),
        description: word(option, "description").unwrap_or_default(),
    };
    let options: Vec<QuestionOption> = match (field.kind().as_ref(), given) {
        ("boolean", _) => ["yes", "no"]
            .map(|label| QuestionOption { label: label.into(), description: String::new() })
            .into(),
        (_, Some(options)) => options.iter().map(option).collect(),
        (_, None) => Vec::new(),
    };
    let custom = wire.get("custom").and_then(Value::as_bool).unwrap_or(options.is_empty());
    QuestionItem {
        question: text("description").unwrap_or_else(|| header.clone()),
        header,
        options,
        multiple: field.kind() == "multiselect",
        custom,
    }
}

fn word(value: &Value, name: &str) -> Option<String> {
    value.get(name)?.as_str().map(str::to_owned)
}

/// Answers by item, as the form's fields want them. A field without an answer is left out.
pub(super) fn answer(
    form: &v2::FormDetail,
    answers: &[Vec<String>],
) -> BTreeMap<String, opencode_api::Value> {
    let fields = form.fields.iter().zip(answers);
    fields.filter_map(|(field, labels)| one_answer(&fields_of(field), &field.kind(), labels)).collect()
}

fn one_answer(field: &Value, kind: &str, labels: &[String]) -> Option<(String, Value)> {
    let key = word(field, "key")?;
    let options = field.get("options").and_then(Value::as_array);
    let value_of = |label: &String| {
        let chosen = options.into_iter().flatten().find(|o| word(o, "label").as_ref() == Some(label));
        chosen.and_then(|o| word(o, "value")).unwrap_or_else(|| label.clone())
    };
    if kind == "multiselect" {
        return Some((key, labels.iter().map(value_of).collect()));
    }
    let label = labels.first()?;
    let value = match kind {
        "boolean" => json!(matches!(label.as_str(), "yes" | "true")),
        "number" | "integer" => label.parse::<f64>().map_or_else(|_| json!(label), |n| json!(n)),
        _ => json!(value_of(label)),
    };
    Some((key, value))
}

/// The labels behind the values of a reply; the form itself is not at hand, so values stand for labels.
pub(super) fn labels(answer: &BTreeMap<String, opencode_api::Value>) -> Vec<Vec<String>> {
    let text = |value: &Value| match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    answer
        .values()
        .map(|value| match value {
            Value::Array(values) => values.iter().map(text).collect(),
            value => vec![text(value)],
        })
        .collect()
}
