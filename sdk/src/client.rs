//! One OpenCode server: typed access to every operation, its events, and its conversations.

mod named;
mod spoken;

use std::sync::{Arc, Mutex, PoisonError};

use opencode_api::{Location, Operation};

pub use self::named::Called;
pub(crate) use self::spoken::Spoken;
use crate::chat::{Conversation, ConversationOptions};
use crate::dialect::{Capabilities, Dialect, ServerInfo, SessionFilter};
use crate::error::{Error, ErrorKind, Result};
use crate::extension::Extensions;
use crate::history::History;
use crate::model::{Agent, Catalogue, Message, ServerConfiguration, Session, SessionId, SlashCommand};
use crate::server::LogLevel;
use crate::stream::{EventHub, EventStream, RawEvents};
use crate::transport::{Credentials, Transport, TransportConfig};

/// A connection to one server. Cheap to clone; clones share the connection pool and the event stream.
#[derive(Clone)]
pub struct Client {
    inner: Arc<Inner>,
    /// Whether its conversations go into the history.
    is_kept: bool,
}

struct Inner {
    transport: Transport,
    spoken: Spoken,
    hub: Mutex<Option<EventHub>>,
    history: Option<History>,
    extensions: Option<Extensions>,
    name: String,
}

impl std::fmt::Debug for Client {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Client")
            .field("address", &self.inner.transport.address())
            .field("server", &self.server())
            .finish()
    }
}

/// What a [`Client`] is made of.
#[derive(Clone)]
pub struct ClientBuilder {
    address: String,
    location: Location,
    config: TransportConfig,
    history: Option<History>,
    extensions: Option<Extensions>,
    name: Option<String>,
}

impl std::fmt::Debug for ClientBuilder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // The address may hold a password.
        f.debug_struct("ClientBuilder").field("location", &self.location).finish_non_exhaustive()
    }
}

impl ClientBuilder {
    /// The directory in which the server shall work, as the server sees it. Without one it is the server's own.
    #[must_use]
    pub fn directory(mut self, directory: impl Into<String>) -> Self {
        self.location.directory = Some(directory.into());
        self
    }

    /// Who we are. Credentials in the address win; without any, [`Credentials::from_environment`] is asked.
    #[must_use]
    pub fn credentials(mut self, credentials: Credentials) -> Self {
        self.config.credentials = Some(credentials);
        self
    }

    /// Everything about the connection.
    #[must_use]
    pub fn transport(mut self, config: TransportConfig) -> Self {
        self.config = config;
        self
    }

    /// Keeps every conversation that is opened through the client in a history. Without one nothing is kept.
    #[must_use]
    pub fn history(mut self, history: History) -> Self {
        self.history = Some(history);
        self
    }

    /// What others add: their hooks see every prompt of the client's conversations before it is sent, those of an outbox
    /// too, and every answer. Without any, nothing is seen.
    #[must_use]
    pub fn extensions(mut self, extensions: Extensions) -> Self {
        self.extensions = Some(extensions);
        self
    }

    /// The name under which a history and an outbox know the server. Without one it is its address without credentials.
    /// Servers that are started for a folder have another port each time: call them all `local`.
    #[must_use]
    pub fn server_name(mut self, name: impl Into<String>) -> Self {
        self.name = Some(name.into());
        self
    }

    /// Finds out what the server speaks and connects.
    ///
    /// # Errors
    /// A malformed address, a server that cannot be reached or is none, credentials that are wrong.
    pub async fn connect(mut self) -> Result<Client> {
        if self.name.as_ref().is_some_and(|n| n.is_empty() || n.contains(char::is_control)) {
            return Err(Error::new(ErrorKind::InvalidInput, "that is no name for a server")
                .with_hint("use a plain word, for example local"));
        }
        if self.config.credentials.is_none() {
            self.config.credentials = Credentials::from_environment();
        }
        let transport = Transport::new(&self.address, self.location, self.config)?;
        let spoken = Spoken::with(transport.clone()).await?;
        tracing::debug!(address = %transport.address(), version = spoken.server().version, "connected");
        let name = self.name.unwrap_or_else(|| transport.address().trim_end_matches('/').to_owned());
        let inner = Inner {
            transport,
            spoken,
            hub: Mutex::new(None),
            history: self.history,
            extensions: self.extensions,
            name,
        };
        Ok(Client { inner: Arc::new(inner), is_kept: true })
    }
}

