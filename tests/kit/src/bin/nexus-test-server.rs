//! Runs a real OpenCode with a scripted model until stdin ends: `nexus-test-server [BEHAVIOUR.json]`.
//! Prints one JSON line: `url`, `directory`, `home`, `pid`, `group`. For trying clients by hand and for tests.
#![allow(clippy::print_stdout)]

use std::process::ExitCode;

use opencode_nexus_testkit::scripted::Behaviour;
use opencode_nexus_testkit::server::{TestServer, TestServerOptions};

#[tokio::main]
async fn main() -> ExitCode {
    match run().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error:?}");
            ExitCode::FAILURE
        }
    }
}

async fn run() -> Result<(), Box<dyn std::error::Error>> {
    let behaviour = match std::env::args_os().nth(1) {
        Some(path) => serde_json::from_slice(&std::fs::read(path)?)?,
        None => Behaviour::default(),
    };
    let permission = serde_json::json!({"bash": "allow", "edit": "allow"});
    let test =
        TestServer::start(TestServerOptions { permission, ..TestServerOptions::with(behaviour) }).await?;
    let (pid, group) = (test.server.pid(), test.server.group());
    let line = serde_json::json!({
        "url": test.url, "directory": test.directory, "home": test.server.home(), "pid": pid, "group": group,
    });
    println!("{line}");
    let ended = || std::io::copy(&mut std::io::stdin(), &mut std::io::sink());
    tokio::task::spawn_blocking(ended).await??;
    Ok(test.server.stop().await?)
}
