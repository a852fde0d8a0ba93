//! How long turns take with a history and without one: `history_turns [ROUNDS]`, 60 by default.
//!
//! A real server with a scripted model that answers with 400 words as fast as it can. Two conversations, one of them kept,
//! take turns in every round; which goes first changes each time. Prints one JSON line: medians in milliseconds, their ratio,
//! and the CPU time of this process in each kind of turn.
#![allow(clippy::print_stdout)] // the runner reads it

use std::process::ExitCode;
use std::time::{Duration, Instant};

use nexus_vault::{Backend, KdfParameters, Keyring, NewSlot, Options, Vault};
use opencode_nexus::chat::{Conversation, OutcomeKind};
use opencode_nexus::history::History;
use opencode_nexus::{Client, Error, ErrorKind, Result};
use opencode_nexus_bench::cpu;
use opencode_nexus_testkit::scripted::{Action, Behaviour, Conversation as Scripted};
use opencode_nexus_testkit::server::{TestServer, TestServerOptions};

/// Turns before the measured ones: the first of a server are slower.
const WARM_UP: usize = 5;

#[tokio::main]
async fn main() -> ExitCode {
    let rounds = std::env::args().nth(1).and_then(|n| n.parse().ok()).unwrap_or(60);
    match run(rounds).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error:?}");
            ExitCode::FAILURE
        }
    }
}

async fn run(rounds: usize) -> Result<()> {
    let answer = Behaviour::new(vec![Scripted::new("", vec![vec![Action::tokens(400, 5)]])]);
    let options = TestServerOptions { snapshot: false, ..TestServerOptions::with(answer) };
    let server = TestServer::start(options).await?;
    let folder = tempfile::tempdir()?;
    let history = history(folder.path())?;
    let builder = || Client::builder(&server.url).directory(server.directory.to_string_lossy());
    let kept = builder().history(history).connect().await?.create(Some("Kept")).await?;
    let plain = builder().connect().await?.create(Some("Not kept")).await?;
    let (mut with, mut without) = (Times::default(), Times::default());
    for round in 0..WARM_UP + rounds {
        let measured = round >= WARM_UP;
        if round % 2 == 0 {
            with.turn(&kept, round, measured).await?;
            without.turn(&plain, round, measured).await?;
        } else {
            without.turn(&plain, round, measured).await?;
            with.turn(&kept, round, measured).await?;
        }
    }
    kept.flush_history(Duration::from_secs(30)).await?;
    let (a, b) = (with.median(), without.median());
    println!(
        "{{\"rounds\":{rounds},\"with_ms\":{a:.3},\"without_ms\":{b:.3},\"ratio\":{:.4},\"with_cpu_ms\":{:.3},\"without_cpu_ms\":{:.3}}}",
        a / b,
        with.cpu_per_turn(),
        without.cpu_per_turn()
    );
    Ok(())
}

fn history(folder: &std::path::Path) -> Result<History> {
    let slot = NewSlot::Passphrase("made up for the benchmark".to_owned().into(), KdfParameters::LEAST);
    let options = Options {
        indexer: History::indexer(),
        keyring: Keyring::new(Backend::None, "opencode-nexus-bench"),
        readers: 4,
        busy_bound: Duration::from_secs(10),
    };
    Ok(History::new(Vault::create(&folder.join("vault"), slot, options)?.vault))
}

#[derive(Default)]
struct Times {
    wall: Vec<f64>,
    cpu: Duration,
}

impl Times {
    async fn turn(&mut self, conversation: &Conversation, round: usize, measured: bool) -> Result<()> {
        let (started, used) = (Instant::now(), cpu());
        let outcome = conversation.prompt(format!("round {round}")).await?.finish().await?;
        if outcome.kind != OutcomeKind::Completed {
            return Err(Error::new(ErrorKind::Server, format!("the turn ended so: {:?}", outcome.kind)));
        }
        if measured {
            self.wall.push(started.elapsed().as_secs_f64() * 1e3);
            self.cpu += cpu() - used;
        }
        Ok(())
    }

    fn median(&self) -> f64 {
        let mut sorted = self.wall.clone();
        sorted.sort_by(f64::total_cmp);
        match sorted.len() {
            0 => f64::NAN,
            n if n % 2 == 1 => sorted[n / 2],
            n => f64::midpoint(sorted[n / 2 - 1], sorted[n / 2]),
        }
    }

    fn cpu_per_turn(&self) -> f64 {
        self.cpu.as_secs_f64() * 1e3 / self.wall.len().max(1) as f64
    }
}
