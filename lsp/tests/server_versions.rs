//! `nexus server {install,list,pin,update,rollback,remove}`: the real executable, real binaries, real npm, and scripts that
//! play what the real OpenCode cannot: versions that are no good.
#![cfg(unix)]

mod registry;

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use opencode_nexus::server::{
    Checksum, FindOptions, Home, InstallOptions, PINNED, ServerOptions, Source, UpdateOptions, UpdateOutcome,
    Versions, find, package_name, start_found,
};
use opencode_nexus_testkit::server::opencode_binary;
use serde_json::Value;

/// Folders of their own for one person.
struct Person {
    folder: tempfile::TempDir,
    /// Of npm; default the one of the person who runs the tests, which saves downloads.
    settings: Vec<(String, String)>,
}

impl Person {
    fn new() -> Self {
        let folder = tempfile::Builder::new().prefix("nexus-versions-").tempdir().unwrap();
        for name in ["home", "state", "cache", "tmp"] {
            std::fs::create_dir(folder.path().join(name)).unwrap();
        }
        let npm = Command::new("npm").args(["config", "get", "cache"]).output().unwrap();
        let cache = String::from_utf8(npm.stdout).unwrap().trim().to_owned();
        Self { folder, settings: vec![("npm_config_cache".into(), cache)] }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_nexus"));
        command.args(arguments).current_dir(self.folder.path()).env_clear().stdin(Stdio::null());
        command.env("PATH", std::env::var_os("PATH").unwrap()).envs(self.settings.iter().cloned());
        for (key, name) in
            [("HOME", "home"), ("XDG_STATE_HOME", "state"), ("XDG_CACHE_HOME", "cache"), ("TMPDIR", "tmp")]
        {
            command.env(key, self.path(name));
        }
        command
    }

    fn run(&self, arguments: &[&str]) -> Output {
        self.command(arguments).output().unwrap()
    }

    /// What a command that must succeed prints as JSON.
    fn json(&self, arguments: &[&str]) -> Value {
        let output = self.run(&[&["server"], arguments, &["--json"]].concat());
        assert!(output.status.success(), "{}", all_told(&output));
        serde_json::from_slice(&output.stdout).unwrap()
    }

    /// What a command that must fail tells, with its exit code.
    fn refused(&self, arguments: &[&str]) -> (String, i32) {
        let output = self.run(&[&["server"], arguments].concat());
        assert!(!output.status.success(), "{}", all_told(&output));
        (all_told(&output), output.status.code().unwrap())
    }

    fn used(&self) -> Option<String> {
        let listed = self.json(&["list"]);
        let used = listed["versions"].as_array().unwrap().iter().find(|v| v["selected"] == true)?;
        Some(used["version"].as_str()?.to_owned())
    }

    /// What is in the folder of installed versions, without the locks.
    fn installed(&self) -> Vec<String> {
        let entries = std::fs::read_dir(self.path("cache/opencode-nexus/servers")).into_iter().flatten();
        let names = entries.map(|e| e.unwrap().file_name().into_string().unwrap());
        let mut names: Vec<String> = names.filter(|n| !n.ends_with(".lock")).collect();
        names.sort();
        names
    }

    /// A script that plays a version, packed as npm packs it.
    fn pack(&self, version: &str, serve: &str) -> PathBuf {
        let script = format!("#!/bin/sh\n[ \"$1\" = --version ] && echo {version} && exit\n{serve}\n");
        let bin = self.path("package/bin");
        std::fs::create_dir_all(&bin).unwrap();
        std::fs::write(bin.join("opencode"), script).unwrap();
        let about = format!(r#"{{"name": "{}", "version": "{version}"}}"#, package_name().unwrap());
        std::fs::write(self.path("package/package.json"), about).unwrap();
        let archive = self.path(&format!("fake-{version}.tgz"));
        let mut tar = Command::new("tar");
        tar.arg("czf").arg(&archive).arg("package").current_dir(self.folder.path());
        assert!(tar.status().unwrap().success());
        archive
    }
}

fn all_told(output: &Output) -> String {
    String::from_utf8_lossy(&[&output.stdout[..], &output.stderr[..]].concat()).into_owned()
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

async fn binary(version: &str) -> String {
    opencode_binary(version).await.unwrap().display().to_string()
}

fn sum(program: &str, file: &Path) -> String {
    let output = Command::new(program).arg(file).output().unwrap();
    String::from_utf8(output.stdout).unwrap().split_whitespace().next().unwrap().to_owned()
}

#[test]
fn npm_installs_without_a_network_what_its_cache_holds_and_refuses_what_it_lacks() {
    let first = Person::new();
    let path = first.json(&["install", PINNED, "--prefer-offline"]);
    assert_eq!(path["record"]["origin"]["kind"], "npm");
    assert!(path["record"]["archive_checksum"].as_str().unwrap().starts_with("sha512-"));
    // Whoever has npm offline by its own settings is offline here as well.
    for (settings, flag) in [(vec![], vec!["--offline"]), (vec![("npm_config_offline", "true")], vec![])] {
        let mut other = Person::new();
        other.settings.extend(settings.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())));
        assert_eq!(other.json(&[&["install", PINNED], &flag[..]].concat())["version"], PINNED);
        let (told, code) = other.refused(&[&["install", "0.0.1"], &flag[..]].concat());
        assert_eq!((code, told.contains("error: server.install: npm failed")), (3, true), "{told}");
        assert_eq!(other.installed(), [PINNED]);
    }
}

