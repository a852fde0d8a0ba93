//! Symbols that the language servers of 1.x have found, in neutral words.

use opencode_api::v1::types as wire;

use crate::context::{EditorSymbol, Place};

/// A symbol; `None` when it does not stand in a file.
pub(super) fn symbol(wire: wire::Symbol) -> Option<EditorSymbol> {
    let path = url::Url::parse(&wire.location.uri).ok()?.to_file_path().ok()?;
    let number = |number: &opencode_api::Number| {
        number.as_u64().and_then(|number| u32::try_from(number).ok()).unwrap_or_default()
    };
    let range = &wire.location.range;
    let start = (number(&range.start.line), number(&range.start.character));
    let end = (number(&range.end.line), number(&range.end.character));
    let kind = wire.kind.as_u64().and_then(|kind| usize::try_from(kind).ok());
    let kind = kind.and_then(|kind| KINDS.get(kind.checked_sub(1)?)).unwrap_or(&"symbol");
    Some(EditorSymbol {
        name: wire.name,
        kind: (*kind).to_owned(),
        container: None,
        place: Place { path, start, end },
    })
}

/// Kinds by their numbers, from 1 (LSP 3.17, SymbolKind).
const KINDS: &[&str] = &[
    "file",
    "module",
    "namespace",
    "package",
    "class",
    "method",
    "property",
    "field",
    "constructor",
    "enum",
    "interface",
    "function",
    "variable",
    "constant",
    "string",
    "number",
    "boolean",
    "array",
    "object",
    "key",
    "null",
    "enum member",
    "struct",
    "event",
    "operator",
    "type parameter",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_symbol_keeps_its_place_and_its_kind_gets_a_name() {
        let wire: wire::Symbol = serde_json::from_value(serde_json::json!({
            "name": "main", "kind": 12, "location": {"uri": "file:///a%20b/m.rs", "range": {
                "start": {"line": 3, "character": 1}, "end": {"line": 9, "character": 2}}},
        }))
        .unwrap();
        let symbol = symbol(wire).unwrap();
        assert_eq!((symbol.name.as_str(), symbol.kind.as_str()), ("main", "function"));
        assert_eq!(symbol.place, Place { path: "/a b/m.rs".into(), start: (3, 1), end: (9, 2) });
    }
}
