//! Background servers by the executable: several side by side, their records, their logs. What goes wrong with them is
//! shown by `cargo xtask server-faults`.
#![cfg(target_os = "linux")]

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use opencode_nexus::server::PINNED;
use opencode_nexus_testkit::server::opencode_binary;
use serde_json::Value;

/// Folders of one's own, and servers that end with them.
struct Place {
    root: tempfile::TempDir,
    server: PathBuf,
}

impl Place {
    fn new() -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let server = runtime.block_on(opencode_binary(PINNED)).unwrap();
        let place = Self { root: tempfile::tempdir().unwrap(), server };
        for name in ["home", "state", "cache", "tmp", "project"] {
            std::fs::create_dir(place.path(name)).unwrap();
        }
        place
    }

    fn path(&self, name: &str) -> PathBuf {
        self.root.path().join(name)
    }

    /// `nexus server …`
    fn nexus(&self, arguments: &[&str]) -> Command {
        self.command(&[&["server"], arguments].concat())
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_nexus"));
        command.args(arguments).current_dir(self.path("project")).env_clear();
        command.env("PATH", std::env::var_os("PATH").unwrap()).env("NEXUS_OPENCODE_BIN", &self.server);
        command.env("HOME", self.path("home")).env("XDG_STATE_HOME", self.path("state"));
        command.env("XDG_CACHE_HOME", self.path("cache")).env("TMPDIR", self.path("tmp"));
        command.stdin(Stdio::null());
        command
    }

    fn run(&self, arguments: &[&str]) -> Output {
        self.nexus(arguments).output().unwrap()
    }

    fn json(&self, arguments: &[&str]) -> Value {
        let output = self.run(arguments);
        serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {output:?}"))
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.run(&["stop", "--all"]);
    }
}

fn is_empty(folder: &Path) -> bool {
    std::fs::read_dir(folder).unwrap().next().is_none()
}

#[test]
fn servers_of_several_names_run_side_by_side_each_with_its_port_and_home() {
    let place = Place::new();
    let default = place.json(&["start", "--json"]);
    assert_eq!((&default["name"], &default["started"]), (&"default".into(), &true.into()));
    let review = place.json(&["start", "review", "--json"]);
    let fresh = place.json(&["start", "try", "--home", "fresh", "--json"]);
    let urls = [&default["url"], &review["url"], &fresh["url"]];
    assert!(urls.iter().all(|url| urls.iter().filter(|other| other == &url).count() == 1), "{urls:?}");
    assert_eq!(place.json(&["start", "review", "--json"])["started"], false, "one that runs is used");

    let status = place.json(&["status", "--json"]);
    let servers = status["servers"].as_array().unwrap();
    let of = |name: &str| servers.iter().find(|server| server["name"] == name).unwrap();
    for name in ["default", "review", "try"] {
        let server = of(name);
        assert_eq!((&server["state"], &server["version"]), (&"ready".into(), &PINNED.into()));
        assert!(server["memory"].as_u64().unwrap() > 10 << 20 && server["cpu"].is_number(), "{server}");
        assert!(server["restarts"] == 0 && server["last_crash"].is_null() && server["uptime"].is_number());
    }
    assert!(of("default")["home"].is_null(), "the person's own");
    let own = place.path("state").join("opencode-nexus/homes/review");
    assert_eq!(of("review")["home"].as_str(), own.to_str());
    let temporary = PathBuf::from(of("try")["home"].as_str().unwrap());
    assert!(temporary.starts_with(place.path("tmp")) && temporary.exists());

    let record = place.path("state").join("opencode-nexus/instances/default.json");
    let text = std::fs::read_to_string(&record).unwrap();
    let password = serde_json::from_str::<Value>(&text).unwrap()["password"].as_str().unwrap().to_owned();
    assert_eq!(std::fs::metadata(&record).unwrap().permissions().mode() & 0o777, 0o600);
    let doctor = place.command(&["doctor", "--json"]).output().unwrap();
    let doctor = String::from_utf8_lossy(&doctor.stdout).into_owned();
    assert!(doctor.contains("default is ready, at http://127.0.0.1:"), "{doctor}");
    let told = place.run(&["status"]);
    for output in [status.to_string(), String::from_utf8_lossy(&told.stdout).into_owned()] {
        assert!(!output.contains(&password));
    }

    assert!(place.run(&["stop", "try"]).status.success());
    assert!(!temporary.exists(), "what was fresh is gone");
    let stopped = place.json(&["stop", "--all", "--json"]);
    assert_eq!(stopped["stopped"], serde_json::json!(["default", "review"]));
    // OpenCode itself makes this folder, and leaves it (1.18.33, seen).
    std::fs::remove_dir(place.path("tmp/opencode")).unwrap();
    assert!(is_empty(&place.path("tmp")), "nothing else is left");
    assert!(own.exists() && !record.exists(), "a home that belongs to a name is kept");
    assert_eq!(place.json(&["status", "--json"])["servers"], serde_json::json!([]));
    assert_eq!(place.run(&["status", "default"]).status.code(), Some(3));
}

#[test]
fn logs_are_shown_as_they_are_and_as_records_and_followed() {
    use std::io::{BufRead as _, BufReader};
    let place = Place::new();
    place.json(&["start", "--json"]);
    let text = String::from_utf8(place.run(&["logs"]).stdout).unwrap();
    assert!(text.contains("opencode server listening on http://127.0.0.1:"), "{text}");
    let records = String::from_utf8(place.run(&["logs", "-n", "3", "--json"]).stdout).unwrap();
    let records: Vec<Value> = records.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(records.len(), 3);
    assert!(records.iter().any(|record| record["level"] == "info" && record["fields"]["path"].is_string()));

    let mut follow = place.nexus(&["logs", "-f", "-n", "1"]).stdout(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(follow.stdout.take().unwrap()).lines();
    lines.next().unwrap().unwrap();
    let log = place.path("state").join("opencode-nexus/instances/default.log");
    let append = |line: &str| {
        use std::io::Write as _;
        let mut file = std::fs::File::options().append(true).open(&log).unwrap();
        file.write_all(line.as_bytes()).unwrap();
    };
    append("half a line");
    append(" and its end\n");
    // The server may say something in between.
    assert!(lines.any(|line| line.unwrap() == "half a line and its end"));
    follow.kill().unwrap();
    follow.wait().unwrap();
    let missing = place.run(&["logs", "other", "--json"]);
    assert_eq!(missing.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&missing.stdout).contains("user.not_found"), "{missing:?}");
}

#[test]
fn a_server_that_nobody_uses_ends_by_itself_when_that_was_wanted() {
    let place = Place::new();
    place.json(&["start", "--idle-timeout", "0", "--json"]);
    let record = place.path("state").join("opencode-nexus/instances/default.json");
    let begun = std::time::Instant::now();
    while record.exists() {
        assert!(begun.elapsed() < std::time::Duration::from_secs(60), "it runs on");
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
}
