//! What both sides say: the state of the conversation between editor and server, the task that reads, and the log.

mod incoming;

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt as _, AsyncRead, AsyncReadExt as _, BufReader};
use tokio::sync::{mpsc, oneshot, watch};

use super::answers::Choice;
use super::documents::{Document, Documents, position};
use super::framing::{Decoder, encode};
use super::order::{Order, TokenKind};
use super::watch::{Told, Watch};
use super::{ClientOptions, Failure};

/// So much of the log is kept, in bytes, and so much of one message.
const LOG: usize = 8 << 20;
const LINE: usize = 4000;

/// So long an editor that tells the server's edits late keeps them, as Neovim does.
const DEBOUNCE: Duration = Duration::from_millis(150);

/// Something that was told to the person or to a plugin.
#[derive(Clone, Debug)]
pub struct Notice {
    /// `window/showMessage` or another.
    pub method: String,
    /// With what.
    pub params: Value,
    /// Whether it must be looked at: messages for the person must, lines of the log and states need not.
    pub counts: bool,
}

impl Notice {
    /// The text of a message.
    pub fn message(&self) -> &str {
        self.params["message"].as_str().unwrap_or_default()
    }

    /// Whether it is a message for the person that holds this.
    pub fn says(&self, word: &str) -> bool {
        self.method.starts_with("window/showMessage") && self.message().contains(word)
    }
}

type Answers = oneshot::Sender<Result<Value, Failure>>;

/// What is no fault where bad messages are sent on purpose.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Tolerance {
    pub nameless: bool,
    pub unexpected: bool,
    pub notices: bool,
}

/// The state.
pub(super) struct State {
    next_id: u64,
    pending: HashMap<u64, (String, Answers)>,
    nameless: VecDeque<Failure>,
    tolerance: Tolerance,
    tokens: HashMap<String, (Order, Option<mpsc::UnboundedSender<Told>>)>,
    notices: VecDeque<Notice>,
    faults: Vec<String>,
    pub(super) documents: Documents,
    pub(super) choices: VecDeque<Choice>,
    pub(super) edits: usize,
    pub(super) shown: Vec<String>,
    pub(super) echo_edits: bool,
    /// Changes by the server's edits that it has not been told yet.
    pub(super) late: Vec<Value>,
    late_is_due: bool,
    pub(super) configuration: Value,
    pub(super) folders: Vec<String>,
    greeted: bool,
    closed: bool,
    bytes_read: u64,
    log: VecDeque<String>,
    logged: usize,
    outgoing: Option<mpsc::UnboundedSender<Vec<u8>>>,
}

/// The state, shared by the client and its tasks.
pub(super) struct Shared {
    pub options: ClientOptions,
    state: Mutex<State>,
    changed: watch::Sender<u64>,
}

