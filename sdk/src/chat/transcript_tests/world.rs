//! A little model of a server: plays turns, sends events in a real server's order, and remembers after each of them
//! what its REST API would answer. Like real servers it stores the text of a part only when the part ends, trims it
//! then, and leaves the requests of a stopped turn open.

use proptest::prelude::*;

use crate::model::{
    AskId, Event, Message, Part, PartBody, PartField, Permission, PermissionReply, Question, Role, Session,
    SessionId, Snapshot, Status, Todo, ToolCall, ToolStatus,
};

/// What happens in one turn.
#[derive(Clone, Debug)]
pub(super) struct TurnPlan {
    /// The last message before it is taken back first.
    pub(super) takes_back: bool,
    pub(super) steps: Vec<StepPlan>,
}

/// One call of the model: the parts of one message, written at the same time.
#[derive(Clone, Debug)]
pub(super) struct StepPlan {
    pub(super) parts: Vec<PartPlan>,
    /// Which of the unfinished parts goes on next, as long as there are numbers.
    pub(super) turns: Vec<usize>,
}

#[derive(Clone, Debug)]
pub(super) enum PartPlan {
    Text { thought: bool, pieces: Vec<String>, given_up: bool },
    Tool { asks: Asks, updates: usize, fails: bool },
    Todos(usize),
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Asks {
    Nothing,
    Answered,
    /// The turn is stopped while the request is open.
    Forgotten,
}

pub(super) fn turns() -> impl Strategy<Value = Vec<TurnPlan>> {
    let text = (any::<bool>(), prop::collection::vec("[ab é😀\n]{1,3}", 0..5), prop::bool::weighted(0.15))
        .prop_map(|(thought, pieces, given_up)| PartPlan::Text { thought, pieces, given_up });
    let asks =
        prop_oneof![Just(Asks::Nothing), Just(Asks::Answered), Just(Asks::Answered), Just(Asks::Forgotten)];
    let tool = (asks, 0..3_usize, any::<bool>()).prop_map(|(asks, updates, fails)| PartPlan::Tool {
        asks,
        updates,
        fails,
    });
    let part = prop_oneof![3 => text, 2 => tool, 1 => (0..3_usize).prop_map(PartPlan::Todos)];
    let step = (prop::collection::vec(part, 0..4), prop::collection::vec(0..4_usize, 0..12))
        .prop_map(|(parts, turns)| StepPlan { parts, turns });
    let turn = (prop::bool::weighted(0.2), prop::collection::vec(step, 0..3))
        .prop_map(|(takes_back, steps)| TurnPlan { takes_back, steps });
    prop::collection::vec(turn, 1..4)
}

/// What the server would answer at one moment.
#[derive(Clone, Debug)]
pub(super) struct State {
    pub(super) status: Status,
    pub(super) messages: Vec<Message>,
    pub(super) permissions: Vec<Permission>,
    pub(super) questions: Vec<Question>,
    pub(super) todos: Vec<Todo>,
    /// The requests of which an answer would still matter.
    pub(super) waiting: Vec<String>,
}

#[derive(Debug)]
pub(super) struct World {
    session: Session,
    now: u64,
    state: State,
    pub(super) log: Vec<Event>,
    /// `states[n]` is the state after `n` events.
    pub(super) states: Vec<State>,
    /// Everything that was sent of a text, by its part.
    pub(super) sent: std::collections::HashMap<String, String>,
}

/// The events that are left of a part, last first.
type Rest = Vec<Event>;

impl World {
    pub(super) fn play(turns: &[TurnPlan]) -> Self {
        let session_id = SessionId::from("ses_1");
        let session = Session {
            id: session_id,
            parent_id: None,
            title: "A session".into(),
            directory: "/project".into(),
            created: 0,
            updated: 0,
            agent: None,
            model: None,
            usage: None,
            share_url: None,
            revert: None,
            extra: Default::default(),
        };
        let state = State {
            status: Status::Idle,
            messages: Vec::new(),
            permissions: Vec::new(),
            questions: Vec::new(),
            todos: Vec::new(),
            waiting: Vec::new(),
        };
        let states = vec![state.clone()];
        let mut world = Self { session, now: 1, state, log: Vec::new(), states, sent: Default::default() };
        turns.iter().for_each(|turn| world.turn(turn));
        world
    }

