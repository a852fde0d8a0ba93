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
    let payload = if interface.line == "v1" { "properties" } else { "data" };
    let mut names = Vec::new();
    for event in interface.events {
        let name = format!("Event{}Frame", pascal(&event.kind));
        let entries = [
            ("id".to_owned(), "NotRequired[str]".to_owned(), None),
            ("type".to_owned(), format!("Literal[{:?}]", event.kind), None),
            (payload.to_owned(), annotation(interface, &event.payload, ""), None),
            ("created".to_owned(), "NotRequired[float]".to_owned(), Some("Unix milliseconds (OpenCode 2).")),
            ("metadata".to_owned(), "NotRequired[Dict[str, Any]]".to_owned(), None),
            ("durable".to_owned(), "NotRequired[Dict[str, Any]]".to_owned(), None),
            ("location".to_owned(), "NotRequired[Dict[str, Any]]".to_owned(), None),
        ];
        dictionary(text, &name, &format!("An event of the kind `{}`.", event.kind), &entries);
        names.push(format!("\"{name}\""));
    }
    let _ = write!(unions, "\nEvent = Union[\n    {},\n]\n", names.join(",\n    "));
    unions.push_str("\"\"\"Told apart by `type`. Newer servers send more kinds.\"\"\"\n");
    let global = [
        ("directory".to_owned(), "NotRequired[str]".to_owned(), None),
        ("project".to_owned(), "NotRequired[str]".to_owned(), None),
        ("workspace".to_owned(), "NotRequired[str]".to_owned(), None),
        ("payload".to_owned(), "Event".to_owned(), None),
    ];
    dictionary(text, "GlobalEvent", "An event with the folder where it happened.", &global);
    let target = [
        ("url".to_owned(), "str".to_owned(), None),
        ("headers".to_owned(), "Dict[str, str]".to_owned(), None),
    ];
    dictionary(
        text,
        "WebSocketTarget",
        "What a WebSocket is opened with; the headers hold the password.",
        &target,
    );
    text.push('\n');
}
