//! Plugins that trap: what is left of them, and when they may begin again.

use opencode_nexus::{ErrorKind, Retry};
use opencode_nexus_plugins::actor::{Launch, PluginStatus, StopReason};
use opencode_nexus_plugins::limits::Limits;

use crate::Guest;
use crate::host::{assert_names, caller, code, described, plugin, provide, provider};

#[tokio::test]
async fn a_trap_in_the_middle_of_a_call_drops_the_memory_of_the_plugin() {
    // What the first call has written is not there in the second: it would give another pointer.
    let guest = described(Guest::whole()).module("(global $marked (mut i32) (i32.const 0))").does(
        "describe",
        "(if (global.get $marked) (then (return (i32.const 64)))) (global.set $marked (i32.const 1)) (i32.const 128)",
    );
    let plugin = plugin("bad.trapper", &guest.does("provide", "(unreachable)")).await;
    let error = provide(&plugin).await.unwrap_err();
    assert_names(&error, "bad.trapper");
    assert!(error.message().contains("`provide` trapped"), "{error}");
    assert_eq!(plugin.status(), PluginStatus::Idle);
    assert!(provider(&plugin).await.is_ok());
}

#[tokio::test]
async fn a_plugin_that_traps_three_times_is_disabled_until_it_is_enabled() {
    let plugin = plugin("bad.trapper", &described(Guest::whole()).does("provide", "(unreachable)")).await;
    for _ in 0..2 {
        assert!(provide(&plugin).await.unwrap_err().hint().unwrap().contains("starts again"));
    }
    let error = provide(&plugin).await.unwrap_err();
    assert!(error.to_string().contains("nexus plugin enable bad.trapper"), "{error}");
    assert!(matches!(plugin.status(), PluginStatus::Disabled(why) if why.contains("trapped")));
    let error = provide(&plugin).await.unwrap_err();
    assert_names(&error, "bad.trapper");
    assert_eq!((error.kind(), error.retry()), (ErrorKind::Plugin, Retry::Never));
    assert!(error.to_string().contains("three times in five minutes"), "{error}");
    plugin.enable().await;
    assert_eq!(plugin.status(), PluginStatus::Idle);
    assert!(provider(&plugin).await.is_ok());
}

#[tokio::test]
async fn a_plugin_that_does_not_want_to_start_says_why_and_is_not_asked_for_ever() {
    // `Err(Unavailable)` with a message of an escape and two lines.
    let guest = Guest::whole()
        .module(
            "(data (i32.const 256) \"\\01\\00\\00\\00\\05\\00\\00\\00\\2c\\01\\00\\00\\08\\00\\00\\00\\00\\00\\00\\00\\00\\00\\00\\00\\00\\00\\00\\00\")
             (data (i32.const 300) \"no\\1b[2J\\0ax\")",
        )
        .does("start", "(i32.const 256)");
    let plugin = plugin("bad.moody", &guest).await;
    for _ in 0..3 {
        let error = plugin.start().await.unwrap_err();
        assert_names(&error, "bad.moody");
        assert_eq!(error.message(), "bad.moody 1.2.3: no[2J x");
        assert_eq!(error.kind(), ErrorKind::Unreachable);
    }
    assert!(matches!(plugin.status(), PluginStatus::Disabled(_)));
}

#[tokio::test]
async fn what_the_old_build_hands_over_is_given_to_the_new_one() {
    // `stop` gives `abc`; after a start with three bytes, and only then, it describes itself.
    let guest = described(Guest::whole())
        .module(
            "(global $handed (mut i32) (i32.const 0))
             (data (i32.const 256) \"\\01\\00\\00\\00\\2c\\01\\00\\00\\03\\00\\00\\00\")
             (data (i32.const 300) \"abc\")",
        )
        .does("start", "(global.set $handed (local.get 2)) (i32.const 64)")
        .does("stop", "(i32.const 256)")
        .does(
            "describe",
            "(if (i32.ne (global.get $handed) (i32.const 3)) (then (unreachable))) (i32.const 128)",
        );
    let plugin = plugin("good.heir", &guest).await;
    plugin.start().await.unwrap();
    let again =
        || async { Launch::new(code(&guest).await, guest.worlds(), caller("good.heir"), Limits::default()) };
    plugin.reload(again().await).await.unwrap();
    assert!(provider(&plugin).await.is_ok());
    // After a stop it can be started by a reload, and there is nothing to hand over.
    plugin.stop(StopReason::Update).await;
    assert!(plugin.start().await.unwrap_err().message().contains("was stopped"));
    plugin.reload(again().await).await.unwrap();
    assert!(provider(&plugin).await.is_err());
}
