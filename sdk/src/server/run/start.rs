//! Starting a server: its home, its environment, its port, and the wait until it answers.

use std::ffi::OsString;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::environment::environment;
use super::guard::{Guarded, Spawn};
use super::output::Output;
use super::ready;
use crate::server::background::log_file::LogFile;
use crate::server::background::process::{MARK_VARIABLE, new_mark};
use crate::server::watch::crash::redacted;
use crate::{Error, ErrorKind, Result, Retry};

/// Between choosing a free port and the server taking it another process can be faster.
const PORT_ATTEMPTS: usize = 5;
/// Log lines that an error carries.
const ERROR_LINES: usize = 20;

/// Where the server keeps its configuration, credentials and sessions.
#[derive(Clone, Debug, Default)]
pub enum Home {
    /// A new directory, empty but for one for temporary files; removed when the server stops, also when our process
    /// is killed.
    #[default]
    Fresh,
    /// This directory (made when missing, kept afterwards) as `HOME`, with the XDG directories inside it.
    At(PathBuf),
    /// The home of the person who runs us, with their providers and sessions.
    Inherit,
}

/// How to run a server.
#[derive(Clone)]
pub struct ServerOptions {
    /// The OpenCode binary; see [`ensure`](crate::server::ensure).
    pub binary: PathBuf,
    /// The project, which becomes the working directory of the server.
    pub directory: PathBuf,
    /// Default [`Home::Fresh`].
    pub home: Home,
    /// The port on 127.0.0.1; default (`None`) a free one.
    pub port: Option<u16>,
    /// Password for HTTP Basic (user `opencode`); default none. Not shown by `Debug`.
    pub password: Option<String>,
    /// Whether the server sees our environment, without what would steer OpenCode; otherwise it gets `PATH` alone and what
    /// is set here. Default true.
    pub inherit_environment: bool,
    /// Whether the server holds on to us by its stdin and ends when we are gone, even if its guardian was killed before.
    /// Servers of OpenCode 2 know that (`serve --stdio`); others do not start so. Give a password too: without one
    /// the server makes its own and tells it to nobody (2.0.14, seen). Default false.
    pub stdio: bool,
    /// A program with its arguments that runs the server, for example to take privileges from it; it must become the
    /// server (`exec`). Default none.
    pub wrapper: Vec<OsString>,
    /// Whether the server prints its log, so that it comes with everything else that it prints
    /// ([`output_tail`](LocalServer::output_tail), [`log_file`](Self::log_file), events of `tracing`). Default false.
    pub print_logs: bool,
    /// More environment variables. They win over everything else that is set here.
    pub environment: Vec<(String, String)>,
    /// Configuration in the form of `opencode.json`, laid over the files of the home and the project.
    pub config: Option<serde_json::Value>,
    /// Whether the server may install packages from the network. Every server tries to install one into its
    /// configuration directory; plugins need it. Default (`None`): only with [`Home::Inherit`].
    pub package_install: Option<bool>,
    /// A file that gets everything the server prints, appended. Above 4 MiB it becomes `NAME.1`, in the place of an older
    /// one, and a new file is begun.
    pub log_file: Option<PathBuf>,
    /// Bound of the whole start. Default 30 s.
    pub start_bound: Duration,
}

impl ServerOptions {
    /// Options with every default, for this binary and project.
    pub fn new(binary: impl Into<PathBuf>, directory: impl Into<PathBuf>) -> Self {
        Self {
            binary: binary.into(),
            directory: directory.into(),
            home: Home::default(),
            port: None,
            password: None,
            inherit_environment: true,
            stdio: false,
            wrapper: Vec::new(),
            print_logs: false,
            environment: Vec::new(),
            config: None,
            package_install: None,
            log_file: None,
            start_bound: Duration::from_secs(30),
        }
    }
}

