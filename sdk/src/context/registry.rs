//! The providers by name.

use std::sync::Arc;

use super::project::ProjectFiles;
use super::provider::{ContextProvider, ProviderInfo};
use super::providers::{self, UrlProvider};

/// The providers by name. [`Context::default`] has those that are always there: `file`, `folder`, `symbol`, `diagnostics`,
/// `selection`, `git-diff`, `git-log`, `output`, `url`, `session`. Cheap to clone.
#[derive(Clone)]
pub struct Context {
    pub(super) providers: Vec<Arc<dyn ContextProvider>>,
    pub(super) files: ProjectFiles,
}

impl Default for Context {
    fn default() -> Self {
        let files = ProjectFiles::default();
        Self { providers: providers::all(&files), files }
    }
}

impl Context {
    /// Adds a provider; one of the same name gives way to it.
    pub fn add(&mut self, provider: Arc<dyn ContextProvider>) {
        let name = provider.info().name;
        match self.providers.iter_mut().find(|known| known.info().name == name) {
            Some(known) => *known = provider,
            None => self.providers.push(provider),
        }
    }

    /// Lets `@url` ask these hosts as well: `example.org`, `example.org:8080`, `*.example.org` (those below it). This machine
    /// is always allowed.
    #[must_use]
    pub fn with_hosts(mut self, hosts: &[String]) -> Self {
        self.add(Arc::new(UrlProvider::new(hosts)));
        self
    }

    /// The providers, in the order in which they are offered.
    pub fn providers(&self) -> Vec<ProviderInfo> {
        self.providers.iter().map(|provider| provider.info()).collect()
    }

    /// Whether there is a provider of this name.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.find(name).is_some()
    }

    pub(super) fn find(&self, name: &str) -> Option<&Arc<dyn ContextProvider>> {
        self.providers.iter().find(|provider| provider.info().name == name)
    }
}
