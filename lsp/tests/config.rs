//! `nexus config` as a person uses it: the executable, a home of its own, and a real server for the server's side.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use opencode_nexus_testkit::server::{TestServer, TestServerOptions};
use serde_json::{Value, json};

/// A home that holds nothing.
struct Home(tempfile::TempDir);

impl Home {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn file(&self) -> PathBuf {
        self.0.path().join(".config/opencode-nexus/config.toml")
    }

    fn write(&self, text: &str) {
        std::fs::create_dir_all(self.file().parent().unwrap()).unwrap();
        std::fs::write(self.file(), text).unwrap();
    }

    fn nexus(&self, arguments: &[&str], variables: &[(&str, &str)]) -> Output {
        Command::new(env!("CARGO_BIN_EXE_nexus"))
            .args(arguments)
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("HOME", self.0.path())
            .envs(variables.iter().copied())
            .current_dir(self.0.path())
            .stdin(std::process::Stdio::null())
            .output()
            .unwrap()
    }
}

fn out(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap().trim_end().to_owned()
}

fn code(output: &Output) -> i32 {
    output.status.code().unwrap()
}

fn parsed(output: &Output) -> Value {
    serde_json::from_slice(&output.stdout).unwrap_or_else(|error| {
        panic!("{error}: {} {}", out(output), String::from_utf8_lossy(&output.stderr))
    })
}

#[test]
fn what_is_set_is_got_again_and_explained_with_its_place() {
    let home = Home::new();
    assert_eq!(code(&home.nexus(&["config", "get", "model"], &[])), 1);
    let set = home.nexus(&["config", "set", "model", "anthropic/claude"], &[]);
    assert_eq!((code(&set), out(&set).as_str()), (0, ""));
    assert_eq!(out(&home.nexus(&["config", "get", "model"], &[])), "anthropic/claude");
    let explained = out(&home.nexus(&["config", "explain", "model"], &[]));
    assert!(explained.contains("config.toml:1:9)"), "{explained}");
    let environment = [("NEXUS_MODEL", "openai/gpt")];
    let explained = out(&home.nexus(&["config", "explain", "model"], &environment));
    assert!(explained.starts_with("model = openai/gpt  (environment variable NEXUS_MODEL)"), "{explained}");
    let list = home.nexus(&["config", "set", "permission.allow", "bash:git *", "edit:src/*"], &[]);
    assert_eq!(code(&list), 0);
    let got = parsed(&home.nexus(&["config", "get", "permission.allow", "--json"], &[]));
    assert_eq!(got["value"], json!(["bash:git *", "edit:src/*"]));
    home.nexus(&["config", "unset", "model"], &[]);
    assert_eq!(code(&home.nexus(&["config", "get", "model"], &[])), 1);
}

#[test]
fn a_profile_is_made_chosen_and_missed() {
    let home = Home::new();
    let made = home.nexus(&["config", "set", "--in", "work", "agent", "plan"], &[]);
    assert_eq!(code(&made), 0, "{made:?}");
    assert_eq!(out(&home.nexus(&["--profile", "work", "config", "get", "agent"], &[])), "plan");
    assert_eq!(out(&home.nexus(&["config", "get", "agent"], &[("NEXUS_PROFILE", "work")])), "plan");
    assert_eq!(out(&home.nexus(&["config", "get", "agent"], &[])), "");
    let missed = home.nexus(&["--profile", "wrok", "config", "get", "agent"], &[]);
    let said = String::from_utf8_lossy(&missed.stderr).into_owned();
    assert!(code(&missed) == 2 && said.contains("there are: work"), "{said}");
}

#[test]
fn check_names_file_line_and_column_of_everything_that_is_wrong() {
    let home = Home::new();
    assert_eq!(code(&home.nexus(&["config", "check"], &[])), 0);
    home.write("model = 3\n[server]\nurll = \"http://x\"\n");
    let checked = home.nexus(&["config", "check"], &[("NEXUS_SERVER_START", "perhaps")]);
    let text = out(&checked);
    assert_eq!(code(&checked), 2);
    assert!(text.contains("config.toml:1:9: model: expected a model"), "{text}");
    assert!(
        text.contains("config.toml:3:1: server.urll: there is no such setting; did you mean server.url?"),
        "{text}"
    );
    assert!(text.contains("environment: NEXUS_SERVER_START"), "{text}");
    let as_json = parsed(&home.nexus(&["config", "check", "--json"], &[]));
    assert_eq!((as_json["ok"].as_bool(), as_json["problems"][1]["line"].as_u64()), (Some(false), Some(3)));
    // A command that needs the settings refuses to guess.
    let refused = home.nexus(&["config", "server", "get"], &[]);
    assert_eq!(code(&refused), 2);
    assert!(String::from_utf8_lossy(&refused.stderr).contains("config.toml:1:9"));
}

#[test]
fn a_wrong_name_or_value_is_answered_with_what_is_right_and_changes_nothing() {
    let home = Home::new();
    for (arguments, expected) in [
        (["config", "set", "urll", "http://x"], "there is no setting `urll`"),
        (["config", "set", "url", "http://x"], "did you mean server.url?"),
        (["config", "set", "server.url", "nowhere"], "expected an address"),
        (["config", "set", "network.connect_timeout", "5"], "expected a time with its unit"),
    ] {
        let output = home.nexus(&arguments, &[]);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(code(&output) == 2 && said.contains(expected), "{said}");
    }
    assert!(!home.file().exists());
}

