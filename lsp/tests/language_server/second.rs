//! The same on OpenCode 2.

use opencode_nexus::dialect::Line;
use opencode_nexus_testkit::server::{SECOND, TestServer, TestServerOptions, isolated_test};
use opencode_nexus_testkit::stories::{behaviour, stories};

use super::stories::play_all;

/// The stories that have different ways through the language server; all of them are played by the SDK's own tests.
const MAIN: &[&str] =
    &["short", "paced", "thinking", "shell", "shell-rejected", "question", "stopped", "wrong-key"];

#[test]
fn the_main_stories_are_told_as_the_server_has_them_on_opencode_2() {
    isolated_test(SECOND, || async {
        let options =
            TestServerOptions { version: SECOND.to_owned(), ..TestServerOptions::with(behaviour(Line::V2)) };
        let server = TestServer::start(options).await.unwrap();
        let mut stories = stories(Line::V2);
        stories.retain(|story| MAIN.contains(&story.name));
        assert_eq!(stories.len(), MAIN.len());
        play_all(server, &stories).await;
    });
}
