//! What is to go wrong: one [`Fault`] for each request, chosen by a [`FaultPlan`].

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use rand::rngs::StdRng;
use rand::{Rng as _, SeedableRng as _};

/// What a plan knows when it decides.
#[derive(Clone, Debug)]
pub struct ConnectionInfo {
    /// Number of the request at this proxy, from 0.
    pub index: usize,
    /// Number among the event streams, or among the other requests, from 0.
    pub nth: usize,
    /// `GET`, `POST`, …
    pub method: String,
    /// Path with query.
    pub path: String,
    /// Whether it asks for an event stream: the path ends in `/event`, or `accept` says so.
    pub is_event_stream: bool,
}

/// What happens to one request; the default is nothing. The parts can be combined.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Fault {
    /// What becomes of request and answer as a whole.
    pub answer: Answer,
    /// How the answer's body is cut into writes.
    pub split: Split,
    /// How lines of an event stream end.
    pub line_ends: LineEnds,
    /// Pause before every write.
    pub delay: Option<Duration>,
    /// Sends every k-th frame of an event stream twice (1: every frame).
    pub duplicate_every: Option<usize>,
    /// Where the answer's body breaks off.
    pub cut: Option<Cut>,
}

/// What becomes of request and answer as a whole.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Answer {
    /// Both are passed on.
    #[default]
    Forward,
    /// Half-open: the server never sees the request, the client never an answer; the connection stays.
    Ignore,
    /// The server never sees the request; the connection is reset.
    Refuse,
    /// The server never sees the request; the proxy answers with this status.
    Status(u16),
    /// The server answers, but the answer is thrown away and the connection ends: was it done or not?
    Lose(End),
    /// The server answers, but the client gets this status.
    Replace(u16),
}

/// How a connection ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// As if all had been sent: with the last chunk of a chunked body, then closed.
    CleanEof,
    /// Closed (FIN) in the middle of the body.
    Fin,
    /// Reset (RST).
    Reset,
    /// Nothing is forwarded for this time, then it goes on; `None`: never again, but the connection stays open.
    Stall(Option<Duration>),
}

/// Where and how a body breaks off.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cut {
    /// Where.
    pub at: At,
    /// How.
    pub end: End,
}

/// A place in a body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum At {
    /// After so many bytes of the body as the client gets it (without chunk framing).
    Byte(u64),
    /// After so many frames of an event stream; in other bodies after so many pieces as they arrive.
    Frame(u64),
}

/// How a body is cut into writes, each also a chunk of its own where the body is chunked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Split {
    /// As the server wrote it.
    #[default]
    Keep,
    /// Pieces of this many bytes.
    Every(usize),
    /// Pieces of 1 to `max` bytes, chosen by the seed.
    Random {
        /// The largest piece.
        max: usize,
        /// The same seed splits in the same way.
        seed: u64,
    },
}

/// How lines end.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LineEnds {
    /// As the server ends them, LF.
    #[default]
    Keep,
    /// CR LF.
    CrLf,
    /// CR.
    Cr,
}

impl Fault {
    /// No fault.
    pub fn none() -> Self {
        Self::default()
    }

    /// The body breaks off.
    pub fn cut(at: At, end: End) -> Self {
        Self { cut: Some(Cut { at, end }), ..Self::default() }
    }

    /// The request or its answer as a whole goes wrong.
    pub fn answer(answer: Answer) -> Self {
        Self { answer, ..Self::default() }
    }

    pub(super) fn is_none(&self) -> bool {
        *self == Self::default()
    }
}

/// Chooses the fault of each request.
#[derive(Clone)]
pub struct FaultPlan(Arc<dyn Fn(&ConnectionInfo) -> Fault + Send + Sync>);

impl fmt::Debug for FaultPlan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("FaultPlan")
    }
}

impl FaultPlan {
    /// Nothing goes wrong.
    pub fn none() -> Self {
        Self::new(|_| Fault::none())
    }

    /// Any rule over all requests.
    pub fn new(rule: impl Fn(&ConnectionInfo) -> Fault + Send + Sync + 'static) -> Self {
        Self(Arc::new(rule))
    }

    /// A rule for event streams, which sees the number of the stream; other requests pass.
    pub fn events(rule: impl Fn(usize) -> Fault + Send + Sync + 'static) -> Self {
        Self::new(move |info| if info.is_event_stream { rule(info.nth) } else { Fault::none() })
    }

    /// Everything at once, on event streams only, chosen by `seed`: about two of three streams break off within
    /// `bytes` bytes of body, and all of them are split, rewritten or repeated in some way.
    pub fn random(seed: u64, bytes: u64) -> Self {
        Self::events(move |nth| random_fault(seed, nth, bytes))
    }

    pub(super) fn choose(&self, info: &ConnectionInfo) -> Fault {
        (self.0)(info)
    }
}

fn random_fault(seed: u64, nth: usize, bytes: u64) -> Fault {
    let mut random = StdRng::seed_from_u64(seed ^ (nth as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15));
    let split = match random.random_range(0..4) {
        0 => Split::Keep,
        1 => Split::Every(random.random_range(1..64)),
        _ => Split::Random { max: random.random_range(2..400), seed: random.random() },
    };
    let line_ends = match random.random_range(0..4) {
        0 => LineEnds::CrLf,
        1 => LineEnds::Cr,
        _ => LineEnds::Keep,
    };
    let end = match random.random_range(0..5) {
        0 => End::CleanEof,
        1 => End::Reset,
        2 => End::Stall(Some(Duration::from_millis(random.random_range(1..200)))),
        _ => End::Fin,
    };
    let at = if random.random_bool(0.5) {
        At::Byte(random.random_range(0..bytes.max(1)))
    } else {
        At::Frame(random.random_range(0..(bytes / 200).max(2)))
    };
    Fault {
        split,
        line_ends,
        duplicate_every: random.random_bool(0.3).then(|| random.random_range(1..6)),
        cut: random.random_bool(0.67).then_some(Cut { at, end }),
        ..Fault::default()
    }
}
