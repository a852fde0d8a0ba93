//! From mentions to the parts of a prompt.

use std::time::Duration;

use futures_util::StreamExt as _;
use futures_util::future::{BoxFuture, FutureExt as _};
use futures_util::stream;

use super::budget::{Budget, Gathered, LeftOut, Measured, pack};
use super::fence::fenced;
use super::item::{ContextItem, ItemKind, Trust};
use super::mention::{Mention, mentions};
use super::merge::merged;
use super::provider::Scope;
use super::registry::Context;
use super::text_file;
use crate::chat::PromptPart;
use crate::error::{Error, ErrorKind, Result};

/// How long one mention may take.
const BOUND: Duration = Duration::from_secs(15);

/// So many are looked up at once.
const AT_ONCE: usize = 8;

/// More mentions than this are no question of a person.
const MENTIONS: usize = 200;

impl Context {
    /// Everything that the mentions of a text mean, ranked, without doubles and within the budget.
    ///
    /// What cannot be had is left out with its reason; it is the caller's choice to go on or not. A short mention that names
    /// nothing is text (`@override`), unless it looks like a path.
    ///
    /// # Errors
    /// None today.
    pub async fn gather(&self, scope: &Scope<'_>, text: &str, budget: Budget) -> Result<Gathered> {
        self.gather_mentions(scope, &mentions(text), budget).await
    }

    /// The same for mentions that a caller has found or made; what was chosen from a list needs no text.
    ///
    /// # Errors
    /// None today.
    pub async fn gather_mentions(
        &self,
        scope: &Scope<'_>,
        all: &[Mention],
        budget: Budget,
    ) -> Result<Gathered> {
        self.gather_named(scope, all, budget, false).await
    }

    /// With `strict`, a short mention that names nothing is left out and said so, as every other.
    async fn gather_named(
        &self,
        scope: &Scope<'_>,
        all: &[Mention],
        budget: Budget,
        strict: bool,
    ) -> Result<Gathered> {
        let (mut wanted, mut left_out) = (Vec::<&Mention>::new(), Vec::new());
        for mention in all {
            let known =
                wanted.iter().any(|w| w.provider == mention.provider && w.argument == mention.argument);
            if !known {
                wanted.push(mention);
            }
        }
        for mention in wanted.drain(MENTIONS.min(wanted.len())..) {
            left_out.push(LeftOut {
                title: title(mention),
                reason: format!("only {MENTIONS} mentions are looked up"),
            });
        }
        // Boxed: the compiler cannot tell that a stream of closures over these may go to another thread.
        let mut looking: Vec<BoxFuture<'_, Result<Vec<ContextItem>>>> = Vec::new();
        for mention in &wanted {
            looking.push(self.look_up(scope, mention, strict).boxed());
        }
        let looked_up: Vec<_> = stream::iter(looking).buffered(AT_ONCE).collect().await;
        let mut items = Vec::new();
        for (mention, found) in wanted.iter().zip(looked_up) {
            match found {
                Ok(found) => items.extend(found),
                Err(error) => left_out.push(LeftOut { title: title(mention), reason: reason(&error) }),
            }
        }
        let mut measured = Vec::new();
        for item in merged(items) {
            let title = item.title.clone();
            match measure(item, budget.item_bytes).await {
                Ok(one) => measured.push(one),
                Err(error) => left_out.push(LeftOut { title, reason: reason(&error) }),
            }
        }
        let mut gathered = pack(measured, &budget);
        left_out.append(&mut gathered.left_out);
        Ok(Gathered { left_out, ..gathered })
    }

    /// The same for programs, in which nobody would see what was left out.
    ///
    /// # Errors
    /// `user.invalid_input` when anything cannot go along.
    pub async fn gather_all(&self, scope: &Scope<'_>, all: &[Mention], budget: Budget) -> Result<Gathered> {
        let gathered = self.gather_named(scope, all, budget, true).await?;
        match gathered.left_out.first() {
            None => Ok(gathered),
            Some(left) => {
                let message = format!("{} cannot go along: {}", left.title, left.reason);
                Err(Error::new(ErrorKind::InvalidInput, message)
                    .with_hint("leave it out of the context, or name what is there"))
            }
        }
    }

    async fn look_up(&self, scope: &Scope<'_>, mention: &Mention, strict: bool) -> Result<Vec<ContextItem>> {
        let looking = async {
            let argument = mention.argument.as_deref();
            match mention.provider.as_deref().map(|name| (name, self.find(name))) {
                Some((_, Some(provider))) => provider.provide(scope, argument).await,
                // A word before a colon that is no provider may be part of a name.
                Some((name, None)) => {
                    let whole =
                        argument.map_or_else(|| name.to_owned(), |argument| format!("{name}:{argument}"));
                    self.short(scope, &whole, strict).await
                }
                None => self.short(scope, argument.unwrap_or_default(), strict).await,
            }
        };
        match tokio::time::timeout(BOUND, looking).await {
            Ok(found) => found,
            Err(_) => {
                Err(Error::new(ErrorKind::Timeout, format!("it took longer than {} s", BOUND.as_secs())))
            }
        }
    }

