//! A host for one test: an engine, a folder to work in, and plugins that are text.

use std::path::Path;
use std::sync::{Arc, OnceLock};

use opencode_nexus::context::{ContextItem, ContextProvider, Scope};
use opencode_nexus::{Error, Result};
use opencode_nexus_plugins::actor::{Launch, PluginHandle};
use opencode_nexus_plugins::engine::{Code, Engine};
use opencode_nexus_plugins::imports::Caller;
use opencode_nexus_plugins::limits::Limits;
use opencode_nexus_plugins::permissions::{Permissions, Reason, Rights};

use crate::Guest;

/// The engine of all tests, as a program has one.
pub fn engine() -> Engine {
    static ENGINE: OnceLock<Engine> = OnceLock::new();
    ENGINE.get_or_init(|| Engine::open(None).unwrap()).clone()
}

/// A plugin that may see prompts and nothing else.
pub fn caller(id: &str) -> Arc<Caller> {
    let prompts = Some(Reason { reason: "the test looks at prompts".into() });
    let rights = Rights::new(Permissions { prompts, ..Permissions::default() });
    Arc::new(Caller {
        plugin: id.to_owned(),
        version: "1.2.3".to_owned(),
        rights,
        workspace: std::env::temp_dir(),
        settings: Arc::new(serde_json::json!({})),
    })
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
    let folder = std::env::temp_dir();
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
