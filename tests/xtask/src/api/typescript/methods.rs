//! The class of a line: one method for each operation.
use std::fmt::Write as _;

use super::{key, method_name, quoted, slot};
use crate::api::interface::{Body, Interface, Method, Part, event_type, mark, summary};

/// The module of a line.
pub fn file(interface: &Interface<'_>) -> String {
    let line = interface.line;
    let title = if line == "v1" { "OpenCode 1.x" } else { "OpenCode 2" };
    let mut text = mark("//", &interface.source);
    let _ = write!(
        text,
        r#"// Every operation of {title}, by name. Arguments have the server's names.

import {{ type Call, type CallOptions, type Stream, type WebSocketTarget{encoded} }} from './call.js'
import type * as t from './{line}-types.js'
"#,
        encoded = match interface.methods.iter().any(|method| method.body == Body::Bytes) {
            true => ", encoded",
            false => "",
        },
    );
    if line == "v1" {
        text.push_str("import { Api as ApiV2 } from './v2.js'\n");
    }
    let _ = write!(
        text,
        r#"
/** Every operation of {title}. A server of the other line refuses them with the error `user.unsupported`. */
export class Api {{
  readonly #call: Call
  readonly #stream: Stream

  constructor(call: Call, stream: Stream) {{
    this.#call = call
    this.#stream = stream
  }}
"#
    );
    if line == "v1" {
        text.push_str(
            r#"
  /** The operations of OpenCode 2. */
  get v2(): ApiV2 {
    return new ApiV2(this.#call, this.#stream)
  }
"#,
        );
    }
    for method in &interface.methods {
        one(&mut text, interface, method);
    }
    text.push_str("}\n");
    text
}

fn one(text: &mut String, interface: &Interface<'_>, method: &Method<'_>) {
    let operation = method.operation;
    let kind = operation.response_kind;
    let answer = match kind {
        "EventStream" => format!("t.{}", event_type(interface, operation)),
        "WebSocket" => "WebSocketTarget".to_owned(),
        "Bytes" => "Uint8Array".to_owned(),
        "Text" => "string".to_owned(),
        "Empty" => "void".to_owned(),
        _ => slot(interface, &operation.answer, "t."),
    };
    let deprecated = if operation.deprecated { " @deprecated by the server" } else { "" };
    let summary = summary(method).replace(" Deprecated by the server.", "");
    let _ = write!(text, "\n  /** {summary}{deprecated} */\n  {}(", method_name(&operation.id));
    let entries: Vec<String> = (method.arguments.iter())
        .map(|argument| {
            let of = match argument.part {
                Part::Bytes => "Uint8Array".to_owned(),
                _ => slot(interface, &argument.of, "t."),
            };
            let optional = if argument.required { "" } else { "?" };
            format!("    {}{optional}: {of}\n", key(argument.wire))
        })
        .collect();
    if !entries.is_empty() {
        let nothing = if method.arguments.iter().any(|a| a.required) { "" } else { " = {}" };
        let _ = write!(text, "args: {{\n{}  }}{nothing}, ", entries.concat());
    }
    text.push_str("options?: CallOptions): ");
    let (target, result) = match kind {
        "EventStream" => ("#stream", format!("AsyncIterable<{answer}>")),
        _ => ("#call", format!("Promise<{answer}>")),
    };
    let _ = writeln!(text, "{result} {{");
    let arguments = arguments(text, method);
    let _ = writeln!(
        text,
        "    return this.{target}('{}', {}, {arguments}, options) as {result}",
        interface.line,
        quoted(&operation.id)
    );
    text.push_str("  }\n");
}

/// The object of a call, and what must be written before it.
fn arguments(text: &mut String, method: &Method<'_>) -> String {
    match method.body {
        _ if method.arguments.is_empty() => "{}".to_owned(),
        Body::None | Body::Whole => "args".to_owned(),
        Body::Bytes => "{ ...args, body: encoded(args.body) }".to_owned(),
        Body::Properties => {
            let outside = method.arguments.iter().filter(|argument| argument.part != Part::Property);
            let outside: Vec<&str> = outside.map(|argument| argument.wire).collect();
            if outside.is_empty() {
                return "{ body: args }".to_owned();
            }
            let names = outside.join(", ");
            let _ = writeln!(text, "    const {{ {names}, ...body }} = args");
            format!("{{ {names}, body }}")
        }
    }
}
