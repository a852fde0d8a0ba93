//! Plugins that never come to an end.

use opencode_nexus::ErrorKind;
use opencode_nexus_plugins::actor::{PluginStatus, StopReason};

use crate::Guest;
use crate::host::{assert_names, bystander, described, plugin, provide};

/// An endless loop.
const SPIN: &str = "(loop $for_ever (br $for_ever)) (unreachable)";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_good_plugin_describes_itself_and_provides() {
    let plugin = bystander().await;
    assert_eq!(plugin.status(), PluginStatus::Idle);
    assert_eq!(provide(&plugin).await.unwrap(), []);
    assert!(matches!(plugin.status(), PluginStatus::Running { memory: 131_072 }));
    plugin.stop(StopReason::Shutdown).await;
    assert_eq!(plugin.status(), PluginStatus::Stopped);
    assert_eq!(provide(&plugin).await.unwrap_err().kind(), ErrorKind::Plugin);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_provider_that_spins_is_stopped_and_starts_again() {
    let plugin = plugin("bad.spinner", &described(Guest::whole()).does("provide", SPIN)).await;
    let error = provide(&plugin).await.unwrap_err();
    assert_names(&error, "bad.spinner");
    assert_eq!(error.kind(), ErrorKind::Timeout);
    // It is a new instance that describes itself now.
    assert!(crate::host::provider(&plugin).await.is_ok());
}
