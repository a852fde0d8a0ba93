//! Changing the disk so that nothing is ever half there: written beside, made durable, then renamed.

use std::io::Write as _;
use std::path::Path;

use opencode_nexus::{Error, ErrorKind, Result, Retry};

/// The prefix of what is being written.
pub(super) const NEW: &str = ".new-";

/// Makes a folder, with those above it, that only its owner may enter.
pub(super) fn create(folder: &Path) -> Result<()> {
    step(folder)?;
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder).map_err(|error| failed(folder, error))
}

/// Writes a new file.
pub(super) fn write(path: &Path, bytes: &[u8]) -> Result<()> {
    step(path)?;
    let mut options = std::fs::File::options();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let written =
        options.open(path).and_then(|mut file| file.write_all(bytes).and_then(|()| file.sync_all()));
    written.map_err(|error| failed(path, error))
}

/// Writes a file in place of another, all at once.
pub(super) fn replace(path: &Path, bytes: &[u8]) -> Result<()> {
    step(path)?;
    let folder = path.parent().unwrap_or(Path::new("."));
    let write = || {
        let mut file = tempfile::Builder::new().prefix(NEW).tempfile_in(folder)?;
        file.write_all(bytes)?;
        file.as_file().sync_all()?;
        Ok(file)
    };
    let file = write().map_err(|error| failed(path, error))?;
    step(path)?;
    file.persist(path).map_err(|error| failed(path, error.error))?;
    // It has happened. Whoever took it for an error would undo what the file names.
    if let Err(error) = sync(folder) {
        tracing::warn!(%error, "a change of the plugins may not survive the loss of power");
    }
    Ok(())
}

/// Renames what must not be there yet.
pub(super) fn rename(from: &Path, to: &Path) -> Result<()> {
    step(to)?;
    std::fs::rename(from, to).map_err(|error| failed(to, error))
}

/// Makes the names in a folder survive the loss of power. Windows does so by itself, and opens no folders.
pub(super) fn sync(folder: &Path) -> Result<()> {
    step(folder)?;
    #[cfg(unix)]
    std::fs::File::open(folder)
        .and_then(|folder| folder.sync_all())
        .map_err(|error| failed(folder, error))?;
    Ok(())
}

/// Removes a folder or a file, which need not be there.
pub(super) fn remove(path: &Path) -> Result<()> {
    step(path)?;
    let is_folder = std::fs::symlink_metadata(path).is_ok_and(|found| found.is_dir());
    let removed = match is_folder {
        true => std::fs::remove_dir_all(path),
        false => std::fs::remove_file(path),
    };
    match removed {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(failed(path, error)),
        _ => Ok(()),
    }
}

/// Bytes of everything below; links count as nothing.
pub(super) fn size(path: &Path) -> u64 {
    let Ok(found) = std::fs::symlink_metadata(path) else { return 0 };
    if found.is_file() {
        return found.len();
    }
    let entries = match found.is_dir() {
        true => std::fs::read_dir(path).into_iter().flatten(),
        false => return 0,
    };
    entries.flatten().map(|entry| size(&entry.path())).sum()
}

pub(super) fn failed(path: &Path, error: std::io::Error) -> Error {
    use std::io::ErrorKind as Io;
    let kind = match error.kind() {
        Io::StorageFull | Io::QuotaExceeded | Io::ReadOnlyFilesystem | Io::PermissionDenied => {
            ErrorKind::Storage
        }
        _ => ErrorKind::Io,
    };
    Error::new(kind, format!("{} cannot be written: {error}", path.display()))
        .with_retry(Retry::Now)
        .with_hint("nothing was changed; make room or check who owns the folder, and try again")
        .with_source(error)
}

#[cfg(not(test))]
#[allow(clippy::unnecessary_wraps)] // in tests it fails
fn step(_: &Path) -> Result<()> {
    Ok(())
}

/// In tests each step that changes the disk can fail, or be the last thing that the process does.
#[cfg(test)]
fn step(path: &Path) -> Result<()> {
    use super::tests::{Fault, fault};
    match fault() {
        Fault::None => Ok(()),
        Fault::Full => Err(failed(path, std::io::Error::from(std::io::ErrorKind::StorageFull))),
        Fault::Death => std::process::abort(),
    }
}
