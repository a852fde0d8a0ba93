//! `cargo xtask plugins`: the plugins of this repository are built, attacked and used, and what the documents tell authors is done.
//!
//! In this order: every first-party plugin is built (saying which way), signed with a key that is thrown away, and put into
//! `target/plugins` ([`build`]); its cases run in the real host; the threat tests run, and are counted ([`threats`]); the web
//! frontend is used and attacked in a real Chromium ([`browser`]); one file is used in an editor, a terminal and a program
//! ([`everywhere`]); one that sends messages runs in two programs and sends each once ([`together`]); the pages "Your first plugin"
//! are executed as they are written ([`pages`]). All of it goes through the `nexus` that people install.

mod browser;
mod build;
mod everywhere;
mod pages;
mod threats;
mod together;

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use tokio::runtime::{Builder, Runtime};

use crate::cargo;

#[derive(clap::Args)]
pub struct Arguments {
    /// Only this plugin or page is built or executed, and no threat is tested.
    #[arg(long)]
    only: Option<String>,
    /// The executable that is used; otherwise it is built.
    #[arg(long, value_name = "PATH")]
    nexus: Option<PathBuf>,
}

/// What the steps need.
struct Bench {
    root: PathBuf,
    nexus: PathBuf,
    /// Configuration and data of nobody, so that nothing of the person is touched. The cache is theirs: the tools in it are pinned.
    home: tempfile::TempDir,
    only: Option<String>,
}

impl Bench {
    /// A call of `nexus plugin`.
    fn plugin(&self) -> Command {
        let mut command = self.nexus();
        command.arg("plugin");
        command
    }

    fn nexus(&self) -> Command {
        let mut command = Command::new(&self.nexus);
        self.surround(&mut command);
        command
    }

    /// Gives a program the same world.
    fn surround(&self, command: &mut Command) {
        command
            .env("XDG_CONFIG_HOME", self.home.path().join("config"))
            .env("XDG_DATA_HOME", self.home.path().join("data"))
            .env("XDG_STATE_HOME", self.home.path().join("state"))
            // The crate of this repository, which the pages name by its version.
            .env("NEXUS_PLUGIN_CRATE", self.root.join("plugins/guest"))
            .env("CARGO_TARGET_DIR", self.root.join("target/plugin-builds"))
            .stdin(std::process::Stdio::null());
    }

    fn wants(&self, name: &str) -> bool {
        self.only.as_deref().is_none_or(|only| only == name)
    }
}

pub fn run(root: &Path, arguments: &Arguments) -> Result<(), String> {
    let nexus = match &arguments.nexus {
        Some(path) => path.canonicalize().map_err(|error| format!("{}: {error}", path.display()))?,
        None => cargo::nexus(root)?,
    };
    let home = tempfile::tempdir().map_err(|error| error.to_string())?;
    let bench = Bench { root: root.to_owned(), nexus, home, only: arguments.only.clone() };
    let mut failed = Vec::new();
    let mut step = |name: &str, done: Result<String, String>, began: Instant| match done {
        Ok(said) => println!("plugins {name}: {said}, {:.0} s", began.elapsed().as_secs_f64()),
        Err(why) => {
            println!("plugins {name}: FAILED: {why}");
            failed.push(name.to_owned());
        }
    };
    let began = Instant::now();
    step("build and cases", build::all(&bench), began);
    if bench.only.is_none() {
        let began = Instant::now();
        step("threats", threats::run(root), began);
    }
    if bench.wants("status-page") {
        let began = Instant::now();
        step("browser", browser::run(&bench), began);
    }
    if bench.wants("git-context") {
        let began = Instant::now();
        step("everywhere", everywhere::run(&bench), began);
    }
    if bench.wants("webhook-notify") {
        let began = Instant::now();
        step("together", together::run(&bench), began);
    }
    let began = Instant::now();
    step("pages", pages::all(&bench), began);
    if failed.is_empty() { Ok(()) } else { Err(format!("plugins: {} went wrong", failed.join(", "))) }
}

/// Where servers are talked to. Its threads serve the model while a story waits.
fn runtime() -> Result<Runtime, String> {
    let built = Builder::new_multi_thread().worker_threads(2).enable_all().build();
    built.map_err(|error| error.to_string())
}

/// Runs a command; gives what it printed, or all that it said when it failed.
fn perform(command: &mut Command) -> Result<String, String> {
    let name =
        Path::new(command.get_program()).file_name().unwrap_or_default().to_string_lossy().into_owned();
    let words: Vec<String> = command.get_args().map(|word| word.to_string_lossy().into_owned()).collect();
    let output = command.output().map_err(|error| format!("cannot run {name}: {error}"))?;
    let printed = String::from_utf8_lossy(&output.stdout).into_owned();
    if output.status.success() {
        return Ok(printed);
    }
    let said = String::from_utf8_lossy(&output.stderr);
    Err(format!("{name} {}: {}\n{printed}{said}", words.join(" "), output.status))
}
