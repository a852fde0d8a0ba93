//! The folder that is worked in, to be read (permission `workspace-read`, for the files that its globs name).
//!
//! Paths are relative and have `/` between their parts; `""` is the folder itself.

pub use crate::bindings::imports::nexus::plugin::workspace::{Entry, Hit};

use crate::bindings::imports::nexus::plugin::workspace as host_workspace;
use crate::error::{Error, ErrorCode, Result, host};

/// How much the host gives at once.
const CHUNK: u32 = 1024 * 1024;

/// A whole file, of at most `max_bytes`.
///
/// # Errors
/// `not-found`, `denied` when no grant names it, `quota` when it is larger.
pub fn read(path: &str, max_bytes: usize) -> Result<Vec<u8>> {
    let mut bytes: Vec<u8> = Vec::new();
    loop {
        let offset = bytes.len() as u64;
        let chunk: Result<host_workspace::Chunk> =
            host!("workspace.read", host_workspace::read(path, offset, CHUNK));
        let chunk = chunk?;
        if chunk.size > max_bytes as u64 || bytes.len() + chunk.bytes.len() > max_bytes {
            return Err(Error::new(ErrorCode::Quota, format!("{path} has more than {max_bytes} bytes")));
        }
        let ended = chunk.eof || chunk.bytes.is_empty();
        bytes.extend(chunk.bytes);
        if ended {
            return Ok(bytes);
        }
    }
}

/// A whole file as text, of at most `max_bytes`.
///
/// # Errors
/// As [`read`], and `invalid` when it is no UTF-8.
pub fn read_text(path: &str, max_bytes: usize) -> Result<String> {
    String::from_utf8(read(path, max_bytes)?).map_err(|_| Error::invalid(format!("{path} is no text")))
}

/// What a folder holds, in the order of names; at most 10,000 entries.
///
/// # Errors
/// `not-found`, and `denied` without a grant.
pub fn list(path: &str) -> Result<Vec<Entry>> {
    let mut all: Vec<Entry> = Vec::new();
    while all.len() < 10_000 {
        let after = all.last().map(|entry| entry.path.as_str());
        let page: Result<Vec<Entry>> = host!("workspace.list-dir", host_workspace::list_dir(path, after));
        let page = page?;
        if page.is_empty() {
            break;
        }
        all.extend(page);
    }
    Ok(all)
}

/// Lines that a regular expression finds (syntax of the crate `regex`), in files that git would not ignore.
///
/// # Errors
/// `invalid` for an expression that is none.
pub fn search(pattern: &str, glob: Option<&str>, limit: u32) -> Result<Vec<Hit>> {
    host!("workspace.search", host_workspace::search(pattern, glob, limit))
}
