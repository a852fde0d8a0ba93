//! `nexus history` with what real servers have said: kept by `run`, read, searched and carried without the server.

mod program;

use std::path::Path;

use opencode_nexus_testkit::scripted::{Action, Behaviour, Conversation as Script};
use opencode_nexus_testkit::server::{TestServer, TestServerOptions};
use program::{Home, Ran, feed, lines, read};
use serde_json::{Value, json};

const PASSPHRASE: &str = "made up for a test only";
const ARCHIVE: &str = "made up for an archive";
/// What looks like a key and is none.
const KEY: &str = "sk-ant-api03-madeupmadeupmadeupmadeupmadeupmadeupmadeup";

fn options() -> TestServerOptions {
    let behaviour = Behaviour::new(vec![
        Script::new("^KEY", vec![vec![Action::text(format!("The key is {KEY} as you know."))]]),
        Script::new("", vec![vec![Action::text("Echo: {{user}} \u{1b}[31m")]]),
    ]);
    TestServerOptions { snapshot: false, ..TestServerOptions::with(behaviour) }
}

/// A home with an account, and how the commands in it are called.
struct Kept {
    home: Home,
}

impl Kept {
    async fn new() -> Self {
        let home = Home::new();
        home.create("me", PASSPHRASE).await;
        Self { home }
    }

    /// `nexus history …`, opened by the passphrase.
    async fn history(&self, arguments: &[&str]) -> Ran {
        self.home.with_secrets(&[&["history"], arguments].concat(), &[PASSPHRASE]).await
    }

    async fn say(&self, server: &TestServer, arguments: &[&str]) -> Ran {
        let all = [&["run", "--quiet", "--passphrase-fd", "0"], arguments].concat();
        feed(self.home.beside(server, &all), &lines(&[PASSPHRASE])).await
    }

    async fn sessions(&self) -> Vec<Value> {
        let list = self.history(&["list", "--json"]).await.ended(0).last();
        list["sessions"].as_array().unwrap().clone()
    }

    async fn found(&self, arguments: &[&str]) -> Vec<Value> {
        let found = self.history(&[&["search", "--json"], arguments].concat()).await.ended(0).last();
        found["messages"].as_array().unwrap().clone()
    }
}

/// How often a text stands in the files of a folder.
fn hits(folder: &Path, text: &str) -> usize {
    let mut count = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        count += match path.is_dir() {
            true => hits(&path, text),
            false => {
                let bytes = std::fs::read(&path).unwrap();
                bytes.windows(text.len()).filter(|window| *window == text.as_bytes()).count()
            }
        };
    }
    count
}

#[tokio::test]
async fn what_a_run_has_said_is_kept_found_and_read_when_the_server_is_gone() {
    let kept = Kept::new().await;
    let server = TestServer::start(options()).await.unwrap();
    kept.say(&server, &["--title", "A first look", "The weatherglass is falling"]).await.ended(0);
    kept.say(&server, &["--title", "Another", "Nothing of the kind"]).await.ended(0);
    let origin = server.url.clone();
    drop(server);

    let all = kept.sessions().await;
    let titles: Vec<_> = all.iter().map(|s| s["session"]["title"].as_str().unwrap()).collect();
    assert_eq!(titles, ["Another", "A first look"], "what changed last comes first");
    assert_eq!(all[0]["server"].as_str().unwrap().trim_end_matches('/'), origin.trim_end_matches('/'));
    let id = all[1]["session"]["id"].as_str().unwrap();

    let ran = kept.history(&["search", "weatherglass"]).await.ended(0);
    assert!(ran.out.contains(id) && ran.out.contains("A first look"), "{ran:?}");
    assert!(ran.out.contains("The weatherglass is falling") && !ran.out.contains('\u{1b}'), "{ran:?}");
    assert_eq!(kept.found(&["weatherglass"]).await.len(), 2, "the prompt and its echo");
    assert_eq!(kept.found(&["weatherglass", "--role", "user"]).await.len(), 1);
    assert_eq!(kept.found(&["weather*", "--from", &origin]).await.len(), 2);
    assert_eq!(kept.found(&["glass"]).await.len(), 0, "a word is a word");
    assert_eq!(kept.found(&["weatherglass", "--without", "echo"]).await.len(), 1);
    assert_eq!(kept.found(&["weatherglass", "--since", "2000-01-01", "--until", "1d"]).await.len(), 0);
    assert_eq!(kept.found(&["weatherglass", "--session", id, "--newest"]).await.len(), 2);

    let shown = kept.history(&["show", id]).await.ended(0).out;
    assert!(
        shown.contains("A first look") && shown.contains("  Echo: The weatherglass is falling"),
        "{shown}"
    );
    assert!(!shown.contains('\u{1b}'), "a model must not drive the terminal");
    let prefix = &id[..id.len() - 2];
    let value = kept.history(&["show", prefix, "--json"]).await.ended(0).last();
    assert_eq!(value["messages"].as_array().unwrap().len(), 2, "a beginning that is enough is enough");
    let ran = kept.history(&["show", "ses_"]).await.ended(2);
    assert!(ran.err.contains("2 sessions of the history begin with ses_"), "{ran:?}");
    let last = kept.history(&["show", "last", "--json"]).await.ended(0).last();
    assert_eq!(last["session"]["title"], "Another");

    let status = kept.history(&["status", "--json"]).await.ended(0).last();
    assert_eq!(status["status"]["usage"]["groups"], 2, "{status}");
    let check = kept.history(&["check", "--json"]).await.ended(0).last();
    assert_eq!((&check["ok"], &check["report"]["records"]), (&json!(true), &json!(4)), "{check}");
    assert_eq!(hits(&kept.home.path("data"), "weatherglass"), 0, "nothing stands there in clear text");
}

