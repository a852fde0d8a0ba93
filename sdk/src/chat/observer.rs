//! A look at a conversation from the side: whoever holds it does not keep the conversation alive.

use std::sync::Arc;

use super::feed::ChatFeed;
use super::shared::Shared;
use super::transcript::Transcript;
use crate::model::SessionId;

/// Sees a conversation's transcripts and hears what it tells. When the conversation is gone, they stand still.
#[derive(Clone, Debug)]
pub(crate) struct Observer {
    shared: Arc<Shared>,
}

impl Observer {
    pub(super) fn new(shared: Arc<Shared>) -> Self {
        Self { shared }
    }

    pub(crate) fn root(&self) -> &SessionId {
        &self.shared.root
    }

    /// The conversation's session and those of its sub-agents.
    pub(crate) fn sessions(&self) -> Vec<SessionId> {
        self.shared.lock().scope.sessions().cloned().collect()
    }

    /// Looks at the transcript of one of them. `look` must be quick: events wait meanwhile.
    pub(crate) fn look<R>(&self, session: &SessionId, look: impl FnOnce(&Transcript) -> R) -> Option<R> {
        self.shared.lock().scope.get(session).map(look)
    }

    pub(crate) fn subscribe(&self) -> ChatFeed {
        self.shared.subscribe()
    }
}
