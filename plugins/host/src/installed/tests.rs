//! Installing, updating, going back and removing; and each with a disk that is full at any step, and a process that dies there.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

use super::*;
use crate::bundle::Bundle;
use crate::signature::SecretKey;

/// What happens at a step that changes the disk.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Fault {
    None,
    /// There is no room.
    Full,
    /// The process ends, without a word to anybody.
    Death,
}

thread_local! {
    /// What happens after so many steps.
    static PLAN: RefCell<Option<(usize, Fault)>> = const { RefCell::new(None) };
}

pub(super) fn fault() -> Fault {
    PLAN.with_borrow_mut(|plan| match plan {
        None => Fault::None,
        // A full disk stays full.
        Some((0, fault)) => *fault,
        Some((left, _)) => {
            *left -= 1;
            Fault::None
        }
    })
}

fn plan(steps: usize, fault: Fault) {
    PLAN.set(Some((steps, fault)));
}

const ID: &str = "acme.jira";

fn bundle(version: &str, text: &str, key: Option<&SecretKey>) -> Bundle {
    let manifest = format!(
        "schema = 1\nid = \"{ID}\"\nversion = \"{version}\"\napi = \"0.1\"\nsummary = \"Tickets\"\nworlds = [\"hook\"]\n"
    );
    let component = [b"\0asm\x0d\0\x01\0", text.as_bytes()].concat();
    let web = BTreeMap::from([("js/app.js".to_owned(), text.as_bytes().to_vec())]);
    Bundle::build(Manifest::parse(&manifest).unwrap(), component, web, key).unwrap()
}

fn key() -> SecretKey {
    SecretKey::make(None).unwrap().0
}

const STRICT: Rules = Rules { allow_unsigned: false, downgrade: false };
const UNSIGNED: Rules = Rules { allow_unsigned: true, downgrade: false };

struct Place {
    folder: tempfile::TempDir,
    installed: Installed,
}

impl Place {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let installed = Installed::at(folder.path().join("plugins"));
        Self { folder, installed }
    }

    fn add(&self, bundle: &Bundle) -> Result<Step> {
        self.installed.install(bundle, STRICT, true, "test")
    }

    fn version(&self) -> Option<String> {
        self.installed.find(ID).unwrap().map(|plugin| plugin.version)
    }

    /// Every file with what is in it, and every folder.
    fn all(&self) -> BTreeMap<String, Vec<u8>> {
        let mut all = BTreeMap::new();
        walk(self.folder.path(), self.folder.path(), &mut all);
        all
    }
}

fn walk(root: &Path, folder: &Path, all: &mut BTreeMap<String, Vec<u8>>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.strip_prefix(root).unwrap().to_string_lossy().replace('\\', "/");
        if path.is_dir() {
            all.insert(format!("{name}/"), Vec::new());
            walk(root, &path, all);
        } else {
            all.insert(name, std::fs::read(&path).unwrap());
        }
    }
}

#[test]
fn a_plugin_is_installed_found_and_its_component_is_the_one_that_came() {
    let (place, key) = (Place::new(), key());
    let bundle = bundle("1.0.0", "one", Some(&key));
    assert!(place.installed.list().unwrap().plugins.is_empty());
    assert_eq!(place.add(&bundle).unwrap(), Step::New);
    let plugin = place.installed.get(ID).unwrap();
    assert_eq!((plugin.version.as_str(), plugin.enabled, plugin.source.as_str()), ("1.0.0", true, "test"));
    assert_eq!(plugin.component().unwrap(), bundle.component());
    assert_eq!(plugin.publisher.as_ref(), Some(key.public()));
    assert_eq!(std::fs::read(plugin.web().join("js/app.js")).unwrap(), b"one");
    assert_eq!(place.add(&bundle).unwrap(), Step::Same);
    std::fs::write(plugin.folder.join(COMPONENT), "other").unwrap();
    assert_eq!(plugin.component().unwrap_err().code(), "recovery.damaged");
}

#[cfg(unix)]
#[test]
fn only_its_owner_reads_what_is_installed() {
    use std::os::unix::fs::PermissionsExt as _;
    let place = Place::new();
    place.add(&bundle("1.0.0", "one", Some(&key()))).unwrap();
    for name in place.all().keys() {
        let mode = std::fs::metadata(place.folder.path().join(name)).unwrap().permissions().mode();
        assert_eq!(mode & 0o077, 0, "{name}: {mode:o}");
    }
}

