//! One background server of a case, by what `nexus server` says about it.

use std::path::PathBuf;
use std::process::Output;

use serde_json::Value;

use super::Context;
use super::context::{BOUND, said, until};
use super::processes::{marked, shown, signal};

/// What `nexus server status --json` says of the only server.
pub struct Status(pub Value);

impl Status {
    pub fn state(&self) -> &str {
        self.0["state"].as_str().unwrap_or_default()
    }

    pub fn reason(&self) -> &str {
        self.0["reason"].as_str().unwrap_or_default()
    }

    pub fn url(&self) -> &str {
        self.0["url"].as_str().unwrap_or_default()
    }

    pub fn pid(&self) -> u32 {
        self.number("pid")
    }

    pub fn supervisor(&self) -> u32 {
        self.number("supervisor")
    }

    pub fn restarts(&self) -> u32 {
        self.number("restarts")
    }

    fn number(&self, name: &str) -> u32 {
        self.0[name].as_u64().and_then(|number| number.try_into().ok()).unwrap_or_default()
    }
}

/// Starts the server `default`, which must work, and says how it is.
pub fn start(context: &Context, arguments: &[&str]) -> Result<Status, String> {
    context.json(&[&["server", "start", "--json"], arguments].concat())?;
    status(context)
}

/// Starts it, which must fail with a message that holds this and a hint; gives the message.
pub fn refused(context: &Context, arguments: &[&str], expected: &str) -> Result<String, String> {
    clearly(&context.run(&[&["server", "start"], arguments].concat())?, expected)
}

/// That a command has failed and said why and what to do.
pub fn clearly(output: &Output, expected: &str) -> Result<String, String> {
    let text = said(output);
    let is_clear = text.contains(expected) && text.contains("; ") && text.contains('[');
    if output.status.success() || output.status.code().is_none() || !is_clear {
        return Err(format!("{} and not a clear word about {expected:?}: {text}", output.status));
    }
    Ok(text.chars().take(200).collect())
}

/// How it is now.
pub fn status(context: &Context) -> Result<Status, String> {
    // Its exit code says whether all is well, which it need not be here.
    let output = context.run(&["server", "status", "--json"])?;
    let mut all: Value =
        serde_json::from_slice(&output.stdout).map_err(|error| format!("{error}: {}", said(&output)))?;
    match all["servers"].as_array_mut().and_then(Vec::pop) {
        Some(server) => Ok(Status(server)),
        None => Err("no server is known".to_owned()),
    }
}

/// Waits until it is as it should be.
pub fn becomes(context: &Context, what: &str, is_so: impl Fn(&Status) -> bool) -> Result<Status, String> {
    let mut last = String::new();
    let found = until(|| {
        let now = status(context).ok()?;
        last = now.0.to_string();
        is_so(&now).then_some(now)
    });
    found.ok_or_else(|| format!("it did not become {what} within {} s, but is {last}", BOUND.as_secs()))
}

/// Ends it, which must work.
pub fn stop(context: &Context) -> Result<(), String> {
    context.json(&["server", "stop", "--json"]).map(drop)
}

/// The processes of the guardian: the shell, and the part of it that waits for our end.
pub fn guardians(context: &Context) -> Vec<u32> {
    let is_guardian = |pid: &u32| shown_in_full(*pid).contains("nexus-guard");
    marked(&context.mark).into_iter().filter(is_guardian).collect()
}

fn shown_in_full(pid: u32) -> String {
    String::from_utf8_lossy(&std::fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default()).into_owned()
}

/// Sends a signal to all of them.
pub fn signal_all(pids: &[u32], name: &str) -> Result<(), String> {
    if pids.is_empty() {
        return Err(format!("there is nobody to send {name} to"));
    }
    pids.iter().try_for_each(|pid| signal(*pid, name).map_err(|error| format!("{error} ({})", shown(*pid))))
}

/// A program in the place of the server: a shell script, in which `$server` is the real one.
pub fn program(context: &Context, script: &str) -> Result<PathBuf, String> {
    let path = context.root.join("program");
    let text = format!("#!/bin/sh\nserver={}\n{script}\n", context.server.display());
    std::fs::write(&path, text).map_err(|error| error.to_string())?;
    executable(&path)?;
    Ok(path)
}

/// Makes a file one that can be run.
pub fn executable(path: &std::path::Path) -> Result<(), String> {
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        let mode = std::fs::Permissions::from_mode(0o755);
        std::fs::set_permissions(path, mode).map_err(|error| error.to_string())?;
    }
    Ok(())
}
