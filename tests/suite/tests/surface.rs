//! What Rust offers is what `tests/conformance/surface` says: everything that the packages have, and little else, each with the
//! reason. The packages compare themselves with the same file.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use serde::Deserialize;

#[derive(Deserialize)]
struct Listed {
    classes: BTreeMap<String, BTreeSet<String>>,
    rust: BTreeMap<String, Here>,
}

/// A class of the packages in Rust.
#[derive(Deserialize)]
struct Here {
    types: Vec<String>,
    /// What something is called here.
    named: BTreeMap<String, String>,
    /// What only Rust has, and why.
    only: BTreeMap<String, String>,
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// The public methods of each type of the SDK. The code is formatted, so blocks begin and end at the first column.
fn methods() -> BTreeMap<String, BTreeSet<String>> {
    let mut found: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    let mut folders = vec![root().join("sdk/src")];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                read(&std::fs::read_to_string(path).unwrap(), &mut found);
            }
        }
    }
    found
}

fn read(code: &str, found: &mut BTreeMap<String, BTreeSet<String>>) {
    let mut owner = None;
    for line in code.lines() {
        if let Some(rest) = line.strip_prefix("impl ") {
            owner = rest.strip_suffix(" {").filter(|name| name.chars().all(char::is_alphanumeric));
        } else if line.starts_with("impl<") {
            owner = None;
        }
        let Some(rest) = line.strip_prefix("    pub ") else { continue };
        let rest =
            ["async ", "const "].iter().fold(rest, |rest, word| rest.strip_prefix(word).unwrap_or(rest));
        if let (Some(owner), Some(rest)) = (owner, rest.strip_prefix("fn ")) {
            let name: String = rest.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
            found.entry(owner.to_owned()).or_default().insert(name);
        }
    }
}

#[test]
fn rust_has_what_the_packages_have_and_what_only_it_has_is_named_with_its_reason() {
    let listed = std::fs::read_to_string(root().join("tests/conformance/surface/names.json")).unwrap();
    let listed: Listed = serde_json::from_str(&listed).unwrap();
    let methods = methods();
    for (class, here) in &listed.rust {
        let has: BTreeSet<&str> =
            here.types.iter().flat_map(|name| &methods[name]).map(String::as_str).collect();
        let mut wanted: BTreeSet<&str> = listed.classes[class]
            .iter()
            .map(|name| here.named.get(name).unwrap_or(name).as_str())
            // What ends by being let go of.
            .filter(|name| *name != "drop")
            .collect();
        wanted.extend(here.only.keys().map(String::as_str));
        assert_eq!(
            has, wanted,
            "{class}: what is public here stands in tests/conformance/surface/names.json"
        );
    }
}
