//! A plugin under test: the real host around it, and a made-up world around the host.
//!
//! A [`Script`] says what the world is: files of a project, commits, settings, secrets, what a server answers. [`Harness::open`]
//! builds it in a folder that goes away again, grants what the manifest asks for, and runs the component as it would run in an
//! editor, limits and denials included. [`cases`] reads such scripts, with what is expected, from TOML files: an author needs no
//! Rust for that (`nexus plugin test`).

pub mod cases;
mod happening;
mod project;
mod server;

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use opencode_nexus::chat::{Prompt, PromptPart};
use opencode_nexus::context::{ContextItem, ContextProvider, Scope, Suggestion};
use opencode_nexus::extension::{CommandOutcome, CommandProvider, Notice, NoticeFeed, Notices, Verdict};
use opencode_nexus::{Error, ErrorKind, Result};
use serde_json::Value;
use tempfile::TempDir;

use crate::actor::{Launch, PluginHandle, StopReason};
use crate::engine::Engine;
use crate::frontend::Frontend;
use crate::imports::{Caller, Ground, log_file};
use crate::limits::Limits;
use crate::manifest::{Manifest, World};
use crate::permissions::{HttpRule, Permissions, Rights};
use crate::secrets::Secrets;
use crate::sessions::Sessions;
use crate::stage::Stage;
use crate::{command, hook, provider};

pub use self::happening::Happening;
pub use self::project::Commit;
pub use self::server::{Answer, Asked, Server};

/// What stands for the scripted server in settings and secrets.
pub const SERVER: &str = "{server}";

/// The world around a plugin. [`SERVER`] in a setting or a secret becomes the address of the scripted server.
#[derive(Clone, Debug, Default)]
pub struct Script {
    /// `[plugins."ID".settings]`; checked against the manifest. Null means that nothing is set.
    pub settings: Value,
    /// Secrets by name.
    pub secrets: Vec<(String, String)>,
    /// Files of the project: path and text.
    pub files: Vec<(String, String)>,
    /// Commits, the oldest first; with any, the project is a git repository.
    pub commits: Vec<Commit>,
    /// What the scripted server answers; with any, the plugin may ask it.
    pub answers: Vec<Answer>,
    /// What the person has not granted, in the words of `nexus plugin revoke`: `http`, `workspace-read`, `git`.
    pub denied: Vec<String>,
}

/// A plugin that runs in a made-up world.
pub struct Harness {
    plugin: PluginHandle,
    told: Mutex<Told>,
    ground: Ground,
    sessions: Arc<Sessions>,
    /// Brings to a frontend what happens.
    _frontend: Option<Frontend>,
    server: Option<Server>,
    project: TempDir,
    _data: TempDir,
}

/// What the person was told, and what is still on its way to here.
struct Told {
    feed: NoticeFeed,
    so_far: Vec<Notice>,
}

impl Harness {
    /// Builds the world and starts the plugin in it. An [`Engine`] serves any number of harnesses, and compiles a component once.
    ///
    /// # Errors
    /// `user.invalid_input` when the script makes no sense or the settings do not fit the manifest; as the engine when the component
    /// cannot be loaded; what `start` says when the plugin does not start.
    pub async fn open(engine: &Engine, wasm: Vec<u8>, manifest: &Manifest, script: Script) -> Result<Self> {
        let (data, project) = (tempfile::tempdir()?, tempfile::tempdir()?);
        let server =
            if script.answers.is_empty() { None } else { Some(Server::start(script.answers).await?) };
        let address = server.as_ref().map(Server::address).unwrap_or_default();
        project::make(project.path(), &script.files, &script.commits)?;

        let settings =
            if script.settings.is_null() { Value::Object(Default::default()) } else { script.settings };
        let settings = replaced(settings, &address);
        manifest.settings.check(&settings)?;
        let rights = rights(manifest, &script.denied, server.as_ref())?;

        let notices = Notices::default();
        let told = Mutex::new(Told { feed: notices.subscribe(), so_far: Vec::new() });
        let ground = Ground::open(data.path(), notices, None)?;
        let secrets = Secrets::of(data.path(), &manifest.id);
        for (name, value) in script.secrets {
            secrets.set(&name, &value.replace(SERVER, &address).into())?;
        }
        let caller =
            Caller::open(&manifest.id, &manifest.version, rights, project.path(), settings, &ground)?;
        let code = engine.load(wasm, &manifest.worlds).await?;
        let (caller, limits) = (Arc::new(caller), Limits::requested(&manifest.limits, None));
        let sessions = Sessions::rehearsal();
        let stage = Stage::new(sessions.clone());
        let launch = Launch::new(code, &manifest.worlds, caller.clone(), limits);
        let plugin = PluginHandle::open(stage.launch(caller, launch));
        plugin.start().await?;
        let _frontend = match manifest.worlds.contains(&World::Frontend) {
            true => Some(Frontend::start(&plugin, stage, None).await?),
            false => None,
        };
        Ok(Self { plugin, told, ground, sessions, _frontend, server, project, _data: data })
    }

