//! `nexus plugin`: the real executable, from the key of an author to a plugin that runs, and everything that is refused.

#![cfg(feature = "plugins")]

mod program;

use std::path::{Path, PathBuf};

use program::{Home, Ran, run};
use serde_json::Value;

const ID: &str = "acme.redact";
const COMPONENT: &[u8] = include_bytes!("plugin/hook.wasm");

/// A person with a home of their own, and an author beside.
struct Person {
    home: Home,
}

impl Person {
    async fn new() -> Self {
        let person = Self { home: Home::new() };
        for key in ["author.key", "keeper.key", "stranger.key"] {
            person.json(&["key", key, "--no-passphrase"]).await;
        }
        person
    }

    fn path(&self, name: &str) -> PathBuf {
        self.home.path(name)
    }

    async fn run(&self, arguments: &[&str]) -> Ran {
        let mut command = self.home.command(&[&["plugin"], arguments].concat());
        command.env("XDG_CACHE_HOME", self.path("cache")).env_remove("NEXUS_PLUGINS_INDEX");
        run(command).await
    }

    /// What a command that must succeed prints as JSON.
    async fn json(&self, arguments: &[&str]) -> Value {
        let ran = self.run(&[arguments, &["--json"]].concat()).await.ended(0);
        serde_json::from_str(&ran.out).unwrap_or_else(|error| panic!("{error}: {ran:?}"))
    }

    /// The same with a passphrase on standard input.
    async fn with_phrase(&self, arguments: &[&str], phrase: &str) -> Ran {
        let command = self.home.command(&[&["plugin"], arguments, &["--passphrase-fd", "0"]].concat());
        program::feed(command, &format!("{phrase}\n")).await
    }

    /// What a command that must fail says.
    async fn refused(&self, arguments: &[&str], code: i32) -> String {
        self.run(arguments).await.ended(code).err
    }

    /// A project with this version that asks for this.
    fn project(&self, version: &str, permissions: &str) -> PathBuf {
        let folder = self.path(&format!("project-{version}"));
        std::fs::create_dir_all(folder.join("web")).unwrap();
        let manifest = format!(
            "schema = 1\nid = \"{ID}\"\nversion = \"{version}\"\napi = \"0.1\"\nsummary = \"Takes secrets out\"\nworlds = [\"hook\"]\n{permissions}"
        );
        std::fs::write(folder.join("plugin.toml"), manifest).unwrap();
        std::fs::write(folder.join("plugin.wasm"), COMPONENT).unwrap();
        std::fs::write(folder.join("web/index.html"), "<!doctype html>").unwrap();
        folder
    }

    /// A `.plugin` of that, signed by a key.
    async fn built(&self, version: &str, permissions: &str, key: Option<&str>) -> String {
        let folder = self.project(version, permissions);
        let (component, output) = (folder.join("plugin.wasm"), self.path(&format!("{version}.plugin")));
        let mut arguments =
            vec!["build", text(&folder), "--component", text(&component), "--output", text(&output)];
        if let Some(key) = key {
            arguments.extend(["--key", key]);
        }
        let built = self.json(&arguments).await;
        assert_eq!(built["fingerprint"].is_string(), key.is_some(), "{built}");
        text(&output).to_owned()
    }

    async fn version(&self) -> Option<String> {
        let listed = self.json(&["list"]).await;
        let plugin = listed["plugins"].as_array().unwrap().iter().find(|plugin| plugin["id"] == ID)?.clone();
        Some(plugin["version"].as_str().unwrap().to_owned())
    }