#[tokio::test]
async fn what_is_locked_stops_no_run_unless_everything_must_be_kept() {
    let kept = Kept::new().await;
    let server = TestServer::start(options()).await.unwrap();
    let ran = program::run(kept.home.beside(&server, &["run", "one"])).await.ended(0);
    assert!(ran.out.starts_with("Echo: one"), "{ran:?}");
    assert!(kept.sessions().await.is_empty(), "locked: nothing is kept");
    let must = |history: &str| {
        let mut command = kept.home.beside(&server, &["run", "two"]);
        command.env("NEXUS_HISTORY", history);
        command
    };
    let ran = program::run(must("on")).await.ended(4);
    assert!(ran.err.contains("security.locked") && ran.err.contains("history.enabled is on"), "{ran:?}");
    kept.say(&server, &["three"]).await.ended(0);
    let mut off = kept.home.beside(&server, &["run", "four", "--passphrase-fd", "0"]);
    off.env("NEXUS_HISTORY", "off");
    feed(off, &lines(&[PASSPHRASE])).await.ended(0);
    assert_eq!(kept.sessions().await.len(), 1, "off is off");
    let wrong = kept.home.beside(&server, &["run", "five", "--passphrase-fd", "0"]);
    feed(wrong, &lines(&["not the right one"])).await.ended(4);

    let nobody = Home::new();
    let ran = program::run(nobody.beside(&server, &["run", "six"])).await.ended(0);
    assert!(ran.out.starts_with("Echo: six") && ran.err.is_empty(), "no account is no matter: {ran:?}");
    let mut command = nobody.beside(&server, &["run", "seven"]);
    command.env("NEXUS_HISTORY", "on");
    assert!(program::run(command).await.ended(2).err.contains("nexus account create"));
}

#[tokio::test]
async fn a_passphrase_on_standard_input_is_no_prompt_and_reaches_no_model() {
    let kept = Kept::new().await;
    let server = TestServer::start(options()).await.unwrap();
    let command = kept.home.beside(&server, &["run", "--passphrase-fd", "0", "Look", "-"]);
    let ran = feed(command, &format!("{PASSPHRASE}\nthe rest of it\n")).await.ended(0);
    assert!(ran.out.contains("the rest of it") && !ran.out.contains(PASSPHRASE), "{ran:?}");
    assert!(!format!("{:?}", server.model.requests()).contains(PASSPHRASE));
    assert_eq!(kept.sessions().await.len(), 1);
}

#[tokio::test]
async fn what_happened_elsewhere_is_fetched_once() {
    let kept = Kept::new().await;
    let server = TestServer::start(options()).await.unwrap();
    for prompt in ["one", "two", "three"] {
        program::run(program::beside(&server, &["run", "--quiet", prompt])).await.ended(0);
    }
    let sync = async || {
        let command = kept.home.beside(&server, &["history", "sync", "--json", "--passphrase-fd", "0"]);
        feed(command, &lines(&[PASSPHRASE])).await.ended(0).last()
    };
    let first = sync().await;
    assert_eq!((&first["ok"], &first["report"]["changed"]), (&json!(true), &json!(3)), "{first}");
    assert_eq!(sync().await["report"]["changed"], 0, "what did not change is not fetched again");
    assert_eq!(kept.sessions().await.len(), 3);
    let status = kept.history(&["status"]).await.ended(0).out;
    assert!(status.contains("synchronised ") && status.contains("3 sessions"), "{status}");
}

