//! HTTP: one request in, one answer or one event stream out.
//!
//! TLS policy, pooling, compression, proxies, credentials, time limits per phase, and retrying as the error allows.
//! Deliberately not here: what the requests mean (`dialect`) and reconnecting of event streams (`stream`).

mod config;
pub(crate) mod download;
mod errors;
mod http;
mod redact;
mod redact_json;
mod retry;

pub use config::{Credentials, Timeouts, TlsMinimum, TlsPolicy, TransportConfig};
pub use download::download;
#[cfg(fuzzing)]
pub(crate) use errors::{classify, from_decode};
pub(crate) use http::Transport;
pub use redact::Secret;
pub(crate) use redact_json::Keys;
pub use retry::{Backoff, BackoffPolicy};
