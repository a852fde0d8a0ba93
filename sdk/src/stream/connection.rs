//! One connection of an event stream: reads bytes until it ends, and hands on events in batches.

use std::future::Future as _;
use std::pin::pin;
use std::task::Poll;
use std::time::Duration;

use tokio::time::Instant;

use super::queue::Batch;
use super::sse::{EventTooLarge, Frame, SseDecoder};
use crate::error::{Error, ErrorKind, Retry};
use crate::model::Event;

/// A batch is handed on when the network pauses, or at this many events: enough to make locks and wake-ups cheap, and
/// few enough that its memory (about 15 KB) stays in the processor's cache and among the allocator's small blocks.
const BATCH: usize = 128;

/// The context of the error that says that the server itself ended the stream, and did so properly.
const END: &str = "end";
const CLEAN: &str = "clean";

/// Whether the server ended the stream, rather than the network.
pub(crate) fn ended_by_server(error: &Error) -> bool {
    error.context(END) == Some(CLEAN)
}

/// What a connection tells its hub.
pub(super) enum Piece {
    Batch(Batch),
    /// A frame could not be read: something is missing here.
    Damaged(Error),
}

/// Reads a body to its end and says why it ended. `decode` gives `Ok(None)` for what is nobody's business.
///
/// Cancel-safe in the sense that dropping it closes the connection.
pub(super) async fn read(
    mut response: reqwest::Response,
    idle: Duration,
    limit: usize,
    mut decode: impl FnMut(Frame<'_>) -> Result<Option<Event>, Error>,
    mut emit: impl FnMut(Piece),
) -> Error {
    let mut sse = SseDecoder::new(limit);
    let mut batch = Batch::default();
    let mut watchdog = pin!(tokio::time::sleep(idle));
    loop {
        let ready = if_ready(&mut response).await;
        let chunk = match ready {
            Some(result) => result,
            None => {
                flush(&mut batch, &mut emit);
                watchdog.as_mut().reset(Instant::now() + idle);
                tokio::select! {
                    biased;
                    result = response.chunk() => result,
                    () = watchdog.as_mut() => return silent(idle),
                }
            }
        };
        let mut on_frame = |frame: Frame<'_>, batch: &mut Batch| match decode(frame) {
            Ok(Some(event)) => {
                batch.bytes += frame.data.len();
                batch.events.push(event);
                if batch.events.len() >= BATCH {
                    flush(batch, &mut emit);
                }
            }
            Ok(None) => {}
            Err(error) => {
                flush(batch, &mut emit);
                emit(Piece::Damaged(error));
            }
        };
        match chunk {
            Ok(Some(bytes)) => {
                if let Err(error) = sse.feed(&bytes, |frame| on_frame(frame, &mut batch)) {
                    flush(&mut batch, &mut emit);
                    return too_large(error);
                }
            }
            Ok(None) => {
                // The last event may lack its blank line; it counts when it is whole.
                if let Some(tail) =
                    sse.finish().filter(|t| serde_json::from_slice::<serde::de::IgnoredAny>(t).is_ok())
                {
                    on_frame(Frame { event: "", data: &tail, last_event_id: "" }, &mut batch);
                }
                flush(&mut batch, &mut emit);
                return ended();
            }
            Err(error) => {
                flush(&mut batch, &mut emit);
                return broken(error);
            }
        }
    }
}

/// The next chunk if it is there already, `None` when the network pauses.
///
/// The HTTP client hands over one chunk at a time and needs a turn of its own task for the next. So after the first
/// look we stand back in the scheduler's line once, and look again: without that every event would be a batch of its
/// own, with a timer set, a lock taken and a subscriber woken for each.
pub(super) async fn if_ready(
    response: &mut reqwest::Response,
) -> Option<reqwest::Result<Option<bytes::Bytes>>> {
    let mut stood_back = false;
    std::future::poll_fn(|context| match pin!(response.chunk()).poll(context) {
        Poll::Ready(result) => Poll::Ready(Some(result)),
        Poll::Pending if stood_back => Poll::Ready(None),
        Poll::Pending => {
            stood_back = true;
            context.waker().wake_by_ref();
            Poll::Pending
        }
    })
    .await
}

fn flush(batch: &mut Batch, emit: &mut impl FnMut(Piece)) {
    if !batch.events.is_empty() {
        // After a full batch the next one is likely to be full as well.
        let events = Vec::with_capacity(if batch.events.len() >= BATCH { BATCH } else { 0 });
        emit(Piece::Batch(std::mem::replace(batch, Batch { events, bytes: 0 })));
    }
}

pub(super) fn silent(idle: Duration) -> Error {
    Error::new(ErrorKind::Timeout, format!("the event stream was silent for {} s", idle.as_secs_f32()))
        .with_retry(Retry::Now)
}

pub(super) fn too_large(error: EventTooLarge) -> Error {
    Error::new(ErrorKind::TooLarge, error.to_string())
        .with_retry(Retry::Now)
        .with_hint("raise the limit (TransportConfig::body_limit) if this is expected")
}

/// The server has ended the stream properly.
pub(super) fn ended() -> Error {
    Error::new(ErrorKind::Unreachable, "the server closed the event stream")
        .with_retry(Retry::Now)
        .with_context(END, CLEAN)
}

pub(super) fn broken(error: reqwest::Error) -> Error {
    Error::new(ErrorKind::Unreachable, "the event stream broke")
        .with_retry(Retry::Now)
        .with_source(error.without_url())
}
