//! `cargo xtask bench terminal`: what a person or a script waits for beside the server and the model: the start of the
//! executable, of `nexus run`, the detection that a server is ready, and a whole run beside `opencode run` on the same
//! scripted model.
//!
//! Programs take turns in a random order within each round; what is compared are the figures of the same rounds.

mod first_byte;
mod whole;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use opencode_nexus::server::{LocalServer, ServerOptions};
use opencode_nexus_testkit::scripted::Behaviour;
use opencode_nexus_testkit::server::{TestServer, TestServerOptions, opencode_binary};
use rand::seq::SliceRandom as _;
use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// What the model answers in whole runs; long enough that streaming counts, short enough that starting counts too.
const ANSWER: &str = "This is the answer of the scripted model, in a few words, as a short task has it.";
/// Nothing here takes long; more than this is a failure of the program that is measured.
const BOUND: Duration = Duration::from_secs(120);

/// Figures in milliseconds by name, one for each round.
type Table = BTreeMap<&'static str, Vec<f64>>;

/// One thing that is measured.
#[derive(Clone, Copy)]
enum Figure {
    Help,
    FirstByte,
    Ready,
    Whole(whole::Program),
}

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
    let text = |error: opencode_nexus::Error| format!("{error:?}");
    let opencode = opencode_binary(opencode_nexus::server::PINNED).await.map_err(text)?;
    let server = TestServer::start(TestServerOptions::with(Behaviour::say(ANSWER))).await.map_err(text)?;
    let places = whole::Places::prepare(nexus, &opencode, &server)?;
    // The first turn in a folder costs the server more than all others.
    whole::once(&places, &server, whole::Program::Nexus).await?;
    let mut table = Table::new();
    for round in 0..rounds {
        let mut order = vec![Figure::Help, Figure::FirstByte, Figure::Ready];
        order.extend(whole::Program::ALL.map(Figure::Whole));
        order.shuffle(&mut rand::rng());
        for figure in order {
            eprint!("\rround {}/{rounds}", round + 1);
            let mut add = |name, value| table.entry(name).or_default().push(value);
            match figure {
                Figure::Help => add("nexus --help", help(nexus)?),
                Figure::FirstByte => {
                    let seen = first_byte::measure(nexus, &server).await?;
                    add("nexus run: first byte sent", seen.first);
                    add("nexus run: prompt sent", seen.prompt);
                    add("nexus run: of that, server answering", seen.answering);
                }
                Figure::Ready => {
                    let (whole, added) = ready(&opencode, &server.directory).await?;
                    add("server start, whole", whole);
                    add("server start, added by us", added);
                }
                Figure::Whole(program) => add(program.name(), whole::once(&places, &server, program).await?),
            }
        }
    }
    eprintln!("\r{:<30}", "");
    print(&table);
    Ok(())
}

/// From the start of the process to its end.
fn help(nexus: &Path) -> Result<f64, String> {
    let start = Instant::now();
    let status = Command::new(nexus).arg("--help").stdout(Stdio::null()).stderr(Stdio::null()).status();
    let status = status.map_err(|error| format!("{}: {error}", nexus.display()))?;
    let wall = milliseconds(start.elapsed());
    if status.success() { Ok(wall) } else { Err(format!("nexus --help: {status}")) }
}

/// How long a server takes to start, and how much of that passes between its first good answer to somebody who asks all
/// the time and the moment when we say that it is ready. Below 0 when we were the first to get an answer.
async fn ready(opencode: &Path, directory: &Path) -> Result<(f64, f64), String> {
    let port = std::net::TcpListener::bind(("127.0.0.1", 0))
        .and_then(|listener| listener.local_addr())
        .map_err(|error| error.to_string())?
        .port();
    let mut options = ServerOptions::new(opencode, directory);
    options.port = Some(port);
    let start = Instant::now();
    let asking = tokio::spawn(async move {
        while !healthy(port).await {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        Instant::now()
    });
    let local = LocalServer::start(options).await.map_err(|error| format!("{error:?}"))?;
    let said = Instant::now();
    let first = tokio::time::timeout(BOUND, asking).await.map_err(|_| "no answer to the probe".to_owned())?;
    let first = first.map_err(|error| error.to_string())?;
    local.stop().await.map_err(|error| format!("{error:?}"))?;
    let added = milliseconds(said.saturating_duration_since(first))
        - milliseconds(first.saturating_duration_since(said));
    Ok((milliseconds(said - start), added))
}

/// Whether a server answers now. An answer may never come to somebody who asks while it starts, so each has a bound.
async fn healthy(port: u16) -> bool {
    let asking = async {
        let mut stream = TcpStream::connect(("127.0.0.1", port)).await.ok()?;
        stream
            .write_all(b"GET /global/health HTTP/1.1\r\nhost: 127.0.0.1\r\nconnection: close\r\n\r\n")
            .await
            .ok()?;
        let mut answer = [0; 12];
        stream.read_exact(&mut answer).await.ok()?;
        Some(answer.ends_with(b" 200"))
    };
    tokio::time::timeout(Duration::from_millis(100), asking).await.ok().flatten() == Some(true)
}

fn print(table: &Table) {
    println!("{:<40} {:>10}   least … most [ms]", "", "median");
    let mut lines = Vec::new();
    for (name, values) in table {
        let mut values = values.clone();
        values.sort_by(f64::total_cmp);
        let (least, most, middle) = (values[0], values[values.len() - 1], values[values.len() / 2]);
        println!("{name:<40} {middle:>10.1}   {least:.1} … {most:.1}");
        lines.push(json!({
            "bench": "terminal", "figure": name, "unit": "ms", "median": middle, "min": least, "max": most,
            "rounds": values.len(),
        }));
    }
    lines.iter().for_each(|line| println!("{line}"));
}

fn milliseconds(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}

/// A program that ends well within the bound; its wall time in milliseconds.
async fn timed(mut command: tokio::process::Command, name: &str, wanted: &str) -> Result<f64, String> {
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
    let start = Instant::now();
    let output = tokio::time::timeout(BOUND, command.output()).await;
    let output =
        output.map_err(|_| format!("{name} does not end"))?.map_err(|error| format!("{name}: {error}"))?;
    let wall = milliseconds(start.elapsed());
    let said = String::from_utf8_lossy(&output.stdout);
    if output.status.success() && said.contains(wanted) {
        return Ok(wall);
    }
    Err(format!("{name}: {}: {said}{}", output.status, String::from_utf8_lossy(&output.stderr)))
}

/// A folder that is removed when the measuring is over.
fn folder() -> Result<(tempfile::TempDir, PathBuf), String> {
    let folder =
        tempfile::Builder::new().prefix("nexus-bench-").tempdir().map_err(|error| error.to_string())?;
    let path = folder.path().to_owned();
    Ok((folder, path))
}
