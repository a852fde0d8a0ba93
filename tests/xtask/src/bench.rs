//! `cargo xtask bench NAME`: ours beside what people use instead, in the same rounds on the same machine.
//!
//! Each round runs every program once, in a random order; what is compared are ratios within a round, and the median of
//! these is printed. Absolute figures of two runs do not compare. These are figures to look at, never assertions.

mod bindings;
mod corpus;
mod history;
mod install;
mod lsp;
mod plugins;
mod runner;
mod store;
mod table;
mod terminal;

use std::path::{Path, PathBuf};

use clap::ValueEnum;

use runner::{Contestant, Stub};

/// What is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Suite {
    /// Events in a second, over one stream as fast as it goes.
    Stream,
    /// From the server's write to the callback, at 1,000 events a second.
    Latency,
    /// Time and CPU of a call.
    Rest,
    /// A process from its start to its end, and its memory.
    Start,
    /// `nexus` in a terminal: its start, its first byte, the start of a server, a whole run beside `opencode run`.
    Terminal,
    /// The encrypted store beside plain SQLite, SQLCipher alone and matrix-sdk-sqlite.
    Store,
    /// Turns with a history and without one.
    History,
    /// The language server: its start, its memory, its delays with many turns in flight, a thousand turns.
    Lsp,
    /// Plugins: a typed call, opening, memory, and what others notice of one that spins; beside wasmtime alone and Extism.
    Plugins,
    /// The packages for Python and Node beside the official SDKs: import, latency, calls, the stream, memory.
    Bindings,
}

#[derive(clap::Args)]
pub struct Arguments {
    /// What to measure.
    suite: Suite,
    /// How often each program runs.
    #[arg(long, default_value_t = 5)]
    rounds: usize,
    /// Events in the stream.
    #[arg(long, default_value_t = 200_000)]
    events: usize,
    /// How many messages `store` stores, from few to many.
    #[arg(long, value_delimiter = ',', default_values_t = [20_000, 200_000])]
    messages: Vec<usize>,
    /// Only the programs in Rust: nothing is installed.
    #[arg(long)]
    rust_only: bool,
    /// The `nexus` to measure in `terminal` and `lsp`, in place of one that is built in release now.
    #[arg(long, value_name = "PATH")]
    nexus: Option<PathBuf>,
}

/// Prepares everything, measures, and prints a table and a line of JSON for each figure.
pub fn run(root: &Path, arguments: &Arguments) -> Result<(), String> {
    if arguments.suite == Suite::Terminal {
        return terminal::run(root, arguments.nexus.clone(), arguments.rounds);
    }
    if arguments.suite == Suite::Store {
        return store::run(root, arguments.rounds, &arguments.messages);
    }
    if arguments.suite == Suite::History {
        return history::run(root, arguments.rounds);
    }
    if arguments.suite == Suite::Lsp {
        return lsp::run(root, arguments.nexus.clone(), arguments.rounds);
    }
    if arguments.suite == Suite::Plugins {
        return plugins::run(root, arguments.rounds, arguments.rust_only);
    }
    if arguments.suite == Suite::Bindings {
        let stub = start_stub(root, &install::stub(root)?, arguments.events)?;
        return bindings::run(root, arguments.rounds, &stub);
    }
    let programs = install::build(root, arguments.suite == Suite::Start)?;
    let peers = if arguments.rust_only { None } else { Some(install::peers(root)?) };
    let stub = start_stub(root, &programs.join("firehose"), arguments.events)?;
    let contestants = contestants(arguments.suite, &programs, peers.as_ref());
    let runs = runner::rounds(&contestants, &stub.url(arguments.suite), arguments.rounds)?;
    let name = format!("{:?}", arguments.suite).to_lowercase();
    table::print(arguments.suite, &name, &contestants, &runs);
    Ok(())
}

/// The server with the stream of so many events and one session.
fn start_stub(root: &Path, program: &Path, events: usize) -> Result<Stub, String> {
    let folder = root.join("target/bench");
    std::fs::create_dir_all(&folder).map_err(|error| error.to_string())?;
    let corpus = folder.join(format!("corpus-{events}.sse"));
    if !corpus.exists() {
        let (bytes, deltas) = corpus::write(&corpus, events).map_err(|error| format!("corpus: {error}"))?;
        let share = 100.0 * deltas as f64 / events as f64;
        println!("corpus: {} events, {:.1} MB, {share:.0} % deltas", events, bytes as f64 / 1e6);
    }
    let session = folder.join("session.json");
    std::fs::write(&session, SESSION).map_err(|error| error.to_string())?;
    Stub::start(program, &corpus, &session)
}

/// A session as `GET /session/ID` gives it.
const SESSION: &str = r#"{"id":"ses_200000000000benchsessio","slug":"calm-river","version":"1.18.33","projectID":"6bb7e4e5381a8a7175eb27a5195e113d34e3721d","directory":"/home/dev/project","path":"","title":"Make the parser faster","agent":"build","model":{"id":"scripted","providerID":"scripted","variant":"default"},"cost":0.0125,"tokens":{"input":1200,"output":340,"reasoning":0,"cache":{"read":800,"write":0}},"time":{"created":1795329047745,"updated":1795329047994}}"#;

/// The programs of a suite; the first is the one that the others are compared with.
fn contestants(suite: Suite, programs: &Path, peers: Option<&install::Peers>) -> Vec<Contestant> {
    let plain = |name, mode: &str| Contestant::new(name, programs.join("plain_client"), &[mode]);
    let ours = |mode: &str| Contestant::new("nexus (Rust)", programs.join("nexus_client"), &[mode]);
    let mut all = match suite {
        // They measure by themselves.
        Suite::Terminal | Suite::Store | Suite::History | Suite::Lsp | Suite::Plugins | Suite::Bindings => {
            Vec::new()
        }
        Suite::Stream => vec![plain("reqwest, bytes only", "stream"), ours("stream")],
        Suite::Latency => vec![plain("reqwest", "latency"), ours("latency")],
        Suite::Rest => vec![plain("reqwest, typed", "rest"), ours("rest")],
        Suite::Start => vec![
            plain("reqwest, one call", "start"),
            ours("start"),
            Contestant::new("nexus --help", programs.join("nexus"), &["--help"]).silent(),
        ],
    };
    let Some(peers) = peers else { return all };
    let js = |name, mode: &str| peers.javascript(name, mode);
    let python = |name, mode: &str| peers.python(name, mode);
    match suite {
        Suite::Terminal | Suite::Store | Suite::History | Suite::Lsp | Suite::Plugins | Suite::Bindings => {}
        Suite::Stream => all.extend([
            js("JavaScript: fetch", "fetch-stream"),
            js("JavaScript: official SDK", "sdk-stream"),
            python("Python: httpx", "httpx-stream"),
            // Twenty seconds and more.
            python("Python: official SDK", "sdk-stream").once(),
        ]),
        Suite::Latency => {
            all.extend([
                js("JavaScript: official SDK", "sdk-latency"),
                python("Python: official SDK", "sdk-latency"),
            ]);
        }
        Suite::Rest => all.extend([
            js("JavaScript: fetch", "fetch-rest"),
            js("JavaScript: official SDK", "sdk-rest"),
            python("Python: httpx", "httpx-rest"),
            python("Python: official SDK", "sdk-rest"),
        ]),
        Suite::Start => all.extend([
            js("JavaScript: empty", "empty"),
            js("JavaScript: official SDK", "import"),
            python("Python: empty", "empty"),
            python("Python: official SDK", "import"),
        ]),
    }
    all
}
