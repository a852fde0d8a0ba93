//! Who answers when the agent asks: a person, or rules. Pure.
//!
//! Without a person at the screen an unanswered request would hold the turn for ever, so every answer has a bound.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::model::{Permission, PermissionReply};

/// What a rule says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Decision {
    /// The person answers.
    Ask,
    /// Yes, this time.
    Allow,
    /// No.
    Deny,
}

/// For which requests a decision holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AskRule {
    /// Which actions: `bash` (the same as `shell`), `edit`, …; `*` stands for any run of characters.
    pub action: String,
    /// On what: `git *`, `src/*`; `*` stands for any run of characters.
    pub pattern: String,
    /// What is decided.
    pub decision: Decision,
}

/// How permission requests and questions are answered. Requests of sub-agents count like the conversation's own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AskPolicy {
    /// The last rule that matches decides, as in the server's own configuration. A request with several patterns
    /// is allowed only if each is; it is denied if any is.
    pub rules: Vec<AskRule>,
    /// What holds where no rule matches. Default [`Decision::Ask`].
    pub otherwise: Decision,
    /// What becomes of questions. `Allow` has no meaning for them and counts as `Ask`.
    pub questions: Decision,
    /// How long a person has; then the answer is no. Default 30 minutes; `None` waits for ever.
    pub bound: Option<Duration>,
}

impl Default for AskPolicy {
    fn default() -> Self {
        Self {
            rules: Vec::new(),
            otherwise: Decision::Ask,
            questions: Decision::Ask,
            bound: Some(Duration::from_secs(30 * 60)),
        }
    }
}

impl AskPolicy {
    /// Everything is allowed: for sandboxes.
    pub fn allow_all() -> Self {
        Self { otherwise: Decision::Allow, ..Self::default() }
    }

    /// Everything is refused, questions too: for programs without a person.
    pub fn deny_all() -> Self {
        Self { otherwise: Decision::Deny, questions: Decision::Deny, ..Self::default() }
    }

    /// Adds a rule; later rules win.
    #[must_use]
    pub fn with_rule(
        mut self,
        action: impl Into<String>,
        pattern: impl Into<String>,
        decision: Decision,
    ) -> Self {
        self.rules.push(AskRule { action: action.into(), pattern: pattern.into(), decision });
        self
    }

    /// What holds for a request.
    pub fn decide(&self, permission: &Permission) -> Decision {
        let one = |pattern: &str| {
            (self.rules.iter().rev())
                .find(|r| matches_action(&r.action, &permission.action) && matches(&r.pattern, pattern))
                .map_or(self.otherwise, |r| r.decision)
        };
        let decisions: Vec<Decision> = if permission.patterns.is_empty() {
            vec![one("")]
        } else {
            permission.patterns.iter().map(|p| one(p)).collect()
        };
        if decisions.contains(&Decision::Deny) {
            Decision::Deny
        } else if decisions.contains(&Decision::Ask) {
            Decision::Ask
        } else {
            Decision::Allow
        }
    }

    /// The answer that the policy gives by itself.
    pub(super) fn reply(&self, permission: &Permission) -> Option<PermissionReply> {
        match self.decide(permission) {
            Decision::Ask => None,
            Decision::Allow => Some(PermissionReply::Once),
            Decision::Deny => Some(PermissionReply::Reject { message: None }),
        }
    }
}

/// The lines call the shell differently (`bash` on 1.x, `shell` on OpenCode 2); a rule means the same on both.
fn matches_action(rule: &str, action: &str) -> bool {
    let twin = match action {
        "bash" => Some("shell"),
        "shell" => Some("bash"),
        _ => None,
    };
    matches(rule, action) || twin.is_some_and(|twin| rule == twin)
}

/// Glob with `*` only. Linear in the product of the lengths at worst; both are short.
fn matches(pattern: &str, text: &str) -> bool {
    let mut pieces = pattern.split('*');
    let first = pieces.next().unwrap_or_default();
    let Some(mut rest) = text.strip_prefix(first) else { return false };
    let mut last = None;
    for piece in pieces {
        if let Some(previous) = last.replace(piece) {
            match rest.find(previous) {
                Some(at) => rest = &rest[at + previous.len()..],
                None => return false,
            }
        }
    }
    match last {
        None => rest.is_empty(),
        Some(end) => rest.ends_with(end),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ask(action: &str, patterns: &[&str]) -> Permission {
        Permission {
            id: "per_1".into(),
            session_id: "ses_1".into(),
            action: action.into(),
            patterns: patterns.iter().map(|p| (*p).to_owned()).collect(),
            always: Vec::new(),
            tool: None,
            metadata: Default::default(),
        }
    }

    #[test]
    fn star_stands_for_any_run_of_characters() {
        for (pattern, text, expected) in [
            ("*", "", true),
            ("", "", true),
            ("", "x", false),
            ("git *", "git push", true),
            ("git *", "git", false),
            ("*.rs", "a/b.rs", true),
            ("a*b*c", "axxbyyc", true),
            ("a*b*c", "acb", false),
            ("ab*ba", "aba", false),
            ("**", "x", true),
            ("a*a", "a", false),
        ] {
            assert_eq!(matches(pattern, text), expected, "{pattern} on {text}");
        }
    }

    #[test]
    fn a_rule_about_the_shell_means_the_same_on_both_lines() {
        let policy = AskPolicy::default().with_rule("bash", "git *", Decision::Allow).with_rule(
            "shell",
            "git push*",
            Decision::Deny,
        );
        for action in ["bash", "shell"] {
            assert_eq!(policy.decide(&ask(action, &["git log"])), Decision::Allow);
            assert_eq!(policy.decide(&ask(action, &["git push"])), Decision::Deny);
        }
        assert_eq!(policy.decide(&ask("edit", &["git log"])), Decision::Ask);
    }

    #[test]
    fn the_last_matching_rule_wins_and_every_pattern_counts() {
        let policy = AskPolicy::default()
            .with_rule("bash", "*", Decision::Allow)
            .with_rule("bash", "rm *", Decision::Deny)
            .with_rule("bash", "rm -i *", Decision::Ask);
        assert_eq!(policy.decide(&ask("bash", &["ls", "cat x"])), Decision::Allow);
        assert_eq!(policy.decide(&ask("bash", &["ls", "rm x"])), Decision::Deny);
        assert_eq!(policy.decide(&ask("bash", &["ls", "rm -i x"])), Decision::Ask);
        assert_eq!(policy.decide(&ask("edit", &["x"])), Decision::Ask);
    }
}
