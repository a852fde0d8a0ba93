//! What the fuzz targets of this repository reach and nobody else: `cfg(fuzzing)` only.

use opencode_api::Operation as _;
use opencode_api::v1::operations::session;

use crate::error::Error;
use crate::transport;

/// The error of an answer with a status of 400 and above.
pub fn classify(status: u16, content_type: Option<&str>, body: &[u8]) -> Error {
    transport::classify(status, content_type, body)
}

/// The error of an answer with a good status that is not a list of messages; `None` when it is one.
pub fn decode(content_type: Option<&str>, body: &[u8]) -> Option<Error> {
    let error = session::Messages::decode(content_type, body).err()?;
    Some(transport::from_decode(&error, content_type, body))
}
