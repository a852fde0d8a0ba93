//! `nexus record`: what it writes can be replayed and equals what the server has.

mod program;

use std::path::Path;

use opencode_nexus_testkit::expected;
use opencode_nexus_testkit::scripted::{Action, Behaviour, Conversation as Script};
use opencode_nexus_testkit::server::{SECOND, TestServer, TestServerOptions, isolated_test};
use program::{BOUND, Ran, beside, finish, nexus, read, run, signal};
use serde_json::Value;
use tokio::io::AsyncBufReadExt as _;

fn options() -> TestServerOptions {
    let behaviour = Behaviour::new(vec![
        Script::new("^KEY", vec![vec![Action::text("It is sk-abcdefghijklmnopqrstuvwx.")]]),
        Script::new("", vec![vec![Action::tokens(40, 3), Action::text("Echo: {{user}}")]]),
    ]);
    TestServerOptions { snapshot: false, ..TestServerOptions::with(behaviour) }
}

/// `nexus record … -- nexus run …`.
async fn recorded(server: &TestServer, prompt: &str) -> Ran {
    let nexus = env!("CARGO_BIN_EXE_nexus");
    let mut command = beside(server, &["record", "--json", "--to", "bug", "--upstream", &server.url, "--"]);
    command.args([nexus, "run", prompt, "--quiet"]).env_remove("NEXUS_URL");
    run(command).await
}

/// What the replayed stream shows must be what the server said afterwards.
async fn assert_equal(folder: &Path) -> Value {
    let stream = folder.join("events.sse");
    let replayed = run(nexus(&["replay", "--json", stream.to_str().unwrap()])).await.ended(0).last();
    let messages: Value = serde_json::from_str(&read(&folder.join("events.messages.json"))).unwrap();
    let sessions = replayed["sessions"].as_object().unwrap();
    assert_eq!(sessions.len(), 1, "{replayed}");
    let shown = &sessions.values().next().unwrap()["messages"];
    assert_eq!(*shown, expected::messages(&messages));
    shown.clone()
}

#[tokio::test]
async fn a_command_is_recorded_and_its_recording_replays_to_what_the_server_has() {
    let server = TestServer::start(options()).await.unwrap();
    let ran = recorded(&server, "Hello").await.ended(0);
    assert!(ran.out.contains("Echo: Hello\n"), "the command's own output passes: {ran:?}");
    let told = ran.out.lines().last().and_then(|line| serde_json::from_str::<Value>(line).ok()).unwrap();
    assert!(told["events"].as_u64().is_some_and(|count| count > 10), "{told}");
    let shown = assert_equal(&server.directory.join("bug")).await;
    assert!(shown.to_string().contains("Echo: Hello"), "{shown}");
    let ran = run(beside(&server, &["record", "--to", "x", "--", "no-such-command"])).await.ended(2);
    assert!(ran.err.contains("cannot run no-such-command"), "{ran:?}");
}

#[tokio::test]
async fn keys_do_not_stay_in_a_recording() {
    let server = TestServer::start(options()).await.unwrap();
    recorded(&server, "KEY").await.ended(0);
    let messages = read(&server.directory.join("bug/events.messages.json"));
    assert!(messages.contains("It is [redacted].") && !messages.contains("sk-abc"), "{messages}");
}

#[cfg(unix)]
#[tokio::test]
async fn without_a_command_an_interrupt_ends_the_recording_and_writes_what_it_has() {
    let options = TestServerOptions { password: Some("hunter2".into()), ..options() };
    let server = TestServer::start(options).await.unwrap();
    let url = server.url.replace("://", "://opencode:hunter2@");
    let mut child = beside(&server, &["record", "--to", "bug", "--upstream", &url])
        .env_remove("NEXUS_URL")
        .spawn()
        .unwrap();
    let mut lines = tokio::io::BufReader::new(child.stderr.take().unwrap()).lines();
    let mut said = String::new();
    for _ in 0..2 {
        let line =
            tokio::time::timeout(BOUND, lines.next_line()).await.expect("it says where it is").unwrap();
        said.push_str(&line.unwrap());
    }
    assert!(said.contains("recording http://127.0.0.1:") && !said.contains("hunter2"), "{said}");
    let file = server.directory.join("bug/address");
    let mode = std::os::unix::fs::PermissionsExt::mode(&std::fs::metadata(&file).unwrap().permissions());
    assert_eq!(mode & 0o777, 0o600);
    let mut command = nexus(&["run", "Hello", "--url", read(&file).trim()]);
    run({
        command.current_dir(&server.directory);
        command
    })
    .await
    .ended(0);
    signal(&child, "INT").await;
    finish(child).await.ended(0);
    assert!(!file.exists());
    assert_equal(&server.directory.join("bug")).await;
}

#[test]
fn a_server_of_opencode_2_is_recorded_as_well() {
    isolated_test(SECOND, || async {
        let server =
            TestServer::start(TestServerOptions { version: SECOND.into(), ..options() }).await.unwrap();
        recorded(&server, "Hello").await.ended(0);
        let shown = assert_equal(&server.directory.join("bug")).await;
        assert!(shown.to_string().contains("Echo: Hello"), "{shown}");
        assert!(!read(&server.directory.join("bug/events.messages.json")).contains("scripted-password"));
    });
}
