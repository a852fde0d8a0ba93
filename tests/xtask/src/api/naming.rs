//! Names: from the wire's to Rust's, and which property names are identifiers.

const KEYWORDS: &[&str] = &[
    "abstract", "as", "async", "await", "box", "break", "const", "continue", "crate", "do", "dyn", "else",
    "enum", "extern", "false", "final", "fn", "for", "gen", "if", "impl", "in", "let", "loop", "macro",
    "match", "mod", "move", "mut", "override", "priv", "pub", "ref", "return", "self", "static", "struct",
    "super", "trait", "true", "try", "type", "typeof", "union", "unsafe", "unsized", "use", "virtual",
    "where", "while", "yield",
];

/// Words of a name: split at what is no letter or digit, and where a capital starts a word (`sessionID`, `LSPStatus`).
pub fn words(name: &str) -> Vec<String> {
    let letters: Vec<char> = name.chars().collect();
    let mut words: Vec<String> = Vec::new();
    let mut word = String::new();
    for (index, &letter) in letters.iter().enumerate() {
        let previous = index.checked_sub(1).and_then(|before| letters.get(before)).copied();
        let next = letters.get(index + 1).copied();
        let starts = letter.is_uppercase()
            && (previous.is_some_and(|before| before.is_lowercase() || before.is_ascii_digit())
                || (previous.is_some_and(char::is_uppercase) && next.is_some_and(char::is_lowercase)));
        if (starts || !letter.is_alphanumeric()) && !word.is_empty() {
            words.push(std::mem::take(&mut word));
        }
        if letter.is_alphanumeric() {
            word.push(letter);
        }
    }
    if !word.is_empty() {
        words.push(word);
    }
    words
}

/// `session.next.started`, `MCPStatus`, `json_schema` → `SessionNextStarted`, `McpStatus`, `JsonSchema`.
pub fn pascal(name: &str) -> String {
    let mut text = String::new();
    for word in words(name) {
        let mut letters = word.chars();
        if let Some(first) = letters.next() {
            text.extend(first.to_uppercase());
            text.push_str(&letters.as_str().to_lowercase());
        }
    }
    if text.is_empty() {
        return "Empty".to_owned();
    }
    if text.starts_with(|letter: char| letter.is_ascii_digit()) { format!("N{text}") } else { text }
}

/// `sessionID`, `type` → `session_id`, `kind`.
pub fn snake(name: &str) -> String {
    let text = words(name).join("_").to_lowercase();
    match text.as_str() {
        "type" => "kind".to_owned(),
        // `extra` is where every struct keeps unknown fields.
        "extra" => "extra_".to_owned(),
        "" => "empty".to_owned(),
        keyword if KEYWORDS.contains(&keyword) => format!("{text}_"),
        _ if text.starts_with(|letter: char| letter.is_ascii_digit()) => format!("n{text}"),
        _ => text,
    }
}

/// The id type that a pattern such as `^ses` stands for.
pub fn id_of_pattern(pattern: &str) -> Option<&'static str> {
    Some(match pattern.strip_prefix('^')?.trim_end_matches('_') {
        "ses" => "SessionId",
        "msg" => "MessageId",
        "prt" => "PartId",
        "per" => "PermissionId",
        "que" => "QuestionId",
        "evt" => "EventId",
        "pty" => "PtyId",
        "wrk" => "WorkspaceId",
        "frm" => "FormId",
        "sh" => "ShellId",
        _ => return None,
    })
}

/// The id type that a property's name stands for.
pub fn id_of_property(property: &str) -> Option<&'static str> {
    Some(match property {
        "sessionID" => "SessionId",
        // An entry of the inbox has the id of the message that it becomes.
        "messageID" | "assistantMessageID" | "inboxID" => "MessageId",
        "partID" => "PartId",
        "permissionID" => "PermissionId",
        "ptyID" => "PtyId",
        "workspaceID" => "WorkspaceId",
        "callID" | "toolCallID" => "CallId",
        "projectID" => "ProjectId",
        "providerID" => "ProviderId",
        "modelID" => "ModelId",
        "integrationID" => "IntegrationId",
        "credentialID" => "CredentialId",
        "attemptID" => "AttemptId",
        "formID" => "FormId",
        "shellID" => "ShellId",
        _ => return None,
    })
}

/// An id type by its name, for the overlay.
pub fn id_by_name(name: &str) -> Option<&'static str> {
    const IDS: &[&str] = &[
        "SessionId",
        "MessageId",
        "PartId",
        "PermissionId",
        "QuestionId",
        "EventId",
        "PtyId",
        "WorkspaceId",
        "CallId",
        "ProjectId",
        "ProviderId",
        "ModelId",
        "IntegrationId",
        "CredentialId",
        "AttemptId",
        "FormId",
        "ShellId",
    ];
    IDS.iter().find(|id| **id == name).copied()
}

#[cfg(test)]
mod tests {
    use super::{pascal, snake};

    #[test]
    fn names_follow_rust() {
        assert_eq!(pascal("effect_HttpApiError_BadRequest"), "EffectHttpApiErrorBadRequest");
        assert_eq!(pascal("MCPStatusNeedsAuth"), "McpStatusNeedsAuth");
        assert_eq!(pascal("models-dev.refreshed"), "ModelsDevRefreshed");
        assert_eq!(snake("sessionID"), "session_id");
        assert_eq!(snake("tail_start_id"), "tail_start_id");
        assert_eq!(snake("$schema"), "schema");
        assert_eq!(snake("type"), "kind");
    }
}