impl Client {
    /// A client for the server at an address like `http://127.0.0.1:4096` or `https://user:password@host`.
    pub fn builder(address: impl Into<String>) -> ClientBuilder {
        ClientBuilder {
            address: address.into(),
            location: Location::default(),
            config: TransportConfig::default(),
            history: None,
            extensions: None,
            name: None,
        }
    }

    /// Connects with what the address and the environment say.
    ///
    /// # Errors
    /// As [`ClientBuilder::connect`].
    pub async fn connect(address: impl Into<String>) -> Result<Self> {
        Self::builder(address).connect().await
    }

    /// What the server said about itself when it was last asked: at the beginning, and when the event stream had to be
    /// made again. A server that is replaced by one of the other line is noticed so; conversations that are open then
    /// end with an error that says it, and can be opened anew.
    pub fn server(&self) -> ServerInfo {
        self.inner.spoken.server()
    }

    /// What this server can do and servers of the other line cannot.
    pub fn capabilities(&self) -> Capabilities {
        self.dialect().capabilities()
    }

    /// The server's address, without credentials.
    pub fn address(&self) -> String {
        self.inner.transport.address()
    }

    /// The name under which a history knows the server: its address without credentials, or what
    /// [`ClientBuilder::server_name`] said.
    pub fn server_name(&self) -> String {
        self.inner.name.clone()
    }

    /// The folder in which the server works for this client; `None` when it is the server's own.
    pub fn directory(&self) -> Option<&str> {
        self.inner.transport.location().directory.as_deref()
    }

    /// Where its conversations are kept.
    pub fn history(&self) -> Option<&History> {
        self.inner.history.as_ref().filter(|_| self.is_kept)
    }

    /// What others have added, where it was [given](ClientBuilder::extensions).
    pub fn extensions(&self) -> Option<&Extensions> {
        self.inner.extensions.as_ref()
    }

    /// The same client, whose conversations are not kept in a history: for what nobody will want to find again.
    #[must_use]
    pub fn unkept(&self) -> Self {
        Self { is_kept: false, ..self.clone() }
    }

    /// Calls any operation of the server's interface. Only operations without effect are repeated when they fail.
    ///
    /// Servers of OpenCode 2 answer with API keys in clear text. In answers about providers, models, the configuration and
    /// credentials every text under a name like `apiKey`, `token`, `secret`, `password` or `authorization` is
    /// `[redacted]`; so do not send such an answer back as an update.
    ///
    /// # Errors
    /// What the server or the connection says.
    pub async fn call<O: Operation>(&self, operation: &O) -> Result<O::Response> {
        self.inner.transport.call(operation, false).await
    }

    /// Writes into the server's own log, where its lines and ours stand together. `service` says who speaks; `extra` is
    /// shown beside the message. Hold no secrets in any of it.
    ///
    /// # Errors
    /// `user.unsupported` on OpenCode 2, which has no such thing ([`Capabilities::log`]); what the server or the
    /// connection says.
    pub async fn log(
        &self,
        level: LogLevel,
        service: &str,
        message: &str,
        extra: &serde_json::Map<String, serde_json::Value>,
    ) -> Result<()> {
        self.dialect().log(level, service, message, extra).await
    }

    /// The server's events from now on. All subscribers share one connection, which lives as long as the client.
    ///
    /// Must be called inside a tokio runtime.
    pub fn events(&self) -> EventStream {
        let mut hub = self.inner.hub.lock().unwrap_or_else(PoisonError::into_inner);
        if hub.as_ref().is_none_or(EventHub::has_failed) {
            *hub = Some(EventHub::start(self.inner.spoken.events()));
        }
        // Filled just above.
        match hub.as_ref() {
            Some(hub) => hub.subscribe(),
            None => EventHub::start(self.inner.spoken.events()).subscribe(),
        }
    }

