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
    let is_v1 = interface.line == "v1";
    let payload = if is_v1 { "properties" } else { "data" };
    let _ = write!(
        text,
        "\n/** The frame of an event of one kind. */\nexport interface EventFrame<Kind extends string, Payload> {{\n  \
         id?: string\n  type: Kind\n  {payload}: Payload\n{}}}\n",
        if is_v1 { "" } else { BESIDE_DATA }
    );
    text.push_str("\n/** Told apart by `type`. Newer servers send more kinds. */\nexport type Event =\n");
    for event in interface.events {
        let of = written(interface, &event.payload, "");
        let _ = match event.field {
            Some(field) if field == payload => {
                writeln!(text, "  | EventFrame<{}, {of}>", quoted(&event.kind))
            }
            Some(field) => {
                writeln!(text, "  | {{ id?: string; type: {}; {field}: {of} }}", quoted(&event.kind))
            }
            None => writeln!(text, "  | {of}"),
        };
    }
    if is_v1 {
        let _ = write!(
            text,
            r#"
/** An event as OpenCode 2 sends it. */
export interface DataEvent {{
  id?: string
  type: string
  data: Record<string, unknown>
{BESIDE_DATA}}}

/** An event with the folder where it happened. */
export interface GlobalEvent {{
  directory?: string
  project?: string
  workspace?: string
  payload: Event
}}
"#
        );
    }
}

/// What frames have beside their `data`.
const BESIDE_DATA: &str = "  /** Unix milliseconds. */
  created?: number
  metadata?: Record<string, unknown>
  durable?: Record<string, unknown>
  location?: Record<string, unknown>
";
