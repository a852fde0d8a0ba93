//! The turns of an open session: each is followed by a task to its end, and can be stopped from outside of it.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use opencode_nexus::chat::{ChatEvent, Turn};
use opencode_nexus::model::MessageId;
use opencode_nexus::{Error, ErrorKind, Result};
use tokio::sync::{Notify, oneshot};
use tokio::time::Instant;

use super::actor::Actor;
use crate::language_server::backend::Backend;
use crate::language_server::convert::error_info;

/// Stops a turn, from outside of the task that has it.
#[derive(Default)]
pub(super) struct Stop {
    asked: Notify,
    answer: Mutex<Option<oneshot::Sender<Result<()>>>>,
}

impl Actor {
    /// A turn was begun: follows it to its end. `watcher` is told it.
    pub(super) fn begun(self: &Arc<Self>, backend: &Backend, watcher: Option<u64>, turn: Turn) {
        let (id, stop) = (turn.message_id().clone(), Arc::new(Stop::default()));
        self.lock().session.begun(watcher, id.as_str());
        self.stops().push((id.clone(), stop.clone()));
        let (actor, backend) = (self.clone(), backend.clone());
        backend.roots.changed();
        tokio::spawn(async move {
            let lost = follow(turn, &stop).await;
            actor.stops().retain(|(known, _)| *known != id);
            let mut state = actor.lock();
            state.last_used = Instant::now();
            if let Some(error) = lost {
                // Its last words wait in the feed.
                while let Some(Ok(event)) = state.feed.try_next() {
                    state.fold(&backend, &event);
                }
                state.session.lost(id.as_str(), error_info(&error));
            }
            drop(state);
            actor.nudge.notify_one();
            backend.roots.changed();
        });
    }

    fn stops(&self) -> MutexGuard<'_, Vec<(MessageId, Arc<Stop>)>> {
        self.stops.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Asks for a turn to be stopped, or for whatever runs. One that is over needs nothing.
    ///
    /// # Errors
    /// When the server cannot be reached.
    pub(super) async fn cancel(&self, turn: Option<&str>) -> Result<()> {
        let stop = {
            let stops = self.stops();
            let found = match turn {
                Some(turn) => stops.iter().find(|(id, _)| id.as_str() == turn),
                None => stops.first(),
            };
            found.map(|(_, stop)| stop.clone())
        };
        match (stop, turn) {
            (Some(stop), _) => {
                let (sender, answer) = oneshot::channel();
                *stop.answer.lock().unwrap_or_else(PoisonError::into_inner) = Some(sender);
                stop.asked.notify_one();
                // A turn that ends meanwhile does not answer.
                answer.await.unwrap_or(Ok(()))
            }
            (None, Some(turn)) if self.lock().session.running() != Some(turn) => Ok(()),
            (None, _) => self.conversation().abort().await,
        }
    }
}

/// Follows a turn to its end; why the end cannot be learned, if so. What happens in it is heard elsewhere.
async fn follow(mut turn: Turn, stop: &Stop) -> Option<Error> {
    loop {
        tokio::select! {
            item = turn.next() => match item {
                Some(Ok(ChatEvent::TurnEnded { message_id, .. })) if message_id == *turn.message_id() => return None,
                Some(Ok(_)) => {}
                Some(Err(error)) => return Some(error),
                None => return Some(Error::new(ErrorKind::Aborted, "the conversation was closed before the turn ended")),
            },
            () = stop.asked.notified() => {
                let result = turn.abort().await;
                let answer = stop.answer.lock().unwrap_or_else(PoisonError::into_inner).take();
                // Whoever asked may be gone.
                if let Some(answer) = answer {
                    let _ = answer.send(result);
                }
            }
        }
    }
}
