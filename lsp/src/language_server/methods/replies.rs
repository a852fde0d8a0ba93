//! `nexus/permission/reply`, `nexus/question/reply`, `nexus/review/*`: what a person has decided.

use opencode_nexus::chat::Conversation;
use opencode_nexus::model::PermissionReply;
use opencode_nexus::{Error, ErrorKind};
use tower_lsp_server::jsonrpc::Result;

use crate::language_server::backend::Backend;
use crate::language_server::conversations::not_open;
use crate::language_server::convert::rpc_error;
use crate::language_server::ext::{
    PermissionReplyParams, QuestionReplyParams, ReplyResult, ReviewDecideParams, ReviewListParams,
    ReviewListResult,
};
use crate::language_server::review;

fn open(backend: &Backend, session: &str) -> opencode_nexus::Result<Conversation> {
    backend.conversations.get(session).ok_or_else(|| not_open(session))
}

/// `nexus/permission/reply`
pub(crate) async fn permission(backend: &Backend, params: PermissionReplyParams) -> Result<ReplyResult> {
    let replied = async {
        let reply = match params.reply.as_str() {
            "once" => PermissionReply::Once,
            "always" => PermissionReply::Always,
            "reject" => PermissionReply::Reject { message: params.message },
            other => {
                let message = format!("`{}` is no answer to a permission", other.escape_debug());
                return Err(Error::new(ErrorKind::InvalidInput, message)
                    .with_hint("answer `once`, `always` or `reject`"));
            }
        };
        let conversation = open(backend, &params.session_id)?;
        conversation.reply_permission(&params.permission_id.into(), reply).await
    };
    replied.await.map(|accepted| ReplyResult { accepted }).map_err(|error| rpc_error(&error))
}

/// `nexus/question/reply`
pub(crate) async fn question(backend: &Backend, params: QuestionReplyParams) -> Result<ReplyResult> {
    let replied = async {
        let conversation = open(backend, &params.session_id)?;
        let id = params.question_id.into();
        match params.answers {
            Some(answers) => conversation.answer_question(&id, answers).await,
            None => conversation.reject_question(&id).await,
        }
    };
    replied.await.map(|accepted| ReplyResult { accepted }).map_err(|error| rpc_error(&error))
}

/// `nexus/review/list`
pub(crate) async fn review_list(backend: &Backend, params: ReviewListParams) -> Result<ReviewListResult> {
    review::list(backend, params).await.map_err(|error| rpc_error(&error))
}

/// `nexus/review/decide`: waits for the editor, in a task of its own, because a handler must not.
pub(crate) async fn review_decide(backend: &Backend, params: ReviewDecideParams) -> Result<ReviewListResult> {
    let backend = backend.clone();
    let task = tokio::spawn(async move { review::decide(&backend, params).await });
    let decided = task.await.unwrap_or_else(|error| {
        Err(Error::new(ErrorKind::Internal, "deciding has failed")
            .with_hint("see the log, and report it")
            .with_source(error))
    });
    decided.map_err(|error| rpc_error(&error))
}
