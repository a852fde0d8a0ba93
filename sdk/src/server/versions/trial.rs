//! Runs a version once as a server, with a scratch home and an empty project, and says whether it can be used.

use std::path::Path;
use std::time::Duration;

use crate::server::run::start::{LocalServer, ServerOptions};
use crate::transport::{Credentials, Secret};
use crate::{Client, Error, Result};

/// Lines of its output that are kept.
pub(in crate::server) const KEPT_LINES: usize = 20;

/// Why a version is not used.
#[derive(Debug)]
pub(in crate::server) struct Failure {
    pub reason: String,
    pub output: Vec<String>,
}

impl Failure {
    pub(in crate::server) fn of(error: &Error) -> Self {
        let output = error.context("output").unwrap_or_default();
        let output = output.lines().map(|line| line.trim().to_owned()).filter(|line| !line.is_empty());
        Self { reason: error.message().to_owned(), output: output.collect() }
    }
}

/// Starts `binary`, waits until it is healthy, and compares what it says it is. The inner error is the version's fault,
/// the outer one ours. Dropping this future ends the server.
pub(in crate::server) async fn run(
    binary: &Path,
    version: &str,
    bound: Duration,
) -> Result<std::result::Result<(), Failure>> {
    let project = tempfile::Builder::new().prefix("nexus-trial-").tempdir()?;
    let password = Secret::random();
    let mut options = ServerOptions::new(binary, project.path());
    options.inherit_environment = false;
    options.password = Some(password.expose().to_owned());
    options.start_bound = bound;
    let server = match LocalServer::start(options).await {
        Ok(server) => server,
        Err(error) => return Ok(Err(Failure::of(&error))),
    };
    let checked = check(&server, version, password, bound).await;
    let output = server.output_tail(KEPT_LINES);
    server.stop().await?;
    Ok(checked.map_err(|reason| Failure { reason, output }))
}

async fn check(
    server: &LocalServer,
    version: &str,
    password: Secret,
    bound: Duration,
) -> std::result::Result<(), String> {
    if server.version() != version {
        return Err(format!("it says that it is version {}", server.version()));
    }
    let credentials = Credentials { user: "opencode".to_owned(), password };
    // What this library cannot speak to is of no use, however healthy it is.
    let connecting = Client::builder(server.url()).credentials(credentials).connect();
    match tokio::time::timeout(bound, connecting).await {
        Ok(Ok(client)) => {
            drop(client);
            Ok(())
        }
        Ok(Err(error)) => Err(error.message().to_owned()),
        Err(_) => Err(format!("it did not say which line it is within {} s", bound.as_secs())),
    }
}
