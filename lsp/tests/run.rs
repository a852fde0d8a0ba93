//! `nexus run` against real servers with a scripted model: what is printed where, and with which exit code it ends.

mod program;

use std::process::Stdio;

use opencode_nexus::Client;
use opencode_nexus::dialect::SessionFilter;
use opencode_nexus::model::Session;
use opencode_nexus_testkit::scripted::{Action, Attempts, Behaviour, Conversation as Script, Turn};
use opencode_nexus_testkit::server::{SECOND, TestServer, TestServerOptions, isolated_test};
use program::{BOUND, beside, feed, finish, nexus, read, run, signal};
use serde_json::json;
use tokio::io::AsyncBufReadExt as _;

fn model(shell: &str) -> Behaviour {
    let command = |text: &str| Action::tool(shell, json!({"command": text, "description": "Run it"}));
    let write = |path: &str| Action::tool("write", json!({"filePath": path, "content": "written\n"}));
    let question = json!({"questions": [{"question": "Which colour?", "header": "Colour", "options": [
        {"label": "Red", "description": "warm"}, {"label": "Blue", "description": "cold"}]}]});
    Behaviour::new(vec![
        Script::new(
            "^BASH",
            vec![vec![Action::text("I run it."), command("git status")], vec![Action::text("It ran.")]],
        ),
        Script::new("^WRITE", vec![vec![write("new.txt")], vec![Action::text("Written.")]]),
        Script::new(
            "^QUESTION",
            vec![vec![Action::tool("question", question)], vec![Action::text("I see.")]],
        ),
        Script::new("^HANG", vec![vec![Action::text("It begins.\n"), Action::hang()]]),
        Script::new("^DENIED", vec![vec![Action::status(401)]]),
        Script::new(
            "^Your answer cannot be used",
            vec![vec![Action::text("```json\n{\"high\": [\"a risk\"]}\n```")]],
        ),
        Script::new("^RISKS", vec![vec![Action::text("There are some risks.")]]),
        Script::new("^FEW", vec![vec![Action::text("{\"high\": []}")]]),
        Script::new("", vec![vec![Action::text("Echo: {{user}}")]]),
    ])
}

fn first() -> TestServerOptions {
    TestServerOptions { snapshot: false, ..TestServerOptions::with(model("bash")) }
}

const SCHEMA: &str = r#"{"type":"object","properties":{"high":{"type":"array","items":{"type":"string"}}},"required":["high"]}"#;

async fn sessions(server: &TestServer) -> Vec<Session> {
    let client =
        Client::builder(&server.url).directory(server.directory.to_string_lossy()).connect().await.unwrap();
    client.sessions(&SessionFilter::default()).await.unwrap()
}

#[tokio::test]
async fn the_answer_alone_stands_on_standard_output_and_the_prompt_may_be_piped_in() {
    let server = TestServer::start(first()).await.unwrap();
    let ran = run(beside(&server, &["run", "Hello", "you"])).await.ended(0);
    assert_eq!(ran.out, "Echo: Hello you\n");
    let ran = feed(beside(&server, &["run"]), "from a pipe\n").await.ended(0);
    assert_eq!(ran.out, "Echo: from a pipe\n");
    let ran = feed(beside(&server, &["run", "Review", "-"]), "a ``` b").await.ended(0);
    assert_eq!(ran.out, "Echo: Review\n\n````\na ``` b\n````\n");
    let ran = run(beside(&server, &["run"])).await.ended(2);
    assert!(
        ran.out.is_empty()
            && ran.err.contains("there is no prompt")
            && ran.err.contains("user.invalid_input"),
        "{ran:?}"
    );
}

