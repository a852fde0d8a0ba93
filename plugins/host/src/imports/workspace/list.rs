//! What a folder holds of what was granted.

use std::collections::BTreeMap;
use std::time::UNIX_EPOCH;

use cap_std::fs::DirEntry;

use super::super::failure::failure;
use super::super::wit::types::ErrorCode;
use super::super::wit::workspace::Entry;
use super::open::{self, Opened};
use super::{Refusal, WorkspaceAccess};

/// So many at once.
const ENTRIES: usize = 1000;

/// A folder that holds more is not listed.
const LOOKED_AT: usize = 200_000;

impl WorkspaceAccess {
    /// Files that may be read and folders in which there may be some, in the order of names, behind `after`.
    pub(super) fn list(&self, parts: &[&str], after: Option<&str>) -> Result<Vec<Entry>, Refusal> {
        if !self.may_list(parts) {
            return Err(Refusal::Denied);
        }
        let (folder, real) =
            match open::open(&self.dir, parts, |real| self.may_read(real), |real| self.may_list(real))? {
                Opened::Folder(folder, real) => (folder, real),
                Opened::File(..) => {
                    return Err(failure(ErrorCode::Invalid, "it is a file, and no folder").into());
                }
                Opened::NotGranted => return Err(Refusal::Denied),
            };
        // `after` is a path as it was given, or the name alone.
        let after = after.map(|after| after.rsplit('/').next().unwrap_or(after));
        let mut found: BTreeMap<String, DirEntry> = BTreeMap::new();
        for (looked_at, entry) in folder.entries().map_err(|error| open::failed(&error))?.enumerate() {
            if looked_at == LOOKED_AT {
                return Err(failure(ErrorCode::Quota, "the folder holds too much to be listed").into());
            }
            let entry = entry.map_err(|error| open::failed(&error))?;
            let Ok(name) = entry.file_name().into_string() else { continue };
            if after.is_some_and(|after| name.as_str() <= after) {
                continue;
            }
            found.insert(name, entry);
        }
        let entries = found.into_iter().filter_map(|(name, entry)| self.entry(parts, &real, &name, &entry));
        Ok(entries.take(ENTRIES).collect())
    }

    /// `None` for what may not be read, is neither file nor folder, or is gone. `above` is the folder as it was named, `real` where it
    /// is: what is in it is judged by that.
    fn entry(&self, above: &[&str], real: &[String], name: &str, entry: &DirEntry) -> Option<Entry> {
        let mut own: Vec<String> = real.to_vec();
        own.push(name.to_owned());
        let mut meta = entry.metadata().ok()?;
        if meta.is_symlink() {
            // A link is what it leads to.
            own = open::resolved(&self.dir, &own.iter().map(String::as_str).collect::<Vec<_>>()).ok()?;
            meta = match own.is_empty() {
                true => self.dir.dir_metadata().ok()?,
                false => self.dir.symlink_metadata(own.join("/")).ok()?,
            };
        }
        let own: Vec<&str> = own.iter().map(String::as_str).collect();
        let is_shown = (meta.is_file() && self.may_read(&own)) || (meta.is_dir() && self.may_list(&own));
        let modified = meta.modified().ok().and_then(|time| time.into_std().duration_since(UNIX_EPOCH).ok());
        let named = [above, &[name]].concat();
        is_shown.then(|| Entry {
            path: named.join("/"),
            is_dir: meta.is_dir(),
            size: if meta.is_dir() { 0 } else { meta.len() },
            modified_ms: modified.and_then(|since| u64::try_from(since.as_millis()).ok()).unwrap_or_default(),
        })
    }
}
