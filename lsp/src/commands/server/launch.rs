//! Between `start` and the supervisor that it leaves behind: how it is launched, what it is told, and how it says that all
//! is well. The supervisor is this same executable, in a session of its own; it reads what to do from its stdin and
//! writes one line to its stdout when the server answers, or when it cannot be started.

use std::fs::File;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::Duration;

use opencode_nexus::server::Instances;
use opencode_nexus::{Error, ErrorKind, Result};
use serde::{Deserialize, Serialize};

/// What the supervisor shall run.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Launch {
    pub name: String,
    pub binary: PathBuf,
    /// Its version, when an update has selected it: then its first start decides whether it stays selected.
    pub selected: Option<String>,
    pub directory: PathBuf,
    pub inherit_home: bool,
    /// The home when it is not the person's; without one a fresh one.
    pub home: Option<PathBuf>,
    pub port: Option<u16>,
    pub require_version: Option<String>,
    /// Bytes.
    pub memory_limit: Option<u64>,
    pub restart_over_limit: bool,
    /// Seconds.
    pub idle_timeout: Option<u64>,
}

/// The line that the supervisor writes.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct Told {
    /// What a person should know of a start that went well in the end.
    #[serde(default)]
    pub notice: Option<String>,
    pub error: Option<ToldError>,
}

/// An error on its way from one process to another.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct ToldError {
    code: String,
    message: String,
    hint: Option<String>,
    operation: Option<String>,
    output: Option<String>,
}

impl From<&Error> for ToldError {
    fn from(error: &Error) -> Self {
        let owned = |text: Option<&str>| text.map(str::to_owned);
        Self {
            code: error.code().to_owned(),
            message: error.message().to_owned(),
            hint: owned(error.hint()),
            operation: owned(error.operation()),
            output: owned(error.context("output")),
        }
    }
}

impl From<ToldError> for Error {
    fn from(told: ToldError) -> Self {
        const KINDS: [ErrorKind; 6] = [
            ErrorKind::Configuration,
            ErrorKind::InvalidInput,
            ErrorKind::Timeout,
            ErrorKind::Incompatible,
            ErrorKind::Io,
            ErrorKind::Internal,
        ];
        let kind = KINDS.into_iter().find(|kind| kind.code() == told.code).unwrap_or(ErrorKind::LocalServer);
        let mut error = Error::new(kind, told.message);
        if let Some(hint) = told.hint {
            error = error.with_hint(hint);
        }
        if let Some(operation) = told.operation {
            error = error.with_operation(operation);
        }
        if let Some(output) = told.output {
            error = error.with_context("output", output);
        }
        error
    }
}

/// The supervisor itself has a bound for a start, 30 s, and may start a second version when an update is no good; this
/// one is for a supervisor that says nothing at all.
const BOUND: Duration = Duration::from_secs(90);

/// Starts a supervisor and waits until its server answers. Gives what the person should know, if there is something.
///
/// # Errors
/// What the supervisor says, or that it says nothing. Then it is ended.
pub(super) async fn launch(launch: &Launch) -> Result<Option<String>> {
    let log = Instances::open()?.log_file(&launch.name);
    let file = File::options().create(true).append(true).open(&log).map_err(|error| {
        Error::new(ErrorKind::Io, format!("cannot write the log file {}: {error}", log.display()))
            .with_hint("it must belong to you and be writable; XDG_STATE_HOME names another place")
    })?;
    let mut command = Command::new(std::env::current_exe()?);
    command.args(["server", "supervise", &launch.name]);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(file);
    // The server's lines come into the log by themselves; what is ours stands between them.
    command.env("RUST_LOG", "warn,opencode=off,opencode_nexus=info,nexus=info");
    // Its folder must not keep a file system from being unmounted, nor a project from being removed.
    command.current_dir("/");
    in_a_session_of_its_own(&mut command);
    let mut child = tokio::process::Command::from(command).spawn()?;
    let (Some(stdin), Some(stdout)) = (child.stdin.take(), child.stdout.take()) else {
        return Err(Error::new(ErrorKind::Internal, "the supervisor was spawned without pipes"));
    };
    let order = serde_json::to_vec(launch).unwrap_or_default();
    match tokio::time::timeout(BOUND, answer(stdin, &order, stdout)).await {
        Ok(Ok(Told { error: None, notice })) => Ok(notice),
        Ok(Ok(Told { error: Some(error), .. })) => Err(error.into()),
        Ok(Err(error)) => {
            let message = format!("the supervisor ended without a word: {error}");
            Err(Error::new(ErrorKind::LocalServer, message).with_hint(format!("look at {}", log.display())))
        }
        Err(_) => {
            // It has not said a word in more time than it gives its servers.
            child.kill().await.ok();
            let message = format!("the supervisor said nothing for {} s", BOUND.as_secs());
            Err(Error::new(ErrorKind::Timeout, message).with_hint(format!("look at {}", log.display())))
        }
    }
}

async fn answer(
    mut stdin: tokio::process::ChildStdin,
    order: &[u8],
    stdout: tokio::process::ChildStdout,
) -> std::io::Result<Told> {
    use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _};
    stdin.write_all(order).await?;
    drop(stdin);
    let mut line = String::new();
    tokio::io::BufReader::new(stdout).read_line(&mut line).await?;
    Ok(serde_json::from_str(&line)?)
}

/// Neither Ctrl-C nor the end of the terminal reaches a process in another session.
#[cfg(unix)]
fn in_a_session_of_its_own(command: &mut Command) {
    use std::os::unix::process::CommandExt as _;
    // SAFETY: setsid is a plain system call, allowed between fork and exec; it allocates and locks nothing.
    unsafe {
        command.pre_exec(|| match libc::setsid() {
            -1 => Err(std::io::Error::last_os_error()),
            _ => Ok(()),
        });
    }
}

#[cfg(windows)]
fn in_a_session_of_its_own(command: &mut Command) {
    use std::os::windows::process::CommandExt as _;
    const CREATE_NEW_PROCESS_GROUP: u32 = 0x200;
    const DETACHED_PROCESS: u32 = 0x8;
    command.creation_flags(CREATE_NEW_PROCESS_GROUP | DETACHED_PROCESS);
}
