//! What to do about a server that is watched, decided without doing any of it: time and facts come in, actions go out.
//!
//! The same decisions serve servers of ours, which are started again, and adopted ones, which are only looked at. Time is
//! given by the caller twice: monotonic time, by which everything is counted, and the clock on the wall, which tells by
//! its jumps that the machine slept. A question that was open while we slept proves nothing, whatever its answer was.

use std::collections::VecDeque;
use std::time::Duration;

use super::health::{Health, Verdict, VersionWarning, judge};
use super::load::Usage;
use super::policy::WatchPolicy;

/// A moment: both times since a point of the caller's choice.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(in crate::server) struct Now {
    pub monotonic: Duration,
    pub wall: Duration,
}

/// The answer to one question.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::server) enum Probed {
    Healthy {
        version: String,
    },
    /// Nothing came, or nothing complete.
    Silent(String),
    /// It is not for us: another password, another program.
    Foreign(String),
}

/// What has happened.
#[derive(Clone, Debug)]
pub(in crate::server) enum Input {
    /// The start that was asked for is done.
    Started {
        version: String,
    },
    StartFailed(String),
    /// The process has ended.
    Exited(String),
    /// The answer to the question of that number.
    Probed(u64, Probed),
    Measured(Usage),
    /// The end that was asked for is reached.
    Ended,
    /// The time of [`Machine::wake`] has come.
    Woke,
    /// Somebody wants it to end.
    Stop,
}

/// What is to be done.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::server) enum Action {
    Start,
    /// Ask whether it is well; the answer comes with this number.
    Probe(u64),
    /// End it: politely, or at once because it does not listen.
    End {
        politely: bool,
    },
    /// It crashed: keep a report.
    Report(String),
    Warn(VersionWarning),
}

/// Differences between the two clocks that are not a sleep: corrections of the clock, a busy machine.
const CLOCK_SLACK: Duration = Duration::from_secs(1);

enum State {
    Starting,
    Running(Running),
    /// It is being ended, and this comes then.
    Ending(Then),
    /// A pause before the next start.
    Waiting {
        until: Duration,
    },
    Over,
}

struct Running {
    since: Duration,
    next: Duration,
    asked: Option<(u64, Now)>,
    misses: u32,
    over_limit: Option<String>,
    version: Option<String>,
}

enum Then {
    Restart(String),
    GiveUp(Health),
    Stop,
}

pub(in crate::server) struct Machine {
    policy: WatchPolicy,
    ours: bool,
    state: State,
    health: Health,
    crashes: VecDeque<Duration>,
    /// Starts since the last time that it ran for long.
    attempts: u32,
    restarts: u32,
    was_ready: bool,
    questions: u64,
}

impl Machine {
    /// For a server of ours. The caller has to start it right away.
    pub(in crate::server) fn starting(policy: WatchPolicy) -> Self {
        Self::new(policy, true, State::Starting)
    }

    /// For a server that is not ours.
    pub(in crate::server) fn adopting(policy: WatchPolicy, now: Now) -> Self {
        Self::new(policy, false, State::Running(Running::new(now.monotonic, now.monotonic, None)))
    }

    fn new(policy: WatchPolicy, ours: bool, state: State) -> Self {
        Self {
            policy,
            ours,
            state,
            health: Health::Starting,
            crashes: VecDeque::new(),
            attempts: 0,
            restarts: 0,
            was_ready: false,
            questions: 0,
        }
    }

    pub(in crate::server) fn health(&self) -> &Health {
        &self.health
    }

    pub(in crate::server) fn restarts(&self) -> u32 {
        self.restarts
    }

    /// Whether nothing more will happen.
    pub(in crate::server) fn is_over(&self) -> bool {
        matches!(self.state, State::Over)
    }

    /// When to come back with [`Input::Woke`], if nothing else comes before; in monotonic time.
    pub(in crate::server) fn wake(&self) -> Option<Duration> {
        match &self.state {
            State::Running(running) if running.asked.is_none() => Some(running.next),
            State::Waiting { until } => Some(*until),
            _ => None,
        }
    }