#[tokio::test]
async fn an_update_that_never_becomes_healthy_is_rolled_back_by_itself_and_says_so() {
    let person = Person::new();
    let real = binary(PINNED).await;
    person.json(&["install", "--archive", &real]);
    let deaf = "echo opencode server listening on http://127.0.0.1:$5; while :; do sleep 1; done";
    for (serve, reason) in [
        ("echo last words >&2; exit 3", "ended while it started"),
        ("echo last words; while :; do sleep 1; done", "did not answer within"),
        (&format!("echo last words; {deaf}")[..], "did not answer within"),
        (
            &format!("echo last words; exec {real} \"$@\"")[..],
            &format!("it says that it is version {PINNED}")[..],
        ),
    ] {
        let archive = person.pack("99.0.0", serve);
        let seconds = if serve.contains("exec") { "60" } else { "2" };
        let update = ["update", "--archive", text(&archive), "--trial-seconds", seconds];
        let (told, code) = person.refused(&update);
        assert_eq!(code, 3, "{told}");
        let expected =
            format!("rolled back: OpenCode {PINNED} is used as before; 99.0.0 is marked as failed");
        assert!(told.contains(&expected) && told.contains(reason) && told.contains("last words"), "{told}");
        assert_eq!((person.used().as_deref(), person.installed()), (Some(PINNED), vec![PINNED.to_owned()]));
        let listed = person.json(&["list"]);
        let failed =
            listed["versions"].as_array().unwrap().iter().find(|v| v["version"] == "99.0.0").unwrap();
        assert!(failed["failure"]["reason"].as_str().unwrap().contains(reason), "{failed}");
    }
    let left: Vec<_> = std::fs::read_dir(person.path("tmp")).unwrap().map(|e| e.unwrap().path()).collect();
    assert!(left.is_empty(), "{left:?}");
}

#[tokio::test]
async fn the_newest_version_of_a_registry_that_fails_is_not_tried_again_unless_it_is_named() {
    let mut person = Person::new();
    person.json(&["install", "--archive", &binary(PINNED).await]);
    let archive = person.pack("99.0.0", "exit 3");
    let sri = Checksum::sha512(&sum("sha512sum", &archive)).unwrap().to_string();
    let bytes = std::fs::read(&archive).unwrap();
    let registry = registry::start(package_name().unwrap(), "99.0.0", &sri, bytes.clone());
    person.settings = vec![
        ("npm_config_registry".into(), registry),
        ("npm_config_cache".into(), text(&person.path("npm")).into()),
    ];
    let output = person.run(&["server", "update", "--json"]);
    let outcome: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(3), "{outcome}");
    assert_eq!(
        (&outcome["outcome"], &outcome["from"], &outcome["tried"]),
        (&"rolled_back".into(), &PINNED.into(), &"99.0.0".into())
    );
    let (told, _) = person.refused(&["update"]);
    assert!(told.contains("did not become healthy here before") && !told.contains("downloading"), "{told}");
    let (told, _) = person.refused(&["update", "99.0.0"]);
    assert!(told.contains("rolled back"), "{told}");
    // What comes is not what the registry says.
    let wrong = registry::start(package_name().unwrap(), "99.0.0", &sri, [&bytes[..], b"x"].concat());
    let cut = registry::start(package_name().unwrap(), "99.0.0", &sri, bytes[..bytes.len() / 2].to_vec());
    for (number, address) in [wrong, cut].into_iter().enumerate() {
        let cache = person.path(&format!("npm-{number}"));
        // npm would try a broken archive again for minutes.
        person.settings = vec![
            ("npm_config_registry".into(), address),
            ("npm_config_cache".into(), text(&cache).into()),
            ("npm_config_fetch_retries".into(), "0".into()),
        ];
        let (told, code) = person.refused(&["install", "99.0.0"]);
        assert_eq!((code, told.contains("npm failed")), (3, true), "{told}");
    }
    assert_eq!(person.installed(), [PINNED]);
}

