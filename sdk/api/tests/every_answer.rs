//! Every JSON answer in the interface documents, made from its schema, once with all fields and once with the required
//! ones only.
use opencode_api::{DecodeError, Method, Operation, Value};
use serde::Serialize;

mod documents;
mod sampler;
#[rustfmt::skip]
#[path = "answers/v1.rs"]
mod v1;
#[rustfmt::skip]
#[path = "answers/v2.rs"]
mod v2;

use documents::Document;
use sampler::Sampler;

/// The answer's text for people, and what it encodes to.
type Decode = fn(&[u8]) -> Result<(String, Value), DecodeError>;

/// How to decode the answer of an operation.
struct Answer {
    id: &'static str,
    method: Method,
    path: &'static str,
    decode: Decode,
}

const fn answer<O: Operation>() -> Answer
where
    O::Response: Serialize + std::fmt::Debug,
{
    Answer {
        id: O::ID,
        method: O::METHOD,
        path: O::PATH,
        decode: |body| {
            let decoded = O::decode(Some("application/json"), body)?;
            Ok((format!("{decoded:?}"), serde_json::to_value(&decoded).expect("encodes")))
        },
    }
}

/// Returns how many of the answers the document has.
fn check(document: &Document, answers: &[Answer]) -> usize {
    let mut count = 0;
    for Answer { id, method, path, decode } in answers {
        let operation = document.operation(method.as_str(), path);
        let schema = operation.and_then(|all| all.pointer("/responses/200/content/application~1json/schema"));
        let Some(schema) = schema else { continue };
        count += 1;
        for optional in [true, false] {
            for sample in (Sampler { schemas: document.schemas(), optional }).samples(schema) {
                let body = sample.to_string();
                let (shown, encoded) =
                    decode(body.as_bytes()).unwrap_or_else(|error| panic!("{error}\n{body}"));
                assert_eq!(encoded, sample, "{id}");
                assert!(
                    !shown.contains("Unknown(") && !shown.contains("Unknown { kind"),
                    "{id}: {shown}\n{body}"
                );
            }
        }
    }
    count
}

#[test]
fn every_answer_of_1_decodes_and_encodes_to_itself() {
    assert!(v1::ANSWERS.len() > 140);
    assert_eq!(check(&Document::new(documents::V1), v1::ANSWERS), v1::ANSWERS.len());
}

#[test]
fn every_answer_of_2_decodes_and_encodes_to_itself() {
    assert_eq!(check(&Document::new(documents::V2), v2::ANSWERS), v2::ANSWERS.len());
}

#[test]
fn every_answer_of_an_older_2_decodes_and_encodes_to_itself() {
    // Those of the two sockets are none.
    let document = Document::new(documents::V2_OLDER);
    assert_eq!(check(&document, v2::ANSWERS), document.json_answers() - 2);
}
