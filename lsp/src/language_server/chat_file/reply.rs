//! What a person has written below a question of the agent, as the answer to it.

use opencode_nexus::chat::Conversation;
use opencode_nexus::model::{PermissionReply, Question, QuestionItem};
use opencode_nexus::{Error, ErrorKind, Result};

use super::parse::unescape;
use super::writer::{Chat, asks};
use crate::language_server::backend::Backend;

/// Gives what stands below the question to the agent.
///
/// # Errors
/// When the agent asks nothing, when nothing is written there, or not what can be an answer; when the server cannot be reached.
pub(super) async fn send(backend: &Backend, chat: &Chat) -> Result<()> {
    let Some(conversation) = backend.conversations.get(&chat.session) else {
        return Err(Error::new(ErrorKind::NotFound, "the session of this chat is not open")
            .with_hint("close the chat and open it again"));
    };
    let (permissions, questions) = asks(&conversation);
    let (_, below) = chat.below();
    let written = unescape(&below);
    if let Some(permission) = permissions.first() {
        let reply = permission_reply(&written)?;
        conversation.reply_permission(&permission.id, reply).await?;
    } else if let Some(question) = questions.first() {
        answer(&conversation, question, &written).await?;
    } else {
        return Err(Error::new(ErrorKind::Conflict, "an answer is under way in this chat")
            .with_hint("wait until it is complete, or stop it"));
    }
    chat.take_below(&below);
    Ok(())
}

async fn answer(conversation: &Conversation, question: &Question, written: &str) -> Result<()> {
    let answers = answers(&question.items, written)?;
    conversation.answer_question(&question.id, answers).await?;
    Ok(())
}

fn permission_reply(written: &str) -> Result<PermissionReply> {
    let (word, rest) = written.split_once(|c: char| c.is_whitespace() || c == ':').unwrap_or((written, ""));
    let why = Some(rest.trim_start_matches(':').trim()).filter(|why| !why.is_empty()).map(str::to_owned);
    match (word.to_lowercase().as_str(), &why) {
        ("allow" | "once", None) => Ok(PermissionReply::Once),
        ("always", None) => Ok(PermissionReply::Always),
        ("deny" | "reject", _) => Ok(PermissionReply::Reject { message: why }),
        _ => Err(Error::new(ErrorKind::InvalidInput, "this is no answer to what OpenCode asks")
            .with_hint("write `allow`, `always`, `deny` or `deny: why`")),
    }
}

/// A line for each question, or, of one question, for each of several answers.
fn answers(items: &[QuestionItem], written: &str) -> Result<Vec<Vec<String>>> {
    let lines: Vec<&str> = written.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    match items {
        [item] if item.multiple && !lines.is_empty() => {
            Ok(vec![lines.iter().map(|line| choice(item, line)).collect::<Result<_>>()?])
        }
        [item] if !written.is_empty() => Ok(vec![vec![choice(item, written)?]]),
        _ if lines.len() == items.len() => {
            items.iter().zip(lines).map(|(item, line)| Ok(vec![choice(item, line)?])).collect()
        }
        _ => {
            let message =
                format!("OpenCode asks {} questions, and {} lines are written", items.len(), lines.len());
            Err(Error::new(ErrorKind::InvalidInput, message)
                .with_hint("write a line for each below the questions"))
        }
    }
}

/// The label that is meant, or the person's own words where they are welcome.
fn choice(item: &QuestionItem, written: &str) -> Result<String> {
    let bare = written.trim_start_matches(['-', '*', '>']).trim().trim_matches('`');
    let label = item.options.iter().find(|option| option.label.to_lowercase() == bare.to_lowercase());
    match label {
        Some(option) => Ok(option.label.clone()),
        None if item.custom => Ok(written.to_owned()),
        None => {
            let labels: Vec<&str> = item.options.iter().map(|option| option.label.as_str()).collect();
            Err(Error::new(ErrorKind::InvalidInput, "this is none of the answers that can be chosen")
                .with_hint(format!("write one of: {}", labels.join(", "))))
        }
    }
}

#[cfg(test)]
mod tests {
    use opencode_nexus::model::QuestionOption;

    use super::*;

    fn item(multiple: bool, custom: bool) -> QuestionItem {
        let option = |label: &str| QuestionOption { label: label.into(), description: String::new() };
        QuestionItem {
            header: "H".into(),
            question: "Which?".into(),
            options: vec![option("Red"), option("Blue")],
            multiple,
            custom,
        }
    }

    #[test]
    fn a_permission_is_answered_by_a_word() {
        let reply = |written: &str| permission_reply(written).ok();
        assert_eq!(reply("Allow"), Some(PermissionReply::Once));
        assert_eq!(reply("always"), Some(PermissionReply::Always));
        assert_eq!(reply("deny"), Some(PermissionReply::Reject { message: None }));
        assert_eq!(reply("deny: use\nls"), Some(PermissionReply::Reject { message: Some("use\nls".into()) }));
        assert_eq!((reply("allow it please"), reply("go on"), reply("")), (None, None, None));
    }

    #[test]
    fn a_question_is_answered_by_its_labels_or_in_own_words() {
        let one = |custom, written| answers(&[item(false, custom)], written).ok();
        assert_eq!(one(false, "- `red`"), Some(vec![vec!["Red".to_owned()]]));
        assert_eq!(one(false, "green"), None);
        assert_eq!(one(true, "green\nor so"), Some(vec![vec!["green\nor so".to_owned()]]));
        assert_eq!(one(true, ""), None);
        let several = answers(&[item(true, false)], "red\nblue").ok();
        assert_eq!(several, Some(vec![vec!["Red".to_owned(), "Blue".to_owned()]]));
        let two = [item(false, false), item(false, true)];
        assert_eq!(answers(&two, "blue\nx").ok(), Some(vec![vec!["Blue".to_owned()], vec!["x".to_owned()]]));
        assert!(answers(&two, "blue").is_err());
    }
}
