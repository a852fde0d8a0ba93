//! The types of a line as interfaces: the server's JSON itself.
use std::fmt::Write as _;

use super::{key, quoted, slot, written};
use crate::api::interface::{Interface, mark};
use crate::api::model::{Item, Mode, Slot};

/// The module of a line.
pub fn file(interface: &Interface<'_>) -> String {
    let mut text = mark("//", &interface.source);
    text.push_str(
        "// What the server's JSON looks like. Newer servers send more than this: other keys, other words, other kinds.\n",
    );
    for (name, found) in &interface.types {
        let _ = write!(text, "\n/** {}", found.doc);
        match &found.item {
            Item::Struct { fields, constants } => {
                let _ = writeln!(text, " */\nexport interface {name} {{");
                for (wire, value) in constants {
                    let _ = writeln!(text, "  {}: {}", key(wire), quoted(value));
                }
                for field in fields {
                    let slot_of = Slot { of: field.of.clone(), nullable: field.nullable };
                    let optional = if field.mode == Mode::Opt { "?" } else { "" };
                    if let Some(doc) = field.doc {
                        let _ = writeln!(text, "  /** {doc} */");
                    }
                    let _ =
                        writeln!(text, "  {}{optional}: {}", key(&field.wire), slot(interface, &slot_of, ""));
                }
                text.push_str("}\n");
            }
            Item::Enum { values } => {
                let values: Vec<String> = values.iter().map(|value| quoted(value)).collect();
                let _ = write!(text, " Newer servers know more. */\nexport type {name} =\n  | ");
                let _ = writeln!(text, "{}\n  | (string & {{}})", values.join("\n  | "));
            }
            Item::Union { tag, members } => {
                let mut all: Vec<String> = members.iter().map(|(_, of)| written(interface, of, "")).collect();
                all.dedup();
                let _ = write!(text, " Told apart by `{tag}`. */\nexport type {name} =\n  | ");
                let _ = writeln!(text, "{}", all.join("\n  | "));
            }
            Item::Alias(_) => {}
        }
    }
    events(&mut text, interface);
    text
}

/// The events: what all frames have, and the union of the kinds.
fn events(text: &mut String, interface: &Interface<'_>) {
    let payload = if interface.line == "v1" { "properties" } else { "data" };
    let _ = write!(
        text,
        r#"
/** The frame of an event of one kind. */
export interface EventFrame<Kind extends string, Payload> {{
  id?: string
  type: Kind
  {payload}: Payload
  /** Unix milliseconds (OpenCode 2). */
  created?: number
  metadata?: Record<string, unknown>
  durable?: Record<string, unknown>
  location?: Record<string, unknown>
}}

/** Told apart by `type`. Newer servers send more kinds. */
export type Event =
"#
    );
    for event in interface.events {
        let kind = quoted(&event.kind);
        let _ = writeln!(text, "  | EventFrame<{kind}, {}>", written(interface, &event.payload, ""));
    }
    text.push_str(
        r#"
/** An event with the folder where it happened. */
export interface GlobalEvent {
  directory?: string
  project?: string
  workspace?: string
  payload: Event
}
"#,
    );
}
