//! Real servers of both lines that are watched: started again, adopted, heard on the network, and told things for their
//! log. What happens to whole processes is shown by `cargo xtask server-faults`.
#![cfg(target_os = "linux")] // looks at processes in /proc

use std::process::Command;
use std::time::Duration;

use opencode_nexus::server::{
    AdoptOptions, Health, HealthEvent, LogLevel, LogRecord, PINNED, Supervisor, SupervisorOptions, Watched,
    adopt, crash_reports, discover_mdns,
};
use opencode_nexus::transport::{Credentials, Secret};
use opencode_nexus::{Client, ErrorKind};
use opencode_nexus_testkit::server::{
    SECOND, TestServer, TestServerOptions, isolated_test, opencode_binary, ran_in_a_namespace,
};
use serde_json::json;
use tokio::sync::watch;

const BOUND: Duration = Duration::from_secs(60);

async fn becomes(state: &mut watch::Receiver<Watched>, is_so: impl FnMut(&Watched) -> bool) -> Watched {
    let waited = tokio::time::timeout(BOUND, state.wait_for(is_so)).await;
    waited.expect("it takes too long").expect("the watcher has ended").clone()
}

fn signal(pid: u32, name: &str) {
    assert!(Command::new("kill").args([&format!("-{name}"), &pid.to_string()]).status().unwrap().success());
}

fn lives(pid: u32) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    stat.rsplit(") ").next().is_some_and(|rest| !rest.is_empty() && !rest.starts_with('Z'))
}

async fn is_started_again(version: &str) {
    let version = version.to_owned();
    let test =
        TestServer::start(TestServerOptions { version, ..TestServerOptions::default() }).await.unwrap();
    let (mut server, _kept) = test.hand_over().await.unwrap();
    server.print_logs = true;
    let crashes = tempfile::tempdir().unwrap();
    let password = server.password.clone();
    let mut options = SupervisorOptions::new(server);
    options.crashes = Some(crashes.path().to_owned());
    let supervisor = Supervisor::start(options).await.unwrap();
    let (mut state, mut events) = (supervisor.state(), supervisor.events());
    let before = state.borrow_and_update().clone();
    assert_eq!(before.health, Health::Ready);
    let mut client = Client::builder(&before.url);
    if let Some(password) = password {
        client = client.credentials(Credentials { user: "opencode".into(), password: Secret::new(password) });
    }
    let client = client.connect().await.unwrap();
    client.create(Some("before")).await.unwrap();

    signal(before.pid.unwrap(), "KILL");
    let after = becomes(&mut state, |now| now.restarts == 1 && now.health == Health::Ready).await;
    assert_ne!(after.pid, before.pid);
    assert_eq!((&after.url, &after.version), (&before.url, &before.version));
    // The same client goes on, with the same sessions.
    let sessions = client.sessions(&opencode_nexus::dialect::SessionFilter::default()).await.unwrap();
    assert!(sessions.iter().any(|session| session.title == "before"), "{sessions:?}");
    let reports = crash_reports(crashes.path());
    assert_eq!((reports.len(), reports[0].signal), (1, Some(9)));
    assert!(reports[0].reason.contains("signal 9") && reports[0].version == before.version);
    let logged =
        reports[0].lines.iter().map(|line| LogRecord::parse(line)).filter(|record| record.time.is_some());
    assert!(logged.count() > 0, "its log came with what it printed: {:?}", reports[0].lines);
    let mut seen = Vec::new();
    while let Ok(event) = events.try_recv() {
        seen.push(event);
    }
    assert!(
        seen.iter().any(|event| matches!(event, HealthEvent::Crashed { report: Some(_), .. })),
        "{seen:?}"
    );
    assert!(seen.contains(&HealthEvent::Restarting { times: 1 }), "{seen:?}");

    supervisor.stop().await.unwrap();
    assert!(!lives(after.pid.unwrap()));
    assert_eq!(state.borrow().health, Health::Stopped);
}

#[tokio::test]
async fn a_watched_server_that_is_killed_is_started_again_where_it_was() {
    is_started_again(PINNED).await;
}

#[test]
fn a_watched_server_of_opencode_2_that_is_killed_is_started_again_where_it_was() {
    isolated_test(SECOND, || is_started_again(SECOND));
}

#[tokio::test]
async fn an_adopted_server_is_watched_and_never_touched() {
    let test = TestServer::start(TestServerOptions::default()).await.unwrap();
    let pid = test.server.pid().unwrap();
    let mut options = AdoptOptions::new(&test.url);
    options.pid = Some(pid);
    options.policy.probe_interval = Duration::from_millis(50);
    options.policy.probe_bound = Duration::from_millis(300);
    let adopted = adopt(options.clone()).unwrap();
    let mut state = adopted.state();
    let ready = becomes(&mut state, |now| now.health == Health::Ready && now.usage.is_some()).await;
    assert_eq!(ready.version.as_deref(), Some(PINNED));
    assert!(ready.usage.unwrap().memory > 10 << 20, "{ready:?}");
    signal(pid, "STOP");
    becomes(&mut state, |now| now.health.word() == "unreachable").await;
    signal(pid, "CONT");
    becomes(&mut state, |now| now.health == Health::Ready).await;
    assert!(test.server.is_running() && lives(pid), "nobody has ended it");
    options.policy.version = Some("1.0.0".to_owned());
    let other = adopt(options).unwrap().settled(BOUND).await;
    assert_eq!(other, Health::Incompatible { found: PINNED.to_owned(), wanted: "1.0.0".to_owned() });
    drop(adopted);
    assert!(test.server.is_running());
}

