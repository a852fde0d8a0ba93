//! Watches a server that is not ours: the same words about its health, but nobody starts or ends it.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{broadcast, watch};
use tokio_util::sync::{CancellationToken, DropGuard};

use super::health::{Health, HealthEvent};
use super::machine::Probed;
use super::policy::WatchPolicy;
use super::watcher::{Prober, Watched, Watcher};
use crate::dialect::detect;
use crate::transport::{Credentials, Transport, TransportConfig};
use crate::{ErrorKind, Result};

/// Which server is watched, and how.
#[derive(Clone, Debug)]
pub struct AdoptOptions {
    /// Its address; credentials in it count.
    pub address: String,
    /// What it wants to hear. Default (`None`): what the address and the environment say.
    pub credentials: Option<Credentials>,
    /// Its process, when it runs on this machine; then memory and processor time are watched as well.
    pub pid: Option<u32>,
    /// How it is watched. What is said there about starting again does not count.
    pub policy: WatchPolicy,
}

impl AdoptOptions {
    /// The defaults for this address.
    pub fn new(address: impl Into<String>) -> Self {
        Self { address: address.into(), credentials: None, pid: None, policy: WatchPolicy::default() }
    }
}

/// A server that is watched until this is dropped.
#[derive(Debug)]
pub struct Adopted {
    state: watch::Receiver<Watched>,
    events: broadcast::Sender<HealthEvent>,
    _end: DropGuard,
}

/// Watches the health of a server that runs already, here or elsewhere. Must be called inside a tokio runtime. It need not
/// answer yet: until then it is [`Health::Starting`], and [`Health::Unreachable`] after the first few questions.
///
/// # Errors
/// `user.invalid_input` or `user.configuration` when the address cannot be used.
pub fn adopt(options: AdoptOptions) -> Result<Adopted> {
    let AdoptOptions { address, credentials, pid, policy } = options;
    let config = TransportConfig { credentials, ..TransportConfig::default() };
    let transport = Transport::new(&address, opencode_api::Location::default(), config)?;
    let url = transport.address();
    let prober: Prober = Arc::new(move || {
        let transport = transport.clone();
        Box::pin(async move { ask(&transport).await })
    });
    let watcher = Watcher::new(policy, prober, url, pid, None);
    let (state, events, stop) = (watcher.state(), watcher.events(), CancellationToken::new());
    // Ends by itself when the token is dropped with what we return.
    tokio::spawn(watcher.run(stop.clone()));
    Ok(Adopted { state, events, _end: stop.drop_guard() })
}

async fn ask(transport: &Transport) -> Probed {
    match detect(transport).await {
        Ok((info, _)) => Probed::Healthy { version: info.version },
        Err(error) => match error.kind() {
            ErrorKind::Incompatible => Probed::Foreign("something that is not an OpenCode server".to_owned()),
            ErrorKind::Unauthorized | ErrorKind::Forbidden => {
                Probed::Foreign("a server that asks for another password".to_owned())
            }
            _ => Probed::Silent(error.message().to_owned()),
        },
    }
}

impl Adopted {
    /// How the server is, now and from now on.
    pub fn state(&self) -> watch::Receiver<Watched> {
        self.state.clone()
    }

    /// What happens from now on. A listener that is more than 256 events behind loses the oldest.
    pub fn events(&self) -> broadcast::Receiver<HealthEvent> {
        self.events.subscribe()
    }

    /// Waits until the server is known to be well or not, and says how it is: what [`state`](Self::state) has then.
    /// Cancel safe.
    pub async fn settled(&self, bound: Duration) -> Health {
        let mut state = self.state.clone();
        let known = state.wait_for(|state| state.health != Health::Starting);
        // Whatever is known when the time is over is the answer.
        let _ = tokio::time::timeout(bound, known).await;
        self.state.borrow().health.clone()
    }
}
