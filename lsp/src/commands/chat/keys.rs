//! What keys do. Pure: a key changes the state, and says what is to be done in the world.

use std::time::Instant;

use crossterm::event::{
    Event, KeyCode, KeyEvent, KeyEventKind, KeyModifiers, MouseButton, MouseEvent, MouseEventKind,
};
use opencode_nexus::dialect::Action;
use opencode_nexus::model::{ModelRef, SlashCommand};

use super::app::{App, TWICE};
use super::ask::Press;
use super::effect::{Effect, Outgoing, What};
use super::popup::{Entry, Kind, Pick, Popup};
use super::slash::{self, Line, Own};
use super::view::pane::Scroll;
use super::view::theme;

/// Lines that the wheel moves.
const WHEEL: isize = 3;

impl App {
    pub fn on_input(&mut self, event: Event, now: Instant) -> Vec<Effect> {
        match event {
            Event::Key(key) if key.kind != KeyEventKind::Release => self.on_key(key, now),
            Event::Paste(text) => self.paste(&text).into_iter().collect(),
            Event::Mouse(mouse) => {
                self.on_mouse(mouse);
                Vec::new()
            }
            _ => Vec::new(),
        }
    }

    fn on_mouse(&mut self, mouse: MouseEvent) {
        match mouse.kind {
            MouseEventKind::ScrollUp => self.pane.scroll(Scroll::Lines(-WHEEL)),
            MouseEventKind::ScrollDown => self.pane.scroll(Scroll::Lines(WHEEL)),
            // The conversation begins in the first row.
            MouseEventKind::Down(MouseButton::Left) => {
                if let Some(part) = self.pane.part_at(usize::from(mouse.row)).cloned()
                    && !self.turned.remove(&part)
                {
                    self.turned.insert(part);
                }
            }
            _ => {}
        }
    }

    fn on_key(&mut self, key: KeyEvent, now: Instant) -> Vec<Effect> {
        let ctrl = key.modifiers.contains(KeyModifiers::CONTROL);
        if !(ctrl && matches!(key.code, KeyCode::Char('c'))) {
            self.quit_armed = None;
        }
        if let Some(effects) = self.everywhere(key, ctrl, now) {
            return effects;
        }
        if self.popup.is_some()
            && let Some(effects) = self.in_popup(key, ctrl)
        {
            return effects;
        }
        if self.answering
            && let Some(effects) = self.in_ask(key, ctrl)
        {
            return effects;
        }
        self.in_editor(key, ctrl)
    }

    /// Keys that mean the same wherever one is.
    fn everywhere(&mut self, key: KeyEvent, ctrl: bool, now: Instant) -> Option<Vec<Effect>> {
        match (key.code, ctrl) {
            (KeyCode::Char('c'), true) => return Some(self.interrupt(now)),
            (KeyCode::Char('z'), true) => return Some(vec![Effect::Suspend]),
            (KeyCode::Char('l'), true) => return Some(vec![Effect::Redraw]),
            (KeyCode::Char('d'), true) if self.editor.is_empty() && self.popup.is_none() => {
                return Some(vec![Effect::Quit]);
            }
            (KeyCode::PageUp, _) => self.pane.scroll(Scroll::Pages(-1)),
            (KeyCode::PageDown, _) => self.pane.scroll(Scroll::Pages(1)),
            (KeyCode::Home, true) => self.pane.scroll(Scroll::Start),
            (KeyCode::End, true) => self.pane.scroll(Scroll::End),
            (KeyCode::Up, _) if key.modifiers.contains(KeyModifiers::SHIFT) => {
                self.pane.scroll(Scroll::Lines(-1))
            }
            (KeyCode::Down, _) if key.modifiers.contains(KeyModifiers::SHIFT) => {
                self.pane.scroll(Scroll::Lines(1))
            }
            (KeyCode::Char('o'), true) => {
                self.unfold_all = !self.unfold_all;
                self.turned.clear();
            }
            (KeyCode::Char('t'), true) => self.hide_todos = !self.hide_todos,
            (KeyCode::Char('r'), true) => self.search_history(),
            _ => return None,
        }
        Some(Vec::new())
    }

    /// Ctrl-C stops what goes on, and only at rest, twice, the program.
    fn interrupt(&mut self, now: Instant) -> Vec<Effect> {
        if self.popup.take().is_some() {
            return Vec::new();
        }
        let reachable = self.connection == super::app::Connection::Live;
        if self.is_busy() && reachable && self.quit_armed.is_none() {
            self.aborting = true;
            return vec![Effect::Abort];
        }
        if self.quit_armed.is_some_and(|armed| now.duration_since(armed) <= TWICE) {
            return vec![Effect::Quit];
        }
        if !self.editor.is_empty() {
            let draft = self.editor.take();
            // Up brings it back.
            self.history.add(&draft.text());
        }
        self.quit_armed = Some(now);
        Vec::new()
    }

