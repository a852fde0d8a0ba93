//! The state of the terminal client beside the conversation itself: what is typed, what is open, what the person has
//! chosen. What the conversation holds is never kept here; the screen is drawn from its transcript.

use std::collections::HashSet;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use opencode_nexus::chat::{ChatEvent, OutcomeKind};
use opencode_nexus::context::typed_mention;
use opencode_nexus::model::{Agent, Catalogue, Message, MessageId, ModelRef, PartId, Session, SlashCommand};
use opencode_nexus::{Error, ErrorKind};
use ratatui::style::Style;

use super::ask::Choice;
use super::editor::Editor;
use super::effect::{Done, Effect, Outgoing};
use super::history::History;
use super::popup::{Entry, Kind, Pick, Popup};
use super::view::clean::{clean, one_line};
use super::view::pane::Pane;
use super::view::scene::Scene;
use super::view::theme;
use super::{compose, size};

/// Ctrl-C twice within this time quits.
pub(crate) const TWICE: Duration = Duration::from_secs(2);
/// Notes that are kept.
const NOTES: usize = 60;

/// How it stands with the server.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) enum Connection {
    #[default]
    Live,
    /// It is being made again.
    Lost(String),
    /// The conversation cannot go on.
    Ended(String),
}

/// Something that we say, after the message that was the last one then.
#[derive(Clone, Debug)]
pub(crate) struct Note {
    pub after: Option<MessageId>,
    pub text: String,
    pub style: Style,
}

/// What is known of the place where we are.
#[derive(Clone, Debug, Default)]
pub(crate) struct Place {
    pub folder: PathBuf,
    pub server: String,
}

#[derive(Default)]
pub(crate) struct App {
    pub place: Place,
    pub editor: Editor,
    pub history: History,
    pub popup: Option<Popup>,
    pub pane: Pane,
    pub scene: Scene,
    pub choice: Choice,
    /// Whether keys go to what is asked, and not to the input.
    pub answering: bool,
    pub connection: Connection,
    pub notes: Vec<Note>,
    pub outbox: Vec<(Outgoing, Option<MessageId>)>,
    pub model: Option<ModelRef>,
    pub agent: Option<String>,
    pub unfold_all: bool,
    pub turned: HashSet<PartId>,
    pub hide_todos: bool,
    pub busy_since: Option<Instant>,
    pub aborting: bool,
    pub quit_armed: Option<Instant>,
    /// A session is being opened.
    pub opening: bool,
    pub commands: Vec<SlashCommand>,
    /// Those of plugins.
    pub added: Vec<SlashCommand>,
    pub agents: Vec<Agent>,
    pub catalogue: Catalogue,
    pub sent: u64,
    /// Whether the conversation is kept: `on`, `locked`, `off`, `failing`.
    pub kept: &'static str,
}

impl App {
    pub fn is_busy(&self) -> bool {
        self.scene.busy
    }

    pub fn note(&mut self, text: impl Into<String>, style: Style) {
        let text = text.into();
        let after = self.scene.last.clone();
        // The same said again is said once.
        self.notes.retain(|note| note.text != text || note.after != after);
        self.notes.push(Note { after, text, style });
        let excess = self.notes.len().saturating_sub(NOTES);
        self.notes.drain(..excess);
    }

    pub fn fail(&mut self, error: &Error) {
        self.note(format!("✗ {error}"), theme::BAD);
    }

    /// Takes over what the conversation holds now. What is asked is answered by keys at once only when nothing is
    /// being typed.
    pub fn take_scene(&mut self, scene: Scene, now: Instant) {
        let first = scene.asks.first();
        if first.map(super::ask::Ask::id) != self.scene.asks.first().map(super::ask::Ask::id) {
            self.answering = first.is_some() && self.editor.is_empty() && self.popup.is_none();
        }
        if let Some(first) = first {
            self.choice.about(first);
        }
        self.busy_since = scene.busy.then(|| self.busy_since.unwrap_or(now));
        self.aborting &= scene.busy;
        self.outbox.retain(|(_, id)| id.as_ref().is_none_or(|id| !scene.has(id)));
        self.scene = scene;
    }

