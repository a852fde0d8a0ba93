//! `nexus server status`: which background servers run, and how they are.

use std::process::ExitCode;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use opencode_nexus::Result;
use opencode_nexus::server::{
    AdoptOptions, CrashReport, Health, InstanceRecord, Instances, adopt, crash_reports, usage,
};
use serde_json::{Value, json};

use crate::output;

/// How the background servers are.
#[derive(clap::Args)]
#[command(
    after_help = "Examples:\n  nexus server status\n  nexus server status review --json\n\nThe exit code is 0 when \
what was asked for runs and answers, 3 otherwise."
)]
pub(crate) struct Status {
    /// Only this one.
    name: Option<String>,
    /// One JSON object: {"servers": [{"name", "state", "reason", "version", "url", "pid", "memory", "cpu", "uptime",
    /// "restarts", "last_crash", …}]}; memory in bytes, cpu in percent of one processor, uptime in seconds.
    #[arg(long)]
    pub(crate) json: bool,
}

/// Processor time is measured for this long.
const MEASURED: Duration = Duration::from_millis(250);
/// A server that answers does so in milliseconds.
const ANSWER: Duration = Duration::from_secs(3);

struct Seen {
    record: InstanceRecord,
    health: Health,
    memory: Option<u64>,
    cpu: Option<f32>,
    last_crash: Option<CrashReport>,
}

impl Status {
    pub(crate) async fn run(self) -> Result<ExitCode> {
        let instances = Instances::open()?;
        let records = match &self.name {
            Some(name) => instances.read(name)?.into_iter().collect(),
            None => instances.all()?,
        };
        let crashes = crash_reports(&instances.crashes());
        let seen = records.into_iter().map(|record| {
            let last = crashes.iter().find(|crash| crash.name == record.name).cloned();
            look(record, last)
        });
        let seen: Vec<Seen> = futures_util::future::join_all(seen).await;
        if self.json {
            output::print_json(&json!({"servers": seen.iter().map(described).collect::<Vec<Value>>()}));
        } else if seen.is_empty() {
            output::print_line(match &self.name {
                Some(_) => "no background server of that name runs; start it: nexus server start NAME",
                None => "no background server runs; start one: nexus server start",
            });
        } else {
            seen.iter().for_each(show);
        }
        let well =
            seen.iter().all(|seen| seen.health.is_usable()) && (self.name.is_none() || !seen.is_empty());
        Ok(if well { ExitCode::SUCCESS } else { ExitCode::from(3) })
    }
}

/// Looks at the server itself: what its supervisor has written last may be some seconds old.
async fn look(record: InstanceRecord, last_crash: Option<CrashReport>) -> Seen {
    if record.health.is_final() || !record.is_supervised() {
        let health = match &record.health {
            health if health.is_final() => health.clone(),
            Health::Incompatible { .. } => record.health.clone(),
            _ => Health::Unreachable {
                reason: "its supervisor was killed; `nexus server stop` cleans up".into(),
            },
        };
        return Seen { record, health, memory: None, cpu: None, last_crash };
    }
    let measured = async { usage(record.pid?, MEASURED).await };
    let (usage, answered) = tokio::join!(measured, answered(&record));
    let health =
        if record.health.is_usable() && !answered.is_usable() { answered } else { record.health.clone() };
    let (memory, cpu) = (usage.map(|u| u.memory), usage.map(|u| u.cpu));
    Seen { record, health, memory, cpu, last_crash }
}

async fn answered(record: &InstanceRecord) -> Health {
    let mut options = AdoptOptions::new(&record.url);
    options.credentials = Some(record.credentials());
    options.policy.misses = 1;
    match adopt(options) {
        Ok(adopted) => match adopted.settled(ANSWER).await {
            Health::Starting => {
                Health::Unreachable { reason: format!("no answer within {} s", ANSWER.as_secs()) }
            }
            health => health,
        },
        Err(error) => Health::Unreachable { reason: error.message().to_owned() },
    }
}

fn uptime(record: &InstanceRecord) -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    now.as_secs().saturating_sub(record.started / 1000)
}

fn for_people(seconds: u64) -> String {
    match seconds {
        0..60 => format!("{seconds} s"),
        60..3600 => format!("{} min", seconds / 60),
        3600..86_400 => format!("{} h {} min", seconds / 3600, seconds / 60 % 60),
        _ => format!("{} d {} h", seconds / 86_400, seconds / 3600 % 24),
    }
}

fn described(seen: &Seen) -> Value {
    let Seen { record, health, memory, cpu, last_crash } = seen;
    json!({
        "name": record.name,
        "state": health.word(),
        "reason": health.reason(),
        "version": record.version,
        "warning": record.warning.as_ref().map(ToString::to_string),
        "url": record.url,
        "pid": record.pid,
        "supervisor": record.supervisor.pid,
        "memory": memory,
        "cpu": cpu,
        "uptime": uptime(record),
        "restarts": record.restarts,
        "last_crash": last_crash.as_ref().map(|crash| json!({
            "time": crash.time, "reason": crash.reason, "uptime": crash.uptime,
            "exit_code": crash.exit_code, "signal": crash.signal,
        })),
        "directory": record.directory,
        "home": record.home,
        "log_file": record.log_file,
    })
}

fn show(seen: &Seen) {
    let Seen { record, health, memory, cpu, last_crash } = seen;
    output::print_line(&format!("{}: {health}", record.name));
    output::print_line(&format!(
        "  OpenCode {} at {} in {}",
        record.version,
        record.url,
        record.directory.display()
    ));
    let process = |pid: u32| {
        let memory = memory.map_or_else(String::new, |bytes| format!(", {} MB", bytes >> 20));
        let cpu = cpu.map_or_else(String::new, |percent| format!(", {percent:.0} % of a processor"));
        format!("process {pid}{memory}{cpu}, ")
    };
    let process = record.pid.map_or_else(String::new, process);
    let uptime = for_people(uptime(record));
    output::print_line(&format!("  {process}started {uptime} ago, started again {} times", record.restarts));
    if let Some(crash) = last_crash {
        output::print_line(&format!("  last crash: {}", crash.reason));
    }
    if let Some(warning) = &record.warning {
        output::print_line(&format!("  {warning}"));
    }
}
