//! A page that shows what all sessions do, live.
//!
//! Events change the `board`; what has changed is sent to the open pages together, ten times a second at most. A page that
//! opens is sent everything.

mod board;

use board::Board;
use opencode_nexus_plugin::session::{self, EventKind};
use opencode_nexus_plugin::{
    Event, Frontend, Input, Plugin, Result, StopReason, WebRequest, WebResponse, info, plugin, ui, warn,
};

/// What has changed is sent now.
const SEND: u32 = 1;
/// The sessions are asked for again: OpenCode was not there.
const JOIN: u32 = 2;

/// How long changes are gathered.
const TOGETHER_MS: u32 = 100;
const JOIN_MS: u32 = 2_000;

/// So many sessions are shown when nothing has happened yet.
const SESSIONS: u32 = 20;

const KINDS: [EventKind; 7] = [
    EventKind::Session,
    EventKind::Status,
    EventKind::Message,
    EventKind::Text,
    EventKind::Tool,
    EventKind::Permission,
    EventKind::TurnEnded,
];

#[derive(Default)]
struct StatusPage {
    board: Board,
    /// Events come.
    joined: bool,
    /// A timer runs that will send.
    sending: bool,
    pages: u32,
}

impl Plugin for StatusPage {
    fn start(&mut self, _state: Option<Vec<u8>>) -> Result<()> {
        self.join();
        Ok(())
    }

    fn stop(&mut self, _reason: StopReason) -> Option<Vec<u8>> {
        None
    }
}

impl Frontend for StatusPage {
    fn on_events(&mut self, batch: Vec<Event>) {
        for event in batch {
            if self.board.hear(event) {
                // Something is missing: the sessions are read again.
                self.read();
            }
        }
        self.changed();
    }

    fn on_input(&mut self, input: Input) {
        match input {
            Input::ClientOpen(page) => {
                self.pages += 1;
                self.push(Some(page), &self.board.whole());
            }
            Input::ClientClose(_) => self.pages = self.pages.saturating_sub(1),
            _ => {}
        }
    }

    fn on_timer(&mut self, token: u32) {
        match token {
            SEND => {
                self.sending = false;
                if let Some(changes) = self.board.changes() {
                    self.push(None, &changes);
                }
            }
            JOIN => self.join(),
            _ => {}
        }
    }

    /// For scripts, and for people who would rather read JSON.
    fn on_web(&mut self, request: WebRequest) -> WebResponse {
        match (request.method.as_str(), request.path.as_str()) {
            ("GET", "/board.json") => WebResponse::json(&self.board.whole()),
            _ => WebResponse::text(404, "there is only the page, and board.json"),
        }
    }
}

impl StatusPage {
    /// Hears everything from now on. OpenCode may come later.
    fn join(&mut self) {
        if !self.joined {
            match session::subscribe(&KINDS, None) {
                Ok(_) => self.joined = true,
                Err(error) => {
                    info!("no events yet: {}", error.message);
                    return self.timer(JOIN_MS, JOIN);
                }
            }
        }
        self.read();
        self.changed();
    }

    fn read(&mut self) {
        match session::list_sessions(None, SESSIONS) {
            Ok(sessions) => sessions.into_iter().rev().for_each(|info| self.board.session(info)),
            Err(error) => {
                info!("no sessions yet: {}", error.message);
                self.timer(JOIN_MS, JOIN);
            }
        }
    }

    fn changed(&mut self) {
        if !self.sending && self.board.has_changes() {
            self.sending = true;
            self.timer(TOGETHER_MS, SEND);
        }
    }

    fn timer(&self, delay: u32, token: u32) {
        if let Err(error) = ui::set_timer(delay, token) {
            warn!("no timer: {}", error.message);
        }
    }

    fn push(&self, page: Option<u32>, value: &serde_json::Value) {
        // A page may have been closed meanwhile.
        if let Err(error) = ui::web_push(page, "board", &value.to_string()) {
            info!("a page was not told: {}", error.message);
        }
    }
}

plugin!(StatusPage: frontend);
