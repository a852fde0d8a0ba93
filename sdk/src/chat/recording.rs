//! Recorded event streams, folded without a server.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde::de::IgnoredAny;

use super::transcript::{PartOrder, Transcript};
use crate::dialect::{v1, v2};
use crate::error::{Error, ErrorKind, Result};
use crate::model::{Event, SessionId};
use crate::stream::sse::{Frame, SseDecoder};
use crate::stream::{Decode, SeenEvents};

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

/// Folds frames one by one.
struct Folding {
    recording: Recording,
    decoder: Box<dyn Decode>,
    order: PartOrder,
    seen: SeenEvents,
}

impl Recording {
    /// Folds the body of an event stream: `/event`, `/global/event` or `/api/event` of a 1.x server, or `/api/event` of
    /// OpenCode 2. Its first events tell which line it is.
    ///
    /// # Errors
    /// When there is no event in it at all, or one is larger than `limit` bytes.
    pub fn fold(body: &[u8], limit: usize) -> Result<Self> {
        let second = is_second_line(body, limit);
        let mut folding = Folding {
            recording: Self::default(),
            decoder: if second {
                Box::<v2::EventDecoder>::default()
            } else {
                Box::<v1::EventDecoder>::default()
            },
            order: if second { PartOrder::Arrival } else { PartOrder::Identifier },
            seen: SeenEvents::default(),
        };
        let mut sse = SseDecoder::new(limit);
        sse.feed(body, |frame| folding.frame(frame))
            .map_err(|e| Error::new(ErrorKind::TooLarge, e.to_string()))?;
        // A recording may end within an event; it counts if it is whole.
        if let Some(tail) = sse.finish()
            && serde_json::from_slice::<IgnoredAny>(&tail).is_ok()
        {
            folding.frame(Frame { event: "", data: &tail, last_event_id: "" });
        }
        let recording = folding.recording;
        if recording.events == 0 {
            let why = recording.damaged.first().map(|e| format!(": {}", e.message())).unwrap_or_default();
            return Err(Error::new(ErrorKind::Protocol, format!("there is no event in it{why}"))
                .with_hint("give the body of an event stream, as received from GET /event"));
        }
        Ok(recording)
    }
}

/// Whether a stream is of OpenCode 2: its events have a time of their own beside their `data`; the same stream of 1.18
/// has not, and the other streams of 1.x have other fields.
fn is_second_line(body: &[u8], limit: usize) -> bool {
    #[derive(Deserialize)]
    struct Shape {
        created: Option<IgnoredAny>,
        data: Option<IgnoredAny>,
        properties: Option<IgnoredAny>,
        payload: Option<IgnoredAny>,
        #[serde(rename = "type", default)]
        kind: String,
    }
    let mut second = None;
    let mut look = |frame: Frame<'_>| {
        let Ok(shape) = serde_json::from_slice::<Shape>(frame.data) else { return };
        if second.is_none() && shape.kind != "server.connected" {
            let first = shape.properties.is_some() || shape.payload.is_some();
            second = Some(!first && shape.data.is_some() && shape.created.is_some());
        }
    };
    // What is too large is told when it is folded.
    let _ = SseDecoder::new(limit).feed(body, &mut look);
    second.unwrap_or_default()
}

impl Folding {
    fn frame(&mut self, frame: Frame<'_>) {
        match self.decoder.decode(frame, &mut self.seen) {
            Ok(Some(event)) => self.fold(&event),
            Ok(None) => {}
            Err(error) => self.recording.damaged.push(error),
        }
    }

    fn fold(&mut self, event: &Event) {
        self.recording.events += 1;
        let Some(id) = event.session_id() else { return };
        let transcript = (self.recording.sessions.entry(id.clone()))
            .or_insert_with(|| Transcript::new(id.clone(), self.order));
        transcript.apply(event, &mut Vec::new());
    }
}