#[test]
fn an_update_keeps_the_version_before_and_rollback_leads_to_it() {
    let (place, key) = (Place::new(), key());
    for (version, step) in [
        ("1.0.0", Step::New),
        ("1.1.0", Step::Update { from: "1.0.0".into() }),
        ("2.0.0-rc.1", Step::Update { from: "1.1.0".into() }),
    ] {
        assert_eq!(place.add(&bundle(version, version, Some(&key))).unwrap(), step);
    }
    let folders: Vec<String> = place
        .all()
        .into_keys()
        .filter(|name| name.matches('/').count() == 3 && name.ends_with('/'))
        .collect();
    assert_eq!(folders, ["plugins/acme.jira/1.1.0/", "plugins/acme.jira/2.0.0-rc.1/"], "1.0.0 is gone");
    assert_eq!(place.installed.rollback(ID).unwrap(), "1.1.0");
    assert_eq!(place.version().unwrap(), "1.1.0");
    assert_eq!(place.installed.rollback(ID).unwrap(), "2.0.0-rc.1", "and back");
    assert_eq!(place.installed.get(ID).unwrap().component().unwrap()[8..], *b"2.0.0-rc.1");
}

#[test]
fn without_a_version_before_there_is_no_way_back() {
    let place = Place::new();
    assert_eq!(place.installed.rollback(ID).unwrap_err().code(), "user.not_found");
    place.add(&bundle("1.0.0", "one", Some(&key()))).unwrap();
    assert_eq!(place.installed.rollback(ID).unwrap_err().code(), "user.not_found");
}

#[test]
fn an_update_that_waits_changes_nothing_until_it_is_granted() {
    let (place, key) = (Place::new(), key());
    place.add(&bundle("1.0.0", "one", Some(&key))).unwrap();
    place.installed.install(&bundle("1.1.0", "two", Some(&key)), STRICT, false, "test").unwrap();
    let plugin = place.installed.get(ID).unwrap();
    assert_eq!((plugin.version.as_str(), plugin.pending.as_deref()), ("1.0.0", Some("1.1.0")));
    assert_eq!(place.installed.pending(ID).unwrap().unwrap().version, "1.1.0");
    assert_eq!(place.installed.activate(ID, "1.2.0").unwrap_err().code(), "user.not_found");
    place.installed.activate(ID, "1.1.0").unwrap();
    let plugin = place.installed.get(ID).unwrap();
    assert_eq!(
        (plugin.version.as_str(), plugin.pending, plugin.previous.as_deref()),
        ("1.1.0", None, Some("1.0.0"))
    );
}

#[test]
fn what_is_refused_leaves_the_folder_as_it_was() {
    let (place, ours, theirs) = (Place::new(), key(), key());
    let empty = place.all();
    let error = place.add(&bundle("1.0.0", "one", None)).unwrap_err();
    assert_eq!(error.code(), "security.forbidden", "{error}");
    assert_eq!(place.all(), empty, "nothing, not even a lock");
    place.add(&bundle("1.1.0", "one", Some(&ours))).unwrap();
    let before = place.all();
    for (bundle, rules, code, words) in [
        (bundle("1.2.0", "x", Some(&theirs)), UNSIGNED, "security.forbidden", "another key"),
        (bundle("1.2.0", "x", None), STRICT, "security.forbidden", "not signed"),
        (bundle("1.2.0", "x", None), UNSIGNED, "security.forbidden", "the one that is installed is"),
        (bundle("1.0.9", "x", Some(&ours)), STRICT, "user.conflict", "older"),
        (bundle("1.1.0-rc.9", "x", Some(&ours)), STRICT, "user.conflict", "older"),
        (bundle("1.1.0", "x", Some(&ours)), STRICT, "user.conflict", "other content"),
    ] {
        let error = place.installed.install(&bundle, rules, true, "test").unwrap_err();
        assert_eq!(error.code(), code, "{error}");
        assert!(error.to_string().contains(words), "{error}");
        assert!(error.hint().is_some());
        assert_eq!(place.all(), before, "{words}");
    }
}

#[test]
fn a_downgrade_is_done_when_the_person_says_so() {
    let (place, key) = (Place::new(), key());
    place.add(&bundle("1.1.0", "one", Some(&key))).unwrap();
    let rules = Rules { downgrade: true, ..STRICT };
    let step = place.installed.install(&bundle("1.0.0", "old", Some(&key)), rules, true, "test").unwrap();
    assert_eq!(step, Step::Downgrade { from: "1.1.0".into() });
    assert_eq!(place.version().unwrap(), "1.0.0");
}

