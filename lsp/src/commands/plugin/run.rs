//! `nexus plugin run`: one call of an installed plugin, as an editor or a chat would make it.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use clap::Subcommand;
use opencode_nexus::chat::{Prompt, PromptPart};
use opencode_nexus::context::{ContextItem, ContextProvider, ItemKind, Scope};
use opencode_nexus::extension::{CommandOutcome, CommandProvider, NoticeFeed, Notices, Verdict};
use opencode_nexus::model::SessionId;
use opencode_nexus::{Error, ErrorKind, Result};
use opencode_nexus_plugins::actor::{Launch, PluginHandle, StopReason};
use opencode_nexus_plugins::command::commands;
use opencode_nexus_plugins::engine::Engine;
use opencode_nexus_plugins::hook::hook;
use opencode_nexus_plugins::imports::{Caller, Ground};
use opencode_nexus_plugins::installed::InstalledPlugin;
use opencode_nexus_plugins::limits::Limits;
use opencode_nexus_plugins::permissions::Rights;
use opencode_nexus_plugins::provider::providers;
use serde_json::{Value, json};

use crate::output;
use crate::settings::settings;

/// Which plugin, and what of it.
#[derive(clap::Args)]
#[command(
    after_help = "It runs in this folder, with the rights that were granted and no conversation.\n\nExamples:\n  nexus plugin run acme.jira\n  nexus plugin run acme.jira provide jira:ABC-1\n  nexus plugin run acme.jira suggest jira:AB\n  nexus plugin run acme.standup command standup yesterday\n  nexus plugin run acme.redact hook \"my password is secret\""
)]
pub(super) struct Run {
    /// The plugin.
    id: String,
    /// The folder that is worked in.
    #[arg(long, value_name = "FOLDER", default_value = ".")]
    root: PathBuf,
    #[command(subcommand)]
    what: Option<What>,
}

#[derive(Subcommand)]
enum What {
    /// What a mention means.
    Provide {
        /// NAME or NAME:ARGUMENT, as it stands behind the `@`.
        mention: String,
    },
    /// What somebody may mean who has typed this much.
    Suggest {
        /// NAME:TYPED
        mention: String,
        /// At most so many.
        #[arg(long, default_value_t = 20)]
        limit: usize,
    },
    /// Run a command.
    Command {
        /// The word behind the `/`.
        name: String,
        /// What stands behind it.
        arguments: Vec<String>,
    },
    /// What the arguments of a command may go on with.
    Complete {
        /// The word behind the `/`.
        name: String,
        /// What stands behind it so far.
        arguments: Vec<String>,
    },
    /// What the hook says to a prompt.
    Hook {
        /// The prompt.
        text: String,
    },
}

impl Run {
    pub(super) async fn run(self, json: bool) -> Result<ExitCode> {
        let plugin = super::installed()?.get(&self.id)?;
        let root = std::path::absolute(&self.root)?;
        let notices = Notices::default();
        let told = notices.subscribe();
        let handle = open(&plugin, &root, notices).await?;
        let done = match &self.what {
            None => offers(&handle).await,
            Some(What::Provide { mention }) => provide(&handle, &root, mention).await,
            Some(What::Suggest { mention, limit }) => suggest(&handle, &root, mention, *limit).await,
            Some(What::Command { name, arguments }) => command(&handle, name, &arguments.join(" ")).await,
            Some(What::Complete { name, arguments }) => complete(&handle, name, &arguments.join(" ")).await,
            Some(What::Hook { text }) => ask_hook(&handle, text).await,
        };
        handle.stop(StopReason::Shutdown).await;
        tell(told);
        let Said { value, text } = done?;
        if json {
            output::print_json(&json!({ "ok": true, "result": value }));
        } else if text.is_empty() {
            eprintln!("nothing");
        } else {
            output::print_line(&output::clean(&text));
        }
        Ok(ExitCode::SUCCESS)
    }
}

/// A result for programs, and for people.
struct Said {
    value: Value,
    text: String,
}

/// What the host has told the person about the plugin meanwhile.
fn tell(mut told: NoticeFeed) {
    while let Some(notice) = told.try_next() {
        eprintln!("{}: {}", notice.source, output::clean(&notice.text));
    }
}

