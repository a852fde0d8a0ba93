//! Programs that are killed while they write: what they had told is there, but for the last moment.
//!
//! The promise is a quarter of a second. What is asserted is two seconds, so that a machine that is busy with other things
//! does not fail the test; what was really lost is printed (`--nocapture`).
//!
//! The killed program is `src/bin/killed-writer.rs`.

use std::io::{BufRead as _, BufReader};
use std::process::{Command, Stdio};
use std::sync::Arc;

use opencode_nexus::model::{Message, Role};

use super::*;

struct Killed {
    session: SessionId,
    /// How long the answer was, and when.
    told: Vec<(usize, u64)>,
}

/// Runs it until so much was told, and kills it.
fn run_and_kill(server: &TestServer, folder: &Path, enough: usize) -> Killed {
    let mut child = Command::new(env!("CARGO_BIN_EXE_killed-writer"))
        .args([server.url.as_ref(), server.directory.as_os_str(), folder.as_os_str()])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let (mut session, mut told) = (None, Vec::new());
    for line in BufReader::new(child.stdout.take().unwrap()).lines() {
        let line = line.unwrap();
        let words: Vec<&str> = line.split(' ').collect();
        match words[..] {
            ["session", id] => session = Some(SessionId::from(id)),
            ["told", length, "at", at] => told.push((length.parse().unwrap(), at.parse().unwrap())),
            _ => {}
        }
        if told.last().is_some_and(|(length, _)| *length >= enough) {
            break;
        }
    }
    // SIGKILL on Unix.
    child.kill().unwrap();
    child.wait().unwrap();
    Killed { session: session.expect("it came so far"), told }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_program_loses_at_most_the_last_moment() {
    let server = Arc::new(TestServer::start(quick()).await.unwrap());
    // Killed at many points of the answer: between pieces, while one is written, right after.
    for enough in [20, 90, 170, 333, 530, 900] {
        let folder = folder();
        let (place, at) = (folder.path().to_owned(), server.clone());
        let killed = tokio::task::spawn_blocking(move || run_and_kill(&at, &place, enough)).await.unwrap();
        let history = open(folder.path());
        let read = history.conversation(&killed.session).await.unwrap();
        let first: Vec<&Message> = read.messages.iter().take(2).collect();
        assert!(
            first[1].completed.is_some() && first[1].parts.iter().any(|p| p.text() == Some("Echo: first"))
        );
        let stored = answer(&read.messages[2..]);
        let (told, last) = *killed.told.last().unwrap();
        // The words of the model are the same each time: what is stored is a beginning of what was told.
        let whole = whole_answer(&server, &killed.session).await;
        assert!(whole.starts_with(&stored), "{stored:?} is not how {whole:?} begins");
        let lost =
            killed.told.iter().find(|(length, _)| *length > stored.len()).map_or(0, |(_, at)| last - at);
        eprintln!("{} of {told} bytes are stored; what is lost was told in the last {lost} ms", stored.len());
        assert!(lost < 2_000, "{} of {told} are stored, {lost} ms are lost", stored.len());
        // What is missing comes back by itself.
        let client = client(&server, &history).await;
        let again = client.open(killed.session.clone(), ConversationOptions::default()).await.unwrap();
        again.abort().await.unwrap();
        assert_stored(&server, &history, &again, "healed").await;
    }
}

fn answer(messages: &[Message]) -> String {
    let answers = messages.iter().filter(|m| m.role == Role::Assistant);
    answers.flat_map(|m| m.parts.iter().filter_map(|p| p.text())).collect()
}

/// The answer as far as the server has told it to somebody who listens now, or all of it.
async fn whole_answer(server: &TestServer, session: &SessionId) -> String {
    let conversation =
        plain(server).await.open(session.clone(), ConversationOptions::default()).await.unwrap();
    within("the end of the answer", async {
        loop {
            let (idle, text) =
                conversation.with_transcript(|t| (t.status().is_idle(), answer(&t.messages()[2..])));
            if idle {
                return text;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    })
    .await
}
