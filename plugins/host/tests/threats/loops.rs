//! Plugins that never come to an end, and what others notice of them.

use std::net::TcpListener;
use std::sync::Arc;

use opencode_nexus::chat::Prompt;
use opencode_nexus::extension::PromptHook;
use opencode_nexus::model::SessionId;
use opencode_nexus::{Error, ErrorKind};
use opencode_nexus_plugins::actor::{Launch, PluginHandle, PluginStatus, StopReason};
use opencode_nexus_plugins::command::commands;
use opencode_nexus_plugins::hook::hook;
use opencode_nexus_plugins::limits::Limits;
use opencode_nexus_plugins::permissions::{HttpRule, Permissions};

use crate::Guest;
use crate::host::{
    assert_names, bystander, caller_with, code, described, plugin, provide, provider, scope, workspace,
};

/// An endless loop.
const SPIN: &str = "(loop $for_ever (br $for_ever)) (unreachable)";

/// A plugin of which one function spins.
async fn spinner(function: &'static str) -> PluginHandle {
    plugin("bad.spinner", &described(Guest::whole()).does(function, SPIN)).await
}

fn assert_stopped(error: &Error, function: &str) {
    assert_names(error, "bad.spinner");
    assert_eq!(error.kind(), ErrorKind::Timeout, "{error}");
    let line = error.to_string();
    assert!(line.contains(&format!("`{function}` took longer than")), "{line}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_good_plugin_describes_itself_and_provides() {
    let plugin = bystander().await;
    assert_eq!(plugin.status(), PluginStatus::Idle);
    assert_eq!(provide(&plugin).await.unwrap(), []);
    assert_eq!(plugin.status(), PluginStatus::Running { memory: 131_072 });
    plugin.stop(StopReason::Shutdown).await;
    assert_eq!(plugin.status(), PluginStatus::Stopped);
    assert_eq!(provide(&plugin).await.unwrap_err().kind(), ErrorKind::Plugin);
}

#[tokio::test]
async fn a_plugin_that_spins_when_it_starts_is_stopped() {
    assert_stopped(&spinner("start").await.start().await.unwrap_err(), "start");
}

#[tokio::test]
async fn a_plugin_whose_module_spins_while_it_is_made_is_stopped() {
    let guest = Guest::whole().module("(func $spin (loop $for_ever (br $for_ever))) (start $spin)");
    let plugin = plugin("bad.spinner", &guest).await;
    assert_stopped(&plugin.start().await.unwrap_err(), "start");
}

#[tokio::test]
async fn a_plugin_that_spins_when_it_ends_is_ended() {
    let plugin = spinner("stop").await;
    plugin.start().await.unwrap();
    plugin.stop(StopReason::Shutdown).await;
    assert_eq!(plugin.status(), PluginStatus::Stopped);
}

#[tokio::test]
async fn a_provider_that_spins_while_it_describes_itself_is_stopped() {
    let plugin = spinner("describe").await;
    let error = provider(&plugin).await.err().unwrap();
    assert_stopped(&error, "describe");
}

#[tokio::test]
async fn a_provider_that_spins_while_somebody_types_is_stopped() {
    let plugin = spinner("suggest").await;
    let provider = provider(&plugin).await.unwrap();
    let error = provider.suggest(&scope(&workspace()), "ty", 10).await.unwrap_err();
    assert_stopped(&error, "suggest");
}

#[tokio::test]
async fn a_provider_that_spins_is_stopped_and_starts_again() {
    let plugin = spinner("provide").await;
    assert_stopped(&provide(&plugin).await.unwrap_err(), "provide");
    // It is a new instance that describes itself now.
    assert!(provider(&plugin).await.is_ok());
}

#[tokio::test]
async fn a_plugin_that_spins_while_it_lists_commands_is_stopped() {
    let plugin = spinner("commands").await;
    assert_stopped(&commands(&plugin).await.err().unwrap(), "commands");
}

#[tokio::test]
async fn a_command_that_spins_while_it_completes_or_runs_is_stopped() {
    let guest = described(Guest::whole()).does("complete", SPIN).does("run", SPIN);
    let plugin = plugin("bad.spinner", &guest).await;
    let provider = commands(&plugin).await.unwrap().unwrap();
    assert_stopped(&provider.complete("name", "arguments").await.unwrap_err(), "complete");
    assert_stopped(&provider.run("name", "arguments", None).await.unwrap_err(), "run");
}

#[tokio::test]
async fn a_hook_that_spins_is_stopped() {
    let guest = Guest::whole().does("before-send", SPIN).does("after-message", SPIN);
    let plugin = plugin("bad.spinner", &guest).await;
    let hook: Arc<dyn PromptHook> = hook(&plugin, false).unwrap();
    let error = hook.before_send(&SessionId::from("ses_1"), &Prompt::text("hello")).await.unwrap_err();
    assert_stopped(&error, "before-send");
}

#[tokio::test]
async fn a_plugin_that_waits_for_ever_inside_a_call_of_the_host_is_stopped() {
    // A host that takes the request and never answers.
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = silent.local_addr().unwrap();
    let rule = HttpRule {
        host: address.to_string(),
        methods: vec!["GET".into()],
        plain: true,
        reason: "the test".into(),
    };
    let url = format!("http://{address}/");
    let fetch = format!(
        "(loop $again
           (call $fetch (i32.const 0) (i32.const 400) (i32.const {}) (i32.const 0) (i32.const 0)
             (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 512))
           (br $again)) (unreachable)",
        url.len()
    );
    let fields = "i32 ".repeat(10);
    let guest = described(Guest::whole())
        .imports("http", "fetch", "$fetch", &format!("(param {fields})"))
        .module(&format!("(data (i32.const 400) \"{url}\")"))
        .does("provide", &fetch);
    let caller = caller_with("bad.spinner", Permissions { http: vec![rule], ..Permissions::default() });
    let plugin =
        PluginHandle::open(Launch::new(code(&guest).await, guest.worlds(), caller, Limits::default()));
    assert_stopped(&provide(&plugin).await.unwrap_err(), "provide");
}

