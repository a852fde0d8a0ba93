//! Runs a real OpenCode with a scripted model until stdin ends:
//! `nexus-test-server [BEHAVIOUR.json] [--permission JSON] [--version VERSION]`.
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
    let mut behaviour = Behaviour::default();
    let (mut permission, mut version) = (serde_json::json!({"bash": "allow", "edit": "allow"}), None);
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "--permission" => {
                permission = serde_json::from_str(&arguments.next().ok_or("--permission wants JSON")?)?
            }
            "--version" => version = Some(arguments.next().ok_or("--version wants a version")?),
            path => behaviour = serde_json::from_slice(&std::fs::read(path)?)?,
        }
    }
    let mut options = TestServerOptions { permission, ..TestServerOptions::with(behaviour) };
    if let Some(version) = version {
        options.version = version;
    }
    let test = TestServer::start(options).await?;
    let (pid, group) = (test.server.pid(), test.server.group());
    let line = serde_json::json!({
        "url": test.url, "directory": test.directory, "home": test.server.home(), "pid": pid, "group": group,
    });
    println!("{line}");
    let ended = || std::io::copy(&mut std::io::stdin(), &mut std::io::sink());
    tokio::task::spawn_blocking(ended).await??;
    Ok(test.server.stop().await?)
}
