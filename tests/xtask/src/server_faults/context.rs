//! Where one case lives: folders of its own, an executable and a server, and an environment without anything else.

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

/// The variable that everything inherits which a case starts.
pub const MARK: &str = "NEXUS_FAULT_CASE";
/// No command and no wait of a case takes longer.
pub const BOUND: Duration = Duration::from_secs(45);

/// What a case works with. Its folders are removed when it is dropped.
pub struct Context {
    /// Everything of the case lies below: `home`, `state`, `cache`, `tmp` and `project`.
    pub root: PathBuf,
    /// The executable `nexus`.
    pub nexus: PathBuf,
    /// The binary of a real server, of the pinned version.
    pub server: PathBuf,
    /// The value of [`MARK`] in the environment of what the case starts.
    pub mark: String,
    _folder: tempfile::TempDir,
}

impl Context {
    pub(super) fn new(number: usize, nexus: &Path, server: &Path) -> Result<Self, String> {
        let folder = tempfile::Builder::new().prefix("nexus-fault-").tempdir().map_err(|e| e.to_string())?;
        let root = folder.path().canonicalize().map_err(|e| e.to_string())?;
        for name in ["home", "state", "cache", "tmp", "project"] {
            std::fs::create_dir(root.join(name)).map_err(|e| e.to_string())?;
        }
        let mark = format!("{}-{number}", std::process::id());
        Ok(Self { root, nexus: nexus.to_owned(), server: server.to_owned(), mark, _folder: folder })
    }

    /// The environment of what a case starts: nothing of ours but `PATH`.
    pub fn environment(&self) -> Vec<(String, String)> {
        let below = |name: &str| self.root.join(name).display().to_string();
        let mut all = vec![
            ("PATH".to_owned(), std::env::var("PATH").unwrap_or_default()),
            ("NEXUS_OPENCODE_BIN".to_owned(), self.server.display().to_string()),
            (MARK.to_owned(), self.mark.clone()),
        ];
        for (key, name) in
            [("HOME", "home"), ("XDG_STATE_HOME", "state"), ("XDG_CACHE_HOME", "cache"), ("TMPDIR", "tmp")]
        {
            all.push((key.to_owned(), below(name)));
        }
        all
    }

    /// A call of `nexus` in the project's folder with that environment; its output can be collected.
    pub fn nexus(&self, arguments: &[&str]) -> Command {
        self.command(&self.nexus, arguments)
    }

    /// A call of any program like that.
    pub fn command(&self, program: &Path, arguments: &[&str]) -> Command {
        let mut command = Command::new(program);
        command.args(arguments).current_dir(self.root.join("project")).env_clear().envs(self.environment());
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    /// Runs `nexus` to its end, bounded.
    pub fn run(&self, arguments: &[&str]) -> Result<Output, String> {
        self.finish(self.nexus(arguments))
    }

    /// Runs a command to its end, bounded. Its output must be short enough for a pipe.
    pub fn finish(&self, mut command: Command) -> Result<Output, String> {
        let mut child = command.spawn().map_err(|error| format!("cannot run {command:?}: {error}"))?;
        let ended = until(|| child.try_wait().map_or(Some(()), |status| status.map(drop)));
        if ended.is_none() {
            child.kill().ok();
            child.wait().ok();
            return Err(format!("it did not end within {} s: {command:?}", BOUND.as_secs()));
        }
        child.wait_with_output().map_err(|error| error.to_string())
    }

    /// Runs `nexus`, which must succeed, and gives the JSON object that it prints.
    pub fn json(&self, arguments: &[&str]) -> Result<serde_json::Value, String> {
        let output = self.run(arguments)?;
        if !output.status.success() {
            return Err(format!("nexus {} failed: {}", arguments.join(" "), said(&output)));
        }
        serde_json::from_slice(&output.stdout).map_err(|error| {
            format!("nexus {} printed no JSON ({error}): {}", arguments.join(" "), said(&output))
        })
    }
}

/// Everything that a command said, on one line.
pub fn said(output: &Output) -> String {
    let text = [&output.stdout[..], &output.stderr[..]].concat();
    String::from_utf8_lossy(&text).split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Asks again and again until there is an answer; `None` after [`BOUND`].
pub fn until<T>(mut answer: impl FnMut() -> Option<T>) -> Option<T> {
    let started = Instant::now();
    loop {
        if let Some(found) = answer() {
            return Some(found);
        }
        if started.elapsed() > BOUND {
            return None;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
}
