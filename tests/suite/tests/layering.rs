//! Keeps the layers apart: which crate may depend on which, who alone may know a certain library, which folders stand
//! at the top, and that wire names stay inside `sdk/src/dialect`. ARCHITECTURE.md gives the reasons.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;

use cargo_metadata::{DependencyKind, MetadataCommand};

const READ: &str = "Read \"Who may import whom\" in ARCHITECTURE.md.";

/// A folder with a crate, and the folders of our own crates that it may depend on. Development dependencies are free.
const MAY_USE: &[(&str, &[&str])] = &[
    ("sdk/api", &[]),
    ("sdk/vault", &[]),
    ("sdk", &["sdk/api", "sdk/vault"]),
    ("plugins/guest", &[]),
    ("plugins/host", &["sdk"]),
    // `nexus demo` plays a scripted model, which is the test kit's.
    ("lsp", &["sdk", "sdk/api", "plugins/host", "tests/kit"]),
    ("python", &["sdk", "plugins/host"]),
    ("node", &["sdk", "plugins/host"]),
    ("tests/kit", &["sdk", "sdk/api"]),
    ("tests/bench", &["sdk", "sdk/api", "sdk/vault", "tests/kit"]),
    ("tests/suite", &["sdk", "sdk/vault"]),
    ("tests/fuzz", &["sdk", "sdk/api"]),
    // It has the host and the guest for their features alone; see its Cargo.toml.
    ("tests/xtask", &["sdk", "sdk/api", "sdk/vault", "tests/kit", "plugins/host", "plugins/guest"]),
];

/// Plugins and examples come and go; each folder of theirs has the same rights.
const MAY_USE_BELOW: &[(&str, &[&str])] =
    &[("plugins/", &["plugins/guest"]), ("examples", &["sdk", "plugins/host", "plugins/guest", "tests/kit"])];

/// Libraries, by the beginning of their names, that only one folder may name among its dependencies.
const ONLY: &[(&str, &[&str])] = &[
    ("lsp", &["tower-lsp", "lsp-types", "ls-types", "lsp-server", "async-lsp"]),
    ("plugins/host", &["wasmtime", "wasmi", "wasmer"]),
    ("python", &["pyo3"]),
    ("node", &["napi"]),
];

/// What the crates without I/O may not even reach through others.
const SANS_IO: &[&str] = &["sdk/api", "sdk/vault"];
const IO: &[&str] =
    &["tokio", "mio", "async-std", "smol", "reqwest", "hyper", "h2", "ureq", "curl", "rustls", "socket2"];

const TOP_LEVEL: &[&str] = &["sdk", "lsp", "plugins", "python", "node", "examples", "tests", "target"];

/// What the rest of the SDK may know of `opencode-api`: how to call an operation, and nothing of its contents. A row of the
/// table of operations (`OperationInfo`) is how those call one who bring its id and its arguments from outside.
const NEUTRAL: &[&str] =
    &["Operation", "OperationInfo", "Request", "Location", "Method", "DecodeError", "ResponseKind"];

/// Field names that only the wire has.
const WIRE_FIELDS: &[&str] = &[
    "sessionID",
    "messageID",
    "partID",
    "callID",
    "parentID",
    "providerID",
    "modelID",
    "requestID",
    "projectID",
];

/// What the rules look at: each crate of ours by its folder.
#[derive(Debug, Default)]
struct House {
    crates: BTreeMap<String, Uses>,
}

#[derive(Debug, Default)]
struct Uses {
    /// Folders of our own crates that it depends on.
    ours: BTreeSet<String>,
    /// Other crates that it names itself.
    named: BTreeSet<String>,
    /// Other crates that it reaches, also through others.
    reached: BTreeSet<String>,
}

fn root() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.ancestors().nth(2).unwrap().to_owned()
}

/// The triple for which this compiler builds: crates for other systems need not be on this machine.
fn host() -> String {
    let rustc = std::env::var("RUSTC").unwrap_or_else(|_| "rustc".into());
    let said = Command::new(rustc).arg("-vV").output().unwrap().stdout;
    let said = String::from_utf8(said).unwrap();
    said.lines().find_map(|l| l.strip_prefix("host: ")).unwrap().to_owned()
}

