//! Servers end with everything that they started, however we end; and a server that cannot start says why.
#![cfg(target_os = "linux")] // looks at processes in /proc
mod plain;

use std::io::{BufRead, BufReader, Write as _};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use opencode_nexus::ErrorKind;
use opencode_nexus::server::{InstallOptions, LocalServer, PINNED, ServerOptions, Step, install};
use opencode_nexus_testkit::scripted::{Action, Behaviour, Conversation};
use opencode_nexus_testkit::server::{SECOND, TestServer, TestServerOptions, isolated_test, opencode_binary};
use serde_json::{Value, json};

/// A shell tool that survives every signal that can be survived, and a child of it that has left its session.
const STUBBORN: &str = "trap '' TERM HUP INT; (trap '' TERM HUP INT; echo inner > inner.tmp; \
    setsid sh -c 'trap \"\" TERM HUP INT; echo $$ > inner.pid; while :; do sleep 1; done' ) & \
    echo $$ > outer.pid; while :; do sleep 1; done";

fn stubborn() -> Behaviour {
    let call =
        Action::tool("bash", json!({"command": STUBBORN, "description": "never ends", "timeout": 600_000}));
    Behaviour::new(vec![Conversation::new("", vec![vec![call]])])
}

/// Whether a process lives; a zombie, which only waits to be reaped by somebody else, does not.
fn lives(pid: u32) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    stat.rsplit(") ").next().is_some_and(|rest| !rest.is_empty() && !rest.starts_with('Z'))
}

/// The processes of a group, and every process whose environment names this home: also those that left the group.
fn family(group: u32, home: &Path) -> Vec<u32> {
    let needle = home.to_str().unwrap().as_bytes().to_vec();
    let mut pids = Vec::new();
    for entry in std::fs::read_dir("/proc").unwrap().flatten() {
        let Some(pid) = entry.file_name().to_str().and_then(|n| n.parse().ok()) else { continue };
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        let in_group = stat
            .rsplit(") ")
            .next()
            .and_then(|r| r.split(' ').nth(2))
            .is_some_and(|g| g == group.to_string());
        let environment = std::fs::read(format!("/proc/{pid}/environ")).unwrap_or_default();
        if (in_group || environment.windows(needle.len()).any(|w| w == needle)) && lives(pid) {
            pids.push(pid);
        }
    }
    pids
}

