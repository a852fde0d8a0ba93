//! What is sent for an answer grows as the answer does, and not faster.

use opencode_nexus_testkit::language_client::{ChatScreen, LanguageClient};
use opencode_nexus_testkit::scripted::{Action, Behaviour, Conversation};
use opencode_nexus_testkit::server::{TestServer, TestServerOptions};
use serde_json::json;

use super::{Desk, allowing, reason, send};

/// How much more than tenfold ten times the text may be: what a message costs beside its text differs a little.
const TENFOLD: f64 = 13.0;

/// Answers of 1, 10 and 100 pieces of each kind. In pieces of 60 characters: they come as fast as they are read, but each as
/// an event of its own.
fn behaviour() -> Behaviour {
    let mut conversations = Vec::new();
    for times in [1, 10, 100] {
        let text = Action { chunk: Some(60), ..Action::tokens(400 * times, 5) };
        let thought = Action {
            reasoning_tokens: Some(400 * times),
            seed: Some(5),
            chunk: Some(60),
            ..Action::default()
        };
        // The server cuts what is longer than 50 kB, or 2,000 lines.
        let line = "a line of the output of a command";
        let count = 12 * times;
        let command = format!("for i in $(seq {count}); do echo \"$i {line}\"; sleep 0.002; done");
        let shell = Action::tool("bash", json!({"command": command, "description": "Count"}));
        let finish = vec![Action::text("Done.")];
        conversations.extend([
            Conversation::new(&format!("^TEXT {times} "), vec![vec![text]]),
            Conversation::new(&format!("^THOUGHT {times} "), vec![vec![thought, Action::text("Done.")]]),
            Conversation::new(&format!("^OUTPUT {times} "), vec![vec![shell], finish]),
        ]);
    }
    Behaviour::new(conversations)
}

/// What was sent for one turn: in all, and of that for the kinds of progress that carry texts.
async fn sent_for(client: &LanguageClient, server: &TestServer, prompt: &str) -> (usize, usize) {
    let mut begun = send(client, &server.directory, None, prompt).await;
    let mut screen = ChatScreen::default();
    let (mut all, mut longest) = (0, 0);
    loop {
        let told = begun.watch.next().await.unwrap();
        all += told.bytes;
        longest = longest.max(told.bytes);
        screen.show(&told.value);
        if told.value["kind"] == "end" {
            assert_eq!(reason(&screen), "completed", "{prompt}");
            return (all, longest);
        }
    }
}

#[tokio::test]
async fn the_bytes_of_an_answer_grow_with_its_length_and_not_faster() {
    let options = TestServerOptions { behaviour: behaviour(), ..allowing() };
    let server = TestServer::start(options).await.unwrap();
    let client = Desk::beside(&server).chat(&server.directory).await;
    for kind in ["TEXT", "THOUGHT", "OUTPUT"] {
        let mut bytes = Vec::new();
        for times in [1, 10, 100] {
            bytes.push(sent_for(&client, &server, &format!("{kind} {times} please")).await.0 as f64);
        }
        let growth = [bytes[1] / bytes[0], bytes[2] / bytes[1]];
        assert!(growth.iter().all(|times| *times < TENFOLD), "{kind}: {bytes:?}, {growth:.2?}");
        assert!(bytes[2] > 10.0 * bytes[0], "{kind}: there is a hundred times as much to tell: {bytes:?}");
    }
    client.finish().await.unwrap();
}