    /// What a person must hear of beside the transcript.
    pub fn on_event(&mut self, event: &ChatEvent) {
        match event {
            ChatEvent::Reconnecting { reason } => self.connection = Connection::Lost(one_line(reason)),
            ChatEvent::Recovered => self.connection = Connection::Live,
            ChatEvent::TurnEnded { outcome, .. } if outcome.kind == OutcomeKind::Failed => {
                // An answer that failed says so itself.
                if let Some(error) = outcome.error.as_ref().filter(|_| !self.scene.last_failed) {
                    self.note(format!("✗ {}", one_line(&error.message)), theme::BAD);
                }
            }
            ChatEvent::SessionRemoved => self.note("the session was deleted", theme::WARN),
            _ => {}
        }
    }

    pub fn on_end(&mut self, error: Option<&Error>) {
        let reason = error.map_or_else(|| "the conversation was closed".to_owned(), ToString::to_string);
        self.connection = Connection::Ended(one_line(&reason));
    }

    pub fn on_done(&mut self, done: Done) -> Vec<Effect> {
        match done {
            Done::Opened(_) => {
                self.opening = false;
                self.connection = Connection::Live;
            }
            Done::Sent(number, Ok(id)) => {
                let scene = &self.scene;
                if let Some((_, name)) = self.outbox.iter_mut().find(|(out, _)| out.number == number) {
                    *name = Some(id);
                }
                self.outbox.retain(|(_, id)| id.as_ref().is_none_or(|id| !scene.has(id)));
            }
            Done::Sent(number, Err(error)) => {
                self.opening = false;
                self.fail(&error);
                self.give_back(number);
            }
            Done::TurnOver(number, error) => {
                self.outbox.retain(|(out, _)| out.number != number);
                if let Some(error) = error.filter(|error| error.kind() != ErrorKind::Aborted) {
                    self.fail(&error);
                }
            }
            Done::Answered(Ok(_)) | Done::Redraw => {}
            Done::Answered(Err(error)) => {
                self.choice.failed();
                self.fail(&error);
            }
            Done::Sessions(sessions) => self.pick_session(sessions),
            Done::Lists(commands, agents, catalogue) => {
                (self.commands, self.agents, self.catalogue) = (commands, agents, catalogue);
                return self.complete().into_iter().collect();
            }
            Done::Added(commands) => {
                self.added = commands;
                // A mention that is being typed may be one that a plugin has a word for.
                return self.complete().into_iter().collect();
            }
            Done::Suggested(typed, suggestions) => {
                let before = self.editor.before_cursor().0;
                let still = typed_mention(before).is_some_and(|at| before[at..] == typed);
                if still && self.popup.as_ref().is_none_or(|popup| popup.kind != Kind::Picker) {
                    let entries = super::complete::mentions(suggestions);
                    let replaces = typed.chars().count();
                    self.popup =
                        (!entries.is_empty()).then(|| Popup::completion(Kind::File, entries, replaces));
                }
            }
            Done::Shown(number, text) => {
                self.outbox.retain(|(out, _)| out.number != number);
                if let Some(text) = text {
                    self.note(clean(&text), theme::PLAIN);
                }
            }
            Done::Warning(text) => self.note(one_line(&text), theme::WARN),
            Done::Diff(files) => self.show_diff(&files),
            Done::Note(text) => self.note(text, theme::GOOD),
            Done::Failed(error) => {
                self.opening = false;
                self.fail(&error);
            }
        }
        Vec::new()
    }

