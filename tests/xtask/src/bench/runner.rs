//! Runs the programs in rounds: every one once a round, in a new random order, one at a time.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Instant;

use rand::seq::SliceRandom as _;
use serde_json::Value;

use super::Suite;

/// A program that is measured.
pub struct Contestant {
    pub name: &'static str,
    program: PathBuf,
    arguments: Vec<String>,
    /// Only in the first round.
    once: bool,
    /// It takes no address and reports nothing.
    silent: bool,
    environment: Vec<(&'static str, PathBuf)>,
}

impl Contestant {
    /// A program with its first arguments; the server's address follows them.
    pub fn new(name: &'static str, program: PathBuf, arguments: &[&str]) -> Self {
        let arguments = arguments.iter().map(|argument| (*argument).to_owned()).collect();
        Self { name, program, arguments, once: false, silent: false, environment: Vec::new() }
    }

    /// A variable of its environment.
    pub fn with(mut self, variable: &'static str, value: &Path) -> Self {
        self.environment.push((variable, value.to_owned()));
        self
    }

    /// It is so slow that one round has to do.
    pub fn once(self) -> Self {
        Self { once: true, ..self }
    }

    /// A program that is no client.
    pub fn silent(self) -> Self {
        Self { silent: true, ..self }
    }
}

/// The figures of one run.
pub type Figures = BTreeMap<String, f64>;

/// By round, then by the place of the program in the list.
pub type Runs = Vec<BTreeMap<usize, Figures>>;

/// Runs everything.
pub fn rounds(contestants: &[Contestant], url: &str, count: usize) -> Result<Runs, String> {
    let mut runs = Vec::new();
    for round in 0..count {
        let mut order: Vec<usize> =
            (0..contestants.len()).filter(|at| round == 0 || !contestants[*at].once).collect();
        order.shuffle(&mut rand::rng());
        let mut figures = BTreeMap::new();
        for at in order {
            eprint!("\rround {}/{count}: {:<40}", round + 1, contestants[at].name);
            figures.insert(at, once(&contestants[at], url)?);
        }
        runs.push(figures);
    }
    eprintln!("\r{:<60}", "");
    Ok(runs)
}

fn once(contestant: &Contestant, url: &str) -> Result<Figures, String> {
    let mut command = Command::new(&contestant.program);
    command.args(&contestant.arguments).stdin(Stdio::null());
    command.envs(contestant.environment.iter().map(|(variable, value)| (variable, value)));
    if !contestant.silent {
        command.arg(url);
    }
    let start = Instant::now();
    let output = command.output().map_err(|error| format!("{}: {error}", contestant.program.display()))?;
    let wall = start.elapsed().as_secs_f64();
    if !output.status.success() {
        return Err(format!(
            "{}: {}: {}",
            contestant.name,
            output.status,
            String::from_utf8_lossy(&output.stderr)
        ));
    }
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let said: Value =
        text.lines().last().and_then(|line| serde_json::from_str(line).ok()).unwrap_or_default();
    let mut figures: Figures =
        said.as_object().into_iter().flatten().filter_map(|(k, v)| Some((k.clone(), v.as_f64()?))).collect();
    if !contestant.silent && figures.is_empty() {
        return Err(format!(
            "{} reports nothing: {text}{}",
            contestant.name,
            String::from_utf8_lossy(&output.stderr)
        ));
    }
    figures.insert("process_s".to_owned(), wall);
    Ok(figures)
}

/// The server, a process of its own. It ends with its standard input, so it cannot outlive us.
pub struct Stub {
    child: Child,
    port: String,
}

impl Stub {
    /// Starts it and waits for its port.
    pub fn start(program: &Path, corpus: &Path, session: &Path) -> Result<Self, String> {
        let mut command = Command::new(program);
        command.arg(corpus).arg(session).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().map_err(|error| format!("{}: {error}", program.display()))?;
        let mut port = String::new();
        if let Some(stdout) = child.stdout.take() {
            BufReader::new(stdout).read_line(&mut port).map_err(|error| error.to_string())?;
        }
        let port = port.trim().to_owned();
        if port.is_empty() {
            Err("the stub server did not start".to_owned())
        } else {
            Ok(Self { child, port })
        }
    }

    /// The address that the programs of a suite get.
    pub fn url(&self, suite: Suite) -> String {
        let prefix = if suite == Suite::Latency { "/paced" } else { "" };
        format!("http://127.0.0.1:{}{prefix}", self.port)
    }
}

impl Drop for Stub {
    fn drop(&mut self) {
        // It may have ended already; then there is nothing to do.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
