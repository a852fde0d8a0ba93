//! The processes that are killed, stopped and bounded: this program again, as a worker.

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use crate::cargo::this_program;

/// A worker that lives. It is killed when it is dropped.
pub struct Worker {
    child: Child,
    lines: BufReader<ChildStdout>,
    input: Option<ChildStdin>,
}

/// This program as a worker: a mode, a vault's folder, and what the mode wants to know.
pub fn command(mode: &str, folder: &Path, more: &[&str]) -> Result<Command, String> {
    let mut command = Command::new(this_program()?);
    command.args(["vault-worker", mode]).arg(folder).args(more);
    Ok(command)
}

impl Worker {
    /// Starts it.
    pub fn start(mode: &str, folder: &Path, more: &[&str]) -> Result<Self, String> {
        Self::of(command(mode, folder, more)?)
    }

    /// Starts a command that behaves as one.
    pub fn of(mut command: Command) -> Result<Self, String> {
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().map_err(|error| format!("cannot start a worker: {error}"))?;
        let input = child.stdin.take();
        let lines = BufReader::new(child.stdout.take().ok_or("a worker without output")?);
        Ok(Self { child, lines, input })
    }

    /// Its process.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// The next line; `None` when there are no more.
    pub fn line(&mut self) -> Result<Option<String>, String> {
        let mut line = String::new();
        let read = self.lines.read_line(&mut line).map_err(|error| error.to_string())?;
        Ok((read > 0 && line.ends_with('\n')).then(|| line.trim_end().to_owned()))
    }

    /// Waits for this line; another one is an error, because it says what is wrong.
    pub fn expect(&mut self, expected: &str) -> Result<(), String> {
        match self.line()? {
            Some(line) if line == expected => Ok(()),
            Some(line) => Err(format!("the worker said {line:?}, not {expected:?}")),
            None => Err(format!("the worker ended before {expected:?}")),
        }
    }

    /// Tells it something.
    pub fn say(&mut self, line: &str) -> Result<(), String> {
        let input = self.input.as_mut().ok_or("the worker hears nothing")?;
        writeln!(input, "{line}").map_err(|error| format!("the worker does not hear: {error}"))
    }

    /// Kills it, and gives what it had still said.
    pub fn kill(mut self) -> Result<Vec<String>, String> {
        self.child.kill().and_then(|()| self.child.wait()).map_err(|error| error.to_string())?;
        self.rest()
    }

    /// Everything that it says until its end.
    pub fn rest(&mut self) -> Result<Vec<String>, String> {
        let mut all = Vec::new();
        while let Some(line) = self.line()? {
            all.push(line);
        }
        Ok(all)
    }

    /// Everything that it says until its end, and whether that was a good one.
    pub fn finish(mut self) -> Result<(Vec<String>, bool), String> {
        self.input = None;
        let all = self.rest()?;
        let status = self.child.wait().map_err(|error| error.to_string())?;
        Ok((all, status.success()))
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        // It may have ended already; then there is nothing to do.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
