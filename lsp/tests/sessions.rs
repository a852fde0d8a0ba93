//! `nexus sessions`, `models`, `agents`, `completions` and `man`, against real servers.

mod program;

use opencode_nexus_testkit::scripted::{Action, Behaviour, Conversation as Script};
use opencode_nexus_testkit::server::{SECOND, TestServer, TestServerOptions, isolated_test};
use program::{Ran, beside, feed, nexus, read, run};
use serde_json::{Value, json};

fn options() -> TestServerOptions {
    let write = Action::tool("write", json!({"filePath": "new.txt", "content": "written\n"}));
    let behaviour = Behaviour::new(vec![
        Script::new("^WRITE", vec![vec![write], vec![Action::text("Written.")]]),
        Script::new("", vec![vec![Action::text("Echo: {{user}} \u{1b}[31m")]]),
    ]);
    let permission = json!({"bash": "allow", "edit": "allow"});
    TestServerOptions { permission, ..TestServerOptions::with(behaviour) }
}

async fn sessions(server: &TestServer, arguments: &[&str]) -> Ran {
    run(beside(server, &[&["sessions"], arguments].concat())).await
}

async fn listed(server: &TestServer, arguments: &[&str]) -> Vec<Value> {
    let ran = sessions(server, &[&["list", "--json"], arguments].concat()).await.ended(0);
    ran.last()["sessions"].as_array().unwrap().clone()
}

async fn say(server: &TestServer, arguments: &[&str]) {
    run(beside(server, &[&["run", "--quiet"], arguments].concat())).await.ended(0);
}

#[tokio::test]
async fn sessions_are_listed_shown_branched_renamed_and_deleted() {
    let server = TestServer::start(TestServerOptions { snapshot: false, ..options() }).await.unwrap();
    say(&server, &["--title", "A first look", "one"]).await;
    say(&server, &["--continue", "two"]).await;
    say(&server, &["--title", "Another", "three"]).await;
    let titles =
        |list: &[Value]| list.iter().map(|s| s["title"].as_str().unwrap().to_owned()).collect::<Vec<_>>();
    assert_eq!(titles(&listed(&server, &[]).await), ["Another", "A first look"], "the newest first");
    assert_eq!(titles(&listed(&server, &["--search", "first"]).await), ["A first look"]);
    assert_eq!(listed(&server, &["--limit", "1"]).await.len(), 1);
    let id = listed(&server, &["--search", "first"]).await[0]["id"].as_str().unwrap().to_owned();

    let shown = sessions(&server, &["show", &id]).await.ended(0).out;
    assert!(shown.contains("A first look") && shown.contains("  Echo: one"), "{shown}");
    assert!(!shown.contains('\u{1b}'), "a model must not drive the terminal");
    let value = sessions(&server, &["show", &id, "--json"]).await.ended(0).last();
    let second = value["messages"][2]["id"].as_str().unwrap().to_owned();

    let copy = sessions(&server, &["fork", &id, "--at", &second]).await.ended(0).out;
    let copied = sessions(&server, &["show", copy.trim(), "--json"]).await.ended(0).last();
    assert_eq!(copied["messages"].as_array().unwrap().len(), 2, "{copied}");
    let ran = sessions(&server, &["fork", &id, "--at", "msg_none"]).await.ended(2);
    assert!(ran.err.contains("no message msg_none"), "{ran:?}");

    sessions(&server, &["rename", &id, "Größe % 2"]).await.ended(0);
    assert_eq!(listed(&server, &["--search", "Größe"]).await.len(), 1);

    let ran = sessions(&server, &["delete", &id]).await.ended(2);
    assert!(ran.err.contains("add --yes"), "nobody can be asked: {ran:?}");
    let ran = sessions(&server, &["delete", &id, "ses_none", "--yes"]).await.ended(2);
    assert!(ran.err.contains("no session begins with ses_none"), "{ran:?}");
    assert_eq!(listed(&server, &["--search", "Größe"]).await.len(), 1, "a wrong word costs nothing");
    sessions(&server, &["delete", &id, "--yes"]).await.ended(0);
    assert_eq!(listed(&server, &["--search", "Größe"]).await.len(), 0);
    let ran = sessions(&server, &["show", "ses_"]).await.ended(2);
    assert!(ran.err.contains("sessions begin with ses_"), "{ran:?}");
}

#[tokio::test]
async fn changes_are_shown_as_a_diff_taken_back_and_brought_back() {
    let server = TestServer::start(options()).await.unwrap();
    say(&server, &["WRITE it"]).await;
    let file = server.directory.join("new.txt");
    assert!(file.exists());
    // The server works the changes out some time after the turn (1.18.33, seen).
    let mut diff = String::new();
    for _ in 0..100 {
        diff = sessions(&server, &["diff", "last"]).await.ended(0).out;
        if diff.contains("new.txt (+1 -0)") {
            break;
        }
    }
    assert!(
        diff.contains("new.txt (+1 -0)") && diff.contains("+written") && !diff.contains('\u{1b}'),
        "{diff}"
    );
    let ran = sessions(&server, &["revert", "last"]).await.ended(0);
    assert!(ran.out.contains("taken back from msg_") && !file.exists(), "{ran:?}");
    sessions(&server, &["revert", "last", "--undo"]).await.ended(0);
    assert!(file.exists());
}

