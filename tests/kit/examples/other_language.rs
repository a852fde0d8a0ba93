//! A tool that is no Rust: a shell script with curl, tested against a real server.
#![allow(clippy::print_stdout)]

use opencode_nexus_testkit::scripted::Behaviour;
use opencode_nexus_testkit::server::{TestServer, TestServerOptions};

/// The tool: it makes a session, asks, and prints the answer.
const TOOL: &str = r#"
set -e
session=$(curl --silent --fail --request POST "$URL/session" --header 'content-type: application/json' --data '{}' |
  sed 's/.*"id":"\(ses_[A-Za-z0-9]*\)".*/\1/')
curl --silent --fail --max-time 60 --request POST "$URL/session/$session/message" \
  --header 'content-type: application/json' --data '{"parts": [{"type": "text", "text": "How are you?"}]}'
"#;

/// Public because the tests of this crate run it as well.
#[tokio::main]
pub async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let server = TestServer::start(TestServerOptions::with(Behaviour::say("I am fine."))).await?;
    let mut tool = tokio::process::Command::new("sh");
    tool.args(["-c", TOOL])
        .env("URL", &server.url)
        .env("NO_PROXY", "127.0.0.1")
        .current_dir(&server.directory);
    let output = tool.output().await?;
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && said.contains("I am fine."), "{said}");
    println!("the tool has got its answer");
    Ok(())
}
