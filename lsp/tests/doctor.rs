//! `nexus doctor`: what it sees on a machine that is well, and on one that is not.

mod program;

use opencode_nexus_testkit::server::{TestServer, TestServerOptions};
use program::{Ran, beside, nexus, run};
use serde_json::Value;

fn check(ran: &Ran, name: &str) -> Value {
    let value = ran.last();
    let checks = value["checks"].as_array().unwrap();
    checks.iter().find(|check| check["name"] == name).cloned().unwrap_or_else(|| panic!("{name} in {value}"))
}

#[tokio::test]
async fn a_machine_that_is_well_has_every_check_and_no_failure() {
    let server = TestServer::start(TestServerOptions::default()).await.unwrap();
    let home = tempfile::tempdir().unwrap();
    let mut command = beside(&server, &["doctor", "--json"]);
    command.env("HOME", home.path()).env("LC_ALL", "C.UTF-8").env("NEXUS_OPENCODE_BIN", binary().await);
    for name in ["XDG_CACHE_HOME", "XDG_STATE_HOME", "XDG_CONFIG_HOME"] {
        command.env_remove(name);
    }
    let ran = run(command).await.ended(0);
    assert_eq!(ran.last()["ok"], true);
    for name in
        ["git", "npm", "home", "cache", "state", "config", "clock", "terminal", "opencode", "background"]
    {
        assert_ne!(check(&ran, name)["state"], "fail", "{ran:?}");
    }
    assert!(check(&ran, "server")["what"].as_str().unwrap().contains("OpenCode 1.18.33 at "), "{ran:?}");
    assert!(check(&ran, "opencode")["what"].as_str().unwrap().starts_with("1.18.33, "), "{ran:?}");
    // npm and OpenCode make folders of their own when they say their versions; we leave nothing.
    let ours = |entry: std::io::Result<std::fs::DirEntry>| {
        entry.unwrap().file_name().to_string_lossy().starts_with(".nexus-doctor")
    };
    assert!(!std::fs::read_dir(home.path()).unwrap().any(ours), "looking leaves nothing behind");
}

async fn binary() -> std::path::PathBuf {
    opencode_nexus_testkit::server::opencode_binary(opencode_nexus::server::PINNED).await.unwrap()
}

#[cfg(unix)]
#[tokio::test]
async fn what_is_missing_is_named_with_the_command_that_fixes_it() {
    use std::os::unix::fs::PermissionsExt as _;
    let home = tempfile::tempdir().unwrap();
    let state = home.path().join(".local/state/opencode");
    std::fs::create_dir_all(&state).unwrap();
    std::fs::write(state.join("service.json"), "{}").unwrap();
    std::fs::set_permissions(state.join("service.json"), std::fs::Permissions::from_mode(0o644)).unwrap();
    std::fs::write(home.path().join(".config"), "in the way").unwrap();
    let broken = home.path().join("broken");
    std::fs::write(&broken, "#!/bin/sh\nexit 7\n").unwrap();
    std::fs::set_permissions(&broken, std::fs::Permissions::from_mode(0o755)).unwrap();
    let mut command = nexus(&["doctor", "--json", "--url", "http://127.0.0.1:9"]);
    command.env("HOME", home.path()).env("PATH", "/nonexistent").env("LC_ALL", "C");
    command.env("NEXUS_OPENCODE_BIN", &broken).env("HTTPS_PROXY", "http://user:hunter2@proxy:1");
    for name in ["XDG_CACHE_HOME", "XDG_STATE_HOME", "XDG_CONFIG_HOME", "NO_PROXY", "no_proxy"] {
        command.env_remove(name);
    }
    let ran = run(command).await.ended(1);
    assert!(!ran.out.contains("hunter2"), "{ran:?}");
    for (name, state, fix) in [
        ("git", "fail", "apt-get install git"),
        ("npm", "fail", "apt-get install npm"),
        ("config", "fail", "chown"),
        ("proxy", "warn", "NO_PROXY"),
        ("terminal", "warn", "LC_ALL"),
        ("opencode", "fail", "install it anew"),
        ("service file", "fail", "chmod 600"),
        ("server", "fail", ""),
    ] {
        let check = check(&ran, name);
        assert_eq!(check["state"], state, "{check}");
        assert!(check["fix"].as_str().is_some_and(|text| text.contains(fix)), "{check}");
    }
}
