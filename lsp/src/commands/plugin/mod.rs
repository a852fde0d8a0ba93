//! `nexus plugin`: what others add, and what it may do. A file for each subcommand.

mod add;
mod build;
mod consent;
mod enable;
mod grant;
mod info;
mod key;
mod list;
mod logs;
mod new;
mod open;
mod remove;
mod rollback;
mod run;
mod screen;
mod search;
mod secret;
mod source;
mod test;
mod update;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Subcommand;
use opencode_nexus::folders::{self, Purpose};
use opencode_nexus::{Error, ErrorKind, Result};
use opencode_nexus_plugins::grants::{Grants, UNSIGNED};
use opencode_nexus_plugins::installed::{Installed, InstalledPlugin};
use opencode_nexus_plugins::manifest::Manifest;
use opencode_nexus_plugins::permissions::Permissions;
use opencode_nexus_plugins::signature::PublicKey;

use crate::settings::settings;

/// Plugins: install them, say what they may do, and write your own.
#[derive(clap::Args)]
#[command(arg_required_else_help = true, after_help = EXAMPLES)]
pub(crate) struct PluginCommand {
    #[command(subcommand)]
    what: What,
    /// Results as JSON.
    #[arg(long, global = true)]
    pub(crate) json: bool,
}

const EXAMPLES: &str = "\
A plugin gets what it declares and you grant, and nothing else. The first key that signs a plugin is believed from then on.

Examples:
  nexus plugin add ./jira.plugin              install a file: shows what it asks for, and asks you
  nexus plugin add acme.jira                  install it from the index (plugins.index)
  nexus plugin list                           what is installed, and what each may do
  nexus plugin update                         newer versions; one that asks for more waits until you grant it
  nexus plugin revoke acme.jira http          take a right back
  nexus plugin new acme.words --lang rust     begin a plugin of your own
  nexus plugin key author.key                 make a key to sign with
  nexus plugin build words --key author.key   make a .plugin of it";

#[derive(Subcommand)]
enum What {
    /// Install a plugin: a file, an address, or an id of the index.
    Add(add::Add),
    /// Show what is installed.
    List(list::List),
    /// Show one plugin: what it is, asks for and may do. Of a file too, without installing it.
    Info(info::Info),
    /// Show what the index has.
    Search(search::Search),
    /// Install newer versions from the index.
    Update(update::Update),
    /// Use the version before again.
    Rollback(rollback::Rollback),
    /// Let a plugin do what it asks for, or a part of it.
    Grant(grant::Grant),
    /// Take rights back.
    Revoke(grant::Revoke),
    /// Let a plugin run.
    Enable(enable::Enable),
    /// Keep a plugin installed and do not run it.
    Disable(enable::Disable),
    /// Remove a plugin with everything that it has kept.
    Remove(remove::Remove),
    /// Show a plugin's pages, or let it draw on this terminal.
    Open(open::Open),
    /// Show what a plugin has logged.
    Logs(logs::Logs),
    /// Keep what only a plugin shall know: tokens, passwords.
    Secret(secret::SecretCommand),
    /// Call one function of a plugin, as an editor would.
    Run(run::Run),
    /// Begin a plugin: a small project that works.
    New(new::New),
    /// Make a .plugin file of a project.
    Build(build::Build),
    /// Run the cases of a project (tests/*.toml) in the real host.
    Test(test::Test),
    /// Make a key pair to sign plugins with.
    Key(key::Key),
}

impl PluginCommand {
    pub(crate) async fn run(self) -> Result<ExitCode> {
        let json = self.json;
        match self.what {
            What::Add(add) => add.run(json).await,
            What::List(list) => list.run(json),
            What::Info(info) => info.run(json).await,
            What::Search(search) => search.run(json).await,
            What::Update(update) => update.run(json).await,
            What::Rollback(rollback) => rollback.run(json).await,
            What::Grant(grant) => grant.run(json).await,
            What::Revoke(revoke) => revoke.run(json).await,
            What::Enable(enable) => enable.run(json).await,
            What::Disable(disable) => disable.run(json).await,
            What::Remove(remove) => remove.run(json).await,
            What::Open(open) => open.run(json).await,
            What::Logs(logs) => logs.run(json),
            What::Run(run) => run.run(json).await,
            What::Secret(secret) => secret.run(json).await,
            What::New(new) => new.run(json),
            What::Build(build) => build.run(json).await,
            What::Test(test) => test.run(json).await,
            What::Key(key) => key.run(json).await,
        }
    }
}

/// The plugins of the person.
fn installed() -> Result<Installed> {
    Ok(Installed::at(folder()?))
}

/// Where they lie.
fn folder() -> Result<PathBuf> {
    Ok(folders::data()?.join("plugins"))
}

fn grants() -> Result<Grants> {
    Ok(Grants::open(&folder()?))
}

/// How grants name a publisher.
fn publisher(key: Option<&PublicKey>) -> String {
    key.map_or_else(|| UNSIGNED.to_owned(), PublicKey::to_string)
}

/// What a plugin may do, by the person's grants and by the configuration.
fn rights(manifest: &Manifest, key: Option<&PublicKey>) -> Result<Permissions> {
    let settings = settings()?;
    let configured =
        settings.plugins.get(&manifest.id).and_then(|plugin| plugin.grant.clone()).unwrap_or_default();
    let rights = grants()?.effective(manifest, &publisher(key), &configured)?;
    Ok(rights.granted().clone())
}

/// The words of what the version that is used may do.
fn granted(plugin: &InstalledPlugin) -> Result<Vec<String>> {
    let rights = rights(&plugin.manifest, plugin.publisher.as_ref())?;
    Ok(rights.lines().into_iter().map(|line| line.word).collect())
}

/// Where compiled components are kept.
fn cache() -> Result<PathBuf> {
    Ok(folders::folder(Purpose::Cache)?.join("plugins"))
}

/// Work that waits for the disk or the processor, on a thread for it.
async fn blocking<T: Send + 'static>(work: impl FnOnce() -> Result<T> + Send + 'static) -> Result<T> {
    tokio::task::spawn_blocking(work)
        .await
        .map_err(|error| Error::new(ErrorKind::Internal, "the work was broken off").with_source(error))?
}
