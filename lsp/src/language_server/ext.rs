//! The methods that the Language Server Protocol does not have: names, parameters, results. `lsp/editors/PROTOCOL.md` is the
//! page for those who write a plugin for an editor; a test holds it against this file.
//!
//! Everything is camelCase on the wire. Fields may be added; who reads must let unknown ones be.

use opencode_nexus::chat::{OutcomeKind, TextKind};
use opencode_nexus::model::{FileDiff, Status, Todo, Usage};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tower_lsp_server::gen_lsp_types::{ProgressToken, Range, Uri};

/// The names of the methods.
pub(crate) mod method {
    /// Sends a prompt. Answers when the server has it; what happens then comes as `$/progress`.
    pub(crate) const SEND: &str = "nexus/chat/send";
    /// Asks the server to stop a turn. Its last words and its end still come.
    pub(crate) const CANCEL: &str = "nexus/chat/cancel";
    /// From now on, and from a given moment on, everything of a session as `$/progress`.
    pub(crate) const SUBSCRIBE: &str = "nexus/chat/subscribe";
    /// No more of it.
    pub(crate) const UNSUBSCRIBE: &str = "nexus/chat/unsubscribe";
    /// What happened since a given moment, in one answer.
    pub(crate) const REPLAY: &str = "nexus/chat/replay";
    pub(crate) const SESSION_LIST: &str = "nexus/session/list";
    pub(crate) const SESSION_CREATE: &str = "nexus/session/create";
    pub(crate) const SESSION_FORK: &str = "nexus/session/fork";
    pub(crate) const SESSION_REVERT: &str = "nexus/session/revert";
    pub(crate) const SESSION_RENAME: &str = "nexus/session/rename";
    pub(crate) const SESSION_DELETE: &str = "nexus/session/delete";
    /// Full text search of the history.
    pub(crate) const SESSION_SEARCH: &str = "nexus/session/search";
    pub(crate) const MODELS: &str = "nexus/models";
    pub(crate) const AGENTS: &str = "nexus/agents";
    pub(crate) const COMMANDS: &str = "nexus/commands";
    pub(crate) const PERMISSION_REPLY: &str = "nexus/permission/reply";
    pub(crate) const QUESTION_REPLY: &str = "nexus/question/reply";
    /// What a session has changed, as files and hunks.
    pub(crate) const REVIEW_LIST: &str = "nexus/review/list";
    /// Accepts hunks, or takes them back through the editor.
    pub(crate) const REVIEW_DECIDE: &str = "nexus/review/decide";
    /// What a mention that is being typed may mean, for fields that are no documents.
    pub(crate) const CONTEXT_SUGGEST: &str = "nexus/context/suggest";
    /// As a request: the state of every root. As a notification to the editor: the state of one has changed.
    pub(crate) const STATUS: &str = "nexus/status";
    /// Answers at once.
    pub(crate) const PING: &str = "nexus/ping";

    // To the editor, and only to one that said in `capabilities.experimental.nexus` that it knows them.
    /// Notification: show this session in your chat.
    pub(crate) const SHOW: &str = "nexus/chat/show";
    /// Request: what is selected?
    pub(crate) const EDITOR_SELECTION: &str = "nexus/editor/selection";
    /// Request: which diagnostics are there?
    pub(crate) const EDITOR_DIAGNOSTICS: &str = "nexus/editor/diagnostics";
    /// Request: which symbols are there?
    pub(crate) const EDITOR_SYMBOLS: &str = "nexus/editor/symbols";
}

/// What an editor can do beside the protocol: `capabilities.experimental.nexus` of `initialize`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct NexusCapabilities {
    /// It shows chats itself: it handles `nexus/chat/show`, and asks the person about permissions and questions of the turns
    /// that it watches. Without it `window/showMessageRequest` is used.
    pub chat: bool,
    /// It handles `nexus/editor/selection`.
    pub selection: bool,
    /// It handles `nexus/editor/diagnostics`.
    pub diagnostics: bool,
    /// It handles `nexus/editor/symbols`.
    pub symbols: bool,
}

/// Names a root: the address of a workspace folder. It may be left out where there is exactly one.
pub(crate) type Root = Option<Uri>;

