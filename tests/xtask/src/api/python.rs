//! The API as Python: a package of classes with a method for each operation, and modules of types beside it. Nothing in
//! the classes is imported for its types at run time, so that importing them stays cheap; the types are plain
//! dictionaries with the wire's keys.
mod methods;
mod types;

use super::interface::{Interface, mark};
use super::model::{Slot, Type};
use super::naming::words;

/// All files of the package, below `python/opencode_nexus/api`.
pub fn files(lines: &[Interface<'_>]) -> Vec<(String, String)> {
    let sources: Vec<&str> = lines.iter().map(|line| line.source.as_str()).collect();
    let sources = sources.join(" and ");
    let mut files = vec![
        ("__init__.py".to_owned(), mark("#", &sources) + INIT),
        ("_call.py".to_owned(), mark("#", &sources) + CALL),
    ];
    for line in lines {
        files.push((format!("{}.py", line.line), methods::file(line)));
        files.push((format!("{}_types.py", line.line), types::file(line)));
    }
    files
}

const INIT: &str = r#""""Every operation of the OpenCode servers, by name.

`v1` is OpenCode 1.x, `v2` is OpenCode 2; each has a class `Api` whose methods wait and a class `AsyncApi` whose methods
are awaited. Answers are plain dictionaries with the server's keys; `v1_types` and `v2_types` say which, and need not be
imported at run time.
"""
"#;

const CALL: &str = r#""""What the methods of every line share: how a call is made, and arguments that were not given."""

from __future__ import annotations

# Type checkers take a variable of this name as true; `typing` need not be imported for them.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, AsyncIterator, Awaitable, Callable, Dict, Iterator, Literal

    Line = Literal["v1", "v2"]
    Call = Callable[[Line, str, Dict[str, Any]], Any]
    AsyncCall = Callable[[Line, str, Dict[str, Any]], Awaitable[Any]]
    Stream = Callable[[Line, str, Dict[str, Any]], Iterator[Any]]
    AsyncStream = Callable[[Line, str, Dict[str, Any]], AsyncIterator[Any]]


class Unset:
    """The type of `UNSET`."""

    __slots__ = ()

    def __bool__(self) -> bool:
        return False

    def __repr__(self) -> str:
        return "UNSET"


UNSET = Unset()
"""An argument that is not sent at all; `None` is sent as `null`."""


def given(arguments: Dict[str, Any]) -> Dict[str, Any]:
    """The arguments without those that were not given."""
    return {name: value for name, value in arguments.items() if value is not UNSET}


def encoded(body: bytes) -> str:
    """Bytes as base64, which is how they travel in arguments."""
    from base64 import b64encode

    return b64encode(body).decode("ascii")
"#;

/// Python's words, which name nothing else.
const KEYWORDS: &[&str] = &[
    "False", "None", "True", "and", "as", "assert", "async", "await", "break", "class", "continue", "def",
    "del", "elif", "else", "except", "finally", "for", "from", "global", "if", "import", "in", "is",
    "lambda", "nonlocal", "not", "or", "pass", "raise", "return", "try", "while", "with", "yield", "self",
];

/// `sessionID`, `from`, `session.list` → `session_id`, `from_`, `session_list`.
fn name(wire: &str) -> String {
    let text = words(wire).join("_").to_lowercase();
    if KEYWORDS.contains(&text.as_str()) || text.is_empty() {
        return format!("{text}_");
    }
    if text.starts_with(|letter: char| letter.is_ascii_digit()) { format!("n{text}") } else { text }
}

/// A type as an annotation writes it; `module` stands before names of types, with a point, where they are elsewhere.
fn annotation(interface: &Interface<'_>, of: &Type, module: &str) -> String {
    match interface.resolved(of) {
        Type::String | Type::Id(_) => "str".to_owned(),
        Type::Bool => "bool".to_owned(),
        Type::Number => "float".to_owned(),
        Type::Value => "Any".to_owned(),
        Type::Mixed(all) => {
            let all: Vec<String> = all.iter().map(|of| annotation(interface, of, module)).collect();
            if let [only] = all.as_slice() { only.clone() } else { format!("Union[{}]", all.join(", ")) }
        }
        Type::Object => "Dict[str, Any]".to_owned(),
        Type::Unit => "None".to_owned(),
        Type::Map(of) => format!("Dict[str, {}]", annotation(interface, &of, module)),
        Type::List(of) => format!("List[{}]", annotation(interface, &of, module)),
        Type::Named(file, name) => format!("{module}{}", interface.name(file, &name)),
        Type::Envelope => format!("{module}Event"),
        Type::GlobalEnvelope => format!("{module}GlobalEvent"),
    }
}

/// The same for what may be `None`.
fn slot(interface: &Interface<'_>, slot: &Slot, module: &str) -> String {
    let of = annotation(interface, &slot.of, module);
    if slot.nullable && of != "Any" { format!("Optional[{of}]") } else { of }
}

#[cfg(test)]
mod tests {
    use super::name;

    #[test]
    fn names_follow_python() {
        assert_eq!(name("experimental.controlPlane.moveSession"), "experimental_control_plane_move_session");
        assert_eq!(name("sessionID"), "session_id");
        assert_eq!(name("from"), "from_");
        assert_eq!(name("$schema"), "schema");
    }
}
