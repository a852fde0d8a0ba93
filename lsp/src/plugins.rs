//! The installed plugins, as what they add to a command: context, commands, hooks. Opening them costs nothing where none is
//! installed, and never holds a command up: they start beside it.
//!
//! Built without the feature `plugins`, there are none.

use std::path::Path;
use std::time::Duration;

use opencode_nexus::Client;
use opencode_nexus::extension::{Extensions, NoticeFeed};

use crate::output;

/// How long a command waits for plugins that are being started, where they are needed.
pub(crate) const STARTED: Duration = Duration::from_secs(15);

/// The plugins of one folder. Cheap to clone; [`close`](Self::close) ends them for all.
#[derive(Clone, Default)]
pub(crate) struct Plugins {
    extensions: Extensions,
    #[cfg(feature = "plugins")]
    opened: Option<opencode_nexus_plugins::plugins::Plugins>,
}

/// How a plugin stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct PluginState {
    pub id: String,
    pub version: String,
    /// One word: `starting`, `ready`, `idle`, `failed`, `disabled`.
    pub state: String,
    /// Where its pages are.
    pub url: Option<String>,
    /// What is wrong.
    pub problem: Option<String>,
}

impl Plugins {
    /// What is installed, for a folder. What cannot be opened is told as a notice: nobody is kept from working by it.
    ///
    /// Must be called inside a tokio runtime.
    #[cfg(feature = "plugins")]
    pub(crate) fn open(folder: &Path) -> Self {
        use opencode_nexus::extension::Notice;

        let extensions = Extensions::default();
        let opening = || -> opencode_nexus::Result<_> {
            let settings = crate::settings::settings()?;
            let options =
                opencode_nexus_plugins::plugins::Options::new(folder, &settings, extensions.clone())?;
            opencode_nexus_plugins::plugins::Plugins::open(options)
        };
        let opened = match opening() {
            Ok(opened) => opened,
            Err(error) => {
                // Whoever shows notices listens a moment later.
                let notices = extensions.notices().clone();
                tokio::spawn(async move {
                    tokio::task::yield_now().await;
                    notices.tell(Notice::warning("plugins", error.to_string()));
                });
                None
            }
        };
        Self { extensions, opened }
    }

    /// None.
    #[cfg(not(feature = "plugins"))]
    pub(crate) fn open(_: &Path) -> Self {
        Self::default()
    }

    pub(crate) fn extensions(&self) -> &Extensions {
        &self.extensions
    }

    /// Lets frontends and commands see the sessions of a server.
    pub(crate) fn attach(&self, client: &Client) {
        #[cfg(feature = "plugins")]
        if let Some(opened) = &self.opened {
            opened.attach(client.clone());
        }
        #[cfg(not(feature = "plugins"))]
        let _ = client;
    }

    /// How each stands.
    pub(crate) fn states(&self) -> Vec<PluginState> {
        #[cfg(feature = "plugins")]
        if let Some(opened) = &self.opened {
            let state = |one: opencode_nexus_plugins::plugins::Standing| PluginState {
                id: one.id,
                version: one.version,
                state: one.state.as_str().to_owned(),
                url: one.url,
                problem: one.problem,
            };
            return opened.standing().into_iter().map(state).collect();
        }
        Vec::new()
    }

    /// Ends them, within a bound of their own.
    pub(crate) async fn close(&self) {
        #[cfg(feature = "plugins")]
        if let Some(opened) = &self.opened {
            opened.close().await;
        }
    }
}

/// Shows notices on standard error, for commands without a screen.
pub(crate) async fn print_notices(mut notices: NoticeFeed) {
    while let Some(notice) = notices.next().await {
        eprintln!("{}", output::clean(&notice.to_string()));
    }
}
