//! The cases of `tests/conformance`, played by Rust on real servers of both lines. Python and Node play the same files.
//!
//! `play` does the steps, `matching` says whether something is as expected.

mod matching;
mod play;

use std::path::Path;

use opencode_nexus::server::PINNED;
use opencode_nexus_testkit::scripted::Behaviour;
use opencode_nexus_testkit::server::{SECOND, TestServer, TestServerOptions, isolated_test};
use serde_json::{Value, json};

/// All cases that hold on a line, each with its file; names of tools are already those of the line.
fn cases(line: &str) -> Vec<(String, Value)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../conformance");
    let mut files: Vec<_> = (folder.read_dir().unwrap())
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "json"))
        .collect();
    files.sort();
    let mut all = Vec::new();
    for path in files {
        let file = path.file_stem().unwrap().to_string_lossy().into_owned();
        let (shell, argument) = if line == "2" { ("shell", "path") } else { ("bash", "filePath") };
        let text = std::fs::read_to_string(&path).unwrap();
        let text = text.replace("{{shell}}", shell).replace("{{path}}", argument);
        let read: Value = serde_json::from_str(&text).unwrap_or_else(|error| panic!("{file}: {error}"));
        for case in read.as_array().into_iter().flatten() {
            let lines = case["lines"].as_array();
            if lines.is_none_or(|lines| lines.iter().any(|wanted| wanted == line)) {
                all.push((file.clone(), case.clone()));
            }
        }
    }
    all
}

/// The model of all cases together.
fn behaviour(cases: &[(String, Value)]) -> Behaviour {
    let all: Vec<&Value> =
        cases.iter().flat_map(|(_, case)| case["model"].as_array().into_iter().flatten()).collect();
    Behaviour::from_json(&json!({ "conversations": all }).to_string()).unwrap()
}

async fn play_all(line: &str, version: &str) {
    let cases = cases(line);
    assert!(cases.len() > 10, "{} cases for line {line}", cases.len());
    let options = TestServerOptions {
        version: version.to_owned(),
        snapshot: false,
        ..TestServerOptions::with(behaviour(&cases))
    };
    let server = TestServer::start(options).await.unwrap();
    let mut failed = Vec::new();
    for (file, case) in &cases {
        if let Err(why) = play::case(&server, case).await {
            failed.push(format!("{file}: {}: {why}", case["name"]));
        }
    }
    assert!(failed.is_empty(), "{} of {} cases failed:\n{}", failed.len(), cases.len(), failed.join("\n"));
}

#[tokio::test]
async fn every_case_ends_as_it_must_on_opencode_1() {
    play_all("1", PINNED).await;
}

#[test]
fn every_case_ends_as_it_must_on_opencode_2() {
    isolated_test(SECOND, || async { play_all("2", SECOND).await });
}
