//! OpenCode itself: its binary, and the servers that run.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use opencode_nexus::Client;
use opencode_nexus::server::{
    BINARY_VARIABLE, BinaryOrigin, DiscoverOptions, FindOptions, InstanceRecord, Instances, PINNED, Swept,
    discover, find,
};

use super::Check;
use crate::connect::ServerArguments;
use crate::settings::settings;

/// The first start of a binary may unpack things.
const BOUND: Duration = Duration::from_secs(20);
const INSTALL: &str = "nexus server install";

pub(super) async fn checks(server: &ServerArguments) -> Vec<Check> {
    let mut checks = vec![binary().await];
    checks.extend(service_file());
    checks.push(left_over().await);
    checks.extend(background());
    checks.push(service().await);
    if let Some(url) = &server.url {
        checks.push(named(url).await);
    }
    checks
}

async fn binary() -> Check {
    // As `connect` looks; a configuration that is wrong is another check.
    let explicit = settings().ok().and_then(|settings| settings.server_binary.clone());
    let options = FindOptions { explicit, allow_path: true, chosen: true, ..FindOptions::default() };
    let found = match find(&options) {
        Ok(Some(found)) => found,
        Ok(None) => {
            let what = format!("not found: neither {PINNED} in the cache nor an opencode on PATH");
            return Check::warn("opencode", what, INSTALL);
        }
        Err(error) => return Check::failed("opencode", &error),
    };
    let origin = match found.origin {
        BinaryOrigin::Environment => BINARY_VARIABLE,
        BinaryOrigin::Explicit => "server.binary",
        BinaryOrigin::Cache | BinaryOrigin::Selected | BinaryOrigin::Pinned => "installed by us",
        _ => "on PATH",
    };
    match version(&found.path).await {
        Ok(version) => Check::ok("opencode", format!("{version}, {} ({origin})", found.path.display())),
        Err(why) => Check::fail(
            "opencode",
            format!("{} {why}", found.path.display()),
            format!("install it anew: {INSTALL}"),
        ),
    }
}

async fn version(binary: &Path) -> Result<String, String> {
    let mut command = tokio::process::Command::new(binary);
    command.arg("--version").stdin(Stdio::null()).kill_on_drop(true);
    match tokio::time::timeout(BOUND, command.output()).await {
        Ok(Ok(output)) if output.status.success() => {
            Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
        }
        Ok(Ok(output)) => Err(format!("ends with {}", output.status)),
        Ok(Err(error)) => Err(format!("cannot be run: {error}")),
        Err(_) => Err(format!("does not say its version within {} s", BOUND.as_secs())),
    }
}

/// The file that a background server of OpenCode 2 leaves holds its password: others must not read it.
fn service_file() -> Option<Check> {
    let state = std::env::var_os("XDG_STATE_HOME").map(PathBuf::from).filter(|path| path.is_absolute());
    let state =
        state.or_else(|| std::env::var_os("HOME").map(|home| PathBuf::from(home).join(".local/state")))?;
    let file = state.join(DiscoverOptions::default().folder).join("service.json");
    #[cfg_attr(not(unix), allow(unused_variables))] // only Unix says in it who may read
    let meta = std::fs::symlink_metadata(&file).ok()?;
    #[cfg(unix)]
    {
        use std::os::unix::fs::MetadataExt as _;
        let own = std::fs::metadata(std::env::var_os("HOME")?).map(|home| home.uid()).ok();
        if meta.file_type().is_symlink() || own.is_some_and(|uid| uid != meta.uid()) {
            return Some(Check::fail(
                "service file",
                format!("{} is not a file of yours", file.display()),
                format!("look at it, and remove it: rm '{}'", file.display()),
            ));
        }
        if meta.mode() & 0o077 != 0 {
            return Some(Check::fail(
                "service file",
                format!("{} holds a password and others may read it", file.display()),
                format!(
                    "chmod 600 '{}', and start the service again: it makes a new password",
                    file.display()
                ),
            ));
        }
    }
    Some(Check::ok("service file", file.display().to_string()))
}

/// Ends what servers have left whose owner was killed: nobody can want it, and it takes memory and ports.
async fn left_over() -> Check {
    let swept = match Instances::open() {
        Ok(instances) => instances.sweep().await,
        Err(error) => return Check::failed("left-overs", &error),
    };
    match swept {
        Ok(swept) if swept.is_empty() => Check::ok("left-overs", "none of servers whose owner was killed"),
        Ok(swept) => Check::warn("left-overs", ended(&swept), "nothing is left to do: they are cleaned up"),
        Err(error) => Check::failed("left-overs", &error),
    }
}

/// What was cleaned up, by its numbers and names: a person may know them from a list of processes.
fn ended(swept: &Swept) -> String {
    let named = |what: &str, names: Vec<String>| match names.is_empty() {
        true => None,
        false => Some(format!("{what} {}", names.join(", "))),
    };
    let told = [
        named("ended the processes", swept.processes.iter().map(u32::to_string).collect()),
        named("removed the homes", swept.homes.iter().map(|home| home.display().to_string()).collect()),
        named("removed the records of", swept.instances.clone()),
    ];
    let told: Vec<String> = told.into_iter().flatten().collect();
    format!("servers were left whose owner was killed; {}", told.join("; "))
}

/// The background servers of ours, one by one.
fn background() -> Vec<Check> {
    let all = match Instances::open().and_then(|instances| instances.all()) {
        Ok(all) => all,
        Err(error) => return vec![Check::failed("background", &error)],
    };
    if all.is_empty() {
        let what = "no server of ours runs in the background; commands start one of their own";
        return vec![Check::ok("background", what)];
    }
    let one = |record: &InstanceRecord| {
        let what = format!("{} is {}, at {}", record.name, record.health.word(), record.url);
        match record.health.is_usable() {
            true => Check::ok("background", what),
            false => Check::warn("background", what, format!("nexus server logs {}", record.name)),
        }
    };
    all.iter().map(one).collect()
}

/// The background service of OpenCode 2.
async fn service() -> Check {
    match discover(&DiscoverOptions::default()).await {
        Ok(Some(running)) => Check::ok(
            "service",
            format!("OpenCode {} at {} (process {})", running.version, running.address, running.pid),
        ),
        Ok(None) => Check::ok("service", "the background service of OpenCode 2 does not run"),
        Err(error) => Check::failed("service", &error),
    }
}

/// The server that `--url` or NEXUS_URL names.
async fn named(url: &str) -> Check {
    match tokio::time::timeout(BOUND, Client::connect(url)).await {
        Ok(Ok(client)) => {
            let server = client.server();
            Check::ok("server", format!("OpenCode {} at {}", server.version, client.address()))
        }
        Ok(Err(error)) => Check::failed("server", &error),
        Err(_) => Check::fail(
            "server",
            format!("does not answer within {} s", BOUND.as_secs()),
            "start it again, or leave --url and NEXUS_URL out",
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_cleaned_up_is_told_by_its_numbers_and_names() {
        let mut swept = Swept::default();
        swept.processes = vec![7, 8];
        swept.instances = vec!["review".to_owned()];
        let told = "servers were left whose owner was killed; ended the processes 7, 8; removed the records of review";
        assert_eq!(ended(&swept), told);
    }
}
