//! The pages of a plugin: a server on this machine's loopback address, one for each plugin.
//!
//! A port of its own makes an origin of its own: what a page of one plugin sends to another is foreign there. Cookies do not
//! know ports, so the cookie alone opens nothing: `gate` also looks at the host, the origin, and at what the browser says
//! of where a request comes from. Files come from memory (`assets`), events go out by server-sent events (`pages`), and
//! everything else is asked of the plugin.

mod answer;
mod assets;
mod gate;
mod pages;
mod server;

use async_trait::async_trait;
use opencode_nexus::Result;

pub use self::assets::Assets;
pub use self::pages::{Pages, PushError};
pub use self::server::WebServer;

/// What a page asks of its plugin: what is no file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WebRequest {
    /// The page that asks; 0 when it does not say, or has no event stream open.
    pub client: u32,
    /// `GET`, `POST`, …
    pub method: String,
    /// Below the plugin's address, as it was sent.
    pub path: String,
    /// Behind the question mark, as it was sent; empty when there is none.
    pub query: String,
    /// What the page says that the body is.
    pub content_type: String,
    /// At most 1 MiB.
    pub body: Vec<u8>,
}

/// What the plugin answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WebResponse {
    /// From 200 to 599; anything else becomes 502.
    pub status: u16,
    /// Plain text when it is empty or malformed.
    pub content_type: String,
    /// At most 8 MiB.
    pub body: Vec<u8>,
}

/// Answers pages.
#[async_trait]
pub trait WebGuest: Send + Sync {
    /// What is no file. May be dropped at any time.
    ///
    /// # Errors
    /// When the plugin cannot answer; the page is told that it could not.
    async fn on_web(&self, request: WebRequest) -> Result<WebResponse>;

    /// A page has opened its event stream.
    async fn client_open(&self, client: u32);

    /// Its event stream has ended.
    async fn client_close(&self, client: u32);
}