impl std::fmt::Debug for ServerOptions {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ServerOptions")
            .field("binary", &self.binary)
            .field("directory", &self.directory)
            .field("home", &self.home)
            .field("port", &self.port)
            .field("password", &self.password.as_ref().map(|_| "***"))
            .field("stdio", &self.stdio)
            .field("start_bound", &self.start_bound)
            // The configuration and the environment can hold keys of providers.
            .finish_non_exhaustive()
    }
}

/// A running local server. Dropping it ends the server and waits (up to 5 s, usually milliseconds) until it is gone.
#[derive(Debug)]
pub struct LocalServer {
    pub(in crate::server) guarded: Guarded,
    output: Output,
    url: String,
    port: u16,
    pid: Option<u32>,
    version: String,
    home: Option<PathBuf>,
    mark: String,
}

impl LocalServer {
    /// Starts a server and waits until it answers. When this future is dropped, the half-started server is ended.
    ///
    /// # Errors
    /// - `user.configuration`: the project directory does not exist.
    /// - `system.local_server`: it cannot be run, or it ended while starting; [`context`](Error::context)
    ///   `output` has its last lines.
    /// - `system.timeout`: it did not answer within [`start_bound`](ServerOptions::start_bound).
    pub async fn start(options: ServerOptions) -> Result<Self> {
        if !options.directory.is_dir() {
            let message = format!("the project directory {} does not exist", options.directory.display());
            return Err(Error::new(ErrorKind::Configuration, message).with_operation("server.start"));
        }
        let deadline = tokio::time::Instant::now() + options.start_bound;
        let mut attempt = 1;
        loop {
            let port = match options.port {
                Some(port) => port,
                None => free_port()?,
            };
            let started = match Starting::spawn(&options, port) {
                Ok(starting) => starting.ready(&options, deadline).await,
                Err(error) => Err(error),
            };
            match started {
                Err(error)
                    if error.retry() == Retry::Now && options.port.is_none() && attempt < PORT_ATTEMPTS =>
                {
                    tracing::debug!(
                        port,
                        attempt,
                        "another process took the port first; choosing another one"
                    );
                    attempt += 1;
                }
                other => return other,
            }
        }
    }

    /// The base URL, without a slash at the end.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The port on 127.0.0.1.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The process id of the server itself, when the system told it.
    pub fn pid(&self) -> Option<u32> {
        self.pid
    }

    /// The process group of the server and its guardian (on Windows: the server).
    pub fn group(&self) -> u32 {
        self.guarded.group
    }

    /// The home of the server; `None` when it is the home of the person.
    pub fn home(&self) -> Option<&Path> {
        self.home.as_deref()
    }

    /// The version that the server reported.
    pub fn version(&self) -> &str {
        &self.version
    }

    /// The last lines (at most 200 are kept) that the server printed on stdout or stderr, oldest first.
    pub fn output_tail(&self, lines: usize) -> Vec<String> {
        self.output.tail(lines)
    }

    /// How the server (or its guardian, when that was killed) has ended; `None` while it runs.
    pub(in crate::server) fn exit_status(&self) -> Option<std::process::ExitStatus> {
        self.guarded.exit_status()
    }

    /// Waits a moment for the last words, which travel through a pipe and a thread of their own.
    pub(in crate::server) async fn drained(&self) {
        self.output.drained().await;
    }

    /// What stands in the environment of the server and all that it starts.
    pub(in crate::server) fn mark(&self) -> &str {
        &self.mark
    }

    /// Whether the server still runs.
    pub fn is_running(&self) -> bool {
        self.guarded.exit_status().is_none()
    }

    /// Completes when the server has ended, for whatever reason. Cancel safe.
    pub async fn exited(&self) {
        self.guarded.exited().await;
    }
}

/// A server that was spawned but has not answered yet; dropping the guardian ends it.
struct Starting {
    guarded: Guarded,
    output: Output,
    port: u16,
    home: Option<PathBuf>,
    mark: String,
    password: Option<String>,
}