    /// The answers at three moments: servers are asked for the status first, then for requests, then for messages.
    pub(super) fn snapshot(&self, status: usize, asks: usize, messages: usize) -> Snapshot {
        Snapshot {
            session: self.session.clone(),
            status: self.states[status].status.clone(),
            permissions: self.states[asks].permissions.clone(),
            questions: self.states[asks].questions.clone(),
            messages: self.states[messages].messages.clone(),
            queued: Vec::new(),
            todos: self.states[messages].todos.clone(),
            children: Vec::new(),
        }
    }

    pub(super) fn session_id(&self) -> SessionId {
        self.session.id.clone()
    }

    pub(super) fn last(&self) -> &State {
        &self.states[self.states.len() - 1]
    }

    fn tick(&mut self) -> u64 {
        self.now += 1;
        self.now
    }

    fn turn(&mut self, plan: &TurnPlan) {
        if let Some(last) = self.state.messages.last().filter(|_| plan.takes_back) {
            let (session_id, message_id) = (self.session.id.clone(), last.id.clone());
            self.send(Event::MessageRemoved { session_id, message_id });
        }
        let user = self.message(Role::User);
        self.send(Event::Message(Box::new(user.clone())));
        let body = PartBody::Text { text: "do it".into(), synthetic: false, ignored: false };
        let mut part = self.part(&user, body);
        part.started = None;
        self.send(Event::Part(Box::new(part)));
        self.status(Status::Busy);
        for step in &plan.steps {
            self.step(step);
        }
        self.status(Status::Idle);
        self.status(Status::Idle);
        // The summary of the prompt is made when the turn is over.
        let mut user = user;
        user.agent = Some("build".into());
        self.send(Event::Message(Box::new(user)));
    }

    fn status(&mut self, status: Status) {
        self.send(Event::Status { session_id: self.session.id.clone(), status, error: None });
    }

    fn step(&mut self, plan: &StepPlan) {
        let mut message = self.message(Role::Assistant);
        self.send(Event::Message(Box::new(message.clone())));
        let mut open: Vec<Rest> = plan.parts.iter().map(|part| self.script(part, &message)).collect();
        let mut turns = plan.turns.iter();
        while !open.is_empty() {
            let at = turns.next().map_or(0, |n| n % open.len());
            match open[at].pop() {
                Some(event) => self.send(event),
                None => drop(open.remove(at)),
            }
        }
        message.completed = Some(self.tick());
        message.finish = Some("stop".into());
        self.send(Event::Message(Box::new(message)));
    }

    fn message(&mut self, role: Role) -> Message {
        let now = self.tick();
        Message {
            id: format!("msg_{now:06}").into(),
            session_id: self.session.id.clone(),
            role,
            parent_id: None,
            created: now,
            completed: None,
            agent: None,
            model: None,
            usage: None,
            finish: None,
            error: None,
            parts: Vec::new(),
            extra: Default::default(),
        }
    }

    fn part(&mut self, message: &Message, body: PartBody) -> Part {
        let now = self.tick();
        Part {
            id: format!("prt_{now:06}").into(),
            session_id: message.session_id.clone(),
            message_id: message.id.clone(),
            body,
            started: Some(now),
            ended: None,
            extra: Default::default(),
        }
    }

    fn script(&mut self, plan: &PartPlan, message: &Message) -> Rest {
        let mut events = match plan {
            PartPlan::Text { thought, pieces, given_up } => self.text(*thought, pieces, *given_up, message),
            PartPlan::Tool { asks, updates, fails } => self.tool(*asks, *updates, *fails, message),
            PartPlan::Todos(count) => {
                let todo =
                    |n| Todo { content: format!("{n}"), status: "pending".into(), priority: "low".into() };
                let todos = (0..*count).map(todo).collect();
                vec![Event::Todos { session_id: self.session.id.clone(), todos }]
            }
        };
        events.reverse();
        events
    }

    fn text(&mut self, thought: bool, pieces: &[String], given_up: bool, message: &Message) -> Vec<Event> {
        let body = |text: String| match thought {
            true => PartBody::Reasoning { text },
            false => PartBody::Text { text, synthetic: false, ignored: false },
        };
        let start = self.part(message, body(String::new()));
        let whole: String = pieces.concat();
        self.sent.insert(start.id.to_string(), whole.clone());
        let mut events = vec![Event::Part(Box::new(start.clone()))];
        events.extend(pieces.iter().map(|piece| Event::Delta {
            session_id: start.session_id.clone(),
            message_id: start.message_id.clone(),
            part_id: start.id.clone(),
            field: PartField::Text,
            text: piece.clone(),
        }));
        if !given_up {
            let end = Part { body: body(whole.trim_end().to_owned()), ended: Some(self.tick()), ..start };
            events.push(Event::Part(Box::new(end)));
        }
        events
    }

