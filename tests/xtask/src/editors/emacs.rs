//! Emacs with eglot and no plugin: a chat in a file. The configuration that is played is `lsp/editors/emacs/init.el`, the
//! driver beside it.

use std::process::Command;
use std::time::Duration;

use super::desk::Desk;
use super::driver::{Counts, drive};
use super::install::program;
use super::neovim;

const BOUND: Duration = Duration::from_secs(5 * 60);
const PACKAGES: &str = "emacs-nox elpa-eglot";

pub fn run(desk: &Desk) -> Result<Counts, String> {
    let emacs = program(&["emacs"], PACKAGES)?;
    let mut asked = Command::new(&emacs);
    asked.args(["--batch", "--no-init-file", "--eval", "(progn (package-initialize) (require 'eglot))"]);
    if !asked.output().is_ok_and(|output| output.status.success()) {
        let install = format!("apt-get install -y --no-install-recommends {PACKAGES}");
        return Err(format!("Emacs has no eglot; install it with: {install}"));
    }
    // The terminal that Neovim is looked at through.
    let python = neovim::installed()?.python;
    let mut driver = desk.command(&python, &[]);
    driver
        .arg(desk.root.join("lsp/editors/emacs/driver.py"))
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .env("NEXUS_EMACS", emacs);
    drive("emacs", &mut driver, BOUND)
}
