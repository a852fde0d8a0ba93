//! `nexus server logs`: what a background server and its supervisor have said.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{BufRead as _, BufReader, ErrorKind as IoErrorKind, Seek as _, SeekFrom};
use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use opencode_nexus::server::{DEFAULT_INSTANCE, Instances, LogRecord};
use opencode_nexus::{Error, ErrorKind, Result};

use crate::output;

/// What a background server has said.
#[derive(clap::Args)]
#[command(
    after_help = "Examples:\n  nexus server logs\n  nexus server logs review -n 200\n  nexus server logs -f\n  nexus server logs --json | jq 'select(.level == \"error\")'"
)]
pub(crate) struct Logs {
    /// Its name.
    #[arg(default_value = DEFAULT_INSTANCE)]
    name: String,
    /// At most so many lines, the last ones.
    #[arg(short = 'n', long, value_name = "N", default_value_t = 50)]
    lines: usize,
    /// Go on until Ctrl-C.
    #[arg(short, long)]
    follow: bool,
    /// One JSON object a line: {"time", "level", "service", "message", "fields"}.
    #[arg(long)]
    pub(crate) json: bool,
}

const PAUSE: Duration = Duration::from_millis(100);

impl Logs {
    pub(crate) async fn run(self) -> Result<ExitCode> {
        let instances = Instances::open()?;
        // Refuses names that are no names.
        instances.read(&self.name)?;
        let path = instances.log_file(&self.name);
        let mut reader = open(&path)?.ok_or_else(|| {
            Error::new(ErrorKind::NotFound, format!("there is no log of a server named {}", self.name))
                .with_hint(
                    "nexus server status names the servers; the name `default` is used when none is given",
                )
        })?;
        let mut last = VecDeque::new();
        let mut part = Vec::new();
        while let Some(line) = next_line(&mut reader, &mut part)? {
            last.push_back(line);
            if last.len() > self.lines {
                last.pop_front();
            }
        }
        last.iter().for_each(|line| self.show(line));
        if !self.follow {
            return Ok(ExitCode::SUCCESS);
        }
        loop {
            match next_line(&mut reader, &mut part)? {
                Some(line) => self.show(&line),
                None => {
                    tokio::time::sleep(PAUSE).await;
                    if was_emptied(&mut reader)? {
                        self.show_rest(&path, &mut reader, &mut part)?;
                    }
                }
            }
        }
    }

    /// The file was set aside and emptied: first what was not read yet, then from the beginning.
    fn show_rest(&self, path: &Path, reader: &mut BufReader<File>, part: &mut Vec<u8>) -> Result<()> {
        let mut aside = path.as_os_str().to_owned();
        aside.push(".1");
        if let Some(mut before) = open(Path::new(&aside))? {
            before.seek(SeekFrom::Start(reader.stream_position()?))?;
            while let Some(line) = next_line(&mut before, part)? {
                self.show(&line);
            }
        }
        part.clear();
        reader.seek(SeekFrom::Start(0))?;
        Ok(())
    }

    fn show(&self, line: &str) {
        if self.json {
            output::print_json(&serde_json::to_value(LogRecord::parse(line)).unwrap_or_default());
        } else {
            output::print_line(line);
        }
    }
}

fn open(path: &Path) -> Result<Option<BufReader<File>>> {
    match File::open(path) {
        Ok(file) => Ok(Some(BufReader::new(file))),
        Err(error) if error.kind() == IoErrorKind::NotFound => Ok(None),
        Err(error) => Err(Error::new(ErrorKind::Io, format!("cannot read {}: {error}", path.display()))
            .with_hint("it must be a file that you may read")
            .with_source(error)),
    }
}

/// A whole line; what has no end yet stays in `part`.
fn next_line(reader: &mut BufReader<File>, part: &mut Vec<u8>) -> Result<Option<String>> {
    reader.read_until(b'\n', part)?;
    if part.pop_if(|byte| *byte == b'\n').is_none() {
        return Ok(None);
    }
    Ok(Some(String::from_utf8_lossy(&std::mem::take(part)).into_owned()))
}

fn was_emptied(reader: &mut BufReader<File>) -> Result<bool> {
    Ok(reader.get_ref().metadata()?.len() < reader.stream_position()?)
}
