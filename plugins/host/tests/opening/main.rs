//! The installed plugins of a person, opened by a program: what they add comes, changes and goes.

#[path = "../threats/guest.rs"]
#[allow(dead_code)]
mod guest;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use opencode_nexus::chat::Prompt;
use opencode_nexus::config::PluginSettings;
use opencode_nexus::context::Context;
use opencode_nexus::extension::{Extensions, PromptHook, Verdict};
use opencode_nexus_plugins::bundle::Bundle;
use opencode_nexus_plugins::installed::{Installed, Rules};
use opencode_nexus_plugins::manifest::{Manifest, World};
use opencode_nexus_plugins::plugins::{Options, Plugins, Word};

use self::guest::Guest;

/// Whatever is waited for comes within this, or the test fails.
const BOUND: Duration = Duration::from_secs(60);

/// A person's folders.
struct Home(tempfile::TempDir);

impl Home {
    fn new() -> Self {
        let home = Self(tempfile::tempdir().unwrap());
        std::fs::create_dir(home.workspace()).unwrap();
        home
    }

    fn workspace(&self) -> std::path::PathBuf {
        self.0.path().join("project")
    }

    fn folder(&self) -> std::path::PathBuf {
        self.0.path().join("plugins")
    }

    /// Installs a plugin that is this guest.
    fn install(&self, id: &str, version: &str, guest: &Guest, more: &str) {
        let worlds: Vec<String> =
            guest.worlds().iter().map(|world| format!("\"{}\"", word(*world))).collect();
        let manifest = Manifest::parse(&format!(
            "schema = 1\nid = \"{id}\"\nversion = \"{version}\"\napi = \"0.1\"\nsummary = \"for tests\"\nworlds = [{}]\n{more}",
            worlds.join(", ")
        ))
        .unwrap();
        let bundle = Bundle::build(manifest, guest.build(), BTreeMap::new(), None).unwrap();
        let rules = Rules { allow_unsigned: true, ..Rules::default() };
        Installed::at(self.folder()).install(&bundle, rules, true, "a test").unwrap();
    }

    fn options(&self, plugins: &[(&str, PluginSettings)]) -> Options {
        Options {
            folder: self.folder(),
            cache: None,
            workspace: self.workspace(),
            enabled: true,
            only: None,
            plugins: plugins.iter().map(|(id, said)| ((*id).to_owned(), said.clone())).collect(),
            ca_file: None,
            extensions: Extensions::default(),
        }
    }
}

fn word(world: World) -> &'static str {
    match world {
        World::ContextProvider => "context-provider",
        World::Command => "command",
        World::Hook => "hook",
        World::Frontend => "frontend",
    }
}

