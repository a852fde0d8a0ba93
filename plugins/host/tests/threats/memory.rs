//! Plugins that take all memory, or all of the stack.

use opencode_nexus::ErrorKind;
use opencode_nexus_plugins::actor::{Launch, PluginHandle};
use opencode_nexus_plugins::limits::Limits;

use crate::Guest;
use crate::host::{assert_names, bystander, caller, code, described, plugin, provide};

/// Takes memory until there is none, then gives up.
fn greedy(take: &str) -> String {
    format!("(loop $more (br_if $more (i32.ne {take} (i32.const -1)))) (unreachable)")
}

async fn refused(guest: Guest) {
    let plugin = plugin("bad.glutton", &guest).await;
    let error = provide(&plugin).await.unwrap_err();
    assert_names(&error, "bad.glutton");
    assert_eq!(error.kind(), ErrorKind::Plugin);
    assert!(error.message().contains("refused more memory"), "{error}");
    assert!(provide(&bystander().await).await.is_ok());
}

#[tokio::test]
async fn one_memory_does_not_grow_beyond_the_limit() {
    refused(described(Guest::whole()).does("provide", &greedy("(memory.grow (i32.const 16))"))).await;
}

#[tokio::test]
async fn several_memories_are_counted_together() {
    let more = (0..7).map(|n| format!("(memory $m{n} 128)")).collect::<String>();
    refused(
        described(Guest::whole()).module(&more).does("provide", &greedy("(memory.grow $m6 (i32.const 1))")),
    )
    .await;
}

#[tokio::test]
async fn tables_are_counted_as_memory() {
    let table = "(table $t 0 funcref)";
    let grow = greedy("(table.grow $t (ref.null func) (i32.const 100000))");
    refused(described(Guest::whole()).module(table).does("provide", &grow)).await;
}

#[tokio::test]
async fn a_plugin_that_begins_with_more_than_it_may_have_does_not_start() {
    let plugin = plugin("bad.glutton", &Guest::whole().memory("2000")).await;
    let error = plugin.start().await.unwrap_err();
    assert_names(&error, "bad.glutton");
    assert!(error.message().contains("refused more memory"), "{error}");
}

#[tokio::test]
async fn the_limit_is_what_the_person_says() {
    let guest = Guest::whole();
    let small = Limits { memory: 65_536 };
    let plugin =
        PluginHandle::open(Launch::new(code(&guest).await, guest.worlds(), caller("bad.glutton"), small));
    assert!(plugin.start().await.unwrap_err().message().contains("refused more memory"));
}

#[tokio::test]
async fn recursion_without_an_end_is_a_trap() {
    let guest = described(Guest::whole())
        .module("(func $deep (param i64) (result i64) (i64.add (local.get 0) (call $deep (local.get 0))))")
        .does("provide", "(drop (call $deep (i64.const 1))) (i32.const 64)");
    let plugin = plugin("bad.digger", &guest).await;
    let error = provide(&plugin).await.unwrap_err();
    assert_names(&error, "bad.digger");
    assert!(error.message().contains("call stack exhausted"), "{error}");
    assert!(provide(&bystander().await).await.is_ok());
}

#[tokio::test]
async fn recursion_that_calls_the_host_at_every_depth_is_a_trap() {
    let guest = described(Guest::whole())
        .imports("config", "get-json", "$settings", "(param i32)")
        .module(
            "(func $deep (param i64) (result i64)
               (call $settings (i32.const 512))
               (global.set $free (i32.const 1024))
               (i64.add (local.get 0) (call $deep (local.get 0))))",
        )
        .does("provide", "(drop (call $deep (i64.const 1))) (i32.const 64)");
    let plugin = plugin("bad.digger", &guest).await;
    let error = provide(&plugin).await.unwrap_err();
    assert!(error.message().contains("call stack exhausted"), "{error}");
    assert!(provide(&bystander().await).await.is_ok());
}
