//! A plain client of the Language Server Protocol over the standard streams of a process: an editor without a window.
//!
//! It believes nothing. Whatever comes that it was not told to expect is a fault: bytes that are no message, a message
//! that the person would see and the test has not looked at, a question without a scripted answer, an edit that does not
//! fit its document, a number that does not grow, a word after the end of a turn. Faults are kept, make
//! [`LanguageClient::finish`] fail, and make dropping the client panic, with everything that was said before.
//!
//! ```no_run
//! # async fn story() -> Result<(), opencode_nexus_testkit::language_client::Failure> {
//! use opencode_nexus_testkit::language_client::{ClientOptions, LanguageClient, TokenKind};
//! use serde_json::json;
//! let mut command = tokio::process::Command::new("nexus");
//! command.arg("lsp");
//! let client = LanguageClient::start(command, ClientOptions::in_folders(["/project".as_ref()])).await?;
//! let mut turn = client.watch("t1", TokenKind::Turn);
//! let parts = json!([{"type": "text", "text": "Hello"}]);
//! client.request("nexus/chat/send", json!({"parts": parts, "partialResultToken": "t1"})).await?;
//! let screen = turn.until_end().await?;
//! println!("{}", screen.said);
//! client.finish().await
//! # }
//! ```

mod answers;
mod documents;
mod failure;
mod framing;
pub mod many_turns;
mod options;
mod order;
mod screen;
mod watch;
mod wire;

use std::process::ExitStatus;
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::io::AsyncWriteExt as _;
use tokio::process::{Child, Command};
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;

pub use answers::Choice;
pub use documents::{Document, position};
pub use failure::Failure;
pub use framing::{Decoder, Framed, encode, with_header};
pub use options::{ClientOptions, address};
pub use order::TokenKind;
pub use screen::ChatScreen;
pub use watch::{Told, Watch};
pub use wire::Notice;
use wire::Shared;

/// Whatever is waited for comes within this, or is given up; far above what anything takes on a busy machine.
pub const BOUND: Duration = Duration::from_secs(90);

/// The client. Dropping it ends the process, and panics when something came that must not come.
pub struct LanguageClient {
    shared: Arc<Shared>,
    child: Child,
    writer: JoinHandle<()>,
    reader: JoinHandle<()>,
    finished: bool,
}

impl LanguageClient {
    /// Runs a command and speaks with it; nothing is said yet. Its standard streams are taken.
    ///
    /// # Errors
    /// When it cannot be run.
    pub fn spawn(mut command: Command, options: ClientOptions) -> Result<Self, Failure> {
        use std::process::Stdio;
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
        let mut child = command.spawn().map_err(|error| Failure::Process(format!("{command:?}: {error}")))?;
        let (Some(mut stdin), Some(stdout), Some(stderr)) =
            (child.stdin.take(), child.stdout.take(), child.stderr.take())
        else {
            return Err(Failure::Process("its streams are missing".to_owned()));
        };
        // Unbounded: the test says one thing at a time, and one that writes must never wait for one that reads.
        let (outgoing, mut written) = mpsc::unbounded_channel::<Vec<u8>>();
        let writer = tokio::spawn(async move {
            while let Some(bytes) = written.recv().await {
                if stdin.write_all(&bytes).await.is_err() {
                    break; // the process is gone; the reader tells it
                }
            }
        });
        let shared = Arc::new(Shared::new(options, outgoing));
        tokio::spawn(wire::keep_stderr(stderr, Arc::clone(&shared)));
        let reader = tokio::spawn(wire::read(stdout, Arc::clone(&shared)));
        Ok(Self { shared, child, writer, reader, finished: false })
    }

    /// Runs a command, and greets it.
    ///
    /// # Errors
    /// Those of [`spawn`](Self::spawn) and of `initialize`.
    pub async fn start(command: Command, options: ClientOptions) -> Result<Self, Failure> {
        let client = Self::spawn(command, options)?;
        client.initialize().await?;
        Ok(client)
    }

    /// `initialize` and `initialized`; what the server can do.
    ///
    /// # Errors
    /// Those of [`request`](Self::request).
    pub async fn initialize(&self) -> Result<Value, Failure> {
        let options = &self.shared.options;
        let name = |uri: &String| json!({"uri": uri, "name": uri.rsplit('/').next()});
        let answer = self
            .request(
                "initialize",
                json!({
                    "processId": std::process::id(),
                    "clientInfo": {"name": "nexus-testkit", "version": env!("CARGO_PKG_VERSION")},
                    "rootUri": options.folders.first(),
                    "workspaceFolders": options.folders.iter().map(name).collect::<Vec<_>>(),
                    "capabilities": options.capabilities,
                }),
            )
            .await?;
        self.notify("initialized", json!({}));
        Ok(answer["capabilities"].clone())
    }

