//! The settings that there are: one table, from which files are checked, values explained and the documentation made.

use super::value::Kind;

/// One setting.
#[derive(Debug)]
pub struct Setting {
    /// Its name, with dots between the tables of the file: `server.url`.
    pub key: &'static str,
    /// What its value looks like.
    pub kind: Kind,
    /// The environment variable that overrides it.
    pub variable: &'static str,
    /// What holds when nobody says anything, as one would write it in the file; `None`: nothing.
    pub default: Option<&'static str>,
    /// What it means, in a sentence or two.
    pub about: &'static str,
    /// A value as one would write it in the file.
    pub example: &'static str,
    /// The setting of the server with the same meaning, by its name in the configuration of OpenCode 1.x.
    pub on_server: Option<&'static str>,
    /// Whether the value may hold a password and is shown without it.
    pub secret: bool,
}

impl Setting {
    /// The setting of this name.
    pub fn find(key: &str) -> Option<&'static Self> {
        SETTINGS.iter().find(|setting| setting.key == key)
    }

    const fn new(key: &'static str, kind: Kind, variable: &'static str, about: &'static str) -> Self {
        Self { key, kind, variable, default: None, about, example: "", on_server: None, secret: false }
    }

    const fn by_default(self, default: &'static str) -> Self {
        Self { default: Some(default), ..self }
    }

    const fn for_example(self, example: &'static str) -> Self {
        Self { example, ..self }
    }

    const fn shared_as(self, key: &'static str) -> Self {
        Self { on_server: Some(key), ..self }
    }

    const fn with_password(self) -> Self {
        Self { secret: true, ..self }
    }
}

