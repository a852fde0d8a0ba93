//! The API as TypeScript: classes with a method for each operation, and the types of their answers as interfaces. Names
//! are the wire's; what is sent besides its path and its query is the body.
mod methods;
mod types;

use super::interface::{Interface, mark};
use super::model::{Slot, Type};
use super::naming::words;

/// All files, below `node/ts/api`.
pub fn files(lines: &[Interface<'_>]) -> Vec<(String, String)> {
    let sources: Vec<&str> = lines.iter().map(|line| line.source.as_str()).collect();
    let mut files = vec![("call.ts".to_owned(), mark("//", &sources.join(" and ")) + CALL)];
    for line in lines {
        files.push((format!("{}.ts", line.line), methods::file(line)));
        files.push((format!("{}-types.ts", line.line), types::file(line)));
    }
    files
}

const CALL: &str = r#"// What the methods of every line share: how a call is made.

/** What every call takes beside its arguments. */
export interface CallOptions {
  /** Stops waiting for the answer; the promise is rejected with the error `user.aborted`. */
  signal?: AbortSignal
}

/** Makes a call: the line, the operation's id, its arguments by their names on the wire. */
export type Call = (line: 'v1' | 'v2', id: string, args: object, options?: CallOptions) => Promise<unknown>

/** Opens a stream of events. */
export type Stream = (
  line: 'v1' | 'v2',
  id: string,
  args: object,
  options?: CallOptions,
) => AsyncIterable<unknown>

/** What a WebSocket is opened with; the headers hold the password. */
export interface WebSocketTarget {
  url: string
  headers: Record<string, string>
}

/** Bytes as base64, which is how they travel in arguments. */
export function encoded(body: Uint8Array): string {
  return Buffer.from(body.buffer, body.byteOffset, body.byteLength).toString('base64')
}
"#;

/// `session.list`, `experimental.controlPlane.moveSession` → `sessionList`, `experimentalControlPlaneMoveSession`.
fn method_name(id: &str) -> String {
    let mut text = String::new();
    for word in words(id) {
        let word = word.to_lowercase();
        let mut letters = word.chars();
        match letters.next() {
            Some(first) if !text.is_empty() => {
                text.extend(first.to_uppercase());
                text.push_str(letters.as_str());
            }
            _ => text.push_str(&word),
        }
    }
    text
}

/// A key of an object.
fn key(wire: &str) -> String {
    let is_name = wire.chars().all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '$')
        && !wire.starts_with(|c: char| c.is_ascii_digit());
    if is_name { wire.to_owned() } else { quoted(wire) }
}

/// A text.
fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\\', "\\\\").replace('\'', "\\'"))
}

/// A type; `module` stands before names of types, with a point, where they are elsewhere.
fn written(interface: &Interface<'_>, of: &Type, module: &str) -> String {
    match interface.resolved(of) {
        Type::String | Type::Id(_) => "string".to_owned(),
        Type::Bool => "boolean".to_owned(),
        Type::Number => "number".to_owned(),
        Type::Value => "unknown".to_owned(),
        Type::Mixed(all) => {
            let all: Vec<String> = all.iter().map(|of| written(interface, of, module)).collect();
            all.join(" | ")
        }
        Type::Object => "Record<string, unknown>".to_owned(),
        Type::Unit => "void".to_owned(),
        Type::Map(of) => format!("Record<string, {}>", written(interface, &of, module)),
        Type::List(of) => format!("Array<{}>", written(interface, &of, module)),
        Type::Named(file, name) => format!("{module}{}", interface.name(file, &name)),
        Type::Envelope => format!("{module}Event"),
        Type::GlobalEnvelope => format!("{module}GlobalEvent"),
    }
}

/// The same for what may be `null`.
fn slot(interface: &Interface<'_>, slot: &Slot, module: &str) -> String {
    let of = written(interface, &slot.of, module);
    if slot.nullable && of != "unknown" { format!("{of} | null") } else { of }
}

#[cfg(test)]
mod tests {
    use super::{key, method_name};

    #[test]
    fn names_follow_typescript() {
        assert_eq!(method_name("session.list"), "sessionList");
        assert_eq!(
            method_name("experimental.controlPlane.moveSession"),
            "experimentalControlPlaneMoveSession"
        );
        assert_eq!(key("sessionID"), "sessionID");
        assert_eq!(key("x-y"), "'x-y'");
    }
}
