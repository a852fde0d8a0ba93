//! What is opened and ended together with a [`Nexus`](super::Nexus).

use async_trait::async_trait;

use crate::client::Client;

/// Something that adds to a [`Nexus`](super::Nexus) and lives as long as it does: the installed plugins, which a crate of their own
/// runs.
#[async_trait]
pub trait Companion: Send + Sync {
    /// The server is connected; this is the client of the folder that was named first.
    fn attach(&self, client: &Client);

    /// Ends it, within a bound of its own. It is called when the `Nexus` is closed, and when it could not be opened; a second
    /// call does nothing.
    async fn close(&self);
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;
    use crate::nexus::{Nexus, NexusOptions};

    #[derive(Default)]
    struct Counting {
        attached: AtomicUsize,
        closed: AtomicUsize,
    }

    #[async_trait]
    impl Companion for Counting {
        fn attach(&self, _: &Client) {
            self.attached.fetch_add(1, Ordering::SeqCst);
        }

        async fn close(&self) {
            self.closed.fetch_add(1, Ordering::SeqCst);
        }
    }

    #[tokio::test]
    async fn it_ends_where_no_server_can_be_reached() {
        let folder = tempfile::tempdir().unwrap();
        let config = folder.path().join("config.toml");
        std::fs::write(&config, "").unwrap();
        let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let companion = Arc::new(Counting::default());
        let options = NexusOptions {
            url: Some(format!("http://{free}")),
            directory: Some(folder.path().to_owned()),
            config: Some(config),
            companion: Some(companion.clone()),
            ..NexusOptions::default()
        };
        Nexus::open(options).await.unwrap_err();
        assert_eq!(companion.attached.load(Ordering::SeqCst), 0);
        assert_eq!(companion.closed.load(Ordering::SeqCst), 1);
    }
}
