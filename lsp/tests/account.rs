//! `nexus account`, `login` and `logout` as people run them: no keyring, no terminal, a home of its own.

mod program;

use std::path::Path;

use opencode_nexus_testkit::server::{TestServer, TestServerOptions};
use program::{Home, Ran, run};
use serde_json::json;

const PASSPHRASE: &str = "made up for a test only";
const OTHER: &str = "another one made up as well";

fn mode(path: &Path) -> u32 {
    use std::os::unix::fs::PermissionsExt as _;
    std::fs::metadata(path).unwrap().permissions().mode() & 0o777
}

#[tokio::test]
async fn an_account_is_made_listed_shown_and_removed() {
    let home = Home::new();
    let none = home.run(&["account", "list"]).await.ended(0);
    assert!(none.out.is_empty() && none.err.contains("nexus account create"), "{none:?}");
    let made = home.create("me", PASSPHRASE).await;
    let value = made.last();
    assert_eq!((&value["name"], &value["logged_in"]), (&json!("me"), &json!(false)));
    assert!(value["recovery_key"].as_str().is_some_and(|key| key.len() > 30), "shown once: {value}");
    home.create("work", OTHER).await;

    let list = home.run(&["account", "list", "--json"]).await.ended(0).last();
    let accounts = list["accounts"].as_array().unwrap();
    let names: Vec<_> =
        accounts.iter().map(|a| (a["name"].as_str().unwrap(), a["current"] == true)).collect();
    assert_eq!(names, [("me", false), ("work", true)], "the one that was made last is used");
    let shown = home.run(&["account", "show", "me"]).await.ended(0).out;
    for wanted in ["me\n", "logged in  no", "opened by  passphrase, 19 MiB × 2", "opened by  recovery key"] {
        assert!(shown.contains(wanted), "{wanted} in {shown}");
    }

    let again =
        home.with_secrets(&["account", "create", "me", "--json"], &[PASSPHRASE]).await.ended(2).last();
    assert_eq!(again["error"]["code"], "user.conflict", "{again}");
    let ran = home.run(&["account", "remove", "me"]).await.ended(2);
    assert!(ran.err.contains("add --yes"), "nobody can be asked: {ran:?}");
    home.run(&["account", "remove", "me", "--yes"]).await.ended(0);
    let ran = home.run(&["account", "show", "me"]).await.ended(2);
    assert!(ran.err.contains("there is no account me") && ran.err.contains("user.not_found"), "{ran:?}");
}

#[tokio::test]
async fn a_passphrase_is_never_an_argument_and_never_asked_for_where_nobody_sees_the_question() {
    let home = Home::new();
    let ran = home.run(&["account", "create", "me", "--json"]).await.ended(2).last();
    assert!(ran["error"]["hint"].as_str().unwrap().contains("--passphrase-fd"), "{ran}");
    let ran = home.with_secrets(&["account", "create", "me", "--json"], &["short"]).await.ended(2).last();
    assert!(ran["error"]["message"].as_str().unwrap().contains("at least 8"), "{ran}");
    let ran = home.with_secrets(&["account", "create", "me"], &[PASSPHRASE]).await.ended(2);
    assert!(ran.err.contains("--recovery-file"), "a key that nobody sees would be lost: {ran:?}");
    for number in ["7", "1", "-4", "99"] {
        let argument = format!("--passphrase-fd={number}");
        let ran = home.run(&["account", "create", "me", "--json", &argument]).await.ended(2).last();
        assert!(ran["error"]["message"].as_str().unwrap().contains("no passphrase can be read"), "{ran}");
    }
    assert_eq!(home.run(&["account", "list", "--json"]).await.ended(0).last()["accounts"], json!([]));
    let weak = home.with_secrets(&["account", "create", "me", "--json"], &["12345678"]).await.ended(0);
    assert!(weak.err.contains("weak") && !weak.err.contains("12345678"), "{weak:?}");
}

#[tokio::test]
async fn a_recovery_key_goes_into_a_new_file_and_opens_the_account_when_the_passphrase_is_forgotten() {
    let home = Home::new();
    let file = home.path("key.txt");
    let name = file.to_str().unwrap();
    let create =
        ["account", "create", "me", "--kdf-memory", "19", "--kdf-passes", "2", "--recovery-file", name];
    let made = home.with_secrets(&create, &[PASSPHRASE]).await.ended(0);
    let key = program::read(&file).trim().to_owned();
    assert!(!made.out.contains(&key) && !made.err.contains(&key), "it is only in the file");
    assert_eq!(mode(&file), 0o600);
    let again =
        home.with_secrets(&["account", "create", "you", "--recovery-file", name], &[PASSPHRASE]).await;
    assert!(again.code == 2 && again.err.contains("exists already"), "{again:?}");
    assert_eq!(program::read(&file).trim(), key);

    let recover = ["history", "recover", "--recovery-key-fd", "0", "--new-passphrase-fd", "0"];
    let cheap = ["--kdf-memory", "19", "--kdf-passes", "2"];
    let wrong = home.with_secrets(&[&recover[..], &cheap].concat(), &["not-a-key", OTHER]).await;
    assert!(wrong.code != 0 && !wrong.err.contains("not-a-key"), "{wrong:?}");
    home.with_secrets(&[&recover[..], &cheap].concat(), &[&key, OTHER]).await.ended(0);
    home.with_secrets(&["account", "login", "--no-remember"], &[PASSPHRASE]).await.ended(4);
    home.with_secrets(&["account", "login", "--no-remember"], &[OTHER]).await.ended(0);
}

