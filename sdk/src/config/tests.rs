//! Which value holds, and what is said when one is wrong.

use std::path::PathBuf;
use std::time::Duration;

use super::*;
use crate::chat::Decision;

fn load(text: &str, profile: Option<&str>, variables: &[(&str, &str)]) -> Result<Config> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("config.toml");
    std::fs::write(&path, text).unwrap();
    let lookup = |name: &str| variables.iter().find(|(n, _)| *n == name).map(|(_, v)| (*v).to_owned());
    Config::load_with(Some(&path), profile, &lookup)
}

fn model(config: &Config) -> (String, Origin) {
    let explained = config.explain(Setting::find("model").unwrap());
    (explained.value.unwrap().to_string(), explained.origin)
}

const TEXT: &str =
    "model = \"file/m\"\n[profiles.work]\nmodel = \"work/m\"\n[profiles.home]\nagent = \"plan\"\n";

#[test]
fn the_environment_wins_over_the_profile_and_that_over_the_file() {
    let file = |profile: Option<&str>, line| Origin::File {
        profile: profile.map(str::to_owned),
        place: Place { line, column: 9 },
    };
    assert_eq!(model(&load(TEXT, None, &[]).unwrap()), ("file/m".into(), file(None, 1)));
    assert_eq!(model(&load(TEXT, Some("work"), &[]).unwrap()), ("work/m".into(), file(Some("work"), 3)));
    assert_eq!(model(&load(TEXT, Some("home"), &[]).unwrap()), ("file/m".into(), file(None, 1)));
    let variables = [("NEXUS_MODEL", "env/m"), ("NEXUS_PROFILE", "work"), ("NEXUS_AGENT", " ")];
    let config = load(TEXT, None, &variables).unwrap();
    assert_eq!(config.profile(), Some("work"));
    assert_eq!(model(&config), ("env/m".into(), Origin::Environment { variable: "NEXUS_MODEL" }));
    assert_eq!(config.settings().unwrap().agent, None, "an empty variable is as good as none");
    let chosen = load(&format!("profile = \"work\"\n{TEXT}"), None, &[]).unwrap();
    assert_eq!(chosen.settings().unwrap().model.unwrap().provider, "work");
}

#[test]
fn a_profile_that_is_not_there_is_an_error_that_names_those_that_are() {
    let error = load(TEXT, Some("wrok"), &[]).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Configuration);
    assert_eq!(error.hint(), Some("there are: work, home"));
}

#[test]
fn a_file_that_is_partly_wrong_is_not_obeyed_in_parts() {
    let config = load("model = \"a/b\"\n[network]\nconnect_timeout = 5\n", None, &[]).unwrap();
    let error = config.settings().unwrap_err();
    assert!(
        error.message().contains("config.toml:3:19: network.connect_timeout: expected a time"),
        "{error}"
    );
    let config = load("", None, &[("NEXUS_SERVER_START", "perhaps")]).unwrap();
    let error = config.settings().unwrap_err();
    assert!(
        error.message().starts_with("environment: NEXUS_SERVER_START: expected true or false"),
        "{error}"
    );
}

#[test]
fn without_a_file_the_defaults_hold() {
    let config = Config::load_with(Some(Path::new("/nowhere/config.toml")), None, &|_| None).unwrap();
    assert!(!config.exists() && config.problems().is_empty());
    let settings = config.settings().unwrap();
    let usual = crate::transport::TransportConfig::default();
    assert_eq!(settings.transport.timeouts, usual.timeouts, "the table says what the code does");
    assert_eq!(settings.policy, crate::chat::AskPolicy::default());
    assert!(settings.server_start);
    assert_eq!(settings.server_start_timeout, Duration::from_secs(30));
}

#[test]
fn what_is_denied_wins_over_what_is_allowed() {
    let text = "[permission]\ndefault = \"deny\"\ndeny = [\"bash:git push*\"]\nallow = [\"bash:git *\"]\n[network]\nca_file = \"/c.pem\"\ntls_minimum = \"1.2\"\n";
    let settings = load(text, None, &[]).unwrap().settings().unwrap();
    let ask = |pattern: &str| crate::model::Permission {
        id: "per_1".into(),
        session_id: "ses_1".into(),
        action: "bash".into(),
        patterns: vec![pattern.to_owned()],
        always: Vec::new(),
        tool: None,
        metadata: Default::default(),
    };
    assert_eq!(settings.policy.decide(&ask("git push --force")), Decision::Deny);
    assert_eq!(settings.policy.decide(&ask("git log")), Decision::Allow);
    assert_eq!(settings.policy.decide(&ask("ls")), Decision::Deny);
    assert_eq!(settings.transport.tls.extra_ca, Some(PathBuf::from("/c.pem")));
    assert_eq!(settings.transport.tls.minimum, crate::transport::TlsMinimum::Tls12);
}

#[test]
fn what_is_no_text_is_refused_before_it_is_read_as_toml() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str, bytes: &[u8]| {
        let path = folder.path().join(name);
        std::fs::write(&path, bytes).unwrap();
        Config::load_with(Some(&path), None, &|_| None).unwrap_err()
    };
    assert!(at("binary", &[0xff, 0xfe]).message().contains("UTF-8"));
    assert!(at("huge", &vec![b'#'; 1_100_000]).message().contains("1 MiB"));
    let error = Config::load_with(Some(folder.path()), None, &|_| None).unwrap_err();
    assert!(error.message().contains("not a file"), "{error}");
}
