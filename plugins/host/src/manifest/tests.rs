//! Manifests that are right, and every way in which one is not.

use serde_json::json;

use super::*;

const GOOD: &str = r#"
schema = 1
id = "acme.jira"
version = "1.2.0"
api = "0.1"
summary = "Tickets by their number"
worlds = ["context-provider"]

[permissions]
http = [{ host = "acme.example.org", methods = ["GET"], reason = "reads tickets" }]
session = ["read"]
session-reason = "knows what is talked about"

[settings.schema]
type = "object"
properties.project = { type = "string", pattern = "^[A-Z]+$" }
additionalProperties = false

[about]
homepage = "https://example.org"
"#;

/// The good one, with one text in place of another.
#[track_caller]
fn with(old: &str, new: &str) -> String {
    assert!(GOOD.contains(old), "{old}");
    GOOD.replacen(old, new, 1)
}

#[track_caller]
fn refused(text: &str, code: &str, words: &str) {
    let error = Manifest::parse(text).expect_err(text);
    assert_eq!(error.code(), code, "{error}");
    assert!(error.to_string().contains(words), "{words:?} is not in: {error}");
    assert!(error.hint().is_some(), "{error}");
    assert!(!error.to_string().contains('\n'), "{error}");
}

#[test]
fn a_good_manifest_is_read_and_written_alike() {
    let manifest = Manifest::parse(GOOD).unwrap();
    assert_eq!((manifest.wasm.as_str(), manifest.limits.memory_mib), ("plugin.wasm", None));
    let text = manifest.to_toml().unwrap();
    assert_eq!(Manifest::parse(&text).unwrap(), manifest, "{text}");
}

#[test]
fn what_is_wrong_is_told_with_its_line() {
    let invalid = "user.invalid_input";
    for (old, new, words) in [
        ("acme.jira", "jira", "line 3, id"),
        ("acme.jira", "Acme.jira", "line 3, id"),
        ("acme.jira", "con.jira", "line 3, id"),
        ("acme.jira", "acme.jira-", "line 3, id"),
        ("acme.jira", "acme.jira.x", "line 3, id"),
        ("acme.jira", "../x", "line 3, id"),
        ("1.2.0", "1.2", "line 4, version"),
        ("\"0.1\"", "\"one\"", "line 5, api"),
        ("Tickets by their number", "", "line 6, summary"),
        ("Tickets by", "\\u001b[2J", "line 6, summary"),
        ("Tickets by", "\\u202e", "line 6, summary"),
        ("[\"context-provider\"]", "[]", "line 7, worlds"),
        ("[\"context-provider\"]", "[\"hook\", \"hook\"]", "line 7, worlds"),
        ("\"context-provider\"", "\"server\"", "line 7: "),
        ("schema = 1", "schema = 0", "line 2, schema"),
        ("schema = 1", "schema = 1\nwasm = \"../x.wasm\"", "line 3, wasm"),
        ("schema = 1", "schema = 1\nwasm = \"/x.wasm\"", "line 3, wasm"),
        ("schema = 1", "schema = 1\nwasm = \"x.cwasm\"", "line 3, wasm"),
        ("schema = 1", "schema = 1\nsha256 = \"abc\"", "line 3, sha256"),
        ("schema = 1", "schema = 1\nlimits = { memory-mib = 0 }", "line 3, limits.memory-mib"),
        ("schema = 1", "schema = 1\nsurprise = true", "line 3: unknown field `surprise`"),
        ("schema = 1", "schema = 1\nfrontend = { once = true }", "line 3, frontend.once"),
        ("type = \"object\"", "type = \"objekt\"", "settings.schema"),
        ("^[A-Z]+$", "(a", "settings.schema"),
        ("^[A-Z]+$", "(?:a{1000}){1000}", "settings.schema"),
        ("schema = 1", "schema = ", "line 2: "),
        ("https://example.org", "a\\nb", "about"),
    ] {
        refused(&with(old, new), invalid, words);
    }
}

#[test]
fn only_a_frontend_without_pages_and_terminal_runs_once() {
    let text = with("[\"context-provider\"]", "[\"frontend\"]\nfrontend = { once = true }");
    assert!(Manifest::parse(&text).unwrap().frontend.once);
    for shown in ["web", "terminal"] {
        let shown = format!("[permissions]\n{shown} = {{ reason = \"shows\" }}");
        refused(&text.replace("[permissions]", &shown), "user.invalid_input", "frontend.once");
    }
}

#[test]
fn a_remote_schema_is_not_fetched() {
    let text = with("type = \"object\"", "\"$ref\" = \"https://example.org/schema.json\"");
    refused(&text, "user.invalid_input", "settings.schema");
}

#[test]
fn a_manifest_of_a_time_to_come_says_what_it_needs_whatever_else_is_in_it() {
    let later = with("schema = 1", "schema = 2\nfrom-the-future = { x = 1 }");
    refused(&later, "system.newer_format", "format 2");
    for (api, words) in [("0.2", "interface 0.2"), ("1.0", "interface 1.0"), ("0.10", "interface 0.10")] {
        let later = with("\"0.1\"", &format!("\"{api}\"\nnew-key = 1"));
        refused(&later, "system.newer_format", words);
    }
}

#[test]
fn a_manifest_has_a_largest_size() {
    refused(&format!("{GOOD}# {}", "x".repeat(LARGEST)), "system.too_large", "256 KiB");
}

#[test]
fn settings_are_checked_by_the_schema_and_their_values_are_not_told() {
    let manifest = Manifest::parse(GOOD).unwrap();
    manifest.settings.check(&json!({ "project": "ABC" })).unwrap();
    let error = manifest.settings.check(&json!({ "project": "not like that" })).unwrap_err();
    assert!(error.to_string().contains("/project") && !error.to_string().contains("like that"), "{error}");
    assert!(manifest.settings.check(&json!({ "other": 1 })).is_err());
    let none = Settings::default();
    none.check(&json!({})).unwrap();
    assert_eq!(none.check(&json!({ "a": 1 })).unwrap_err().code(), "user.configuration");
}

#[test]
fn a_safe_path_means_one_file_on_every_system() {
    for good in ["plugin.wasm", "web/index.html", "web/a-b_c/1.2.js", "target/x.wasm"] {
        assert!(is_safe_path(good), "{good}");
    }
    let long = "a/".repeat(120) + "a";
    for bad in [
        "",
        "/",
        "/etc/passwd",
        "..",
        "../a",
        "a/../b",
        "./a",
        "a//b",
        "a/",
        ".hidden",
        "a.",
        "a\\b",
        "C:/x",
        "C:x",
        "a b",
        "ä",
        "nul",
        "web/CON.txt",
        "com1",
        "a\0b",
        "web/\u{202e}x",
        "~/x",
        &long,
    ] {
        assert!(!is_safe_path(bad), "{bad:?}");
    }
}