async fn open(plugin: &InstalledPlugin, root: &Path, notices: Notices) -> Result<PluginHandle> {
    let (_, launch) = launch(plugin, root, notices).await?;
    Ok(PluginHandle::open(launch))
}

/// A plugin with what was granted, and how it is started.
pub(super) async fn launch(
    plugin: &InstalledPlugin,
    root: &Path,
    notices: Notices,
) -> Result<(Arc<Caller>, Launch)> {
    let settings = settings()?;
    let own = settings.plugins.get(&plugin.id).map(|known| known.settings.clone()).unwrap_or_default();
    let own = Value::Object(own);
    plugin.manifest.settings.check(&own)?;
    let rights = Rights::new(super::rights(&plugin.manifest, plugin.publisher.as_ref())?);
    let ground = Ground::open(super::folder()?, notices, settings.transport.tls.extra_ca.clone())?;
    let caller = Arc::new(Caller::open(&plugin.id, &plugin.version, rights, root, own, &ground)?);
    let engine = Engine::open(Some(&super::cache()?))?;
    let worlds = &plugin.manifest.worlds;
    let code = engine.load(plugin.component()?, worlds).await?;
    let limits = Limits::requested(&plugin.manifest.limits, None);
    Ok((caller.clone(), Launch::new(code, worlds, caller, limits)))
}

async fn offers(handle: &PluginHandle) -> Result<Said> {
    let mut value = json!({ "context": [], "commands": [], "hook": false });
    let mut lines = Vec::new();
    for provider in context_of(handle).await? {
        let info = provider.info();
        let argument = info.argument.as_ref().map(|argument| format!(":{argument}")).unwrap_or_default();
        lines.push(format!("@{}{argument}  {}", info.name, info.summary));
        if let Some(all) = value["context"].as_array_mut() {
            all.push(json!({ "name": info.name, "summary": info.summary, "argument": info.argument }));
        }
    }
    for spec in commands(handle).await?.map(|commands| commands.commands()).unwrap_or_default() {
        let hint = spec.argument_hint.as_ref().map(|hint| format!(" {hint}")).unwrap_or_default();
        lines.push(format!("/{}{hint}  {}", spec.name, spec.summary));
        if let Some(all) = value["commands"].as_array_mut() {
            all.push(json!({ "name": spec.name, "summary": spec.summary, "hint": spec.argument_hint }));
        }
    }
    if hook(handle, false).is_some() {
        value["hook"] = true.into();
        lines.push("a hook that sees prompts".to_owned());
    }
    Ok(Said { value, text: lines.join("\n") })
}

async fn context_of(handle: &PluginHandle) -> Result<Vec<Arc<dyn ContextProvider>>> {
    use opencode_nexus_plugins::manifest::World;
    match handle.is(World::ContextProvider) {
        true => providers(handle).await,
        false => Ok(Vec::new()),
    }
}

/// The provider of `name:argument`, and the argument.
async fn provider<'a>(
    handle: &PluginHandle,
    mention: &'a str,
) -> Result<(Arc<dyn ContextProvider>, Option<&'a str>)> {
    let mention = mention.strip_prefix('@').unwrap_or(mention);
    let (name, argument) = match mention.split_once(':') {
        Some((name, argument)) => (name, Some(argument)),
        None => (mention, None),
    };
    let all = context_of(handle).await?;
    let names: Vec<String> = all.iter().map(|provider| format!("@{}", provider.info().name)).collect();
    let found = all.into_iter().find(|provider| provider.info().name == name);
    let found = found.ok_or_else(|| missing(&format!("@{name}"), &names))?;
    Ok((found, argument))
}

fn missing(what: &str, there: &[String]) -> Error {
    let there = if there.is_empty() {
        "it gives none".to_owned()
    } else {
        format!("there are: {}", there.join(", "))
    };
    Error::new(ErrorKind::NotFound, format!("the plugin gives no {}", what.escape_debug())).with_hint(there)
}

async fn provide(handle: &PluginHandle, root: &std::path::Path, mention: &str) -> Result<Said> {
    let (provider, argument) = provider(handle, mention).await?;
    let scope = Scope { root, client: None, editor: None };
    let items = provider.provide(&scope, argument).await?;
    let text: Vec<String> = items.iter().map(shown).collect();
    let value = items
        .iter()
        .map(|item| match &item.kind {
            ItemKind::Text { text, language } => {
                json!({ "title": item.title, "text": text, "language": language })
            }
            ItemKind::File { path, lines, .. } => {
                json!({ "title": item.title, "file": path, "lines": lines })
            }
            _ => json!({ "title": item.title }),
        })
        .collect();
    Ok(Said { value, text: text.join("\n\n") })
}

