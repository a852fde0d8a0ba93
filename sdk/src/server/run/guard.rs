//! Spawns a server under a guardian that outlives us just long enough to end it.
//!
//! `PR_SET_PDEATHSIG` would not do: it follows the thread that spawned, not the process, and reaches only the
//! direct child. A pipe has neither fault, and needs nothing of the server.

use std::ffi::OsString;
use std::io::{PipeReader, PipeWriter, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStderr, ChildStdin, ChildStdout, Command, ExitStatus, Stdio};
use std::sync::Mutex;
use std::time::Duration;

use tokio::sync::watch;

use crate::{Error, ErrorKind, Result};

/// What is to be run.
pub(in crate::server) struct Spawn<'a> {
    pub binary: &'a Path,
    pub arguments: Vec<OsString>,
    pub directory: &'a Path,
    /// The whole environment, nothing is inherited.
    pub environment: Vec<(OsString, OsString)>,
    /// A directory that the guardian removes when all is over.
    pub scratch: Option<&'a Path>,
    /// Whether the stdin of the server stays open as long as we live and do not release it; otherwise it is empty.
    pub held_stdin: bool,
}

/// A running guardian; its exit is the server's exit.
pub(in crate::server) struct Guarded {
    /// Process group of guardian and server (unix), or the server itself (elsewhere).
    pub group: u32,
    lifeline: Mutex<Option<ChildStdin>>,
    /// The other end of the server's stdin, if it is held.
    stdin: Mutex<Option<PipeWriter>>,
    exit: watch::Receiver<Option<ExitStatus>>,
    finished: Mutex<std::sync::mpsc::Receiver<()>>,
}

impl Spawn<'_> {
    pub(in crate::server) fn spawn(self) -> Result<(Guarded, ChildStdout, ChildStderr)> {
        // Elsewhere than on Unix the lifeline itself is the server's stdin.
        let (reader, writer) = match self.held_stdin && cfg!(unix) {
            true => std::io::pipe().map(|(reader, writer)| (Some(reader), Some(writer)))?,
            false => (None, None),
        };
        let mut child = self.command(reader.as_ref()).spawn().map_err(|cause| {
            Error::new(ErrorKind::LocalServer, format!("cannot run {}: {cause}", self.binary.display()))
                .with_operation("server.start")
                .with_source(cause)
        })?;
        let (Some(stdin), Some(stdout), Some(stderr)) =
            (child.stdin.take(), child.stdout.take(), child.stderr.take())
        else {
            return Err(Error::new(ErrorKind::Internal, "the server was spawned without pipes"));
        };
        let group = child.id();
        let (exit_sender, exit) = watch::channel(None);
        let (finished_sender, finished) = std::sync::mpsc::channel();
        std::thread::Builder::new()
            .name("nexus-server-wait".to_owned())
            .spawn(move || reap(child, &exit_sender, &finished_sender))
            .map_err(|e| Error::new(ErrorKind::Io, format!("cannot start a thread: {e}")))?;
        let lifeline = Mutex::new(Some(stdin));
        let stdin = Mutex::new(writer);
        Ok((Guarded { group, lifeline, stdin, exit, finished: Mutex::new(finished) }, stdout, stderr))
    }

    #[cfg(unix)]
    fn command(&self, stdin: Option<&PipeReader>) -> Command {
        use std::os::fd::AsRawFd as _;
        use std::os::unix::process::CommandExt as _;
        let stdin = stdin.map(|pipe| pipe.as_raw_fd());
        let mut command = Command::new("/bin/sh");
        command.arg("-c").arg(include_str!("guard.sh")).arg("nexus-guard");
        command.arg(self.scratch.map(PathBuf::from).unwrap_or_default());
        command.arg(stdin.map_or_else(|| "/dev/null".to_owned(), |number| format!("/dev/fd/{number}")));
        command.arg(self.binary).args(&self.arguments);
        command.process_group(0);
        // SAFETY: fcntl and prctl are plain system calls, allowed between fork and exec; they allocate and lock nothing.
        unsafe {
            command.pre_exec(move || {
                // Only this child inherits the end to read from; the other one is ours alone.
                if let Some(number) = stdin
                    && libc::fcntl(number, libc::F_SETFD, 0) == -1
                {
                    return Err(std::io::Error::last_os_error());
                }
                // Best effort: without it only the process group is reached. Survives exec, so it holds for sh.
                #[cfg(target_os = "linux")]
                libc::prctl(libc::PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
                Ok(())
            });
        }
        self.finish(command)
    }

    #[cfg(not(unix))]
    fn command(&self, _stdin: Option<&PipeReader>) -> Command {
        let mut command = Command::new(self.binary);
        command.args(&self.arguments);
        self.finish(command)
    }

    fn finish(&self, mut command: Command) -> Command {
        command.current_dir(self.directory).env_clear().envs(self.environment.iter().map(|(k, v)| (k, v)));
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }
}

fn reap(mut child: Child, exit: &watch::Sender<Option<ExitStatus>>, finished: &std::sync::mpsc::Sender<()>) {
    match child.wait() {
        Ok(status) => exit.send_replace(Some(status)),
        Err(error) => {
            tracing::warn!(%error, "cannot wait for the server process");
            exit.send_replace(Some(ExitStatus::default()))
        }
    };
    // Nobody may be waiting; that is fine.
    finished.send(()).ok();
}

impl Guarded {
    pub(in crate::server) fn exit_status(&self) -> Option<ExitStatus> {
        *self.exit.borrow()
    }

    /// Completes when the guardian has ended. Cancel safe.
    pub(in crate::server) async fn exited(&self) {
        let mut exit = self.exit.clone();
        // The sender lives until it has sent, so an error means that the thread is gone: ended as well.
        exit.wait_for(Option::is_some).await.ok();
    }

    /// Asks the guardian to end the server: with the grace of SIGTERM, or at once. Does not wait.
    pub(in crate::server) fn release(&self, at_once: bool) {
        let lifeline = self.lifeline.lock().ok().and_then(|mut l| l.take());
        if let (Some(mut pipe), true) = (lifeline, at_once) {
            // A guardian that is already gone needs no order.
            pipe.write_all(b"now\n").ok();
        }
        drop(self.stdin.lock().ok().and_then(|mut stdin| stdin.take()));
        #[cfg(not(unix))]
        self.kill();
    }

    /// The last resort: kills the process group outright.
    pub(in crate::server) fn kill(&self) {
        if self.exit_status().is_some() {
            return;
        }
        #[cfg(unix)]
        if let Ok(group) = libc::pid_t::try_from(self.group) {
            // SAFETY: kill has no memory effects; the group is ours and not yet reaped.
            unsafe { libc::kill(-group, libc::SIGKILL) };
        }
        #[cfg(not(unix))]
        Command::new("taskkill").args(["/T", "/F", "/PID", &self.group.to_string()]).output().ok();
    }

    /// Waits on this thread until the guardian has ended; false when `bound` passed first.
    pub(in crate::server) fn wait_blocking(&self, bound: Duration) -> bool {
        self.exit_status().is_some()
            || self.finished.lock().is_ok_and(|finished| finished.recv_timeout(bound).is_ok())
    }
}