/// One thread for everything, as in a small program: even there a spinning plugin holds up nobody.
#[tokio::test]
async fn while_a_plugin_spins_another_one_answers_a_thousand_times() {
    let (bad, good) = (spinner("provide").await, bystander().await);
    let good = provider(&good).await.unwrap();
    provider(&bad).await.unwrap();
    let spinning = tokio::spawn(async move { provide(&bad).await });
    for _ in 0..1_000 {
        good.suggest(&scope(&workspace()), "ty", 10).await.unwrap();
        tokio::task::yield_now().await;
    }
    assert!(!spinning.is_finished(), "the other one answers while this one spins");
    assert_stopped(&spinning.await.unwrap().unwrap_err(), "provide");
}

#[tokio::test]
async fn calls_that_nobody_can_wait_for_any_more_are_refused_at_once() {
    let plugin = spinner("provide").await;
    let provider = provider(&plugin).await.unwrap();
    let mut calls = Vec::new();
    for _ in 0..100 {
        let provider = provider.clone();
        calls.push(tokio::spawn(async move {
            let folder = workspace();
            provider.provide(&scope(&folder), None).await.unwrap_err().kind()
        }));
    }
    let mut kinds = Vec::new();
    for call in calls {
        kinds.push(call.await.unwrap());
    }
    assert_eq!(kinds.iter().filter(|kind| **kind == ErrorKind::Busy).count(), 100 - 64, "{kinds:?}");
}

#[tokio::test]
async fn a_caller_that_goes_away_does_not_cost_the_plugin_its_memory() {
    // The first call marks the instance and computes for a while; afterwards only a marked instance suggests.
    let guest = described(Guest::whole())
        .module("(global $marked (mut i32) (i32.const 0)) (global $count (mut i32) (i32.const 0))")
        .does(
            "provide",
            "(global.set $marked (i32.const 1))
             (loop $some
               (global.set $count (i32.add (global.get $count) (i32.const 1)))
               (br_if $some (i32.lt_u (global.get $count) (i32.const 100000000))))
             (i32.const 64)",
        )
        .does("suggest", "(if (i32.eqz (global.get $marked)) (then (unreachable))) (i32.const 64)");
    let plugin = plugin("good.counter", &guest).await;
    let provider = provider(&plugin).await.unwrap();
    let (folder, other) = (workspace(), provider.clone());
    let impatient = tokio::spawn(async move {
        let folder = workspace();
        other.provide(&scope(&folder), None).await
    });
    // As long as it is not asked, the task does not run: this thread is the only one.
    tokio::task::yield_now().await;
    impatient.abort();
    assert!(impatient.await.unwrap_err().is_cancelled());
    assert_eq!(provider.suggest(&scope(&folder), "ty", 1).await.unwrap(), []);
}
