//! `nexus chat`: the terminal client.
//!
//! `app` and `keys` are the state and what keys do to it, `view` draws it, both without I/O. `work` does what the state
//! wants done, `terminal` holds the terminal, and the loop here brings them together. The conversation itself is only
//! ever read from its transcript.

mod app;
mod ask;
mod complete;
mod compose;
mod editor;
mod effect;
mod history;
mod keys;
mod popup;
mod size;
mod slash;
pub(super) mod terminal;
mod view;
mod work;

use std::process::ExitCode;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use crossterm::event::EventStream;
use futures_util::StreamExt as _;
use opencode_nexus::Result;
use opencode_nexus::chat::{ChatEvent, ChatFeed, Conversation};
use opencode_nexus::context::Context;
use opencode_nexus::dialect::SessionFilter;
use opencode_nexus::extension::NoticeFeed;
use opencode_nexus::history::MirrorState;
use opencode_nexus::model::ModelRef;
use ratatui::buffer::Buffer;
use tokio::sync::mpsc;

use crate::connect::{Connected, ServerArguments};
use crate::plugins::Plugins;
use crate::settings::settings;
use app::{App, Place};
use effect::{Done, Effect};
use terminal::Screen;
use view::scene::Scene;
use work::Work;

/// The terminal client: a conversation on the whole screen.
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  nexus chat                          a new conversation in this folder
  nexus chat --continue               the latest one of this folder goes on
  nexus chat --session ses_…          a certain one goes on
  nexus chat --model openai/gpt-5     with a certain model
  nexus chat --url http://127.0.0.1:4096

In the conversation /help shows keys and commands. In scripts use `nexus run`.")]
pub(crate) struct Chat {
    #[command(flatten)]
    server: ServerArguments,
    /// Goes on with this session.
    #[arg(short, long, value_name = "ID")]
    session: Option<String>,
    /// Goes on with the latest session of the folder.
    #[arg(short = 'c', long = "continue", conflicts_with = "session")]
    latest: bool,
    /// The model of the prompts.
    #[arg(short, long, value_name = "PROVIDER/MODEL")]
    model: Option<String>,
    /// The agent of the prompts.
    #[arg(short, long, value_name = "NAME")]
    agent: Option<String>,
    /// No colours; NO_COLOR does the same.
    #[arg(long)]
    no_color: bool,
    /// Leaves the mouse to the terminal: it selects text, and the wheel does not scroll.
    #[arg(long)]
    no_mouse: bool,
}

/// At most 60 frames a second.
const FRAME: Duration = Duration::from_millis(16);
/// How often the marks of what runs move on, and times are told anew.
const TICK: Duration = Duration::from_millis(250);
/// How long the history may take to be complete when the person leaves.
const KEEP_WITHIN: Duration = Duration::from_secs(5);
/// What tasks may have to tell before the screen looks.
const DONE: usize = 64;

impl Chat {
    pub(crate) async fn run(self) -> Result<ExitCode> {
        terminal::check()?;
        // Said before the screen is taken.
        settings()?;
        let model = self.model.as_deref().map(str::parse::<ModelRef>).transpose()?;
        let folder = self.server.directory()?;
        if self.server.url.is_none() {
            eprintln!("looking for OpenCode, or starting it…");
        }
        let plugins = Plugins::open(&folder);
        let notices = plugins.extensions().notices().subscribe();
        let connected = self.server.connect_keeping(plugins.extensions()).await?;
        plugins.attach(&connected.client);
        let result = self.screen(&connected, (&plugins, notices), model, folder).await;
        tokio::join!(plugins.close(), connected.close()).1?;
        if let Some(session) = result? {
            eprintln!("go on with: nexus chat --session {session}");
        }
        Ok(ExitCode::SUCCESS)
    }