    /// What the short form means: a provider, a file, a folder, an agent, or nothing.
    async fn short(&self, scope: &Scope<'_>, name: &str, strict: bool) -> Result<Vec<ContextItem>> {
        if let Some(provider) = self.find(name).filter(|provider| !provider.info().needs_argument) {
            return provider.provide(scope, None).await;
        }
        let is_folder = name.ends_with('/') || scope.root.join(name).is_dir();
        let found = match self.find(if is_folder { "folder" } else { "file" }) {
            Some(provider) => provider.provide(scope, Some(name)).await,
            None => Ok(Vec::new()),
        };
        match found {
            Err(error) if error.kind() == ErrorKind::NotFound => {
                if let Some(item) = agent(scope, name).await {
                    return Ok(vec![item]);
                }
                let like_a_path = name.contains(['/', '\\']) || name.contains("#L") || has_ending(name);
                if like_a_path || strict { Err(error) } else { Ok(Vec::new()) }
            }
            found => found,
        }
    }
}

/// `notes.md` and not `v1.2`.
fn has_ending(name: &str) -> bool {
    let ending = name.rsplit_once('.').map(|(_, ending)| ending);
    ending.is_some_and(|e| (1..=6).contains(&e.len()) && e.starts_with(|c: char| c.is_ascii_alphabetic()))
}

/// The agent of that name, if it is one that can be called.
async fn agent(scope: &Scope<'_>, name: &str) -> Option<ContextItem> {
    let agents = scope.client?.agents().await.ok()?;
    let agent = agents.into_iter().find(|agent| agent.name == name && !agent.hidden)?;
    let (title, kind) = (format!("agent {name}"), ItemKind::Agent { name: agent.name });
    Some(ContextItem { title, kind, provider: "agent".into(), trust: Trust::Project, weight: 1.0 })
}

fn title(mention: &Mention) -> String {
    let argument = mention.argument.as_deref().unwrap_or_default();
    match &mention.provider {
        Some(provider) => format!("@{provider}:{argument}"),
        None => format!("@{argument}"),
    }
}

fn reason(error: &Error) -> String {
    match error.hint() {
        Some(hint) => format!("{} ({hint})", error.message()),
        None => error.message().to_owned(),
    }
}

/// Reads what counts of an item: the text itself, or the lines of the file that the server will read.
async fn measure(item: ContextItem, limit: usize) -> Result<Measured> {
    let work = move || {
        let (text, more) = match &item.kind {
            ItemKind::Text { text, .. } => (text.clone(), false),
            ItemKind::File { text: Some(text), lines, .. } => {
                let excerpt = text_file::of_text(text, &item.title, *lines, limit)?;
                (excerpt.text, excerpt.more)
            }
            ItemKind::File { path, lines, text: None } => {
                let excerpt = text_file::read(path, &item.title, *lines, limit)?;
                (excerpt.text, excerpt.more)
            }
            ItemKind::Image { .. } | ItemKind::Agent { .. } => (String::new(), false),
        };
        Ok(Measured { item, text, more })
    };
    match tokio::task::spawn_blocking(work).await {
        Ok(measured) => measured,
        Err(error) => Err(Error::new(ErrorKind::Internal, "a file could not be measured").with_source(error)),
    }
}

impl Gathered {
    /// The parts of the prompt: each item as a file that the server reads, or as fenced text.
    pub fn parts(&self) -> Vec<PromptPart> {
        self.items.iter().map(part).collect()
    }
}

fn part(item: &ContextItem) -> PromptPart {
    let text = |title: &str, language: &str, text: &str| {
        PromptPart::Context(fenced(title, language, text, item.trust))
    };
    match &item.kind {
        ItemKind::Text { text: said, language } => text(&item.title, language, said),
        ItemKind::File { path, lines, text: Some(open) } => {
            let excerpt =
                text_file::of_text(open, &item.title, *lines, usize::MAX).map(|excerpt| excerpt.text);
            let title = format!("{}, as it stands in the editor, not saved", item.title);
            text(&title, &text_file::language(path), &excerpt.unwrap_or_default())
        }
        ItemKind::File { path, lines, text: None } => match PromptPart::file(path, *lines) {
            Ok(part) => part,
            // Paths of items are absolute; a provider of somebody else may not know.
            Err(error) => text(&item.title, "", &error.to_string()),
        },
        ItemKind::Image { path, mime, bytes } => {
            let name = path.file_name().map(|name| name.to_string_lossy().into_owned());
            PromptPart::image(mime.clone(), name, bytes)
        }
        ItemKind::Agent { name } => PromptPart::Agent { name: name.clone() },
    }
}
