//! Faults of a server that runs: it is killed, hangs, floods, grows, or leaves others behind.

use std::time::Duration;

use super::background::{becomes, guardians, program, signal_all, start, status, stop};
use super::context::until;
use super::processes::{lives, signal};
use super::{Case, Context, Outcome};

pub const CASES: &[Case] = &[
    Case { name: "the server is killed with SIGKILL", run: killed },
    Case { name: "the server is stopped with SIGSTOP", run: stopped },
    Case { name: "the server does not start any more after a crash", run: does_not_start_again },
    Case { name: "the guardian of the server is killed", run: guardian_killed },
    Case { name: "the machine is suspended: the supervisor sleeps through its questions", run: suspended },
    Case { name: "the server floods its output", run: floods },
    Case { name: "the server leaves a process in a session of its own", run: leaves_a_grandchild },
    Case { name: "the server takes more memory than it may", run: over_its_limit },
    Case { name: "the record of the server is damaged while it runs", run: record_damaged },
];

type Result<T> = std::result::Result<T, String>;

fn path(path: &std::path::Path) -> &str {
    path.to_str().unwrap_or_default()
}

fn ensure(is_so: bool, otherwise: impl FnOnce() -> String) -> Result<()> {
    if is_so { Ok(()) } else { Err(otherwise()) }
}

/// It is ready again, another process at the same address.
fn comes_back(context: &Context, before: &super::background::Status) -> Result<()> {
    let after = becomes(context, "ready again", |now| {
        now.state() == "ready" && now.pid() != 0 && now.pid() != before.pid()
    })?;
    ensure(after.url() == before.url(), || format!("clients lost it: {} → {}", before.url(), after.url()))?;
    ensure(after.restarts() == 1, || format!("it was started again {} times", after.restarts()))?;
    ensure(!lives(before.pid()), || "the one before still lives".to_owned())?;
    stop(context)
}

fn killed(context: &Context) -> Result<Outcome> {
    let before = start(context, &[])?;
    signal(before.pid(), "KILL")?;
    let crash = becomes(context, "known to have crashed", |now| now.0["last_crash"]["signal"] == 9)?;
    ensure(crash.0["last_crash"]["reason"] == "it was ended by signal 9", || crash.0.to_string())?;
    comes_back(context, &before)?;
    Ok(Outcome::Recovered)
}

fn stopped(context: &Context) -> Result<Outcome> {
    let before = start(context, &[])?;
    signal(before.pid(), "STOP")?;
    comes_back(context, &before)?;
    Ok(Outcome::Recovered)
}

fn does_not_start_again(context: &Context) -> Result<Outcome> {
    let program =
        program(context, "[ -e broken ] && { echo cannot go on >&2; exit 7; }\nexec \"$server\" \"$@\"")?;
    let before = start(context, &["--binary", path(&program)])?;
    std::fs::write(context.root.join("project/broken"), "").map_err(|error| error.to_string())?;
    signal(before.pid(), "KILL")?;
    let after = becomes(context, "given up", |now| now.state() == "failed")?;
    ensure(after.reason().contains("5 crashes within 60 s"), || after.0.to_string())?;
    ensure(until(|| (!lives(after.supervisor())).then_some(())).is_some(), || {
        "its supervisor stays".to_owned()
    })?;
    let reports = std::fs::read_dir(context.root.join("state/opencode-nexus/crashes"));
    let texts: Vec<String> = (reports.map_err(|error| error.to_string())?.flatten())
        .filter_map(|entry| std::fs::read_to_string(entry.path()).ok())
        .collect();
    ensure(texts.len() == 5 && texts.iter().any(|text| text.contains("cannot go on")), || {
        format!("the reports do not tell the last words: {texts:?}")
    })?;
    // Mended, it can be started again.
    std::fs::remove_file(context.root.join("project/broken")).map_err(|error| error.to_string())?;
    start(context, &["--binary", path(&program)])?;
    stop(context)?;
    Ok(Outcome::Refused(after.reason().to_owned()))
}