    /// Asks and waits for the answer.
    ///
    /// # Errors
    /// The server's error; that it is gone; that nothing came in time.
    pub async fn request(&self, method: &str, params: Value) -> Result<Value, Failure> {
        let answer = self.begin(method, params);
        self.answer(method, answer).await
    }

    /// Asks without waiting yet; [`answer`](Self::answer) waits. The number names the request for `$/cancelRequest`.
    pub fn begin(&self, method: &str, params: Value) -> Pending {
        let (id, answer) = self.shared.expect_answer(method);
        self.shared.send(&json!({"jsonrpc": "2.0", "id": id, "method": method, "params": params}));
        Pending { id, answer }
    }

    /// The answer to what was begun.
    ///
    /// # Errors
    /// Those of [`request`](Self::request).
    pub async fn answer(&self, method: &str, pending: Pending) -> Result<Value, Failure> {
        match tokio::time::timeout(BOUND, pending.answer).await {
            Ok(Ok(answer)) => answer,
            Ok(Err(_)) => Err(self.gone(method)),
            Err(_) => Err(self.late(method)),
        }
    }

    /// Tells something.
    pub fn notify(&self, method: &str, params: Value) {
        self.shared.send(&json!({"jsonrpc": "2.0", "method": method, "params": params}));
    }

    /// Sends bytes as they are.
    pub fn raw(&self, bytes: impl Into<Vec<u8>>) {
        self.shared.raw(bytes.into());
    }

    /// From now on answers without a number are kept, as JSON-RPC has them for what could not be read, and are no fault.
    pub fn tolerate_nameless(&self) {
        self.shared.tolerate(|tolerance| tolerance.nameless = true);
    }

    /// From now on answers to nothing are no fault either: for messages whose number may have been destroyed.
    pub fn tolerate_unexpected(&self) {
        self.shared.tolerate(|tolerance| (tolerance.nameless, tolerance.unexpected) = (true, true));
    }

    /// From now on messages for the person need not be looked at.
    pub fn tolerate_notices(&self) {
        self.shared.tolerate(|tolerance| tolerance.notices = true);
    }

    /// Takes the first answer without a number that nobody has looked at, and waits for one if there is none.
    ///
    /// # Errors
    /// That none comes in time; that the server is gone.
    pub async fn nameless(&self, what: &str) -> Result<Failure, Failure> {
        self.until(what, || self.shared.take_nameless()).await
    }

    /// Waits for what comes on a token. To be called before anybody can use the token.
    pub fn watch(&self, token: &str, kind: TokenKind) -> Watch {
        self.shared.watch(token, kind)
    }

    /// A choice for the next `window/showMessageRequest` that comes; they are used in the order in which they are given.
    pub fn choose(&self, choice: Choice) {
        self.shared.choose(choice);
    }

    /// Opens a document in the editor.
    pub fn open(&self, uri: &str, language: &str, text: &str) {
        self.shared.open(uri, text);
        let document = json!({"uri": uri, "languageId": language, "version": 1, "text": text});
        self.notify("textDocument/didOpen", json!({"textDocument": document}));
    }

    /// Types: replaces a range (in bytes) of an open document.
    ///
    /// # Errors
    /// When it is not open, or the range not in it.
    pub fn type_in(&self, uri: &str, range: std::ops::Range<usize>, text: &str) -> Result<(), Failure> {
        self.shared.type_in(uri, range, text).map_err(Failure::Process)
    }

    /// An open document as it stands.
    pub fn document(&self, uri: &str) -> Option<Document> {
        self.shared.document(uri)
    }

    /// Waits until a document is as wanted.
    ///
    /// # Errors
    /// That it does not become so in time; that the server is gone.
    pub async fn until_document(
        &self,
        uri: &str,
        what: &str,
        wanted: impl Fn(&str) -> bool,
    ) -> Result<String, Failure> {
        self.until(what, || self.document(uri).map(|document| document.text).filter(|text| wanted(text)))
            .await
    }

    /// The address of the document that the server has shown last; waits for one if there is none.
    ///
    /// # Errors
    /// That none is shown in time; that the server is gone.
    pub async fn until_shown(&self) -> Result<String, Failure> {
        self.until("a document that is shown", || self.shared.shown()).await
    }

