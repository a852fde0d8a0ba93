//! From `initialize` to `shutdown`, and what changes between: folders and the configuration.

use tower_lsp_server::LanguageServer;
use tower_lsp_server::gen_lsp_types::{
    ChangeNotifications, CodeActionKind, CodeActionOptions, CodeLensOptions, CompletionOptions,
    DidChangeWorkspaceFoldersParams, ExecuteCommandOptions, InitializeParams, InitializeResult,
    InitializedParams, InlineCompletionOptions, PositionEncodingKind, RootPath, ServerCapabilities,
    ServerInfo, TextDocumentContentOptions, TextDocumentSyncKind, TextDocumentSyncOptions, Uri,
    WorkspaceFolder, WorkspaceFolders, WorkspaceFoldersServerCapabilities, WorkspaceOptions,
};
use tower_lsp_server::jsonrpc::Result;

use super::backend::Backend;
use super::commands::COMMANDS;
use super::editor::Capabilities;
use super::roots::uri_of;
use super::{configuration, log, methods};

impl LanguageServer for Backend {
    async fn initialize(&self, params: InitializeParams) -> Result<InitializeResult> {
        self.editor.learn(Capabilities::of(params.client_info.as_ref(), &params.capabilities));
        if let Some(options) = params.initialization_options.clone()
            && !self.editor.capabilities().configuration
        {
            let backend = self.clone();
            tokio::spawn(async move { configuration::take(&backend, &options).await });
        }
        self.roots.change_folders(&folders(params), &[]);
        Ok(InitializeResult {
            capabilities: capabilities(),
            server_info: Some(ServerInfo {
                name: "nexus".to_owned(),
                version: Some(env!("CARGO_PKG_VERSION").to_owned()),
            }),
        })
    }

    async fn initialized(&self, _: InitializedParams) {
        // A handler must not wait for the editor.
        tokio::spawn(methods::status::tell_changes(self.clone()));
        tokio::spawn(follow_the_server(self.clone()));
        tokio::spawn(log::pass_on(self.clone()));
        tokio::spawn(configuration::begin(self.clone()));
    }

    async fn shutdown(&self) -> Result<()> {
        self.close().await;
        Ok(())
    }
}

/// `workspace/didChangeWorkspaceFolders`
pub(crate) async fn did_change_folders(backend: &Backend, params: DidChangeWorkspaceFoldersParams) {
    backend.roots.change_folders(&params.event.added, &params.event.removed);
}

/// Opens conversations anew when another server is used than before.
async fn follow_the_server(backend: Backend) {
    let mut generation = backend.roots.generation();
    while generation.changed().await.is_ok() {
        generation.borrow_and_update();
        backend.conversations.moved(&backend).await;
    }
}

/// The folders that are open; older editors say only one, in one of two ways.
fn folders(params: InitializeParams) -> Vec<WorkspaceFolder> {
    let named = params.workspace_folders_initialize_params.workspace_folders;
    if let Some(WorkspaceFolders::WorkspaceFolderList(folders)) = named
        && !folders.is_empty()
    {
        return folders;
    }
    let only = |uri: Uri| vec![WorkspaceFolder { name: String::new(), uri }];
    #[allow(deprecated)] // for the editors that still use them
    match (params.root_uri, params.root_path) {
        (Some(uri), _) => only(uri),
        (None, Some(RootPath::String(path))) => only(uri_of(path.as_ref())),
        _ => Vec::new(),
    }
}

fn capabilities() -> ServerCapabilities {
    let sync = TextDocumentSyncOptions {
        open_close: Some(true),
        change: Some(TextDocumentSyncKind::Incremental),
        ..TextDocumentSyncOptions::default()
    };
    ServerCapabilities {
        // The only one that VS Code has, and the one that every editor must have.
        position_encoding: Some(PositionEncodingKind::UTF16),
        text_document_sync: Some(sync.into()),
        completion_provider: Some(CompletionOptions {
            trigger_characters: Some(["@", "/", "#"].map(str::to_owned).to_vec()),
            resolve_provider: Some(true),
            ..CompletionOptions::default()
        }),
        code_action_provider: Some(
            CodeActionOptions {
                code_action_kinds: Some(vec![
                    CodeActionKind::QuickFix,
                    CodeActionKind::Refactor,
                    CodeActionKind::RefactorRewrite,
                ]),
                ..CodeActionOptions::default()
            }
            .into(),
        ),
        code_lens_provider: Some(CodeLensOptions::default()),
        execute_command_provider: Some(ExecuteCommandOptions {
            commands: COMMANDS.iter().map(|name| (*name).to_owned()).collect(),
            ..ExecuteCommandOptions::default()
        }),
        inline_completion_provider: Some(InlineCompletionOptions::default().into()),
        workspace: Some(WorkspaceOptions {
            workspace_folders: Some(WorkspaceFoldersServerCapabilities {
                supported: Some(true),
                change_notifications: Some(ChangeNotifications::Bool(true)),
            }),
            text_document_content: Some(
                TextDocumentContentOptions { schemes: vec!["nexus".to_owned()] }.into(),
            ),
            ..WorkspaceOptions::default()
        }),
        ..ServerCapabilities::default()
    }
}