    fn in_popup(&mut self, key: KeyEvent, ctrl: bool) -> Option<Vec<Effect>> {
        let popup = self.popup.as_mut()?;
        let picker = popup.kind == Kind::Picker;
        match (key.code, ctrl) {
            (KeyCode::Esc, _) => self.popup = None,
            (KeyCode::Up, _) | (KeyCode::Char('p'), true) => popup.step(-1),
            (KeyCode::Down, _) | (KeyCode::Char('n'), true) => popup.step(1),
            (KeyCode::Enter, false) if key.modifiers.is_empty() => return self.pick(true),
            (KeyCode::Tab, _) => return self.pick(false),
            (KeyCode::Backspace, _) if picker => popup.ask(|query| {
                query.pop();
            }),
            (KeyCode::Char(c), false) if picker => popup.ask(|query| query.push(c)),
            _ if picker => {}
            _ => return None,
        }
        Some(Vec::new())
    }

    /// Takes the marked entry; `None` when Enter means the text and not the list.
    fn pick(&mut self, enter: bool) -> Option<Vec<Effect>> {
        let popup = self.popup.take()?;
        let Some(Entry { pick, .. }) = popup.chosen().cloned() else { return Some(Vec::new()) };
        match pick {
            Pick::Complete(text) => {
                // What is complete already is sent by Enter.
                let typed = self.editor.before_cursor().0;
                if enter && popup.kind == Kind::Command && typed == text.trim_end() {
                    return None;
                }
                self.editor.complete(popup.replaces, &text);
                if text.ends_with('/') {
                    return Some(self.complete().into_iter().collect());
                }
            }
            Pick::Run(text) => {
                self.editor.complete(popup.replaces, &text);
                if enter {
                    return Some(self.submit());
                }
            }
            Pick::Replace(text) => self.editor.set(&text),
            Pick::Model(model) => self.model = Some(model),
            Pick::Agent(agent) => self.agent = Some(agent),
            Pick::Session(session) => return Some(vec![Effect::Open(session)]),
        }
        Some(Vec::new())
    }

    fn in_ask(&mut self, key: KeyEvent, ctrl: bool) -> Option<Vec<Effect>> {
        let ask = self.scene.asks.first()?.clone();
        let writing = self.choice.text.is_some();
        let press = match key.code {
            KeyCode::Up => Press::Up,
            KeyCode::Down => Press::Down,
            KeyCode::Enter => Press::Enter,
            KeyCode::Backspace => Press::Back,
            KeyCode::Esc if writing || self.choice.marked.is_some() => Press::Escape,
            KeyCode::Char(' ') => Press::Tick,
            KeyCode::Char(c) if c.is_ascii_digit() && !ctrl => Press::Number(c as usize - '0' as usize),
            KeyCode::Char(c) if writing && !ctrl => Press::Text(c.into()),
            KeyCode::Tab => {
                self.answering = false;
                return Some(Vec::new());
            }
            KeyCode::Esc => return None,
            // Letters do nothing here: somebody may have begun to type when the request came.
            _ => return Some(Vec::new()),
        };
        Some(self.choice.press(&ask, press).map(Effect::Answer).into_iter().collect())
    }

    fn in_editor(&mut self, key: KeyEvent, ctrl: bool) -> Vec<Effect> {
        let new_line = key.modifiers.intersects(KeyModifiers::ALT | KeyModifiers::SHIFT);
        match key.code {
            KeyCode::Enter if new_line => self.editor.new_line(),
            KeyCode::Char('j') if ctrl => self.editor.new_line(),
            KeyCode::Enter => return self.submit(),
            KeyCode::Esc if self.is_busy() => {
                self.aborting = true;
                return vec![Effect::Abort];
            }
            KeyCode::Tab if !self.scene.asks.is_empty() => self.answering = true,
            KeyCode::Up if self.editor.at_top() => {
                if let Some(text) = self.history.older(&self.editor.text()) {
                    self.editor.set(&text);
                }
                return Vec::new();
            }
            KeyCode::Down if self.editor.at_bottom() => {
                if let Some(text) = self.history.newer() {
                    self.editor.set(&text);
                }
                return Vec::new();
            }
            _ if self.editor.key(key) => {}
            _ => return Vec::new(),
        }
        self.complete().into_iter().collect()
    }

    fn search_history(&mut self) {
        let entry = |text: &String| Entry {
            label: super::view::wrap::truncate(&super::view::clean::one_line(text), 300),
            detail: String::new(),
            pick: Pick::Replace(text.clone()),
        };
        let entries: Vec<Entry> = self.history.newest().map(entry).collect();
        self.popup = Some(Popup::picker("history", entries));
    }

