//! The application object: one server that is found, started or named, and a client of it for each folder. What programs in
//! Python and Node hold, and programs in Rust that do not want to choose a server themselves.
//!
//! `target` says which server, `launch` how one of our own is started, `keep` whether conversations are kept, `companion` what lives
//! as long as it. Deliberately not here: asking a person for anything, and several servers at once.

mod companion;
mod keep;
mod launch;
mod target;

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

pub use companion::Companion;
pub use keep::{Keep, Kept};
pub use launch::{Launch, gone_back};
pub use target::{LOCAL, Target};

use crate::auth::SecretString;
use crate::client::Client;
use crate::config::{Config, Settings};
use crate::error::{Error, ErrorKind, Result};
use crate::extension::Extensions;
use crate::history::History;
use crate::server::{Progress, Supervisor, SupervisorOptions, Versions};
use crate::transport::Credentials;

/// How a [`Nexus`] finds its server, and what it adds.
#[derive(Clone)]
pub struct NexusOptions {
    /// The address of a server, for example `http://127.0.0.1:4096`. Default: `server.url` of the settings, else one that
    /// runs is looked for, else one is started.
    pub url: Option<String>,
    /// The name of a background server (`nexus server start NAME`). It must run then.
    pub server: Option<String>,
    /// The folder to work in. Default: the current one.
    pub directory: Option<PathBuf>,
    /// What the server at `url` wants to hear. Default: what the address or the environment says.
    pub credentials: Option<Credentials>,
    /// Whether a server may be started. Default: `server.start` of the settings.
    pub start: Option<bool>,
    /// The OpenCode binary for a server that is started. Default: `server.binary` of the settings, else it is found or
    /// installed.
    pub binary: Option<PathBuf>,
    /// Whether conversations are kept. Default: no.
    pub keep: Keep,
    /// The account to keep them in. Default: that of the settings, else the current one.
    pub account: Option<String>,
    /// The account's passphrase. Default: it must be logged in.
    pub passphrase: Option<SecretString>,
    /// The configuration file. Default: the person's own.
    pub config: Option<PathBuf>,
    /// The profile of the configuration. Default: the one that it names.
    pub profile: Option<String>,
    /// What others add: context providers, hooks, slash commands.
    pub extensions: Option<Extensions>,
    /// What is ended together with it, such as the plugins that provide those extensions.
    pub companion: Option<Arc<dyn Companion>>,
    /// Hears how far an installation of OpenCode is.
    pub progress: Arc<dyn Fn(Progress) + Send + Sync>,
}

impl Default for NexusOptions {
    fn default() -> Self {
        Self {
            url: None,
            server: None,
            directory: None,
            credentials: None,
            start: None,
            binary: None,
            keep: Keep::Off,
            account: None,
            passphrase: None,
            config: None,
            profile: None,
            extensions: None,
            companion: None,
            progress: Arc::new(|_| {}),
        }
    }
}

impl std::fmt::Debug for NexusOptions {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // The address may hold a password.
        f.debug_struct("NexusOptions").field("directory", &self.directory).finish_non_exhaustive()
    }
}

/// One server, and a client of it for each folder. Cheap to clone; when the last clone is gone, a server that was started
/// for it is ended.
///
/// ```no_run
/// # async fn story() -> opencode_nexus::Result<()> {
/// use opencode_nexus::{Nexus, NexusOptions};
///
/// let nexus = Nexus::open(NexusOptions::default()).await?;
/// let conversation = nexus.client().create(None).await?;
/// println!("{:?}", conversation.prompt("Hello").await?.finish().await?);
/// nexus.close().await
/// # }
/// ```
#[derive(Clone)]
pub struct Nexus {
    inner: Arc<Inner>,
}

impl Drop for Inner {
    fn drop(&mut self) {
        let Some(companion) = self.companion.take() else { return };
        if *self.is_closed.get_mut() {
            return;
        }
        // Nobody has closed it, and outside of a runtime there is nothing that could.
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            runtime.spawn(async move { companion.close().await });
        }
    }
}

impl std::fmt::Debug for Nexus {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Inner { client, has_started, .. } = &*self.inner;
        f.debug_struct("Nexus")
            .field("client", client)
            .field("has_started", has_started)
            .finish_non_exhaustive()
    }
}

struct Inner {
    target: Target,
    kept: Kept,
    settings: Settings,
    extensions: Option<Extensions>,
    companion: Option<Arc<dyn Companion>>,
    /// The client of the folder that was named first.
    client: Client,
    clients: Mutex<HashMap<PathBuf, Client>>,
    has_started: bool,
    supervisor: Mutex<Option<Supervisor>>,
    is_closed: std::sync::atomic::AtomicBool,
}

impl Nexus {
    /// Finds the server or starts one, and connects. A server that is started ends with this object, also when the process
    /// is killed; while it lives it is started again when it ends by itself.
    ///
    /// Must be called inside a tokio runtime. Dropping the future ends what was started.
    ///
    /// # Errors
    /// Those of the settings; `user.configuration` when the folder does not exist; `user.not_found` when a background server is
    /// named that does not run; `system.unreachable` when none runs and none may be started; those of installing, starting and
    /// connecting, and of opening the account.
    pub async fn open(options: NexusOptions) -> Result<Self> {
        let companion = options.companion.clone();
        let opened = Self::open_alone(options).await;
        match (&opened, companion) {
            (Ok(nexus), Some(companion)) => companion.attach(nexus.client()),
            (Err(_), Some(companion)) => companion.close().await,
            (_, None) => {}
        }
        opened
    }