#[tokio::test]
async fn json_tells_every_event_in_a_line_and_the_outcome_last() {
    let server = TestServer::start(first()).await.unwrap();
    let ran = run(beside(&server, &["run", "--json", "--allow", "bash:git *", "BASH it"])).await.ended(0);
    let lines = ran.lines();
    assert_eq!((&lines[0]["type"], &lines[0]["server"]), (&json!("session"), &json!("1.18.33")));
    let told: String = ran.of("text").iter().filter_map(|line| line["delta"].as_str()).collect();
    assert_eq!(told, "I run it.It ran.");
    assert_eq!(ran.of("permission")[0]["decision"], "allow");
    assert!(
        ran.of("tool").iter().any(|line| line["status"] == "completed" && line["tool"] == "bash"),
        "{ran:?}"
    );
    let last = ran.last();
    assert_eq!(
        (&last["type"], &last["ok"], &last["exit_code"]),
        (&json!("outcome"), &json!(true), &json!(0))
    );
    assert_eq!(last["answer"], "I run it.\n\nIt ran.");
    assert!(last["usage"]["cost"].as_f64().is_some_and(|cost| cost > 0.0), "{last}");
    assert_eq!(last["session"], lines[0]["session"]);
}

#[tokio::test]
async fn what_no_rule_allows_is_refused_and_said() {
    let server = TestServer::start(first()).await.unwrap();
    let ran = run(beside(&server, &["run", "BASH it"])).await.ended(0);
    assert_eq!(ran.out, "I run it.\nIt ran.\n", "{ran:?}");
    assert!(ran.err.contains("refused bash:git status") && ran.err.contains("--allow"), "{ran:?}");
    let rules = ["run", "--allow", "bash", "--deny", "bash:git *", "--json", "BASH it"];
    let ran = run(beside(&server, &rules)).await.ended(0);
    assert_eq!(ran.last()["refused"], json!(["bash:git status"]));
    let ran = run(beside(&server, &["run", "--permission", "fail", "BASH it"])).await.ended(7);
    assert!(ran.err.contains("refused, and the run ends with it: bash:git status"), "{ran:?}");
    let ran =
        run(beside(&server, &["run", "--permission", "fail", "--allow", "bash", "BASH it"])).await.ended(0);
    assert!(ran.err.contains("✓ bash"), "{ran:?}");
}

#[tokio::test]
async fn questions_are_refused_or_answered_by_a_label() {
    let server = TestServer::start(first()).await.unwrap();
    let ran = run(beside(&server, &["run", "QUESTION"])).await.ended(0);
    assert!(ran.err.contains("Which colour? → refused"), "{ran:?}");
    let ran = run(beside(&server, &["run", "--json", "--answer", "Blue", "QUESTION"])).await.ended(0);
    assert_eq!(ran.of("question")[0]["answers"], json!([["Blue"]]));
    assert_eq!(ran.last()["answer"], "I see.");
}

#[tokio::test]
async fn a_failing_provider_and_a_failing_answer_have_exit_codes_of_their_own() {
    let server = TestServer::start(first()).await.unwrap();
    let ran = run(beside(&server, &["run", "DENIED"])).await.ended(6);
    assert!(ran.err.contains("the turn failed"), "{ran:?}");
    let ran = run(beside(&server, &["run", "--fail-on", "(?i)echo: bad", "Bad thing"])).await.ended(1);
    assert!(ran.out == "Echo: Bad thing\n" && ran.err.contains("the answer fails the run"), "{ran:?}");
    run(beside(&server, &["run", "--fail-on", "(?i)echo: bad", "Good thing"])).await.ended(0);
    let ran = run(nexus(&["run", "--url", "http://127.0.0.1:9", "x", "--json"])).await.ended(3);
    assert_eq!(ran.last()["error"]["code"], "system.unreachable", "{ran:?}");
    run(beside(&server, &["run", "--no-such-flag", "x"])).await.ended(2);
}

