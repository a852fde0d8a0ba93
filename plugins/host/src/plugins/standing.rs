//! How plugins stand, for whoever wants to know.

use serde::Serialize;

use super::Running;
use crate::actor::PluginStatus;

/// How a plugin stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Standing {
    /// `publisher.name`
    pub id: String,
    /// The version that is used.
    pub version: String,
    /// In one word.
    pub state: Word,
    /// What is wrong, in a line.
    pub problem: Option<String>,
    /// Where its pages are, while it has some; with a token, so for the person alone.
    pub url: Option<String>,
    /// Its memories and tables together, in bytes, while it runs.
    pub memory: Option<usize>,
}

/// How a plugin stands, in one word.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Word {
    /// It is asked what it gives.
    Starting,
    /// It starts with the next call; one that runs once, when it is its turn in this program.
    Idle,
    /// It runs.
    Ready,
    /// It cannot be used.
    Failed,
    /// It has failed too often.
    Disabled,
}

impl Word {
    /// The word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Starting => "starting",
            Self::Idle => "idle",
            Self::Ready => "ready",
            Self::Failed => "failed",
            Self::Disabled => "disabled",
        }
    }
}

impl Running {
    pub(super) fn standing(&self, id: &str) -> Standing {
        let (mut problem, mut memory) = (self.problem.clone(), None);
        let state = match self.handle.as_ref().map(crate::actor::PluginHandle::status) {
            None => Word::Failed,
            Some(PluginStatus::Disabled(why)) => {
                problem = Some(why);
                Word::Disabled
            }
            Some(_) if self.asking.is_some() => Word::Starting,
            Some(_) if problem.is_some() => Word::Failed,
            Some(PluginStatus::Running { memory: taken }) => {
                memory = Some(taken);
                Word::Ready
            }
            Some(PluginStatus::Idle | PluginStatus::Stopped) => Word::Idle,
        };
        let url = self.frontend.as_ref().and_then(|frontend| frontend.url().map(str::to_owned));
        Standing { id: id.to_owned(), version: self.version.clone(), state, problem, url, memory }
    }
}
