//! `@git-blame:file#L3-9`, `@git-show:ref` and `@git-log-of:path`: history of the project for prompts.

mod mention;
mod show;

use mention::Place;
use opencode_nexus_plugin::{
    Context, Error, Item, Plugin, Provider, Request, Result, Suggestion, git, plugin, unknown, workspace,
};

/// So many commits of a file are told.
const COMMITS: u32 = 30;

#[derive(Default)]
struct GitContext;

impl Plugin for GitContext {}

impl Context for GitContext {
    fn describe(&mut self) -> Vec<Provider> {
        vec![
            Provider::new("git-blame", "Who wrote lines of a file, and why")
                .with_argument("file#L3-9")
                .needing_it(),
            Provider::new("git-show", "What a commit has changed").with_argument("ref"),
            Provider::new("git-log-of", "The commits that have changed a file or a folder")
                .with_argument("path")
                .needing_it(),
        ]
    }

    fn suggest(&mut self, provider: &str, typed: &str, limit: u32) -> Result<Vec<Suggestion>> {
        match provider {
            "git-show" => commits(typed, limit),
            "git-blame" | "git-log-of" => paths(typed, limit),
            other => Err(unknown(other)),
        }
    }

    fn provide(&mut self, request: Request) -> Result<Vec<Item>> {
        let argument = request.argument.as_deref().unwrap_or_default();
        match request.provider.as_str() {
            "git-blame" => blame(argument),
            "git-show" => show_commit(if argument.is_empty() { "HEAD" } else { argument }),
            "git-log-of" => log_of(argument),
            other => Err(unknown(other)),
        }
    }
}

/// The newest commits whose id or message holds what was typed.
fn commits(typed: &str, limit: u32) -> Result<Vec<Suggestion>> {
    let typed = typed.to_lowercase();
    let found = git::log(None, None, 100)?
        .into_iter()
        .filter(|commit| commit.id.starts_with(&typed) || commit.message.to_lowercase().contains(&typed));
    let suggestions = found.map(|commit| {
        let first = show::subject(&commit.message);
        Suggestion::new(show::short(&commit.id)).with_label(first).with_detail(&commit.author.name)
    });
    Ok(suggestions.take(limit as usize).collect())
}

/// What stands in the folder that was typed so far.
fn paths(typed: &str, limit: u32) -> Result<Vec<Suggestion>> {
    let (folder, name) = typed.rsplit_once('/').unwrap_or(("", typed));
    let entries = workspace::list(folder)?.into_iter().filter(|entry| {
        let last = entry.path.rsplit('/').next().unwrap_or_default();
        last.starts_with(name) && !last.starts_with('.')
    });
    let suggestions = entries
        .map(|entry| Suggestion::new(if entry.is_dir { format!("{}/", entry.path) } else { entry.path }));
    Ok(suggestions.take(limit as usize).collect())
}

fn blame(argument: &str) -> Result<Vec<Item>> {
    let place = Place::parse(argument)?;
    let (first, last) = place.lines.unwrap_or((0, mention::WHOLE));
    let lines = git::blame(&place.path, first, last)?;
    if lines.is_empty() {
        return Err(Error::not_found(format!("{} has no such lines", place.path)));
    }
    // The messages say why; a commit that git no longer finds is only left out there.
    let mut messages = Vec::new();
    for id in show::commits_of(&lines) {
        messages.extend(git::log(Some(&id), None, 1).unwrap_or_default());
    }
    let mut items = vec![Item::text(format!("blame of {argument}"), show::blame(&lines)).with_priority(700)];
    if !messages.is_empty() {
        items.push(
            Item::text(format!("commits of {argument}"), show::log(&messages, true)).with_priority(500),
        );
    }
    Ok(items)
}

fn show_commit(revision: &str) -> Result<Vec<Item>> {
    let diff = git::diff(revision, None)?;
    let mut items = Vec::new();
    // Between two names there is no one message.
    if !revision.contains("..") {
        let commits = git::log(Some(revision), None, 1)?;
        items.push(Item::text(format!("commit {revision}"), show::log(&commits, true)).with_priority(800));
    }
    items.push(Item::code(format!("diff of {revision}"), "diff", diff).with_priority(600));
    Ok(items)
}

fn log_of(path: &str) -> Result<Vec<Item>> {
    let path = path.trim_end_matches('/');
    if path.is_empty() {
        return Err(
            Error::invalid("a file or a folder is missing").with_hint("write `@git-log-of:src/lib.rs`")
        );
    }
    let commits = git::log(None, Some(path), COMMITS)?;
    if commits.is_empty() {
        return Err(Error::not_found(format!("no commit has changed {path}")));
    }
    Ok(vec![Item::text(format!("history of {path}"), show::log(&commits, false))])
}

plugin!(GitContext: context);
