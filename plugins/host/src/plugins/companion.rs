//! The plugins of a [`Nexus`]: opened before it, so that their hooks see its first prompt, and ended with it.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use opencode_nexus::config::Config;
use opencode_nexus::nexus::{Companion, folder};
use opencode_nexus::{Client, Nexus, NexusOptions, Result};

use super::{Options, Plugins};

/// How long opening waits for what plugins give. The first time a component is compiled, which takes a large one ten seconds.
const READY: Duration = Duration::from_secs(15);

impl Plugins {
    /// Opens a `Nexus` with those that are installed; `None` when there are none. They are there when it is: what they give can be
    /// named in its first prompt, unless that is not known after 15 s ([`standing`](Self::standing) tells of it). Both have the
    /// same settings, and closing the `Nexus` ends the plugins.
    ///
    /// ```no_run
    /// # async fn story() -> opencode_nexus::Result<()> {
    /// use opencode_nexus::NexusOptions;
    /// use opencode_nexus_plugins::plugins::Plugins;
    ///
    /// let (nexus, plugins) = Plugins::open_nexus(NexusOptions::default()).await?;
    /// println!("{:?}", plugins.map(|plugins| plugins.standing()));
    /// nexus.close().await
    /// # }
    /// ```
    ///
    /// Must be called inside a tokio runtime. Dropping the future ends what was started.
    ///
    /// # Errors
    /// Those of the settings, of [`open`](Self::open) and of [`Nexus::open`].
    pub async fn open_nexus(mut options: NexusOptions) -> Result<(Nexus, Option<Self>)> {
        let settings = Config::load(options.config.as_deref(), options.profile.as_deref())?.settings()?;
        let workspace = folder(options.directory.as_deref())?;
        let extensions = options.extensions.get_or_insert_default().clone();
        let plugins = Self::open(Options::new(&workspace, &settings, extensions.clone())?)?;
        options.companion = plugins.clone().map(|plugins| Arc::new(plugins) as Arc<dyn Companion>);
        let nexus = Nexus::open(options).await?;
        if !extensions.settled(READY).await {
            tracing::warn!("not all plugins are ready yet");
        }
        Ok((nexus, plugins))
    }
}

#[async_trait]
impl Companion for Plugins {
    fn attach(&self, client: &Client) {
        Self::attach(self, client.clone());
    }

    async fn close(&self) {
        Self::close(self).await;
    }
}