#[tokio::test]
async fn two_versions_are_kept_and_a_person_goes_back_pins_and_removes() {
    let person = Person::new();
    let (old, middle, new) = (binary("1.14.48").await, binary("1.17.19").await, binary(PINNED).await);
    person.json(&["install", "1.14.48", "--archive", &old]);
    assert_eq!(person.json(&["update", "--archive", &middle])["from"], "1.14.48");
    let updated = person.json(&["update", "--archive", &new]);
    assert_eq!((&updated["to"], &updated["removed"][0]), (&PINNED.into(), &"1.14.48".into()));
    assert_eq!(person.installed(), ["1.17.19", PINNED]);
    assert_eq!(person.json(&["update", PINNED, "--archive", &new])["outcome"], "current");

    assert_eq!(person.json(&["rollback"])["to"], "1.17.19");
    assert_eq!(person.used().as_deref(), Some("1.17.19"));
    assert_eq!(person.json(&["rollback"])["to"], PINNED);

    person.json(&["pin", "1.17.19"]);
    assert_eq!(person.used().as_deref(), Some("1.17.19"));
    for arguments in [&["update"][..], &["rollback"], &["remove", "1.17.19"]] {
        let (told, code) = person.refused(arguments);
        assert!(code == 2 && told.contains("nexus server pin --none"), "{told}");
    }
    person.json(&["pin", "--none"]);
    person.json(&["remove", "1.17.19"]);
    assert_eq!((person.used().as_deref(), person.installed()), (Some(PINNED), vec![PINNED.to_owned()]));
    assert!(person.refused(&["rollback"]).0.contains("no version to go back to"));
    let (told, code) = person.refused(&["remove", "1.17.19"]);
    assert!(code == 2 && told.contains(PINNED), "{told}");

    // The list of choices is damaged: it is moved aside, and everything else works.
    let choices = person.path("state/opencode-nexus/servers.json");
    std::fs::write(&choices, "{\"pinned\": \"1.").unwrap();
    assert_eq!(person.used().as_deref(), Some(PINNED));
    let output = person.run(&["server", "pin", PINNED]);
    assert!(output.status.success() && all_told(&output).contains("damaged"), "{}", all_told(&output));
    let names = std::fs::read_dir(person.path("state/opencode-nexus")).unwrap();
    assert!(names.flatten().any(|n| n.file_name().to_string_lossy().contains("damaged")));
}

#[tokio::test]
async fn a_version_that_runs_is_not_removed() {
    let person = Person::new();
    let archive = person.pack("99.0.0", "echo started; while :; do sleep 1; done");
    let path = person.json(&["install", "--archive", text(&archive)])["path"].as_str().unwrap().to_owned();
    let mut running = Command::new(&path).arg("serve").stdout(Stdio::null()).spawn().unwrap();
    let (told, code) = person.refused(&["remove", "99.0.0"]);
    running.kill().unwrap();
    running.wait().unwrap();
    assert!(code == 2 && told.contains("runs"), "{told}");
    person.json(&["remove", "99.0.0"]);
    assert!(person.installed().is_empty());
}

