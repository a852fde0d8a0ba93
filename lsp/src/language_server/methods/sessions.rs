//! `nexus/session/*`: list, create, fork, revert, rename, delete, search.

use opencode_nexus::dialect::SessionFilter;
use opencode_nexus::history::{FoundMessage, HistoryQuery};
use opencode_nexus::model::Session;
use opencode_nexus::{Error, ErrorKind};
use tower_lsp_server::jsonrpc::Result;

use crate::account::{self, Opened};
use crate::language_server::backend::Backend;
use crate::language_server::convert::{rpc_error, session_info};
use crate::language_server::ext::{
    SearchHit, SessionCreateParams, SessionDeleteParams, SessionForkParams, SessionInfo, SessionListParams,
    SessionListResult, SessionRenameParams, SessionRevertParams, SessionSearchParams, SessionSearchResult,
};

/// So many are listed when the editor does not say how many.
const LISTED: usize = 100;

/// So many hits are found when the editor does not say how many, and at most.
const HITS: usize = 50;
const MOST_HITS: usize = 1_000;

/// `nexus/session/list`: the newest first, without those of sub-agents.
pub(crate) async fn list(backend: &Backend, params: Option<SessionListParams>) -> Result<SessionListResult> {
    let params = params.unwrap_or_default();
    let listed = async {
        let root = backend.roots.resolve(&params.root)?;
        let limit = Some(params.limit.unwrap_or(LISTED));
        let filter = SessionFilter { search: params.search, roots_only: true, limit };
        let sessions = match backend.roots.client(&root).await?.sessions(&filter).await {
            Err(error) if backend.roots.comes_back(&error).await => {
                backend.roots.client(&root).await?.sessions(&filter).await?
            }
            listed => listed?,
        };
        Ok(SessionListResult { sessions: sessions.iter().map(session_info).collect() })
    };
    listed.await.map_err(|error| rpc_error(&error))
}

/// `nexus/session/create`
pub(crate) async fn create(backend: &Backend, params: Option<SessionCreateParams>) -> Result<SessionInfo> {
    let params = params.unwrap_or_default();
    let created = async {
        let root = backend.roots.resolve(&params.root)?;
        let conversation = backend.conversations.create(backend, &root, params.title.as_deref()).await?;
        conversation.with_transcript(|transcript| known(transcript.session()))
    };
    created.await.map_err(|error| rpc_error(&error))
}

/// `nexus/session/fork`: the new session.
pub(crate) async fn fork(backend: &Backend, params: SessionForkParams) -> Result<SessionInfo> {
    let forked = async {
        let root = backend.roots.resolve(&params.root)?;
        let conversation = backend.conversations.open(backend, &root, &params.session_id).await?;
        let at = params.message_id.map(Into::into);
        let forked = conversation.fork(at.as_ref()).await?;
        let info = forked.with_transcript(|transcript| known(transcript.session()))?;
        backend.conversations.adopt(backend, &root, forked);
        Ok(info)
    };
    forked.await.map_err(|error: Error| rpc_error(&error))
}

/// `nexus/session/revert`
pub(crate) async fn revert(backend: &Backend, params: SessionRevertParams) -> Result<SessionInfo> {
    let reverted = async {
        let root = backend.roots.resolve(&params.root)?;
        let conversation = backend.conversations.open(backend, &root, &params.session_id).await?;
        match params.message_id {
            Some(message) => conversation.revert(&message.into(), None).await,
            None => conversation.unrevert().await,
        }
    };
    reverted.await.map(|session| session_info(&session)).map_err(|error| rpc_error(&error))
}

/// `nexus/session/rename`
pub(crate) async fn rename(backend: &Backend, params: SessionRenameParams) -> Result<SessionInfo> {
    let renamed = async {
        let title = params.title.trim();
        if title.is_empty() {
            return Err(Error::new(ErrorKind::InvalidInput, "a session needs a title")
                .with_hint("give it a title with at least one letter"));
        }
        let root = backend.roots.resolve(&params.root)?;
        backend.conversations.open(backend, &root, &params.session_id).await?.rename(title).await
    };
    renamed.await.map(|session| session_info(&session)).map_err(|error| rpc_error(&error))
}

/// `nexus/session/delete`: for good.
pub(crate) async fn delete(backend: &Backend, params: SessionDeleteParams) -> Result<()> {
    let deleted = async {
        let root = backend.roots.resolve(&params.root)?;
        backend.conversations.open(backend, &root, &params.session_id).await?.delete().await
    };
    deleted.await.map_err(|error| rpc_error(&error))
}

/// `nexus/session/search`: the messages of the history, without a server.
pub(crate) async fn search(backend: &Backend, params: SessionSearchParams) -> Result<SessionSearchResult> {
    let found = async {
        let directory = match &params.root {
            Some(_) => Some(backend.roots.resolve(&params.root)?.path.display().to_string()),
            None => None,
        };
        let history = match account::open_quietly().await? {
            Opened::Account(account) => account.history(),
            Opened::Locked => {
                return Err(Error::new(ErrorKind::Locked, "the history is locked")
                    .with_hint("log in: nexus account login"));
            }
            Opened::None => {
                return Err(Error::new(ErrorKind::NotFound, "there is no history: there is no account")
                    .with_hint("make one: nexus account create"));
            }
        };
        let limit = params.limit.unwrap_or(HITS).clamp(1, MOST_HITS);
        let query = HistoryQuery { text: params.query, directory, limit, ..HistoryQuery::default() };
        history.search(&query).await
    };
    let found = found.await.map_err(|error| rpc_error(&error))?;
    Ok(SessionSearchResult { hits: found.messages.iter().map(hit).collect() })
}

fn known(session: Option<&Session>) -> opencode_nexus::Result<SessionInfo> {
    session.map(session_info).ok_or_else(|| {
        Error::new(ErrorKind::Protocol, "the server has not told about the new session")
            .with_hint("list the sessions")
    })
}

fn hit(found: &FoundMessage) -> SearchHit {
    let session = &found.session.session;
    let pieces: String = found.snippet.pieces.iter().map(|(text, _)| text.as_str()).collect();
    let line = pieces.split_whitespace().collect::<Vec<_>>().join(" ");
    let dots = |cut: bool| if cut { "…" } else { "" };
    SearchHit {
        session_id: session.id.to_string(),
        message_id: Some(found.message.id.to_string()),
        title: session.title.clone(),
        directory: session.directory.clone(),
        snippet: format!("{}{line}{}", dots(found.snippet.cut_before), dots(found.snippet.cut_after)),
        time: found.message.created,
    }
}
