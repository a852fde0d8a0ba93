//! A server of OpenCode 2 that runs: the keys in its answers, and the file that tells of it.

use std::time::Duration;

use opencode_api::v2::operations::{config, model, provider};
use opencode_nexus::Client;
use opencode_nexus::server::{DiscoverOptions, discover};
use opencode_nexus_testkit::server::{PASSWORD, SECOND, TestServer, TestServerOptions, isolated_test};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::within;

async fn server() -> TestServer {
    TestServer::start(TestServerOptions { version: SECOND.to_owned(), ..super::quick() }).await.unwrap()
}

/// What the server says without us in between, with its head.
async fn raw(server: &TestServer, path: &str) -> String {
    let host = server.server.url().trim_start_matches("http://");
    let mut stream = TcpStream::connect(host).await.unwrap();
    // `opencode` and the password of test servers.
    let authorization = "Basic b3BlbmNvZGU6c2NyaXB0ZWQtcGFzc3dvcmQ=";
    let request = format!(
        "GET {path} HTTP/1.1\r\nhost: {host}\r\nauthorization: {authorization}\r\nconnection: close\r\n\r\n"
    );
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await.unwrap();
    String::from_utf8(answer).unwrap()
}

#[test]
fn no_key_of_a_provider_reaches_the_caller() {
    isolated_test(SECOND, || async {
        let server = server().await;
        let client = super::client(&server).await;
        // A server that has just started reads its configuration at leisure, and knows no provider before.
        within("the provider", async {
            while client.call(&provider::Get::new("scripted")).await.is_err() {
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        })
        .await;
        let answers = [
            ("/api/provider", format!("{:?}", client.call(&provider::List::new()).await.unwrap())),
            (
                "/api/provider/scripted",
                format!("{:?}", client.call(&provider::Get::new("scripted")).await.unwrap()),
            ),
            ("/api/model", format!("{:?}", client.call(&model::List::new()).await.unwrap())),
            ("/api/model/default", format!("{:?}", client.call(&model::Default::new()).await.unwrap())),
            ("/api/config", format!("{:?}", client.call(&config::Get::new()).await.unwrap())),
        ];
        for (path, ours) in answers {
            assert!(raw(&server, path).await.contains("scripted-key"), "{path} has no key any more");
            assert!(!ours.contains("scripted-key"), "{path}: {ours}");
            assert!(ours.contains("[redacted]") && ours.contains("scripted"), "{path}: {ours}");
        }
    });
}

#[cfg(unix)]
#[test]
fn a_running_server_is_found_by_its_file_and_a_left_over_is_not() {
    isolated_test(SECOND, || async {
        use std::os::unix::fs::PermissionsExt as _;
        let server = server().await;
        // `serve` alone leaves no file about itself; `serve --service` would, at the one port that its program has.
        let home = server.server.home().unwrap();
        assert!(!home.join(".local/state/shuvcode/service.json").exists());
        let info: Value =
            serde_json::from_str(raw(&server, "/api/info").await.split("\r\n\r\n").nth(1).unwrap()).unwrap();
        let state = tempfile::tempdir().unwrap();
        let file = state.path().join("shuvcode/service.json");
        std::fs::create_dir(file.parent().unwrap()).unwrap();
        let write = |password: &str| {
            let url = server.server.url();
            let service = json!({"id": "x", "version": info["version"], "url": url, "pid": info["pid"], "password": password});
            std::fs::write(&file, service.to_string()).unwrap();
            std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o600)).unwrap();
        };
        let options =
            DiscoverOptions { folder: "shuvcode".into(), state_home: Some(state.path().to_owned()) };
        write("another password");
        assert_eq!(discover(&options).await.unwrap(), None);
        write(PASSWORD);
        let found = discover(&options).await.unwrap().unwrap();
        assert_eq!(found.address, server.server.url());
        assert_eq!(Some(found.version.as_str()), info["version"].as_str());
        assert_eq!(Some(u64::from(found.pid)), info["pid"].as_u64());
        let client =
            Client::builder(&found.address).credentials(found.credentials()).connect().await.unwrap();
        assert_eq!(client.server().version, found.version);
        server.server.stop().await.unwrap();
        assert_eq!(discover(&options).await.unwrap(), None);
    });
}
