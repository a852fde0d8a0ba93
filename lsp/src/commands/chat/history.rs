//! What the person has sent before, over all sessions: `$XDG_STATE_HOME/opencode-nexus/chat-history`, a JSON text a
//! line, readable only by its owner. Bounded, and never half written.

use std::io::Write as _;
use std::path::PathBuf;

/// Entries that are kept.
const ENTRIES: usize = 1_000;
/// A larger entry is not kept: it was pasted, and a person does not look for it here.
const ENTRY_BYTES: usize = 20_000;

/// The entries, the newest last, and where the person is among them.
#[derive(Debug, Default)]
pub(crate) struct History {
    path: Option<PathBuf>,
    entries: Vec<String>,
    /// Which entry is shown, and what was written before.
    place: Option<(usize, String)>,
}

impl History {
    /// Reads the file; without one, or without a place for one, there is no history yet.
    pub fn open() -> Self {
        Self::at(path())
    }

    fn at(path: Option<PathBuf>) -> Self {
        let entries = path.as_ref().map(read).unwrap_or_default();
        Self { path, entries, place: None }
    }

    /// The newest first.
    pub fn newest(&self) -> impl Iterator<Item = &String> {
        self.entries.iter().rev()
    }

    /// The entry before; `draft` is kept for the way back.
    pub fn older(&mut self, draft: &str) -> Option<String> {
        let at = match &self.place {
            Some((at, _)) => at.checked_sub(1)?,
            None => self.entries.len().checked_sub(1)?,
        };
        let draft = self.place.take().map_or_else(|| draft.to_owned(), |(_, draft)| draft);
        self.place = Some((at, draft));
        self.entries.get(at).cloned()
    }

    /// The entry after, and at last the draft.
    pub fn newer(&mut self) -> Option<String> {
        let (at, draft) = self.place.take()?;
        match self.entries.get(at + 1) {
            Some(entry) => {
                self.place = Some((at + 1, draft));
                Some(entry.clone())
            }
            None => Some(draft),
        }
    }

    /// Adds what was sent. Another window may have added something meanwhile, so the file is read again.
    pub fn add(&mut self, text: &str) {
        self.place = None;
        let text = text.trim_end();
        if text.trim().is_empty() || text.len() > ENTRY_BYTES {
            return;
        }
        if let Some(path) = &self.path {
            let on_disk = read(path);
            if !on_disk.is_empty() {
                self.entries = on_disk;
            }
        }
        self.entries.retain(|entry| entry != text);
        self.entries.push(text.to_owned());
        let excess = self.entries.len().saturating_sub(ENTRIES);
        self.entries.drain(..excess);
        if let Err(error) = self.write() {
            tracing::debug!(%error, "the history could not be written");
        }
    }

    fn write(&self) -> std::io::Result<()> {
        let Some(path) = &self.path else { return Ok(()) };
        let Some(folder) = path.parent() else { return Ok(()) };
        std::fs::create_dir_all(folder)?;
        // Another window must never meet a half of it.
        let temporary = path.with_extension(format!("{}.new", std::process::id()));
        let mut options = std::fs::OpenOptions::new();
        options.write(true).create(true).truncate(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let mut file = options.open(&temporary)?;
        let lines: Vec<String> = self.entries.iter().filter_map(|e| serde_json::to_string(e).ok()).collect();
        let written = file.write_all((lines.join("\n") + "\n").as_bytes()).and_then(|()| file.sync_all());
        let done = written.and_then(|()| std::fs::rename(&temporary, path));
        if done.is_err() {
            let _ = std::fs::remove_file(&temporary);
        }
        done
    }
}

fn read(path: &PathBuf) -> Vec<String> {
    let text = std::fs::read_to_string(path).unwrap_or_default();
    // A line that is damaged is left out.
    let mut entries: Vec<String> = text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
    let excess = entries.len().saturating_sub(ENTRIES);
    entries.drain(..excess);
    entries
}

/// Where things are kept that are neither settings nor needed.
pub(crate) fn state_folder() -> Option<PathBuf> {
    opencode_nexus::server::state_dir().ok()
}

fn path() -> Option<PathBuf> {
    Some(state_folder()?.join("chat-history"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_are_walked_and_the_draft_comes_back() {
        let mut history = History::default();
        ["one", "two\nlines"].iter().for_each(|text| history.add(text));
        assert_eq!(history.older("draft").as_deref(), Some("two\nlines"));
        assert_eq!(history.older("x").as_deref(), Some("one"));
        assert_eq!(history.older("x"), None);
        assert_eq!(history.newer().as_deref(), Some("two\nlines"));
        assert_eq!(history.newer().as_deref(), Some("draft"));
        assert_eq!(history.newer(), None);
    }

    #[test]
    fn the_file_is_private_bounded_and_shared() -> std::io::Result<()> {
        let folder = tempfile::tempdir()?;
        let path = folder.path().join("deep/chat-history");
        let mut first = History::at(Some(path.clone()));
        let mut second = History::at(Some(path.clone()));
        first.add("from the first");
        second.add("from the second\nwith a line");
        (0..ENTRIES - 1).for_each(|n| first.entries.push(format!("entry {n}")));
        first.write()?;
        first.add("last");
        let again = History::at(Some(path.clone()));
        assert_eq!((again.entries.len(), again.newest().next().map(String::as_str)), (ENTRIES, Some("last")));
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            assert_eq!(std::fs::metadata(&path)?.permissions().mode() & 0o777, 0o600);
        }
        assert_eq!(std::fs::read_dir(path.parent().unwrap())?.count(), 1, "nothing is left beside it");
        Ok(())
    }
}
