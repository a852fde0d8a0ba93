//! A plugin file in a program of one's own: what it knows goes along with a prompt.
//!
//! The plugin is installed for this run alone, and granted what it asks for.
#![allow(clippy::print_stdout)] // this program talks to people

use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use opencode_nexus::chat::{ChatEvent, Prompt};
use opencode_nexus::config::PluginSettings;
use opencode_nexus::context::{Budget, Context, Scope};
use opencode_nexus::extension::Extensions;
use opencode_nexus::{Client, Error, ErrorKind, Result};
use opencode_nexus_plugins::bundle::Bundle;
use opencode_nexus_plugins::installed::{Installed, Rules};
use opencode_nexus_plugins::plugins::{Options, Plugins};

/// A component is compiled once; a large one takes ten seconds.
const READY: Duration = Duration::from_secs(60);

#[tokio::main]
async fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let done = match arguments.as_slice() {
        [file, text] => run(Path::new(file), text, None).await,
        [file, text, url] => run(Path::new(file), text, Some(url)).await,
        _ => Err(Error::new(ErrorKind::InvalidInput, "this needs a plugin and a prompt")
            .with_hint("FILE.plugin \"What did @git-show:HEAD change?\" [URL]")),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::from(error.kind().exit_code())
        }
    }
}

async fn run(file: &Path, text: &str, url: Option<&str>) -> Result<()> {
    let home = tempfile::tempdir()?;
    let workspace = std::env::current_dir()?.canonicalize()?;
    let extensions = Extensions::default();
    let plugins = open(file, home.path(), &workspace, extensions.clone())?;
    let client = match url {
        Some(url) => Some(
            Client::builder(url)
                .directory(workspace.to_string_lossy())
                .extensions(extensions.clone())
                .connect()
                .await?,
        ),
        None => None,
    };
    // What a plugin gives is asked in the background.
    if !extensions.settled(READY).await {
        eprintln!("the plugin is not ready yet");
    }
    let context = extensions.context_with(Context::default());
    let scope = Scope { root: &workspace, client: client.as_ref(), editor: None };
    let gathered = context.gather(&scope, text, Budget::default()).await?;
    for item in &gathered.items {
        println!("@{} gives {}", item.provider, item.title);
    }
    for left_out in &gathered.left_out {
        println!("{} does not go along: {}", left_out.title, left_out.reason);
    }
    if let Some(client) = &client {
        let mut prompt = Prompt::text(text);
        prompt.parts.extend(gathered.parts());
        ask(client, prompt).await?;
    }
    plugins.close().await;
    Ok(())
}

/// Installs the file into a folder of this run, and opens it.
fn open(file: &Path, home: &Path, workspace: &Path, extensions: Extensions) -> Result<Plugins> {
    let bundle = Bundle::read(file)?;
    let id = bundle.manifest().id.clone();
    println!("{id} {} is granted:", bundle.manifest().version);
    for line in bundle.manifest().permissions.lines() {
        println!("  {line}");
    }
    let folder = home.join("plugins");
    let rules = Rules { allow_unsigned: true, ..Rules::default() };
    Installed::at(&folder).install(&bundle, rules, true, &file.to_string_lossy())?;
    let granted = PluginSettings { grant: Some(vec!["all".to_owned()]), ..PluginSettings::default() };
    let options = Options {
        folder,
        cache: Some(home.join("compiled")),
        workspace: workspace.to_owned(),
        enabled: true,
        only: None,
        plugins: [(id, granted)].into(),
        ca_file: None,
        extensions,
    };
    Plugins::open(options)?.ok_or_else(|| Error::new(ErrorKind::Internal, "the plugin was not installed"))
}

/// Prints the answer as it comes.
async fn ask(client: &Client, prompt: Prompt) -> Result<()> {
    let mut turn = client.create(None).await?.prompt(prompt).await?;
    while let Some(event) = turn.next().await {
        if let ChatEvent::Text { delta, .. } = event? {
            print!("{delta}");
        }
    }
    println!();
    Ok(())
}
