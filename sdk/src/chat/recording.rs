//! Recorded event streams, folded without a server.

use std::collections::BTreeMap;

use super::transcript::{PartOrder, Transcript};
use crate::dialect::v1::EventDecoder;
use crate::error::{Error, ErrorKind, Result};
use crate::model::{Event, SessionId};
use crate::stream::sse::SseDecoder;

/// What a recorded stream tells.
#[derive(Debug, Default)]
pub struct Recording {
    /// The sessions that it speaks of.
    pub sessions: BTreeMap<SessionId, Transcript>,
    /// How many events there were.
    pub events: u64,
    /// Frames that could not be read, and why the first could not.
    pub damaged: Vec<Error>,
}

impl Recording {
    /// Folds the body of an event stream of a 1.x server: `/event`, `/global/event` or `/api/event`.
    ///
    /// # Errors
    /// When there is no event in it at all, or one is larger than `limit` bytes.
    pub fn fold(body: &[u8], limit: usize) -> Result<Self> {
        let mut recording = Self::default();
        let mut decoder = EventDecoder::default();
        let mut sse = SseDecoder::new(limit);
        sse.feed(body, |frame| recording.frame(decoder.decode(frame.data)))
            .map_err(|e| Error::new(ErrorKind::TooLarge, e.to_string()))?;
        // A recording may end within an event; it counts if it is whole.
        if let Some(tail) = sse.finish()
            && let Ok(event) = decoder.decode(&tail)
        {
            recording.frame(Ok(event));
        }
        if recording.events == 0 {
            let why = recording.damaged.first().map(|e| format!(": {}", e.message())).unwrap_or_default();
            return Err(Error::new(ErrorKind::Protocol, format!("there is no event in it{why}"))
                .with_hint("give the body of an event stream, as received from GET /event"));
        }
        Ok(recording)
    }

    fn frame(&mut self, decoded: Result<Option<Event>>) {
        match decoded {
            Ok(Some(event)) => {
                self.events += 1;
                let Some(id) = event.session_id() else { return };
                let transcript =
                    self.sessions.entry(id.clone()).or_insert_with(|| Transcript::new(id.clone(), PartOrder::Identifier));
                transcript.apply(&event, &mut Vec::new());
            }
            Ok(None) => {}
            Err(error) => self.damaged.push(error),
        }
    }
}
