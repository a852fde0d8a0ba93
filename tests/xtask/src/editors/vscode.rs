//! VS Code: code-server in Chromium, driven by Playwright. The driver is `lsp/editors/vscode/test/driver/main.ts`.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use super::desk::Desk;
use super::driver::{Counts, drive};
use super::install::{once, perform, place, program};

/// VS Code 1.139.1 as a server for browsers.
const CODE_SERVER: &str = "4.139.1";
/// What code-server needs. It also runs the extension's build, its tests and the driver, which are TypeScript.
const NODE: &str = "24.21.0";
/// All stories together, on a loaded machine.
const BOUND: Duration = Duration::from_secs(15 * 60);

pub fn run(desk: &Desk) -> Result<Counts, String> {
    let chromium = program(&["chromium", "chromium-browser", "google-chrome"], "chromium fonts-dejavu-core")?;
    program(&["npm"], "nodejs npm")?;
    let installed = installed()?;
    let extension = desk.root.join("lsp/editors/vscode");
    let mut counts = Counts::default();
    let package = packaged(&extension, &installed.node)?;
    let tested = perform(installed.npm(&extension).args(["test"]));
    if let Err(why) = &tested {
        println!("vscode unit tests … FAILED\n{why}");
    }
    counts += Counts { played: 1, failed: usize::from(tested.is_err()) };
    let mut driver = desk.command(&installed.node.join("node"), &[&installed.node]);
    driver
        .arg(extension.join("test/driver/main.ts"))
        .current_dir(&extension)
        .env("NEXUS_CHROMIUM", chromium)
        .env("NEXUS_CODE_SERVER", installed.code_server)
        .env("NEXUS_VSIX", package);
    counts += drive("vscode", &mut driver, BOUND)?;
    Ok(counts)
}

/// What was installed.
struct Installed {
    /// The folder with `node`.
    node: PathBuf,
    /// The script that starts code-server.
    code_server: PathBuf,
}

impl Installed {
    fn npm(&self, folder: &Path) -> Command {
        npm(&self.node, folder)
    }
}

/// npm with the pinned Node before any other.
fn npm(node: &Path, folder: &Path) -> Command {
    let others = std::env::var_os("PATH").unwrap_or_default();
    let mut paths = vec![node.to_owned()];
    paths.extend(std::env::split_paths(&others));
    let mut command = Command::new("npm");
    command.current_dir(folder);
    if let Ok(path) = std::env::join_paths(paths) {
        command.env("PATH", path);
    }
    command
}

const QUIET: [&str; 3] = ["--no-audit", "--no-fund", "--ignore-scripts"];

fn installed() -> Result<Installed, String> {
    let folder = place(&format!("code-server-{CODE_SERVER}-node-{NODE}"))?;
    let architecture = if cfg!(target_arch = "aarch64") { "arm64" } else { "x64" };
    let name = format!("node-linux-{architecture}");
    let node = folder.join("node/node_modules").join(&name).join("bin");
    once(&folder, |folder| {
        let tools = folder.join("node");
        std::fs::create_dir_all(&tools).map_err(|error| error.to_string())?;
        perform(
            Command::new("npm")
                .current_dir(&tools)
                .arg("install")
                .args(QUIET)
                .args(["--no-save", "--prefix"])
                .arg(&tools)
                .arg(format!("{name}@{NODE}")),
        )?;
        let wanted = format!("code-server@{CODE_SERVER}");
        perform(npm(&node, folder).arg("install").args(QUIET).arg("--prefix").arg(folder).arg(wanted))?;
        // Its scripts would compile these; without scripts they are fetched here.
        let inner = folder.join("node_modules/code-server/lib/vscode");
        perform(npm(&node, &inner).arg("install").args(QUIET).arg("--omit=dev"))
    })?;
    Ok(Installed { node, code_server: folder.join("node_modules/code-server/out/node/entry.js") })
}

/// The extension as a package, built as it is published. Needs the registry only for the tools of the build.
fn packaged(extension: &Path, node: &Path) -> Result<PathBuf, String> {
    perform(npm(node, extension).args(["ci", "--prefer-offline"]).args(QUIET))?;
    perform(npm(node, extension).args(["run", "package"]))?;
    Ok(extension.join("nexus.vsix"))
}