#[test]
fn a_file_from_an_address_is_checked_and_one_that_breaks_off_leaves_nothing() {
    let person = Person::new();
    let archive = person.pack("99.0.0", "exit 3");
    let bytes = std::fs::read(&archive).unwrap();
    let good = sum("sha256sum", &archive);
    let whole = registry::file(bytes.clone(), bytes.len());
    let broken = registry::file(bytes.clone(), bytes.len() + 10);
    for (arguments, words) in [
        (vec!["--url", &whole], "--sha256"),
        (vec!["--url", &whole, "--sha256", &"0".repeat(64)], "its checksum is wrong"),
        (vec!["--url", &whole, "--sha256", "abc"], "64 hexadecimal digits"),
        (vec!["--url", &broken, "--sha256", &good], "broke"),
        (vec!["--url", "http://example.org/x.tgz", "--sha256", &good], "use https"),
        (vec!["1.0.0", "--url", &whole, "--sha256", &good], "OpenCode 99.0.0, not 1.0.0"),
        (vec!["--archive", "no-such-file"], "no file"),
    ] {
        let (told, _) = person.refused(&[&["install"], &arguments[..]].concat());
        assert!(told.contains(words), "{words}: {told}");
        assert!(person.installed().is_empty(), "{words}: {:?}", person.installed());
    }
    let installed = person.json(&["install", "--url", &whole, "--sha256", &good]);
    assert_eq!(
        (&installed["version"], &installed["record"]["origin"]["url"]),
        (&"99.0.0".into(), &whole.into())
    );
    assert!(installed["record"]["archive_checksum"].as_str().unwrap().starts_with("sha256-"));
    // The same again is no error, another binary of that version is.
    person.json(&["install", "--archive", text(&archive)]);
    let other = person.pack("99.0.0", "exit 4");
    assert!(person.refused(&["install", "--archive", text(&other)]).0.contains("nexus server remove 99.0.0"));
}

#[tokio::test]
async fn a_version_that_passes_its_trial_and_fails_at_its_first_real_start_is_rolled_back() {
    let person = Person::new();
    let (old, new) = (binary("1.17.19").await, binary(PINNED).await);
    let (cache, state) = (person.path("cache"), person.path("state"));
    let versions = Versions::at(&cache, &state);
    let from = |path: &str| UpdateOptions {
        install: InstallOptions { source: Source::Archive(path.into()), ..InstallOptions::default() },
        ..UpdateOptions::default()
    };
    versions.update(from(&old)).await.unwrap();
    // It does not like this person's home.
    let script = format!("[ -e \"$HOME/here\" ] && echo no >&2 && exit 3\nexec {new} \"$@\"");
    let archive = person.pack(PINNED, &script);
    let outcome = versions.update(from(text(&archive))).await.unwrap();
    assert!(matches!(outcome, UpdateOutcome::Updated { .. }), "{outcome:?}");

    let options = FindOptions {
        chosen: true,
        environment: false,
        cache: Some(cache),
        state: Some(state),
        ..FindOptions::default()
    };
    let found = find(&options).unwrap().unwrap();
    assert_eq!(found.version.as_deref(), Some(PINNED));
    std::fs::write(person.path("home/here"), "").unwrap();
    let mut server = ServerOptions::new(&found.path, person.path("tmp"));
    server.home = Home::At(person.path("home"));
    let started = start_found(&found, server, &versions).await.unwrap();
    assert_eq!(started.server.version(), "1.17.19");
    let back = started.rolled_back.unwrap();
    assert_eq!((back.from.as_deref(), &back.tried[..]), (Some("1.17.19"), PINNED));
    assert!(back.output.iter().any(|line| line == "no"), "{back:?}");
    started.server.stop().await.unwrap();
    let found = find(&options).unwrap().unwrap();
    assert_eq!(found.version.as_deref(), Some("1.17.19"), "it stays so");
}

#[tokio::test]
async fn the_first_start_in_the_background_goes_back_as_well_and_stays_there() {
    let person = Person::new();
    let (old, new) = (binary("1.17.19").await, binary(PINNED).await);
    person.json(&["update", "--archive", &old]);
    let script = format!("[ -e \"$HOME/here\" ] && echo no >&2 && exit 3\nexec {new} \"$@\"");
    let archive = person.pack(PINNED, &script);
    person.json(&["update", "--archive", text(&archive)]);
    assert_eq!(person.used().as_deref(), Some(PINNED));
    std::fs::write(person.path("home/here"), "").unwrap();

    let output = person.run(&["server", "start", "--json"]);
    let told = all_told(&output);
    let stopped = person.run(&["server", "stop", "--all"]);
    assert!(output.status.success(), "{told}");
    let started: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(started["version"], "1.17.19");
    assert!(told.contains(&format!("OpenCode {PINNED} did not start")), "{told}");
    assert!(told.contains("1.17.19 is used again"), "{told}");
    assert_eq!(person.used().as_deref(), Some("1.17.19"), "it stays so");
    assert!(stopped.status.success(), "{}", all_told(&stopped));
}
