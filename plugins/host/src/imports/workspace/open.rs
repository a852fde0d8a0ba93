//! Opens what a path means, and knows afterwards what was opened.

use std::io;
use std::path::Path;

use cap_fs_ext::{DirExt as _, FollowSymlinks, OpenOptionsFollowExt as _, OpenOptionsSyncExt as _};
use cap_std::fs::{Dir, File, OpenOptions};

use super::super::failure::{failure, failure_with};
use super::super::wit::types::{self, ErrorCode};

/// What was opened.
pub(super) enum Opened {
    /// A file, and its size.
    File(File, u64),
    /// A folder, and its path without any links.
    Folder(Dir, Vec<String>),
    /// A link leads to something that was not granted.
    NotGranted,
}

/// Opens a file or folder whose path, all links resolved, is granted. The resolved path is walked part by part and no link is
/// followed any more, so what is opened is what was checked, whatever is swapped meanwhile.
pub(super) fn open(
    dir: &Dir,
    parts: &[&str],
    may_read: impl Fn(&[&str]) -> bool,
    may_list: impl Fn(&[&str]) -> bool,
) -> Result<Opened, types::Error> {
    let real = resolved(dir, parts)?;
    let real: Vec<&str> = real.iter().map(String::as_str).collect();
    let Some((last, above)) = real.split_last() else {
        // The folder itself, or a link to it.
        return match may_list(&[]) {
            true => {
                dir.try_clone().map(|dir| Opened::Folder(dir, Vec::new())).map_err(|error| failed(&error))
            }
            false => Ok(Opened::NotGranted),
        };
    };
    let mut folder = dir.try_clone().map_err(|error| failed(&error))?;
    for part in above {
        folder = folder.open_dir_nofollow(part).map_err(|error| failed(&error))?;
    }
    let kind = folder.symlink_metadata(last).map_err(|error| failed(&error))?;
    if kind.is_dir() {
        if !may_list(&real) {
            return Ok(Opened::NotGranted);
        }
        let opened = folder.open_dir_nofollow(last).map_err(|error| failed(&error))?;
        return Ok(Opened::Folder(opened, real.iter().map(|part| (*part).to_owned()).collect()));
    }
    if !may_read(&real) {
        return Ok(Opened::NotGranted);
    }
    let file = open_plain(&folder, last)?;
    let meta = file.metadata().map_err(|error| failed(&error))?;
    // A device, a pipe, a socket: reading could wait for ever, or do something.
    if !meta.is_file() {
        return Err(failure(ErrorCode::Invalid, "it is neither a file nor a folder"));
    }
    Ok(Opened::File(file, meta.len()))
}

/// The parts of a path when all links are resolved; none for the folder itself.
pub(super) fn resolved(dir: &Dir, parts: &[&str]) -> Result<Vec<String>, types::Error> {
    if parts.is_empty() {
        return Ok(Vec::new());
    }
    let real = dir.canonicalize(parts.join("/")).map_err(|error| failed(&error))?;
    let parts = real.iter().filter(|part| *part != ".").map(|part| part.to_str().map(str::to_owned));
    parts.collect::<Option<_>>().ok_or_else(|| failure(ErrorCode::Invalid, "the path is not in UTF-8"))
}

/// Opening a pipe does not wait for its other end.
fn open_plain(folder: &Dir, name: &str) -> Result<File, types::Error> {
    let mut options = OpenOptions::new();
    options.read(true).follow(FollowSymlinks::No).nonblock(true);
    folder.open_with(Path::new(name), &options).map_err(|error| failed(&error))
}

/// Why something cannot be opened. The text of the system may have paths in it, and is not told.
pub(super) fn failed(error: &io::Error) -> types::Error {
    match error.kind() {
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => {
            failure(ErrorCode::NotFound, "there is no such file in the folder")
        }
        io::ErrorKind::PermissionDenied => failure_with(
            ErrorCode::Denied,
            "it lies outside the folder, or may not be read",
            "only what is below the folder is read, also where a link leads elsewhere",
        ),
        _ => failure(ErrorCode::Unavailable, "it cannot be read"),
    }
}
