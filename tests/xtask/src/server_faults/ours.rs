//! Faults of ourselves: what becomes of a server whose owner is killed.

use std::time::{Duration, Instant};

use super::background::{guardians, signal_all, start, stop};
use super::context::until;
use super::processes::{lives, signal};
use super::{Case, Context, Outcome};

pub const CASES: &[Case] = &[
    Case { name: "we are killed with SIGKILL", run: killed },
    Case { name: "we and the guardian are killed with SIGKILL, and started again", run: all_killed },
    Case {
        name: "we and the guardian are killed with SIGKILL, and told to stop",
        run: all_killed_and_stopped,
    },
    Case { name: "the command that starts a server is killed in the middle", run: starter_killed },
];

/// The promise of the guardian.
const GONE_WITHIN: Duration = Duration::from_secs(5);

type Result<T> = std::result::Result<T, String>;

fn killed(context: &Context) -> Result<Outcome> {
    let before = start(context, &["--home", "fresh"])?;
    let begun = Instant::now();
    signal(before.supervisor(), "KILL")?;
    until(|| (!lives(before.pid())).then_some(())).ok_or("the server lives on")?;
    let took = begun.elapsed();
    if took > GONE_WITHIN {
        return Err(format!("the server lived for {} s more", took.as_secs_f32()));
    }
    let after = start(context, &[])?;
    if after.pid() == before.pid() || after.state() != "ready" {
        return Err(after.0.to_string());
    }
    stop(context)?;
    Ok(Outcome::Recovered)
}

/// Kills the supervisor and the guardian; the server is nobody's then, and must live.
fn orphan(context: &Context) -> Result<u32> {
    let before = start(context, &["--home", "fresh"])?;
    // Stopped first: it would notice that its guardian is gone, and act.
    signal(before.supervisor(), "STOP")?;
    signal_all(&guardians(context), "KILL")?;
    signal(before.supervisor(), "KILL")?;
    until(|| (!lives(before.supervisor())).then_some(())).ok_or("the supervisor lives on")?;
    if !lives(before.pid()) {
        return Err("the server is gone, so there is nothing to clean".to_owned());
    }
    Ok(before.pid())
}

fn all_killed(context: &Context) -> Result<Outcome> {
    let orphan = orphan(context)?;
    let after = start(context, &[])?;
    if lives(orphan) || after.state() != "ready" {
        return Err(format!("the orphan {orphan} lives: {}; {}", lives(orphan), after.0));
    }
    stop(context)?;
    Ok(Outcome::Recovered)
}

fn all_killed_and_stopped(context: &Context) -> Result<Outcome> {
    let orphan = orphan(context)?;
    context.json(&["server", "stop", "--all", "--json"])?;
    if lives(orphan) { Err(format!("the orphan {orphan} lives")) } else { Ok(Outcome::Recovered) }
}

fn starter_killed(context: &Context) -> Result<Outcome> {
    let mut starter = context.nexus(&["server", "start"]).spawn().map_err(|error| error.to_string())?;
    // Its supervisor has begun, and the server does not answer yet.
    until(|| (!guardians(context).is_empty()).then_some(())).ok_or("nothing was started")?;
    starter.kill().and_then(|()| starter.wait()).map_err(|error| error.to_string())?;
    let after = start(context, &[])?;
    let guardians = guardians(context).len();
    if after.state() != "ready" || guardians > 2 {
        return Err(format!("{guardians} processes of guardians: {}", after.0));
    }
    stop(context)?;
    Ok(Outcome::Recovered)
}