    /// The server's events from now on, each as the text that the server sent: for those who want the wire. It has a connection
    /// of its own, and is read as fast as it is taken.
    pub fn raw_events(&self) -> RawEvents {
        RawEvents::new(self.inner.spoken.events())
    }

    /// A new conversation.
    ///
    /// # Errors
    /// When the server refuses or cannot be reached.
    pub async fn create(&self, title: Option<&str>) -> Result<Conversation> {
        self.create_with(title, ConversationOptions::default()).await
    }

    /// [`create`](Self::create) with options.
    ///
    /// # Errors
    /// As [`create`](Self::create).
    pub async fn create_with(
        &self,
        title: Option<&str>,
        options: ConversationOptions,
    ) -> Result<Conversation> {
        let session = self.dialect().create(title, None).await?;
        Conversation::open(self.clone(), session.id, options).await
    }

    /// A conversation that exists; its whole history is read.
    ///
    /// # Errors
    /// When there is no such session, or the server cannot be reached.
    pub async fn open(
        &self,
        session: impl Into<SessionId>,
        options: ConversationOptions,
    ) -> Result<Conversation> {
        Conversation::open(self.clone(), session.into(), options).await
    }

    /// The sessions of the directory, newest first; all pages of them.
    ///
    /// # Errors
    /// When the server cannot be reached.
    pub async fn sessions(&self, filter: &SessionFilter) -> Result<Vec<Session>> {
        self.dialect().sessions(filter).await
    }

    /// The sessions in which a turn runs, those of sub-agents too.
    ///
    /// # Errors
    /// When the server cannot be reached.
    pub async fn running(&self) -> Result<Vec<SessionId>> {
        self.dialect().busy().await
    }

    /// The messages of a session, read from the server now, the oldest first. To follow it, [`open`](Self::open) it.
    ///
    /// # Errors
    /// When there is no such session, or the server cannot be reached.
    pub async fn messages(&self, session: &SessionId) -> Result<Vec<Message>> {
        self.dialect().messages(session).await
    }

    /// The server's own configuration, without secrets.
    ///
    /// # Errors
    /// When the server cannot be reached.
    pub async fn configuration(&self) -> Result<ServerConfiguration> {
        self.dialect().configuration().await
    }

    /// Changes the server's configuration by a JSON merge patch (RFC 7396): objects are laid over each other, `null`
    /// removes a name. [`ServerConfiguration::after`] tells before what will come of it. The server takes the change up
    /// at once (OpenCode 2 a moment later); a turn that runs meanwhile may be stopped by it (1.18.33 closes its projects).
    ///
    /// Do not send back what was read: secrets are redacted in it.
    ///
    /// # Errors
    /// `user.invalid_input` when the server finds a value wrong, `user.unsupported` for what this line cannot change:
    /// OpenCode 2 takes nothing but `shell`.
    pub async fn patch_configuration(&self, patch: &serde_json::Value) -> Result<()> {
        self.dialect().patch_configuration(patch).await
    }

    /// The providers and models that the server knows, whether they can be used or not, without keys.
    ///
    /// # Errors
    /// When the server cannot be reached.
    pub async fn models(&self) -> Result<Catalogue> {
        self.dialect().models().await
    }

    /// The agents of the directory, the server's own among them.
    ///
    /// # Errors
    /// When the server cannot be reached.
    pub async fn agents(&self) -> Result<Vec<Agent>> {
        self.dialect().agents().await
    }

    /// The slash commands that the server offers for the directory, in its order; [`Action::Command`] runs one.
    ///
    /// # Errors
    /// When the server cannot be reached.
    ///
    /// [`Action::Command`]: crate::dialect::Action::Command
    pub async fn commands(&self) -> Result<Vec<SlashCommand>> {
        self.dialect().commands().await
    }

    pub(crate) fn dialect(&self) -> Arc<dyn Dialect> {
        self.inner.spoken.dialect()
    }

    pub(crate) fn spoken(&self) -> Spoken {
        self.inner.spoken.clone()
    }
}