#[test]
fn an_unsigned_plugin_changes_under_one_version_and_never_becomes_a_signed_one() {
    let place = Place::new();
    let add = |text: &str, key: Option<&SecretKey>| {
        place.installed.install(&bundle("1.0.0", text, key), UNSIGNED, true, "t")
    };
    assert_eq!(add("one", None).unwrap(), Step::New);
    assert_eq!(add("one", None).unwrap(), Step::Same);
    assert_eq!(add("two", None).unwrap(), Step::Changed);
    assert_eq!(&place.installed.get(ID).unwrap().component().unwrap()[8..], b"two");
    assert_eq!(add("three", Some(&key())).unwrap_err().code(), "security.forbidden");
}

#[test]
fn a_removed_plugin_leaves_nothing_and_its_key_is_forgotten() {
    let place = Place::new();
    place.add(&bundle("1.0.0", "one", Some(&key()))).unwrap();
    let folder = place.installed.folder().join(ID);
    std::fs::write(folder.join("kv.sqlite"), vec![0; 1000]).unwrap();
    let removed = place.installed.remove(ID).unwrap();
    assert_eq!(removed.version.as_deref(), Some("1.0.0"));
    assert!(removed.bytes > 1000);
    assert_eq!(place.all().into_keys().collect::<Vec<_>>(), ["plugins/", "plugins/.lock"]);
    assert_eq!(place.installed.remove(ID).unwrap_err().code(), "user.not_found");
    place.add(&bundle("0.1.0", "two", Some(&key()))).unwrap();
}

#[test]
fn a_damaged_plugin_is_told_beside_the_others_and_can_be_removed() {
    let place = Place::new();
    place.add(&bundle("1.0.0", "one", Some(&key()))).unwrap();
    let state = place.installed.folder().join(ID).join("state.json");
    let good = std::fs::read_to_string(&state).unwrap();
    for (text, code) in [
        ("".to_owned(), "recovery.damaged"),
        (good.replace("\"1.0.0\"", "\"../../..\""), "recovery.damaged"),
        (good.replace("\"folder\": \"1.0.0\"", "\"folder\": \"../other\""), "recovery.damaged"),
        (good.replace("\"current\": \"1.0.0\"", "\"current\": \"9.0.0\""), "recovery.damaged"),
        (good.replace("\"format\": 1", "\"format\": 2"), "system.newer_format"),
    ] {
        assert_ne!(text, good);
        std::fs::write(&state, &text).unwrap();
        let listing = place.installed.list().unwrap();
        assert!(listing.plugins.is_empty());
        assert_eq!(listing.broken[0].1.code(), code, "{text}");
    }
    place.installed.remove(ID).unwrap();
}

#[test]
fn what_is_no_id_never_becomes_a_path() {
    let place = Place::new();
    for id in ["", "..", "../x", "/etc", "acme", "acme.jira/..", "Acme.jira", "acme.jira\0"] {
        for error in [place.installed.get(id).unwrap_err(), place.installed.remove(id).unwrap_err()] {
            assert_eq!(error.code(), "user.invalid_input", "{id}");
        }
    }
}

#[test]
fn two_at_once_do_not_mix() {
    let (place, key) = (Place::new(), key());
    let bundles: Vec<Bundle> =
        (0..8).map(|n| bundle(&format!("1.{n}.0"), &format!("{n}"), Some(&key))).collect();
    let rules = Rules { downgrade: true, ..STRICT };
    std::thread::scope(|scope| {
        for bundle in &bundles {
            scope.spawn(|| place.installed.install(bundle, rules, true, "test").unwrap());
        }
    });
    let plugin = place.installed.get(ID).unwrap();
    let expected = bundles.iter().find(|bundle| bundle.manifest().version == plugin.version).unwrap();
    assert_eq!(plugin.component().unwrap(), expected.component());
    let names = place.all();
    assert!(names.keys().all(|name| !name.contains(".new-")), "{names:?}");
}

#[test]
fn a_lock_that_nobody_gives_back_is_not_waited_for_for_ever() {
    let place = Place::new();
    let _held = lock::Lock::take(place.installed.folder()).unwrap();
    let error = lock::Lock::within(place.installed.folder(), std::time::Duration::ZERO).unwrap_err();
    assert_eq!(error.code(), "user.busy");
}