#[tokio::test]
async fn an_export_is_taken_back_whole_or_not_at_all_and_secrets_can_be_hidden() {
    let kept = Kept::new().await;
    let server = TestServer::start(options()).await.unwrap();
    kept.say(&server, &["--title", "With a key", "KEY please"]).await.ended(0);
    kept.say(&server, &["--title", "Without", "The weatherglass"]).await.ended(0);
    drop(server);

    let text = kept.history(&["export", "last", "--format", "markdown"]).await.ended(0).out;
    assert!(text.contains("# Without") && text.contains("The weatherglass") && !text.contains(KEY), "{text}");
    let plain = kept.home.path("all.jsonl");
    let hidden = kept.home.path("hidden.jsonl");
    let sealed = kept.home.path("sealed.nexus");
    let [plain_name, hidden_name, sealed_name] =
        [&plain, &hidden, &sealed].map(|path| path.to_str().unwrap());
    let told = kept.history(&["export", "--to", plain_name, "--json"]).await.ended(0).last();
    assert_eq!((&told["exported"]["sessions"], &told["exported"]["messages"]), (&json!(2), &json!(4)));
    assert!(read(&plain).contains(KEY));
    let ran = kept.history(&["export", "--to", plain_name]).await.ended(2);
    assert!(ran.err.contains("user.conflict"), "an export overwrites nothing: {ran:?}");
    let told = kept.history(&["export", "--to", hidden_name, "--redact", "--json"]).await.ended(0).last();
    assert!(told["exported"]["redacted"].as_u64().unwrap() > 0 && !read(&hidden).contains(KEY), "{told}");
    let seal = ["history", "export", "--to", sealed_name, "--encrypt", "--archive-passphrase-fd", "0"];
    kept.home.with_secrets(&seal, &[PASSPHRASE, ARCHIVE]).await.ended(0);
    let bytes = std::fs::read(&sealed).unwrap();
    assert!(!bytes.windows(12).any(|window| window == b"weatherglass"));

    // Another person, who has nothing yet.
    let other = Kept::new().await;
    let import = ["history", "import", sealed_name, "--archive-passphrase-fd", "0", "--json"];
    other.home.with_secrets(&import, &[PASSPHRASE, "not the archive's"]).await.ended(4);
    for cut in [bytes.len() / 2, bytes.len() - 1] {
        let file = other.home.path("cut.nexus");
        std::fs::write(&file, &bytes[..cut]).unwrap();
        let ran = ["history", "import", file.to_str().unwrap(), "--archive-passphrase-fd", "0"];
        assert_ne!(other.home.with_secrets(&ran, &[PASSPHRASE, ARCHIVE]).await.code, 0);
    }
    let lines_of = read(&plain);
    let forged = other.home.path("forged.jsonl");
    std::fs::write(&forged, lines_of.replace("weatherglass", "barometer123")).unwrap();
    let ran = other.history(&["import", forged.to_str().unwrap()]).await;
    assert_eq!(ran.code, 5, "{ran:?}");
    assert!(other.sessions().await.is_empty(), "nothing is half imported");
    let told = other.home.with_secrets(&import, &[PASSPHRASE, ARCHIVE]).await.ended(0).last();
    assert_eq!(
        (&told["imported"]["sessions"], &told["imported"]["messages"]),
        (&json!(2), &json!(4)),
        "{told}"
    );
    let again = other.history(&["import", plain_name, "--json"]).await.ended(0).last();
    assert_eq!(
        (&again["imported"]["sessions"], &again["imported"]["unchanged"]),
        (&json!(0), &json!(2)),
        "{again}"
    );
    assert_eq!(other.found(&["weatherglass"]).await.len(), 2);
}

#[tokio::test]
async fn what_is_deleted_is_gone_and_rules_delete_what_they_do_not_keep() {
    let kept = Kept::new().await;
    let server = TestServer::start(options()).await.unwrap();
    for title in ["One", "Two", "Three"] {
        kept.say(&server, &["--title", title, &format!("The {title} weatherglass")]).await.ended(0);
    }
    let all = kept.sessions().await;
    let id = all[0]["session"]["id"].as_str().unwrap();
    let ran = kept.history(&["delete", id]).await.ended(2);
    assert!(ran.err.contains("add --yes"), "{ran:?}");
    let ran = kept.history(&["delete", id, "ses_none", "--yes"]).await.ended(2);
    assert!(ran.err.contains("no session that begins with ses_none"), "{ran:?}");
    assert_eq!(kept.sessions().await.len(), 3, "a wrong word costs nothing");
    let deleted = kept.history(&["delete", id, "--yes", "--json"]).await.ended(0).last();
    assert_eq!(deleted["deleted"]["messages"], 2, "{deleted}");
    assert_eq!(kept.found(&["weatherglass", "--role", "user"]).await.len(), 2, "its words are gone with it");

    let looked = kept.history(&["retain", "--sessions", "1", "--dry-run", "--json"]).await.ended(0).last();
    assert_eq!(looked["would_delete"]["sessions"].as_array().unwrap().len(), 1, "{looked}");
    kept.history(&["retain", "--sessions", "1"]).await.ended(2);
    assert_eq!(kept.sessions().await.len(), 2);
    kept.history(&["retain", "--sessions", "1", "--yes"]).await.ended(0);
    assert_eq!(kept.sessions().await.len(), 1);
    let rules = kept.history(&["retain", "--json"]).await.ended(0).last();
    assert_eq!(rules["retention"]["sessions"], 1);
    kept.history(&["retain", "--off"]).await.ended(0);
    assert!(kept.history(&["retain"]).await.ended(0).out.contains("everything is kept"));
}