#[cfg(unix)]
#[test]
fn the_editor_gets_a_file_with_every_setting_and_is_told_what_it_made_wrong() {
    use std::os::unix::fs::PermissionsExt as _;
    let home = Home::new();
    let editor = home.0.path().join("editor");
    std::fs::write(
        &editor,
        "#!/bin/sh\necho 'model = 3' >\"$2.new\"\ncat \"$2\" >>\"$2.new\"\nmv \"$2.new\" \"$2\"\n",
    )
    .unwrap();
    std::fs::set_permissions(&editor, std::fs::Permissions::from_mode(0o755)).unwrap();
    let line = format!("{} --wait", editor.display());
    let edited = home.nexus(&["config", "edit"], &[("EDITOR", &line)]);
    assert_eq!(code(&edited), 2, "{edited:?}");
    assert!(out(&edited).contains("config.toml:1:9: model"), "{edited:?}");
    assert!(std::fs::read_to_string(home.file()).unwrap().contains("# url = "));
    assert_eq!(
        std::fs::metadata(home.file()).unwrap().permissions().mode() & 0o777,
        0o644 & !umask() | 0o600
    );
    let missing = home.nexus(&["config", "edit"], &[("EDITOR", "/nowhere/editor")]);
    assert!(String::from_utf8_lossy(&missing.stderr).contains("set VISUAL or EDITOR"));
}

/// What the script's own `>` leaves of 0666.
#[cfg(unix)]
fn umask() -> u32 {
    // SAFETY: umask has no memory effects; it is put back at once.
    unsafe {
        let mask = libc::umask(0o022);
        libc::umask(mask);
        mask as u32
    }
}

#[tokio::test]
async fn the_servers_configuration_is_shown_changed_after_consent_and_synchronised() {
    let server = TestServer::start(TestServerOptions::default()).await.unwrap();
    let home = Home::new();
    let at = |arguments: &[&str]| {
        let folder = server.directory.to_string_lossy().into_owned();
        let all: Vec<&str> = arguments.iter().copied().chain(["--url", &server.url, "-C", &folder]).collect();
        home.nexus(&all, &[])
    };
    let model = out(&at(&["config", "server", "get", "model"]));
    assert_eq!(model, "scripted/scripted");
    let refused = at(&["config", "server", "set", "username", "somebody"]);
    assert_eq!(code(&refused), 2, "nobody was asked");
    let looked = parsed(&at(&["config", "server", "set", "username", "somebody", "--dry-run", "--json"]));
    assert_eq!((&looked["changes"], &looked["applied"]), (&json!(true), &json!(false)));
    assert!(out(&at(&["config", "server", "get", "username"])) != "somebody");
    let applied = at(&["config", "server", "set", "username", "somebody", "--yes"]);
    let shown = String::from_utf8_lossy(&applied.stderr).into_owned();
    assert!(code(&applied) == 0 && shown.contains("+   \"username\": \"somebody\""), "{shown}");
    assert_eq!(out(&at(&["config", "server", "get", "username"])), "somebody");
    let twice = parsed(&at(&["config", "server", "set", "username", "somebody", "--yes", "--json"]));
    assert_eq!(twice["changes"], json!(false));
    assert_eq!(code(&at(&["config", "server", "unset", "username", "--yes"])), 0);
    assert!(out(&at(&["config", "server", "get", "username"])) != "somebody");
    let wrong = at(&["config", "server", "set", "model", "5", "--yes"]);
    assert_eq!(code(&wrong), 2, "{}", String::from_utf8_lossy(&wrong.stderr));

    let undecided = at(&["config", "sync"]);
    assert_eq!(code(&undecided), 2);
    assert!(
        out(&undecided).contains("model: not set here, scripted/scripted on the server"),
        "{undecided:?}"
    );
    assert_eq!(code(&at(&["config", "sync", "--from-server"])), 0);
    assert_eq!(out(&home.nexus(&["config", "get", "model"], &[])), "scripted/scripted");
    home.nexus(&["config", "set", "agent", "plan"], &[]);
    assert_eq!(code(&at(&["config", "sync", "--to-server", "--yes"])), 0);
    assert_eq!(out(&at(&["config", "server", "get", "default_agent"])), "plan");
    assert_eq!(parsed(&at(&["config", "sync", "--json"]))["different"], json!([]));
    assert_no_key(server.server.home().unwrap());
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_system_without_certificates_reaches_the_servers_of_its_own_machine() {
    let server = TestServer::start(TestServerOptions::default()).await.unwrap();
    let home = Home::new();
    let none = home.0.path().join("none.pem");
    let none = none.to_string_lossy();
    let variables = [("SSL_CERT_FILE", &*none), ("SSL_CERT_DIR", "/nowhere")];
    let here = home.nexus(&["config", "server", "get", "model", "--url", &server.url], &variables);
    assert_eq!(out(&here), "scripted/scripted", "{here:?}");
    let there = home.nexus(&["config", "server", "get", "--url", "https://server.invalid"], &variables);
    let said = String::from_utf8_lossy(&there.stderr).into_owned();
    assert!(code(&there) == 4 && said.contains("install its package ca-certificates"), "{said}");
}

/// The scripted provider has a key, which no answer may show; it must not have become `[redacted]` in a file either.
fn assert_no_key(home: &Path) {
    for name in ["opencode.json", "opencode.jsonc", "config.json"] {
        let text = std::fs::read_to_string(home.join(".config/opencode").join(name)).unwrap_or_default();
        assert!(!text.contains("[redacted]"), "{name}: {text}");
    }
}
