//! Lines that a regular expression finds in files that were granted and that git would not ignore.

use std::io::Read as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use ignore::WalkBuilder;
use ignore::gitignore::Gitignore;
use regex::bytes::{Regex, RegexBuilder};

use super::super::failure::{Answer, failure_with};
use super::super::wit::types::ErrorCode;
use super::super::wit::workspace::Hit;
use super::{WorkspaceAccess, paths};

/// So many lines at most.
const HITS: u32 = 1000;

/// A line is cut at so many bytes.
const LINE: usize = 1024;

/// A longer expression is none, and neither is one that needs more memory than this.
const PATTERN: usize = 1024;
const COMPILED: usize = 1024 * 1024;

/// A larger file is passed over, and no more than so much is read in all.
const FILE: u64 = 2 * 1024 * 1024;
const ALL: u64 = 256 * 1024 * 1024;

/// So many files and folders are looked at.
const LOOKED_AT: usize = 100_000;

/// A file with a NUL in so many first bytes is no text (as git sees it).
const TEXT: usize = 8000;

/// What is looked for, and how long.
pub(super) struct Search {
    pattern: Regex,
    glob: Option<Gitignore>,
    limit: usize,
    deadline: Instant,
    stop: Arc<AtomicBool>,
}

/// Stops the search when it is dropped: nobody waits for it any more.
pub(super) struct Stops(Arc<AtomicBool>);

impl Drop for Stops {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

impl Search {
    /// # Errors
    /// `invalid` for an expression or a pattern that is none.
    pub(super) fn new(
        pattern: &str,
        glob: Option<&str>,
        limit: u32,
        bound: Duration,
    ) -> Answer<(Self, Stops)> {
        let wrong = |why: String| {
            failure_with(
                ErrorCode::Invalid,
                format!("the expression cannot be used: {why}"),
                "it is as in Rust's regex",
            )
        };
        if pattern.len() > PATTERN {
            return Err(wrong("it is longer than 1 KiB".to_owned()));
        }
        let pattern = RegexBuilder::new(pattern)
            .size_limit(COMPILED)
            .dfa_size_limit(COMPILED)
            .nest_limit(50)
            .build()
            .map_err(|error| wrong(error.to_string()))?;
        let stop = Arc::new(AtomicBool::new(false));
        let search = Self {
            pattern,
            glob: glob.map(paths::narrowing).transpose()?,
            limit: limit.min(HITS) as usize,
            deadline: Instant::now() + bound,
            stop: Arc::clone(&stop),
        };
        Ok((search, Stops(stop)))
    }

    fn is_over(&self) -> bool {
        self.stop.load(Ordering::Relaxed) || Instant::now() >= self.deadline
    }
}

impl WorkspaceAccess {
    /// What was found until the time was over. The names come from a walk as git sees the folder; each file is opened as if the
    /// plugin had named it, so the walk gives no right to anything.
    pub(super) fn search(&self, search: &Search) -> Vec<Hit> {
        let walk = WalkBuilder::new(&self.root)
            .hidden(false)
            .follow_links(false)
            .filter_entry(|entry| entry.file_name() != ".git")
            .sort_by_file_name(std::ffi::OsStr::cmp)
            .build();
        let (mut hits, mut bytes) = (Vec::new(), 0);
        for entry in walk.take(LOOKED_AT).filter_map(Result::ok) {
            if hits.len() == search.limit || bytes >= ALL || search.is_over() {
                break;
            }
            let is_file = entry.file_type().is_some_and(|kind| kind.is_file());
            let Some(path) = entry.path().strip_prefix(&self.root).ok().and_then(|path| path.to_str()) else {
                continue;
            };
            let path = if cfg!(windows) { path.replace('\\', "/") } else { path.to_owned() };
            if is_file {
                bytes += self.search_file(search, &path, &mut hits);
            }
        }
        hits
    }

    /// How many bytes were read.
    fn search_file(&self, search: &Search, path: &str, hits: &mut Vec<Hit>) -> u64 {
        let Ok(parts) = paths::parts(path) else { return 0 };
        if search.glob.as_ref().is_some_and(|glob| !paths::matches(glob, &parts, false)) {
            return 0;
        }
        let Ok((file, size)) = self.open_file(&parts) else { return 0 };
        let mut bytes = Vec::new();
        if size > FILE || file.take(FILE).read_to_end(&mut bytes).is_err() {
            return 0;
        }
        if !bytes[..bytes.len().min(TEXT)].contains(&0) {
            find(search, path, &bytes, hits);
        }
        bytes.len() as u64
    }
}

fn find(search: &Search, path: &str, bytes: &[u8], hits: &mut Vec<Hit>) {
    for (number, line) in bytes.split(|byte| *byte == b'\n').enumerate() {
        if hits.len() == search.limit || (number % 256 == 255 && search.is_over()) {
            return;
        }
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        if search.pattern.is_match(line) {
            hits.push(Hit {
                path: path.to_owned(),
                line: u32::try_from(number).unwrap_or(u32::MAX),
                text: cut(line),
            });
        }
    }
}

fn cut(line: &[u8]) -> String {
    let mut text = String::from_utf8_lossy(&line[..line.len().min(LINE)]).into_owned();
    while text.len() > LINE {
        text.pop();
    }
    text
}
