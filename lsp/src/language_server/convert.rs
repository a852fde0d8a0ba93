//! Ours to the protocol's and back: errors, sessions, messages, requests of agents. The only place where both are known for
//! their own sake.

use opencode_nexus::model::{Message, Permission, PermissionReply, Question, Session, TurnError};
use opencode_nexus::{Error, ErrorKind, Retry};
use tower_lsp_server::jsonrpc;

use super::ext::{ErrorInfo, ProgressKind, QuestionInfo, QuestionOptionInfo, SessionInfo, TurnErrorInfo};

/// `RequestFailed`: the request was right and could not be done (LSP 3.18, Error codes).
const REQUEST_FAILED: i64 = -32803;

/// An error as the protocol has it. The message holds what to do; `data` is an [`ErrorInfo`].
pub(crate) fn rpc_error(error: &Error) -> jsonrpc::Error {
    let code = match error.kind() {
        ErrorKind::InvalidInput => jsonrpc::ErrorCode::InvalidParams,
        _ => jsonrpc::ErrorCode::ServerError(REQUEST_FAILED),
    };
    let mut answer = jsonrpc::Error::new(code);
    answer.message = error.to_string().into();
    answer.data = serde_json::to_value(error_info(error)).ok();
    answer
}

/// An error with its code and hint.
pub(crate) fn error_info(error: &Error) -> ErrorInfo {
    ErrorInfo {
        code: error.code().to_owned(),
        message: error.message().to_owned(),
        hint: error.hint().map(str::to_owned),
        retryable: error.retry() != Retry::Never,
    }
}

/// A session.
pub(crate) fn session_info(session: &Session) -> SessionInfo {
    SessionInfo {
        id: session.id.to_string(),
        title: session.title.clone(),
        directory: session.directory.clone(),
        parent_id: session.parent_id.as_ref().map(ToString::to_string),
        created: session.created,
        updated: session.updated,
        model: session.model.as_ref().map(ToString::to_string),
        agent: session.agent.clone(),
        reverted_from: session.revert.as_ref().map(|revert| revert.message_id.to_string()),
    }
}

/// A message without its parts.
pub(crate) fn message_kind(message: &Message) -> ProgressKind {
    ProgressKind::Message {
        message_id: message.id.to_string(),
        role: message.role.word().to_owned(),
        created: (message.created != 0).then_some(message.created),
        model: message.model.as_ref().map(ToString::to_string),
        agent: message.agent.clone(),
        error: message.error.as_ref().map(turn_error),
    }
}

/// A request of the agent for a permission.
pub(crate) fn permission_kind(ask: &Permission) -> ProgressKind {
    let detail = ["diff", "patch"].iter().find_map(|name| ask.metadata.get(*name)?.as_str());
    ProgressKind::Permission {
        permission_id: ask.id.to_string(),
        action: ask.action.clone(),
        patterns: ask.patterns.clone(),
        always: ask.always.clone(),
        detail: detail.map(str::to_owned),
        call_id: ask.tool.as_ref().map(|tool| tool.call_id.clone()),
    }
}

/// A question of the agent.
pub(crate) fn question_kind(ask: &Question) -> ProgressKind {
    let items = ask.items.iter().map(|item| QuestionInfo {
        header: item.header.clone(),
        question: item.question.clone(),
        options: (item.options.iter())
            .map(|option| QuestionOptionInfo {
                label: option.label.clone(),
                description: option.description.clone(),
            })
            .collect(),
        multiple: item.multiple,
        custom: item.custom,
    });
    ProgressKind::Question { question_id: ask.id.to_string(), items: items.collect() }
}

/// The word of an answer.
pub(crate) fn reply_word(reply: &PermissionReply) -> &'static str {
    match reply {
        PermissionReply::Once => "once",
        PermissionReply::Always => "always",
        PermissionReply::Reject { .. } => "reject",
    }
}

/// An error of the server's.
pub(crate) fn turn_error(error: &TurnError) -> TurnErrorInfo {
    TurnErrorInfo { name: error.name.clone(), message: error.message.clone() }
}
