//! The wheel and the source distribution: built by maturin, looked through for what does not belong into them, installed into an
//! empty environment without an index, and used there.

use std::path::{Path, PathBuf};
use std::process::Command;

use super::stage::Staged;
use super::{Bench, interpreter, perform};
use crate::cargo::{calls_cargo, cargo};

/// Builds both into a folder and tries the wheel; gives a line about it.
///
/// # Errors
/// When a step goes wrong, or the wheel names this machine.
pub fn build(bench: &Bench, staged: &Staged, folder: &Path, release: bool) -> Result<String, String> {
    if folder.exists() {
        std::fs::remove_dir_all(folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    }
    let (wheel, sdist) = (make(bench, folder, release, None)?, source(bench, folder)?);
    look_through(bench, &wheel)?;
    is_whole(&sdist)?;
    let installed = install(bench, &wheel)?;
    use_it(bench, staged, &installed)?;
    let size = |path: &Path| path.metadata().map(|metadata| metadata.len()).unwrap_or_default();
    let name = wheel.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let megabytes = |bytes: u64| bytes as f64 / 1e6;
    let (wheel, sdist) = (megabytes(size(&wheel)), megabytes(size(&sdist)));
    Ok(format!("{name} {wheel:.1} MB, source {sdist:.1} MB, installed without an index and used"))
}

/// Builds the wheel; one that is not for release holds the library that the tests were run with.
///
/// # Errors
/// Those of maturin.
pub fn make(bench: &Bench, folder: &Path, release: bool, target: Option<&str>) -> Result<PathBuf, String> {
    let mut maturin = calls_cargo(&bench.python);
    maturin.args(["-m", "maturin", "build", "--quiet", "--strip", "--interpreter"]).arg(&bench.python);
    maturin.arg("--out").arg(folder).args(["--profile", if release { "release" } else { "dev" }]);
    match target {
        // For others: the wheel says which systems can load it, and maturin looks whether that is so.
        Some(target) => {
            maturin.args(["--target", target]);
            if target.ends_with("linux-musl") {
                maturin.args(["--compatibility", "musllinux_1_2"]);
            } else if target.ends_with("linux-gnu") {
                maturin.args(["--compatibility", "pypi"]);
            }
        }
        None => {
            maturin.args(["--compatibility", "linux"]);
        }
    }
    if !release && cfg!(unix) {
        maturin.env("NEXUS_CARGO", std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
        maturin.env("CARGO", bench.root.join("tests/xtask/src/python/as_tested"));
    }
    maturin.current_dir(bench.root.join("python"));
    perform(&mut maturin)?;
    let wheel = only(folder, ".whl")?;
    let mut clean = Command::new(&bench.python);
    clean.args(["-c", include_str!("clean.py")]).arg(&wheel).args(paths(bench));
    perform(&mut clean)?;
    Ok(wheel)
}

/// The folders of this machine that have no place in what others install.
fn paths(bench: &Bench) -> Vec<PathBuf> {
    let home = std::env::var_os("HOME").map(PathBuf::from).filter(|home| home.components().count() > 1);
    let cargo = std::env::var_os("CARGO_HOME").map(PathBuf::from);
    let cargo = cargo.or_else(|| home.as_ref().map(|home| home.join(".cargo")));
    [Some(bench.root.clone()), cargo, home].into_iter().flatten().collect()
}

/// Builds the source distribution.
///
/// # Errors
/// Those of maturin.
pub fn source(bench: &Bench, folder: &Path) -> Result<PathBuf, String> {
    let mut maturin = calls_cargo(&bench.python);
    maturin.args(["-m", "maturin", "sdist", "--out"]).arg(folder);
    perform(maturin.current_dir(bench.root.join("python")))?;
    let sdist = only(folder, ".tar.gz")?;
    let mut whole = Command::new(&bench.python);
    whole.args(["-c", include_str!("whole.py")]).arg(&sdist).arg(&bench.root);
    perform(&mut whole)?;
    Ok(sdist)
}

fn only(folder: &Path, ending: &str) -> Result<PathBuf, String> {
    let entries = std::fs::read_dir(folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    let found = entries.flatten().map(|entry| entry.path());
    let mut found = found.filter(|path| path.to_string_lossy().ends_with(ending));
    found.next().ok_or_else(|| format!("nothing in {} ends with {ending}", folder.display()))
}

/// No path of this machine is in it, and everything is that users need.
fn look_through(bench: &Bench, wheel: &Path) -> Result<(), String> {
    let code = "import sys, zipfile\n\
                names = zipfile.ZipFile(sys.argv[1])\n\
                found = [f'{n} names {w}' for n in names.namelist() for w in sys.argv[2:] if w.encode() in names.read(n)]\n\
                listed = ' '.join(names.namelist())\n\
                missing = [n for n in ('py.typed', '_native.pyi', '_native.abi3', 'api/v1.py', 'LICENSE') if n not in listed]\n\
                print('\\n'.join(found + [f'{n} is missing' for n in missing]))";
    let mut look = Command::new(&bench.python);
    look.args(["-c", code]).arg(wheel).args(paths(bench));
    let said = perform(&mut look)?;
    if said.trim().is_empty() { Ok(()) } else { Err(format!("{}: {said}", wheel.display())) }
}

/// Everything is in the source distribution that its crates name; building it would take as long as the wheel.
fn is_whole(sdist: &Path) -> Result<(), String> {
    let folder = tempfile::tempdir().map_err(|error| error.to_string())?;
    perform(
        Command::new("tar").arg("xzf").arg(sdist).args(["--strip-components", "1", "-C"]).arg(folder.path()),
    )?;
    // What a crate reads from beside itself.
    let beside = "plugins/wit/v0.1/worlds.wit";
    if !folder.path().join(beside).is_file() {
        return Err(format!("{}: {beside} is missing", sdist.display()));
    }
    let mut read = cargo();
    read.args(["metadata", "--format-version", "1", "--offline"]);
    perform(read.current_dir(folder.path())).map(drop)
}

/// A fresh environment with nothing but the wheel.
fn install(bench: &Bench, wheel: &Path) -> Result<PathBuf, String> {
    let venv = bench.work.join("fresh");
    perform(Command::new(&bench.python).args(["-m", "venv", "--clear"]).arg(&venv))?;
    let python = interpreter(&venv);
    let mut install = Command::new(&python);
    install.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-index"]).arg(wheel);
    perform(&mut install)?;
    Ok(python)
}

/// The example that everybody begins with.
fn use_it(bench: &Bench, staged: &Staged, python: &Path) -> Result<(), String> {
    let example = bench.root.join("examples/python/quickstart.py");
    let mut check = Command::new(python);
    check.arg("-I").arg(bench.root.join("python/tests/installed.py")).arg(&staged.server).arg(example);
    let said = perform(&mut check)?;
    if said.contains("Echo: ") {
        Ok(())
    } else {
        Err(format!("the quickstart has said something else:\n{said}"))
    }
}
