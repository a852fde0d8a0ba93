//! What a server prints: always drained (a full pipe would stop the server), its last lines kept in memory.

use std::collections::VecDeque;
use std::io::{BufRead, BufReader, Read};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::sync::watch;

use crate::server::background::log_file::LogFile;
use crate::server::log::LogRecord;

/// Lines kept in memory.
const KEPT_LINES: usize = 200;
/// Longer lines are cut: one line of a runaway tool must not fill the memory.
const LINE_BYTES: u64 = 8 * 1024;

#[derive(Clone)]
pub(in crate::server) struct Output(Arc<Shared>);

struct Shared {
    lines: Mutex<VecDeque<String>>,
    file: Option<Mutex<LogFile>>,
    facts: watch::Sender<Facts>,
    open_pipes: AtomicUsize,
}

/// What the start-up lines tell.
#[derive(Clone, Default, Debug)]
pub(in crate::server) struct Facts {
    /// The URL of the line `… server listening on URL`, or of `{"url":…}` as servers with `--stdio` say it.
    pub url: Option<String>,
    /// The process id of the server, told by the guardian.
    pub pid: Option<u32>,
}

impl std::fmt::Debug for Output {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Output").finish_non_exhaustive()
    }
}

impl Output {
    pub(in crate::server) fn new(file: Option<LogFile>) -> Self {
        let facts = watch::Sender::new(Facts::default());
        let open_pipes = AtomicUsize::new(0);
        Self(Arc::new(Shared { lines: Mutex::default(), file: file.map(Mutex::new), facts, open_pipes }))
    }

    /// Drains `pipe` on a thread of its own until its end; independent of any async runtime.
    pub(in crate::server) fn drain(&self, pipe: impl Read + Send + 'static) -> std::io::Result<()> {
        let output = self.clone();
        let name = "nexus-server-log".to_owned();
        self.0.open_pipes.fetch_add(1, Ordering::SeqCst);
        std::thread::Builder::new().name(name).spawn(move || {
            output.run(BufReader::new(pipe));
            output.0.open_pipes.fetch_sub(1, Ordering::SeqCst);
        })?;
        Ok(())
    }

    /// Waits a moment until every pipe was read to its end: the last words travel through a thread of their own.
    pub(in crate::server) async fn drained(&self) {
        for _ in 0..20 {
            if self.0.open_pipes.load(Ordering::SeqCst) == 0 {
                return;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    fn run(&self, mut reader: impl BufRead) {
        let mut line = Vec::new();
        loop {
            line.clear();
            match reader.by_ref().take(LINE_BYTES).read_until(b'\n', &mut line) {
                Ok(0) | Err(_) => return,
                Ok(_) => self.push(String::from_utf8_lossy(&line).trim_end()),
            }
        }
    }

    fn push(&self, line: &str) {
        if let Some(pid) = line.strip_prefix("nexus-guard: server ") {
            self.0.facts.send_modify(|f| f.pid = pid.parse().ok());
            return;
        }
        if let Some(url) = listening(line) {
            self.0.facts.send_modify(|f| f.url = Some(url));
        }
        if let Some(Ok(mut file)) = self.0.file.as_ref().map(Mutex::lock) {
            file.push(line);
        }
        // Reading a line costs more than printing it, so only if somebody listens.
        if tracing::enabled!(target: "opencode", tracing::Level::ERROR) {
            LogRecord::parse(line).emit();
        }
        if let Ok(mut lines) = self.0.lines.lock() {
            if lines.len() == KEPT_LINES {
                lines.pop_front();
            }
            lines.push_back(line.to_owned());
        }
    }

    pub(in crate::server) fn facts(&self) -> watch::Receiver<Facts> {
        self.0.facts.subscribe()
    }

    /// The last `count` lines, oldest first.
    pub(in crate::server) fn tail(&self, count: usize) -> Vec<String> {
        self.0.lines.lock().map(|l| l.iter().rev().take(count).rev().cloned().collect()).unwrap_or_default()
    }
}

fn listening(line: &str) -> Option<String> {
    let url = match line.split_once("server listening on ") {
        Some((_, rest)) => rest.split_whitespace().next().unwrap_or_default().to_owned(),
        None if line.starts_with("{\"url\"") => {
            serde_json::from_str::<serde_json::Value>(line).ok()?.get("url")?.as_str()?.to_owned()
        }
        None => return None,
    };
    Some(url.trim_end_matches('/').to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_last_lines_are_kept_and_long_lines_are_cut() {
        let output = Output::new(None);
        let mut text = String::new();
        for i in 0..500 {
            text.push_str(&format!("line {i}\n"));
        }
        text.push_str(&"x".repeat(LINE_BYTES as usize + 10));
        output.run(text.as_bytes());
        let tail = output.tail(usize::MAX);
        assert_eq!(tail.len(), KEPT_LINES);
        assert_eq!(output.tail(3)[0], "line 499");
        assert_eq!(tail[KEPT_LINES - 1].len(), 10);
    }

    #[test]
    fn start_up_lines_become_facts() {
        let output = Output::new(None);
        output.run(&b"nexus-guard: server 42\nopencode server listening on http://127.0.0.1:7\n"[..]);
        let facts = output.facts().borrow().clone();
        assert_eq!((facts.pid, facts.url.as_deref()), (Some(42), Some("http://127.0.0.1:7")));
        for line in [r#"{"url":"http://127.0.0.1:8/"}"#, r#"{"url":7}"#, r#"{"url":"cut"#, "words"] {
            output.run(line.as_bytes());
            assert_eq!(output.facts().borrow().url.as_deref(), Some("http://127.0.0.1:8"), "{line}");
        }
        assert_eq!(output.tail(9)[..1], ["opencode server listening on http://127.0.0.1:7"]);
    }
}