    /// Every file below the folder of plugins, without the lock.
    fn files(&self) -> Vec<(PathBuf, Vec<u8>)> {
        let mut files = Vec::new();
        walk(&self.path("data/plugins"), &mut files);
        files.retain(|(path, _)| !path.ends_with(".lock"));
        files
    }
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

fn walk(folder: &Path, files: &mut Vec<(PathBuf, Vec<u8>)>) {
    let mut entries: Vec<PathBuf> =
        std::fs::read_dir(folder).into_iter().flatten().map(|entry| entry.unwrap().path()).collect();
    entries.sort();
    for path in entries {
        match path.is_dir() {
            true => walk(&path, files),
            false => files.push((path.clone(), std::fs::read(&path).unwrap())),
        }
    }
}

const PROMPTS: &str = "[permissions]\nprompts = { reason = \"looks for secrets\" }\n";
const MORE: &str = "[permissions]\nprompts = { reason = \"looks for secrets\" }\ngit = { reason = \"knows what is committed\" }\n";

#[tokio::test]
async fn a_plugin_is_built_signed_installed_run_and_removed() {
    let person = Person::new().await;
    let file = person.built("1.0.0", PROMPTS, Some("author.key")).await;
    let info = person.json(&["info", &file]).await;
    assert_eq!(info["plugin"]["asks"][0]["right"], "prompts", "{info}");
    assert_eq!(info["installed"], false);
    assert!(person.files().is_empty(), "looking installs nothing");
    // Without a terminal nobody can be asked, and the error says how to answer beforehand.
    let said = person.refused(&["add", &file], 2).await;
    assert!(said.contains("--grant all") && said.contains("--grant prompts"), "{said}");
    assert!(
        said.contains("looks for secrets") && said.contains("who is new"),
        "it is shown all the same: {said}"
    );
    assert_eq!(person.version().await, None);
    let added = person.json(&["add", &file, "--grant", "all"]).await;
    assert_eq!(
        (&added["outcome"], &added["granted"][0]),
        (&"installed".into(), &"prompts".into()),
        "{added}"
    );
    assert_eq!(person.json(&["add", &file]).await["outcome"], "same");
    let ran = person.run(&["run", ID, "hook", "my password"]).await.ended(0);
    assert_eq!(ran.out.trim(), "keep");
    let ran = person.run(&["run", ID]).await.ended(0);
    assert!(ran.out.contains("a hook that sees prompts"), "{ran:?}");
    let info = person.run(&["info", ID]).await.ended(0);
    assert!(info.out.contains("may") && info.out.contains("looks for secrets"), "{info:?}");
    let said = person.refused(&["remove", ID], 2).await;
    assert!(said.contains("--yes"), "{said}");
    person.json(&["remove", ID, "--yes"]).await;
    let left: Vec<PathBuf> = person.files().into_iter().map(|(path, _)| path).collect();
    let kept = ["grants.toml", "grants.lock", "audit.log"];
    assert!(left.iter().all(|path| kept.iter().any(|kept| path.ends_with(kept))), "{left:?}");
    let grants = std::fs::read_to_string(person.path("data/plugins/grants.toml")).unwrap();
    assert!(!grants.contains(ID), "{grants}");
    person.refused(&["info", ID], 2).await;
}

#[tokio::test]
async fn rights_are_granted_and_taken_back_by_their_names() {
    let person = Person::new().await;
    let file = person.built("1.0.0", MORE, Some("author.key")).await;
    let added = person.json(&["add", &file, "--grant", "git"]).await;
    assert_eq!(added["granted"], serde_json::json!(["git"]));
    let said = person.refused(&["run", ID, "hook", "x"], 2).await;
    assert!(said.contains("no hook that may see prompts"), "{said}");
    let granted = person.json(&["grant", ID, "prompts"]).await;
    assert_eq!(granted["granted"], serde_json::json!(["git", "prompts"]));
    let left = person.json(&["revoke", ID, "git"]).await;
    assert_eq!(left["granted"], serde_json::json!(["prompts"]));
    let said = person.refused(&["revoke", ID, "nonsense"], 2).await;
    assert!(said.contains("it asks for"), "{said}");
    let said = person.refused(&["grant", ID], 2).await;
    assert!(said.contains(&format!("nexus plugin grant {ID} all")), "{said}");
}

#[tokio::test]
async fn an_update_that_asks_for_more_waits_for_a_grant_and_one_that_does_not_is_used_at_once() {
    let person = Person::new().await;
    let key = Some("author.key");
    person.json(&["add", &person.built("1.0.0", PROMPTS, key).await, "--grant", "all"]).await;
    let added = person.json(&["add", &person.built("1.1.0", PROMPTS, key).await]).await;
    assert_eq!(
        (&added["outcome"], &added["granted"][0]),
        (&"installed".into(), &"prompts".into()),
        "{added}"
    );
    let added = person.json(&["add", &person.built("1.2.0", MORE, key).await]).await;
    assert_eq!(added["outcome"], "waits", "{added}");
    assert_eq!(person.version().await.unwrap(), "1.1.0");
    assert_eq!(
        person.run(&["run", ID, "hook", "x"]).await.ended(0).out.trim(),
        "keep",
        "the old one works on"
    );
    let listed = person.run(&["list"]).await.ended(0);
    assert!(listed.out.contains("1.2.0 waits for a grant"), "{listed:?}");
    let granted = person.json(&["grant", ID, "git"]).await;
    assert_eq!(granted["version"], "1.2.0");
    assert_eq!(granted["granted"], serde_json::json!(["git", "prompts"]), "what was granted before stays");
    assert_eq!(person.version().await.unwrap(), "1.2.0");
    let back = person.json(&["rollback", ID]).await;
    assert_eq!(back["version"], "1.1.0");
    let info = person.json(&["info", ID]).await;
    assert_eq!(info["plugin"]["granted"], serde_json::json!(["prompts"]), "{info}");
}

#[tokio::test]
async fn what_is_cut_changed_unsigned_wrongly_signed_or_older_is_refused_and_leaves_nothing() {
    let person = Person::new().await;
    let unsigned = person.built("0.9.0", PROMPTS, None).await;
    let said = person.refused(&["add", &unsigned, "--grant", "all"], 4).await;
    assert!(said.contains("--allow-unsigned"), "{said}");
    assert!(!person.path("data/plugins").exists(), "not even a folder");
    let good = person.built("1.0.0", PROMPTS, Some("author.key")).await;
    person.json(&["add", &good, "--grant", "all"]).await;
    let before = person.files();
    let whole = std::fs::read(person.built("1.1.0", PROMPTS, Some("author.key")).await).unwrap();
    let (cut, changed) = (person.path("cut.plugin"), person.path("changed.plugin"));
    std::fs::write(&cut, &whole[..whole.len() / 2]).unwrap();
    let mut bytes = whole.clone();
    let place = bytes.len() / 3;
    bytes[place] ^= 0x55;
    std::fs::write(&changed, bytes).unwrap();
    let stranger = person.built("1.2.0", PROMPTS, Some("stranger.key")).await;
    let old = person.built("0.8.0", PROMPTS, Some("author.key")).await;
    for (file, code, words) in [
        (text(&cut), 5, "cut off"),
        (text(&changed), 5, ""),
        (&stranger, 4, "another key"),
        (&unsigned, 4, "not signed"),
        (&old, 2, "--downgrade"),
        ("/nonexistent.plugin", 2, "cannot be read"),
        (text(&person.path("project-1.0.0/plugin.toml")), 5, "not a .plugin archive"),
    ] {
        let said = person.refused(&["add", file, "--grant", "all"], code).await;
        assert!(said.contains(words), "{words}: {said}");
        assert_eq!(person.files(), before, "{file}");
    }
    let added = person.json(&["add", &old, "--grant", "all", "--downgrade"]).await;
    assert_eq!(added["outcome"], "installed");
    assert_eq!(person.version().await.unwrap(), "0.8.0");
}

#[tokio::test]
async fn an_unsigned_plugin_is_granted_anew_at_each_change() {
    let person = Person::new().await;
    let file = person.built("1.0.0", PROMPTS, None).await;
    person.json(&["add", &file, "--allow-unsigned", "--grant", "all"]).await;
    let listed = person.run(&["list"]).await.ended(0);
    assert!(listed.out.contains("not signed"), "{listed:?}");
    let file = person.built("1.0.1", PROMPTS, None).await;
    let added = person.json(&["add", &file, "--allow-unsigned"]).await;
    assert_eq!(added["outcome"], "waits", "{added}");
    assert_eq!(person.version().await.unwrap(), "1.0.0");
}

#[tokio::test]
async fn a_plugin_of_the_index_is_found_installed_and_updated() {
    let person = Person::new().await;
    let publisher = std::fs::read_to_string(person.path("author.key.pub")).unwrap();
    let publisher = publisher.lines().nth(1).unwrap().to_owned();
    let keeper = std::fs::read_to_string(person.path("keeper.key.pub")).unwrap();
    let keeper = keeper.lines().nth(1).unwrap().to_owned();
    let shelf = Shelf { person: &person, publisher, keeper };
    shelf.publish(1, &["1.0.0"]).await;
    assert_eq!(shelf.json(&["search", "secrets"]).await["plugins"][0]["version"], "1.0.0");
    let added = shelf.json(&["add", ID, "--grant", "all"]).await;
    assert_eq!((&added["outcome"], &added["version"]), (&"installed".into(), &"1.0.0".into()), "{added}");
    assert_eq!(shelf.json(&["update"]).await["plugins"][0]["outcome"], "current");
    shelf.publish(2, &["1.0.0", "1.1.0"]).await;
    let updated = shelf.json(&["update", ID]).await;
    assert_eq!(updated["plugins"][0]["version"], "1.1.0", "{updated}");
    assert_eq!(person.version().await.unwrap(), "1.1.0");
    // A list of yesterday, and one that somebody else has signed.
    shelf.publish(1, &["1.0.0"]).await;
    let ran = shelf.run(&["update"]).await.ended(4);
    assert!(ran.err.contains("older than it was before"), "{ran:?}");
    let said = person.refused(&["add", "acme.other"], 2).await;
    assert!(said.contains("plugins.index"), "without an index: {said}");
}

/// An index in a folder, kept by somebody.
struct Shelf<'a> {
    person: &'a Person,
    publisher: String,
    keeper: String,
}

