//! What is provided, by whom.

use std::collections::{HashSet, VecDeque};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::Duration;

use tokio::sync::watch;

use super::notices::{Notice, Notices};
use super::{CommandProvider, PromptHook};
use crate::context::{Context, ContextProvider};
use crate::model::MessageId;

/// The longest name of a provider or command.
const NAME: usize = 40;

/// So many messages are remembered as told.
const HEARD: usize = 4_096;

/// What one source gives.
#[derive(Clone, Default)]
pub struct Provided {
    /// Context for prompts.
    pub context: Vec<Arc<dyn ContextProvider>>,
    /// Commands.
    pub commands: Vec<Arc<dyn CommandProvider>>,
    /// Hooks on prompts.
    pub hooks: Vec<Arc<dyn PromptHook>>,
}

/// Everything that others add. Cheap to clone; all clones are the same.
#[derive(Clone, Default)]
pub struct Extensions(Arc<Inner>);

struct Inner {
    sources: RwLock<Vec<(String, Provided)>>,
    /// How many are being opened.
    opening: watch::Sender<usize>,
    notices: Notices,
    /// Names that were refused, each of which is told once.
    refused: Mutex<HashSet<(String, String)>>,
    heard: Mutex<Heard>,
}

/// The messages that hooks were told last. A session may be followed by several conversations.
#[derive(Default)]
struct Heard {
    order: VecDeque<MessageId>,
    all: HashSet<MessageId>,
}

impl Default for Inner {
    fn default() -> Self {
        Self {
            sources: RwLock::default(),
            opening: watch::channel(0).0,
            notices: Notices::default(),
            refused: Mutex::default(),
            heard: Mutex::default(),
        }
    }
}

impl std::fmt::Debug for Extensions {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.sources().iter().map(|(source, _)| source)).finish()
    }
}

/// Says that something is being opened, until it is dropped.
#[derive(Debug)]
#[must_use = "dropping it says that everything is there"]
pub struct Opening(watch::Sender<usize>);

impl Drop for Opening {
    fn drop(&mut self) {
        self.0.send_modify(|count| *count -= 1);
    }
}

impl Extensions {
    /// From now on a source gives this, in place of what it gave before. Sources keep the order in which they came first, and
    /// hooks run in that order.
    pub fn provide(&self, source: &str, provided: Provided) {
        self.change(|sources| match sources.iter_mut().find(|(known, _)| known == source) {
            Some((_, known)) => *known = provided,
            None => sources.push((source.to_owned(), provided)),
        });
    }

    /// A source gives nothing any more. Calls that run go on to their end.
    pub fn withdraw(&self, source: &str) {
        self.change(|sources| sources.retain(|(known, _)| known != source));
    }

    fn change(&self, change: impl FnOnce(&mut Vec<(String, Provided)>)) {
        change(&mut self.0.sources.write().unwrap_or_else(PoisonError::into_inner));
    }

    pub(super) fn sources(&self) -> Vec<(String, Provided)> {
        self.0.sources.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The hooks, in the order in which they run.
    pub fn hooks(&self) -> Vec<Arc<dyn PromptHook>> {
        self.sources().into_iter().flat_map(|(_, provided)| provided.hooks).collect()
    }

    /// Whether a message is to be told now; asked again, it is not.
    pub(super) fn is_new(&self, message: &MessageId) -> bool {
        let mut heard = self.0.heard.lock().unwrap_or_else(PoisonError::into_inner);
        let is_new = heard.all.insert(message.clone());
        if is_new {
            heard.order.push_back(message.clone());
        }
        if heard.order.len() > HEARD
            && let Some(oldest) = heard.order.pop_front()
        {
            heard.all.remove(&oldest);
        }
        is_new
    }

    /// The context with everything that was added. A name that is taken already is refused, also one of the context's own
    /// providers, and so is one that is no name; the person is told once.
    #[must_use]
    pub fn context_with(&self, mut context: Context) -> Context {
        for (source, provided) in self.sources() {
            for provider in provided.context {
                let name = provider.info().name;
                if !is_name(&name) {
                    self.refuse(&source, &name, "is no name: it has lower case letters, digits and hyphens");
                } else if context.has(&name) {
                    self.refuse(&source, &name, "is taken; this one is left out");
                } else {
                    context.add(provider);
                }
            }
        }
        context
    }

    fn refuse(&self, source: &str, name: &str, why: &str) {
        let mut refused = self.0.refused.lock().unwrap_or_else(PoisonError::into_inner);
        if refused.insert((source.to_owned(), name.to_owned())) {
            drop(refused);
            self.0.notices.tell(Notice::warning(source, format!("the name @{name} {why}")));
        }
    }

    /// Where extensions tell the person something.
    pub fn notices(&self) -> &Notices {
        &self.0.notices
    }

    /// Says that something is being opened, whose context and commands are not known yet.
    pub fn opening(&self) -> Opening {
        self.0.opening.send_modify(|count| *count += 1);
        Opening(self.0.opening.clone())
    }

    /// Waits until everything that is being opened is there, at most `bound`; `false` when it is not by then. Cancel-safe.
    ///
    /// Hooks need no such wait: they are provided before they are ready, and wait themselves.
    pub async fn settled(&self, bound: Duration) -> bool {
        let mut opening = self.0.opening.subscribe();
        let waiting = opening.wait_for(|count| *count == 0);
        tokio::time::timeout(bound, waiting).await.is_ok()
    }
}

/// Lower case letters, digits and hyphens, a letter first.
pub(super) fn is_name(name: &str) -> bool {
    name.len() <= NAME
        && name.starts_with(|c: char| c.is_ascii_lowercase())
        && name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
}
