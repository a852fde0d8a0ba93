//! How many bytes are sent for answers of 1, 10 and 100 times the length.

use opencode_nexus_testkit::scripted::{Action, Behaviour, Conversation};

use super::report::Report;
use super::{Desk, send, server};

/// Words of the shortest answer.
const WORDS: usize = 400;

pub async fn measure(desk: &Desk, report: &mut Report) -> Result<(), String> {
    let answer = |times: usize| {
        let words = Action { chunk: Some(60), ..Action::tokens(WORDS * times, 5) };
        Conversation::new(&format!("^LENGTH {times} "), vec![vec![words]])
    };
    let server = server(Behaviour::new([1, 10, 100].map(answer).to_vec())).await?;
    let client = desk.editor(&server.url, &server.directory).await?;
    let mut bytes = Vec::new();
    for times in [1, 10, 100] {
        let (mut watch, _) = send(&client, &server.directory, &format!("LENGTH {times} please")).await?;
        let mut sum = 0;
        loop {
            let told = watch.next().await.map_err(|failure| failure.to_string())?;
            sum += told.bytes;
            if told.value["kind"] == "end" {
                break;
            }
        }
        bytes.push(sum as f64);
    }
    report.add("bytes for an answer of 400 words", "B", bytes[0], None);
    report.add("bytes for ten times as much, as a multiple", "x", bytes[1] / bytes[0], Some(13.0));
    report.add("bytes for ten times that, as a multiple", "x", bytes[2] / bytes[1], Some(13.0));
    client.finish().await.map_err(|failure| failure.to_string())
}
