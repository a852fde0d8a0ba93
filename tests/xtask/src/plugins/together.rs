//! A plugin that sends messages, in two programs for the same folder and server: each message comes once, also after one of the
//! two has ended.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use opencode_nexus::Client;
use opencode_nexus::config::PluginSettings;
use opencode_nexus::extension::Extensions;
use opencode_nexus_plugins::bundle::Bundle;
use opencode_nexus_plugins::harness::{Answer, Server};
use opencode_nexus_plugins::imports::log_file;
use opencode_nexus_plugins::installed::{Installed, Rules};
use opencode_nexus_plugins::plugins::{Options, Plugins, Word};
use opencode_nexus_plugins::secrets::Secrets;
use opencode_nexus_testkit::scripted::{Action, Behaviour, Conversation};
use opencode_nexus_testkit::server::{TestServer, TestServerOptions};

use super::Bench;

/// Whatever is waited for comes within this.
const BOUND: Duration = Duration::from_secs(60);

/// A second message would have come by then.
const REST: Duration = Duration::from_secs(2);

/// Plays it with the plugin that was built before; gives a line that says what was seen.
pub fn run(bench: &Bench) -> Result<String, String> {
    let plugin = bench.root.join("target/plugins/webhook-notify.plugin");
    super::runtime()?.block_on(play(&plugin))
}

async fn play(plugin: &Path) -> Result<String, String> {
    let model = Behaviour::new(vec![Conversation::new("", vec![vec![Action::text("Done.")]])]);
    let server = TestServer::start(TestServerOptions { snapshot: false, ..TestServerOptions::with(model) })
        .await
        .map_err(|error| error.to_string())?;
    let taken = Answer {
        method: "POST".to_owned(),
        path: "/hook".to_owned(),
        status: 200,
        headers: Vec::new(),
        body: b"ok".to_vec(),
        times: None,
    };
    let room = Server::start(vec![taken]).await.map_err(|error| error.to_string())?;
    let home = tempfile::tempdir().map_err(|error| error.to_string())?;
    let person = Person { plugin, home: home.path(), server: &server };
    let id = person.install(&room).map_err(|error| error.to_string())?;
    let first = person.program(&id).await.map_err(|error| error.to_string())?;
    until("it runs in the first program", || runs(&first, &id)).await?;
    let second = person.program(&id).await.map_err(|error| error.to_string())?;
    person.turn("one").await?;
    has(&room, 1).await.map_err(|why| format!("{why}\n{}", person.told(&id)))?;
    if runs(&second, &id) {
        return Err("it runs in both programs".to_owned());
    }
    first.close().await;
    until("it runs in the second program", || runs(&second, &id)).await?;
    person.turn("two").await?;
    has(&room, 2).await.map_err(|why| format!("{why}\n{}", person.told(&id)))?;
    second.close().await;
    Ok("two programs, two turns, two messages".to_owned())
}

fn runs(plugins: &Plugins, id: &str) -> bool {
    plugins.standing().iter().any(|one| one.id == id && one.state == Word::Ready)
}

async fn until(what: &str, holds: impl Fn() -> bool) -> Result<(), String> {
    let wait = async {
        while !holds() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(BOUND, wait).await.map_err(|_| format!("not within {} s: {what}", BOUND.as_secs()))
}

struct Person<'a> {
    plugin: &'a Path,
    home: &'a Path,
    server: &'a TestServer,
}

impl Person<'_> {
    fn install(&self, room: &Server) -> opencode_nexus::Result<String> {
        let bundle = Bundle::read(self.plugin)?;
        let mut manifest = bundle.manifest().clone();
        let (id, folder) = (manifest.id.clone(), self.home.join("plugins"));
        // A rule means a port, and the room has one that the system has chosen.
        manifest.permissions.http.iter_mut().filter(|rule| rule.plain).for_each(|rule| {
            rule.host = room.host();
        });
        let bundle = Bundle::build(manifest, bundle.component().to_vec(), BTreeMap::new(), None)?;
        let rules = Rules { allow_unsigned: true, ..Rules::default() };
        Installed::at(&folder).install(&bundle, rules, true, "the test")?;
        Secrets::of(&folder, &id).set("WEBHOOK_URL", &format!("{}/hook", room.address()).into())?;
        Ok(id)
    }

    async fn client(&self) -> opencode_nexus::Result<Client> {
        Client::builder(&self.server.url).directory(self.server.directory.to_string_lossy()).connect().await
    }

    async fn program(&self, id: &str) -> opencode_nexus::Result<Plugins> {
        let granted = PluginSettings { grant: Some(vec!["all".to_owned()]), ..PluginSettings::default() };
        let extensions = Extensions::default();
        let options = Options {
            folder: self.home.join("plugins"),
            cache: Some(self.home.join("compiled")),
            workspace: self.server.directory.clone(),
            enabled: true,
            only: None,
            plugins: [(id.to_owned(), granted)].into(),
            ca_file: None,
            extensions: extensions.clone(),
        };
        let plugins = Plugins::open(options)?.ok_or_else(|| {
            opencode_nexus::Error::new(opencode_nexus::ErrorKind::Internal, "it was not installed")
        })?;
        plugins.attach(self.client().await?);
        extensions.settled(BOUND).await;
        Ok(plugins)
    }

    /// What the plugin has written into its log.
    fn told(&self, id: &str) -> String {
        std::fs::read_to_string(log_file(&self.home.join("plugins"), id)).unwrap_or_default()
    }

    async fn turn(&self, prompt: &str) -> Result<(), String> {
        let turn = async { self.client().await?.create(None).await?.prompt(prompt).await?.finish().await };
        turn.await.map(drop).map_err(|error| error.to_string())
    }
}

/// So many messages come to the room, and no more.
async fn has(room: &Server, count: usize) -> Result<(), String> {
    room.wait(count, BOUND).await;
    tokio::time::sleep(REST).await;
    let posted = room.asked();
    match posted.len() == count {
        true => Ok(()),
        false => Err(format!("{} messages instead of {count}: {posted:?}", posted.len())),
    }
}
