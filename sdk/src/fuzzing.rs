//! What the fuzz targets of this repository reach and nobody else: `cfg(fuzzing)` only.

/// What the history is searched by.
pub use nexus_vault::TextQuery;
use opencode_api::Operation as _;
use opencode_api::v1::operations::session;

use crate::chat::{PartOrder, Transcript, digest};
use crate::dialect::{v1, v2};
use crate::error::Error;
use crate::stream::sse::Frame;
use crate::stream::{Decode, SeenEvents};
use crate::transport;

/// Folds frames as those of either line, as a client would, and gives the errors of those that cannot be read.
pub fn fold(frames: &[&[u8]]) -> Vec<Error> {
    let mut errors = Vec::new();
    let lines: [(Box<dyn Decode>, PartOrder); 2] = [
        (Box::<v1::EventDecoder>::default(), PartOrder::Identifier),
        (Box::<v2::EventDecoder>::default(), PartOrder::Arrival),
    ];
    for (mut decoder, order) in lines {
        let (mut seen, mut transcript, mut out) = (SeenEvents::default(), None::<Transcript>, Vec::new());
        for data in frames {
            match decoder.decode(Frame { event: "", data, last_event_id: "" }, &mut seen) {
                Ok(Some(event)) => {
                    let Some(session) = event.session_id() else { continue };
                    let transcript =
                        transcript.get_or_insert_with(|| Transcript::new(session.clone(), order));
                    transcript.apply(&event, &mut out);
                }
                Ok(None) => {}
                Err(error) => errors.push(error),
            }
        }
        if let Some(transcript) = transcript {
            // A person looks at it; that must work whatever the server said.
            digest::transcript(&transcript);
        }
    }
    errors
}

/// The error of an answer with a status of 400 and above.
pub fn classify(status: u16, content_type: Option<&str>, body: &[u8]) -> Error {
    transport::classify(status, content_type, body)
}

/// The error of an answer with a good status that is not a list of messages; `None` when it is one.
pub fn decode(content_type: Option<&str>, body: &[u8]) -> Option<Error> {
    let error = session::Messages::decode(content_type, body).err()?;
    Some(transport::from_decode(&error, content_type, body))
}

/// The error of a file of key slots (`kind` 0), a sealed piece (1), a recovery key (2) or an export (3) that are not what
/// they should be; `None` when they are.
pub fn stored(kind: u8, bytes: &[u8]) -> Option<Error> {
    match kind {
        0 => nexus_vault::fuzzing::slots(bytes).map(Error::from),
        1 => nexus_vault::fuzzing::envelope(bytes).map(Error::from),
        2 => nexus_vault::fuzzing::recovery(&String::from_utf8_lossy(bytes)).map(Error::from),
        _ => crate::history::refused(bytes.to_vec()),
    }
}
