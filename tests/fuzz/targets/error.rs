//! Errors of servers: whatever status, content type and body say, the message is one line of bounded length.
//!
//! Input: two bytes for the status, one for the content type, then the body.
#![no_main]

use libfuzzer_sys::fuzz_target;
use opencode_nexus::{Error, fuzzing};

/// The server's words are cut at 300 characters, its name for the error as well; ours are around them.
const LONGEST: usize = 1_000;

fn check(error: &Error) {
    let line = error.to_string();
    assert!(!line.chars().any(char::is_control), "{line:?}");
    assert!(line.chars().count() <= LONGEST, "{} characters: {line}", line.chars().count());
    assert!(!error.message().is_empty() && !error.code().is_empty());
    // The full report must be possible too.
    let _ = format!("{error:?}");
}

fuzz_target!(|input: &[u8]| {
    let [high, low, kind, body @ ..] = input else { return };
    let status = u16::from_le_bytes([*high, *low]) % 600;
    let wild = String::from_utf8_lossy(&body[..body.len().min(40)]);
    let content_type = match kind % 6 {
        0 => None,
        1 => Some("application/json"),
        2 => Some("text/html; charset=utf-8"),
        3 => Some("text/plain"),
        4 => Some(""),
        _ => Some(&*wild),
    };
    check(&fuzzing::classify(status, content_type, body));
    if let Some(error) = fuzzing::decode(content_type, body) {
        check(&error);
    }
});