impl Starting {
    fn spawn(options: &ServerOptions, port: u16) -> Result<Self> {
        let (mut environment, scratch) = environment(options)?;
        let mark = new_mark();
        environment.retain(|(key, _)| key != MARK_VARIABLE);
        environment.push((MARK_VARIABLE.into(), mark.clone().into()));
        let log = options.log_file.as_deref().map(LogFile::open).transpose()?;
        let mut command = options.wrapper.iter().cloned().chain([options.binary.clone().into()]);
        let binary = PathBuf::from(command.next().unwrap_or_default());
        let stdio = options.stdio.then(|| OsString::from("--stdio"));
        let logs = options.print_logs.then(|| OsString::from("--print-logs"));
        let arguments = ["serve", "--hostname", "127.0.0.1", "--port"].map(OsString::from);
        let (guarded, stdout, stderr) = Spawn {
            binary: &binary,
            arguments: command
                .chain(arguments)
                .chain([port.to_string().into()])
                .chain(stdio)
                .chain(logs)
                .collect(),
            directory: &options.directory,
            environment,
            scratch: scratch.as_ref().map(tempfile::TempDir::path),
            held_stdin: options.stdio,
        }
        .spawn()?;
        // From here on the guardian removes the directory, because only it is sure to see the end.
        let home = match (scratch.map(tempfile::TempDir::keep), &options.home) {
            (None, Home::At(path)) => Some(path.clone()),
            (fresh, _) => fresh,
        };
        let output = Output::new(log);
        output.drain(stdout)?;
        output.drain(stderr)?;
        Ok(Self { guarded, output, port, home, mark, password: options.password.clone() })
    }

    async fn ready(self, options: &ServerOptions, deadline: tokio::time::Instant) -> Result<LocalServer> {
        let authorization = options.password.as_deref().map(|p| ready::basic("opencode", p));
        let answers = async {
            let mut facts = self.output.facts();
            // The sender lives in `self.output`, so this only ends with the line.
            let url = facts.wait_for(|f| f.url.is_some()).await.ok().and_then(|facts| facts.url.clone());
            let Some(url) = url else { std::future::pending().await };
            (url, ready::healthy(self.port, authorization.as_deref()).await)
        };
        let (url, version) = tokio::select! {
            answered = answers => answered,
            () = self.guarded.exited() => return Err(self.ended_early().await),
            () = tokio::time::sleep_until(deadline) => {
                let message = format!("OpenCode did not answer within {:?}", options.start_bound);
                return Err(self.failed(Error::new(ErrorKind::Timeout, message)));
            }
        };
        let pid = self.output.facts().borrow().pid;
        tracing::debug!(url, version, pid, "local server is ready");
        let Self { guarded, output, port, home, mark, password: _ } = self;
        Ok(LocalServer { guarded, output, url, port, pid, version, home, mark })
    }

    async fn ended_early(&self) -> Error {
        self.output.drained().await;
        let status = self.guarded.exit_status().map_or_else(String::new, |s| format!(" ({s})"));
        // What it says last is most often the reason; a password must not be in it.
        let secrets: Vec<String> = self.password.iter().cloned().collect();
        let words = self.output.tail(1).pop().map(|line| format!(": {}", redacted(&line, &secrets)));
        let words = words.unwrap_or_default();
        let message = format!("OpenCode ended while it started{status}{words}");
        let error = Error::new(ErrorKind::LocalServer, message);
        // OpenCode 1.x prints nothing but `ServeError` when its port is taken, so the port is tried instead.
        let taken = TcpListener::bind(("127.0.0.1", self.port)).is_err();
        self.failed(if taken { error.with_retry(Retry::Now) } else { error })
    }

    fn failed(&self, error: Error) -> Error {
        let error = error.with_operation("server.start").with_context("port", self.port.to_string());
        let error = if error.retry() == Retry::Now {
            error.with_hint(format!("port {} is in use: choose another one", self.port))
        } else {
            error.with_hint("look at its last lines in the full report")
        };
        error.with_context("output", self.output.tail(ERROR_LINES).join("\n    "))
    }
}

fn free_port() -> Result<u16> {
    let listener = TcpListener::bind(("127.0.0.1", 0))?;
    Ok(listener.local_addr()?.port())
}