#[tokio::test]
async fn a_passphrase_is_changed_and_the_one_before_opens_nothing() {
    let home = Home::new();
    home.create("me", PASSPHRASE).await;
    let change = ["account", "passwd", "--new-passphrase-fd", "0", "--kdf-memory", "19", "--kdf-passes", "2"];
    let wrong = home.with_secrets(&change, &["not the right one", OTHER]).await.ended(4);
    assert!(wrong.err.contains("security.wrong_passphrase") && !wrong.err.contains("right one"), "{wrong:?}");
    home.with_secrets(&change, &[PASSPHRASE, OTHER]).await.ended(0);
    home.with_secrets(&["history", "status"], &[PASSPHRASE]).await.ended(4);
    let status = home.with_secrets(&["history", "status", "--json"], &[OTHER]).await.ended(0).last();
    assert_eq!((&status["account"], &status["status"]["usage"]["groups"]), (&json!("me"), &json!(0)));
}

#[tokio::test]
async fn many_wrong_passphrases_make_the_next_attempt_wait_and_the_right_one_as_well() {
    let home = Home::new();
    home.create("me", PASSPHRASE).await;
    for _ in 0..5 {
        home.with_secrets(&["account", "login"], &["not the right one"]).await.ended(4);
    }
    let ran: Ran = home.with_secrets(&["account", "login", "--json"], &[PASSPHRASE]).await.ended(4);
    assert_eq!(ran.last()["error"]["code"], "security.locked_out", "{ran:?}");
    let shown = home.run(&["account", "show"]).await.ended(0).out;
    assert!(shown.contains("5 failed; the next is possible in "), "{shown}");
    let doctor = home.run(&["doctor", "--json"]).await.last();
    let account =
        doctor["checks"].as_array().unwrap().iter().find(|c| c["name"] == "account").unwrap().clone();
    assert_eq!(account["state"], "warn", "{account}");
}

#[tokio::test]
async fn without_a_keyring_nobody_is_logged_in_and_it_is_said() {
    let home = Home::new();
    let made = home.create("me", PASSPHRASE).await.last();
    assert!(made["not_remembered"].is_string(), "{made}");
    let ran = home.with_secrets(&["account", "login"], &[PASSPHRASE]).await.ended(4);
    assert!(ran.err.contains("--no-remember") && ran.err.contains("security.keyring"), "{ran:?}");
    let ran = home.run(&["history", "list"]).await.ended(4);
    assert!(
        ran.err.contains("the account me is locked") && ran.err.contains("nexus account login"),
        "{ran:?}"
    );
    let out = home.run(&["account", "logout"]).await.ended(0);
    assert!(out.out.contains("me was not logged in"), "{out:?}");
    // The keyring that is usual is not there either: no bus.
    let mut command = home.command(&["account", "login", "--passphrase-fd", "0"]);
    command.env("NEXUS_KEYRING", "secret-service");
    let ran = program::feed(command, &format!("{PASSPHRASE}\n")).await.ended(4);
    assert!(ran.err.contains("security.keyring"), "{ran:?}");
}

#[tokio::test]
async fn credentials_of_a_server_are_checked_stored_used_and_forgotten() {
    let home = Home::new();
    home.create("me", PASSPHRASE).await;
    let options = TestServerOptions {
        password: Some("made-up-server-password".into()),
        ..TestServerOptions::default()
    };
    let server = TestServer::start(options).await.unwrap();
    let url = server.url.clone();
    let login = ["login", &url, "--password-fd", "0"];
    let wrong = home.with_secrets(&login, &[PASSPHRASE, "not-the-password"]).await.ended(4);
    assert!(
        wrong.err.contains("nothing was stored") && wrong.err.contains("security.unauthorized"),
        "{wrong:?}"
    );
    let models = ["models", "--url", &url];
    home.with_secrets(&models, &[PASSPHRASE]).await.ended(4);
    let right = home.with_secrets(&login, &[PASSPHRASE, "made-up-server-password"]).await.ended(0);
    assert!(right.out.contains("OpenCode 1.18.33 takes them"), "{right:?}");
    home.with_secrets(&models, &[PASSPHRASE]).await.ended(0);
    let listed = home.with_secrets(&["login", "--json"], &[PASSPHRASE]).await.ended(0);
    assert_eq!(listed.last()["credentials"][0]["user"], "opencode", "{listed:?}");
    assert!(!listed.out.contains("made-up-server-password"), "{listed:?}");
    let gone = home.with_secrets(&["logout", &url], &[PASSPHRASE]).await.ended(0);
    assert!(gone.out.contains("forgotten"), "{gone:?}");
    home.with_secrets(&models, &[PASSPHRASE]).await.ended(4);
    for (address, said) in [
        ("https://me:made-up@example.org", "credentials in it"),
        ("http://example.org", "clear text"),
        ("example.org", "no address"),
    ] {
        let ran = home.run(&["login", address]).await.ended(2);
        assert!(ran.err.contains(said) && !ran.err.contains("made-up"), "{ran:?}");
    }
    run(home.command(&["logout", "nowhere"])).await.ended(2);
}