#[tokio::test]
async fn a_session_is_exported_for_people_programs_and_streams() {
    let server = TestServer::start(TestServerOptions { snapshot: false, ..options() }).await.unwrap();
    say(&server, &["--title", "To keep", "WRITE it"]).await;
    let text = sessions(&server, &["export", "last"]).await.ended(0).out;
    for wanted in ["# To keep", "## user", "WRITE it", "**write**", "Written."] {
        assert!(text.contains(wanted), "{wanted} in {text}");
    }
    let whole: Value =
        serde_json::from_str(&sessions(&server, &["export", "last", "--format", "json"]).await.ended(0).out)
            .unwrap();
    let count = whole["messages"].as_array().unwrap().len();
    let ran =
        sessions(&server, &["export", "last", "--format", "jsonl", "--to", "talk.jsonl"]).await.ended(0);
    assert!(ran.err.contains(&format!("{count} messages in talk.jsonl")), "{ran:?}");
    let lines = read(&server.directory.join("talk.jsonl"));
    assert_eq!(lines.lines().count(), count + 1);
    let ran = sessions(&server, &["export", "last", "--to", "no/such/folder.md"]).await.ended(2);
    assert!(ran.err.contains("cannot write"), "{ran:?}");
}

#[test]
fn what_opencode_2_cannot_do_is_said_before() {
    isolated_test(SECOND, || async {
        let server =
            TestServer::start(TestServerOptions { version: SECOND.to_owned(), ..options() }).await.unwrap();
        say(&server, &["--title", "A talk", "one"]).await;
        for arguments in [&["share", "last"][..], &["unshare", "last"]] {
            let ran = sessions(&server, arguments).await.ended(2);
            assert!(ran.err.contains("user.unsupported") && ran.err.contains("export it instead"), "{ran:?}");
        }
        let parts = ["revert", "last", "--message", "msg_x", "--part", "prt_x"];
        assert!(sessions(&server, &parts).await.ended(2).err.contains("user.unsupported"));
        let shown = sessions(&server, &["show", "last"]).await.ended(0).out;
        assert!(shown.contains("A talk") && shown.contains("Echo: one"), "{shown}");
        let models = run(beside(&server, &["models", "--json", "scripted/"])).await.ended(0).last();
        assert_eq!(models["default"], "scripted/scripted");
    });
}

#[tokio::test]
async fn models_and_agents_are_listed_for_people_and_programs() {
    let server = TestServer::start(TestServerOptions { catalogue: true, ..options() }).await.unwrap();
    let usable = run(beside(&server, &["models", "Scripted/"])).await.ended(0).out;
    assert!(usable.starts_with("scripted/scripted  200k tokens · $1 in, $2 out · default"), "{usable}");
    let all = run(beside(&server, &["models", "--all", "ANTHROPIC/"])).await.ended(0).out;
    assert!(all.lines().count() > 2 && all.lines().all(|line| line.contains("needs a key")), "{all}");
    let none = run(beside(&server, &["models", "no-such-model"])).await.ended(0);
    assert!(none.out.is_empty() && none.err.contains("no model is like that"), "{none:?}");
    let agents = run(beside(&server, &["agents", "--json"])).await.ended(0).last();
    let names: Vec<&str> =
        agents["agents"].as_array().unwrap().iter().filter_map(|a| a["name"].as_str()).collect();
    assert!(names.contains(&"build") && !names.contains(&"title"), "{names:?}");
    let shown = run(beside(&server, &["agents", "--all"])).await.ended(0).out;
    assert!(shown.contains("title") && shown.contains("subagent"), "{shown}");
}

#[tokio::test]
async fn shells_get_completions_and_people_manual_pages() {
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        let text = run(nexus(&["completions", shell])).await.ended(0).out;
        assert!(text.contains("sessions") && text.contains("output-schema"), "{shell}: {text}");
    }
    let folder = tempfile::tempdir().unwrap();
    run(nexus(&["man", "--to", folder.path().to_str().unwrap()])).await.ended(0);
    for page in [
        "nexus.1",
        "nexus-run.1",
        "nexus-sessions-export.1",
        "nexus-login.1",
        "nexus-account-create.1",
        "nexus-history-search.1",
        "nexus-history-outbox-send.1",
    ] {
        assert!(read(&folder.path().join(page)).contains(".TH"), "{page}");
    }
    // bash itself must understand what it is given.
    let script = run(nexus(&["completions", "bash"])).await.out;
    let mut bash = tokio::process::Command::new("bash");
    bash.arg("-n").stdout(std::process::Stdio::piped()).stderr(std::process::Stdio::piped());
    assert_eq!(feed(bash, &script).await.ended(0).err, "");
}
