//! Permission requests and questions of 1.x, in neutral words.

use opencode_api::v1;

use super::map::{id, keep};
use crate::model::{Permission, Question, QuestionItem, QuestionOption, ToolRef};

pub(super) fn permission(wire: v1::PermissionRequest) -> Permission {
    let mut metadata = wire.metadata;
    keep(&mut metadata, &wire.extra);
    Permission {
        id: id(wire.id),
        session_id: id(wire.session_id),
        action: wire.permission,
        patterns: wire.patterns,
        always: wire.always,
        tool: wire.tool.map(|t| ToolRef { message_id: id(t.message_id), call_id: t.call_id.into() }),
        metadata,
    }
}

pub(super) fn question(wire: v1::QuestionRequest) -> Question {
    Question {
        id: id(wire.id),
        session_id: id(wire.session_id),
        items: wire.questions.into_iter().map(item).collect(),
        tool: wire.tool.map(|t| ToolRef { message_id: id(t.message_id), call_id: t.call_id.into() }),
    }
}

fn item(wire: v1::QuestionInfo) -> QuestionItem {
    QuestionItem {
        header: wire.header,
        question: wire.question,
        options: (wire.options.into_iter())
            .map(|o| QuestionOption { label: o.label, description: o.description })
            .collect(),
        multiple: wire.multiple.unwrap_or(false),
        // The server offers an answer of one's own unless it says otherwise.
        custom: wire.custom.unwrap_or(true),
    }
}
