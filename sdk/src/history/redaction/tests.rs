use proptest::prelude::*;
use serde_json::{Value, json};

use super::patterns::{FORMS, Form};
use super::{MARK, Redactor};

/// A text of the table without its marks, and the secret that stood between them.
fn marked(text: &str) -> (String, String) {
    let (before, rest) = text.split_once('«').expect("a text that is found has marks");
    let (secret, after) = rest.split_once('»').expect("a text that is found has marks");
    (format!("{before}{secret}{after}"), format!("{before}\u{0}{after}"))
}

fn check_found(redactor: &Redactor, form: &Form, text: &str) {
    let (plain, frame) = marked(text);
    let (redacted, count) = redactor.redact(&plain);
    let (before, after) = frame.split_once('\u{0}').unwrap();
    assert_eq!(count, 1, "{}: {plain:?} gave {redacted:?}", form.kind);
    assert!(redacted.starts_with(before) && redacted.ends_with(after), "{}: {redacted:?}", form.kind);
    let inside = &redacted[before.len()..redacted.len() - after.len()];
    assert!(inside.starts_with(MARK) && inside.ends_with(']'), "{inside:?}");
    assert_eq!(inside.matches(MARK).count(), 1, "{inside:?}");
}

#[test]
fn every_form_finds_its_examples_and_nothing_around_them() {
    let redactor = Redactor::new();
    for form in FORMS {
        assert!(!form.finds.is_empty() && !form.leaves.is_empty(), "{}", form.kind);
        form.finds.iter().for_each(|text| check_found(&redactor, form, text));
    }
}

#[test]
fn what_only_looks_similar_stays() {
    let redactor = Redactor::new();
    for form in FORMS {
        for text in form.leaves {
            assert_eq!(redactor.redact(text), ((*text).to_owned(), 0), "{}", form.kind);
        }
    }
}

#[test]
fn ordinary_texts_stay() {
    let redactor = Redactor::new();
    for text in [
        "",
        "The key to good tests is patience; the token of thanks is a password to hearts.",
        "let token = tokens.next().unwrap_or_default();",
        "commit 0f1e2d3c4b5a69788796a5b4c3d2e1f00f1e2d3c",
        "sha256: 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
        "550e8400-e29b-41d4-a716-446655440000",
        "for secret in secrets { println!(\"{secret}\") }",
        "Das Passwort: es fehlt. パスワード：なし",
    ] {
        assert_eq!(redactor.redact(text), (text.to_owned(), 0));
    }
}

#[test]
fn secrets_in_values_go_and_the_shape_stays() {
    let redactor = Redactor::new();
    let key = "sk-ant-api03-madeupmadeupmadeup00";
    let mut value = json!({
        "command": format!("curl -H 'x-api-key: {key}'"),
        "env": [{"password": "made-up-1", "count": 3, "none": null}],
        "apiKey": "0f1e2d3c4b5a69788796",
        "keyboard": "0f1e2d3c4b5a69788796",
        "key": "ctrl+shift+a",
        key: {"deep": [[key]]},
    });
    assert_eq!(redactor.redact_value(&mut value), 5);
    let wanted = json!({
        "command": "curl -H 'x-api-key: [redacted anthropic-key]'",
        "env": [{"password": "[redacted secret]", "count": 3, "none": null}],
        "apiKey": "[redacted secret]",
        "keyboard": "0f1e2d3c4b5a69788796",
        "key": "ctrl+shift+a",
        "[redacted anthropic-key]": {"deep": [["[redacted anthropic-key]"]]},
    });
    assert_eq!(value, wanted);
}

#[test]
fn names_that_become_the_same_lose_no_value() {
    let mut value = json!({"sk-ant-madeupmadeupmadeup000": 1, "sk-ant-madeupmadeupmadeup001": 2});
    assert_eq!(Redactor::new().redact_value(&mut value), 2);
    assert_eq!(value, json!({"[redacted anthropic-key]": 1, "[redacted anthropic-key]'": 2}));
}

/// Texts of pieces of the table: secrets, near misses, and everything that may stand between.
fn any_text() -> impl Strategy<Value = String> {
    let examples: Vec<String> = (FORMS.iter())
        .flat_map(|form| {
            form.finds.iter().map(|text| marked(text).0).chain(form.leaves.iter().map(|t| (*t).to_owned()))
        })
        .collect();
    let piece = prop_oneof![
        prop::sample::select(examples),
        "\\PC{0,8}",
        "[ \n\"'`=:.\\\\-]{0,3}",
        prop::sample::select(
            &["token=", "password: \"", "Bearer ", "-----BEGIN PRIVATE KEY-----", "://a:", "@"][..]
        )
        .prop_map(str::to_owned),
    ];
    prop::collection::vec(piece, 0..8).prop_map(|pieces| pieces.concat())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_was_hidden_once_is_not_hidden_again_and_marks_are_counted(text in any_text()) {
        thread_local!(static REDACTOR: Redactor = Redactor::new());
        REDACTOR.with(|redactor| {
            let (once, count) = redactor.redact(&text);
            let marks = |text: &str| text.matches(MARK).count() as u64;
            prop_assert_eq!(marks(&once), marks(&text) + count);
            Ok(())
        })?;
    }

    #[test]
    fn a_secret_is_hidden_whatever_stands_around_it(form in 0..FORMS.len(), before in "[ \n\t(,]{0,4}\\PC{0,6}[ \n]", after in "[ \n][ \n\t),]{0,4}\\PC{0,6}") {
        thread_local!(static REDACTOR: Redactor = Redactor::new());
        REDACTOR.with(|redactor| {
            for text in FORMS[form].finds {
                let secret = text.split_once('«').unwrap().1.split_once('»').unwrap().0;
                let shown = redactor.redact(&format!("{before}{}{after}", marked(text).0)).0;
                prop_assert!(!shown.contains(secret) || secret.len() < 4, "{shown:?}");
            }
            Ok(())
        })?;
    }
}

#[test]
fn texts_that_repeat_a_beginning_take_no_longer_than_their_length_asks_for() {
    // Not a timing: quadratic work on these would not end.
    let redactor = Redactor::new();
    for piece in [
        "token=",
        "token=a1",
        "-----BEGIN PRIVATE KEY-----",
        "sk-",
        "Bearer ",
        "http://a:",
        "eyJ",
        "password=\"a ",
    ] {
        let text = piece.repeat(200_000 / piece.len());
        let mut value = Value::String(text.clone());
        redactor.redact_value(&mut value);
    }
}