    /// What could not be sent stands in the input again, unless something else does by now.
    fn give_back(&mut self, number: u64) {
        let Some(at) = self.outbox.iter().position(|(out, _)| out.number == number) else { return };
        let (out, _) = self.outbox.remove(at);
        if self.editor.is_empty() {
            let text = match out.what {
                super::effect::What::Prompt(text) => text,
                _ => out.shown,
            };
            self.editor.set(&text);
        } else {
            self.note(format!("not sent: {}", one_line(&out.shown)), theme::WARN);
        }
    }

    fn pick_session(&mut self, sessions: Vec<Session>) {
        let entry = |session: Session| Entry {
            label: one_line(&session.title),
            detail: session.id.to_string(),
            pick: Pick::Session(session.id),
        };
        self.popup = Some(Popup::picker("sessions", sessions.into_iter().map(entry).collect()));
    }

    fn show_diff(&mut self, files: &[opencode_nexus::model::FileDiff]) {
        if files.is_empty() {
            self.note("nothing was changed in files", theme::DIM);
        }
        for file in files {
            let head = format!("{}  +{} -{}", one_line(&file.path), file.additions, file.deletions);
            let patch = file.patch.as_deref().unwrap_or_default().trim_end();
            self.note(format!("{head}\n{patch}"), theme::PLAIN);
        }
    }

    /// Looks what can be completed before the cursor.
    pub fn complete(&mut self) -> Option<Effect> {
        if self.popup.as_ref().is_some_and(|popup| popup.kind == Kind::Picker) {
            return None;
        }
        self.popup = None;
        let (before, first) = self.editor.before_cursor();
        if let Some(name) =
            before.strip_prefix('/').filter(|name| first && !name.contains(char::is_whitespace))
        {
            let entries = super::complete::commands(name, &self.commands, &self.added);
            let replaces = before.chars().count();
            self.popup = (!entries.is_empty()).then(|| Popup::completion(Kind::Command, entries, replaces));
        } else if let Some(at) = typed_mention(before) {
            return Some(Effect::Suggest(before[at..].to_owned()));
        }
        None
    }

    /// Puts in what was pasted, wherever the keys go.
    pub fn paste(&mut self, text: &str) -> Option<Effect> {
        if let (true, Some(written)) = (self.answering, &mut self.choice.text) {
            written.push_str(&one_line(text));
            return None;
        }
        if let Some(popup) = self.popup.as_mut().filter(|popup| popup.kind == Kind::Picker) {
            popup.ask(|query| query.push_str(&one_line(text)));
            return None;
        }
        self.answering = false;
        match compose::dropped_image(text) {
            Some(mention) => self.editor.insert(&mention),
            None => self.editor.paste(text),
        }
        self.complete()
    }

    /// The model and the agent of the next prompt, as far as they are known.
    pub fn next_model(&self) -> Option<String> {
        let model = self.model.as_ref().or(self.scene.model.as_ref()).or(self.catalogue.default.as_ref())?;
        Some(one_line(&model.model))
    }

    pub fn next_agent(&self) -> Option<String> {
        self.agent.as_ref().or(self.scene.agent.as_ref()).map(|agent| one_line(agent))
    }

    /// Forgets what belongs to the conversation that was shown before.
    pub fn leave(&mut self) {
        self.pane.clear();
        self.scene = Scene::default();
        self.choice = Choice::default();
        self.answering = false;
        self.notes.clear();
        self.outbox.clear();
        self.turned.clear();
        self.connection = Connection::Live;
        self.busy_since = None;
    }
}

/// What waits at the server or on the way to it, on one line.
pub(crate) fn waiting(message: &Message) -> String {
    let texts: Vec<&str> = message.parts.iter().filter_map(opencode_nexus::model::Part::text).collect();
    let text = texts.join(" ");
    if text.len() > 500 {
        let cut = text.char_indices().nth(100).map_or(text.len(), |(at, _)| at);
        return format!("{} … {}", one_line(&text[..cut]), size::bytes(text.len()));
    }
    one_line(&text)
}
