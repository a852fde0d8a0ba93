//! What a plugin asks for, and what it may do.
//!
//! `check` says whether a request can be used, `shown` puts it into words for a person, `sets` compares and cuts requests, and
//! `host` is a rule of hosts.

mod check;
mod host;
mod sets;
mod shown;

use serde::{Deserialize, Serialize};

pub use check::check_glob;
pub use host::HostPattern;
pub use sets::WORDS;
pub use shown::PermissionLine;

/// What a manifest declares. Everything is denied that is not here, and everything here that is not granted.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct Permissions {
    /// Hosts that it asks.
    pub http: Vec<HttpRule>,
    /// Files of the workspace that it reads.
    pub workspace_read: Vec<PathRule>,
    /// What git says of the workspace.
    pub git: Option<Reason>,
    /// What it may do with sessions.
    pub session: Vec<SessionRight>,
    /// Why it may do that.
    pub session_reason: Option<String>,
    /// Sees and changes prompts (world `hook`).
    pub prompts: Option<Reason>,
    /// Learns what is selected in the editor.
    pub editor: Option<Reason>,
    /// Has pages at an address of this machine.
    pub web: Option<Reason>,
    /// Draws on the terminal and gets its keys.
    pub terminal: Option<Reason>,
    /// Names of secrets that it reads.
    pub secrets: Vec<String>,
}

/// Why something is asked for; shown to the person who decides.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Reason {
    /// One line.
    pub reason: String,
}

/// A host that may be asked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct HttpRule {
    /// `api.example.org`, `api.example.org:8443`, or `*.example.org` for those below it. Loopback and private addresses only
    /// when they are named literally.
    pub host: String,
    /// `GET`, `POST`, … Default `GET` and `HEAD`.
    #[serde(default = "reading")]
    pub methods: Vec<String>,
    /// Without TLS. Default false.
    #[serde(default)]
    pub plain: bool,
    /// Why.
    pub reason: String,
}

fn reading() -> Vec<String> {
    vec!["GET".to_owned(), "HEAD".to_owned()]
}

/// Files that may be read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct PathRule {
    /// As in `.gitignore`, relative to the workspace: `docs/**`, `*.md`.
    pub glob: String,
    /// Why.
    pub reason: String,
}

/// What may be done with sessions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SessionRight {
    /// Lists sessions and reads messages.
    Read,
    /// Hears what happens.
    Events,
    /// Makes sessions and sends prompts.
    Send,
    /// Stops turns.
    Abort,
    /// Answers what the agent asks; never with `always`.
    ReplyPermission,
}

/// What a plugin may do: declared **and** granted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rights(Permissions);

impl Rights {
    /// Exactly these.
    pub fn new(granted: Permissions) -> Self {
        Self(granted)
    }

    /// What was granted, by the same names.
    pub fn granted(&self) -> &Permissions {
        &self.0
    }
}

#[cfg(test)]
mod tests;
