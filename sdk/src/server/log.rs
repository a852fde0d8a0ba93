//! What servers log, as records. Three forms were seen: lines of `name=value` (1.17 and later, OpenCode 2), lines that
//! begin with the level and have the message last (1.14), and words without any form, which stay as they are. A
//! supervisor writes into the same file, in the form of `tracing`.

use serde::Serialize;
use serde_json::{Map, Value};

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum LogLevel {
    /// For who looks for a bug.
    Debug,
    /// What happens; also words without any form.
    Info,
    /// Something to look at.
    Warn,
    /// Something failed.
    Error,
}

impl LogLevel {
    /// The level of a word, in any case.
    pub fn from_word(word: &str) -> Option<Self> {
        match word.to_ascii_uppercase().as_str() {
            "DEBUG" | "TRACE" => Some(Self::Debug),
            "INFO" => Some(Self::Info),
            "WARN" | "WARNING" => Some(Self::Warn),
            "ERROR" | "FATAL" => Some(Self::Error),
            _ => None,
        }
    }
}

/// One line of a log.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct LogRecord {
    /// When, as the server wrote it (RFC 3339); `None` where the line does not say it.
    pub time: Option<String>,
    /// How bad it is.
    pub level: LogLevel,
    /// The part of the server that speaks.
    pub service: Option<String>,
    /// What it says.
    pub message: String,
    /// Everything else, by name, in the order of the line.
    pub fields: Map<String, Value>,
}

impl LogRecord {
    /// Reads one line. Nothing is an error: a line without any form is a message.
    pub fn parse(line: &str) -> Self {
        pairs(line).or_else(|| level_first(line)).or_else(|| ours(line)).unwrap_or_else(|| words(line))
    }

    /// Tells it to whoever listens to `tracing`, with the target `opencode`.
    pub fn emit(&self) {
        let (service, message) = (self.service.as_deref(), self.message.as_str());
        let fields = (!self.fields.is_empty()).then(|| Value::Object(self.fields.clone()).to_string());
        let fields = fields.as_deref();
        match self.level {
            LogLevel::Debug => tracing::debug!(target: "opencode", service, fields, "{message}"),
            LogLevel::Info => tracing::info!(target: "opencode", service, fields, "{message}"),
            LogLevel::Warn => tracing::warn!(target: "opencode", service, fields, "{message}"),
            LogLevel::Error => tracing::error!(target: "opencode", service, fields, "{message}"),
        }
    }
}

/// `timestamp=… level=INFO run=… message="creating instance" directory=/x`
fn pairs(line: &str) -> Option<LogRecord> {
    let mut rest = line.strip_prefix("timestamp=").map(|_| line)?;
    let mut record = words("");
    while let Some((name, value, after)) = pair(rest) {
        rest = after.trim_start();
        match name {
            "timestamp" => record.time = Some(value),
            "level" => record.level = LogLevel::from_word(&value)?,
            "message" => record.message = value,
            "service" => record.service = Some(value),
            _ => drop(record.fields.insert(name.to_owned(), value.into())),
        }
    }
    // Something that is no pair any more belongs to the message: nothing is let go.
    if !rest.is_empty() {
        record.message = format!("{} {rest}", record.message).trim_start().to_owned();
    }
    Some(record)
}

/// The first pair of a line and what follows. A value in quotes is written as in JSON.
fn pair(text: &str) -> Option<(&str, String, &str)> {
    let (name, rest) = text.split_once('=')?;
    if name.is_empty() || name.contains(|c: char| c.is_whitespace() || c == '"') {
        return None;
    }
    if rest.starts_with('"') {
        let mut values = serde_json::Deserializer::from_str(rest).into_iter::<String>();
        let value = values.next()?.ok()?;
        let end = values.byte_offset();
        return Some((name, value, &rest[end..]));
    }
    let end = rest.find(' ').unwrap_or(rest.len());
    Some((name, rest[..end].to_owned(), &rest[end..]))
}

/// `INFO  2026-11-25T20:56:12 +2ms service=db path=/x opening database`
fn level_first(line: &str) -> Option<LogRecord> {
    let (word, rest) = line.split_once(' ')?;
    let level = LogLevel::from_word(word).filter(|_| word.chars().all(|c| c.is_ascii_uppercase()))?;
    let (time, rest) = rest.trim_start().split_once(' ')?;
    if !time.starts_with(|c: char| c.is_ascii_digit()) || !time.contains('T') {
        return None;
    }
    let (since, mut rest) = rest.split_once(' ')?;
    since.strip_prefix('+')?;
    let mut record = LogRecord { level, time: Some(time.to_owned()), ..words("") };
    // Values have no quotes here, so one with a space ends at it and its rest becomes a part of the message.
    while let Some((name, value, after)) = pair(rest) {
        rest = after.trim_start();
        match name {
            "service" => record.service = Some(value),
            _ => drop(record.fields.insert(name.to_owned(), value.into())),
        }
    }
    record.message = rest.to_owned();
    Some(record)
}

/// `2026-11-25T20:56:12.123456Z  WARN opencode_nexus::server: it ended`
fn ours(line: &str) -> Option<LogRecord> {
    let (time, rest) = line.split_once(' ')?;
    if !time.starts_with(|c: char| c.is_ascii_digit()) || !time.contains('T') || !time.ends_with('Z') {
        return None;
    }
    let (level, rest) = rest.trim_start().split_once(' ')?;
    let (service, message) = rest.split_once(": ")?;
    let (time, service) = (Some(time.to_owned()), Some(service.to_owned()));
    Some(LogRecord { time, level: LogLevel::from_word(level)?, service, ..words(message) })
}

fn words(line: &str) -> LogRecord {
    LogRecord {
        time: None,
        level: LogLevel::Info,
        service: None,
        message: line.to_owned(),
        fields: Map::new(),
    }
}

#[cfg(test)]
#[path = "log_tests.rs"]
mod tests;
