//! What is read from disk or typed: key slots, sealed pieces, recovery keys, exports, queries and texts to redact.
//!
//! Input: one byte for the kind, then the bytes. Whatever they are, an error is one line that names none of them.
#![no_main]

use libfuzzer_sys::fuzz_target;
use opencode_nexus::fuzzing;
use opencode_nexus::history::{Redactor, Snippet};

thread_local! {
    static REDACTOR: Redactor = Redactor::new();
}

fuzz_target!(|input: &[u8]| {
    let [kind, rest @ ..] = input else { return };
    match kind % 6 {
        4 => search(&String::from_utf8_lossy(rest)),
        5 => redact(&String::from_utf8_lossy(rest)),
        kind => {
            let error = fuzzing::stored(kind, rest);
            assert!(kind != 1 || error.is_some(), "a piece was sealed without its key");
            if let Some(error) = error {
                let line = error.to_string();
                assert!(!line.chars().any(char::is_control), "{line:?}");
                assert!(line.len() <= 1_000 && !error.code().is_empty(), "{line}");
            }
        }
    }
});

/// The first line is what is looked for, the rest is the text.
fn search(input: &str) {
    let (wanted, text) = input.split_once('\n').unwrap_or((input, input));
    let query = fuzzing::TextQuery::parse(wanted);
    let found = query.matches(text);
    let snippet = Snippet::of(text, &query, 60);
    // A piece is marked only where something stands that was looked for, and pieces are pieces of the text.
    assert!(
        found || query.is_empty() || snippet.pieces.iter().all(|(piece, _)| text.contains(piece.as_str()))
    );
}

fn redact(text: &str) {
    REDACTOR.with(|redactor| {
        let (once, _) = redactor.redact(text);
        let (again, more) = redactor.redact(&once);
        assert!(more == 0 && again == once, "a second look finds more: {once:?} -> {again:?}");
    });
}
