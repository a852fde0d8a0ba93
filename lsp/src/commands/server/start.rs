//! `nexus server start`: a server in the background, which outlives the command that started it.

use std::io::IsTerminal as _;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use opencode_nexus::server::{
    BinaryOrigin, DEFAULT_INSTANCE, FindOptions, Health, InstallOptions, InstanceRecord, Instances, ensure,
};
use opencode_nexus::{Error, ErrorKind, Result};
use serde_json::json;

use super::launch::{Launch, launch};
use crate::output;
use crate::settings::settings;
use opencode_nexus::nexus::folder;

/// Start a server in the background; one that runs already is used.
#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Start {
    /// Its name; several servers run side by side, each with a port of its own.
    #[arg(default_value = DEFAULT_INSTANCE)]
    name: String,
    /// The project's folder; otherwise the current one.
    #[arg(short = 'C', long, value_name = "FOLDER")]
    directory: Option<PathBuf>,
    /// Its home: `inherit` is yours, with your providers and sessions; `own` belongs to the name and is kept; `fresh` is
    /// empty and goes with the server; or a folder. Default: `inherit` for the server named `default`, `own` for others.
    #[arg(long, value_name = "own|inherit|fresh|FOLDER")]
    home: Option<String>,
    /// The port on 127.0.0.1; otherwise a free one.
    #[arg(long)]
    port: Option<u16>,
    /// The OpenCode binary; otherwise the one that other commands use.
    #[arg(long, value_name = "PATH")]
    binary: Option<PathBuf>,
    /// Refuse to run with any other version of OpenCode than this one.
    #[arg(long, value_name = "VERSION")]
    require_version: Option<String>,
    /// Megabytes of memory above which it counts as degraded.
    #[arg(long, value_name = "MB")]
    memory_limit: Option<u64>,
    /// Start it again when it is above its limit.
    #[arg(long, requires = "memory_limit")]
    restart_over_limit: bool,
    /// End it when no client was connected for so many minutes (Linux).
    #[arg(long, value_name = "MINUTES")]
    idle_timeout: Option<u64>,
    /// One JSON object: name, state, url, version, pid.
    #[arg(long)]
    pub(crate) json: bool,
}

const EXAMPLES: &str = "\
Examples:
  nexus server start                         the server `default`, with your own providers and sessions
  nexus server start review -C ~/project     another one beside it, with a home of its own
  nexus server start try --home fresh        one that leaves nothing behind
  nexus server start --memory-limit 2000 --restart-over-limit

Commands use the server `default` by themselves, others with --server NAME.";

/// A start has a bound of its own, which is shorter.
const START_BOUND: Duration = Duration::from_secs(90);
/// Another command that starts the same server may have to install one first.
const LOCK_BOUND: Duration = Duration::from_secs(15 * 60);

/// The server of this name if it runs; one that is being started, by a command that was ended meanwhile, is waited for.
async fn settled(instances: &Instances, name: &str) -> Result<Option<InstanceRecord>> {
    let settled = async {
        loop {
            match instances.running(name)? {
                Some(record) if record.health == Health::Starting || record.health.is_final() => {
                    tokio::time::sleep(Duration::from_millis(50)).await;
                }
                other => return Ok(other),
            }
        }
    };
    tokio::time::timeout(START_BOUND, settled).await.unwrap_or_else(|_| {
        Err(Error::new(
            ErrorKind::Timeout,
            format!("{name} is being started by another command and is not done"),
        )
        .with_hint(format!("end it: nexus server stop {name}")))
    })
}

impl Start {
    pub(crate) async fn run(self) -> Result<ExitCode> {
        let instances = Instances::open()?;
        let lock = tokio::time::timeout(LOCK_BOUND, instances.lock(&self.name)).await;
        let _lock = lock.map_err(|_| {
            Error::new(
                ErrorKind::Timeout,
                format!("another command starts or ends {} and is not done", self.name),
            )
            .with_hint("end that command, and try again")
        })??;
        let swept = instances.sweep().await?;
        if !swept.is_empty() {
            eprintln!("cleaned up behind a supervisor that was killed: {} processes", swept.processes.len());
        }
        if let Some(running) = settled(&instances, &self.name).await? {
            return Ok(self.told(&running, false));
        }
        if let Some(before) = instances.read(&self.name)? {
            // One that was given up.
            instances.discard(&before);
        }
        let launched = self.launch(&instances).await?;
        if std::io::stderr().is_terminal() && !self.json {
            eprintln!("Starting OpenCode…");
        }
        if let Some(notice) = launch(&launched).await? {
            eprintln!("{}", output::clean(&notice));
        }
        let record = instances.read(&self.name)?.ok_or_else(|| {
            Error::new(ErrorKind::LocalServer, format!("the server {} has ended again", self.name))
                .with_hint(format!("look at what it said: nexus server logs {}", self.name))
        })?;
        Ok(self.told(&record, true))
    }

    async fn launch(&self, instances: &Instances) -> Result<Launch> {
        let directory = folder(self.directory.as_deref())?;
        let settings = settings()?;
        let find = FindOptions {
            explicit: self.binary.clone().or_else(|| settings.server_binary.clone()),
            allow_path: true,
            chosen: true,
            ..FindOptions::default()
        };
        let install = InstallOptions { progress: output::install_progress(), ..InstallOptions::default() };
        let word = self.home.as_deref().unwrap_or(match self.name.as_str() {
            DEFAULT_INSTANCE => "inherit",
            _ => "own",
        });
        let home = match word {
            "inherit" => None,
            "fresh" => Some(PathBuf::new()),
            "own" => Some(instances.home(&self.name)),
            path => Some(std::path::absolute(path)?),
        };
        let found = ensure(&find, install).await?;
        let selected = found.version.filter(|_| found.origin == BinaryOrigin::Selected);
        Ok(Launch {
            name: self.name.clone(),
            binary: found.path,
            selected,
            directory,
            inherit_home: home.is_none(),
            home: home.filter(|path| !path.as_os_str().is_empty()),
            port: self.port,
            require_version: self.require_version.clone(),
            memory_limit: self.memory_limit.map(|megabytes| megabytes << 20),
            restart_over_limit: self.restart_over_limit,
            idle_timeout: self.idle_timeout.map(|minutes| minutes * 60),
        })
    }

    fn told(&self, record: &InstanceRecord, is_new: bool) -> ExitCode {
        if self.json {
            output::print_json(&json!({
                "name": record.name, "started": is_new, "state": record.health.word(), "url": record.url,
                "version": record.version, "pid": record.pid, "supervisor": record.supervisor.pid,
            }));
        } else {
            let word = if is_new { "runs now" } else { "runs already" };
            let InstanceRecord { name, url, version, .. } = record;
            output::print_line(&format!("{name} {word}: OpenCode {version} at {url}"));
        }
        if let Some(warning) = &record.warning {
            eprintln!("warning: {warning}");
        }
        ExitCode::SUCCESS
    }
}