#[tokio::test]
async fn what_a_client_logs_stands_in_the_servers_log() {
    let test = TestServer::start(TestServerOptions::default()).await.unwrap();
    let client = Client::connect(&test.url).await.unwrap();
    assert!(client.capabilities().log);
    let extra = json!({"answer": 42, "text": "two words"}).as_object().cloned().unwrap();
    client.log(LogLevel::Warn, "nexus", "hello \"log\"", &extra).await.unwrap();
    let file = test.server.home().unwrap().join(".local/share/opencode/log/opencode.log");
    let ours =
        |text: String| text.lines().map(LogRecord::parse).find(|record| record.message == "hello \"log\"");
    let found = async {
        loop {
            if let Some(record) = ours(std::fs::read_to_string(&file).unwrap_or_default()) {
                return record;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    let record = tokio::time::timeout(BOUND, found).await.unwrap();
    assert_eq!((record.level, record.fields["answer"].as_str()), (LogLevel::Warn, Some("42")));
    assert_eq!(record.fields["text"], "two words");
}

#[test]
fn opencode_2_has_no_log_for_clients_and_says_so() {
    isolated_test(SECOND, || async {
        let options = TestServerOptions { version: SECOND.to_owned(), ..TestServerOptions::default() };
        let test = TestServer::start(options).await.unwrap();
        let client = Client::connect(&test.url).await.unwrap();
        assert!(!client.capabilities().log);
        let error = client.log(LogLevel::Info, "nexus", "x", &serde_json::Map::new()).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unsupported);
    });
}

/// Gives a network of one's own an interface beside loopback, which leads nowhere: at loopback alone servers announce
/// themselves without an address (1.18.33, seen).
fn carry_announcements() {
    for words in [
        "link add nexus0 type veth peer name nexus1",
        "addr add 10.99.99.1/24 dev nexus0",
        "link set nexus0 up",
        "link set nexus1 up",
        "route add 224.0.0.0/4 dev nexus0",
    ] {
        let ip = Command::new("ip").args(words.split(' ')).status();
        let ip = ip.expect("ip is missing; install it: apt-get install iproute2");
        assert!(ip.success(), "ip {words}");
    }
}

#[test]
fn a_server_that_announces_itself_is_found_and_known_to_be_on_this_machine() {
    // Installed while there is a network; and in the machine's others would hear the server.
    isolated_test(PINNED, || async {});
    if ran_in_a_namespace("a_server_that_announces_itself_is_found_and_known_to_be_on_this_machine") {
        return;
    }
    isolated_test(PINNED, || async {
        assert!(is_alone());
        carry_announcements();
        let home = tempfile::tempdir().unwrap();
        let mut server = tokio::process::Command::new(opencode_binary(PINNED).await.unwrap());
        server.args(["serve", "--mdns", "--hostname", "0.0.0.0", "--port", "4555"]).current_dir(home.path());
        server.env_clear().env("HOME", home.path()).env("PATH", std::env::var_os("PATH").unwrap());
        server.env("OPENCODE_SERVER_PASSWORD", "x").env("npm_config_offline", "true");
        server.env("TMPDIR", home.path()).env("OPENCODE_DISABLE_MODELS_FETCH", "1");
        server.stdout(std::process::Stdio::null()).stderr(std::process::Stdio::null()).kill_on_drop(true);
        let mut server = server.spawn().unwrap();
        let found = async {
            loop {
                let found = discover_mdns(Duration::from_secs(1)).await.unwrap();
                if let Some(server) = found.into_iter().next() {
                    return server;
                }
            }
        };
        let found = tokio::time::timeout(BOUND, found).await.unwrap();
        assert_eq!((found.name.as_str(), found.is_local), ("opencode-4555", true));
        let credentials = Credentials { user: "opencode".into(), password: Secret::from("x") };
        let client = Client::builder(&found.address).credentials(credentials).connect().await.unwrap();
        assert_eq!(client.server().version, PINNED);
        server.kill().await.unwrap();
    });
}

/// Whether this thread's network has nothing but loopback in it.
fn is_alone() -> bool {
    let interfaces = std::fs::read_to_string("/proc/thread-self/net/dev").unwrap();
    interfaces.lines().skip(2).all(|line| line.trim_start().starts_with("lo:"))
}
