//! What a connection may be told: who we are, whom we trust, how long we wait.

use std::path::PathBuf;
use std::time::Duration;

use super::redact::Secret;
use super::retry::BackoffPolicy;

/// The user that servers expect when nothing else is said.
pub(crate) const DEFAULT_USER: &str = "opencode";

/// HTTP Basic credentials (RFC 7617), the only ones that OpenCode servers take.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Credentials {
    /// The user; OpenCode's default is `opencode`.
    pub user: String,
    /// The password.
    pub password: Secret,
}

impl Credentials {
    /// From our environment, as [`from_variables`](Self::from_variables).
    pub fn from_environment() -> Option<Self> {
        Self::from_variables(|name| std::env::var(name).ok())
    }

    /// From variables as servers read them: `OPENCODE_PASSWORD` (OpenCode 2, where the user is always `opencode`), else
    /// `OPENCODE_SERVER_PASSWORD` and, if set, `OPENCODE_SERVER_USERNAME`. `None` without a password; an empty variable
    /// is as good as none.
    pub fn from_variables(lookup: impl Fn(&str) -> Option<String>) -> Option<Self> {
        let set = |name: &str| lookup(name).filter(|value| !value.is_empty());
        let usual = || DEFAULT_USER.to_owned();
        let (user, password) = match set("OPENCODE_PASSWORD") {
            Some(password) => (usual(), password),
            None => {
                let password = set("OPENCODE_SERVER_PASSWORD")?;
                (set("OPENCODE_SERVER_USERNAME").unwrap_or_else(usual), password)
            }
        };
        Some(Self { user, password: Secret::new(password) })
    }
}

/// How long each phase may take. A turn has no limit here: it is not one request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timeouts {
    /// Name lookup, TCP and TLS. Default 10 s. The head of an event stream, which needs no work, may take as long
    /// again: a server that was asked while it started never answers (1.18.33, seen), and must be asked again.
    pub connect: Duration,
    /// From the request to the head of the answer. Default 60 s: some operations ask a model.
    pub head: Duration,
    /// Between two pieces of an answer's body; event streams have `stream_idle`. Default 30 s.
    pub body_idle: Duration,
    /// An event stream without any byte, heartbeats included, is dead. Default 30 s (servers beat every 10 to 15).
    pub stream_idle: Duration,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(10),
            head: Duration::from_secs(60),
            body_idle: Duration::from_secs(30),
            stream_idle: Duration::from_secs(30),
        }
    }
}

/// The oldest TLS that is spoken.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TlsMinimum {
    /// TLS 1.3 (RFC 8446). The default.
    #[default]
    Tls13,
    /// TLS 1.2 (RFC 5246), for servers behind old proxies.
    Tls12,
}

/// Whom to trust and who we are on TLS connections.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TlsPolicy {
    /// The oldest version.
    pub minimum: TlsMinimum,
    /// PEM file with certificates to trust beside the system's.
    pub extra_ca: Option<PathBuf>,
    /// PEM file with our certificate and its key, for servers that want one.
    pub client_identity: Option<PathBuf>,
}

/// Everything about how to talk; nothing about what to say.
#[derive(Clone, Debug)]
pub struct TransportConfig {
    /// Who we are. `None` asks as nobody.
    pub credentials: Option<Credentials>,
    /// TLS.
    pub tls: TlsPolicy,
    /// Time limits.
    pub timeouts: Timeouts,
    /// Proxy address; `None` follows `HTTP_PROXY`, `HTTPS_PROXY` and `NO_PROXY`. Never used for loopback.
    pub proxy: Option<String>,
    /// Repeating of requests that may be repeated.
    pub retry: BackoffPolicy,
    /// The largest answer and the largest event, in bytes. Default 256 MiB.
    pub body_limit: usize,
}

impl Default for TransportConfig {
    fn default() -> Self {
        Self {
            credentials: None,
            tls: TlsPolicy::default(),
            timeouts: Timeouts::default(),
            proxy: None,
            retry: BackoffPolicy::default(),
            body_limit: crate::stream::sse::DEFAULT_EVENT_LIMIT,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Credentials;

    fn of(variables: &[(&str, &str)]) -> Option<(String, String)> {
        let lookup = |name: &str| {
            variables.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned())
        };
        Credentials::from_variables(lookup).map(|c| (c.user, c.password.expose().to_owned()))
    }

    fn pair(user: &str, password: &str) -> Option<(String, String)> {
        Some((user.to_owned(), password.to_owned()))
    }

    #[test]
    fn the_password_of_the_second_line_wins_and_has_always_the_same_user() {
        let (first, user) = (("OPENCODE_SERVER_PASSWORD", "one"), ("OPENCODE_SERVER_USERNAME", "me"));
        let second = ("OPENCODE_PASSWORD", "two");
        assert_eq!(of(&[first, user, second]), pair("opencode", "two"));
        assert_eq!(of(&[user, second]), pair("opencode", "two"));
        assert_eq!(of(&[first, user]), pair("me", "one"));
        assert_eq!(of(&[first]), pair("opencode", "one"));
        assert_eq!(of(&[user]), None);
        assert_eq!(of(&[]), None);
    }

    #[test]
    fn an_empty_variable_is_as_good_as_none() {
        let first = [
            ("OPENCODE_PASSWORD", ""),
            ("OPENCODE_SERVER_PASSWORD", "one"),
            ("OPENCODE_SERVER_USERNAME", ""),
        ];
        assert_eq!(of(&first), pair("opencode", "one"));
        assert_eq!(of(&[("OPENCODE_SERVER_PASSWORD", "")]), None);
    }
}