impl Shelf<'_> {
    async fn publish(&self, serial: u64, versions: &[&str]) {
        let folder = self.person.path("shelf");
        std::fs::create_dir_all(&folder).unwrap();
        let mut lines = Vec::new();
        for version in versions {
            let file = self.person.built(version, PROMPTS, Some("author.key")).await;
            let bytes = std::fs::read(file).unwrap();
            let sum = opencode_nexus_plugins::bundle::sha256(&bytes);
            let name = format!("redact-{version}.plugin");
            std::fs::write(folder.join(&name), bytes).unwrap();
            lines.push(serde_json::json!({ "version": version, "api": "0.1", "file": name, "sha256": sum }));
        }
        let index = serde_json::json!({
            "format": 1, "serial": serial,
            "plugins": [{ "id": ID, "summary": "Takes secrets out", "publisher": self.publisher, "versions": lines }],
        });
        let bytes = serde_json::to_vec(&index).unwrap();
        let secret = std::fs::read_to_string(self.person.path("keeper.key")).unwrap();
        let key = opencode_nexus_plugins::signature::SecretKey::from_text(&secret.into(), None).unwrap();
        std::fs::write(folder.join("index.json.minisig"), key.sign(&bytes, "index").unwrap()).unwrap();
        std::fs::write(folder.join("index.json"), bytes).unwrap();
    }

    async fn run(&self, arguments: &[&str]) -> Ran {
        let mut command = self.person.home.command(&[&["plugin"], arguments].concat());
        command
            .env("XDG_CACHE_HOME", self.person.path("cache"))
            .env("NEXUS_PLUGINS_INDEX", self.person.path("shelf/index.json"))
            .env("NEXUS_PLUGINS_INDEX_KEY", &self.keeper);
        run(command).await
    }

    async fn json(&self, arguments: &[&str]) -> Value {
        let ran = self.run(&[arguments, &["--json"]].concat()).await.ended(0);
        serde_json::from_str(&ran.out).unwrap_or_else(|error| panic!("{error}: {ran:?}"))
    }
}

