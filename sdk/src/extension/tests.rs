//! Names, the order of hooks, and what becomes of a prompt.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;

use super::before::agreed_within;
use super::*;
use crate::context::{Context, ContextItem, ContextProvider, ProviderInfo, Scope, Suggestion};
use crate::dialect::Action;
use crate::error::{Error, ErrorKind};

/// How long hooks of these tests have.
const QUICK: Duration = Duration::from_millis(250);

struct Named(&'static str);

#[async_trait]
impl ContextProvider for Named {
    fn info(&self) -> ProviderInfo {
        let (name, summary) = (self.0.to_owned(), "for tests".to_owned());
        ProviderInfo { name, summary, argument: None, needs_argument: false }
    }

    async fn suggest(&self, _: &Scope<'_>, _: &str, _: usize) -> Result<Vec<Suggestion>> {
        Ok(Vec::new())
    }

    async fn provide(&self, _: &Scope<'_>, _: Option<&str>) -> Result<Vec<ContextItem>> {
        Ok(Vec::new())
    }
}

struct Commands(&'static str, Vec<&'static str>);

#[async_trait]
impl CommandProvider for Commands {
    fn commands(&self) -> Vec<CommandSpec> {
        let spec = |name: &&str| CommandSpec {
            name: (*name).to_owned(),
            summary: "for tests".into(),
            argument_hint: None,
            source: self.0.into(),
        };
        self.1.iter().map(spec).collect()
    }

    async fn complete(&self, _: &str, _: &str) -> Result<Vec<String>> {
        std::future::pending().await
    }

    async fn run(&self, name: &str, arguments: &str, _: Option<&SessionId>) -> Result<CommandOutcome> {
        Ok(CommandOutcome::Show(format!("{}:{name} {arguments}", self.0)))
    }
}

/// What a hook does.
#[derive(Clone)]
enum Does {
    Keep,
    Append(&'static str),
    Empty,
    Block(&'static str),
    Fail,
    Panic,
    Hang,
}

struct Hook {
    name: &'static str,
    does: Does,
    must_agree: bool,
    seen: Arc<Mutex<Vec<String>>>,
}

#[async_trait]
impl PromptHook for Hook {
    fn name(&self) -> &str {
        self.name
    }

    fn must_agree(&self) -> bool {
        self.must_agree
    }

    async fn before_send(&self, _: &SessionId, prompt: &Prompt) -> Result<Verdict> {
        self.seen.lock().unwrap().push(format!("{} {}", self.name, text(prompt)));
        match self.does {
            Does::Keep => Ok(Verdict::Keep),
            Does::Append(more) => {
                Ok(Verdict::Replace(vec![PromptPart::Text(format!("{}{more}", text(prompt)))]))
            }
            Does::Empty => Ok(Verdict::Replace(vec![PromptPart::Text(String::new())])),
            Does::Block(why) => Ok(Verdict::Block(why.into())),
            Does::Fail => Err(Error::new(ErrorKind::Internal, "it broke")),
            Does::Panic => panic!("on purpose"),
            Does::Hang => std::future::pending().await,
        }
    }

    async fn after_message(&self, _: &SessionId, _: &Message) {}
}

fn text(prompt: &Prompt) -> String {
    let texts = prompt.parts.iter().map(|part| match part {
        PromptPart::Text(text) => text.as_str(),
        _ => "?",
    });
    texts.collect()
}

type Seen = Arc<Mutex<Vec<String>>>;

/// Extensions with these hooks, each from a source of its own, and what they see.
fn hooked(hooks: &[(&'static str, Does, bool)]) -> (Extensions, Seen) {
    let (extensions, seen) = (Extensions::default(), Seen::default());
    for (name, does, must_agree) in hooks {
        let hook = Hook { name, does: does.clone(), must_agree: *must_agree, seen: seen.clone() };
        extensions.provide(name, Provided { hooks: vec![Arc::new(hook)], ..Provided::default() });
    }
    (extensions, seen)
}

async fn sent(extensions: &Extensions, said: &str) -> Result<String> {
    let prompt = Prompt::text(said);
    agreed_within(QUICK, extensions, &"ses_1".into(), prompt).await.map(|prompt| text(&prompt))
}

#[tokio::test]
async fn hooks_run_in_order_and_each_sees_what_the_one_before_has_left() {
    let (extensions, seen) = hooked(&[
        ("first", Does::Append("b"), false),
        ("second", Does::Keep, false),
        ("third", Does::Append("c"), true),
    ]);
    assert_eq!(sent(&extensions, "a").await.unwrap(), "abc");
    assert_eq!(*seen.lock().unwrap(), ["first a", "second ab", "third ab"]);
    // One that gives something else keeps its place.
    extensions.provide("first", Provided::default());
    assert_eq!(sent(&extensions, "a").await.unwrap(), "ac");
    extensions.withdraw("third");
    assert_eq!(sent(&extensions, "a").await.unwrap(), "a");
}

#[tokio::test]
async fn a_hook_that_blocks_is_an_error_of_its_own_with_its_reason() {
    let (extensions, seen) = hooked(&[
        ("acme.guard", Does::Block("a key\nis in\u{1b}[2J it"), false),
        ("last", Does::Keep, false),
    ]);
    let error = sent(&extensions, "a").await.unwrap_err();
    assert_eq!((error.code(), error.kind().exit_code()), ("user.blocked", 2));
    assert_eq!(error.message(), "nothing was sent: acme.guard says: a key is in [2J it");
    assert!(error.hint().is_some());
    assert_eq!(seen.lock().unwrap().len(), 1, "nobody is asked behind it");
}

#[tokio::test]
async fn when_a_hook_fails_the_prompt_is_sent_and_the_person_is_told_once() {
    for (does, why) in [
        (Does::Fail, "it broke"),
        (Does::Panic, "it has panicked"),
        (Does::Hang, "it took longer than 0.25 s"),
        (Does::Empty, "it leaves nothing of the prompt"),
    ] {
        let (extensions, _) = hooked(&[("acme.redact", does, false), ("last", Does::Append("!"), false)]);
        let mut notices = extensions.notices().subscribe();
        assert_eq!(sent(&extensions, "a").await.unwrap(), "a!");
        let notice = notices.try_next().unwrap();
        assert_eq!((notice.source.as_str(), notice.level), ("acme.redact", NoticeLevel::Warning));
        assert!(notice.text.contains("was sent as it is") && notice.text.ends_with(why), "{notice}");
        assert!(notices.try_next().is_none());
    }
}

#[tokio::test]
async fn when_a_hook_that_must_agree_fails_nothing_is_sent() {
    for does in [Does::Fail, Does::Panic, Does::Hang, Does::Empty] {
        let (extensions, _) = hooked(&[("acme.redact", does, true)]);
        let error = sent(&extensions, "a").await.unwrap_err();
        assert_eq!(error.code(), "user.blocked");
        assert!(error.message().contains("acme.redact must agree and has failed"), "{error}");
    }
}

#[tokio::test]
async fn arguments_of_a_command_pass_the_hooks_as_well() {
    let (extensions, _) = hooked(&[("first", Does::Append("b"), false)]);
    let action = |arguments: &str| Action::Command { name: "review".into(), arguments: arguments.into() };
    let session: SessionId = "ses_1".into();
    assert_eq!(agreed_action(&extensions, &session, action("a")).await.unwrap(), action("ab"));
    assert_eq!(agreed_action(&extensions, &session, action("")).await.unwrap(), action(""));
    assert_eq!(agreed_action(&extensions, &session, Action::Summarize).await.unwrap(), Action::Summarize);
}

#[test]
fn a_name_that_is_taken_is_refused_and_told_once() {
    let extensions = Extensions::default();
    let mut notices = extensions.notices().subscribe();
    let context = |names: &[&'static str]| {
        names.iter().map(|name| Arc::new(Named(name)) as Arc<dyn ContextProvider>).collect()
    };
    let given = |names| Provided { context: context(names), ..Provided::default() };
    extensions.provide("acme.one", given(&["git-blame", "file", "No Name"]));
    extensions.provide("acme.two", given(&["git-blame", "jira"]));
    let before = Context::default().providers().len();
    for _ in 0..2 {
        let context = extensions.context_with(Context::default());
        let names: Vec<String> = context.providers().into_iter().map(|info| info.name).collect();
        assert_eq!(names[before..], ["git-blame", "jira"]);
        let summary = context.providers().into_iter().find(|info| info.name == "file").unwrap().summary;
        assert_ne!(summary, "for tests");
    }
    let told: Vec<String> = std::iter::from_fn(|| notices.try_next()).map(|n| n.to_string()).collect();
    assert_eq!(told.len(), 3, "{told:?}");
    assert!(told[2].starts_with("acme.two: the name @git-blame is taken"), "{told:?}");
}

#[tokio::test]
async fn a_command_whose_name_is_taken_is_called_in_full() {
    let extensions = Extensions::default();
    let given =
        |source, names| Provided { commands: vec![Arc::new(Commands(source, names))], ..Provided::default() };
    extensions.provide("acme.one", given("acme.one", vec!["init", "standup", "Bad Name"]));
    extensions.provide("acme.two", given("acme.two", vec!["standup"]));
    let taken = |word: &str| word == "init";
    let words: Vec<String> = extensions.commands(taken).into_iter().map(|command| command.word).collect();
    assert_eq!(words, ["acme.one:init", "standup", "acme.two:standup"]);
    let ran = async |word: &str| match extensions.command(word, taken) {
        Some(command) => Some(command.run("x", None).await.unwrap()),
        None => None,
    };
    let shown = |text: &str| Some(CommandOutcome::Show(text.to_owned()));
    assert_eq!(ran("standup").await, shown("acme.one:standup x"));
    assert_eq!(ran("acme.two:standup").await, shown("acme.two:standup x"));
    // In full, whether that is needed or not.
    assert_eq!(ran("acme.one:standup").await, shown("acme.one:standup x"));
    assert_eq!(ran("init").await, None);
    assert_eq!(ran("acme.one:nothing").await, None);
    // Who types does not wait for ever.
    let command = extensions.command("standup", taken).unwrap();
    assert!(command.complete("x").await.is_empty());
}

#[tokio::test]
async fn what_is_being_opened_is_waited_for_within_a_bound() {
    let extensions = Extensions::default();
    assert!(extensions.settled(Duration::ZERO).await);
    let opening = extensions.opening();
    assert!(!extensions.settled(Duration::from_millis(10)).await);
    let waiting = tokio::spawn({
        let extensions = extensions.clone();
        async move { extensions.settled(Duration::from_secs(5)).await }
    });
    tokio::task::yield_now().await;
    drop(opening);
    assert!(waiting.await.unwrap());
}

#[test]
fn a_message_is_told_once() {
    let extensions = Extensions::default();
    assert!(extensions.is_new(&"msg_1".into()) && !extensions.clone().is_new(&"msg_1".into()));
    for n in 0..10_000 {
        extensions.is_new(&format!("m{n}").as_str().into());
    }
    assert!(extensions.is_new(&"msg_1".into()), "what is remembered has a bound");
}
