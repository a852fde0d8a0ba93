//! Chat events by batches: one answer for whatever waits.

use futures_util::Stream;
use opencode_nexus::chat::ChatEvent;
use opencode_nexus::stream::Batches;
use opencode_nexus::{Error, Result};

use crate::answer::Answer;
use crate::{camel, failure};

/// More events than this do not cross at once, so that JavaScript is not busy for long.
const MOST: usize = 256;

/// What waits, as `{"events": […], "error": …, "ended": …}`; `null` after the end. `is_last` says which event ends it.
pub async fn next<S>(batches: &mut Batches<S>, is_last: impl Fn(&ChatEvent) -> bool) -> Result<(Answer, bool)>
where
    S: Stream<Item = Result<ChatEvent>> + Unpin,
{
    let Some(batch) = batches.next(MOST).await else { return Ok((Answer::Nothing, true)) };
    let (mut written, mut error, mut ended) = (String::from(r#"{"events":["#), None, false);
    for (at, item) in batch.iter().enumerate() {
        match item {
            Ok(event) => {
                if at > 0 {
                    written.push(',');
                }
                written.push_str(&camel::to_json(event).map_err(unwritten)?);
                ended |= is_last(event);
            }
            Err(failed) => {
                error = Some(failure::to_json(failed));
                ended = true;
            }
        }
    }
    written.push_str(r#"],"error":"#);
    written.push_str(error.as_deref().unwrap_or("null"));
    written.push_str(if ended { r#","ended":true}"# } else { r#","ended":false}"# });
    Ok((Answer::Json(written), ended))
}

fn unwritten(error: serde_json::Error) -> Error {
    Error::new(opencode_nexus::ErrorKind::Internal, "an event could not be written").with_source(error)
}
