//! Work that outlives who waits for it: polled by its caller while it is quick, in a thread of its own when it computes, in the
//! background when its caller has gone.

use std::future::poll_fn;
use std::sync::Arc;
use std::task::{Context, Poll};

use futures_util::future::BoxFuture;
use tokio::runtime::Handle;

use crate::instance::Clock;

/// Drives work until it is done, or has gone to a thread.
pub(super) async fn drive(work: BoxFuture<'static, ()>, clock: &Arc<Clock>) {
    let mut lane = Lane { work: Some(work), clock: clock.clone(), is_orphan: false };
    poll_fn(|context| lane.poll(context)).await;
}

/// One piece of work.
struct Lane {
    work: Option<BoxFuture<'static, ()>>,
    clock: Arc<Clock>,
    /// Nobody waits for it any more.
    is_orphan: bool,
}

impl Lane {
    fn poll(&mut self, context: &mut Context<'_>) -> Poll<()> {
        let Some(work) = &mut self.work else { return Poll::Ready(()) };
        if work.as_mut().poll(context).is_ready() {
            self.work = None;
            return Poll::Ready(());
        }
        if self.clock.has_ticked()
            && let Some(work) = self.work.take()
        {
            move_to_thread(work);
            return Poll::Ready(());
        }
        Poll::Pending
    }
}

impl Drop for Lane {
    fn drop(&mut self) {
        // A runtime that ends drops what was spawned: then it is over.
        let (Some(work), false, Ok(runtime)) = (self.work.take(), self.is_orphan, Handle::try_current())
        else {
            return;
        };
        let mut lane = Self { work: Some(work), clock: self.clock.clone(), is_orphan: true };
        runtime.spawn(async move { poll_fn(|context| lane.poll(context)).await });
    }
}

/// Lets work go on in a thread of its own. When there is none to be had, the work is dropped, and with it the instance.
fn move_to_thread(work: BoxFuture<'static, ()>) {
    let Ok(runtime) = Handle::try_current() else { return };
    let run = move || runtime.block_on(work);
    if let Err(error) = std::thread::Builder::new().name("nexus-plugin".to_owned()).spawn(run) {
        tracing::warn!(%error, "a plugin that computes got no thread and was ended");
    }
}