impl Shared {
    pub fn new(options: ClientOptions, outgoing: mpsc::UnboundedSender<Vec<u8>>) -> Self {
        let state = State {
            next_id: 1,
            pending: HashMap::new(),
            nameless: VecDeque::new(),
            tolerance: Tolerance::default(),
            tokens: HashMap::new(),
            notices: VecDeque::new(),
            faults: Vec::new(),
            documents: Documents::default(),
            choices: VecDeque::new(),
            edits: 0,
            shown: Vec::new(),
            echo_edits: options.echo_edits,
            late: Vec::new(),
            late_is_due: false,
            configuration: options.configuration.clone(),
            folders: options.folders.clone(),
            greeted: false,
            closed: false,
            bytes_read: 0,
            log: VecDeque::new(),
            logged: 0,
            outgoing: Some(outgoing),
        };
        Self { options, state: Mutex::new(state), changed: watch::Sender::new(0) }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn changes(&self) -> watch::Receiver<u64> {
        self.changed.subscribe()
    }

    pub fn expect_answer(&self, method: &str) -> (u64, oneshot::Receiver<Result<Value, Failure>>) {
        let (sender, receiver) = oneshot::channel();
        let mut state = self.state();
        let id = state.next_id;
        state.next_id += 1;
        // Of a server that is gone there is nothing to wait for.
        if !state.closed {
            state.pending.insert(id, (method.to_owned(), sender));
        }
        (id, receiver)
    }

    pub fn tolerate(&self, change: impl FnOnce(&mut Tolerance)) {
        change(&mut self.state().tolerance);
    }

    pub fn take_nameless(&self) -> Option<Failure> {
        self.state().nameless.pop_front()
    }

    pub fn send(&self, message: &Value) {
        let mut state = self.state();
        state.send_late();
        state.send(message);
    }

    pub fn raw(&self, bytes: Vec<u8>) {
        let mut state = self.state();
        state.note(|| format!("→ {} raw bytes: {}", bytes.len(), String::from_utf8_lossy(&bytes)));
        state.write(bytes);
    }

    /// Nothing more is written.
    pub fn close(&self) {
        self.state().outgoing = None;
    }

    pub fn is_closed(&self) -> bool {
        self.state().closed
    }

    pub fn watch(self: &Arc<Self>, token: &str, kind: TokenKind) -> Watch {
        let (sender, values) = mpsc::unbounded_channel();
        let mut state = self.state();
        let order = (Order::new(kind), Some(sender));
        if state.tokens.insert(token.to_owned(), order).is_some() {
            state.faults.push(format!("the test uses the token {token} twice"));
        }
        drop(state);
        Watch { token: token.to_owned(), values, shared: Arc::clone(self) }
    }

    pub fn choose(&self, choice: Choice) {
        self.state().choices.push_back(choice);
    }

    pub fn open(&self, uri: &str, text: &str) {
        self.state()
            .documents
            .open
            .insert(uri.to_owned(), Document { text: text.to_owned(), version: 1, told: true });
    }

    pub fn document(&self, uri: &str) -> Option<Document> {
        self.state().documents.open.get(uri).cloned()
    }

    pub fn shown(&self) -> Option<String> {
        self.state().shown.pop()
    }

    pub fn edits(&self) -> usize {
        self.state().edits
    }

    pub fn type_in(&self, uri: &str, range: std::ops::Range<usize>, text: &str) -> Result<(), String> {
        let mut state = self.state();
        state.send_late();
        let document = state.documents.open.get_mut(uri).ok_or_else(|| format!("{uri} is not open"))?;
        if document.text.get(range.clone()).is_none() {
            return Err(format!("{range:?} is not in {uri}"));
        }
        let places = json!({
            "start": position(&document.text, range.start), "end": position(&document.text, range.end),
        });
        document.text.replace_range(range, text);
        document.version += 1;
        let named = json!({"uri": uri, "version": document.version});
        // Who has not told the edits before tells them now, with the rest.
        let whole = json!({"text": document.text});
        let change = if state.echo_edits { json!({"range": places, "text": text}) } else { whole };
        let params = json!({"textDocument": named, "contentChanges": [change]});
        state.send(&json!({"jsonrpc": "2.0", "method": "textDocument/didChange", "params": params}));
        Ok(())
    }

    pub fn take_notice(&self, wanted: impl Fn(&Notice) -> bool) -> Option<Notice> {
        let mut state = self.state();
        let at = state.notices.iter().position(wanted)?;
        state.notices.remove(at)
    }

    pub fn bytes_read(&self) -> u64 {
        self.state().bytes_read
    }

    pub fn faults(&self) -> Vec<String> {
        self.state().faults.clone()
    }

    /// Those so far, and what nobody has looked at.
    pub fn all_faults(&self) -> Vec<String> {
        let state = self.state();
        let unseen = state.notices.iter().filter(|notice| notice.counts && !state.tolerance.notices);
        let unseen = unseen.map(|notice| format!("nobody looked at {} {}", notice.method, notice.params));
        let unused = state.choices.iter().map(|choice| format!("nothing was asked for {choice:?}"));
        state.faults.iter().cloned().chain(unseen).chain(unused).collect()
    }

    pub fn log(&self) -> String {
        let state = self.state();
        let lines: Vec<&str> = state.log.iter().map(String::as_str).collect();
        lines.join("\n")
    }

    fn came(&self) {
        self.changed.send_modify(|count| *count += 1);
    }
}

/// Reads until the server closes its side.
pub(super) async fn read(mut stdout: impl AsyncRead + Unpin, shared: Arc<Shared>) {
    let mut decoder = Decoder::default();
    let mut buffer = vec![0; 1 << 16];
    // What cannot be read ends as what is over.
    while let Ok(count @ 1..) = stdout.read(&mut buffer).await {
        decoder.feed(&buffer[..count]);
        let mut state = shared.state();
        state.bytes_read += count as u64;
        loop {
            match decoder.next_message() {
                Ok(Some(framed)) => state.take(framed),
                Ok(None) => break,
                Err(why) => {
                    state.fault(why);
                    // There is no way to find the next message behind such bytes.
                    decoder = Decoder::default();
                    break;
                }
            }
        }
        if !state.late.is_empty() && !std::mem::replace(&mut state.late_is_due, true) {
            tokio::spawn(tell_late(Arc::clone(&shared)));
        }
        drop(state);
        shared.came();
    }
    let mut state = shared.state();
    if !decoder.rest().is_empty() {
        let rest = String::from_utf8_lossy(decoder.rest()).into_owned();
        state.fault(format!("half a message at the end: {rest}"));
    }
    state.closed = true;
    // Whoever waits learns that nothing comes any more.
    let pending = std::mem::take(&mut state.pending);
    let unanswered = pending.values().map(|(method, _)| format!("{method} was never answered"));
    let unanswered: Vec<String> = unanswered.collect();
    if !unanswered.is_empty() {
        state.note(|| format!("at the end: {}", unanswered.join(", ")));
    }
    for (_, values) in state.tokens.values_mut() {
        *values = None;
    }
    drop(state);
    shared.came();
}

async fn tell_late(shared: Arc<Shared>) {
    tokio::time::sleep(DEBOUNCE).await;
    let mut state = shared.state();
    state.late_is_due = false;
    state.send_late();
}

/// What the server writes to its standard error stands in the log.
pub(super) async fn keep_stderr(stderr: impl AsyncRead + Unpin, shared: Arc<Shared>) {
    let mut lines = BufReader::new(stderr).lines();
    while let Ok(Some(line)) = lines.next_line().await {
        shared.state().note(|| format!("stderr: {line}"));
    }
}

impl State {
    fn note(&mut self, line: impl FnOnce() -> String) {
        let mut line = line();
        if line.len() > LINE {
            let end = (0..=LINE).rev().find(|at| line.is_char_boundary(*at)).unwrap_or_default();
            line.truncate(end);
            line.push('…');
        }
        self.logged += line.len();
        self.log.push_back(line);
        while self.logged > LOG {
            self.logged -= self.log.pop_front().map_or(self.logged, |line| line.len());
        }
    }

    fn fault(&mut self, what: String) {
        self.note(|| format!("FAULT: {what}"));
        self.faults.push(what);
    }

    fn write(&mut self, bytes: Vec<u8>) {
        // A writer that is gone has met the end of the process.
        if let Some(outgoing) = &self.outgoing {
            let _ = outgoing.send(bytes);
        }
    }

    fn send_late(&mut self) {
        for message in std::mem::take(&mut self.late) {
            self.send(&message);
        }
    }

    fn send(&mut self, message: &Value) {
        self.note(|| format!("→ {message}"));
        self.write(encode(message));
    }
}

fn token_name(token: &Value) -> String {
    token.as_str().map_or_else(|| token.to_string(), str::to_owned)
}
