//! Events of both lines: arbitrary bytes never panic; what decodes as an event of the wire encodes to what decodes to the
//! same; what the decoders make of frames can be folded into a transcript.
//!
//! Input: frames, a line each.
#![no_main]

use libfuzzer_sys::fuzz_target;
use opencode_api::{Envelope, EventHead, EventPayload, v1, v2};
use opencode_nexus::fuzzing;

fuzz_target!(|input: &[u8]| {
    let frames: Vec<&[u8]> = input.split(|byte| *byte == b'\n').take(64).collect();
    for frame in &frames {
        round_trip::<v1::Event>(frame);
        round_trip::<v2::Event>(frame);
    }
    for error in fuzzing::fold(&frames) {
        assert!(!error.to_string().contains('\n'), "{error}");
    }
});

/// JSON that names a field twice has no meaning that could be kept (RFC 8259 §4), so the frame is compared with the last
/// of each; as it is, it must only do no harm.
fn round_trip<E: EventPayload + std::fmt::Debug + PartialEq>(frame: &[u8]) {
    if let Ok(head) = EventHead::parse(frame) {
        let _ = E::decode_payload(&head.kind, head.properties);
        let _ = serde_json::to_vec(&Envelope::<E>::from_head(head));
    }
    let Ok(plain) = serde_json::from_slice::<serde_json::Value>(frame) else { return };
    let plain = plain.to_string();
    let Ok(head) = EventHead::parse(plain.as_bytes()) else { return };
    // A kind that is known with a payload of another shape is an error before and kept by the envelope.
    let envelope = Envelope::<E>::from_head(head);
    let Ok(text) = serde_json::to_vec(&envelope) else {
        panic!("an event that was decoded cannot be encoded: {envelope:?}")
    };
    let again = Envelope::<E>::from_slice(&text);
    assert_eq!(again.as_ref(), Ok(&envelope), "{}", String::from_utf8_lossy(&text));
}