async fn until(what: &str, mut done: impl FnMut() -> bool) {
    let waiting = async {
        while !done() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(plain::BOUND, waiting).await.unwrap_or_else(|_| panic!("{what}"));
}

fn pid_in(file: PathBuf) -> Option<u32> {
    std::fs::read_to_string(file).ok()?.trim().parse().ok()
}

/// Lets the server run the stubborn tool, and gives the processes of the tool.
async fn run_stubborn_tool(url: &str, directory: &Path) -> [u32; 2] {
    let (_, session) = plain::ask(url, "POST", "/session", Some(&json!({}))).await;
    let path = format!("/session/{}/prompt_async", session["id"].as_str().unwrap());
    let prompt = json!({"parts": [{"type": "text", "text": "go"}]});
    assert_eq!(plain::ask(url, "POST", &path, Some(&prompt)).await.0, 204);
    let file = |name| directory.join(name);
    until("the tool runs", || pid_in(file("outer.pid")).and(pid_in(file("inner.pid"))).is_some()).await;
    [pid_in(file("outer.pid")).unwrap(), pid_in(file("inner.pid")).unwrap()]
}

async fn assert_all_gone(group: u32, home: &Path, tools: [u32; 2]) {
    until("everything is gone", || family(group, home).is_empty() && !tools.iter().any(|p| lives(*p))).await;
    until("the home is removed", || !home.exists()).await;
}

#[tokio::test]
async fn nothing_survives_the_sudden_death_of_the_client() {
    let dir = tempfile::tempdir().unwrap();
    let script = dir.path().join("behaviour.json");
    let turn = json!([{"tool": "bash", "args": {"command": STUBBORN, "description": "never ends", "timeout": 600_000}}]);
    std::fs::write(&script, json!({"conversations": [{"match": "", "turns": [turn]}]}).to_string()).unwrap();
    opencode_binary(PINNED).await.unwrap();
    let mut client = Command::new(env!("CARGO_BIN_EXE_nexus-test-server"))
        .arg(&script)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(client.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let server: Value = serde_json::from_str(&line).unwrap();
    let group = server["group"].as_u64().unwrap() as u32;
    let home = PathBuf::from(server["home"].as_str().unwrap());
    let directory = PathBuf::from(server["directory"].as_str().unwrap());
    let tools = run_stubborn_tool(server["url"].as_str().unwrap(), &directory).await;
    assert!(family(group, &home).len() >= 3, "the guardian, the server and its tools are seen");
    client.kill().unwrap(); // SIGKILL
    client.wait().unwrap();
    assert_all_gone(group, &home, tools).await;
    std::fs::remove_dir_all(directory.parent().unwrap()).unwrap(); // nobody is left who would
}

#[tokio::test]
async fn nothing_survives_a_drop_or_a_stop() {
    for drop_it in [true, false] {
        let permission = json!({"bash": "allow"});
        let options = TestServerOptions { permission, ..TestServerOptions::with(stubborn()) };
        let test = TestServer::start(options).await.unwrap();
        let tools = run_stubborn_tool(&test.url, &test.directory).await;
        let (group, home) = (test.server.group(), test.server.home().unwrap().to_owned());
        assert!(test.server.is_running() && test.server.pid().is_some_and(lives));
        if drop_it {
            drop(test.server);
        } else {
            test.server.stop().await.unwrap();
        }
        // No waiting here: both promise that it is over.
        assert_eq!(family(group, &home), Vec::<u32>::new());
        assert!(!tools.iter().any(|p| lives(*p)) && !home.exists());
    }
}

#[tokio::test]
async fn a_server_that_does_not_listen_to_sigterm_is_killed() {
    let test = TestServer::start(TestServerOptions::default()).await.unwrap();
    let pid = test.server.pid().unwrap();
    assert!(Command::new("kill").args(["-STOP", &pid.to_string()]).status().unwrap().success());
    test.server.stop().await.unwrap();
    assert!(!lives(pid));
}

#[tokio::test]
async fn a_server_that_dies_is_noticed_and_a_password_is_asked_for() {
    let password = Some("correct horse".to_owned());
    let test =
        TestServer::start(TestServerOptions { password, ..TestServerOptions::default() }).await.unwrap();
    assert_eq!(plain::send(&test.url, "GET", "/global/health", None).await.status(), 401);
    Command::new("kill").args(["-KILL", &test.server.pid().unwrap().to_string()]).status().unwrap();
    tokio::time::timeout(plain::BOUND, test.server.exited()).await.unwrap();
    assert!(!test.server.is_running());
}

fn held() -> TestServerOptions {
    TestServerOptions { version: SECOND.to_owned(), stdio: true, ..TestServerOptions::default() }
}

#[test]
fn a_server_that_holds_on_to_our_stdin_runs_until_it_is_stopped() {
    isolated_test(SECOND, || async {
        let test = TestServer::start(held()).await.unwrap();
        // Its only line is the one that tells where it listens.
        assert_eq!(test.server.output_tail(9), [format!("{{\"url\":\"{}\"}}", test.server.url())]);
        tokio::time::sleep(Duration::from_millis(500)).await;
        let pid = test.server.pid().unwrap();
        assert!(test.server.is_running() && lives(pid));
        assert_eq!(plain::send(test.server.url(), "GET", "/api/info", None).await.status(), 401);
        test.server.stop().await.unwrap();
        assert!(!lives(pid));
    });
}

#[test]
fn a_server_that_holds_on_to_our_stdin_ends_with_us_when_its_guardian_was_killed() {
    isolated_test(SECOND, || async {
        let test = TestServer::start(held()).await.unwrap();
        let (pid, guardian) = (test.server.pid().unwrap(), test.server.group());
        assert_ne!(pid, guardian);
        Command::new("kill").args(["-KILL", &guardian.to_string()]).status().unwrap();
        tokio::time::timeout(plain::BOUND, test.server.exited()).await.unwrap();
        tokio::time::sleep(Duration::from_millis(500)).await;
        assert!(lives(pid), "the pipe is ours, not the guardian's");
        drop(test.server);
        until("the server is gone", || !lives(pid)).await;
    });
}

#[tokio::test]
async fn a_server_of_1_x_says_that_it_cannot_hold_on_to_our_stdin() {
    let options = TestServerOptions { stdio: true, ..TestServerOptions::default() };
    let error = TestServer::start(options).await.err().unwrap();
    assert_eq!(error.kind(), ErrorKind::LocalServer);
    assert!(error.hint().is_some(), "{error:?}");
}

#[tokio::test]
async fn several_servers_run_at_once() {
    let start = || TestServer::start(TestServerOptions::with(Behaviour::say("mine")));
    let (a, b) = tokio::join!(start(), start());
    let (a, b) = (a.unwrap(), b.unwrap());
    assert_ne!(a.url, b.url);
    assert_ne!(a.server.home(), b.server.home());
    for test in [&a, &b] {
        let (status, path) = plain::ask(&test.url, "GET", "/path", None).await;
        assert_eq!((status, path["directory"].as_str()), (200, test.directory.to_str()));
    }
}

/// A program in the place of OpenCode, for the ways in which a start fails.
fn program(dir: &Path, script: &str) -> ServerOptions {
    let path = dir.join("program");
    let mut file = std::fs::File::create(&path).unwrap();
    write!(file, "#!/bin/sh\n{script}\n").unwrap();
    file.set_permissions(std::fs::Permissions::from_mode(0o755)).unwrap();
    ServerOptions::new(path, dir)
}

#[tokio::test]
async fn a_failed_start_carries_the_last_lines() {
    let dir = tempfile::tempdir().unwrap();
    let error = LocalServer::start(program(dir.path(), "echo boom >&2; exit 3")).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::LocalServer);
    assert!(error.context("output").unwrap().contains("boom"), "{error:?}");
    let missing = ServerOptions::new("/no/such/opencode", dir.path());
    assert_eq!(LocalServer::start(missing).await.unwrap_err().kind(), ErrorKind::LocalServer);
    let nowhere = ServerOptions::new("/bin/sh", "/no/such/project");
    assert_eq!(LocalServer::start(nowhere).await.unwrap_err().kind(), ErrorKind::Configuration);
}

#[tokio::test]
async fn a_start_that_never_ends_is_ended() {
    let dir = tempfile::tempdir().unwrap();
    let mut options = program(dir.path(), "echo $$ > pid; echo still starting; while :; do sleep 1; done");
    options.start_bound = Duration::from_millis(1500);
    let error = LocalServer::start(options).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Timeout);
    assert!(error.context("output").unwrap().contains("still starting"));
    assert!(!lives(pid_in(dir.path().join("pid")).unwrap()));
}

