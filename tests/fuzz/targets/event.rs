//! Events: arbitrary bytes never panic; what decodes as an event of the wire encodes to what decodes to the same; what
//! the decoder makes of frames can be folded into a transcript.
//!
//! Input: frames, a line each.
#![no_main]

use libfuzzer_sys::fuzz_target;
use opencode_api::{Envelope, EventHead, v1};
use opencode_nexus::chat::Transcript;
use opencode_nexus::dialect::v1::EventDecoder;

fuzz_target!(|input: &[u8]| {
    let mut decoder = EventDecoder::default();
    let mut transcript: Option<Transcript> = None;
    let mut seen = Vec::new();
    for frame in input.split(|byte| *byte == b'\n').take(64) {
        round_trip(frame);
        match decoder.decode(frame) {
            Ok(Some(event)) => {
                let Some(session) = event.session_id() else { continue };
                let transcript = transcript.get_or_insert_with(|| Transcript::new(session.clone()));
                transcript.apply(&event, &mut seen);
            }
            Ok(None) => {}
            Err(error) => assert!(!error.to_string().contains('\n'), "{error}"),
        }
    }
    if let Some(transcript) = transcript {
        // A person looks at it; that must work whatever the server said.
        let _ = opencode_nexus::chat::digest::transcript(&transcript);
    }
});

/// JSON that names a field twice has no meaning that could be kept (RFC 8259 §4), so the frame is compared with the last
/// of each; as it is, it must only do no harm.
fn round_trip(frame: &[u8]) {
    if let Ok(head) = EventHead::parse(frame) {
        let _ = v1::Event::decode(&head);
        let _ = serde_json::to_vec(&Envelope::<v1::Event>::from_head(head));
    }
    let Ok(plain) = serde_json::from_slice::<serde_json::Value>(frame) else { return };
    let plain = plain.to_string();
    let frame = plain.as_bytes();
    let Ok(head) = EventHead::parse(frame) else { return };
    // A kind that is known with a payload of another shape is an error here and kept by the envelope.
    let _ = v1::Event::decode(&head);
    let envelope = Envelope::<v1::Event>::from_head(head);
    let Ok(text) = serde_json::to_vec(&envelope) else {
        panic!("an event that was decoded cannot be encoded: {envelope:?}")
    };
    let again = Envelope::<v1::Event>::from_slice(&text);
    assert_eq!(again.as_ref(), Ok(&envelope), "{}", String::from_utf8_lossy(&text));
}