fn house() -> House {
    let metadata = MetadataCommand::new()
        .manifest_path(root().join("Cargo.toml"))
        .other_options(["--locked".to_owned(), "--filter-platform".to_owned(), host()])
        .exec()
        .unwrap();
    let base = metadata.workspace_root.clone();
    let folder = |manifest: &cargo_metadata::camino::Utf8Path| {
        manifest.parent().and_then(|p| p.strip_prefix(&base).ok()).map(|p| p.as_str().replace('\\', "/"))
    };
    let packages: BTreeMap<_, _> = metadata.packages.iter().map(|p| (&p.id, p)).collect();
    let resolve = metadata.resolve.as_ref().unwrap();
    let next: BTreeMap<_, Vec<_>> = (resolve.nodes.iter())
        .map(|node| {
            let used = node
                .deps
                .iter()
                .filter(|d| d.dep_kinds.iter().any(|k| k.kind != DependencyKind::Development));
            (&node.id, used.map(|d| &d.pkg).collect())
        })
        .collect();
    let mut house = House::default();
    for member in metadata.workspace_packages() {
        let mut uses = Uses::default();
        for id in &next[&member.id] {
            let used = packages[id];
            match used.source.is_none().then(|| folder(&used.manifest_path)).flatten() {
                Some(folder) => uses.ours.insert(folder),
                None => uses.named.insert(used.name.to_string()),
            };
        }
        let (mut waiting, mut seen) = (vec![&member.id], BTreeSet::new());
        while let Some(id) = waiting.pop() {
            if seen.insert(id) {
                uses.reached.insert(packages[id].name.to_string());
                waiting.extend(&next[id]);
            }
        }
        house.crates.insert(folder(&member.manifest_path).unwrap(), uses);
    }
    house
}

/// Everything in the house that is against the rules, a line each.
fn broken_rules(house: &House) -> Vec<String> {
    let mut broken = Vec::new();
    for (folder, uses) in &house.crates {
        let exact = MAY_USE.iter().find(|(f, _)| f == folder);
        let below = MAY_USE_BELOW.iter().find(|(f, _)| folder.starts_with(f));
        match exact.or(below) {
            None => broken
                .push(format!("{folder} has no place in the layers: give it one in this test and there")),
            Some((_, allowed)) => broken.extend(
                (uses.ours.iter().filter(|used| !allowed.contains(&used.as_str())))
                    .map(|used| format!("{folder} must not depend on {used}")),
            ),
        }
        for (owner, libraries) in ONLY {
            let foreign = uses.named.iter().filter(|name| libraries.iter().any(|l| name.starts_with(l)));
            broken.extend(
                foreign
                    .filter(|_| folder != owner)
                    .map(|name| format!("{folder} uses {name}, which only {owner} may")),
            );
        }
        if SANS_IO.contains(&folder.as_str()) {
            let io = uses.reached.iter().filter(|name| IO.contains(&name.as_str()));
            broken.extend(io.map(|name| format!("{folder} does no I/O, but reaches {name}")));
        }
    }
    broken
}

#[test]
fn every_crate_depends_only_on_what_lies_below_it() {
    let house = house();
    assert!(house.crates.len() >= 7 && house.crates["sdk"].named.contains("reqwest"), "{house:?}");
    assert!(house.crates["sdk"].reached.contains("hyper"), "what is reached through others is seen");
    let broken = broken_rules(&house);
    assert!(broken.is_empty(), "{}\n{READ}", broken.join("\n"));
}