/// One piece of a prompt.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub(crate) enum InputPart {
    /// Text. Mentions in it (`@src/lib.rs`, `@git-diff`) are looked up and sent along, unless `plain`.
    Text {
        text: String,
        #[serde(default)]
        plain: bool,
    },
    /// A file of the project, wholly or a range of it.
    File { uri: Uri, range: Option<Range> },
    /// An image as base64.
    Image { mime: String, name: Option<String>, data: String },
    /// An agent.
    Agent { name: String },
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct SendParams {
    /// The session; without one, a new one is made.
    pub session_id: Option<String>,
    pub root: Root,
    /// Text that begins with `/name` runs the command of that name, where the server has one.
    pub parts: Vec<InputPart>,
    /// `PROVIDER/MODEL`; without one that of the settings in a session without messages, else the session's, else the server's.
    pub model: Option<String>,
    pub agent: Option<String>,
    /// `steer` (default) or `queue`: when it is read if a turn runs already.
    pub delivery: Option<String>,
    /// On which token the turn is told, as `$/progress`. It may begin before this request is answered.
    pub partial_result_token: Option<ProgressToken>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct SendResult {
    pub session_id: String,
    /// The prompt.
    pub message_id: String,
    /// Names the turn; `nexus/chat/cancel` takes it.
    pub turn_id: String,
    /// Context that was asked for and does not go along, each with its reason.
    pub left_out: Vec<LeftOutInfo>,
    /// A command of a plugin has answered with this, as Markdown, and nothing was sent: there is no turn then, the other
    /// names are empty, and `session_id` is that of the request. Empty when there is nothing to show.
    pub shown: Option<String>,
}

impl SendResult {
    /// Nothing was sent; this is to be shown.
    pub(crate) fn shown(session: Option<&str>, text: Option<String>) -> Self {
        Self {
            session_id: session.unwrap_or_default().to_owned(),
            message_id: String::new(),
            turn_id: String::new(),
            left_out: Vec::new(),
            shown: Some(text.unwrap_or_default()),
        }
    }
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct LeftOutInfo {
    pub title: String,
    pub reason: String,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct CancelParams {
    pub session_id: String,
    /// Without one, whatever runs in the session.
    pub turn_id: Option<String>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct SubscribeParams {
    pub session_id: String,
    pub root: Root,
    /// Only what is newer than this, if `epoch` is still the same; else everything, after a `reset`.
    pub since_seq: Option<u64>,
    pub epoch: Option<String>,
    pub partial_result_token: ProgressToken,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct SubscribeResult {
    pub subscription_id: String,
    /// Sequence numbers mean something only within one epoch: this process, this opening of the session.
    pub epoch: String,
    /// The number of the last thing that had happened.
    pub seq: u64,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct UnsubscribeParams {
    pub subscription_id: String,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ReplayParams {
    pub session_id: String,
    pub root: Root,
    pub since_seq: Option<u64>,
    pub epoch: Option<String>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ReplayResult {
    pub epoch: String,
    pub seq: u64,
    pub events: Vec<ChatProgress>,
}

/// The value of a `$/progress` of a chat.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ChatProgress {
    pub session_id: String,
    /// The turn that runs, where one does.
    pub turn_id: Option<String>,
    /// Grows with each thing that happens in the session; on one token always. It may skip numbers.
    pub seq: u64,
    /// Set on what happens in a sub-agent's session.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub child: Option<String>,
    #[serde(flatten)]
    pub kind: ProgressKind,
}

/// What happened. `delta` only ever appends.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub(crate) enum ProgressKind {
    /// Forget what was shown of this session; everything follows.
    Reset { epoch: String },
    /// A message is new or has changed. Its parts come by themselves.
    Message {
        message_id: String,
        role: String,
        created: Option<u64>,
        model: Option<String>,
        agent: Option<String>,
        error: Option<TurnErrorInfo>,
    },
    /// A prompt waits at the server; `message` follows when its turn comes.
    Queued { message_id: String },
    /// A message, or a part of it, is gone; also a prompt that was taken back.
    Removed { message_id: String, part_id: Option<String> },
    /// More text.
    Delta { message_id: String, part_id: String, channel: TextKind, text: String },
    /// This is all the text of the part: what was told is no beginning of it. Rare: after a break of the connection.
    Replaced { message_id: String, part_id: String, channel: TextKind, text: String },
    /// A part that is neither text nor a tool call is new or has changed. `body` has its kind as `type`.
    Part { message_id: String, part_id: String, body: Value },
    /// A tool call is new or has changed. `input` comes when it is known, `output` and `error` when it has ended.
    Tool {
        message_id: String,
        part_id: String,
        call_id: String,
        tool: String,
        status: String,
        title: Option<String>,
        input: Option<Value>,
        output: Option<String>,
        error: Option<String>,
    },
    /// More output of a tool call that runs.
    ToolOutput { message_id: String, part_id: String, text: String },
    /// The agent asks and waits: answer with `nexus/permission/reply`.
    Permission {
        permission_id: String,
        action: String,
        patterns: Vec<String>,
        /// What `always` would allow.
        always: Vec<String>,
        /// A unified diff or the like, where the server sends one along.
        detail: Option<String>,
        call_id: Option<String>,
    },
    /// It is settled: `once`, `always`, `reject`, or unknown.
    PermissionClosed { permission_id: String, reply: Option<String> },
    /// The agent asks and waits: answer with `nexus/question/reply`.
    Question { question_id: String, items: Vec<QuestionInfo> },
    /// It is settled; `answers` is missing when it was rejected or is not known.
    QuestionClosed { question_id: String, answers: Option<Vec<Vec<String>>> },
    /// What the turn, or the session, has cost so far.
    Usage(Usage),
    /// The agent's list of things to do; all of it.
    Todo { todos: Vec<Todo> },
    /// The files that the session has changed; all of them, without their patches.
    Diff { files: Vec<FileDiff> },
    /// What the session does.
    Status { status: Status },
    /// The session itself has changed, its title for example.
    Session(SessionInfo),
    /// The connection to the server: `reconnecting` or `recovered`, by which nothing that was told becomes untrue; `closed` when
    /// nothing more will be heard of the session (it was deleted, it cannot be followed): subscribe anew.
    Connection { state: String, reason: Option<String> },
    /// The server reports an error. If it ends the turn, `end` follows.
    Error(TurnErrorInfo),
    /// The turn is over, and this is the only thing that says so, once for each turn. Nothing more comes on the token of a `send`.
    /// It also comes for a turn that was begun elsewhere, or before the editor was started anew; its prompt names that.
    End { reason: EndReason, finish: Option<String>, error: Option<ErrorInfo>, usage: Usage },
}

/// Why a turn is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) enum EndReason {
    /// The agent was done.
    Completed,
    /// Somebody stopped it.
    Aborted,
    /// It failed on the server.
    Failed,
    /// Its end cannot be learned: the server is gone, the session was deleted.
    Lost,
}

impl From<OutcomeKind> for EndReason {
    fn from(kind: OutcomeKind) -> Self {
        match kind {
            OutcomeKind::Completed => Self::Completed,
            OutcomeKind::Aborted => Self::Aborted,
            OutcomeKind::Failed => Self::Failed,
        }
    }
}

/// An error of the server's.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct TurnErrorInfo {
    pub name: String,
    pub message: String,
}

/// An error of ours: `data` of a JSON-RPC error as well.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ErrorInfo {
    /// The stable code: `system.unreachable`.
    pub code: String,
    pub message: String,
    /// What to do.
    pub hint: Option<String>,
    /// Whether trying again can help.
    pub retryable: bool,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct QuestionInfo {
    pub header: String,
    pub question: String,
    pub options: Vec<QuestionOptionInfo>,
    pub multiple: bool,
    pub custom: bool,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct QuestionOptionInfo {
    pub label: String,
    pub description: String,
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct SessionListParams {
    pub root: Root,
    /// Only those whose title holds this.
    pub search: Option<String>,
    /// Default 100.
    pub limit: Option<usize>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct SessionListResult {
    pub sessions: Vec<SessionInfo>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct SessionInfo {
    pub id: String,
    pub title: String,
    pub directory: String,
    pub parent_id: Option<String>,
    /// Unix milliseconds.
    pub created: u64,
    pub updated: u64,
    pub model: Option<String>,
    pub agent: Option<String>,
    /// Set while messages from here on are hidden by a revert.
    pub reverted_from: Option<String>,
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct SessionCreateParams {
    pub root: Root,
    pub title: Option<String>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct SessionForkParams {
    pub session_id: String,
    pub root: Root,
    /// Up to this message; without one, all of it.
    pub message_id: Option<String>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct SessionRevertParams {
    pub session_id: String,
    pub root: Root,
    /// From this message on; without one, what was taken back comes again.
    pub message_id: Option<String>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct SessionRenameParams {
    pub session_id: String,
    pub root: Root,
    pub title: String,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct SessionDeleteParams {
    pub session_id: String,
    pub root: Root,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct SessionSearchParams {
    /// As `nexus history search` takes it.
    pub query: String,
    /// Only of this root; without one, of all of them.
    pub root: Root,
    /// Default 50.
    pub limit: Option<usize>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct SessionSearchResult {
    pub hits: Vec<SearchHit>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct SearchHit {
    pub session_id: String,
    pub message_id: Option<String>,
    pub title: String,
    pub directory: String,
    /// Where the words stand, in a line.
    pub snippet: String,
    /// Unix milliseconds.
    pub time: u64,
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct RootParams {
    pub root: Root,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ModelsResult {
    pub models: Vec<ModelInfo>,
    /// What is used when none is named.
    pub default: Option<String>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ModelInfo {
    /// `PROVIDER/MODEL`.
    pub id: String,
    pub name: String,
    pub provider: String,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct NamedList {
    pub items: Vec<NamedInfo>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct NamedInfo {
    pub name: String,
    pub description: Option<String>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct PermissionReplyParams {
    pub session_id: String,
    pub permission_id: String,
    /// `once`, `always` or `reject`.
    pub reply: String,
    /// For `reject`: what the agent is told.
    pub message: Option<String>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct QuestionReplyParams {
    pub session_id: String,
    pub question_id: String,
    /// For each item the labels that were chosen; without them the question is rejected.
    pub answers: Option<Vec<Vec<String>>>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ReplyResult {
    /// Whether it counted; no when it was settled already.
    pub accepted: bool,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ReviewListParams {
    pub session_id: String,
    pub root: Root,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ReviewListResult {
    pub files: Vec<ReviewFile>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ReviewFile {
    pub uri: Uri,
    /// Relative to the root.
    pub path: String,
    /// `added`, `modified` or `deleted`.
    pub status: String,
    pub hunks: Vec<ReviewHunk>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ReviewHunk {
    /// Stays the same while the hunk's own lines do.
    pub id: String,
    /// Where it stands in the file now, lines from 0.
    pub range: Range,
    /// Its lines, each with ` `, `-` or `+` before it.
    pub lines: Vec<String>,
    /// `pending`, `accepted`, `rejected`, or `changed`: somebody has written there since, so that it cannot be taken back.
    pub state: String,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ReviewDecideParams {
    pub session_id: String,
    pub root: Root,
    pub decisions: Vec<ReviewDecision>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ReviewDecision {
    pub uri: Uri,
    pub hunk_id: String,
    pub accept: bool,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ContextSuggestParams {
    pub root: Root,
    /// From the `@` on.
    pub typed: String,
    /// Default 50.
    pub limit: Option<usize>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ContextSuggestResult {
    pub suggestions: Vec<SuggestionInfo>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct SuggestionInfo {
    pub label: String,
    pub detail: Option<String>,
    pub mention: String,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct StatusResult {
    pub roots: Vec<RootStatus>,
}

/// The state of a root.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct RootStatus {
    pub root: Uri,
    pub state: RootState,
    /// The server that is used.
    pub server: Option<ServerStatus>,
    /// What went wrong.
    pub error: Option<ErrorInfo>,
    /// Whether conversations are kept: `on`, `locked` or `off`.
    pub history: String,
    /// Turns that run in it now.
    pub turns: usize,
    /// The plugins that are used in it.
    pub plugins: Vec<PluginInfo>,
}

/// How a plugin stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct PluginInfo {
    pub id: String,
    pub version: String,
    /// `starting`, `ready`, `idle`, `failed` or `disabled`.
    pub state: String,
    /// Where its pages are.
    pub url: Option<String>,
    /// What is wrong.
    pub problem: Option<String>,
}

/// In one word.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) enum RootState {
    /// Nothing was needed yet.
    Idle,
    /// A server is looked for, installed or started.
    Starting,
    /// It answers.
    Ready,
    /// The connection is lost and made again.
    Reconnecting,
    /// It cannot be had; `error` says why. The next request tries again.
    Failed,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ServerStatus {
    /// Without credentials.
    pub address: String,
    pub version: String,
    /// Whether it was started by us and ends with us.
    pub ours: bool,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ShowParams {
    pub session_id: String,
    pub root: Uri,
    /// Set when a turn was begun that the editor does not watch yet.
    pub turn_id: Option<String>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct EditorDiagnosticsParams {
    /// Of one file; without one, of all in the root.
    pub uri: Option<Uri>,
    pub root: Uri,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct EditorDiagnosticInfo {
    pub uri: Uri,
    pub range: Range,
    /// `error`, `warning`, `information` or `hint`.
    pub severity: String,
    pub message: String,
    pub source: Option<String>,
    pub code: Option<String>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct EditorSymbolsParams {
    pub query: String,
    pub root: Uri,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct EditorSymbolInfo {
    pub name: String,
    /// `function`, `struct`, …
    pub kind: String,
    pub container: Option<String>,
    pub uri: Uri,
    pub range: Range,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct EditorSelectionInfo {
    pub uri: Uri,
    pub range: Range,
    pub text: String,
}

#[cfg(test)]
#[path = "ext_tests.rs"]
mod tests;
