//! `cargo xtask bench lsp`: the language server under load, with a plain client and a real OpenCode with a scripted model.
//!
//! There are no peers: no other language server for OpenCode is known. Figures stand beside what was wanted, and a miss is
//! said. Client, model and proxy share the machine, and a process, with what is measured; what they cost is in the figures.

mod busy;
mod clock;
mod delay;
mod growth;
mod report;
mod start;

use std::path::{Path, PathBuf};

use opencode_nexus::Client;
use opencode_nexus_testkit::language_client::many_turns::{self, ManyTurns};
use opencode_nexus_testkit::language_client::{ClientOptions, LanguageClient, TokenKind, Watch, address};
use opencode_nexus_testkit::scripted::Behaviour;
use opencode_nexus_testkit::server::{TestServer, TestServerOptions};
use serde_json::json;
use tokio::process::Command;

use report::Report;

/// How many turns of random cancellation, and how many of them at once: more than the server has cores for.
const TURNS: usize = 1000;
const AT_ONCE: usize = 8;

/// Measures everything and prints it.
pub fn run(root: &Path, nexus: Option<PathBuf>, rounds: usize) -> Result<(), String> {
    let nexus = match nexus {
        Some(nexus) => std::path::absolute(nexus).map_err(|error| error.to_string())?,
        None => super::install::build(root, true)?.join("nexus"),
    };
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    runtime.map_err(|error| error.to_string())?.block_on(measure(&nexus, rounds))
}

async fn measure(nexus: &Path, rounds: usize) -> Result<(), String> {
    println!("no peers: no other language server for OpenCode is known");
    let desk = Desk::new(nexus)?;
    let mut report = Report::default();
    start::measure(&desk, rounds * 8, &mut report).await?;
    growth::measure(&desk, &mut report).await?;
    delay::measure(&desk, rounds, &mut report).await?;
    busy::measure(&desk, &mut report).await?;
    turns(&desk, &mut report).await?;
    report.print();
    Ok(())
}

/// A thousand turns, many of them stopped at random moments.
async fn turns(desk: &Desk, report: &mut Report) -> Result<(), String> {
    let server = server(many_turns::behaviour()).await?;
    let client = desk.editor(&server.url, &server.directory).await?;
    let direct = Client::builder(&server.url).directory(server.directory.to_string_lossy()).connect().await;
    let direct = direct.map_err(|error| format!("{error:?}"))?;
    let many = ManyTurns { turns: TURNS, at_once: AT_ONCE, seed: 1 };
    let begun = std::time::Instant::now();
    let done = many.run(&client, &direct, &server.directory).await.map_err(|failure| failure.to_string())?;
    println!("{done} (real OpenCode, {AT_ONCE} at once, {:.0} s)", begun.elapsed().as_secs_f64());
    for why in &done.why {
        println!("  {why}");
    }
    report.add("lost tails in 1,000 turns", "", done.lost_tails as f64, Some(0.0));
    report.add("turns not ended in 1,000", "", done.not_ended as f64, Some(0.0));
    report.add("out-of-order deltas in 1,000 turns", "", done.out_of_order as f64, Some(0.0));
    client.finish().await.map_err(|failure| failure.to_string())
}

/// A server whose agent is asked for nothing.
async fn server(behaviour: Behaviour) -> Result<TestServer, String> {
    let permission = json!({"bash": "allow", "edit": "allow"});
    let options = TestServerOptions { permission, snapshot: false, ..TestServerOptions::with(behaviour) };
    TestServer::start(options).await.map_err(|error| format!("{error:?}"))
}

/// Folders of the measurement, and the editors in them.
struct Desk {
    folder: tempfile::TempDir,
    nexus: PathBuf,
}

impl Desk {
    fn new(nexus: &Path) -> Result<Self, String> {
        let folder = tempfile::Builder::new().prefix("nexus-bench-").tempdir();
        Ok(Self { folder: folder.map_err(|error| error.to_string())?, nexus: nexus.to_owned() })
    }

    /// `nexus lsp` with nothing of the person's.
    fn command(&self, url: Option<&str>) -> Command {
        let mut command = Command::new(&self.nexus);
        command.arg("lsp").env_clear().current_dir(self.folder.path());
        command.env("PATH", std::env::var_os("PATH").unwrap_or_default());
        for name in ["HOME", "XDG_STATE_HOME", "XDG_CACHE_HOME", "XDG_CONFIG_HOME", "NEXUS_DATA_DIR"] {
            command.env(name, self.folder.path());
        }
        command.env("NEXUS_KEYRING", "none").env("DBUS_SESSION_BUS_ADDRESS", "unix:path=/nonexistent/bus");
        if let Some(url) = url {
            command.env("NEXUS_URL", url);
        }
        command
    }

    /// An editor beside a server.
    async fn editor(&self, url: &str, directory: &Path) -> Result<LanguageClient, String> {
        let options = ClientOptions::in_folders([directory]).with_chat();
        LanguageClient::start(self.command(Some(url)), options).await.map_err(|failure| failure.to_string())
    }
}

/// Sends a prompt in a new session; the prompt is the token and must be new.
async fn send(client: &LanguageClient, directory: &Path, prompt: &str) -> Result<(Watch, String), String> {
    let watch = client.watch(prompt, TokenKind::Turn);
    let parts = json!([{"type": "text", "text": prompt, "plain": true}]);
    let params = json!({"root": address(directory), "parts": parts, "partialResultToken": prompt});
    let sent = client.request("nexus/chat/send", params).await.map_err(|failure| failure.to_string())?;
    Ok((watch, sent["sessionId"].as_str().unwrap_or_default().to_owned()))
}

/// The value below which this share of all stands; the values need no order.
fn quantile(values: &mut [f64], share: f64) -> f64 {
    values.sort_by(f64::total_cmp);
    let last = values.len().saturating_sub(1);
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // a place in the list
    let at = (share * last as f64).round() as usize;
    values.get(at).copied().unwrap_or(f64::NAN)
}