    /// How many edits of the server's were made.
    pub fn edits(&self) -> usize {
        self.shared.edits()
    }

    /// Takes the first message that the person was shown (`window/showMessage` and `…Request`), a notification of ours
    /// (`nexus/chat/show`) or a line of the log that `wanted` accepts; waits for one if there is none.
    ///
    /// # Errors
    /// That none comes in time; that the server is gone.
    pub async fn notice(&self, what: &str, wanted: impl Fn(&Notice) -> bool) -> Result<Notice, Failure> {
        self.until(what, || self.shared.take_notice(&wanted)).await
    }

    /// Takes all that came so far and `wanted` accepts.
    pub fn notices(&self, wanted: impl Fn(&Notice) -> bool) -> Vec<Notice> {
        std::iter::from_fn(|| self.shared.take_notice(&wanted)).collect()
    }

    /// Looks again and again, each time when something has come, until there is what is looked for.
    async fn until<T>(&self, what: &str, look: impl Fn() -> Option<T>) -> Result<T, Failure> {
        let mut changes = self.shared.changes();
        let looking = async {
            loop {
                if let Some(found) = look() {
                    return Ok(found);
                }
                if self.shared.is_closed() || changes.changed().await.is_err() {
                    return look().ok_or_else(|| self.gone(what));
                }
            }
        };
        tokio::time::timeout(BOUND, looking).await.unwrap_or_else(|_| Err(self.late(what)))
    }

    /// The process.
    pub fn pid(&self) -> Option<u32> {
        self.child.id()
    }

    /// Bytes that the server has written so far.
    pub fn bytes_read(&self) -> u64 {
        self.shared.bytes_read()
    }

    /// What was said by both sides, as far as it is kept.
    pub fn log(&self) -> String {
        self.shared.log()
    }

    /// What came and must not come, so far.
    pub fn faults(&self) -> Vec<String> {
        self.shared.faults()
    }

    /// Closes our side without a word, as an editor does that dies, and waits for the end of the process.
    ///
    /// # Errors
    /// When it does not end in time, or something came that must not come.
    pub async fn hang_up(mut self) -> Result<ExitStatus, Failure> {
        self.ended().await
    }

    /// `shutdown` and `exit`, and the end of the process, which must be a success.
    ///
    /// # Errors
    /// When something came that must not come, or was not looked at; when it does not end in time, or with an error.
    pub async fn finish(mut self) -> Result<(), Failure> {
        self.request("shutdown", Value::Null).await?;
        self.notify("exit", Value::Null);
        let status = self.ended().await?;
        if status.success() {
            return Ok(());
        }
        Err(Failure::Process(format!("after `exit` it ended with {status}\n{}", self.log())))
    }

    /// The end of the process, once nothing more is written to it.
    async fn ended(&mut self) -> Result<ExitStatus, Failure> {
        self.shared.close();
        let waiting = async {
            // All that was said is written before its stream is closed.
            let _ = (&mut self.writer).await;
            let status = self.child.wait().await.map_err(|error| Failure::Process(error.to_string()))?;
            // Whoever holds its standard output longer than it lives is found here.
            let _ = (&mut self.reader).await;
            Ok::<_, Failure>(status)
        };
        let status = match tokio::time::timeout(BOUND, waiting).await {
            Ok(status) => status?,
            Err(_) => return Err(self.late("the end of the process")),
        };
        self.finished = true;
        self.check()?;
        Ok(status)
    }

    /// Fails when something came that must not come, or was not looked at.
    ///
    /// # Errors
    /// [`Failure::Faults`]
    pub fn check(&self) -> Result<(), Failure> {
        let faults = self.shared.all_faults();
        if faults.is_empty() { Ok(()) } else { Err(Failure::Faults { faults, log: self.log() }) }
    }

    fn gone(&self, what: &str) -> Failure {
        Failure::Gone { what: what.to_owned(), log: self.log() }
    }

    fn late(&self, what: &str) -> Failure {
        Failure::Late { what: what.to_owned(), log: self.log() }
    }
}

impl Drop for LanguageClient {
    fn drop(&mut self) {
        self.reader.abort();
        self.writer.abort();
        // A child that has ended already needs no signal.
        let _ = self.child.start_kill();
        if self.finished || std::thread::panicking() {
            return;
        }
        if let Err(failure) = self.check() {
            panic!("{failure}");
        }
    }
}

/// A request whose answer is still to come.
#[derive(Debug)]
pub struct Pending {
    /// Its number; 0 for one without.
    pub id: u64,
    answer: oneshot::Receiver<Result<Value, Failure>>,
}
