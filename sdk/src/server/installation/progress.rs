//! What an installation is doing, for whoever shows it.

use std::sync::{Arc, Mutex};

/// One step of an installation.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Another process installs the same version; waiting for it.
    Waiting,
    /// Asking the registry what the archive must look like.
    Resolving,
    /// The archive is downloaded (about 60 MB). npm does not say how far it is.
    Downloading,
    /// Comparing checksums.
    Verifying,
    /// Writing the binary.
    Unpacking,
    /// Running the binary once to hear its version.
    Checking,
    /// Running the new version as a server, with a scratch home and an empty project.
    Trial,
    /// It is in its place.
    Done,
}

/// What an installation is doing now.
#[derive(Clone, Debug)]
pub struct Progress {
    /// The step that begins or goes on.
    pub step: Step,
    /// The npm package with its version, the file, or the address.
    pub package: String,
    /// Bytes of this step that are done; 0 when it begins.
    pub done: u64,
    /// Bytes of this step altogether, where that is known.
    pub total: Option<u64>,
}

/// A bar needs no more than this many pieces.
const PIECES: u64 = 200;
/// The pieces of something whose size is not known.
const PIECE_BYTES: u64 = 1 << 20;

/// Tells progress, and not for every block.
#[derive(Clone)]
pub(in crate::server) struct Reporter {
    progress: Arc<dyn Fn(Progress) + Send + Sync>,
    label: String,
    told: Arc<Mutex<u64>>,
}

impl Reporter {
    pub(in crate::server) fn new(progress: &Arc<dyn Fn(Progress) + Send + Sync>, label: &str) -> Self {
        Self { progress: progress.clone(), label: label.to_owned(), told: Arc::default() }
    }

    pub(in crate::server) fn label(&self) -> &str {
        &self.label
    }

    pub(in crate::server) fn say(&self, step: Step) {
        if let Ok(mut told) = self.told.lock() {
            *told = 0;
        }
        (self.progress)(Progress { step, package: self.label.clone(), done: 0, total: None });
    }

    pub(in crate::server) fn bytes(&self, step: Step, done: u64, total: Option<u64>) {
        let piece = total.map_or(PIECE_BYTES, |total| total / PIECES).max(1);
        let Ok(mut told) = self.told.lock() else { return };
        if done < *told + piece && Some(done) != total {
            return;
        }
        *told = done;
        drop(told);
        (self.progress)(Progress { step, package: self.label.clone(), done, total });
    }
}
