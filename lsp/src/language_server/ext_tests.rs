//! The page for those who write plugins has everything that `ext.rs` has.

const SOURCE: &str = include_str!("ext.rs");
const PAGE: &str = include_str!("../../editors/PROTOCOL.md");

fn camel(name: &str) -> String {
    let mut words = name.split('_');
    let first = words.next().unwrap_or_default().to_owned();
    words.fold(first, |all, word| all + &word[..1].to_uppercase() + &word[1..])
}

fn is_in_page(name: &str) -> bool {
    PAGE.contains(&format!("`{name}`")) || PAGE.contains(&format!("`{name}?`"))
}

/// The fields of all types, whether each has a line of its own or not.
fn fields() -> Vec<String> {
    let code: String = (SOURCE.lines())
        .map(str::trim)
        .filter(|line| !line.starts_with("//") && !line.starts_with("#["))
        .filter(|line| !line.starts_with("pub(crate) const") && !line.starts_with("pub(crate) type"))
        .collect::<Vec<_>>()
        .join(" ");
    let pieces = code.split(['{', ',', '}']).map(str::trim);
    let named = pieces.filter_map(|piece| piece.strip_prefix("pub ").unwrap_or(piece).split_once(": "));
    let is_name = |name: &str| !name.is_empty() && name.chars().all(|c| c.is_ascii_lowercase() || c == '_');
    named.filter(|(name, _)| is_name(name)).map(|(name, _)| camel(name)).collect()
}

fn methods() -> Vec<&'static str> {
    SOURCE.split('"').filter(|piece| piece.starts_with("nexus/") && !piece.contains(' ')).collect()
}

#[test]
fn the_page_has_every_method_and_no_other() {
    let methods = methods();
    assert!(methods.len() > 20, "{methods:?}");
    for method in &methods {
        assert!(is_in_page(method), "PROTOCOL.md does not have {method}");
    }
    for named in PAGE.split('`').filter(|piece| piece.starts_with("nexus/") && !piece.contains('…')) {
        assert!(methods.contains(&named), "PROTOCOL.md has {named}, which is no method");
    }
}

#[test]
fn the_page_has_every_field() {
    let fields = fields();
    assert!(fields.len() > 100, "{}", fields.len());
    for field in fields {
        assert!(is_in_page(&field), "PROTOCOL.md does not have the field {field}");
    }
}

#[test]
fn the_page_has_every_kind_of_progress() {
    let start = SOURCE.find("pub(crate) enum ProgressKind").expect("the kinds");
    let body = &SOURCE[start..start + SOURCE[start..].find("\n}").expect("their end")];
    let kinds: Vec<String> = (body.lines().skip(1))
        .filter_map(|line| line.strip_prefix("    ").filter(|line| line.starts_with(char::is_uppercase)))
        .map(|line| line.chars().take_while(|c| c.is_alphanumeric()).collect::<String>())
        .map(|name| name[..1].to_lowercase() + &name[1..])
        .collect();
    assert!(kinds.len() > 15, "{kinds:?}");
    for kind in kinds {
        assert!(PAGE.contains(&format!("\n| `{kind}` |")), "PROTOCOL.md has no row for {kind}");
    }
}
