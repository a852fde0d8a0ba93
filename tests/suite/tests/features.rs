//! Every library is built once. `cargo xtask test` builds itself, the tests and the executables by three calls of cargo; where one
//! of them would give a library other features, that library and everything above it would be built again, and the running
//! `xtask` replaced under its own feet.

use std::collections::BTreeSet;
use std::process::Command;

/// Each package of a build with its features, as cargo resolves them.
fn built(arguments: &[&str]) -> BTreeSet<String> {
    let mut tree = Command::new(env!("CARGO"));
    tree.args(["tree", "--locked", "--prefix", "none", "--format", "{p} {f}"]).args(arguments);
    let output = tree.current_dir(env!("CARGO_MANIFEST_DIR")).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let printed = String::from_utf8(output.stdout).unwrap();
    printed.lines().map(|line| line.trim_end_matches(" (*)").to_owned()).collect()
}

#[test]
fn what_xtask_and_the_executables_are_built_of_is_what_the_tests_are_built_of() {
    let tests = built(&["--workspace", "--edges", "normal,build,dev"]);
    for part in [&["--package", "xtask"][..], &["--workspace"]] {
        let alone = built(&[part, &["--edges", "normal,build"]].concat());
        let other: Vec<&String> = alone.difference(&tests).collect();
        assert!(
            other.is_empty(),
            "{part:?} builds these with other features than the tests do; name what is missing among the unused dependencies of \
             tests/xtask/Cargo.toml: {other:#?}"
        );
    }
}