    async fn open_alone(options: NexusOptions) -> Result<Self> {
        let mut settings = Config::load(options.config.as_deref(), options.profile.as_deref())?.settings()?;
        settings.server_start = options.start.unwrap_or(settings.server_start);
        settings.server_binary = options.binary.clone().or(settings.server_binary);
        let directory = folder(options.directory.as_deref())?;
        let kept =
            Kept::open(options.keep, &settings, options.account.as_deref(), options.passphrase.clone())
                .await?;
        let mut supervisor = None;
        let target = match locate(&options, &settings, &kept).await? {
            Some(target) => target,
            None => {
                let launch = Launch::prepare(&settings, &directory, options.progress.clone()).await?;
                let (started, target) = start(&launch).await?;
                supervisor = Some(started);
                target
            }
        };
        let (extensions, companion) = (options.extensions, options.companion);
        let client = target.client(&directory, &kept, extensions.as_ref(), &settings).await?;
        let clients = Mutex::new(HashMap::from([(directory, client.clone())]));
        let (has_started, supervisor) = (supervisor.is_some(), Mutex::new(supervisor));
        let is_closed = false.into();
        Ok(Self {
            inner: Arc::new(Inner {
                target,
                kept,
                settings,
                extensions,
                companion,
                client,
                clients,
                has_started,
                supervisor,
                is_closed,
            }),
        })
    }

    /// The client of the folder that was named first.
    pub fn client(&self) -> &Client {
        &self.inner.client
    }

    /// The client of a folder. The same folder has the same client.
    ///
    /// # Errors
    /// `user.configuration` when it does not exist; `user.aborted` when this object was closed; those of connecting.
    pub async fn client_in(&self, directory: &Path) -> Result<Client> {
        self.check_open()?;
        let directory = folder(Some(directory))?;
        let known = lock(&self.inner.clients).get(&directory).cloned();
        if let Some(client) = known {
            return Ok(client);
        }
        let Inner { target, kept, settings, extensions, .. } = &*self.inner;
        let client = target.client(&directory, kept, extensions.as_ref(), settings).await?;
        // Somebody else may have been faster: then theirs is used by all.
        Ok(lock(&self.inner.clients).entry(directory).or_insert(client).clone())
    }

    /// Whether the server was started for this object, and ends with it.
    pub fn has_started(&self) -> bool {
        self.inner.has_started
    }

    /// Whether conversations are kept.
    pub fn kept(&self) -> &Kept {
        &self.inner.kept
    }

    /// The history in which conversations are kept.
    pub fn history(&self) -> Option<History> {
        self.inner.kept.history()
    }

    /// The settings that hold for it.
    pub fn settings(&self) -> &Settings {
        &self.inner.settings
    }

    /// Says that it is not used any more, and waits until a server that was started for it is gone. A second call does
    /// nothing. Conversations that are open lose their server then, if it was ours.
    ///
    /// # Errors
    /// Those of [`Supervisor::stop`].
    pub async fn close(&self) -> Result<()> {
        self.inner.is_closed.store(true, std::sync::atomic::Ordering::Release);
        lock(&self.inner.clients).clear();
        if let Some(companion) = &self.inner.companion {
            // It may have something to say to the server.
            companion.close().await;
        }
        let supervisor = lock(&self.inner.supervisor).take();
        match supervisor {
            Some(supervisor) => supervisor.stop().await,
            None => Ok(()),
        }
    }

    /// Whether [`close`](Self::close) was called.
    ///
    /// # Errors
    /// `user.aborted` then.
    pub fn check_open(&self) -> Result<()> {
        match self.inner.is_closed.load(std::sync::atomic::Ordering::Acquire) {
            true => {
                Err(Error::new(ErrorKind::Aborted, "this Nexus was closed").with_hint("open another one"))
            }
            false => Ok(()),
        }
    }
}

/// The server that is named or that runs; `None` when one must be started.
async fn locate(options: &NexusOptions, settings: &Settings, kept: &Kept) -> Result<Option<Target>> {
    let configured = settings.server_url.as_ref().filter(|_| options.server.is_none());
    if let Some(url) = options.url.as_ref().or(configured) {
        let credentials = match (&options.credentials, kept) {
            (Some(credentials), _) => Some(credentials.clone()),
            (None, Kept::On(account)) if Credentials::from_environment().is_none() => {
                account.credentials().get(url).await?
            }
            (None, _) => None,
        };
        return Ok(Some(Target::named(url, credentials)));
    }
    Target::running(options.server.as_deref().or(settings.server_name.as_deref())).await
}

async fn start(launch: &Launch) -> Result<(Supervisor, Target)> {
    let mut options = SupervisorOptions::new(launch.options.clone());
    options.name = LOCAL.to_owned();
    let (supervisor, back) = Supervisor::start_found(&launch.found, options, &Versions::open()?).await?;
    if let Some(back) = back {
        tracing::warn!("{}", gone_back(&back));
    }
    let target = launch.target(&supervisor.state().borrow().url);
    Ok((supervisor, target))
}

/// The folder that is named, else the current one; absolute.
///
/// # Errors
/// `user.configuration` when it does not exist.
pub fn folder(named: Option<&Path>) -> Result<PathBuf> {
    let folder = match named {
        Some(folder) => folder.to_owned(),
        None => std::env::current_dir()?,
    };
    folder.canonicalize().map_err(|error| {
        Error::new(ErrorKind::Configuration, format!("cannot open the folder {}: {error}", folder.display()))
            .with_hint("name an existing folder as the directory")
    })
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
