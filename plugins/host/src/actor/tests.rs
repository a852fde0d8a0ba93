//! What needs calls that only the host can make: calls from inside of calls, and functions of frontends.

use std::sync::Arc;

use opencode_nexus::ErrorKind;

use super::{Launch, PluginHandle, PluginStatus};
use crate::bindings::exports::nexus::plugin::frontend_guest::{Input, WebRequest};
use crate::engine::Engine;
use crate::guest::Guest;
use crate::imports::{Caller, Ground};
use crate::limits::{Budget, Limits};
use crate::manifest::World;
use crate::permissions::{Permissions, Rights};
use opencode_nexus::extension::Notices;

const SPIN: &str = "(loop $for_ever (br $for_ever)) (unreachable)";

async fn plugin(guest: Guest) -> PluginHandle {
    let folder = std::env::temp_dir().join("nexus-actor-tests");
    let ground = Ground::open(folder, Notices::default(), None).unwrap();
    let (rights, settings) = (Rights::new(Permissions::default()), serde_json::json!({}));
    let caller =
        Caller::open("some.plugin", "1.0.0", rights, &std::env::temp_dir(), settings, &ground).unwrap();
    let worlds = guest.worlds().to_vec();
    let launch = Launch::lazy(&worlds.clone(), Arc::new(caller), Limits::default(), move || {
        let (wasm, worlds) = (guest.build(), worlds.clone());
        Box::pin(async move { Engine::open(None)?.load(wasm, &worlds).await })
    });
    PluginHandle::open(launch)
}

#[tokio::test]
async fn a_plugin_that_waits_for_itself_gets_an_error_at_once() {
    let plugin = plugin(Guest::whole()).await;
    let (inner, other) = (plugin.clone(), plugin.clone());
    let error = plugin
        .call("run", Budget::RUN, move |_, _| {
            Box::pin(async move {
                Ok(inner.call("before-send", Budget::BEFORE_SEND, |_, _| Box::pin(async { Ok(()) })).await)
            })
        })
        .await
        .unwrap()
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Conflict);
    assert!(error.to_string().contains("waits for the plugin that waits for it"), "{error}");
    assert_eq!(other.status(), PluginStatus::Running { memory: 131_072 });
}

#[tokio::test]
async fn two_plugins_that_wait_for_each_other_get_an_error_at_once() {
    let (first, second) = (plugin(Guest::whole()).await, plugin(Guest::whole()).await);
    let (again, other) = (first.clone(), second.clone());
    let inner = first
        .call("run", Budget::RUN, move |_, _| {
            Box::pin(async move {
                let called = other
                    .call("run", Budget::RUN, move |_, _| Box::pin(async move { Ok(again.start().await) }));
                Ok(called.await)
            })
        })
        .await;
    let error = inner.unwrap().unwrap().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Conflict, "{error}");
}

#[tokio::test]
async fn every_function_of_a_frontend_that_spins_is_stopped() {
    let mut guest = Guest::new(&[World::Frontend]);
    for function in ["on-events", "on-input", "on-timer", "on-web"] {
        guest = guest.does(function, SPIN);
    }
    let spinner = plugin(guest).await;
    spinner.start().await.unwrap();
    let events = spinner.call("on-events", Budget::ON_EVENTS, |store, exports| {
        Box::pin(async move { exports.frontend()?.call_on_events(store, &[]).await })
    });
    assert_eq!(events.await.unwrap_err().kind(), ErrorKind::Timeout);
    let input = spinner.call("on-input", Budget::ON_INPUT, |store, exports| {
        Box::pin(async move { exports.frontend()?.call_on_input(store, &Input::ClientOpen(1)).await })
    });
    assert_eq!(input.await.unwrap_err().kind(), ErrorKind::Timeout);
    spinner.enable().await;
    let timer = Budget { run: Budget::ON_INPUT.run, ..Budget::ON_TIMER };
    let timer = spinner.call("on-timer", timer, |store, exports| {
        Box::pin(async move { exports.frontend()?.call_on_timer(store, 1).await })
    });
    assert_eq!(timer.await.unwrap_err().kind(), ErrorKind::Timeout);
    spinner.enable().await;
    let request = WebRequest {
        client: 0,
        method: "GET".into(),
        path: "/".into(),
        query: String::new(),
        content_type: String::new(),
        body: Vec::new(),
    };
    let web = spinner.call("on-web", Budget::ON_WEB, move |store, exports| {
        Box::pin(async move { exports.frontend()?.call_on_web(store, &request).await })
    });
    assert_eq!(web.await.unwrap_err().kind(), ErrorKind::Timeout);
}

#[tokio::test]
async fn a_plugin_is_not_called_for_what_it_is_not() {
    let plugin = plugin(Guest::new(&[World::ContextProvider])).await;
    let called = plugin.call("before-send", Budget::BEFORE_SEND, |store, exports| {
        Box::pin(async move { exports.hook()?.call_before_send(store, "ses_1", &[]).await })
    });
    assert!(called.await.unwrap_err().to_string().contains("it is no Hook"));
}

#[tokio::test]
async fn a_panic_in_a_function_of_the_host_ends_the_call_and_nothing_else() {
    let plugin = plugin(Guest::whole()).await;
    let error = plugin
        .call("provide", Budget::PROVIDE, |_, _| Box::pin(async { panic!("made by a test") }))
        .await
        .map(|(): ()| ())
        .unwrap_err();
    assert!(error.to_string().contains("a defect in the host"), "{error}");
    plugin.start().await.unwrap();
}