/// A guest with one provider of five letters.
fn provider(name: &str) -> Guest {
    assert_eq!(name.len(), 5);
    let nothing = "\\00".repeat(20);
    Guest::new(&[World::ContextProvider])
        .module(&format!(
            "(data (i32.const 128) \"\\90\\00\\00\\00\\01\\00\\00\\00\")
             (data (i32.const 144) \"\\c8\\00\\00\\00\\05\\00\\00\\00\\c8\\00\\00\\00\\05\\00\\00\\00{nothing}\")
             (data (i32.const 200) \"{name}\")"
        ))
        .does("describe", "(i32.const 128)")
}

fn granted() -> PluginSettings {
    PluginSettings { grant: Some(vec!["all".into()]), ..PluginSettings::default() }
}

/// The names that plugins have added.
fn added(extensions: &Extensions) -> Vec<String> {
    let own = Context::default().providers().len();
    let all = extensions.context_with(Context::default()).providers();
    all.into_iter().skip(own).map(|info| info.name).collect()
}

async fn asked(hook: &Arc<dyn PromptHook>) -> opencode_nexus::Result<Verdict> {
    let (session, prompt) = ("ses_1".into(), Prompt::text("hello"));
    let asking = hook.before_send(&session, &prompt);
    tokio::time::timeout(BOUND, asking).await.expect("a hook has a bound")
}

fn state(plugins: &Plugins, id: &str) -> Option<Word> {
    plugins.standing().into_iter().find(|one| one.id == id).map(|one| one.state)
}

const HOOK: &str = "[permissions]\nprompts = { reason = \"the test looks at prompts\" }\n";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn where_none_is_installed_nothing_is_opened_and_nothing_is_written() {
    let home = Home::new();
    assert!(Plugins::open(home.options(&[])).unwrap().is_none());
    assert!(!home.folder().exists());
    home.install("acme.thing", "1.0.0", &provider("thing"), "");
    let off = Options { enabled: false, ..home.options(&[]) };
    assert!(Plugins::open(off).unwrap().is_none());
    let disabled = PluginSettings { enabled: Some(false), ..PluginSettings::default() };
    assert!(Plugins::open(home.options(&[("acme.thing", disabled)])).unwrap().is_none());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_plugins_add_is_there_after_a_moment_and_gone_when_they_are_closed() {
    let home = Home::new();
    home.install("acme.thing", "1.0.0", &provider("thing"), "");
    home.install("acme.other", "1.0.0", &provider("other"), "");
    let plugins = Plugins::open(home.options(&[])).unwrap().expect("two are installed");
    let extensions = plugins.extensions().clone();
    assert!(extensions.settled(BOUND).await);
    assert_eq!(added(&extensions), ["other", "thing"]);
    assert_eq!(state(&plugins, "acme.thing"), Some(Word::Ready));
    assert!(plugins.standing().iter().all(|one| one.memory == Some(131_072)), "{:?}", plugins.standing());
    plugins.close().await;
    assert_eq!(added(&extensions), [] as [&str; 0]);
    assert_eq!(plugins.standing(), []);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_plugin_that_fails_is_told_and_the_others_are_there() {
    let home = Home::new();
    home.install("acme.broken", "1.0.0", &provider("thing").does("describe", "(unreachable)"), "");
    home.install("acme.other", "1.0.0", &provider("other"), "");
    let odd = PluginSettings {
        settings: serde_json::json!({"colour": "red"}).as_object().unwrap().clone(),
        ..PluginSettings::default()
    };
    home.install("acme.third", "1.0.0", &provider("third"), "");
    let options = home.options(&[("acme.third", odd)]);
    let mut notices = options.extensions.notices().subscribe();
    let plugins = Plugins::open(options).unwrap().unwrap();
    assert!(plugins.extensions().settled(BOUND).await);
    assert_eq!(added(plugins.extensions()), ["other"]);
    for id in ["acme.broken", "acme.third"] {
        let one = plugins.standing().into_iter().find(|one| one.id == id).unwrap();
        assert_eq!(one.state, Word::Failed, "{one:?}");
        assert!(one.problem.is_some());
    }
    let told: Vec<String> = std::iter::from_fn(|| notices.try_next()).map(|n| n.source).collect();
    assert!(told.contains(&"acme.broken".into()) && told.contains(&"acme.third".into()), "{told:?}");
    plugins.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_version_takes_the_place_of_the_one_that_runs() {
    let home = Home::new();
    home.install("acme.thing", "1.0.0", &provider("thing"), "");
    let plugins = Plugins::open(home.options(&[])).unwrap().unwrap();
    assert!(plugins.extensions().settled(BOUND).await);
    home.install("acme.thing", "1.1.0", &provider("newer"), "");
    tokio::time::timeout(BOUND, plugins.reload("acme.thing")).await.unwrap().unwrap();
    assert_eq!(added(plugins.extensions()), ["newer"]);
    assert_eq!(plugins.standing()[0].version, "1.1.0");
    // One that was installed meanwhile comes, and one that was removed goes.
    home.install("acme.other", "1.0.0", &provider("other"), "");
    plugins.reload("acme.other").await.unwrap();
    assert!(plugins.extensions().settled(BOUND).await);
    assert_eq!(added(plugins.extensions()), ["newer", "other"]);
    Installed::at(home.folder()).remove("acme.thing").unwrap();
    plugins.reload("acme.thing").await.unwrap();
    assert_eq!(added(plugins.extensions()), ["other"]);
    plugins.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hook_sees_prompts_from_the_first_on_when_it_was_granted_them() {
    let home = Home::new();
    home.install("acme.guard", "1.0.0", &Guest::new(&[World::Hook]), HOOK);
    let plugins = Plugins::open(home.options(&[("acme.guard", granted())])).unwrap().unwrap();
    let hooks = plugins.extensions().hooks();
    assert_eq!(hooks.len(), 1, "before it has started");
    assert_eq!(asked(&hooks[0]).await.unwrap(), Verdict::Keep);
    plugins.close().await;
    assert!(plugins.extensions().hooks().is_empty());

    let ungranted = Plugins::open(home.options(&[])).unwrap().unwrap();
    assert!(ungranted.extensions().hooks().is_empty());
    ungranted.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hook_that_must_agree_and_is_not_there_stops_every_prompt() {
    let home = Home::new();
    let must = PluginSettings { must_agree: true, ..PluginSettings::default() };
    // It is not installed at all.
    let options = home.options(&[("acme.guard", must.clone())]);
    let extensions = options.extensions.clone();
    assert!(Plugins::open(options).unwrap().is_none());
    let hooks = extensions.hooks();
    assert!(hooks[0].must_agree());
    assert!(asked(&hooks[0]).await.unwrap_err().message().contains("not installed"));

    // It may not see prompts.
    home.install("acme.guard", "1.0.0", &Guest::new(&[World::Hook]), HOOK);
    let plugins = Plugins::open(home.options(&[("acme.guard", must.clone())])).unwrap().unwrap();
    assert!(plugins.extensions().settled(BOUND).await);
    let error = asked(&plugins.extensions().hooks()[0]).await.unwrap_err();
    assert!(error.hint().unwrap().contains("nexus plugin grant acme.guard prompts"), "{error}");
    plugins.close().await;

    // Somebody has written over its component.
    let component = find(&home.folder().join("acme.guard"), "plugin.wasm");
    std::fs::write(component, "nonsense").unwrap();
    let must = PluginSettings { must_agree: true, ..granted() };
    let plugins = Plugins::open(home.options(&[("acme.guard", must)])).unwrap().unwrap();
    assert!(asked(&plugins.extensions().hooks()[0]).await.is_err());
    plugins.close().await;
}

/// A file of this name somewhere below a folder.
fn find(folder: &Path, name: &str) -> std::path::PathBuf {
    let mut waiting = vec![folder.to_owned()];
    while let Some(folder) = waiting.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            match path.is_dir() {
                true => waiting.push(path),
                false if path.ends_with(name) => return path,
                false => {}
            }
        }
    }
    panic!("there is no {name}")
}
