//! Files of lines that are only appended to, and never grow beyond a bound: the audit log, and the log of each plugin.
//!
//! One thread writes them all, so that no call of a plugin waits for a disk. Several processes may write the same file: a line
//! is written at once, to the end.

use std::collections::HashMap;
use std::fs::File;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

use opencode_nexus::folders::create_private;

/// So many lines wait for the disk; more are left out, and counted.
const WAITING: usize = 4096;

/// One file, and how much of it is kept.
#[derive(Debug)]
pub(crate) struct Book {
    path: PathBuf,
    /// A file that would be larger becomes `NAME.1`, and what was that `NAME.2`.
    bytes: u64,
    /// How many of those there are.
    old: u32,
}

impl Book {
    pub(crate) fn new(path: PathBuf, bytes: u64, old: u32) -> Arc<Self> {
        Arc::new(Self { path, bytes, old })
    }

    /// `number` 0 is the file itself.
    fn numbered(&self, number: u32) -> PathBuf {
        match number {
            0 => self.path.clone(),
            _ => PathBuf::from(format!("{}.{number}", self.path.display())),
        }
    }
}

enum Order {
    Line(Arc<Book>, String),
    Flush(SyncSender<()>),
}

/// Writes lines. When it is dropped, what waits is written first.
pub(crate) struct Journal {
    sender: Option<SyncSender<Order>>,
    thread: Mutex<Option<JoinHandle<()>>>,
    left_out: Arc<AtomicU64>,
}

impl std::fmt::Debug for Journal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Journal").finish_non_exhaustive()
    }
}

impl Journal {
    /// Starts its thread.
    ///
    /// # Errors
    /// When the system gives none.
    pub(crate) fn start() -> std::io::Result<Arc<Self>> {
        let (sender, orders) = sync_channel(WAITING);
        let left_out = Arc::new(AtomicU64::new(0));
        let counted = Arc::clone(&left_out);
        let thread = std::thread::Builder::new()
            .name("plugin-journal".to_owned())
            .spawn(move || write_all(&orders, &counted))?;
        Ok(Arc::new(Self { sender: Some(sender), thread: Mutex::new(Some(thread)), left_out }))
    }

    /// Appends a line, which has no end of its own. It never waits: with too many lines before it, it is left out and counted.
    pub(crate) fn write(&self, book: &Arc<Book>, line: String) {
        let Some(sender) = &self.sender else { return };
        if let Err(TrySendError::Full(_)) = sender.try_send(Order::Line(Arc::clone(book), line)) {
            self.left_out.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Waits until everything before it is with the system. It blocks.
    pub(crate) fn flush(&self) {
        let (done, waiting) = sync_channel(1);
        if let Some(sender) = &self.sender
            && sender.send(Order::Flush(done)).is_ok()
        {
            // An error means that the thread has ended, and everything is written.
            let _ = waiting.recv();
        }
    }
}

impl Drop for Journal {
    fn drop(&mut self) {
        // The thread ends when nobody can send any more.
        self.sender = None;
        let thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(thread) = thread {
            // It has panicked at worst, and has nothing more to give.
            let _ = thread.join();
        }
    }
}

fn write_all(orders: &Receiver<Order>, left_out: &AtomicU64) {
    let mut open: HashMap<PathBuf, Written> = HashMap::new();
    while let Ok(order) = orders.recv() {
        match order {
            Order::Line(book, line) => {
                let written = open.entry(book.path.clone()).or_default();
                written.append(&book, &line);
                let count = left_out.swap(0, Ordering::Relaxed);
                if count > 0 {
                    tracing::warn!(target: "plugin", "{count} lines of plugins were left out: the disk is too slow");
                }
            }
            // Who asked may have stopped waiting.
            Order::Flush(done) => drop(done.send(())),
        }
    }
}

/// A file as the thread knows it.
#[derive(Default)]
struct Written {
    file: Option<File>,
    /// It was said that it cannot be written.
    complained: bool,
}

impl Written {
    fn append(&mut self, book: &Book, line: &str) {
        let result = self.try_append(book, line);
        match result {
            Ok(()) => self.complained = false,
            Err(error) => {
                self.file = None;
                if !std::mem::replace(&mut self.complained, true) {
                    tracing::warn!(target: "plugin", "cannot write {}: {error}", book.path.display());
                }
            }
        }
    }

    fn try_append(&mut self, book: &Book, line: &str) -> std::io::Result<()> {
        let added = line.len() as u64 + 1;
        let mut file = match self.file.take() {
            Some(file) => file,
            None => open(&book.path)?,
        };
        if file.metadata()?.len() + added > book.bytes {
            drop(file);
            turn_over(book, added)?;
            file = open(&book.path)?;
        }
        // In one piece, so that lines of other processes do not come between.
        file.write_all(format!("{line}\n").as_bytes())?;
        self.file = Some(file);
        Ok(())
    }
}

/// Makes room, unless another process has done so meanwhile.
fn turn_over(book: &Book, added: u64) -> std::io::Result<()> {
    let length = std::fs::metadata(&book.path).map_or(0, |meta| meta.len());
    if length == 0 || length + added <= book.bytes {
        return Ok(());
    }
    for number in (0..book.old).rev() {
        match std::fs::rename(book.numbered(number), book.numbered(number + 1)) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
            done => done?,
        }
    }
    if book.old == 0 { std::fs::remove_file(&book.path) } else { Ok(()) }
}

/// Only the person may read it.
fn open(path: &Path) -> std::io::Result<File> {
    create_private(path.parent().unwrap_or(Path::new(".")))?;
    let mut options = File::options();
    options.append(true).create(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_never_grows_beyond_its_bound_and_the_newest_lines_stay() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("deep/log");
        let book = Book::new(path.clone(), 1000, 2);
        let journal = Journal::start().unwrap();
        for number in 0..1000 {
            journal.write(&book, format!("line {number:04}"));
        }
        journal.flush();
        let mut lines = String::new();
        for name in ["log.2", "log.1", "log"] {
            let text = std::fs::read_to_string(path.with_file_name(name)).unwrap();
            assert!(text.len() <= 1000, "{name}: {}", text.len());
            lines.push_str(&text);
        }
        let numbers: Vec<_> = lines.lines().map(|line| line[5..].parse::<u32>().unwrap()).collect();
        assert_eq!(numbers, (*numbers.first().unwrap()..1000).collect::<Vec<_>>());
        assert!(numbers.len() > 200);
        assert!(!path.with_file_name("log.3").exists());
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        }
    }

    #[test]
    fn what_waits_is_written_when_it_ends_and_a_folder_in_its_place_hurts_nobody() {
        let folder = tempfile::tempdir().unwrap();
        let good = Book::new(folder.path().join("good"), 1 << 20, 1);
        let bad = Book::new(folder.path().to_owned(), 1 << 20, 1);
        let journal = Journal::start().unwrap();
        for _ in 0..10 {
            journal.write(&bad, "lost".to_owned());
            journal.write(&good, "kept".to_owned());
        }
        drop(journal);
        assert_eq!(std::fs::read_to_string(folder.path().join("good")).unwrap(), "kept\n".repeat(10));
    }
}