#[tokio::test]
async fn a_component_that_is_none_or_for_another_world_becomes_no_plugin() {
    let person = Person::new().await;
    let folder = person.project("1.0.0", "");
    let wasm = person.path("other.wasm");
    for (bytes, words) in
        [(&b"\x7fELF"[..], ".cwasm"), (b"hello", "no WebAssembly"), (b"\0asm\x01\0\0\0", "")]
    {
        std::fs::write(&wasm, bytes).unwrap();
        let said = person.refused(&["build", text(&folder), "--component", text(&wasm)], 2).await;
        assert!(said.contains(words), "{words}: {said}");
    }
    let manifest = std::fs::read_to_string(folder.join("plugin.toml")).unwrap();
    std::fs::write(folder.join("plugin.toml"), manifest.replace("hook", "command")).unwrap();
    let component = folder.join("plugin.wasm");
    person.refused(&["build", text(&folder), "--component", text(&component)], 2).await;
    assert!(!folder.join(format!("{ID}-1.0.0.plugin")).exists(), "nothing is written");
}

#[tokio::test]
async fn a_new_project_has_its_name_everywhere_and_never_replaces_a_folder() {
    let person = Person::new().await;
    for (lang, files) in
        [("rust", &["Cargo.toml", "src/lib.rs"][..]), ("js", &["plugin.js"]), ("python", &["plugin.py"])]
    {
        let folder = format!("made-{lang}");
        let made = person.json(&["new", "me.my-notes", "--lang", lang, &folder]).await;
        assert_eq!(made["id"], "me.my-notes");
        for file in files.iter().chain(&["plugin.toml", ".gitignore", "README.md"]) {
            let text = std::fs::read_to_string(person.path(&folder).join(file)).unwrap();
            assert!(!text.contains("acme") && !text.contains("words"), "{file}: {text}");
        }
        let manifest = std::fs::read_to_string(person.path(&folder).join("plugin.toml")).unwrap();
        opencode_nexus_plugins::manifest::Manifest::parse(&manifest).unwrap();
        let said = person.refused(&["new", "me.my-notes", "--lang", lang, &folder], 2).await;
        assert!(said.contains("is there already"), "{said}");
    }
    let said = person.refused(&["new", "notes", "--lang", "rust"], 2).await;
    assert!(said.contains("publisher.name"), "{said}");
}