/// All settings, in the order in which they are shown.
pub const SETTINGS: &[Setting] = &[
    Setting::new("profile", Kind::Text, "NEXUS_PROFILE", "The profile whose settings are laid over the others.")
        .for_example("\"work\""),
    Setting::new(
        "model",
        Kind::Model,
        "NEXUS_MODEL",
        "The model of new conversations, as provider/model. Without one the server chooses.",
    )
    .for_example("\"anthropic/claude-sonnet-4-5\"")
    .shared_as("model"),
    Setting::new(
        "agent",
        Kind::Text,
        "NEXUS_AGENT",
        "The agent of new conversations. Without one the server chooses.",
    )
    .for_example("\"plan\"")
    .shared_as("default_agent"),
    Setting::new(
        "server.url",
        Kind::Url,
        "NEXUS_URL",
        "The address of a running server. Without one a server is found or started.",
    )
    .for_example("\"https://opencode.example.org\"")
    .with_password(),
    Setting::new("server.name", Kind::Text, "NEXUS_SERVER", "The background server to use, by its name.")
        .for_example("\"default\""),
    Setting::new(
        "server.binary",
        Kind::Path,
        "NEXUS_OPENCODE_BIN",
        "The OpenCode executable that is started when no server runs.",
    )
    .for_example("\"~/bin/opencode\""),
    Setting::new(
        "server.start",
        Kind::Switch,
        "NEXUS_SERVER_START",
        "Whether a command may start a server of its own when none runs.",
    )
    .by_default("true")
    .for_example("false"),
    Setting::new(
        "server.start_timeout",
        Kind::Duration,
        "NEXUS_SERVER_START_TIMEOUT",
        "How long a server may take to start.",
    )
    .by_default("\"30s\"")
    .for_example("\"1m\""),
    Setting::new(
        "permission.default",
        Kind::Choice(&["ask", "allow", "deny"]),
        "NEXUS_PERMISSION_DEFAULT",
        "What becomes of a request of an agent for which there is no rule; where nobody can be asked, `ask` is no.",
    )
    .by_default("\"ask\"")
    .for_example("\"deny\""),
    Setting::new(
        "permission.allow",
        Kind::Rules,
        "NEXUS_PERMISSION_ALLOW",
        "What agents may do without being asked, as action:pattern; `*` stands for anything.",
    )
    .by_default("[]")
    .for_example("[\"bash:git status*\", \"edit:src/*\"]"),
    Setting::new(
        "permission.deny",
        Kind::Rules,
        "NEXUS_PERMISSION_DENY",
        "What agents may not do, in the same form. It wins over what is allowed.",
    )
    .by_default("[]")
    .for_example("[\"bash:rm *\", \"webfetch:*\"]"),
    Setting::new(
        "permission.timeout",
        Kind::Duration,
        "NEXUS_PERMISSION_TIMEOUT",
        "How long a person has to answer a request of an agent; then the answer is no.",
    )
    .by_default("\"30m\"")
    .for_example("\"2h\""),
    Setting::new(
        "context.hosts",
        Kind::Hosts,
        "NEXUS_CONTEXT_HOSTS",
        "Hosts whose pages `@url` may read beside those of this machine; `*.` before a name means the hosts below it.",
    )
    .by_default("[]")
    .for_example("[\"docs.example.org\", \"*.example.net\"]"),
    Setting::new(
        "context.limit",
        Kind::Size,
        "NEXUS_CONTEXT_LIMIT",
        "How much context the mentions of one prompt may bring along, all together.",
    )
    .by_default("\"256KiB\"")
    .for_example("\"100000tokens\""),
    Setting::new(
        "context.item_limit",
        Kind::Size,
        "NEXUS_CONTEXT_ITEM_LIMIT",
        "How much one of them may bring along; what is longer is cut at a line.",
    )
    .by_default("\"64KiB\"")
    .for_example("\"20000tokens\""),
    Setting::new(
        "history.enabled",
        Kind::Choice(&["auto", "on", "off"]),
        "NEXUS_HISTORY",
        "Whether conversations are kept, encrypted, on this machine; `auto`: when an account is open, `on`: a command that cannot keep them fails.",
    )
    .by_default("\"auto\"")
    .for_example("\"off\""),
    Setting::new(
        "account.name",
        Kind::Text,
        "NEXUS_ACCOUNT",
        "The account that is used. Without one it is the one that was made or logged in last.",
    )
    .for_example("\"work\""),
    Setting::new(
        "account.keyring",
        Kind::Choice(&["auto", "none", "secret-service", "kernel"]),
        "NEXUS_KEYRING",
        "Where being logged in is remembered; `auto`: in the usual keyring of the system, `kernel`: until the machine starts anew (Linux), `none`: nowhere.",
    )
    .by_default("\"auto\"")
    .for_example("\"kernel\""),
    Setting::new(
        "network.proxy",
        Kind::Url,
        "NEXUS_NETWORK_PROXY",
        "The proxy. Without one HTTP_PROXY, HTTPS_PROXY and NO_PROXY count. Never used for this machine.",
    )
    .for_example("\"http://proxy.example.org:3128\"")
    .with_password(),
    Setting::new(
        "network.ca_file",
        Kind::Path,
        "NEXUS_NETWORK_CA_FILE",
        "A PEM file with certificates to trust beside the system's.",
    )
    .for_example("\"~/company-ca.pem\""),
    Setting::new(
        "network.client_identity",
        Kind::Path,
        "NEXUS_NETWORK_CLIENT_IDENTITY",
        "A PEM file with our certificate and its key, for servers that want one.",
    )
    .for_example("\"~/me.pem\""),
    Setting::new(
        "network.tls_minimum",
        Kind::Choice(&["1.2", "1.3"]),
        "NEXUS_NETWORK_TLS_MINIMUM",
        "The oldest version of TLS that is spoken.",
    )
    .by_default("\"1.3\"")
    .for_example("\"1.2\""),
    Setting::new(
        "network.connect_timeout",
        Kind::Duration,
        "NEXUS_NETWORK_CONNECT_TIMEOUT",
        "How long making a connection may take.",
    )
    .by_default("\"10s\"")
    .for_example("\"30s\""),
    Setting::new(
        "network.answer_timeout",
        Kind::Duration,
        "NEXUS_NETWORK_ANSWER_TIMEOUT",
        "How long a server may think before its answer begins. A turn has no limit here.",
    )
    .by_default("\"1m\"")
    .for_example("\"2m\""),
    Setting::new(
        "plugins.enabled",
        Kind::Switch,
        "NEXUS_PLUGINS",
        "Whether installed plugins are used. A table [plugins.\"PUBLISHER.NAME\"] has enabled, grant, must_agree and settings of one.",
    )
    .by_default("true")
    .for_example("false"),
    Setting::new(
        "plugins.index",
        Kind::Text,
        "NEXUS_PLUGINS_INDEX",
        "The list in which `nexus plugin add` looks up names: a file, or an https address.",
    )
    .for_example("\"https://plugins.example.org/index.json\""),
    Setting::new(
        "plugins.index_key",
        Kind::Text,
        "NEXUS_PLUGINS_INDEX_KEY",
        "The public key, of minisign's kind, that must have signed the index of plugins.",
    )
    .for_example("\"RWQBAgMEBQYHCA5odG1sIG1hZGUgdXAgZm9yIHRoaXMgZXhhbXBsZQ==\""),
    Setting::new(
        "terminal.colour",
        Kind::Choice(&["auto", "always", "never"]),
        "NEXUS_TERMINAL_COLOUR",
        "Whether colours are used; `auto`: on a terminal, and not when NO_COLOR is set.",
    )
    .by_default("\"auto\"")
    .for_example("\"never\""),
    Setting::new(
        "editor.inline",
        Kind::Switch,
        "NEXUS_EDITOR_INLINE",
        "Whether editors get suggestions while one types (ghost text). Each one is a prompt that costs what prompts cost.",
    )
    .by_default("false")
    .for_example("true"),
    Setting::new(
        "editor.inline_model",
        Kind::Model,
        "NEXUS_EDITOR_INLINE_MODEL",
        "The model of these suggestions, best a quick one. Without one that of new conversations.",
    )
    .for_example("\"anthropic/claude-haiku-4-5\""),
    Setting::new(
        "log.level",
        Kind::Choice(&["error", "warn", "info", "debug", "trace"]),
        "NEXUS_LOG_LEVEL",
        "What is told on standard error, without -v and RUST_LOG.",
    )
    .by_default("\"warn\"")
    .for_example("\"info\""),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_default_and_every_example_is_a_value_of_its_kind() {
        for setting in SETTINGS {
            for text in setting.default.into_iter().chain([setting.example]) {
                assert!(setting.kind.parse_toml(text).is_ok(), "{}: {text}", setting.key);
            }
        }
    }

    #[test]
    fn a_name_of_a_setting_and_of_a_variable_is_used_once() {
        for (i, one) in SETTINGS.iter().enumerate() {
            assert!(one.about.ends_with('.'), "{}", one.key);
            for other in &SETTINGS[i + 1..] {
                assert!(one.key != other.key && one.variable != other.variable, "{}", one.key);
            }
        }
    }
}
