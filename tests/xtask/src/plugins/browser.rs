//! The page of the first-party plugin `status-page` in a real Chromium, beside a real server with a scripted model, with those
//! who have no business there. The driver is `plugins/status-page/tests/page.mjs`.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use crate::editors::desk::Desk;
use crate::editors::driver::drive;
use crate::editors::install::{once, perform, place, program};

use super::Bench;

/// Drives Chromium. The same as the tests of the extension for VS Code.
const PLAYWRIGHT: &str = "1.65.1";

/// All stories together, on a loaded machine.
const BOUND: Duration = Duration::from_secs(10 * 60);

/// Plays the stories with the plugin that was built before; gives a line that says how many.
pub fn run(bench: &Bench) -> Result<String, String> {
    let plugin = bench.root.join("target/plugins/status-page.plugin");
    let chromium = program(&["chromium", "chromium-browser", "google-chrome"], "chromium fonts-dejavu-core")?;
    let node = program(&["node"], "nodejs npm")?;
    let playwright = playwright()?;
    let runtime = super::runtime()?;
    let desk = runtime.block_on(Desk::set(&bench.root, "status-page", &bench.nexus, None))?;
    let played = installed(&desk, &bench.nexus, &plugin).and_then(|()| {
        let mut driver = desk.command(&node, &[]);
        driver
            .arg(bench.root.join("plugins/status-page/tests/page.mjs"))
            .env("NEXUS_CHROMIUM", chromium)
            .env("NEXUS_PLAYWRIGHT", playwright);
        drive("status-page", &mut driver, BOUND)
    });
    runtime.block_on(desk.clear())?;
    let counts = played?;
    match counts.failed {
        0 if counts.played > 0 => Ok(format!("{} stories in Chromium, 0 failed", counts.played)),
        failed => Err(format!("{failed} of {} stories in Chromium", counts.played)),
    }
}

/// The plugin in the home of the desk, with everything that it asks for.
pub(super) fn installed(desk: &Desk, nexus: &Path, plugin: &Path) -> Result<(), String> {
    perform(desk.command(nexus, &[]).args(["plugin", "add", "--grant", "all"]).arg(plugin))
}

fn playwright() -> Result<PathBuf, String> {
    program(&["npm"], "nodejs npm")?;
    let folder = place(&format!("playwright-core-{PLAYWRIGHT}"))?;
    once(&folder, |folder| {
        let wanted = format!("playwright-core@{PLAYWRIGHT}");
        let quiet = ["--no-audit", "--no-fund", "--ignore-scripts", "--prefix"];
        perform(Command::new("npm").current_dir(folder).arg("install").args(quiet).arg(folder).arg(wanted))
    })?;
    // `createRequire` begins beside a file of this name, which npm writes.
    Ok(folder)
}
