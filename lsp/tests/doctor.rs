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

/// Whether a process runs; one that only waits to be reaped does not.
#[cfg(target_os = "linux")]
fn lives(pid: u32) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    stat.rsplit(") ").next().is_some_and(|rest| !rest.is_empty() && !rest.starts_with('Z'))
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn what_a_killed_supervisor_and_guardian_have_left_is_ended_and_told() {
    let home = tempfile::tempdir().unwrap();
    let binary = binary().await;
    let with_home = |arguments: &[&str]| {
        let mut command = nexus(arguments);
        command.env("HOME", home.path()).env("TMPDIR", home.path()).env("NEXUS_OPENCODE_BIN", &binary);
        for name in ["XDG_CACHE_HOME", "XDG_STATE_HOME", "XDG_CONFIG_HOME"] {
            command.env_remove(name);
        }
        command.current_dir(home.path());
        command
    };
    let started = run(with_home(&["server", "start", "--home", "fresh", "--json"])).await.ended(0).last();
    let number = |value: &Value| u32::try_from(value.as_u64().unwrap()).unwrap();
    let (server, supervisor) = (number(&started["pid"]), number(&started["supervisor"]));
    let stat = std::fs::read_to_string(format!("/proc/{server}/stat")).unwrap();
    let guardian = stat.rsplit(") ").next().unwrap().split(' ').nth(1).unwrap().to_owned();
    // The guardian first, so that it cannot do what it is for.
    let killed =
        std::process::Command::new("kill").args(["-KILL", &guardian, &supervisor.to_string()]).status();
    assert!(killed.unwrap().success());
    let told = check(&run(with_home(&["doctor", "--json"])).await, "left-overs");
    assert_eq!(told["state"], "warn", "{told}");
    let what = told["what"].as_str().unwrap();
    // The process may have been ended by another command that cleans up at this moment; the record is only here.
    assert!(what.contains("removed the records of default"), "{told}");
    assert!(!lives(server));
    let again = check(&run(with_home(&["doctor", "--json"])).await, "left-overs");
    assert_eq!(again["state"], "ok", "{again}");
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