#[tokio::test]
async fn a_key_is_never_overwritten_and_its_file_is_its_owners_alone() {
    let person = Person::new().await;
    let said = person.refused(&["key", "author.key", "--no-passphrase"], 2).await;
    assert!(said.contains("never overwritten"), "{said}");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        let mode = std::fs::metadata(person.path("author.key")).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }
    let said = person.refused(&["key", "other.key"], 2).await;
    assert!(said.contains("--passphrase-fd"), "nobody can be asked: {said}");
    assert!(!person.path("other.key").exists());
}

#[tokio::test]
async fn a_key_with_a_passphrase_signs_when_it_is_given() {
    let person = Person::new().await;
    let phrase = "made up for this test";
    person.with_phrase(&["key", "locked.key"], phrase).await.ended(0);
    let folder = person.project("1.0.0", "");
    let component = folder.join("plugin.wasm");
    let build = ["build", text(&folder), "--component", text(&component), "--key", "locked.key"];
    person.with_phrase(&build, "another phrase").await.ended(4);
    let ran = person.with_phrase(&build, phrase).await.ended(0);
    assert!(ran.out.contains("signed by"), "{ran:?}");
    assert!(!format!("{ran:?}").contains(phrase));
}

#[tokio::test]
async fn a_plugin_is_disabled_and_enabled_and_its_log_is_shown() {
    let person = Person::new().await;
    let file = person.built("1.0.0", "", Some("author.key")).await;
    // It asks for nothing: there is nothing to decide.
    person.json(&["add", &file]).await;
    person.json(&["disable", ID]).await;
    assert!(person.run(&["list"]).await.out.contains("disabled"));
    person.json(&["enable", ID]).await;
    assert!(!person.run(&["list"]).await.out.contains("disabled"));
    let log = person.path("data/plugins").join(ID).join("log");
    std::fs::write(&log, "one\ntwo \u{1b}[2J\nthree\n").unwrap();
    let ran = person.run(&["logs", ID, "--lines", "2"]).await.ended(0);
    assert_eq!(ran.out, "two \u{fffd}[2J\nthree\n");
    let said = person.refused(&["logs", "acme.other"], 2).await;
    assert!(said.contains("is not installed"), "{said}");
}

#[tokio::test]
async fn a_secret_is_kept_unseen_and_only_when_the_plugin_asks_for_it() {
    let person = Person::new().await;
    let file = person.built("1.0.0", "[permissions]\nsecrets = [\"TOKEN\"]\n", Some("author.key")).await;
    person.json(&["add", &file, "--grant", "all"]).await;
    let command = person.home.command(&["plugin", "secret", ID, "set", "TOKEN", "--value-fd", "0"]);
    let ran = program::feed(command, "made-up-value\n").await.ended(0);
    assert!(!format!("{ran:?}").contains("made-up-value"), "{ran:?}");
    let listed = person.json(&["secret", ID, "list"]).await;
    assert_eq!(listed["secrets"][0], serde_json::json!({ "name": "TOKEN", "given": true }));
    let said = person.refused(&["secret", ID, "set", "OTHER", "--value-fd", "0"], 2).await;
    assert!(said.contains("it asks for: TOKEN"), "{said}");
    person.json(&["secret", ID, "remove", "TOKEN"]).await;
    person.refused(&["secret", ID, "remove", "TOKEN"], 2).await;
    person.json(&["remove", ID, "--yes"]).await;
}

#[tokio::test]
async fn help_has_examples_for_every_subcommand() {
    let person = Person::new().await;
    for subcommand in [
        "add", "list", "info", "search", "update", "rollback", "grant", "revoke", "enable", "disable",
        "remove", "logs", "run", "new", "build", "key", "secret",
    ] {
        let ran = person.run(&[subcommand, "--help"]).await.ended(0);
        assert!(ran.out.contains("Examples:"), "{subcommand}: {}", ran.out);
    }
}
