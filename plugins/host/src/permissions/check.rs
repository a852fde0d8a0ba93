//! Whether what a manifest asks for can be used, and says why.

use ignore::gitignore::GitignoreBuilder;
use opencode_nexus::{Error, ErrorKind, Result};

use super::{HostPattern, Permissions};
use crate::plain::is_hidden;
use crate::secrets;

/// A list has at most so many rules; a person has to read them.
const RULES: usize = 64;

/// A reason has at most so many characters.
const REASON: usize = 300;

/// What can be sent.
const METHODS: &[&str] = &["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"];

impl Permissions {
    /// Checks every rule, and that each says why it is asked for.
    ///
    /// # Errors
    /// `user.invalid_input`, with the rule and what would be right.
    pub fn validate(&self) -> Result<()> {
        for (name, length) in [
            ("http", self.http.len()),
            ("workspace-read", self.workspace_read.len()),
            ("secrets", self.secrets.len()),
            ("session", self.session.len()),
        ] {
            if length > RULES {
                return Err(wrong(format!("permissions.{name} has {length} rules"), "ask for 64 at most"));
            }
        }
        for rule in &self.http {
            HostPattern::parse(&rule.host)?;
            check_methods(&rule.host, &rule.methods)?;
            check_reason("http", &rule.host, &rule.reason)?;
        }
        for rule in &self.workspace_read {
            check_glob(&rule.glob)?;
            check_reason("workspace-read", &rule.glob, &rule.reason)?;
        }
        for (name, reason) in [
            ("git", &self.git),
            ("prompts", &self.prompts),
            ("editor", &self.editor),
            ("web", &self.web),
            ("terminal", &self.terminal),
        ] {
            if let Some(reason) = reason {
                check_reason(name, "", &reason.reason)?;
            }
        }
        if !self.session.is_empty() {
            let reason = self.session_reason.as_deref().unwrap_or_default();
            check_reason("session", "session-reason", reason)?;
        }
        match self.secrets.iter().find(|name| !secrets::is_name(name)) {
            Some(name) => Err(wrong(
                format!("permissions.secrets: \"{}\" is no name of a secret", name.escape_debug()),
                "capital letters, digits and _, beginning with a letter: JIRA_TOKEN",
            )),
            None => Ok(()),
        }
    }
}

fn wrong(what: String, hint: &'static str) -> Error {
    Error::new(ErrorKind::InvalidInput, what).with_hint(hint)
}

fn check_methods(host: &str, methods: &[String]) -> Result<()> {
    if methods.is_empty() {
        return Err(wrong(
            format!("permissions.http: {host} has no methods"),
            "leave `methods` out for GET and HEAD",
        ));
    }
    match methods.iter().find(|method| !METHODS.contains(&method.as_str())) {
        Some(method) => Err(wrong(
            format!("permissions.http: {host}: there is no method \"{}\"", method.escape_debug()),
            "GET, HEAD, POST, PUT, PATCH or DELETE, in capital letters",
        )),
        None => Ok(()),
    }
}

fn check_reason(permission: &str, rule: &str, reason: &str) -> Result<()> {
    let place = if rule.is_empty() { String::new() } else { format!(" {}", rule.escape_debug()) };
    if reason.trim().is_empty() {
        return Err(wrong(
            format!("permissions.{permission}{place} gives no reason"),
            "say in one line what it is for: the person who decides reads it",
        ));
    }
    if reason.chars().count() > REASON || reason.contains(is_hidden) {
        return Err(wrong(
            format!(
                "permissions.{permission}{place}: the reason is too long, or has characters that cannot be seen"
            ),
            "say it in one line of at most 300 characters",
        ));
    }
    Ok(())
}

/// Checks a pattern of paths, as lines of `.gitignore` are; one that only takes away gives nothing and is refused.
///
/// # Errors
/// `user.invalid_input`.
pub fn check_glob(glob: &str) -> Result<()> {
    let wrong = |why: &str| {
        wrong(
            format!("the pattern \"{}\" {why}", glob.escape_debug()),
            "name what is below the folder, like docs/**, *.md or src/*.rs",
        )
    };
    if glob.trim().is_empty() || glob.len() > 300 {
        return Err(wrong("is empty or too long"));
    }
    if glob != glob.trim() || glob.contains(is_hidden) || glob.contains('\\') {
        return Err(wrong("has spaces around it, a backslash, or characters that cannot be seen"));
    }
    if glob.split('/').all(|part| part.is_empty() || part == ".") {
        return Err(wrong("names nothing"));
    }
    if glob.starts_with(['!', '#']) {
        return Err(wrong("takes away, or says nothing"));
    }
    if glob.split('/').any(|part| part == "..") || glob.as_bytes().get(1) == Some(&b':') {
        return Err(wrong("leads out of the folder"));
    }
    let mut builder = GitignoreBuilder::new("");
    match builder.add_line(None, glob).and_then(|builder| builder.build()) {
        Ok(built) if built.len() == 1 => Ok(()),
        Ok(_) => Err(wrong("says nothing")),
        Err(error) => Err(wrong(&format!("cannot be used: {error}"))),
    }
}
