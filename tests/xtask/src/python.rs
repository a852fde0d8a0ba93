//! `cargo xtask python`: the Python package is built, checked, tested on real servers and installed as a stranger would.
//!
//! In this order: the extension module and the test server are built; the package is put together with them below
//! `target/python` ([`stage`]); mypy and pyright read it strictly ([`types`]); its tests run, the examples among them ([`mod@unit`]);
//! wheel and source distribution are built, looked through and installed without an index ([`wheel`]). The tools are pinned
//! and come from their registries, once.

mod stage;
mod types;
mod unit;
pub mod wheel;

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use crate::editors::install::once;

/// What reads types, and what builds wheels; a change of a version makes a new environment.
const MYPY: &str = "mypy==2.4.1";
const MATURIN: &str = "maturin==1.16.0";
const PYRIGHT: &str = "pyright@1.1.414";

#[derive(clap::Args)]
pub struct Arguments {
    /// Only tests whose names hold this run, and nothing else is checked or built.
    #[arg(short = 'k', value_name = "NAME")]
    only: Option<String>,
    /// The wheel is built as it is released.
    #[arg(long)]
    release: bool,
}

/// Where everything stands.
pub struct Bench {
    root: PathBuf,
    /// `target/python`.
    work: PathBuf,
    /// The interpreter of the environment with the tools.
    python: PathBuf,
}

impl Bench {
    /// An interpreter with the pinned tools.
    ///
    /// # Errors
    /// When Python is missing, or its registry cannot be reached.
    pub fn prepare(root: &Path) -> Result<Self, String> {
        let work = root.join("target/python");
        let venv = work.join("tools").join(format!("{MYPY}-{MATURIN}").replace('=', ""));
        once(&venv, |folder| {
            perform(Command::new("python3").args(["-m", "venv"]).arg(folder))?;
            let mut install = Command::new(interpreter(folder));
            install.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", MYPY, MATURIN]);
            perform(&mut install).map(drop)
        })?;
        Ok(Self { root: root.to_owned(), work, python: interpreter(&venv) })
    }
}

pub fn run(root: &Path, arguments: &Arguments) -> Result<(), String> {
    let bench = Bench::prepare(root)?;
    let staged = stage::stage(&bench)?;
    let mut counts = (0, 0);
    let mut step = |name: &str, began: Instant, done: Result<(usize, usize, String), String>| {
        let seconds = began.elapsed().as_secs_f64();
        match done {
            Ok((passed, failed, said)) => {
                println!("python {name}: {said}, {seconds:.0} s");
                counts = (counts.0 + passed, counts.1 + failed);
            }
            Err(why) => {
                println!("python {name}: FAILED, {seconds:.0} s\n{why}");
                counts.1 += 1;
            }
        }
    };
    if arguments.only.is_none() {
        let began = Instant::now();
        step("types", began, types::check(&bench, &staged));
    }
    let began = Instant::now();
    step("tests", began, unit::run(&bench, &staged, arguments.only.as_deref()));
    if arguments.only.is_none() {
        let began = Instant::now();
        let folder = bench.work.join("dist");
        step(
            "wheel",
            began,
            wheel::build(&bench, &staged, &folder, arguments.release).map(|said| (1, 0, said)),
        );
    }
    let (passed, failed) = counts;
    println!("python: {passed} passed, {failed} failed");
    if failed == 0 { Ok(()) } else { Err(format!("python: {failed} failed")) }
}

/// An interpreter that can import the package as it stands, and the environment that it needs for that.
///
/// # Errors
/// Those of building and staging it.
pub fn staged(root: &Path) -> Result<(PathBuf, Vec<(String, PathBuf)>), String> {
    let bench = Bench::prepare(root)?;
    let staged = stage::stage(&bench)?;
    Ok((bench.python, vec![("PYTHONPATH".to_owned(), staged.folder)]))
}

/// Builds what is published for a target of the compiler into a folder; gives a line about it.
///
/// # Errors
/// Those of building it.
pub fn published(root: &Path, target: &str, to: &Path) -> Result<String, String> {
    let bench = Bench::prepare(root)?;
    let made = [wheel::make(&bench, to, true, Some(target))?, wheel::source(&bench, to)?];
    let size = |path: &PathBuf| path.metadata().map_or(0, |metadata| metadata.len()) as f64 / 1e6;
    let name = |path: &PathBuf| path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    Ok(made.iter().map(|path| format!("{} {:.1} MB", name(path), size(path))).collect::<Vec<_>>().join(", "))
}

/// The package as it is released, below a folder; for `PYTHONPATH`.
///
/// # Errors
/// Those of building it.
pub fn released(root: &Path, folder: &Path) -> Result<PathBuf, String> {
    let arguments = ["build", "--release", "--lib", "-p", "opencode-nexus-python"];
    let module = crate::cargo::library(root, &arguments, "_native")?;
    stage::put_together(root, &module, folder)?;
    Ok(folder.to_owned())
}

/// The interpreter of an environment.
pub fn interpreter(venv: &Path) -> PathBuf {
    if cfg!(windows) { venv.join("Scripts/python.exe") } else { venv.join("bin/python") }
}

/// Runs a command; gives what it printed, or all that it said when it failed.
fn perform(command: &mut Command) -> Result<String, String> {
    let name = command.get_program().to_string_lossy().into_owned();
    let words: Vec<String> = command.get_args().map(|word| word.to_string_lossy().into_owned()).collect();
    let output = command.output().map_err(|error| format!("cannot run {name}: {error}"))?;
    let printed = String::from_utf8_lossy(&output.stdout).into_owned();
    if output.status.success() {
        return Ok(printed);
    }
    let said = String::from_utf8_lossy(&output.stderr);
    Err(format!("{name} {}: {}\n{printed}{said}", words.join(" "), output.status))
}
