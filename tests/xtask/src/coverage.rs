//! `cargo xtask coverage`: every operation and event that the servers of a line have must be one that `opencode-api`
//! knows. For line 1 a real server describes itself at `/doc`; for line 2 the interface documents in `sdk/api/spec`
//! say it. What only we know is no error: the tables cover several versions of a line. The generated code for other languages
//! must have every operation of the documents.
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use opencode_api::{OperationInfo, v1, v2};
use opencode_nexus::server::PINNED;
use opencode_nexus_testkit::server::opencode_binary;
use serde_json::Value;

mod bindings;
mod described;
mod server;

use described::Described;
use server::started_server;

/// The documents of line 2, the newest first; its version is that of the line.
const LINE_2: &[(&str, &str)] = &[("2.1.2", "openapi-2.1.2-derived.json"), ("2.0.14", "openapi-2.0.14.json")];

#[derive(clap::Args)]
pub struct Arguments {
    /// The executable of a server of line 1; without one it is the pinned version, installed with npm if needed.
    #[arg(long, env = "NEXUS_OPENCODE_BIN")]
    server: Option<PathBuf>,
}

/// Compares both lines, and fails at the end when something is missing from either.
pub fn run(root: &Path, arguments: &Arguments) -> Result<(), String> {
    let missing = compare("1", &line_1(arguments)?, v1::OPERATIONS, v1::EVENTS)
        + compare("2", &line_2(root)?, v2::OPERATIONS, v2::EVENTS);
    let lacking =
        bindings::compare(root, "v1", v1::OPERATIONS)? + bindings::compare(root, "v2", v2::OPERATIONS)?;
    if missing > 0 {
        return Err(format!(
            "{missing} missing: add the server's document to sdk/api/spec and run `cargo xtask api`"
        ));
    }
    if lacking > 0 {
        return Err(format!("{lacking} missing from the generated code: run `cargo xtask api`"));
    }
    Ok(())
}

/// What a real server says about itself.
fn line_1(arguments: &Arguments) -> Result<Described, String> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.map_err(|error| format!("cannot start a runtime: {error}"))?.block_on(async {
        let executable = match &arguments.server {
            Some(path) => path.clone(),
            None => opencode_binary(PINNED).await.map_err(|error| error.to_string())?,
        };
        let server = started_server(&executable).await?;
        let health = server.json("/global/health").await?;
        let version = health.get("version").and_then(Value::as_str).ok_or("the server tells no version")?;
        Ok(Described::new(version, &server.json("/doc").await?))
    })
}

/// What the documents say, all of them together.
fn line_2(root: &Path) -> Result<Described, String> {
    let spec = root.join("sdk/api/spec");
    let mut all: Option<Described> = None;
    for (version, file) in LINE_2 {
        let described = Described::new(version, &crate::api::read_json(&spec.join(file))?);
        match &mut all {
            Some(all) => all.add(described),
            None => all = Some(described),
        }
    }
    all.ok_or_else(|| "line 2 has no document".to_owned())
}

/// Prints how many of theirs are known, and lists the others; returns how many these are.
fn compare(line: &str, theirs: &Described, operations: &[OperationInfo], events: &[&str]) -> usize {
    let operations: BTreeSet<String> = operations
        .iter()
        .map(|operation| described::operation(operation.method.as_str(), operation.path))
        .collect();
    let events: BTreeSet<String> = events.iter().map(|kind| (*kind).to_owned()).collect();
    let operations: Vec<&String> = theirs.operations.difference(&operations).collect();
    let events: Vec<&String> = theirs.events.difference(&events).collect();
    println!(
        "{}: operations {}/{} events {}/{}",
        theirs.version,
        theirs.operations.len() - operations.len(),
        theirs.operations.len(),
        theirs.events.len() - events.len(),
        theirs.events.len(),
    );
    for name in operations.iter().chain(&events) {
        println!("  missing from line {line}: {name}");
    }
    operations.len() + events.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_in_the_documents_of_line_2_is_known() {
        let described = line_2(&crate::root()).expect("the documents");
        assert_eq!((described.operations.len(), described.events.len()), (144, 98));
        assert_eq!(compare("2", &described, v2::OPERATIONS, v2::EVENTS), 0);
    }

    #[test]
    fn what_is_not_known_is_missing() {
        let described = line_2(&crate::root()).expect("the documents");
        assert_eq!(compare("2", &described, &v2::OPERATIONS[1..], &v2::EVENTS[2..]), 3);
    }
}
