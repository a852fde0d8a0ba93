//! `nexus record`: a proxy before a server that writes down what the server does, for `nexus replay` and for tests.

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::{ExitCode, ExitStatus};
use std::time::Duration;

use opencode_nexus::dialect::Line;
use opencode_nexus::transport::Credentials;
use opencode_nexus::{Error, ErrorKind, Result};
use opencode_nexus_testkit::recorder::{Recorder, RecorderOptions, Recording};
use serde_json::json;
use url::Url;

use crate::connect::{Connected, ServerArguments};
use crate::output;

/// How long a command may take to end after Ctrl-C, which it gets as well.
const END_WITHIN: Duration = Duration::from_secs(10);

/// Record what a server does, for replay.
#[derive(clap::Args)]
#[command(
    after_help = "With a command, the recording ends with it; it finds the server by NEXUS_URL. Otherwise the address is printed and Ctrl-C ends the recording. Written are events.sse and the messages of each session; keys are taken out as far as they can be recognised, so look at the files before you send them to anybody.\n\nExamples:\n  nexus record --to bug --upstream http://127.0.0.1:4096\n  nexus record --to bug -- nexus run \"What is in this folder?\"\n  nexus record --to bug -- sh -c 'my-tool --server \"$NEXUS_URL\"'\n  nexus replay bug/events.sse"
)]
pub(crate) struct Record {
    /// The folder for what is recorded, made when it is missing.
    #[arg(long, value_name = "FOLDER")]
    to: PathBuf,
    /// The server to record; the same as --url.
    #[arg(long, value_name = "URL", conflicts_with = "url")]
    upstream: Option<String>,
    /// End with one JSON object: {"stream", "events", "messages"}.
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    server: ServerArguments,
    /// A command that uses the server.
    #[arg(last = true)]
    command: Vec<OsString>,
}

impl Record {
    pub(crate) async fn run(mut self) -> Result<ExitCode> {
        if self.upstream.is_some() {
            self.server.url = self.upstream.take();
        }
        let connected = tokio::select! {
            connected = self.server.connect() => connected?,
            () = crate::interrupted() => return Ok(ExitCode::from(130)),
        };
        let credentials = self.credentials(&connected);
        let recorder =
            Recorder::start(self.options(&connected, credentials.as_ref())?).await.map_err(|error| {
                Error::new(ErrorKind::Unreachable, format!("cannot record: {error}"))
                    .with_hint("name a server that speaks HTTP on this machine with --upstream")
            })?;
        let ended = match self.command.is_empty() {
            true => self.wait(&recorder, credentials.as_ref()).await.map(|()| None),
            false => self.perform(&recorder, credentials.as_ref()).await.map(Some),
        };
        let recording = recorder.finish().await.map_err(|error| {
            Error::new(ErrorKind::Io, format!("the recording cannot be written: {error}"))
                .with_hint("give --to a folder that you may write to")
        });
        connected.close().await?;
        let (ended, recording) = (ended?, recording?);
        self.tell(&recording);
        Ok(ended.map_or(ExitCode::SUCCESS, exit_code))
    }

    /// Those in the address win, then those of the server that was found.
    fn credentials(&self, connected: &Connected) -> Option<Credentials> {
        let url = self.server.url.as_deref().and_then(|url| Url::parse(url).ok());
        let named = url.as_ref().and_then(|url| {
            let plain = |text: &str| {
                url::form_urlencoded::parse(format!("x={}", text.replace('+', "%2B")).as_bytes())
                    .next()
                    .map(|(_, value)| value.into_owned())
            };
            Some(Credentials { user: plain(url.username())?, password: plain(url.password()?)?.into() })
        });
        named.or_else(|| connected.credentials.clone()).or_else(Credentials::from_environment)
    }

    fn options(&self, connected: &Connected, credentials: Option<&Credentials>) -> Result<RecorderOptions> {
        let mut options = RecorderOptions::new(connected.client.address(), &self.to);
        options.credentials = credentials.map(|c| (c.user.clone(), c.password.clone()));
        options.directory = Some(self.server.directory()?.to_string_lossy().into_owned());
        options.second = connected.client.server().line == Line::V2;
        Ok(options)
    }

    /// Until the person says that it is enough. A password is never printed: it goes into a file that only we can read.
    async fn wait(&self, recorder: &Recorder, credentials: Option<&Credentials>) -> Result<()> {
        eprintln!("recording {}; Ctrl-C ends it", recorder.url());
        let file = self.to.join("address");
        if credentials.is_some() {
            private(&file, &address(recorder, credentials))?;
            eprintln!("the address with its password is in {}", file.display());
        }
        crate::interrupted().await;
        let _ = std::fs::remove_file(file);
        Ok(())
    }

    /// Until the command ends. Ctrl-C goes to it as well, and it may take a while.
    async fn perform(&self, recorder: &Recorder, credentials: Option<&Credentials>) -> Result<ExitStatus> {
        let Some((program, arguments)) = self.command.split_first() else {
            return Err(Error::new(ErrorKind::InvalidInput, "there is no command"));
        };
        let mut command = tokio::process::Command::new(program);
        command.args(arguments).env("NEXUS_URL", address(recorder, credentials)).kill_on_drop(true);
        let mut child = command.spawn().map_err(|error| {
            Error::new(ErrorKind::InvalidInput, format!("cannot run {}: {error}", program.display()))
                .with_hint("give a command that is on PATH behind --")
        })?;
        let status = tokio::select! {
            status = child.wait() => return Ok(status?),
            () = crate::interrupted() => tokio::time::timeout(END_WITHIN, child.wait()).await,
        };
        match status {
            Ok(status) => Ok(status?),
            Err(_) => {
                child.kill().await?;
                Ok(child.wait().await?)
            }
        }
    }

    fn tell(&self, recording: &Recording) {
        if self.json {
            return output::print_json(&json!({
                "stream": recording.stream, "events": recording.events, "messages": recording.messages,
            }));
        }
        eprintln!(
            "{} events in {}, messages of {} sessions beside it",
            recording.events,
            recording.stream.display(),
            recording.messages.len()
        );
    }
}

/// The address of the proxy with the credentials of the server, for programs.
fn address(recorder: &Recorder, credentials: Option<&Credentials>) -> String {
    let Ok(mut url) = Url::parse(&recorder.url()) else { return recorder.url() };
    if let Some(credentials) = credentials {
        // Setting fails only for addresses that cannot have credentials.
        let _ = url.set_username(&credentials.user);
        let _ = url.set_password(Some(credentials.password.expose()));
    }
    url.as_str().trim_end_matches('/').to_owned()
}

fn private(path: &std::path::Path, text: &str) -> Result<()> {
    use std::io::Write as _;
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    Ok(writeln!(options.open(path)?, "{text}")?)
}

/// That of the command, also when a signal has ended it.
fn exit_code(status: ExitStatus) -> ExitCode {
    #[cfg(unix)]
    if let Some(signal) = std::os::unix::process::ExitStatusExt::signal(&status) {
        return ExitCode::from(128_u8.saturating_add(u8::try_from(signal).unwrap_or_default()));
    }
    ExitCode::from(u8::try_from(status.code().unwrap_or(1)).unwrap_or(1))
}