#[tokio::test]
async fn a_port_in_use_is_named() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port();
    let dir = tempfile::tempdir().unwrap();
    let mut options = ServerOptions::new(opencode_binary(PINNED).await.unwrap(), dir.path());
    options.port = Some(port);
    let error = LocalServer::start(options).await.unwrap_err();
    assert!(error.hint().unwrap().contains(&format!("port {port} is in use")), "{error:?}");
}

#[tokio::test]
async fn installing_survives_cancelling_rubbish_and_company() {
    let dir = tempfile::tempdir().unwrap();
    let partial = dir.path().join(format!(".{PINNED}.partial"));
    std::fs::create_dir(&partial).unwrap();
    std::fs::write(partial.join("rubbish"), "of a killed process").unwrap();

    let (sender, mut steps) = tokio::sync::mpsc::unbounded_channel();
    let options = |cache: &Path| {
        let sender = sender.clone();
        InstallOptions {
            cache: Some(cache.to_owned()),
            progress: std::sync::Arc::new(move |p| sender.send(p.step).unwrap_or_default()),
            ..InstallOptions::default()
        }
    };
    tokio::select! {
        _ = install(options(dir.path())) => panic!("nobody downloads that fast"),
        () = async { while steps.recv().await != Some(Step::Downloading) {} } => {}
    }
    assert!(!partial.exists(), "a cancelled installation leaves nothing");

    let (one, two) = tokio::join!(install(options(dir.path())), install(options(dir.path())));
    assert_eq!(one.unwrap(), two.unwrap());
    let mut seen = Vec::new();
    while let Ok(step) = steps.try_recv() {
        seen.push(step);
    }
    assert_eq!(seen.iter().filter(|s| **s == Step::Downloading).count(), 1, "{seen:?}");
    assert!(seen.contains(&Step::Waiting) && seen.contains(&Step::Done));
    let mut names: Vec<_> = std::fs::read_dir(dir.path()).unwrap().map(|e| e.unwrap().file_name()).collect();
    names.sort();
    assert_eq!(names, [format!(".{PINNED}.lock").as_str(), PINNED]);
    let error =
        install(InstallOptions { version: "../1".to_owned(), ..options(dir.path()) }).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidInput);
    let unknown = InstallOptions { version: "0.0.0-none".to_owned(), ..options(dir.path()) };
    assert!(install(unknown).await.unwrap_err().hint().unwrap().contains("not published"));
}