    fn tool(&mut self, asks: Asks, updates: usize, fails: bool, message: &Message) -> Vec<Event> {
        let call = |status: ToolStatus, update: usize| {
            PartBody::Tool(Box::new(ToolCall {
                call_id: "call".into(),
                tool: "bash".into(),
                output: (status == ToolStatus::Completed).then(|| "done".into()),
                status,
                input: serde_json::Value::Null,
                title: None,
                error: None,
                metadata: Some(update.into()),
                extra: Default::default(),
            }))
        };
        let first = self.part(message, call(ToolStatus::Pending, 0));
        let at = |body: PartBody| Event::Part(Box::new(Part { body, ..first.clone() }));
        let mut events = vec![at(call(ToolStatus::Pending, 0)), at(call(ToolStatus::Running, 0))];
        let [asked, answered] = if fails { self.question() } else { self.permission() };
        events.extend((asks != Asks::Nothing).then_some(asked));
        events.extend((asks == Asks::Answered).then_some(answered));
        events.extend((1..=updates).map(|n| at(call(ToolStatus::Running, n))));
        let end = if fails || asks == Asks::Forgotten { ToolStatus::Error } else { ToolStatus::Completed };
        events.push(at(call(end, 0)));
        events
    }

    fn permission(&mut self) -> [Event; 2] {
        let (session_id, id) = (self.session.id.clone(), AskId::from(format!("per_{:06}", self.tick())));
        let permission = Permission {
            id: id.clone(),
            session_id: session_id.clone(),
            action: "bash".into(),
            patterns: Vec::new(),
            always: Vec::new(),
            tool: None,
            metadata: Default::default(),
        };
        let reply = Some(PermissionReply::Once);
        [Event::PermissionAsked(Box::new(permission)), Event::PermissionReplied { session_id, id, reply }]
    }

    fn question(&mut self) -> [Event; 2] {
        let (session_id, id) = (self.session.id.clone(), AskId::from(format!("que_{:06}", self.tick())));
        let question =
            Question { id: id.clone(), session_id: session_id.clone(), items: Vec::new(), tool: None };
        [Event::QuestionAsked(Box::new(question)), Event::QuestionClosed { session_id, id, answers: None }]
    }

    /// Changes the state as the event says, and sends it.
    fn send(&mut self, event: Event) {
        let state = &mut self.state;
        match &event {
            Event::Message(new) => match state.messages.iter_mut().find(|m| m.id == new.id) {
                Some(old) => *old = Message { parts: std::mem::take(&mut old.parts), ..(**new).clone() },
                None => state.messages.push((**new).clone()),
            },
            Event::MessageRemoved { message_id, .. } => state.messages.retain(|m| m.id != *message_id),
            Event::Part(new) => {
                let message = state.messages.iter_mut().find(|m| m.id == new.message_id).unwrap();
                match message.parts.iter_mut().find(|p| p.id == new.id) {
                    Some(old) => *old = (**new).clone(),
                    None => message.parts.push((**new).clone()),
                }
                message.parts.sort_by(|a, b| a.id.cmp(&b.id));
            }
            Event::Status { status, .. } => {
                state.status = status.clone();
                if status.is_idle() {
                    state.waiting.clear();
                }
            }
            Event::PermissionAsked(ask) => {
                state.permissions.push((**ask).clone());
                state.waiting.push(ask.id.to_string());
            }
            Event::PermissionReplied { id, .. } => {
                state.permissions.retain(|p| p.id != *id);
                state.waiting.retain(|p| p != id.as_str());
            }
            Event::QuestionAsked(ask) => {
                state.questions.push((**ask).clone());
                state.waiting.push(ask.id.to_string());
            }
            Event::QuestionClosed { id, .. } => {
                state.questions.retain(|q| q.id != *id);
                state.waiting.retain(|q| q != id.as_str());
            }
            Event::Todos { todos, .. } => state.todos.clone_from(todos),
            _ => {}
        }
        self.log.push(event);
        self.states.push(self.state.clone());
    }
}
