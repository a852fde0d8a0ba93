//! A host for one test: an engine, a folder to work in, and plugins that are text.

use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use opencode_nexus::context::{ContextItem, ContextProvider, Scope};
use opencode_nexus::extension::Notices;
use opencode_nexus::{Error, Result};
use opencode_nexus_plugins::actor::{Launch, PluginHandle};
use opencode_nexus_plugins::engine::{Code, Engine};
use opencode_nexus_plugins::imports::{Caller, Ground};
use opencode_nexus_plugins::limits::Limits;
use opencode_nexus_plugins::permissions::{Permissions, Reason, Rights};

use crate::Guest;

/// The engine of all tests, as a program has one.
pub fn engine() -> Engine {
    static ENGINE: OnceLock<Engine> = OnceLock::new();
    ENGINE.get_or_init(|| Engine::open(None).unwrap()).clone()
}

/// What all plugins of the tests stand on; the folder is this program's own.
pub fn ground() -> Ground {
    static GROUND: OnceLock<(tempfile::TempDir, Ground)> = OnceLock::new();
    let open = || {
        let folder = tempfile::tempdir().unwrap();
        let ground = Ground::open(folder.path().join("plugins"), Notices::default(), None).unwrap();
        (folder, ground)
    };
    GROUND.get_or_init(open).1.clone()
}

/// A folder to work in.
pub fn workspace() -> PathBuf {
    static FOLDER: OnceLock<tempfile::TempDir> = OnceLock::new();
    FOLDER.get_or_init(|| tempfile::tempdir().unwrap()).path().to_owned()
}

/// A plugin that may see prompts and nothing else.
pub fn caller(id: &str) -> Arc<Caller> {
    let prompts = Some(Reason { reason: "the test looks at prompts".into() });
    caller_with(id, Permissions { prompts, ..Permissions::default() })
}

/// A plugin that may do this.
pub fn caller_with(id: &str, permissions: Permissions) -> Arc<Caller> {
    let (rights, settings) = (Rights::new(permissions), serde_json::json!({}));
    Arc::new(Caller::open(id, "1.2.3", rights, &workspace(), settings, &ground()).unwrap())
}

/// What was compiled of a guest.
pub async fn code(guest: &Guest) -> Code {
    engine().load(guest.build(), guest.worlds()).await.unwrap()
}

/// A plugin that runs a guest.
pub async fn plugin(id: &str, guest: &Guest) -> PluginHandle {
    let code = code(guest).await;
    PluginHandle::open(Launch::new(code, guest.worlds(), caller(id), Limits::default()))
}

/// A good plugin, for whether others still run.
pub async fn bystander() -> PluginHandle {
    let guest = described(Guest::whole());
    plugin("good.neighbour", &guest).await
}

/// The same guest with one provider, `thing`.
pub fn described(guest: Guest) -> Guest {
    guest
        .module(
            "(data (i32.const 128) \"\\90\\00\\00\\00\\01\\00\\00\\00\")
             (data (i32.const 144) \"\\c8\\00\\00\\00\\05\\00\\00\\00\\c8\\00\\00\\00\\05\\00\\00\\00\\00\\00\\00\\00\\00\\00\\00\\00\\00\\00\\00\\00\\00\\00\\00\\00\")
             (data (i32.const 200) \"thing\")",
        )
        .does("describe", "(i32.const 128)")
}

/// The one provider of a plugin.
pub async fn provider(plugin: &PluginHandle) -> Result<Arc<dyn ContextProvider>> {
    let mut all = opencode_nexus_plugins::provider::providers(plugin).await?;
    assert_eq!(all.len(), 1);
    Ok(all.remove(0))
}

/// What a plugin provides.
pub async fn provide(plugin: &PluginHandle) -> Result<Vec<ContextItem>> {
    let provider = provider(plugin).await?;
    let folder = workspace();
    provider.provide(&scope(&folder), Some("argument")).await
}

pub fn scope(folder: &Path) -> Scope<'_> {
    Scope { root: folder, client: None, editor: None }
}

/// An error of a plugin is one line that names it.
pub fn assert_names(error: &Error, plugin: &str) {
    let line = error.to_string();
    assert!(line.starts_with(&format!("{plugin} 1.2.3: ")) && !line.contains('\n'), "{line}");
}
