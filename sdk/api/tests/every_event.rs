//! Every kind of event in the interface documents, with a payload made from its schema, once with all fields and once
//! with the required ones only.
use std::collections::BTreeSet;

use opencode_api::{Envelope, EventHead, EventPayload, Value, v1, v2};

mod documents;
mod sampler;

use documents::Document;
use sampler::Sampler;

/// Checks the frames, and returns their kinds.
fn check<E: EventPayload + std::fmt::Debug>(
    document: &Document,
    frames: &[Value],
    known: &[&str],
) -> BTreeSet<String> {
    let mut kinds = BTreeSet::new();
    for optional in [true, false] {
        let sampler = Sampler { schemas: document.schemas(), optional };
        for sample in frames.iter().flat_map(|member| sampler.samples(member)) {
            let frame = sample.to_string();
            let head = EventHead::parse(frame.as_bytes()).expect("a head");
            let event = E::decode_payload(&head.kind, head.properties)
                .unwrap_or_else(|error| panic!("{error}\n{frame}"));
            let shown = format!("{event:?}");
            assert!(
                !shown.contains("Unknown(") && !shown.contains("Unknown { kind"),
                "not typed: {frame}\n{shown}"
            );
            assert!(known.contains(&event.kind()));
            let envelope = Envelope::<E>::from_slice(frame.as_bytes()).expect("an envelope");
            assert_eq!(serde_json::to_value(&envelope).expect("encodes"), sample);
            kinds.insert(event.kind().to_owned());
        }
    }
    kinds
}

#[test]
fn every_event_of_1_decodes_and_encodes_to_itself() {
    let document = Document::new(documents::V1);
    let frames = document.schemas()["Event"]["anyOf"].as_array().expect("events");
    assert_eq!(check::<v1::Event>(&document, frames, v1::EVENTS).len(), 89);
}

#[test]
fn every_event_of_2_decodes_and_encodes_to_itself() {
    let document = Document::new(documents::V2);
    let streamed = check::<v2::Event>(&document, &document.streamed("/api/event"), v2::EVENTS);
    let logged = document.streamed("/api/experimental/session/{sessionID}/log");
    let logged = check::<v2::Event>(&document, &logged, v2::EVENTS);
    assert_eq!((streamed.len(), logged.difference(&streamed).count()), (95, 3));
    assert_eq!(v2::EVENTS.len(), 98);
}

#[test]
fn the_kinds_of_1_are_those_of_the_document_and_the_overlay() {
    assert_eq!(v1::EVENTS.len(), 91);
    for kind in ["server.heartbeat", "lsp.client.diagnostics"] {
        assert!(v1::EVENTS.contains(&kind));
    }
}