#[test]
fn each_forbidden_arrow_would_be_found() {
    let set = |names: &[&str]| names.iter().map(|n| (*n).to_owned()).collect::<BTreeSet<_>>();
    for (folder, ours, named, reached, expected) in [
        ("sdk/api", &["sdk/vault"][..], &[][..], &[][..], "sdk/api must not depend on sdk/vault"),
        ("sdk/vault", &[], &[], &["tokio"], "sdk/vault does no I/O, but reaches tokio"),
        ("sdk", &["lsp"], &[], &[], "sdk must not depend on lsp"),
        ("sdk", &[], &["wasmtime-wasi"], &[], "sdk uses wasmtime-wasi, which only plugins/host may"),
        ("lsp", &[], &["pyo3"], &[], "lsp uses pyo3, which only python may"),
        ("node", &["python"], &[], &[], "node must not depend on python"),
        ("plugins/web-chat", &["sdk"], &[], &[], "plugins/web-chat must not depend on sdk"),
        ("desktop", &[], &[], &[], "desktop has no place in the layers: give it one in this test and there"),
    ] {
        let uses = Uses { ours: set(ours), named: set(named), reached: set(reached) };
        let house = House { crates: [(folder.to_owned(), uses)].into() };
        assert_eq!(broken_rules(&house), [expected]);
    }
}

#[test]
fn the_top_level_folders_are_the_agreed_ones() {
    let strange: Vec<String> = (std::fs::read_dir(root()).unwrap().map(Result::unwrap))
        .filter(|entry| entry.file_type().unwrap().is_dir())
        .map(|entry| entry.file_name().into_string().unwrap())
        .filter(|name| !name.starts_with('.') && !TOP_LEVEL.contains(&name.as_str()))
        .collect();
    assert!(strange.is_empty(), "{strange:?} stand at the top; read \"The house\" in ARCHITECTURE.md");
}

#[test]
fn nothing_outside_the_dialects_knows_a_wire_name() {
    let mut broken = Vec::new();
    let mut files = Vec::new();
    collect(&root().join("sdk/src"), &mut files);
    assert!(files.len() > 30);
    // `fuzzing.rs` is compiled for the fuzz targets only, and gives them one operation's decoder.
    let knows = ["dialect", "fuzzing.rs"];
    for file in files.iter().filter(|f| !f.components().any(|c| knows.iter().any(|k| c.as_os_str() == *k))) {
        let text = std::fs::read_to_string(file).unwrap();
        broken.extend(wire_names(&text).into_iter().map(|name| format!("{}: {name}", file.display())));
    }
    assert!(broken.is_empty(), "only sdk/src/dialect may know these:\n{}\n{READ}", broken.join("\n"));
}

#[test]
fn wire_names_would_be_found() {
    assert_eq!(wire_names("use opencode_api::{Location, Operation};\nopencode_api::Request"), [""; 0]);
    assert_eq!(wire_names("use opencode_api::v1::types;"), ["opencode_api::v1"]);
    assert_eq!(wire_names("use opencode_api::{\n Method,\n v1\n};"), ["opencode_api::v1"]);
    assert_eq!(wire_names("use opencode_api as api;"), ["opencode_api under another name"]);
    assert_eq!(wire_names("value[\"sessionID\"]"), ["sessionID"]);
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap().map(Result::unwrap) {
        let path = entry.path();
        if path.is_dir() {
            collect(&path, files);
        } else if path.extension().is_some_and(|e| e == "rs") {
            files.push(path);
        }
    }
}

/// The names of the wire that a source file knows.
fn wire_names(text: &str) -> Vec<String> {
    let mut found: Vec<String> =
        WIRE_FIELDS.iter().filter(|field| text.contains(*field)).map(|field| (*field).to_owned()).collect();
    for (at, _) in text.match_indices("opencode_api") {
        let rest = &text[at + "opencode_api".len()..];
        let Some(path) = rest.strip_prefix("::") else {
            found.extend(rest.starts_with(" as ").then(|| "opencode_api under another name".to_owned()));
            continue;
        };
        let names = match path.strip_prefix('{') {
            Some(list) => list.split('}').next().unwrap_or_default(),
            None => path.split(|c: char| !c.is_alphanumeric() && c != '_').next().unwrap_or_default(),
        };
        let names = names.split(',').map(|n| n.trim().split("::").next().unwrap_or_default());
        found.extend(
            names.filter(|n| !n.is_empty() && !NEUTRAL.contains(n)).map(|n| format!("opencode_api::{n}")),
        );
    }
    found
}
