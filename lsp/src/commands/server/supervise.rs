//! `nexus server supervise`: the process behind a background server. Nobody calls it by hand; `start` does.

use std::io::{Read as _, Write as _};
use std::process::ExitCode;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use opencode_nexus::server::{
    BinaryOrigin, FoundBinary, Health, Home, InstanceRecord, Instances, ProcessIdentity, ServerOptions,
    Supervisor, SupervisorOptions, Versions, Watched,
};
use opencode_nexus::transport::Secret;
use opencode_nexus::{Error, ErrorKind, Result};

use super::idle::Idle;
use super::launch::{Launch, Told};
use opencode_nexus::nexus::gone_back;

/// Runs a server in the background (called by `start`).
#[derive(clap::Args)]
pub(crate) struct Supervise {
    /// For people who look at the list of processes; what counts is read from standard input.
    name: String,
}

impl Supervise {
    pub(crate) async fn run(self) -> Result<ExitCode> {
        let mut order = String::new();
        std::io::stdin().lock().read_to_string(&mut order)?;
        let launch: Launch = serde_json::from_str(&order).map_err(|error| {
            Error::new(ErrorKind::InvalidInput, format!("{} is not told what to run: {error}", self.name))
                .with_hint("use nexus server start")
        })?;
        let instances = Instances::open()?;
        match begin(&launch, &instances).await {
            Ok((supervisor, record, notice)) => {
                tell(&Told { notice, error: None });
                watch(supervisor, record, &instances, &launch).await
            }
            Err(error) => {
                tell(&Told { error: Some((&error).into()), notice: None });
                Err(error)
            }
        }
    }
}

/// Nobody may be there any more to hear it.
fn tell(told: &Told) {
    let line = serde_json::to_string(told).unwrap_or_default();
    let mut out = std::io::stdout().lock();
    let _ = writeln!(out, "{line}").and_then(|()| out.flush());
}

async fn begin(
    launch: &Launch,
    instances: &Instances,
) -> Result<(Supervisor, InstanceRecord, Option<String>)> {
    let password = Secret::random();
    let mut server = ServerOptions::new(&launch.binary, &launch.directory);
    server.home = match (&launch.home, launch.inherit_home) {
        (Some(path), _) => Home::At(path.clone()),
        (None, true) => Home::Inherit,
        (None, false) => Home::Fresh,
    };
    server.port = launch.port;
    server.password = Some(password.expose().to_owned());
    server.print_logs = true;
    server.log_file = Some(instances.log_file(&launch.name));
    let mut record = announced(launch, instances, &password);
    // From now on nobody else starts a server of this name, whatever becomes of who started us.
    instances.write(&record)?;
    let begun = supervised(server, launch, instances).await;
    let written = begun.and_then(|(supervisor, notice)| {
        record.home = supervisor.home().map(Into::into);
        update(&mut record, &supervisor.state().borrow());
        instances.write(&record)?;
        Ok((supervisor, notice))
    });
    match written {
        Ok((supervisor, notice)) => Ok((supervisor, record, notice)),
        Err(error) => {
            instances.remove(&record.name);
            Err(error)
        }
    }
}

/// The server, and what the person should know of its start.
async fn supervised(
    server: ServerOptions,
    launch: &Launch,
    instances: &Instances,
) -> Result<(Supervisor, Option<String>)> {
    let mut options = SupervisorOptions::new(server);
    options.name.clone_from(&launch.name);
    options.crashes = Some(instances.crashes());
    options.policy.version.clone_from(&launch.require_version);
    options.policy.memory_limit = launch.memory_limit;
    options.policy.restart_over_limit = launch.restart_over_limit;
    let origin = match &launch.selected {
        Some(_) => BinaryOrigin::Selected,
        None => BinaryOrigin::Explicit,
    };
    let found = FoundBinary { path: launch.binary.clone(), origin, version: launch.selected.clone() };
    let (supervisor, back) = Supervisor::start_found(&found, options, &Versions::open()?).await?;
    let notice = back.as_ref().map(gone_back);
    if let Some(notice) = &notice {
        tracing::warn!("{notice}");
    }
    Ok((supervisor, notice))
}

/// The record of a server that does not answer yet.
fn announced(launch: &Launch, instances: &Instances, password: &Secret) -> InstanceRecord {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    InstanceRecord {
        name: launch.name.clone(),
        supervisor: ProcessIdentity::current(),
        health: Health::Starting,
        pid: None,
        group: None,
        url: String::new(),
        password: password.clone(),
        version: String::new(),
        warning: None,
        home: launch.home.clone(),
        fresh_home: launch.home.is_none() && !launch.inherit_home,
        directory: launch.directory.clone(),
        log_file: instances.log_file(&launch.name),
        started: u64::try_from(since.as_millis()).unwrap_or_default(),
        restarts: 0,
    }
}

fn update(record: &mut InstanceRecord, watched: &Watched) {
    record.health = watched.health.clone();
    (record.pid, record.group) = (watched.pid, watched.group);
    record.url.clone_from(&watched.url);
    record.version = watched.version.clone().unwrap_or_default();
    record.warning.clone_from(&watched.warning);
    record.restarts = watched.restarts;
}

/// Writes the record if it is not as it should be, also because somebody has removed or damaged it. False when it is that
/// of another supervisor, which lives.
fn keep(record: &InstanceRecord, instances: &Instances) -> bool {
    let there = instances.read(&record.name).unwrap_or_default();
    if let Some(other) = there.as_ref().filter(|other| other.supervisor != record.supervisor)
        && other.is_supervised()
    {
        return false;
    }
    if there.as_ref() != Some(record)
        && let Err(error) = instances.write(record)
    {
        tracing::warn!(%error, "the record of the server cannot be written");
    }
    true
}

/// Keeps the record true until somebody wants the server to end, it is given up, or nobody uses it.
async fn watch(
    supervisor: Supervisor,
    mut record: InstanceRecord,
    instances: &Instances,
    launch: &Launch,
) -> Result<ExitCode> {
    let mut state = supervisor.state();
    let mut idle = launch.idle_timeout.map(|seconds| Idle::new(&record.url, Duration::from_secs(seconds)));
    let interrupted = crate::interrupted();
    tokio::pin!(interrupted);
    loop {
        tokio::select! {
            changed = state.changed() => {
                let watched = state.borrow_and_update().clone();
                update(&mut record, &watched);
                // It changes every few seconds, because what it takes of the machine does.
                if !keep(&record, instances) {
                    tracing::warn!("another supervisor has taken the name; this server ends");
                    supervisor.stop().await?;
                    return Ok(ExitCode::FAILURE);
                }
                if watched.health.is_final() || changed.is_err() {
                    break;
                }
            }
            () = &mut interrupted => break,
            () = async { match &mut idle { Some(idle) => idle.over().await, None => std::future::pending().await } } => {
                tracing::info!("nobody has used the server for a while; it ends");
                break;
            }
        }
    }
    let gave_up = matches!(record.health, Health::Failed { .. } | Health::Incompatible { .. });
    supervisor.stop().await?;
    if gave_up {
        // The record stays and says why, until the server is started or stopped.
        (record.pid, record.group) = (None, None);
        instances.write(&record)?;
        tracing::error!("the server was given up: {}", record.health);
        return Ok(ExitCode::FAILURE);
    }
    instances.discard(&record);
    Ok(ExitCode::SUCCESS)
}