    pub(in crate::server) fn on(&mut self, now: Now, input: Input) -> Vec<Action> {
        match (&mut self.state, input) {
            (State::Starting, Input::Started { version }) => self.started(now, version),
            (State::Starting, Input::StartFailed(reason)) if !self.was_ready => {
                // Somebody waits for the first start and wants to know now; trying it again would only keep them.
                self.finish(Health::Failed { reason })
            }
            (State::Starting, Input::StartFailed(reason)) => {
                let mut actions = vec![Action::Report(reason.clone())];
                actions.extend(self.crashed(now, reason));
                actions
            }
            (State::Starting | State::Running(_), Input::Stop) if self.ours => self.end(true, Then::Stop),
            (State::Ending(then), Input::Stop) => {
                *then = Then::Stop;
                Vec::new()
            }
            (State::Running(_) | State::Waiting { .. }, Input::Stop) => self.finish(Health::Stopped),
            (State::Running(running), Input::Exited(reason)) if self.ours => {
                if now.monotonic.saturating_sub(running.since) >= self.policy.window {
                    self.attempts = 0;
                }
                let mut actions = vec![Action::Report(reason.clone())];
                actions.extend(self.crashed(now, reason));
                actions
            }
            (State::Running(running), Input::Woke) if running.asked.is_none() => {
                if now.monotonic < running.next {
                    return Vec::new();
                }
                self.questions += 1;
                running.asked = Some((self.questions, now));
                vec![Action::Probe(self.questions)]
            }
            (State::Running(_), Input::Probed(number, probed)) => self.probed(now, number, probed),
            (State::Running(_), Input::Measured(usage)) => self.measured(usage),
            (State::Ending(_), Input::Ended) => self.ended(now),
            (State::Waiting { until }, Input::Woke) if now.monotonic >= *until => {
                self.state = State::Starting;
                self.health = Health::Starting;
                self.restarts += 1;
                vec![Action::Start]
            }
            // Late news of what is not asked any more.
            _ => Vec::new(),
        }
    }

    fn started(&mut self, now: Now, version: String) -> Vec<Action> {
        let verdict = judge(&version, self.policy.version.as_deref());
        if let Verdict::Incompatible(wanted) = verdict {
            self.health = Health::Incompatible { found: version, wanted };
            return self.end(true, Then::GiveUp(self.health.clone()));
        }
        let next = now.monotonic + self.policy.probe_interval;
        self.state = State::Running(Running::new(now.monotonic, next, Some(version)));
        self.health = Health::Ready;
        let first = !std::mem::replace(&mut self.was_ready, true);
        match verdict {
            Verdict::Warning(warning) if first => vec![Action::Warn(warning)],
            _ => Vec::new(),
        }
    }

    fn probed(&mut self, now: Now, number: u64, probed: Probed) -> Vec<Action> {
        let State::Running(running) = &mut self.state else { return Vec::new() };
        let Some((_, asked)) = running.asked.take_if(|(asked, _)| *asked == number) else {
            return Vec::new();
        };
        running.next = now.monotonic + self.policy.probe_interval;
        let reason = match probed {
            Probed::Healthy { version } => return self.answered(version),
            Probed::Foreign(found) if !self.ours => {
                running.misses = 0;
                self.health = Health::Incompatible { found, wanted: "an OpenCode server".to_owned() };
                return Vec::new();
            }
            Probed::Foreign(reason) | Probed::Silent(reason) => reason,
        };
        if slept(asked, now, self.policy.probe_bound) {
            running.next = now.monotonic;
            return Vec::new();
        }
        running.misses += 1;
        if running.misses < self.policy.misses {
            if self.health.is_usable() {
                self.health = Health::Degraded { reason };
            }
            return Vec::new();
        }
        self.health = Health::Unreachable { reason: reason.clone() };
        if !self.ours {
            return Vec::new();
        }
        let reason = format!("it did not answer {} times in a row: {reason}", running.misses);
        let mut actions = vec![Action::Report(reason.clone())];
        actions.extend(self.end(false, Then::Restart(reason)));
        actions
    }

