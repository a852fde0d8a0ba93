//! The tests of the package in Node's test runner, and its types as strict programs of others see them.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use opencode_nexus_testkit::scripted::Behaviour;
use opencode_nexus_testkit::server::{SECOND, TestServer, TestServerOptions, opencode_binary};

use super::Counts;
use super::build::{Package, npm};
use crate::editors::install::perform;

/// The version of OpenCode that servers are started with.
const FIRST: &str = opencode_nexus::server::PINNED;

/// What the tests live in: settings and data of nobody, so that nothing of the person is touched, and servers that are installed.
pub struct World {
    home: tempfile::TempDir,
    opencode: PathBuf,
}

impl World {
    /// Installs the servers that are missing.
    pub fn new(_: &Path) -> Result<Self, String> {
        let home = tempfile::tempdir().map_err(|error| error.to_string())?;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(|error| error.to_string())?;
        let binary = |version| runtime.block_on(opencode_binary(version)).map_err(|error| error.to_string());
        let opencode = binary(FIRST)?;
        binary(SECOND)?;
        Ok(Self { home, opencode })
    }

    /// Gives a program that world.
    pub fn surround<'a>(&self, command: &'a mut Command, server: &Path) -> &'a mut Command {
        command
            .env("XDG_CONFIG_HOME", self.home.path().join("config"))
            .env("XDG_DATA_HOME", self.home.path().join("data"))
            .env("XDG_STATE_HOME", self.home.path().join("state"))
            .env("NEXUS_TEST_SERVER", server)
            .env("NEXUS_TEST_OPENCODE", &self.opencode)
            .env("NEXUS_TEST_SECOND", SECOND)
            .env_remove("OPENCODE_PASSWORD")
            .env_remove("OPENCODE_SERVER_PASSWORD")
            .env_remove("OPENCODE_NEXUS_NATIVE")
            .stdin(Stdio::null())
    }
}

impl World {
    /// Runs a program that asks a real server something and prints the answer, which the scripted model knows.
    pub fn answered(&self, program: &mut Command) -> Result<(), String> {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
        let runtime = runtime.map_err(|error| error.to_string())?;
        let behaviour = Behaviour::from_json(
            r#"{"conversations": [{"match": "", "turns": [[{"text": "It is a library."}]]}]}"#,
        );
        let options = TestServerOptions::with(behaviour.map_err(|error| error.to_string())?);
        let server = runtime.block_on(TestServer::start(options)).map_err(|error| error.to_string())?;
        self.surround(program, Path::new("")).env("NEXUS_URL", &server.url);
        let output =
            program.output().map_err(|error| format!("{}: {error}", program.get_program().to_string_lossy()));
        runtime.block_on(server.server.stop()).map_err(|error| error.to_string())?;
        let output = output?;
        let (said, complained) =
            (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        match output.status.success() && said.contains("It is a library.") {
            true => Ok(()),
            false => Err(format!("{program:?}: {}\n{said}{complained}", output.status)),
        }
    }
}

/// Compiles programs that use the package, under the strictest settings, as modules of both kinds.
pub fn types(package: &Package) -> Result<String, String> {
    perform(npm(&package.folder).args(["run", "check"]))?;
    Ok("strict programs of both kinds of modules compile, and wrong ones do not".to_owned())
}

/// Runs the tests; only those whose name holds `only`, where that is given.
pub fn tests(package: &Package, world: &World, only: Option<&str>) -> Result<Counts, String> {
    let folder = package.folder.join("test");
    let entries = std::fs::read_dir(&folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    let mut files: Vec<PathBuf> = entries.filter_map(|entry| Some(entry.ok()?.path())).collect();
    files.retain(|file| file.file_name().is_some_and(|name| name.to_string_lossy().contains(".test.")));
    files.sort();
    let results = world.home.path().join("results.tap");
    let mut node = Command::new("node");
    node.args([
        "--test",
        "--test-concurrency=2",
        "--test-reporter=spec",
        "--test-reporter-destination=stdout",
    ]);
    node.arg("--test-reporter=tap").arg(format!("--test-reporter-destination={}", results.display()));
    if let Some(only) = only {
        node.arg(format!("--test-name-pattern={only}"));
    }
    node.args(files).current_dir(&package.folder);
    let status =
        world.surround(&mut node, &package.server).status().map_err(|error| format!("node: {error}"))?;
    let said = std::fs::read_to_string(&results).unwrap_or_default();
    let mut counts = counted(&said, only.is_some());
    if !status.success() && counts.failed == 0 {
        counts.failed = 1;
    }
    Ok(counts)
}

/// Sums what the runner says at its end: `# pass 3`. What was skipped, cancelled or is to be done has not shown anything.
/// Where only some were wanted, the runner calls the others skipped.
fn counted(said: &str, is_chosen: bool) -> Counts {
    let number = |word: &str| {
        let lines = said.lines().rev();
        let found = lines
            .filter_map(|line| line.strip_prefix("# ")?.strip_prefix(word)?.trim().parse::<usize>().ok());
        found.into_iter().next().unwrap_or_default()
    };
    let skipped = if is_chosen { 0 } else { number("skipped ") };
    let failed = number("fail ") + number("cancelled ") + number("todo ") + skipped;
    Counts { passed: number("pass "), failed }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_skipped_counts_as_failed() {
        let said = "ok 1 - x\n# pass 9 is no result\n1..5\n# tests 5\n# suites 0\n# pass 2\n# fail 1\n# cancelled 1\n# skipped 1\n# todo 0\n";
        assert_eq!(counted(said, false), Counts { passed: 2, failed: 3 });
        assert_eq!(counted(said, true), Counts { passed: 2, failed: 2 });
        assert_eq!(counted("", false), Counts::default());
    }
}
