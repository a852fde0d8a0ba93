//! What every handler gets: the state of the language server, shared by all of its tasks.

use std::ops::Deref;
use std::sync::Arc;

use opencode_nexus::context::Context;
use tower_lsp_server::Client;

use super::actions::Diagnostics;
use super::asks::Asks;
use super::chat_file::Chats;
use super::commands::Current;
use super::content::Contents;
use super::conversations::Conversations;
use super::documents::Documents;
use super::editor::Editor;
use super::inline::Ghosts;
use super::review::Reviews;
use super::roots::Roots;
use super::work_done::WorksDone;

/// A handle to the state; cheap to clone, for tasks that outlive a handler.
#[derive(Clone)]
pub(crate) struct Backend(Arc<State>);

/// What is open, and whom to ask. Each has its own lock, and none is held over a wait.
pub(crate) struct State {
    pub editor: Arc<Editor>,
    pub documents: Documents,
    pub roots: Roots,
    pub conversations: Conversations,
    pub context: Context,
    pub chats: Chats,
    pub asks: Asks,
    pub works: WorksDone,
    pub reviews: Reviews,
    pub diagnostics: Diagnostics,
    pub code: Current,
    pub contents: Contents,
    pub ghosts: Ghosts,
}

impl Backend {
    pub(crate) fn new(client: Client) -> Self {
        let editor = Arc::new(Editor::new(client));
        Self(Arc::new(State {
            editor: editor.clone(),
            documents: Documents::default(),
            roots: Roots::new(editor),
            conversations: Conversations::default(),
            context: Context::default(),
            chats: Chats::default(),
            asks: Asks::default(),
            works: WorksDone::default(),
            reviews: Reviews::default(),
            diagnostics: Diagnostics::default(),
            code: Current::default(),
            contents: Contents::default(),
            ghosts: Ghosts::default(),
        }))
    }

    /// Ends what was begun: conversations, then the server if it is ours.
    pub(crate) async fn close(&self) {
        self.conversations.close_all();
        self.roots.close().await;
    }
}

impl Deref for Backend {
    type Target = State;

    fn deref(&self) -> &State {
        &self.0
    }
}
