//! Where a server works and who may speak to it: odd directories, passwords.

use opencode_nexus::chat::{AskPolicy, ConversationOptions, OutcomeKind};
use opencode_nexus::transport::Credentials;
use opencode_nexus::{Client, ErrorKind};
use opencode_nexus_testkit::server::{TestServer, TestServerOptions};
use opencode_nexus_testkit::stories::Screen;

use super::{allowed, assert_same, say, watch};

#[tokio::test]
async fn a_directory_with_a_space_an_accent_and_a_percent_sign_is_the_one_that_is_used() {
    let server = TestServer::start(allowed()).await.unwrap();
    let odd = server.directory.join("a b é 100% c");
    std::fs::create_dir(&odd).unwrap();
    std::fs::write(odd.join("hello.txt"), "odd\n").unwrap();
    let client = Client::builder(&server.url).directory(odd.to_string_lossy()).connect().await.unwrap();
    let options = ConversationOptions { policy: AskPolicy::allow_all(), ..ConversationOptions::default() };
    let conversation = client.create_with(None, options).await.unwrap();
    assert_eq!(
        conversation.with_transcript(|t| t.session().unwrap().directory.clone()),
        odd.to_string_lossy()
    );
    let mut screen = Screen::default();
    let turn = conversation.prompt("WRITE it").await.unwrap();
    let outcome = watch(turn, &mut screen).await.unwrap();
    assert_eq!(outcome.kind, OutcomeKind::Completed, "{outcome:?}");
    assert!(odd.join("new.txt").exists() && !server.directory.join("new.txt").exists());
    assert_same(&conversation, &screen).await;
}

#[tokio::test]
async fn a_directory_that_looks_percent_encoded_is_not_taken_for_another_one() {
    let server = TestServer::start(allowed()).await.unwrap();
    let odd = server.directory.join("50%41");
    std::fs::create_dir(&odd).unwrap();
    let client = Client::builder(&server.url).directory(odd.to_string_lossy()).connect().await.unwrap();
    let conversation = client.create(None).await.unwrap();
    assert_eq!(
        conversation.with_transcript(|t| t.session().unwrap().directory.clone()),
        odd.to_string_lossy()
    );
    // 1.18.33 decodes the directory of the session once more when it runs a turn, looks for `50A`, and fails without
    // a word: no event, no error, only its log has it. The turn must end all the same, and say so.
    let outcome = say(&conversation, "hello").await;
    assert_eq!(outcome.kind, OutcomeKind::Failed);
    assert_eq!(outcome.error.unwrap().name, "TurnLost");
}

#[tokio::test]
async fn a_server_with_a_password_lets_in_who_knows_it() {
    let password = "pa ss:wörd@/%";
    let server =
        TestServer::start(TestServerOptions { password: Some(password.into()), ..allowed() }).await.unwrap();
    let directory = server.directory.to_string_lossy();
    // In the configuration.
    let credentials = Credentials { user: "opencode".into(), password: password.into() };
    let client =
        Client::builder(&server.url).directory(&*directory).credentials(credentials).connect().await.unwrap();
    let conversation = client.create(None).await.unwrap();
    assert_eq!(say(&conversation, "hello").await.kind, OutcomeKind::Completed);
    // In the address, which wins over the configuration.
    let address = server.url.replace("http://", "http://opencode:pa%20ss%3Aw%C3%B6rd%40%2F%25@");
    let wrong = Credentials { user: "opencode".into(), password: "hunter2".into() };
    let client =
        Client::builder(&address).directory(&*directory).credentials(wrong.clone()).connect().await.unwrap();
    assert!(!client.address().contains("opencode:") && !format!("{client:?}").contains("rd%40"));
    let conversation = client.create(None).await.unwrap();
    assert_eq!(say(&conversation, "hello").await.kind, OutcomeKind::Completed);
    // Wrong: an empty 401 of the real server.
    let error = Client::builder(&server.url).credentials(wrong).connect().await.unwrap_err();
    assert_eq!((error.kind(), error.code()), (ErrorKind::Unauthorized, "security.unauthorized"));
    assert!(error.hint().is_some() && !error.to_string().contains('\n'), "{error}");
    assert!(!format!("{error} {error:?}").contains("hunter2"));
}