    fn answered(&mut self, version: String) -> Vec<Action> {
        let State::Running(running) = &mut self.state else { return Vec::new() };
        running.misses = 0;
        let verdict = judge(&version, self.policy.version.as_deref());
        let is_new = running.version.as_ref() != Some(&version);
        running.version = Some(version.clone());
        self.health = match (&verdict, &running.over_limit) {
            (Verdict::Incompatible(wanted), _) => {
                Health::Incompatible { found: version, wanted: wanted.clone() }
            }
            (_, Some(reason)) => Health::Degraded { reason: reason.clone() },
            (_, None) => Health::Ready,
        };
        match verdict {
            Verdict::Warning(warning) if is_new => vec![Action::Warn(warning)],
            _ => Vec::new(),
        }
    }

    fn measured(&mut self, usage: Usage) -> Vec<Action> {
        let State::Running(running) = &mut self.state else { return Vec::new() };
        let memory = self.policy.memory_limit.filter(|limit| usage.memory > *limit);
        let cpu = self.policy.cpu_limit.filter(|limit| usage.cpu > *limit);
        let over = match (memory, cpu) {
            (Some(limit), _) => {
                Some(format!("it takes {} MB of memory, its limit is {} MB", usage.memory >> 20, limit >> 20))
            }
            (None, Some(limit)) => {
                Some(format!("it takes {:.0} % of a processor, its limit is {limit:.0} %", usage.cpu))
            }
            (None, None) => None,
        };
        let was_over = std::mem::replace(&mut running.over_limit, over.clone()).is_some();
        match over {
            Some(reason) => {
                if self.health.is_usable() {
                    self.health = Health::Degraded { reason: reason.clone() };
                }
                if self.policy.restart_over_limit && self.ours {
                    let mut actions = vec![Action::Report(reason.clone())];
                    actions.extend(self.end(true, Then::Restart(reason)));
                    return actions;
                }
            }
            None if was_over && running.misses == 0 && self.health.is_usable() => self.health = Health::Ready,
            None => {}
        }
        Vec::new()
    }

    fn end(&mut self, politely: bool, then: Then) -> Vec<Action> {
        self.state = State::Ending(then);
        vec![Action::End { politely }]
    }

    fn ended(&mut self, now: Now) -> Vec<Action> {
        match std::mem::replace(&mut self.state, State::Over) {
            State::Ending(Then::Restart(reason)) => self.crashed(now, reason),
            State::Ending(Then::GiveUp(health)) => self.finish(health),
            _ => self.finish(Health::Stopped),
        }
    }

    fn crashed(&mut self, now: Now, reason: String) -> Vec<Action> {
        let window = self.policy.window;
        self.crashes.push_back(now.monotonic);
        self.crashes.retain(|crash| now.monotonic.saturating_sub(*crash) < window);
        let count = self.crashes.len();
        if count >= self.policy.crashes {
            let reason = format!("{count} crashes within {} s; the last one: {reason}", window.as_secs());
            return self.finish(Health::Failed { reason });
        }
        let pause = self.policy.backoff.saturating_mul(1 << self.attempts.min(16));
        self.attempts += 1;
        self.state = State::Waiting { until: now.monotonic + pause.min(self.policy.backoff_cap) };
        self.health = Health::Unreachable { reason };
        Vec::new()
    }

    fn finish(&mut self, health: Health) -> Vec<Action> {
        self.state = State::Over;
        self.health = health;
        Vec::new()
    }
}

impl Running {
    fn new(since: Duration, next: Duration, version: Option<String>) -> Self {
        Self { since, next, asked: None, misses: 0, over_limit: None, version }
    }
}

/// Whether the machine, or we alone, did not run for a part of the time between the question and its answer: it took
/// longer than the bound that we ourselves keep, or the clock on the wall went on without us, or was set.
fn slept(asked: Now, now: Now, bound: Duration) -> bool {
    let monotonic = now.monotonic.saturating_sub(asked.monotonic);
    let wall = if now.wall >= asked.wall { now.wall - asked.wall } else { Duration::MAX };
    monotonic > bound + CLOCK_SLACK || wall.abs_diff(monotonic) > CLOCK_SLACK
}

#[cfg(test)]
#[path = "machine_tests.rs"]
mod tests;
