//! What a plugin asks for, shown to the person who decides; and the decision.

use opencode_nexus::{Error, ErrorKind, Result};
use opencode_nexus_plugins::bundle::Bundle;
use opencode_nexus_plugins::permissions::{PermissionLine, Permissions};
use opencode_nexus_plugins::signature::PublicKey;

use crate::{output, secret};

/// What may be granted without a question.
#[derive(clap::Args, Clone, Debug, Default)]
pub(super) struct GrantArguments {
    /// Grant without a question: `all`, `none`, or a list with commas, of the words that are shown in brackets.
    #[arg(long, value_name = "RIGHTS", value_delimiter = ',')]
    grant: Vec<String>,
}

impl GrantArguments {
    /// Whether nothing was said.
    pub(super) fn is_empty(&self) -> bool {
        self.grant.is_empty()
    }

    /// What it names of what is asked for; `None` when the person is to be asked.
    pub(super) fn of(&self, asked: &Permissions) -> Result<Option<Permissions>> {
        match self.grant.as_slice() {
            [] => Ok(None),
            [none] if none == "none" => Ok(Some(Permissions::default())),
            words => asked.select(words).map(Some),
        }
    }
}

/// What a person has said.
pub(super) enum Answer {
    /// This is granted.
    Yes(Box<Permissions>),
    No,
    /// There is nobody to ask, and nothing was said beforehand.
    Nobody,
}

/// Takes what was said beforehand, or asks on the terminal.
pub(super) async fn decide(
    given: &GrantArguments,
    asked: &Permissions,
    json: bool,
    question: &str,
) -> Result<Answer> {
    if let Some(granted) = given.of(asked)? {
        return Ok(Answer::Yes(Box::new(granted)));
    }
    if json || !secret::can_ask() {
        return Ok(Answer::Nobody);
    }
    match output::is_yes(question).await? {
        true => Ok(Answer::Yes(Box::new(asked.clone()))),
        false => Ok(Answer::No),
    }
}

/// Says that a decision is needed that nobody can be asked for.
pub(super) fn nobody(id: &str, asked: &Permissions) -> Error {
    let words: Vec<String> = asked.lines().into_iter().map(|line| line.word).collect();
    let list = match words.is_empty() {
        true => "--grant none".to_owned(),
        false => format!("--grant all, or a part: --grant {}", words.join(",")),
    };
    Error::new(ErrorKind::InvalidInput, format!("{id} needs your yes, and nobody can be asked"))
        .with_hint(list)
}

/// Shows a plugin before it is installed.
pub(super) fn show(bundle: &Bundle, source: &str, first: bool) {
    let manifest = bundle.manifest();
    eprintln!("{} {}: {}", manifest.id, manifest.version, output::clean(&manifest.summary));
    eprintln!("  from    {}, {}", output::clean(source), output::size(bundle.size()));
    eprintln!("  signed  {}", signer(bundle.publisher(), first));
    let worlds: Vec<&str> = manifest.worlds.iter().map(|world| world_name(*world)).collect();
    eprintln!("  is      {}", worlds.join(", "));
    show_asked(&manifest.permissions.lines(), manifest.permissions.warning().as_deref());
}

/// Shows what is asked for, a line each.
pub(super) fn show_asked(lines: &[PermissionLine], warning: Option<&str>) {
    match lines {
        [] => eprintln!("  asks    for nothing"),
        lines => {
            for (number, line) in lines.iter().enumerate() {
                let head = if number == 0 { "asks  " } else { "      " };
                eprintln!("  {head}  {}  [{}]", output::clean(&line.to_string()), output::clean(&line.word));
            }
        }
    }
    if let Some(warning) = warning {
        eprintln!("  beware  {}", output::clean(warning));
    }
}

fn signer(publisher: Option<&PublicKey>, first: bool) -> String {
    match publisher {
        None => "by nobody: nobody can say who made it".to_owned(),
        Some(key) if first => format!("by {}, who is new and believed from now on", key.fingerprint()),
        Some(key) => format!("by {}, as before", key.fingerprint()),
    }
}

pub(super) fn world_name(world: opencode_nexus_plugins::manifest::World) -> &'static str {
    use opencode_nexus_plugins::manifest::World;
    match world {
        World::ContextProvider => "context for prompts (@)",
        World::Command => "commands (/)",
        World::Hook => "a hook that sees prompts",
        World::Frontend => "a frontend",
    }
}