#[tokio::test]
async fn an_answer_that_does_not_follow_the_schema_is_asked_for_again() {
    let server = TestServer::start(first()).await.unwrap();
    let ran = run(beside(&server, &["run", "--output-schema", SCHEMA, "RISKS"])).await.ended(0);
    assert_eq!(ran.out, "{\"high\":[\"a risk\"]}\n");
    let field = ["run", "--output-schema", SCHEMA, "--fail-on-field", "/high", "RISKS"];
    run(beside(&server, &field)).await.ended(1);
    let few = ["run", "--output-schema", SCHEMA, "--fail-on-field", "/high", "FEW"];
    assert_eq!(run(beside(&server, &few)).await.ended(0).out, "{\"high\":[]}\n");
    let once = ["run", "--output-schema", SCHEMA, "--repair", "0", "--json", "RISKS"];
    let ran = run(beside(&server, &once)).await.ended(8);
    assert_eq!((&ran.last()["outcome"], &ran.last()["output"]), (&json!("schema_broken"), &json!(null)));
    let ran = run(beside(&server, &["run", "--output-schema", "{\"type\": 7}", "x"])).await.ended(2);
    assert!(ran.err.contains("no JSON schema"), "{ran:?}");
}

#[tokio::test]
async fn a_run_that_takes_too_long_or_is_interrupted_stops_the_agent() {
    let server = TestServer::start(first()).await.unwrap();
    // On a busy machine a short time ends before the answer begins; a longer one then shows the same.
    for seconds in ["2", "10", "30"] {
        let ran = run(beside(&server, &["run", "--timeout", seconds, "HANG"])).await.ended(124);
        assert!(ran.err.contains(&format!("not done within {seconds} s")), "{ran:?}");
        if ran.out.is_empty() && seconds != "30" {
            continue;
        }
        assert_eq!(ran.out, "It begins.\n");
        break;
    }
    for name in ["INT", "TERM"] {
        let mut child = beside(&server, &["run", "HANG"]).spawn().unwrap();
        let mut lines = tokio::io::BufReader::new(child.stdout.take().unwrap()).lines();
        let line = tokio::time::timeout(BOUND, lines.next_line()).await.expect("the answer begins").unwrap();
        assert_eq!(line.as_deref(), Some("It begins."));
        signal(&child, name).await;
        let ran = finish(child).await.ended(130);
        assert!(ran.err.contains("the agent was stopped"), "{ran:?}");
    }
    assert_idle(&server).await;
}

#[tokio::test]
async fn a_reader_that_goes_away_stops_the_agent_quietly() {
    let server = TestServer::start(first()).await.unwrap();
    let mut child = beside(&server, &["run", "HANG"]).stdout(Stdio::piped()).spawn().unwrap();
    let mut lines = tokio::io::BufReader::new(child.stdout.take().unwrap()).lines();
    tokio::time::timeout(BOUND, lines.next_line()).await.expect("the answer begins").unwrap();
    drop(lines);
    let ran = finish(child).await.ended(141);
    assert_eq!(ran.err, "");
    assert_idle(&server).await;
}

/// Nothing may run on when we are gone.
async fn assert_idle(server: &TestServer) {
    let client =
        Client::builder(&server.url).directory(server.directory.to_string_lossy()).connect().await.unwrap();
    for session in client.sessions(&SessionFilter::default()).await.unwrap() {
        let conversation = client.open(session.id, Default::default()).await.unwrap();
        assert!(conversation.with_transcript(|t| t.status().is_idle()), "{:?}", conversation.session_id());
    }
}

#[tokio::test]
async fn sessions_go_on_and_files_models_agents_and_titles_are_taken() {
    let server = TestServer::start(first()).await.unwrap();
    run(beside(&server, &["run", "--title", "A first look", "one"])).await.ended(0);
    run(beside(&server, &["run", "--continue", "two"])).await.ended(0);
    let all = sessions(&server).await;
    assert_eq!(all.iter().map(|s| s.title.as_str()).collect::<Vec<_>>(), ["A first look"]);
    let prefix = &all[0].id.as_str()[..12];
    run(beside(&server, &["run", "--session", prefix, "three", "--agent", "plan"])).await.ended(0);
    let chosen =
        ["run", "--model", "scripted/scripted", "--system", "Be brief", "--file", "hello.txt", "four"];
    let ran = run(beside(&server, &chosen)).await.ended(0);
    assert!(ran.out.starts_with("Echo: "), "{ran:?}");
    let seen = server.model.requests();
    assert!(
        format!("{seen:?}").contains("Be brief") && format!("{seen:?}").contains("hello"),
        "the file was read"
    );
    for (arguments, said) in [
        (&["run", "--model", "scripted/none", "x"][..], "has no model scripted/none"),
        (&["run", "--agent", "nobody", "x"], "no agent nobody"),
        (&["run", "--session", "ses_none", "x"], "no session begins with ses_none"),
        (&["run", "--file", "missing.txt", "x"], "cannot attach missing.txt"),
    ] {
        let ran = run(beside(&server, arguments)).await.ended(2);
        assert!(ran.err.contains(said), "{ran:?}");
    }
}

