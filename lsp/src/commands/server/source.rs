//! Where `install` and `update` get OpenCode from: the options that both take.

use std::path::PathBuf;

use opencode_nexus::Result;
use opencode_nexus::server::{Checksum, InstallOptions, Network, Source};

use crate::output;

#[derive(clap::Args)]
pub(crate) struct SourceArguments {
    /// A file instead of npm: an npm package (.tgz), a release (.tar.gz, .zip), or the executable itself.
    #[arg(long, value_name = "PATH", conflicts_with = "url", help_heading = "Source")]
    archive: Option<PathBuf>,
    /// An address instead of npm: https, or http on this machine (which needs a checksum).
    #[arg(long, value_name = "URL", help_heading = "Source")]
    url: Option<String>,
    /// The SHA-256 that the archive must have: 64 hexadecimal digits.
    #[arg(long, value_name = "SUM", conflicts_with = "sha512", help_heading = "Source")]
    sha256: Option<String>,
    /// The SHA-512 that the archive must have: 128 hexadecimal digits, or base64 as npm writes it.
    #[arg(long, value_name = "SUM", help_heading = "Source")]
    sha512: Option<String>,
    /// Let npm use only what its cache holds.
    #[arg(long, conflicts_with_all = ["archive", "url"], help_heading = "Source")]
    offline: bool,
    /// Let npm prefer what its cache holds.
    #[arg(long, conflicts_with_all = ["archive", "url", "offline"], help_heading = "Source")]
    prefer_offline: bool,
}

impl SourceArguments {
    /// Whether OpenCode comes from the registry that npm is configured for.
    pub(crate) fn is_npm(&self) -> bool {
        self.archive.is_none() && self.url.is_none()
    }

    /// What to install from, with progress shown on standard error unless `quiet`.
    ///
    /// # Errors
    /// `user.invalid_input` when a checksum is none.
    pub(crate) fn options(&self, quiet: bool) -> Result<InstallOptions> {
        let checksum = match (&self.sha256, &self.sha512) {
            (Some(sum), _) => Some(Checksum::sha256(sum)?),
            (None, Some(sum)) => Some(Checksum::sha512(sum)?),
            (None, None) => None,
        };
        let source = match (&self.archive, &self.url) {
            (Some(path), _) => Source::Archive(path.clone()),
            (None, Some(url)) => Source::Url(url.clone()),
            (None, None) => Source::Npm,
        };
        let network = match (self.offline, self.prefer_offline) {
            (true, _) => Network::Offline,
            (false, true) => Network::PreferCache,
            (false, false) => Network::AsConfigured,
        };
        let mut options = InstallOptions { source, network, checksum, ..InstallOptions::default() };
        if !quiet {
            options.progress = output::install_progress();
        }
        Ok(options)
    }
}