fn guardian_killed(context: &Context) -> Result<Outcome> {
    let before = start(context, &[])?;
    signal_all(&guardians(context), "KILL")?;
    comes_back(context, &before)?;
    Ok(Outcome::Recovered)
}

fn suspended(context: &Context) -> Result<Outcome> {
    let before = start(context, &[])?;
    // Twice, so that a question is surely open in one of them: all of it sleeps, longer than every bound.
    for _ in 0..2 {
        let all = [before.supervisor(), before.pid()];
        signal_all(&all, "STOP")?;
        std::thread::sleep(Duration::from_secs(7));
        // The supervisor wakes first: what it asks is answered late.
        signal_all(&all, "CONT")?;
        std::thread::sleep(Duration::from_secs(3));
    }
    let after = becomes(context, "ready", |now| now.state() == "ready")?;
    ensure(after.pid() == before.pid() && after.restarts() == 0, || after.0.to_string())?;
    stop(context)?;
    Ok(Outcome::Recovered)
}

fn floods(context: &Context) -> Result<Outcome> {
    // 20 MB, more than twice of what is kept.
    let script = "yes 'a line that nobody wants to read, again and again and again' | head -n 320000 &\n\
                  exec \"$server\" \"$@\"";
    start(context, &["--binary", path(&program(context, script)?)])?;
    let log = context.root.join("state/opencode-nexus/instances/default.log");
    let length = |path: &std::path::Path| std::fs::metadata(path).map_or(0, |meta| meta.len());
    let aside = log.with_extension("log.1");
    ensure(until(|| (length(&aside) > 0).then_some(())).is_some(), || {
        "the log was not set aside".to_owned()
    })?;
    let now = becomes(context, "ready", |now| now.state() == "ready")?;
    let kept = length(&log) + length(&aside);
    ensure(kept < 9 << 20, || format!("{kept} bytes of log are kept"))?;
    ensure(now.restarts() == 0, || now.0.to_string())?;
    stop(context)?;
    Ok(Outcome::Recovered)
}

fn leaves_a_grandchild(context: &Context) -> Result<Outcome> {
    let script = "setsid sh -c 'trap \"\" TERM HUP INT; echo $$ > grandchild; while :; do sleep 1; done' &\n\
                  exec \"$server\" \"$@\"";
    start(context, &["--binary", path(&program(context, script)?)])?;
    let file = context.root.join("project/grandchild");
    let grandchild = until(|| std::fs::read_to_string(&file).ok()?.trim().parse().ok());
    let grandchild = grandchild.ok_or("it did not start")?;
    ensure(lives(grandchild), || "it does not live".to_owned())?;
    stop(context)?;
    ensure(!lives(grandchild), || "it still lives".to_owned())?;
    Ok(Outcome::Recovered)
}

fn over_its_limit(context: &Context) -> Result<Outcome> {
    start(context, &["--memory-limit", "20"])?;
    let now = becomes(context, "degraded", |now| now.state() == "degraded")?;
    ensure(now.reason().contains("MB of memory, its limit is 20 MB"), || now.0.to_string())?;
    ensure(now.restarts() == 0, || "nobody asked for a new start".to_owned())?;
    stop(context)?;
    start(context, &["--memory-limit", "20", "--restart-over-limit"])?;
    becomes(context, "started again", |now| now.restarts() > 0)?;
    stop(context)?;
    Ok(Outcome::Recovered)
}

fn record_damaged(context: &Context) -> Result<Outcome> {
    let before = start(context, &[])?;
    let record = context.root.join("state/opencode-nexus/instances/default.json");
    std::fs::write(&record, "{\"name\":").map_err(|error| error.to_string())?;
    let after = becomes(context, "known again", |now| now.state() == "ready")?;
    ensure(after.pid() == before.pid(), || after.0.to_string())?;
    ensure(status(context)?.url() == before.url(), || "its address is lost".to_owned())?;
    stop(context)?;
    Ok(Outcome::Recovered)
}
