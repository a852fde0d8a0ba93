//! `cargo xtask server-faults`: what can happen to a local server, done to the real executable and to real servers.
//!
//! Every case gets a home, a state folder, a cache and a folder for temporary files of its own, and a mark in the
//! environment that everything inherits which it starts. When it is over, no process with that mark may live, and no
//! file may be left but those that are documented to stay. Whatever is left is counted, named, and then ended.

mod background;
mod context;
mod left;
mod ours;
mod processes;
mod running;
mod starting;
mod versions;

use std::path::Path;
use std::process::Command;
use std::time::Instant;

pub use context::Context;

use crate::cargo::cargo;

#[derive(clap::Args)]
pub struct Arguments {
    /// Only the cases whose name holds this.
    #[arg(long)]
    case: Option<String>,
    /// Name the cases and do nothing.
    #[arg(long)]
    list: bool,
}

/// One fault.
#[derive(Clone, Copy)]
pub struct Case {
    /// A sentence that says what is done.
    pub name: &'static str,
    /// Does it and looks at what comes of it.
    pub run: fn(&Context) -> Result<Outcome, String>,
}

/// How a case ended well.
#[derive(Debug)]
pub enum Outcome {
    /// All was as before the fault.
    Recovered,
    /// The executable said what is wrong and what to do; this is what it said.
    Refused(String),
}

#[derive(Default)]
struct Totals {
    faults: usize,
    good: usize,
    processes: usize,
    files: usize,
}

/// All cases, in the order in which they run.
fn cases() -> Vec<Case> {
    let ours = [starting::CASES, running::CASES, ours::CASES].into_iter().flatten().copied();
    ours.chain(versions::cases()).collect()
}

/// Runs the cases and prints the summary.
pub fn run(root: &Path, arguments: &Arguments) -> Result<(), String> {
    let wanted = |case: &Case| arguments.case.as_deref().is_none_or(|part| case.name.contains(part));
    let chosen: Vec<Case> = cases().into_iter().filter(wanted).collect();
    if arguments.list {
        chosen.iter().for_each(|case| println!("{}", case.name));
        return Ok(());
    }
    let (nexus, server) = (executable(root)?, server()?);
    let mut totals = Totals::default();
    for (number, case) in chosen.iter().enumerate() {
        perform(number, case, &nexus, &server, &mut totals)?;
    }
    println!(
        "faults {}, recovered or clearly refused {}, processes left {}, files left {}",
        totals.faults, totals.good, totals.processes, totals.files
    );
    if totals.faults == 0 {
        return Err("server-faults: there is no such case; --list names them".to_owned());
    }
    let well = totals.good == totals.faults && totals.processes == 0 && totals.files == 0;
    if well { Ok(()) } else { Err("server-faults: not every fault was survived".to_owned()) }
}

fn perform(
    number: usize,
    case: &Case,
    nexus: &Path,
    server: &Path,
    totals: &mut Totals,
) -> Result<(), String> {
    let context = Context::new(number, nexus, server)?;
    let started = Instant::now();
    let outcome = (case.run)(&context);
    let processes = left::processes(&context);
    let files = left::files(&context);
    totals.faults += 1;
    totals.processes += processes.len();
    totals.files += files.len();
    let took = started.elapsed().as_secs_f64();
    match &outcome {
        Ok(Outcome::Recovered) => println!("ok      {} … recovered, {took:.1} s", case.name),
        Ok(Outcome::Refused(said)) => println!("ok      {} … refused, {took:.1} s: {said}", case.name),
        Err(why) => println!("FAILED  {} … {took:.1} s: {why}", case.name),
    }
    totals.good += usize::from(outcome.is_ok());
    processes.iter().for_each(|process| println!("        process left: {process}"));
    files.iter().for_each(|file| println!("        file left: {}", file.display()));
    Ok(())
}

/// Builds the executable, so that it is never an old one that is looked at.
fn executable(root: &Path) -> Result<std::path::PathBuf, String> {
    let mut build: Command = cargo();
    // Together with this program: alone it would want other features of the same libraries, and build all of them twice.
    build.current_dir(root).args(["build", "--quiet", "-p", "xtask", "-p", "opencode-nexus-lsp"]);
    let status = build.status().map_err(|error| format!("cannot run cargo: {error}"))?;
    if !status.success() {
        return Err("the executable does not build".to_owned());
    }
    let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root.join("target"), Into::into);
    Ok(target.join("debug").join(if cfg!(windows) { "nexus.exe" } else { "nexus" }))
}

/// The pinned server, installed when it is missing.
fn server() -> Result<std::path::PathBuf, String> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| format!("cannot wait for an installation: {error}"))?;
    let version = opencode_nexus::server::PINNED;
    let found = runtime.block_on(opencode_nexus_testkit::server::opencode_binary(version));
    found.map_err(|error| format!("{error:?}"))
}