    /// Shows the screen until the person leaves it; says which session was open then.
    async fn screen(
        &self,
        connected: &Connected,
        (plugins, mut notices): (&Plugins, NoticeFeed),
        model: Option<ModelRef>,
        folder: std::path::PathBuf,
    ) -> Result<Option<String>> {
        let client = connected.client.clone();
        let settings = settings()?;
        let usual = self.session.is_none() && !self.latest;
        let (tell, done) = mpsc::channel(DONE);
        let context = Context::default().with_hosts(&settings.context_hosts);
        let policy = settings.policy.clone();
        let work =
            Work::start(client.clone(), folder.clone(), policy, plugins.clone(), context, tell.clone());
        let session = match (&self.session, self.latest) {
            (Some(id), _) => Some(id.as_str().into()),
            (None, true) => {
                let filter = SessionFilter { roots_only: true, limit: Some(1), ..SessionFilter::default() };
                client.sessions(&filter).await?.into_iter().next().map(|session| session.id)
            }
            (None, false) => None,
        };
        // A session that is not there is told before the screen is taken.
        let conversation = match session {
            Some(session) => Some(work.open(session).await?),
            None => None,
        };
        let server = format!("OpenCode {} at {}", client.server().version, client.address());
        let app = App {
            place: Place { folder, server },
            history: history::History::open(),
            // What a session goes on with is its own business.
            model: model.or_else(|| settings.model.clone().filter(|_| usual)),
            agent: self.agent.clone().or_else(|| settings.agent.clone().filter(|_| usual)),
            kept: connected.kept.word(),
            ..App::default()
        };
        let abilities = terminal::abilities(self.no_color || settings.colour == "never");
        let screen = Screen::enter(abilities, !self.no_mouse)?;
        let mut session = Session::new(app, screen, work, done);
        if let Some(conversation) = conversation {
            session.show(conversation);
        }
        let warn = tell.clone();
        tokio::spawn(async move {
            while let Some(notice) = notices.next().await {
                // Nobody listens when the program ends.
                let _ = warn.send(Done::Warning(notice.to_string())).await;
            }
        });
        std::thread::spawn(move || {
            view::code::load();
            // Code that is on the screen gets its colours now.
            let _ = tell.blocking_send(Done::Redraw);
        });
        session.live().await
    }
}

/// The loop's own state.
struct Session {
    app: App,
    screen: Screen,
    work: Work,
    done: mpsc::Receiver<Done>,
    conversation: Option<Conversation>,
    feed: Option<ChatFeed>,
    /// The screen is not what it should be any more.
    stale: bool,
    /// So is what is read of the transcript, and of those of sub-agents.
    changed: (bool, bool),
    started: Instant,
}

/// What the loop woke up for.
enum Woken {
    Input(Option<std::io::Result<crossterm::event::Event>>),
    Chat(Option<Result<ChatEvent>>),
    Done(Option<Done>),
    Time,
}

impl Session {
    fn new(app: App, screen: Screen, work: Work, done: mpsc::Receiver<Done>) -> Self {
        let started = Instant::now();
        let (conversation, feed) = (None, None);
        Self { app, screen, work, done, conversation, feed, stale: true, changed: (true, true), started }
    }

    /// Shows another conversation from now on.
    fn show(&mut self, conversation: Conversation) {
        self.feed = Some(conversation.subscribe());
        self.conversation = Some(conversation);
        (self.stale, self.changed) = (true, (true, true));
    }

    /// Until the person leaves. The screen is given back first; then the history gets what it has not yet.
    async fn live(mut self) -> Result<Option<String>> {
        let left = self.until_left().await;
        let Self { screen, conversation, .. } = self;
        drop(screen);
        if let Some(conversation) = &conversation
            && !conversation.flush_hooks(KEEP_WITHIN).await
        {
            eprintln!("warning: not every plugin has heard the end of the conversation");
        }
        if let Some(conversation) = conversation
            && let Err(error) = conversation.flush_history(KEEP_WITHIN).await
        {
            eprintln!("warning: {}", crate::output::clean(&format!("the history is not complete: {error}")));
        }
        left
    }

    async fn until_left(&mut self) -> Result<Option<String>> {
        self.work.perform(Effect::ReadLists, None);
        self.work.perform(Effect::ReadAdded, None);
        let mut input = EventStream::new();
        let mut shown = Instant::now() - FRAME;
        let mut ticked = Instant::now();
        loop {
            if self.stale && shown.elapsed() >= FRAME {
                self.draw()?;
                shown = Instant::now();
            }
            let wake = if self.stale { shown + FRAME } else { ticked + TICK };
            let woken = tokio::select! {
                biased;
                event = input.next() => Woken::Input(event),
                done = self.done.recv() => Woken::Done(done),
                () = tokio::time::sleep_until(wake.into()) => Woken::Time,
                event = next_event(&mut self.feed) => Woken::Chat(event),
            };
            if ticked.elapsed() >= TICK {
                ticked = Instant::now();
                // At rest nothing moves, except that the word about quitting goes away again.
                self.stale |=
                    self.app.is_busy() || !self.app.outbox.is_empty() || self.app.quit_armed.is_some();
            }
            let effects = match woken {
                Woken::Time => Vec::new(),
                Woken::Input(Some(Ok(event))) => {
                    self.stale = true;
                    self.app.on_input(event, Instant::now())
                }
                // The terminal is gone.
                Woken::Input(_) => return Ok(self.session_id()),
                Woken::Chat(event) => {
                    self.on_chat(event);
                    Vec::new()
                }
                Woken::Done(Some(done)) => self.on_done(done),
                Woken::Done(None) => return Ok(self.session_id()),
            };
            for effect in effects {
                if matches!(effect, Effect::Quit) {
                    return Ok(self.session_id());
                }
                self.perform(effect)?;
            }
        }
    }