/// A change and its name.
type Change = (&'static str, Box<dyn Fn(&Installed) -> Result<()>>);

/// The changes that are broken off at each step below.
fn changes(key: &SecretKey) -> Vec<Change> {
    let (new, other) = (bundle("1.1.0", "new", Some(key)), bundle("1.2.0", "waits", Some(key)));
    vec![
        ("install", Box::new(move |installed| installed.install(&new, STRICT, true, "test").map(|_| ()))),
        ("wait", Box::new(move |installed| installed.install(&other, STRICT, false, "test").map(|_| ()))),
        ("rollback", Box::new(|installed| installed.rollback(ID).map(|_| ()))),
        ("disable", Box::new(|installed| installed.set_enabled(ID, false))),
        ("remove", Box::new(|installed| installed.remove(ID).map(|_| ()))),
    ]
}

/// Two versions, so that there is one to go back to.
fn prepared(key: &SecretKey) -> Place {
    let place = Place::new();
    place.add(&bundle("0.9.0", "oldest", Some(key))).unwrap();
    place.add(&bundle("1.0.0", "old", Some(key))).unwrap();
    place
}

/// Version, whether it is enabled, the version that waits, the one before, and the component.
type Seen = (String, bool, Option<String>, Option<String>, Vec<u8>);

/// What a person would see.
fn seen(installed: &Installed) -> Option<Seen> {
    let plugin = installed.find(ID).unwrap()?;
    let component = plugin.component().unwrap();
    Some((plugin.version, plugin.enabled, plugin.pending, plugin.previous, component))
}

#[test]
fn a_disk_that_is_full_at_any_step_leaves_the_plugin_as_before_and_no_rubbish() {
    let key = key();
    for (name, change) in changes(&key) {
        for steps in 0.. {
            let place = prepared(&key);
            let (before, files) = (seen(&place.installed), place.all());
            plan(steps, Fault::Full);
            let result = change(&place.installed);
            PLAN.set(None);
            if result.is_ok() {
                assert!(steps > 1, "{name}");
                break;
            }
            // A removal that was begun is finished by whoever comes next; all else is as it was.
            let now = seen(&place.installed);
            if now != before {
                change(&place.installed).err();
                assert!(now != before && name != "install", "{name} at {steps}: {now:?}");
                continue;
            }
            let rubbish: Vec<String> =
                place.all().into_keys().filter(|file| !files.contains_key(file)).collect();
            assert!(rubbish.is_empty(), "{name} at {steps}: {rubbish:?}");
            change(&place.installed).unwrap();
        }
    }
}

/// Runs one test of this file as a process of its own that dies at a step.
fn dies(test: &str, folder: &Path, name: &str, steps: usize) -> bool {
    let output = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", test, "--nocapture", "--test-threads=1"])
        .env("NEXUS_TEST_DIES", format!("{name} {steps}"))
        .env("NEXUS_TEST_FOLDER", folder)
        .output()
        .unwrap();
    !output.status.success()
}

#[test]
fn a_process_that_dies_at_any_step_leaves_the_plugin_as_before_or_as_after() {
    const THIS: &str =
        "installed::tests::a_process_that_dies_at_any_step_leaves_the_plugin_as_before_or_as_after";
    if let Ok(task) = std::env::var("NEXUS_TEST_DIES") {
        let (name, steps) = task.split_once(' ').unwrap();
        let installed = Installed::at(std::env::var_os("NEXUS_TEST_FOLDER").unwrap());
        // Only the key of who prepared it is believed; it lies beside.
        let text = std::fs::read_to_string(installed.folder().parent().unwrap().join("key")).unwrap();
        let key = SecretKey::from_text(&text.into(), None).unwrap();
        let (_, change) = changes(&key).into_iter().find(|(known, _)| *known == name).unwrap();
        plan(steps.parse().unwrap(), Fault::Death);
        change(&installed).unwrap();
        return;
    }
    let (key, text) = SecretKey::make(None).unwrap();
    for (name, change) in changes(&key) {
        let after = {
            let place = prepared(&key);
            change(&place.installed).unwrap();
            seen(&place.installed)
        };
        for steps in 0.. {
            let place = prepared(&key);
            let before = seen(&place.installed);
            let text = secrecy::ExposeSecret::expose_secret(&text);
            std::fs::write(place.folder.path().join("key"), text).unwrap();
            if !dies(THIS, place.installed.folder(), name, steps) {
                assert!(steps > 1, "{name}");
                break;
            }
            let now = seen(&place.installed);
            assert!(now == before || now == after, "{name} at {steps}: {now:?}");
            // Whoever comes next sweeps.
            let next = bundle("3.0.0", "next", Some(&key));
            place.installed.install(&next, STRICT, true, "test").unwrap();
            let names: Vec<String> = place.all().into_keys().collect();
            let versions = names.iter().filter(|name| name.ends_with("/plugin.wasm")).count();
            assert!(
                versions <= 2 && names.iter().all(|name| !name.contains(".new-")),
                "{name} at {steps}: {names:?}"
            );
        }
    }
}
