//! The parts that look at what the built `nexus` says: the demo's fields, and recorded streams folded again.

use std::path::{Path, PathBuf};
use std::process::Command;

use opencode_nexus_testkit::{cases, expected};
use serde_json::Value;

use super::{Counts, process};
use crate::cargo::cargo;

/// Builds `nexus` as the tests built it and says where it is.
fn nexus(root: &Path) -> Option<PathBuf> {
    // The whole workspace, so that features are those of the tests and nothing is built twice.
    let mut build = cargo();
    build.args(["build", "--workspace", "--bins", "--message-format=json-render-diagnostics"]);
    let finished = process::run(root, "build", &mut build);
    let executable = finished.output.lines().find_map(|line| {
        let message: Value = serde_json::from_str(line).ok()?;
        let name = message.pointer("/target/name")?.as_str()?;
        (name == "nexus").then(|| Some(PathBuf::from(message["executable"].as_str()?)))?
    });
    let found = executable.filter(|_| finished.success);
    if found.is_none() {
        println!("   nexus was not built");
    }
    found
}

/// Counts a check and says what is wrong with it.
fn check(counts: &mut Counts, what: &str, result: Result<(), String>) {
    if let Err(why) = &result {
        println!("   {what}: {why}");
    }
    counts.add(Counts::one(result.is_ok()));
}

/// Runs `nexus demo --json` on both lines.
pub fn demo(root: &Path) -> Counts {
    let Some(nexus) = nexus(root) else { return Counts::one(false) };
    let mut counts = Counts::default();
    for line in ["1", "2"] {
        counts.add(shown(root, &nexus, line));
    }
    counts
}

/// Runs the demo on one line and looks at every field.
fn shown(root: &Path, nexus: &Path, line: &str) -> Counts {
    let mut demo = Command::new(nexus);
    let finished = process::run(root, &format!("demo-{line}"), demo.args(["demo", "--json", "--line", line]));
    let mut counts = Counts::one(finished.success);
    let said = finished.output.lines().rev().find_map(|line| serde_json::from_str::<Value>(line).ok());
    let Some(said) = said else {
        check(&mut counts, "demo", Err("it printed no line of JSON".to_owned()));
        return counts;
    };
    let number = |name: &str| said[name].as_u64().unwrap_or_default();
    for (name, right) in [
        ("ok", said["ok"] == true),
        ("server_version", said["server_version"].as_str().is_some_and(|text| !text.is_empty())),
        ("events", number("events") > 10),
        ("permissions", number("permissions") == 1),
        ("questions", number("questions") == 1),
        ("transcript_equals_server", said["transcript_equals_server"] == true),
        ("history_found", said["history_found"] == true),
        ("plaintext_hits", said["plaintext_hits"] == 0),
        ("elapsed_ms", number("elapsed_ms") > 0),
    ] {
        check(&mut counts, name, if right { Ok(()) } else { Err(format!("unexpected: {}", said[name])) });
    }
    counts
}

/// Folds every recorded stream with `nexus replay --json` and compares it with the server's own answer.
pub fn replay(root: &Path) -> Counts {
    let Some(nexus) = nexus(root) else { return Counts::one(false) };
    let mut counts = Counts::default();
    for cases in [cases::v1(), cases::v2()] {
        match cases {
            Ok(all) if !all.is_empty() => {
                for case in all {
                    let result = replayed(root, &nexus, &case);
                    check(&mut counts, &case.name, result);
                }
            }
            Ok(_) => check(&mut counts, "cases", Err("there are none".to_owned())),
            Err(error) => check(&mut counts, "cases", Err(error.to_string())),
        }
    }
    counts
}

fn replayed(root: &Path, nexus: &Path, case: &cases::Case) -> Result<(), String> {
    let output = Command::new(nexus).arg("replay").arg(&case.path).arg("--json").current_dir(root).output();
    let output = output.map_err(|error| format!("cannot run nexus: {error}"))?;
    if !output.status.success() {
        return Err(format!("{}: {}", output.status, String::from_utf8_lossy(&output.stderr)));
    }
    let folded: Value = serde_json::from_slice(&output.stdout).map_err(|error| error.to_string())?;
    // A message of OpenCode 2 does not say of which session it is; its name is in one of those that were folded.
    let theirs = expected::messages(&case.messages);
    let first = theirs.pointer("/0/id");
    let sessions = folded["sessions"].as_object().into_iter().flatten();
    let ours = sessions.map(|(_, session)| &session["messages"]).find(|m| m.pointer("/0/id") == first);
    let ours = ours.unwrap_or(&Value::Null);
    if *ours == theirs { Ok(()) } else { Err(format!("it folds to\n{ours}\nwhere the server has\n{theirs}")) }
}