#[tokio::test]
async fn a_backup_comes_back_and_new_keys_leave_everything_readable() {
    let kept = Kept::new().await;
    let server = TestServer::start(options()).await.unwrap();
    kept.say(&server, &["The weatherglass"]).await.ended(0);
    drop(server);
    let backup = kept.home.path("backup");
    kept.history(&["backup", backup.to_str().unwrap()]).await.ended(0);
    kept.history(&["backup", backup.to_str().unwrap()]).await.ended(2);
    assert_eq!(hits(&backup, "weatherglass"), 0);
    let rekeyed = kept.history(&["rekey", "--json"]).await.ended(0).last();
    assert!(rekeyed["recovery_key"].is_string(), "{rekeyed}");
    assert_eq!(kept.found(&["weatherglass"]).await.len(), 2);
    kept.home.run(&["account", "restore", "me", backup.to_str().unwrap()]).await.ended(2);
    kept.home.run(&["account", "restore", "before", backup.to_str().unwrap()]).await.ended(0);
    let search = ["history", "search", "weatherglass", "--json", "--account", "before"];
    let found = kept.home.with_secrets(&search, &[PASSPHRASE]).await.ended(0).last();
    assert_eq!(found["messages"].as_array().unwrap().len(), 2, "{found}");
}

#[tokio::test]
async fn a_prompt_for_a_server_that_is_away_waits_and_is_sent_once() {
    let kept = Kept::new().await;
    let mut server = TestServer::start(TestServerOptions { lasting_home: true, ..options() }).await.unwrap();
    let away =
        ["run", "--passphrase-fd", "0", "--json", "--later", "--url", "http://127.0.0.1:9", "too late"];
    let ran = feed(kept.home.command(&away), &lines(&[PASSPHRASE])).await.ended(9);
    assert_eq!((&ran.last()["outcome"], &ran.last()["exit_code"]), (&json!("later"), &json!(9)), "{ran:?}");
    let add = ["history", "outbox", "add", "--passphrase-fd", "0", "First", "things"];
    feed(kept.home.beside(&server, &add), &lines(&[PASSPHRASE])).await.ended(0);
    let list = kept.history(&["outbox", "list", "--json"]).await.ended(0).last();
    let texts: Vec<_> = list["outbox"].as_array().unwrap().iter().map(|item| item["text"].clone()).collect();
    assert_eq!(texts, ["too late", "First things"]);

    let send = ["history", "outbox", "send", "--passphrase-fd", "0", "--json"];
    let ran = feed(kept.home.beside(&server, &send), &lines(&[PASSPHRASE])).await.ended(2);
    assert_eq!(ran.last()["error"]["code"], "user.invalid_input", "nobody has said yes: {ran:?}");
    let yes = [&send[..], &["--yes"]].concat();
    let sent = feed(kept.home.beside(&server, &yes), &lines(&[PASSPHRASE])).await.ended(0).last();
    assert_eq!((sent["sent"].as_array().unwrap().len(), &sent["left"]), (1, &json!(1)), "{sent}");
    assert_eq!(sent["unanswered"], 0, "{sent}");
    assert_eq!(kept.found(&["First things", "--role", "assistant"]).await.len(), 1, "the answer is kept too");
    server.kill_and_restart().await.unwrap();
    let again = feed(kept.home.beside(&server, &yes), &lines(&[PASSPHRASE])).await.ended(0).last();
    assert_eq!(again["sent"], json!([]), "what was sent is not sent again");
    let session = sent["sent"][0]["session"].as_str().unwrap();
    let shown =
        program::run(program::beside(&server, &["sessions", "show", session, "--json"])).await.ended(0);
    let prompts = shown.last()["messages"].as_array().unwrap().iter().filter(|m| m["role"] == "user").count();
    assert_eq!(prompts, 1);

    kept.history(&["outbox", "remove", "77"]).await.ended(2);
    let number = list["outbox"][0]["number"].to_string();
    kept.history(&["outbox", "remove", &number]).await.ended(0);
    assert_eq!(kept.history(&["outbox", "list", "--json"]).await.ended(0).last()["outbox"], json!([]));
}
