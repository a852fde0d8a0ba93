//! What the calls of one plugin about conversations, pages and terminals work on. It stays while the plugin runs, however
//! often it is started again; what an instance has subscribed to and waits for goes with the instance.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::actor::Launch;
use crate::events::Inbox;
use crate::imports::{Caller, HostState};
use crate::rate::Rate;
use crate::sessions::Sessions;
use crate::terminal::Screen;
use crate::timers::Timers;
use crate::voice::{Turn, Voice};
use crate::web::Pages;

const MINUTE: Duration = Duration::from_secs(60);

/// Notices of a plugin's own in a minute.
const NOTICES: usize = 10;

/// Permissions that a plugin may answer in a minute: one that allows whatever is asked does not drive an agent for long.
const REPLIES: usize = 20;

/// Prompts and new sessions in a minute.
const PROMPTS: usize = 20;

/// What one plugin shows and drives.
pub struct Stage {
    pub(crate) sessions: Arc<Sessions>,
    pub(crate) inbox: Arc<Inbox>,
    pub(crate) timers: Timers,
    pub(crate) pages: Arc<Pages>,
    pub(crate) screen: Screen,
    pub(crate) voice: Option<Voice>,
    /// Held until the plugin has ended: the launch holds this, and the plugin its launch.
    turn: Mutex<Option<Turn>>,
    notices: Rate,
    replies: Rate,
    prompts: Rate,
}

impl std::fmt::Debug for Stage {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Stage")
            .field("sessions", &self.sessions)
            .field("pages", &self.pages)
            .finish_non_exhaustive()
    }
}

/// What is not done without end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Bounded {
    Notice,
    Reply,
    Prompt,
}

impl Stage {
    /// For one plugin. `sessions` are shared by all.
    pub fn new(sessions: Arc<Sessions>) -> Arc<Self> {
        Self::with(sessions, None)
    }

    /// For one plugin that runs in one program only, however many have it.
    pub(crate) fn once(sessions: Arc<Sessions>, voice: Voice) -> Arc<Self> {
        Self::with(sessions, Some(voice))
    }

    fn with(sessions: Arc<Sessions>, voice: Option<Voice>) -> Arc<Self> {
        Arc::new(Self {
            sessions,
            inbox: Arc::default(),
            timers: Timers::default(),
            pages: Arc::default(),
            screen: Screen::default(),
            voice,
            turn: Mutex::default(),
            notices: Rate::new(NOTICES, MINUTE),
            replies: Rate::new(REPLIES, MINUTE),
            prompts: Rate::new(PROMPTS, MINUTE),
        })
    }

    /// The plugin with this stage: without one, its calls about conversations find nothing.
    pub fn launch(self: &Arc<Self>, caller: Arc<Caller>, launch: Launch) -> Launch {
        let stage = self.clone();
        launch.with_state(Arc::new(move || {
            stage.begin();
            let mut state = HostState::new(caller.clone(), crate::wasi::empty(&caller));
            state.stage = Some(stage.clone());
            Ok(state)
        }))
    }

    /// Keeps the turn, in place of the one before.
    pub(crate) fn keep(&self, turn: Option<Turn>) {
        *self.turn.lock().unwrap_or_else(PoisonError::into_inner) = turn;
    }

    /// A new instance knows nothing of what the one before has subscribed to.
    pub(crate) fn begin(&self) {
        self.inbox.lock().clear();
        self.timers.clear();
    }

    /// Whether it may be done once more now, and how often in a minute.
    pub(crate) fn may(&self, what: Bounded) -> Result<(), usize> {
        let (rate, most) = match what {
            Bounded::Notice => (&self.notices, NOTICES),
            Bounded::Reply => (&self.replies, REPLIES),
            Bounded::Prompt => (&self.prompts, PROMPTS),
        };
        if rate.take(Instant::now()) { Ok(()) } else { Err(most) }
    }
}
