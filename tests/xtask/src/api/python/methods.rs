//! The classes: one method for each operation, once for callers that wait and once for those that await.
use std::fmt::Write as _;

use super::{name, slot};
use crate::api::interface::{Argument, Body, Interface, Method, Part, event_type, mark, summary};

/// How the two classes differ.
struct Flavour {
    class: &'static str,
    call: &'static str,
    stream: &'static str,
    def: &'static str,
    wait: &'static str,
    iterator: &'static str,
    about: &'static str,
}

const FLAVOURS: &[Flavour] = &[
    Flavour {
        class: "Api",
        call: "Call",
        stream: "Stream",
        def: "def",
        wait: "",
        iterator: "Iterator",
        about: "each method returns the answer",
    },
    Flavour {
        class: "AsyncApi",
        call: "AsyncCall",
        stream: "AsyncStream",
        def: "async def",
        wait: "await ",
        iterator: "AsyncIterator",
        about: "each method is awaited for the answer",
    },
];

/// The module of a line.
pub fn file(interface: &Interface<'_>) -> String {
    let (line, title) = (interface.line, title(interface.line));
    let mut text = mark("#", &interface.source);
    let _ = write!(
        text,
        r#""""Every operation of {title}, by name. Arguments are those of the server in snake_case; `UNSET` ones are not sent."""

from __future__ import annotations

from ._call import UNSET, {encoded}given

# Type checkers take a variable of this name as true; the types are for them alone.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, AsyncIterator, Dict, Iterator, List, Optional, Union

    from . import {line}_types as t
    from ._call import AsyncCall, AsyncStream, Call, Stream, Unset
"#,
        encoded = match interface.methods.iter().any(|method| method.body == Body::Bytes) {
            true => "encoded, ",
            false => "",
        },
    );
    if line == "v1" {
        text.push_str("    from . import v2\n");
    }
    for flavour in FLAVOURS {
        class(&mut text, interface, flavour);
    }
    text
}

fn title(line: &str) -> &'static str {
    if line == "v1" { "OpenCode 1.x" } else { "OpenCode 2" }
}

fn class(text: &mut String, interface: &Interface<'_>, flavour: &Flavour) {
    let Flavour { class, call, stream, about, .. } = flavour;
    let title = title(interface.line);
    let _ = write!(
        text,
        r#"

class {class}:
    """Every operation of {title}; {about}.

    A server of the other line refuses them with the error `user.unsupported`.
    """

    __slots__ = ("_call", "_stream")

    def __init__(self, call: {call}, stream: {stream}) -> None:
        self._call = call
        self._stream = stream
"#
    );
    if interface.line == "v1" {
        let _ = write!(
            text,
            r#"
    @property
    def v2(self) -> v2.{class}:
        """The operations of OpenCode 2."""
        from . import v2

        return v2.{class}(self._call, self._stream)
"#
        );
    }
    for method in &interface.methods {
        one(text, interface, method, flavour);
    }
}

fn one(text: &mut String, interface: &Interface<'_>, method: &Method<'_>, flavour: &Flavour) {
    let operation = method.operation;
    let kind = operation.response_kind;
    let answer = match kind {
        "EventStream" => {
            format!("{}[t.{}]", flavour.iterator, event_type(interface, operation))
        }
        "WebSocket" => "t.WebSocketTarget".to_owned(),
        "Bytes" => "bytes".to_owned(),
        "Text" => "str".to_owned(),
        "Empty" => "None".to_owned(),
        _ => slot(interface, &operation.answer, "t."),
    };
    let def = if kind == "EventStream" { "def" } else { flavour.def };
    let _ = write!(text, "\n    {def} {}(", name(&operation.id));
    let parameters = parameters(interface, method);
    if parameters.is_empty() {
        text.push_str("self");
    } else {
        text.push_str("\n        self,\n");
        for parameter in parameters {
            let _ = writeln!(text, "        {parameter},");
        }
        text.push_str("    ");
    }
    let _ = write!(text, ") -> {answer}:\n        \"\"\"{}\"\"\"\n", summary(method));
    let arguments = arguments(method);
    let called = format!("({:?}, {:?}, {arguments})", interface.line, operation.id);
    let _ = match kind {
        "EventStream" => writeln!(text, "        return self._stream{called}"),
        "Empty" => writeln!(text, "        {}self._call{called}", flavour.wait),
        _ if answer == "Any" => writeln!(text, "        return {}self._call{called}", flavour.wait),
        _ => write!(
            text,
            "        _answer: {answer} = {}self._call{called}\n        return _answer\n",
            flavour.wait
        ),
    };
}

/// What is in the path can be given by its place, everything else by its name.
fn parameters(interface: &Interface<'_>, method: &Method<'_>) -> Vec<String> {
    let (places, names): (Vec<&Argument<'_>>, Vec<_>) =
        method.arguments.iter().partition(|argument| argument.part == Part::Path);
    let written = |argument: &&Argument<'_>| {
        let of = match argument.part {
            Part::Bytes => "bytes".to_owned(),
            _ => slot(interface, &argument.of, "t."),
        };
        let name = name(argument.wire);
        match argument.required {
            true => format!("{name}: {of}"),
            false => format!("{name}: {of} | Unset = UNSET"),
        }
    };
    let mut all: Vec<String> = places.iter().map(written).collect();
    if !names.is_empty() {
        all.push("*".to_owned());
        all.extend(names.iter().map(written));
    }
    all
}

/// The dictionary of a call.
fn arguments(method: &Method<'_>) -> String {
    let entries = |part: fn(Part) -> bool| {
        let chosen: Vec<&Argument<'_>> = method.arguments.iter().filter(|a| part(a.part)).collect();
        let all: Vec<String> = (chosen.iter())
            .map(|argument| match argument.part {
                Part::Bytes => format!("{:?}: encoded({})", argument.wire, name(argument.wire)),
                _ => format!("{:?}: {}", argument.wire, name(argument.wire)),
            })
            .collect();
        (all, chosen.iter().all(|argument| argument.required))
    };
    let written = |entries: Vec<String>, required: bool| {
        let text = format!("{{{}}}", entries.join(", "));
        if required { text } else { format!("given({text})") }
    };
    let (mut outside, required) = entries(|part| part != Part::Property);
    if method.body == Body::Properties {
        let (inside, required) = entries(|part| part == Part::Property);
        outside.push(format!("\"body\": {}", written(inside, required)));
    }
    written(outside, required)
}