fn shown(item: &ContextItem) -> String {
    match &item.kind {
        ItemKind::Text { text, .. } => format!("# {}\n{text}", item.title),
        ItemKind::File { path, lines, .. } => {
            let lines = lines.map(|(first, last)| format!("#L{first}-{last}")).unwrap_or_default();
            format!("# {}\n{}{lines}", item.title, path.display())
        }
        _ => format!("# {}", item.title),
    }
}

async fn suggest(handle: &PluginHandle, root: &std::path::Path, mention: &str, limit: usize) -> Result<Said> {
    let (provider, typed) = provider(handle, mention).await?;
    let scope = Scope { root, client: None, editor: None };
    let found = provider.suggest(&scope, typed.unwrap_or_default(), limit).await?;
    let line = |suggestion: &opencode_nexus::context::Suggestion| match &suggestion.detail {
        Some(detail) => format!("{}  {}  ({detail})", suggestion.mention, suggestion.label),
        None => format!("{}  {}", suggestion.mention, suggestion.label),
    };
    let text: Vec<String> = found.iter().map(line).collect();
    let value = found
        .iter()
        .map(|found| json!({ "label": found.label, "detail": found.detail, "mention": found.mention }))
        .collect();
    Ok(Said { value, text: text.join("\n") })
}

async fn commands_of(handle: &PluginHandle, name: &str) -> Result<Arc<dyn CommandProvider>> {
    let all = commands(handle).await?;
    let names: Vec<String> = all.iter().flat_map(|all| all.commands()).map(|spec| spec.name).collect();
    let slashed: Vec<String> = names.iter().map(|name| format!("/{name}")).collect();
    all.filter(|_| names.iter().any(|known| known == name))
        .ok_or_else(|| missing(&format!("/{name}"), &slashed))
}

async fn command(handle: &PluginHandle, name: &str, arguments: &str) -> Result<Said> {
    let name = name.strip_prefix('/').unwrap_or(name);
    Ok(match commands_of(handle, name).await?.run(name, arguments, None).await? {
        CommandOutcome::Prompt(parts) => {
            let text = parts_text(&parts);
            Said { value: json!({ "prompt": text }), text }
        }
        CommandOutcome::Show(text) => Said { value: json!({ "show": text }), text },
        CommandOutcome::Nothing => Said { value: json!("nothing"), text: String::new() },
    })
}

async fn complete(handle: &PluginHandle, name: &str, arguments: &str) -> Result<Said> {
    let name = name.strip_prefix('/').unwrap_or(name);
    let found = commands_of(handle, name).await?.complete(name, arguments).await?;
    Ok(Said { value: json!(found), text: found.join("\n") })
}

async fn ask_hook(handle: &PluginHandle, text: &str) -> Result<Said> {
    let hook = hook(handle, false).ok_or_else(|| {
        Error::new(ErrorKind::NotFound, "the plugin is no hook that may see prompts")
            .with_hint("`nexus plugin info ID` shows what it is and may do")
    })?;
    let session = SessionId::from("ses_none");
    Ok(match hook.before_send(&session, &Prompt::from(text)).await? {
        Verdict::Keep => Said { value: json!("keep"), text: "keep".to_owned() },
        Verdict::Replace(parts) => {
            let text = parts_text(&parts);
            Said { value: json!({ "replace": text }), text }
        }
        Verdict::Block(why) => Said { value: json!({ "block": why }), text: format!("blocked: {why}") },
    })
}

/// The words of parts; of what are none, what they are.
fn parts_text(parts: &[PromptPart]) -> String {
    let texts: Vec<String> = parts
        .iter()
        .map(|part| match part {
            PromptPart::Text(text) | PromptPart::Context(text) => text.clone(),
            PromptPart::File { url, mime, .. } => {
                format!("[{mime} {}]", url.chars().take(120).collect::<String>())
            }
            PromptPart::Agent { name } => format!("@{name}"),
            other => format!("{other:?}"),
        })
        .collect();
    texts.join("\n")
}
