//! What a person may mean who is typing a mention.

use std::time::Duration;

use super::fuzzy;
use super::mention::Mention;
use super::provider::{Scope, Suggestion};
use super::registry::Context;

/// A person who types does not wait longer.
const BOUND: Duration = Duration::from_millis(300);

/// So many agents are offered beside files.
const AGENTS: usize = 5;

impl Context {
    /// What a person may mean who has typed this much, from the `@` on: providers, and what they suggest.
    ///
    /// A provider that fails or takes longer than 300 ms is left out.
    pub async fn suggest(&self, scope: &Scope<'_>, typed: &str, limit: usize) -> Vec<Suggestion> {
        if let Some(lines) = bounded(self.lines_of(scope, typed, limit)).await.flatten() {
            return lines;
        }
        let typed = typed.strip_prefix('@').unwrap_or(typed);
        let named = typed.split_once(':').and_then(|(name, rest)| Some((self.find(name)?, rest)));
        let mut suggestions = match named {
            Some((provider, rest)) => {
                let rest = rest.strip_prefix('"').unwrap_or(rest);
                bounded(provider.suggest(scope, rest, limit)).await.and_then(Result::ok).unwrap_or_default()
            }
            // Behind a quote only names are typed that need one.
            None => match typed.strip_prefix('"') {
                Some(typed) => self.short_files(scope, typed, limit).await,
                None => self.short_suggestions(scope, typed, limit).await,
            },
        };
        suggestions.truncate(limit);
        suggestions
    }

    /// Providers first, as long as their names begin with what was typed; then files and folders, agents, and what else fits.
    async fn short_suggestions(&self, scope: &Scope<'_>, typed: &str, limit: usize) -> Vec<Suggestion> {
        let (files, agents) = tokio::join!(self.short_files(scope, typed, limit), agents(scope, typed));
        let infos = self.providers();
        let (first, rest): (Vec<_>, Vec<_>) = infos
            .iter()
            .filter(|info| fuzzy::score(typed, &info.name).is_some())
            .partition(|info| info.name.starts_with(typed));
        let shown = |info: &&super::ProviderInfo| {
            let colon = if info.needs_argument { ":" } else { "" };
            let mention = format!("@{}{colon}", info.name);
            Suggestion { label: mention.clone(), detail: Some(info.summary.clone()), mention }
        };
        let called = agents.iter().filter(|agent| agent.label[1..].starts_with(typed) && !typed.is_empty());
        let mut all: Vec<Suggestion> = first.iter().map(shown).chain(called.cloned()).collect();
        all.extend(files);
        all.extend(
            agents.into_iter().filter(|agent| !agent.label[1..].starts_with(typed) || typed.is_empty()),
        );
        all.extend(rest.iter().map(shown));
        all
    }

    async fn short_files(&self, scope: &Scope<'_>, typed: &str, limit: usize) -> Vec<Suggestion> {
        let Some(files) = bounded(self.files.of(scope.root)).await else { return Vec::new() };
        let best = fuzzy::best(typed, files.iter(), |name| name, limit);
        let made = best.into_iter().filter_map(|name| {
            let bare = name.trim_end_matches('/');
            // A file may be called like a provider.
            let provider = match self.find(bare) {
                Some(_) if name.ends_with('/') => Some("folder"),
                Some(_) => Some("file"),
                None => None,
            };
            let mention = Mention::written(provider, name)?;
            Some(Suggestion { label: name.clone(), detail: None, mention })
        });
        made.collect()
    }
}

async fn agents(scope: &Scope<'_>, typed: &str) -> Vec<Suggestion> {
    let Some(client) = scope.client else { return Vec::new() };
    let Some(Ok(agents)) = bounded(client.agents()).await else { return Vec::new() };
    // Those that answer people are chosen otherwise.
    let called = agents.iter().filter(|agent| !agent.hidden && agent.mode != "primary");
    let called: Vec<_> = called.collect();
    let made =
        fuzzy::best(typed, called.iter(), |agent| &agent.name, AGENTS).into_iter().filter_map(|agent| {
            let mention = Mention::written(None, &agent.name)?;
            let about = agent.description.as_deref().unwrap_or_default();
            let about: String =
                about.chars().map(|c| if c.is_control() { ' ' } else { c }).take(100).collect();
            Some(Suggestion {
                label: format!("@{}", agent.name),
                detail: Some(format!("agent  {about}")),
                mention,
            })
        });
    made.collect()
}

async fn bounded<T>(work: impl Future<Output = T>) -> Option<T> {
    tokio::time::timeout(BOUND, work).await.ok()
}
