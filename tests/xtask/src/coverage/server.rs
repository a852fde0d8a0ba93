//! A server for the comparison, with a home of its own so that it touches nothing of the person who runs this.
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use serde_json::Value;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};

const START: Duration = Duration::from_secs(60);
const ANSWER: Duration = Duration::from_secs(30);

/// A running server; it ends when this is dropped.
pub struct Server {
    url: String,
    home: PathBuf,
    _child: Child,
}

/// Starts a server on a free port and waits for it to listen.
pub async fn started_server(executable: &Path) -> Result<Server, String> {
    let home =
        std::env::temp_dir().join(format!("nexus-coverage-{}-{}", std::process::id(), rand::random::<u32>()));
    std::fs::create_dir_all(&home).map_err(|error| format!("cannot create {}: {error}", home.display()))?;
    let mut child = Command::new(executable)
        .args(["serve", "--hostname", "127.0.0.1", "--port", "0"])
        .current_dir(&home)
        .env("HOME", &home)
        .env("OPENCODE_DISABLE_AUTOUPDATE", "1")
        .env("OPENCODE_DISABLE_MODELS_FETCH", "1")
        .env_remove("OPENCODE_SERVER_PASSWORD")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .map_err(|error| format!("cannot start {}: {error}", executable.display()))?;
    let mut lines = BufReader::new(child.stdout.take().ok_or("the server has no output")?).lines();
    let url = tokio::time::timeout(START, async {
        while let Ok(Some(line)) = lines.next_line().await {
            if let Some((_, url)) = line.split_once("server listening on ") {
                return Some(url.trim().to_owned());
            }
        }
        None
    });
    let url = url.await.map_err(|_| format!("the server did not listen within {START:?}"))?;
    let url = url.ok_or("the server ended before it listened")?;
    Ok(Server { url, home, _child: child })
}

impl Server {
    /// The JSON document at a path.
    pub async fn json(&self, path: &str) -> Result<Value, String> {
        // reqwest wants a provider of cryptography even for a request in clear. That there is one already is as well.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let client = reqwest::Client::builder().no_proxy().timeout(ANSWER).build();
        let fail = |error: reqwest::Error| format!("GET {path}: {error}");
        let response = client.map_err(fail)?.get(format!("{}{path}", self.url)).send().await.map_err(fail)?;
        let bytes = response.error_for_status().map_err(fail)?.bytes().await.map_err(fail)?;
        serde_json::from_slice(&bytes).map_err(|error| format!("GET {path}: {error}"))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // The server may still write into it; what stays is in the folder for temporary files.
        let _ = std::fs::remove_dir_all(&self.home);
    }
}
