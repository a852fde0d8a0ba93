//! What a plugin asks for, in words for the person who decides.

use std::fmt;

use super::{HttpRule, Permissions, SessionRight};

/// One request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PermissionLine {
    /// As it is granted: `http:api.example.org`, `git`, `session:read`.
    pub word: String,
    /// What it can do then: `asks api.example.org (GET, HEAD)`.
    pub what: String,
    /// Why, in the words of its author. Secrets have none.
    pub reason: Option<String>,
}

impl fmt::Display for PermissionLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.reason {
            Some(reason) => write!(f, "{}: {reason}", self.what),
            None => f.write_str(&self.what),
        }
    }
}

impl SessionRight {
    /// As it is written.
    pub fn word(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Events => "events",
            Self::Send => "send",
            Self::Abort => "abort",
            Self::ReplyPermission => "reply-permission",
        }
    }

    fn what(self) -> &'static str {
        match self {
            Self::Read => "reads all sessions and their messages",
            Self::Events => "hears what happens in sessions, with its texts",
            Self::Send => "makes sessions and sends prompts in your name",
            Self::Abort => "stops turns",
            Self::ReplyPermission => "allows or rejects what the agent asks to do (never for always)",
        }
    }
}

impl Permissions {
    /// All requests, a line each, always in the same order.
    pub fn lines(&self) -> Vec<PermissionLine> {
        let mut lines = Vec::new();
        let mut add = |word: String, what: String, reason: Option<&String>| {
            lines.push(PermissionLine { word, what, reason: reason.cloned() });
        };
        for rule in &self.http {
            add(format!("http:{}", rule.host), asks(rule), Some(&rule.reason));
        }
        for rule in &self.workspace_read {
            let what = format!("reads {} in the folder that you work in", rule.glob);
            add(format!("workspace-read:{}", rule.glob), what, Some(&rule.reason));
        }
        for (word, what, reason) in [
            ("git", "reads the history of the folder: commits, their authors and changes", &self.git),
            ("prompts", "reads and changes every prompt, and reads every answer", &self.prompts),
            ("editor", "learns what is selected in the editor", &self.editor),
            ("web", "shows pages at an address of this machine", &self.web),
            ("terminal", "draws on the terminal and gets its keys", &self.terminal),
        ] {
            if let Some(reason) = reason {
                add(word.to_owned(), what.to_owned(), Some(&reason.reason));
            }
        }
        for right in &self.session {
            add(format!("session:{}", right.word()), right.what().to_owned(), self.session_reason.as_ref());
        }
        for name in &self.secrets {
            add(format!("secrets:{name}"), format!("reads the secret {name}"), None);
        }
        lines
    }

    /// What the requests come to together: a plugin that reads what is the person's **and** reaches the network can send the one
    /// to the other, whatever its reasons say.
    pub fn warning(&self) -> Option<String> {
        let mut reads = Vec::new();
        if self.prompts.is_some() {
            reads.push("prompts and answers");
        }
        if self.session.iter().any(|right| matches!(right, SessionRight::Read | SessionRight::Events)) {
            reads.push("sessions");
        }
        if !self.workspace_read.is_empty() {
            reads.push("files of the folder");
        }
        if self.git.is_some() {
            reads.push("its history");
        }
        if self.editor.is_some() {
            reads.push("what is selected");
        }
        if reads.is_empty() || self.http.is_empty() {
            return None;
        }
        let mut hosts: Vec<&str> = self.http.iter().map(|rule| rule.host.as_str()).collect();
        hosts.dedup();
        Some(format!("together: it can read {} and send them to {}", reads.join(", "), hosts.join(", ")))
    }
}

fn asks(rule: &HttpRule) -> String {
    let plain = if rule.plain { ", also without encryption" } else { "" };
    format!("asks {} ({}{plain})", rule.host, rule.methods.join(", "))
}
