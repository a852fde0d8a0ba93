//! The types of a line as typed dictionaries, which cost nothing at run time: they are the server's JSON itself.
use std::fmt::Write as _;

use super::{KEYWORDS, annotation, slot};
use crate::api::interface::{Interface, mark};
use crate::api::model::{Field, Item, Mode, Slot};
use crate::api::naming::pascal;

/// The module of a line.
pub fn file(interface: &Interface<'_>) -> String {
    let mut text = mark("#", &interface.source);
    text.push_str(
        r#""""What the server's JSON looks like. Newer servers send more than this: other keys, other words, other kinds."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any, Dict, List, Literal, Optional, TypedDict, Union

# What may be missing is told by names that Python 3.9 does not have; type checkers bring them along.
if sys.version_info >= (3, 11):
    from typing import NotRequired
elif TYPE_CHECKING:
    from typing_extensions import NotRequired
"#,
    );
    let mut unions = String::new();
    for (name, found) in &interface.types {
        match &found.item {
            Item::Struct { fields, constants } => {
                structure(&mut text, interface, name, &found.doc, fields, constants)
            }
            Item::Enum { values } => {
                let values: Vec<String> = values.iter().map(|value| format!("{value:?}")).collect();
                let _ = write!(unions, "\n{name} = Union[Literal[{}], str]\n", values.join(", "));
                let _ = writeln!(unions, "\"\"\"{} Newer servers know more.\"\"\"", found.doc);
            }
            Item::Union { tag, members } => {
                let mut all: Vec<String> = (members.iter())
                    .map(|(_, of)| format!("\"{}\"", annotation(interface, of, "")))
                    .collect();
                all.dedup();
                let _ = write!(unions, "\n{name} = Union[{}]\n", all.join(", "));
                let _ = writeln!(unions, "\"\"\"{} Told apart by `{tag}`.\"\"\"", found.doc);
            }
            Item::Alias(_) => {}
        }
    }
    events(&mut text, &mut unions, interface);
    text.push_str(&unions);
    text
}

fn structure(
    text: &mut String,
    interface: &Interface<'_>,
    name: &str,
    doc: &str,
    fields: &[Field],
    constants: &[(String, String)],
) {
    let mut entries: Vec<(String, String, Option<&str>)> = Vec::new();
    entries.extend(constants.iter().map(|(wire, value)| (wire.clone(), format!("Literal[{value:?}]"), None)));
    for field in fields {
        let of = slot(interface, &Slot { of: field.of.clone(), nullable: field.nullable }, "");
        let of = if field.mode == Mode::Opt { format!("NotRequired[{of}]") } else { of };
        entries.push((field.wire.clone(), of, field.doc));
    }
    dictionary(text, name, doc, &entries);
}

/// A typed dictionary; one whose keys are no names is written as a call.
fn dictionary(text: &mut String, name: &str, doc: &str, entries: &[(String, String, Option<&str>)]) {
    let is_name = |key: &str| {
        key.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
            && !key.starts_with(|c: char| c.is_ascii_digit())
            && !KEYWORDS.contains(&key)
    };
    if entries.iter().all(|(key, ..)| is_name(key)) {
        let _ = write!(text, "\n\nclass {name}(TypedDict):\n    \"\"\"{doc}\"\"\"\n");
        if !entries.is_empty() {
            text.push('\n');
        }
        for (key, of, doc) in entries {
            let doc = doc.map(|doc| format!("  # {doc}")).unwrap_or_default();
            let _ = writeln!(text, "    {key}: {of}{doc}");
        }
        return;
    }
    let _ = write!(text, "\n\n{name} = TypedDict(\n    {name:?},\n    {{\n");
    for (key, of, _) in entries {
        let _ = writeln!(text, "        {key:?}: {:?},", of.replace('"', "'"));
    }
    let _ = write!(text, "    }},\n)\n\"\"\"{doc}\"\"\"\n");
}

/// The events: a dictionary for each kind, and all of them.
fn events(text: &mut String, unions: &mut String, interface: &Interface<'_>) {
    let entry = |key: &str, of: &str| (key.to_owned(), of.to_owned(), None);
    let mut names = Vec::new();
    for event in interface.events {
        let payload = annotation(interface, &event.payload, "");
        let Some(field) = event.field else {
            names.push(payload);
            continue;
        };
        let name = format!("Event{}Frame", pascal(&event.kind));
        let mut entries = vec![
            entry("id", "NotRequired[str]"),
            ("type".to_owned(), format!("Literal[{:?}]", event.kind), None),
            (field.to_owned(), payload, None),
        ];
        if field == "data" {
            entries.extend(BESIDE_DATA.iter().map(|(key, of)| entry(key, of)));
        }
        dictionary(text, &name, &format!("An event of the kind `{}`.", event.kind), &entries);
        names.push(name);
    }
    let names: Vec<String> = names.iter().map(|name| format!("    {name:?},\n")).collect();
    let _ = write!(unions, "\nEvent = Union[\n{}]\n", names.concat());
    unions.push_str("\"\"\"Told apart by `type`. Newer servers send more kinds.\"\"\"\n");
    if interface.line == "v1" {
        let mut entries =
            vec![entry("id", "NotRequired[str]"), entry("type", "str"), entry("data", "Dict[str, Any]")];
        entries.extend(BESIDE_DATA.iter().map(|(key, of)| entry(key, of)));
        dictionary(text, "DataEvent", "An event as OpenCode 2 sends it.", &entries);
        let entries = [
            entry("directory", "NotRequired[str]"),
            entry("project", "NotRequired[str]"),
            entry("workspace", "NotRequired[str]"),
            entry("payload", "Event"),
        ];
        dictionary(text, "GlobalEvent", "An event with the folder where it happened.", &entries);
    }
    let entries = [entry("url", "str"), entry("headers", "Dict[str, str]")];
    dictionary(
        text,
        "WebSocketTarget",
        "What a WebSocket is opened with; the headers hold the password.",
        &entries,
    );
    text.push('\n');
}

/// What frames have beside their `data`; `created` is in Unix milliseconds.
const BESIDE_DATA: &[(&str, &str)] = &[
    ("created", "NotRequired[float]"),
    ("metadata", "NotRequired[Dict[str, Any]]"),
    ("durable", "NotRequired[Dict[str, Any]]"),
    ("location", "NotRequired[Dict[str, Any]]"),
];
