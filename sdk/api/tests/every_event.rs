//! Every kind of event in the interface document, with a payload made from its schema, once with all fields and once
//! with the required ones only.
use opencode_api::v1::{EVENTS, Envelope, Event};
use opencode_api::{EventHead, Value};

mod sampler;

use sampler::Sampler;

const DOCUMENT: &str = include_str!("../spec/openapi-1.18.33.json");

#[test]
fn every_event_of_the_document_decodes_and_encodes_to_itself() {
    let document: Value = serde_json::from_str(DOCUMENT).expect("the interface document");
    let schemas = document["components"]["schemas"].as_object().expect("schemas");
    let mut kinds = 0;
    for optional in [true, false] {
        let sampler = Sampler { schemas, optional };
        for member in schemas["Event"]["anyOf"].as_array().expect("events") {
            kinds += 1;
            for sample in sampler.samples(member) {
                let frame = sample.to_string();
                let head = EventHead::parse(frame.as_bytes()).expect("a head");
                let event = Event::decode(&head).unwrap_or_else(|error| panic!("{error}\n{frame}"));
                let shown = format!("{event:?}");
                assert!(
                    !shown.contains("Unknown(") && !shown.contains("Unknown { kind"),
                    "not typed: {frame}\n{shown}"
                );
                assert!(EVENTS.contains(&event.kind()));
                let envelope = Envelope::from_slice(frame.as_bytes()).expect("an envelope");
                assert_eq!(serde_json::to_value(&envelope).expect("encodes"), sample);
            }
        }
    }
    assert_eq!(kinds, 2 * 89);
}

#[test]
fn the_kinds_are_those_of_the_document_and_the_overlay() {
    assert_eq!(EVENTS.len(), 91);
    for kind in ["server.heartbeat", "lsp.client.diagnostics"] {
        assert!(EVENTS.contains(&kind));
    }
}
