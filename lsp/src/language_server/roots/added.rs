//! The plugins of each folder: opened when something of it is used first, ended with it.

use std::sync::Arc;

use futures_util::future::join_all;
use opencode_nexus::extension::{NoticeFeed, NoticeLevel};
use tower_lsp_server::gen_lsp_types::MessageType;

use super::{Root, Roots};
use crate::language_server::editor::Editor;
use crate::language_server::ext::PluginInfo;
use crate::plugins::{PluginState, Plugins};

impl Roots {
    /// The plugins of a folder. The first call opens them, which takes no time: they start in the background.
    pub(crate) fn plugins(&self, root: &Root) -> Plugins {
        let mut state = self.lock();
        if let Some(known) = state.plugins.get(root) {
            return known.clone();
        }
        if state.is_closed {
            return Plugins::default();
        }
        let plugins = Plugins::open(&root.path);
        tokio::spawn(show(self.0.editor.clone(), plugins.extensions().notices().subscribe()));
        state.plugins.insert(root.clone(), plugins.clone());
        plugins
    }

    /// How the plugins of a folder stand; nothing when none was needed yet.
    pub(super) fn plugin_infos(&self, root: &Root) -> Vec<PluginInfo> {
        let known = self.lock().plugins.get(root).cloned();
        let info = |PluginState { id, version, state, url, problem }| PluginInfo {
            id,
            version,
            state,
            url,
            problem,
        };
        known.map(|plugins| plugins.states().into_iter().map(info).collect()).unwrap_or_default()
    }

    /// Ends all of them.
    pub(super) async fn close_plugins(&self) {
        let all: Vec<Plugins> = self.lock().plugins.drain().map(|(_, plugins)| plugins).collect();
        join_all(all.iter().map(Plugins::close)).await;
    }
}

/// Ends plugins in a task of its own.
pub(super) fn close(plugins: Vec<Plugins>) {
    for one in plugins {
        tokio::spawn(async move { one.close().await });
    }
}

/// Shows notices to the person, each with the name of who says it.
async fn show(editor: Arc<Editor>, mut notices: NoticeFeed) {
    while let Some(notice) = notices.next().await {
        let kind = match notice.level {
            NoticeLevel::Info => MessageType::Info,
            NoticeLevel::Warning => MessageType::Warning,
        };
        editor.client().show_message(kind, notice.to_string()).await;
    }
}