#[tokio::test]
async fn a_report_tells_prompt_answer_tools_changes_and_cost() {
    let options = TestServerOptions { snapshot: true, ..first() };
    let server = TestServer::start(options).await.unwrap();
    let arguments = ["run", "--report", "report.md", "--allow", "edit", "--title", "Write it", "WRITE it"];
    run(beside(&server, &arguments)).await.ended(0);
    assert_eq!(read(&server.directory.join("new.txt")), "written\n");
    let report = read(&server.directory.join("report.md"));
    for wanted in [
        "# Write it",
        "completed (exit code 0)",
        "WRITE it",
        "Written.",
        "## Tools",
        "- write",
        "+written",
        "scripted/scripted",
    ] {
        assert!(report.contains(wanted), "{wanted} in {report}");
    }
    let refused = ["run", "--report", "refused.md", "BASH it", "--quiet"];
    let ran = run(beside(&server, &refused)).await.ended(0);
    assert_eq!(ran.err, "", "quiet is quiet");
    assert!(read(&server.directory.join("refused.md")).contains("## Refused\n\n- `bash:git status`"));
}

#[tokio::test]
async fn a_provider_that_fails_once_is_waited_for() {
    let mut behaviour = model("bash");
    let attempts = vec![vec![Action::status(500)], vec![Action::text("Now it works.")]];
    let script = Script { pattern: "^ONCE".into(), turns: vec![Turn::Attempts(Attempts { attempts })] };
    behaviour.conversations.insert(0, script);
    let server = TestServer::start(TestServerOptions { behaviour, ..first() }).await.unwrap();
    let ran = run(beside(&server, &["run", "ONCE"])).await.ended(0);
    assert_eq!(ran.out, "Now it works.\n");
    assert!(ran.err.contains("the server tries again"), "{ran:?}");
}

#[test]
fn the_same_runs_on_opencode_2() {
    isolated_test(SECOND, || async {
        let options =
            TestServerOptions { version: SECOND.to_owned(), ..TestServerOptions::with(model("shell")) };
        let server = TestServer::start(options).await.unwrap();
        assert_eq!(run(beside(&server, &["run", "Hello"])).await.ended(0).out, "Echo: Hello\n");
        let ran = run(beside(&server, &["run", "--json", "BASH it"])).await.ended(0);
        assert_eq!(ran.last()["refused"], json!(["shell:git status"]), "{ran:?}");
        assert_eq!(
            ran.last()["answer"],
            "I run it.\n\nIt ran.",
            "refused with a message it goes on: {ran:?}"
        );
        let ran = run(beside(&server, &["run", "--allow", "bash:git *", "BASH it"])).await.ended(0);
        assert!(ran.err.contains("✓ shell"), "{ran:?}");
        let ran = run(beside(&server, &["run", "--output-schema", SCHEMA, "RISKS"])).await.ended(0);
        assert_eq!(ran.out, "{\"high\":[\"a risk\"]}\n");
        let ran = run(beside(&server, &["run", "--system", "x", "y"])).await.ended(2);
        assert!(ran.err.contains("user.unsupported"), "{ran:?}");
        let ran = run(beside(&server, &["run", "--timeout", "2", "HANG"])).await.ended(124);
        assert_eq!(ran.out, "It begins.\n", "{ran:?}");
        run(beside(&server, &["run", "--model", "scripted/scripted", "--agent", "build", "x"]))
            .await
            .ended(0);
    });
}