    fn session_id(&self) -> Option<String> {
        let conversation = self.conversation.as_ref()?;
        Some(conversation.session_id().to_string())
    }

    /// Takes what the feed tells, and all that waits behind it: a frame shows the newest state anyway.
    fn on_chat(&mut self, event: Option<Result<ChatEvent>>) {
        let mut next = event;
        loop {
            match next {
                Some(Ok(event)) => {
                    let child = matches!(
                        event,
                        ChatEvent::Child { .. } | ChatEvent::Lagged { .. } | ChatEvent::Recovered
                    );
                    self.changed = (true, self.changed.1 | child);
                    if matches!(event, ChatEvent::TurnEnded { .. }) {
                        // What is said about the end depends on what the transcript says.
                        self.read_scene();
                    }
                    self.app.on_event(&event);
                }
                end => {
                    let error = end.and_then(Result::err);
                    self.app.on_end(error.as_ref());
                    self.feed = None;
                    break;
                }
            }
            match self.feed.as_mut().and_then(ChatFeed::try_next) {
                Some(event) => next = Some(event),
                None => break,
            }
        }
        self.stale = true;
    }

    fn on_done(&mut self, done: Done) -> Vec<Effect> {
        self.stale = true;
        if let Done::Opened(conversation) = &done {
            let same =
                self.conversation.as_ref().is_some_and(|c| c.session_id() == conversation.session_id());
            if !same {
                // What is on its way belongs to the new conversation, when it was made for that.
                let outbox = if self.conversation.is_none() {
                    std::mem::take(&mut self.app.outbox)
                } else {
                    Vec::new()
                };
                self.app.leave();
                self.app.outbox = outbox;
            }
            self.show(conversation.clone());
        }
        self.app.on_done(done)
    }

    fn perform(&mut self, effect: Effect) -> Result<()> {
        match effect {
            Effect::Send(out) => {
                let number = out.number;
                if let Err(error) = self.work.send_later(out, self.conversation.clone()) {
                    self.app.on_done(Done::Sent(number, Err(error)));
                }
            }
            Effect::New => {
                self.app.leave();
                (self.conversation, self.feed) = (None, None);
                self.work = self.work.renewed();
            }
            Effect::Suspend => {
                self.screen.suspend()?;
            }
            Effect::Redraw => self.screen.clear()?,
            Effect::Open(_) | Effect::Fork => {
                self.app.opening = true;
                self.work.perform(effect, self.conversation.clone());
            }
            effect => self.work.perform(effect, self.conversation.clone()),
        }
        self.stale = true;
        Ok(())
    }

    fn read_scene(&mut self) {
        if let (Some(conversation), (true, children)) = (&self.conversation, self.changed) {
            let scene = Scene::read(conversation, &self.app.scene, children);
            self.app.take_scene(scene, Instant::now());
            self.changed = (false, false);
        }
    }

    fn draw(&mut self) -> Result<()> {
        self.read_scene();
        self.stale = false;
        if let Some(state) = self.conversation.as_ref().and_then(Conversation::history_state) {
            self.app.kept = if matches!(state, MirrorState::Failing(_)) { "failing" } else { "on" };
        }
        let moment = view::Moment {
            now: Instant::now(),
            unix: SystemTime::now()
                .duration_since(UNIX_EPOCH)
                .map_or(0, |since| u64::try_from(since.as_millis()).unwrap_or(u64::MAX)),
            tick: usize::try_from(self.started.elapsed().as_millis() / TICK.as_millis()).unwrap_or_default(),
        };
        let mut frame = Buffer::empty(self.screen.area());
        let app = &mut self.app;
        // Drawn while the transcript is held, written to the terminal after: that can take as long as it likes.
        let cursor = match &self.conversation {
            Some(conversation) => conversation
                .with_transcript(|transcript| view::draw(app, transcript.messages(), &moment, &mut frame)),
            None => view::draw(app, &[], &moment, &mut frame),
        };
        self.screen.show(frame, cursor)
    }
}

async fn next_event(feed: &mut Option<ChatFeed>) -> Option<Result<ChatEvent>> {
    match feed {
        Some(feed) => feed.next().await,
        None => std::future::pending().await,
    }
}
