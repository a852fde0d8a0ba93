//! Which line of OpenCode is spoken with a server. It can change under the same address: somebody updates the server
//! while we are connected. So when the event stream cannot be made again, it is asked who is there now.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures_util::future::{BoxFuture, FutureExt as _};

use crate::dialect::{self, Dialect, Line, ServerInfo};
use crate::error::{Error, ErrorKind, Result};
use crate::stream::{Decode, Source};
use crate::transport::{BackoffPolicy, Transport};

/// What a server speaks, shared by its client, the event stream and the conversations.
#[derive(Clone)]
pub(crate) struct Spoken {
    transport: Transport,
    now: Arc<Mutex<Now>>,
}

struct Now {
    server: ServerInfo,
    dialect: Arc<dyn Dialect>,
    /// Counts the changes of line.
    changes: u64,
}

impl Spoken {
    /// Asks who is there.
    pub(crate) async fn with(transport: Transport) -> Result<Self> {
        let (server, dialect) = dialect::detect(&transport).await?;
        let now = Now { server, dialect, changes: 0 };
        Ok(Self { transport, now: Arc::new(Mutex::new(now)) })
    }

    pub(crate) fn server(&self) -> ServerInfo {
        self.lock().server.clone()
    }

    pub(crate) fn dialect(&self) -> Arc<dyn Dialect> {
        self.lock().dialect.clone()
    }

    pub(crate) fn changes(&self) -> u64 {
        self.lock().changes
    }

    /// The event stream, whichever line it is of.
    pub(crate) fn events(&self) -> Arc<dyn Source> {
        let source = self.dialect().events();
        Arc::new(Following {
            spoken: self.clone(),
            source: Mutex::new(source),
            opened: AtomicBool::new(false),
        })
    }

    /// Asks again. A server that cannot say it now is asked another time.
    async fn ask_again(&self) -> bool {
        let Ok((server, dialect)) = dialect::detect(&self.transport).await else { return false };
        let mut now = self.lock();
        if now.server.line == server.line {
            // An update within the line.
            now.server = server;
            return false;
        }
        tracing::warn!(
            before = now.server.version,
            after = server.version,
            "the server speaks another line now"
        );
        now.changes += 1;
        (now.server, now.dialect) = (server, dialect);
        true
    }

    fn lock(&self) -> MutexGuard<'_, Now> {
        self.now.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// An event stream that goes on as that of another line.
struct Following {
    spoken: Spoken,
    source: Mutex<Arc<dyn Source>>,
    opened: AtomicBool,
}

impl Following {
    fn source(&self) -> Arc<dyn Source> {
        self.source.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    async fn follow(&self) -> bool {
        let changed = self.spoken.ask_again().await;
        if changed {
            *self.source.lock().unwrap_or_else(PoisonError::into_inner) = self.spoken.dialect().events();
        }
        changed
    }
}

impl Source for Following {
    fn open(&self) -> BoxFuture<'_, Result<reqwest::Response>> {
        async move {
            let again = self.opened.swap(true, Ordering::Relaxed);
            // 1.18 has a stream where OpenCode 2 has its own, so that one opening tells nothing.
            if again && self.spoken.server().line == Line::V2 {
                self.follow().await;
            }
            match self.source().open().await {
                Err(error) if matches!(error.kind(), ErrorKind::Incompatible | ErrorKind::NotFound) => {
                    if self.follow().await { self.source().open().await } else { Err(error) }
                }
                opened => opened,
            }
        }
        .boxed()
    }

    fn decoder(&self) -> Box<dyn Decode> {
        self.source().decoder()
    }

    fn limits(&self) -> (Duration, usize) {
        self.source().limits()
    }

    fn backoff(&self) -> BackoffPolicy {
        self.source().backoff()
    }

    fn settling(&self) -> Duration {
        self.source().settling()
    }

    fn ended(&self, events: usize, why: &Error) {
        self.source().ended(events, why);
    }
}