    /// What a mention means: `issue:7`, or `issue` alone.
    ///
    /// # Errors
    /// `user.not_found` when the plugin has no such provider; otherwise what the plugin says.
    pub async fn provide(&self, mention: &str) -> Result<Vec<ContextItem>> {
        let (name, argument) = split(mention, ':');
        self.provider(name).await?.provide(&self.scope(), argument).await
    }

    /// What is offered to somebody who has typed this much: `issue:cra`.
    ///
    /// # Errors
    /// As [`provide`](Self::provide).
    pub async fn suggest(&self, typed: &str) -> Result<Vec<Suggestion>> {
        let (name, typed) = split(typed, ':');
        self.provider(name).await?.suggest(&self.scope(), typed.unwrap_or_default(), 20).await
    }

    /// Runs a command with its arguments: `standup week`.
    ///
    /// # Errors
    /// `user.not_found` when the plugin has no such command; otherwise what the plugin says.
    pub async fn run(&self, line: &str) -> Result<CommandOutcome> {
        let (name, arguments) = split(line.trim_start_matches('/'), ' ');
        self.commands().await?.run(name, arguments.unwrap_or_default(), None).await
    }

    /// What the arguments of a command may go on with.
    ///
    /// # Errors
    /// As [`run`](Self::run).
    pub async fn complete(&self, line: &str) -> Result<Vec<String>> {
        let (name, arguments) = split(line.trim_start_matches('/'), ' ');
        self.commands().await?.complete(name, arguments.unwrap_or_default()).await
    }

    /// What the hook says to a prompt.
    ///
    /// # Errors
    /// `user.not_found` when the plugin is no hook that may see prompts; otherwise what the plugin says.
    pub async fn before_send(&self, parts: Vec<PromptPart>) -> Result<Verdict> {
        let hook = hook::hook(&self.plugin, true).ok_or_else(|| self.lacks("a hook that may see prompts"))?;
        let prompt = Prompt { parts, ..Prompt::default() };
        hook.before_send(&happening::session(), &prompt).await
    }

    /// Something happens in a conversation; a frontend that listens is told.
    pub fn happens(&self, happening: &Happening) {
        self.sessions.rehearse(&happening::session(), &happening.event());
    }

    /// Waits until the scripted server was asked so often, or so long.
    pub async fn wait_for_requests(&self, count: usize, bound: Duration) {
        if let Some(server) = &self.server {
            server.wait(count, bound).await;
        }
    }

    /// What the plugin has asked of the scripted server so far.
    pub fn asked(&self) -> Vec<Asked> {
        self.server.as_ref().map(Server::asked).unwrap_or_default()
    }

    /// What the person was told so far.
    pub fn notices(&self) -> Vec<Notice> {
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        while let Some(notice) = told.feed.try_next() {
            told.so_far.push(notice);
        }
        told.so_far.clone()
    }

    /// What stands in the plugin's log so far.
    pub fn log(&self) -> String {
        // Whatever was handed to the journal before is in the files after this.
        self.ground.audit().flush();
        let file = log_file(self.ground.folder(), &self.plugin.caller().plugin);
        std::fs::read_to_string(file).unwrap_or_default()
    }

    /// The folder of the project.
    pub fn project(&self) -> &Path {
        self.project.path()
    }

    /// Stops the plugin as the host does when it ends.
    pub async fn close(self) {
        self.plugin.stop(StopReason::Shutdown).await;
    }

    fn scope(&self) -> Scope<'_> {
        Scope { root: self.project.path(), client: None, editor: None }
    }

    async fn provider(&self, name: &str) -> Result<Arc<dyn ContextProvider>> {
        let all = provider::providers(&self.plugin).await?;
        let found = all.into_iter().find(|provider| provider.info().name == name);
        found.ok_or_else(|| self.lacks(&format!("a provider @{name}")))
    }

    async fn commands(&self) -> Result<Arc<dyn CommandProvider>> {
        command::commands(&self.plugin).await?.ok_or_else(|| self.lacks("commands"))
    }

    fn lacks(&self, what: &str) -> Error {
        let plugin = &self.plugin.caller().plugin;
        Error::new(ErrorKind::NotFound, format!("{plugin} is not, or has not, {what}"))
    }
}

/// What stands before and behind the first such character.
fn split(text: &str, at: char) -> (&str, Option<&str>) {
    match text.split_once(at) {
        Some((name, rest)) => (name, Some(rest)),
        None => (text, None),
    }
}

/// Everything that the manifest asks for but what is denied, and the scripted server.
fn rights(manifest: &Manifest, denied: &[String], server: Option<&Server>) -> Result<Rights> {
    let mut granted: Permissions = manifest.permissions.clone();
    if let Some(server) = server {
        let methods = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"].map(str::to_owned).to_vec();
        let reason = "the scripted server of a test".to_owned();
        granted.http.push(HttpRule { host: server.host(), methods, plain: true, reason });
    }
    Ok(Rights::new(granted.without(denied)))
}

/// The value with the address of the server where its sign stands.
fn replaced(value: Value, address: &str) -> Value {
    match value {
        Value::String(text) => Value::String(text.replace(SERVER, address)),
        Value::Array(all) => all.into_iter().map(|value| replaced(value, address)).collect(),
        Value::Object(all) => all.into_iter().map(|(name, value)| (name, replaced(value, address))).collect(),
        other => other,
    }
}
