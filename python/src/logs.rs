//! What the core says about itself, on its way to the `logging` of Python: a bounded queue that a thread of Python empties. Whoever
//! says something waits for nobody, and least of all for the interpreter's lock.

use std::collections::VecDeque;
use std::fmt::Write as _;
use std::sync::atomic::{AtomicPtr, AtomicU8, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use pyo3::prelude::*;
use tracing::field::{Field, Visit};
use tracing::level_filters::LevelFilter;
use tracing::span::{Attributes, Id, Record};
use tracing::subscriber::Interest;
use tracing::{Event, Level, Metadata, Subscriber};

use crate::{gate, runtime};

/// So many lines wait at most; more are counted.
const WAITING: usize = 10_000;

/// As `logging` counts: 10 debug, 20 info, 30 warning, 40 error, 5 for more than debug; above 40 nothing.
static LEVEL: AtomicU8 = AtomicU8::new(u8::MAX);

static QUEUE: AtomicPtr<Queue> = AtomicPtr::new(std::ptr::null_mut());

type Line = (u8, String, String);

struct Queue {
    generation: u32,
    state: Mutex<State>,
    wake: Condvar,
}

#[derive(Default)]
struct State {
    lines: VecDeque<Line>,
    lost: u64,
    is_closed: bool,
}

/// The queue of this process. That of a parent may be locked for ever, and is left alone.
fn queue() -> &'static Queue {
    let generation = runtime::generation();
    loop {
        let known = QUEUE.load(Ordering::Acquire);
        // SAFETY: what the pointer names was leaked below and is never freed.
        match unsafe { known.as_ref() } {
            Some(queue) if queue.generation == generation => return queue,
            _ => {
                let new = Box::new(Queue { generation, state: Mutex::default(), wake: Condvar::new() });
                let new = Box::into_raw(new);
                if QUEUE.compare_exchange(known, new, Ordering::AcqRel, Ordering::Acquire).is_err() {
                    // SAFETY: nobody else has seen it.
                    drop(unsafe { Box::from_raw(new) });
                }
            }
        }
    }
}

impl Queue {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Listens to the core.
pub fn install() {
    // The module has tracing for itself: nobody else can have set one.
    let _known = tracing::subscriber::set_global_default(Bridge);
}

/// Whoever waits for lines is told that there are no more.
pub fn close() {
    let queue = queue();
    queue.lock().is_closed = true;
    queue.wake.notify_all();
}

/// Says from which level on `logging` wants to hear something.
#[pyfunction]
pub fn log_level(level: i64) {
    let level = u8::try_from(level.clamp(0, 255)).unwrap_or(u8::MAX);
    if LEVEL.swap(level, Ordering::Relaxed) != level {
        tracing::callsite::rebuild_interest_cache();
    }
}

/// Waits until there are lines: levels, who says them, texts; `None` at the end. Without a wait it gives what is there.
#[pyfunction]
pub fn take_logs(py: Python<'_>, wait: bool) -> Option<Vec<Line>> {
    if !wait {
        return Some(taken(&mut queue().lock()));
    }
    gate::detach(py, || {
        let queue = queue();
        let mut state = queue.lock();
        while state.lines.is_empty() && !state.is_closed {
            // The time is for nothing but a wake-up that was lost with a fork.
            let waited = queue.wake.wait_timeout(state, Duration::from_secs(60));
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
        (!state.is_closed).then(|| taken(&mut state))
    })
}

fn taken(state: &mut State) -> Vec<Line> {
    let mut lines: Vec<Line> = std::mem::take(&mut state.lines).into();
    match std::mem::take(&mut state.lost) {
        0 => {}
        lost => {
            let text = format!("{lost} lines were left out: they came faster than logging took them");
            lines.push((30, "opencode_nexus".to_owned(), text));
        }
    }
    lines
}

struct Bridge;

fn number(level: &Level) -> u8 {
    match *level {
        Level::ERROR => 40,
        Level::WARN => 30,
        Level::INFO => 20,
        Level::DEBUG => 10,
        Level::TRACE => 5,
    }
}

fn is_ours(metadata: &Metadata<'_>) -> bool {
    ["opencode_nexus", "opencode_api", "nexus_vault", "_native"]
        .iter()
        .any(|ours| metadata.target().starts_with(ours))
}

impl Subscriber for Bridge {
    fn register_callsite(&self, metadata: &'static Metadata<'static>) -> Interest {
        match metadata.is_event() && is_ours(metadata) {
            true => Interest::sometimes(),
            false => Interest::never(),
        }
    }

    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        number(metadata.level()) >= LEVEL.load(Ordering::Relaxed) && metadata.is_event() && is_ours(metadata)
    }

    fn max_level_hint(&self) -> Option<LevelFilter> {
        Some(match LEVEL.load(Ordering::Relaxed) {
            0..=5 => LevelFilter::TRACE,
            6..=10 => LevelFilter::DEBUG,
            11..=20 => LevelFilter::INFO,
            21..=30 => LevelFilter::WARN,
            31..=40 => LevelFilter::ERROR,
            _ => LevelFilter::OFF,
        })
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, event: &Event<'_>) {
        let mut text = Text::default();
        event.record(&mut text);
        let metadata = event.metadata();
        let queue = queue();
        let mut state = queue.lock();
        if state.lines.len() >= WAITING {
            state.lost += 1;
            return;
        }
        let target = metadata.target().replace("::", ".").replace("_native", "opencode_nexus.python");
        state.lines.push_back((number(metadata.level()), target, text.message + &text.fields));
        drop(state);
        queue.wake.notify_one();
    }

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

/// The message of an event, and its fields behind it.
#[derive(Default)]
struct Text {
    message: String,
    fields: String,
}

impl Visit for Text {
    fn record_debug(&mut self, field: &Field, value: &dyn std::fmt::Debug) {
        // Writing into a String does not fail.
        let _written = match field.name() {
            "message" => write!(self.message, "{value:?}"),
            name => write!(self.fields, " {name}={value:?}"),
        };
    }
}
