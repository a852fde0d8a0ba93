//! Every story of the test kit on three versions of 1.x and on OpenCode 2, one after the other in one server: the person sees exactly what
//! the server has.

use opencode_nexus::Client;
use opencode_nexus::dialect::Line;
use opencode_nexus_testkit::server::{SECOND, TestServer, TestServerOptions, isolated_test};
use opencode_nexus_testkit::stories::{behaviour, compare, on_server, play, stories};

async fn all_stories_come_out_as_the_server_has_them(line: Line, version: &str) {
    let options = TestServerOptions {
        version: version.to_owned(),
        snapshot: false,
        ..TestServerOptions::with(behaviour(line))
    };
    let server = TestServer::start(options).await.unwrap();
    let directory = server.directory.to_string_lossy();
    let client = Client::builder(&server.url).directory(&*directory).connect().await.unwrap();
    assert_eq!(client.server().version, version);
    let mut wrong = Vec::new();
    for (run, story) in stories(line).iter().enumerate() {
        let conversation = client.create(Some(story.name)).await.unwrap();
        let played = match play(&conversation, story, run).await {
            Ok(played) => played,
            Err(error) => {
                wrong.push(format!("{}: {error:?}", story.name));
                continue;
            }
        };
        if played.outcome.kind != story.outcome {
            wrong.push(format!("{} ended so: {:?}", story.name, played.outcome));
        }
        let difference = compare(
            &conversation,
            &played.screen,
            &on_server(&client, conversation.session_id()).await.unwrap(),
        );
        if !difference.is_none() {
            wrong.push(format!("{}: {difference:#?}", story.name));
        }
    }
    assert!(wrong.is_empty(), "on {version}:\n{}", wrong.join("\n"));
}

#[tokio::test]
async fn all_stories_come_out_right_on_the_pinned_version() {
    all_stories_come_out_as_the_server_has_them(Line::V1, "1.18.33").await;
}

#[tokio::test]
async fn all_stories_come_out_right_on_1_17() {
    all_stories_come_out_as_the_server_has_them(Line::V1, "1.17.19").await;
}

#[tokio::test]
async fn all_stories_come_out_right_on_1_14() {
    all_stories_come_out_as_the_server_has_them(Line::V1, "1.14.48").await;
}

#[test]
fn all_stories_come_out_right_on_opencode_2() {
    isolated_test(SECOND, || all_stories_come_out_as_the_server_has_them(Line::V2, SECOND));
}