    /// Enter: what was typed is run or sent.
    fn submit(&mut self) -> Vec<Effect> {
        self.popup = None;
        let text = self.editor.text();
        if text.trim().is_empty() {
            return Vec::new();
        }
        if self.opening {
            self.note("the session is still being opened; press Enter again when it is there", theme::WARN);
            return Vec::new();
        }
        let has = |commands: &[SlashCommand], name: &str| commands.iter().any(|c| c.name == name);
        let line =
            slash::parse(text.trim_end(), |name| has(&self.commands, name), |name| has(&self.added, name));
        let shown = self.editor.take().shown();
        self.history.add(&text);
        self.pane.scroll(Scroll::End);
        let what = match line {
            Line::Own(own, arguments) => return self.run(own, &arguments),
            Line::Server(name, arguments) => What::Action(Action::Command { name, arguments }),
            Line::Shell(command) => What::Action(Action::Shell { command }),
            Line::Added(name, arguments) => What::Added(name, arguments),
            Line::Prompt => What::Prompt(text),
        };
        vec![self.outgoing(what, shown)]
    }

    fn outgoing(&mut self, what: What, shown: String) -> Effect {
        self.sent += 1;
        let (model, agent) = (self.model.clone(), self.agent.clone());
        let out = Outgoing { number: self.sent, shown, what, model, agent };
        self.outbox.push((out.clone(), None));
        Effect::Send(out)
    }

    fn run(&mut self, own: Own, arguments: &str) -> Vec<Effect> {
        let effect = match own {
            Own::Help => {
                self.note(HELP, theme::PLAIN);
                return Vec::new();
            }
            Own::Model => return self.choose_model(arguments),
            Own::Agent => return self.choose_agent(arguments),
            Own::Compact => self.outgoing(What::Action(Action::Summarize), "/compact".to_owned()),
            Own::Rename if arguments.is_empty() => {
                self.note("say the title behind it: /rename TITLE", theme::WARN);
                return Vec::new();
            }
            Own::Rename => Effect::Rename(arguments.to_owned()),
            Own::New => Effect::New,
            Own::Sessions => Effect::ReadSessions,
            Own::Undo => Effect::Undo,
            Own::Redo => Effect::Redo,
            Own::Share => Effect::Share(true),
            Own::Unshare => Effect::Share(false),
            Own::Fork => Effect::Fork,
            Own::Diff => Effect::Diff,
            Own::Quit => Effect::Quit,
        };
        vec![effect]
    }

    fn choose_model(&mut self, name: &str) -> Vec<Effect> {
        if name.is_empty() {
            let entry = |model: &opencode_nexus::model::Model| Entry {
                label: format!("{}/{}", model.provider, model.id),
                detail: model.name.clone(),
                pick: Pick::Model(model.reference()),
            };
            let entries: Vec<Entry> = self.catalogue.models().filter(|m| m.usable).map(entry).collect();
            self.popup = Some(Popup::picker("models", entries));
            return vec![Effect::ReadLists];
        }
        match name.parse::<ModelRef>() {
            Ok(model) => self.model = Some(model),
            Err(error) => self.fail(&error),
        }
        Vec::new()
    }

    fn choose_agent(&mut self, name: &str) -> Vec<Effect> {
        if name.is_empty() {
            let entry = |agent: &opencode_nexus::model::Agent| Entry {
                label: agent.name.clone(),
                detail: super::view::clean::one_line(agent.description.as_deref().unwrap_or_default()),
                pick: Pick::Agent(agent.name.clone()),
            };
            let entries: Vec<Entry> = self.agents.iter().filter(|a| a.answers_people()).map(entry).collect();
            self.popup = Some(Popup::picker("agents", entries));
            return vec![Effect::ReadLists];
        }
        self.agent = Some(name.to_owned());
        Vec::new()
    }
}

const HELP: &str = "\
Enter            send; while the agent works, it hears it when it looks up
Alt-Enter        new line (also Shift-Enter, Ctrl-J)
@file            attach a file; @file#L3-9 some lines of it; images too
@git-diff, …     other context; a list opens behind the @
/command         a command of ours, of the server or of a plugin
!command         run it in the shell; the agent sees it
Ctrl-C, Esc      stop the agent; Ctrl-C twice at rest quits, Ctrl-D too
Tab              between what is asked and what you type
Ctrl-O           unfold or fold tools and thoughts; a click does it for one
Page Up/Down     scroll; Shift-Up/Down by lines, Ctrl-Home/End to the ends
Up/Down, Ctrl-R  what you have sent before
Ctrl-T           show or hide the list of things to do
Ctrl-Z           put nexus into the background; Ctrl-L draws anew";

#[cfg(test)]
mod tests;
