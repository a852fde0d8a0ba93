//! Where a plugin comes from: a file, an address, or the index.

use std::path::Path;
use std::time::Duration;

use opencode_nexus::transport::download;
use opencode_nexus::{Error, ErrorKind, Result};
use opencode_nexus_plugins::bundle::Bundle;
use opencode_nexus_plugins::index::Index;
use opencode_nexus_plugins::manifest::is_id;

use crate::settings::settings;

/// An archive is smaller, and arrives within this.
const LARGEST: u64 = 52 << 20;
const BOUND: Duration = Duration::from_secs(300);

/// A plugin that was read and checked, and where it came from.
pub(super) struct Found {
    pub bundle: Bundle,
    pub source: String,
}

/// Reads what the person has named: `./x.plugin`, `https://…/x.plugin`, `acme.jira`, `acme.jira@1.2.0`.
pub(super) async fn find(what: &str) -> Result<Found> {
    if what.starts_with("https://") || what.starts_with("http://") {
        let bytes = download(what, LARGEST, BOUND).await?;
        let bundle = super::blocking(move || Bundle::from_bytes(&bytes)).await?;
        // Without what may be a credential: the rest is where it came from.
        let source = what.split(['?', '#']).next().unwrap_or_default();
        let source = match (source.split_once("://"), source.split_once('@')) {
            (Some((scheme, _)), Some((_, place))) => format!("{scheme}://{place}"),
            _ => source.to_owned(),
        };
        return Ok(Found { bundle, source });
    }
    let (id, version) = match what.split_once('@') {
        Some((id, version)) => (id, Some(version)),
        None => (what, None),
    };
    if is_id(id) && !Path::new(what).exists() {
        let index = index().await?;
        let (plugin, version) = match version {
            Some(version) => index.version(id, version)?,
            None => index.newest(id)?,
        };
        let (bundle, source) = index.fetch(plugin, version).await?;
        return Ok(Found { bundle, source });
    }
    let path = Path::new(what).to_owned();
    let source = std::path::absolute(&path).unwrap_or_else(|_| path.clone()).display().to_string();
    let bundle = super::blocking(move || Bundle::read(&path)).await?;
    Ok(Found { bundle, source })
}

/// The index of the settings.
pub(super) async fn index() -> Result<Index> {
    let settings = settings()?;
    let Some(place) = &settings.plugins_index else {
        return Err(Error::new(ErrorKind::Configuration, "there is no index of plugins").with_hint(
            "set it: nexus config set plugins.index ADDRESS; or give a file with its path: ./NAME.plugin",
        ));
    };
    let Some(key) = &settings.plugins_index_key else {
        return Err(Error::new(
            ErrorKind::Configuration,
            "the key that signs the index of plugins is not known",
        )
        .with_hint("ask its keeper, and set it: nexus config set plugins.index_key KEY"));
    };
    let key = key.parse().map_err(|_| {
        Error::new(ErrorKind::Configuration, "plugins.index_key is no public key of minisign's")
            .with_hint("it begins with RW and has 56 characters")
    })?;
    Index::open(place, &key, &super::folder()?).await
}
