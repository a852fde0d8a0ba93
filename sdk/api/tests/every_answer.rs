//! Every JSON answer in the interface document, made from its schema, once with all fields and once with the required
//! ones only.
use std::collections::BTreeMap;

use opencode_api::{DecodeError, Operation, Value};
use serde::Serialize;

#[rustfmt::skip]
#[path = "answers/v1.rs"]
mod v1;
mod sampler;

use sampler::Sampler;

const DOCUMENT: &str = include_str!("../spec/openapi-1.18.33.json");

/// Decodes the answer of an operation; its text for people, and what it encodes to.
type Answer = (&'static str, fn(&[u8]) -> Result<(String, Value), DecodeError>);

const fn answer<O: Operation>() -> Answer
where
    O::Response: Serialize + std::fmt::Debug,
{
    (O::ID, |body| {
        let decoded = O::decode(Some("application/json"), body)?;
        Ok((format!("{decoded:?}"), serde_json::to_value(&decoded).expect("encodes")))
    })
}

#[test]
fn every_answer_of_the_document_decodes_and_encodes_to_itself() {
    let document: Value = serde_json::from_str(DOCUMENT).expect("the interface document");
    let schemas = document["components"]["schemas"].as_object().expect("schemas");
    let mut answers: BTreeMap<&str, &Value> = BTreeMap::new();
    for methods in document["paths"].as_object().expect("paths").values() {
        for operation in methods.as_object().expect("methods").values() {
            if let Some(schema) = operation.pointer("/responses/200/content/application~1json/schema") {
                answers.insert(operation["operationId"].as_str().expect("an id"), schema);
            }
        }
    }
    assert!(v1::ANSWERS.len() > 140);
    for (id, decode) in v1::ANSWERS {
        for optional in [true, false] {
            for sample in (Sampler { schemas, optional }).samples(answers[id]) {
                let body = sample.to_string();
                let (shown, encoded) =
                    decode(body.as_bytes()).unwrap_or_else(|error| panic!("{error}\n{body}"));
                assert_eq!(encoded, sample, "{id}");
                assert!(!shown.contains("Unknown(") && !shown.contains("Unknown { kind"), "{id}: {shown}");
            }
        }
    }
}
