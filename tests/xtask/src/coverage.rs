//! `cargo xtask coverage`: a real server describes itself at `/doc`; every operation and event that it names must be
//! one that `opencode-api` knows. What only we know is no error: the tables cover several versions of a line.
use std::collections::BTreeSet;
use std::path::PathBuf;

use opencode_api::v1::{EVENTS, OPERATIONS};
use opencode_nexus::server::PINNED;
use opencode_nexus_testkit::server::opencode_binary;
use serde_json::Value;

mod server;

use server::started_server;

#[derive(clap::Args)]
pub struct Arguments {
    /// The server's executable; without one it is the pinned version, installed with npm if needed.
    #[arg(long, env = "NEXUS_OPENCODE_BIN")]
    server: Option<PathBuf>,
}

/// Starts the server, reads its document and compares.
pub fn run(arguments: &Arguments) -> Result<(), String> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let document = runtime.map_err(|error| format!("cannot start a runtime: {error}"))?.block_on(async {
        let executable = match &arguments.server {
            Some(path) => path.clone(),
            None => opencode_binary(PINNED).await.map_err(|error| error.to_string())?,
        };
        let server = started_server(&executable).await?;
        server.json("/doc").await
    })?;
    let missing = report("operations", &operations(&document), &known_operations())
        + report("events", &events(&document), &EVENTS.iter().map(|kind| (*kind).to_owned()).collect());
    if missing > 0 {
        return Err(format!(
            "{missing} missing: add the server's document to sdk/api/spec and run `cargo xtask api`"
        ));
    }
    Ok(())
}

/// Prints how many of the server's are known, and lists the others; returns how many these are.
fn report(what: &str, theirs: &BTreeSet<String>, ours: &BTreeSet<String>) -> usize {
    let missing: Vec<&String> = theirs.difference(ours).collect();
    println!("{what} {}/{}", theirs.len() - missing.len(), theirs.len());
    for name in &missing {
        println!("  missing: {name}");
    }
    missing.len()
}

fn known_operations() -> BTreeSet<String> {
    OPERATIONS
        .iter()
        .map(|operation| format!("{} {} {}", operation.id, operation.method.as_str(), operation.path))
        .collect()
}

/// `id METHOD path` of every operation.
fn operations(document: &Value) -> BTreeSet<String> {
    let paths = document.get("paths").and_then(Value::as_object).into_iter().flatten();
    paths
        .flat_map(|(path, methods)| {
            methods.as_object().into_iter().flatten().filter_map(move |(method, operation)| {
                let id = operation.get("operationId")?.as_str()?;
                Some(format!("{id} {} {path}", method.to_uppercase()))
            })
        })
        .collect()
}

/// The kinds in the document's union of events.
fn events(document: &Value) -> BTreeSet<String> {
    let schemas = document.pointer("/components/schemas");
    let union = schemas.and_then(|all| all.pointer("/Event/anyOf")).and_then(Value::as_array);
    let kind = |member: &Value| {
        let name = member.get("$ref").and_then(Value::as_str).and_then(|path| path.rsplit('/').next());
        let schema = name.and_then(|name| schemas?.get(name)).unwrap_or(member);
        let kind = schema.pointer("/properties/type")?;
        let value = kind.get("const").or_else(|| kind.pointer("/enum/0"))?;
        Some(value.as_str()?.to_owned())
    };
    union.into_iter().flatten().filter_map(kind).collect()
}
