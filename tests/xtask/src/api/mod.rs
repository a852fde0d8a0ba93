//! `cargo xtask api`: generates the wire types, operations and events of a server line from its interface document.
//! The document is never edited; what real servers do differently stands in an overlay beside it. Not here: anything
//! about HTTP, and any opinion about the API. When a generation went wrong so badly that the workspace no longer
//! compiles, restore the generated files with git, then correct the generator.
mod document;
mod emit;
mod events;
mod inline;
mod lower;
mod model;
mod naming;
mod operations;
mod overlay;

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

use lower::Lowering;
use overlay::Overlay;

/// A line of servers and where its generated code goes.
struct Line {
    /// The newest first.
    documents: &'static [&'static str],
    overlay: &'static str,
    module: &'static str,
}

const CRATE: &str = "sdk/api";
const LINES: &[Line] = &[
    Line { documents: &["openapi-1.18.33.json"], overlay: "overlay-1.json", module: "v1" },
    Line {
        documents: &["openapi-2.1.2-derived.json", "openapi-2.0.14.json"],
        overlay: "overlay-2.json",
        module: "v2",
    },
];

/// Writes the generated files, or only compares them.
pub fn run(root: &Path, check: bool) -> Result<(), String> {
    let mut differing = Vec::new();
    for line in LINES {
        let mut total = 0;
        for (path, text) in generate(&root.join(CRATE), line)? {
            total += text.lines().count();
            if fs::read_to_string(&path).is_ok_and(|found| found == text) {
                continue;
            }
            if !check {
                fs::write(&path, &text)
                    .map_err(|error| format!("cannot write {}: {error}", path.display()))?;
            }
            differing.push(path);
        }
        println!("{}: {total} generated lines", line.module);
    }
    for path in &differing {
        println!("{} {}", if check { "differs:" } else { "wrote" }, path.display());
    }
    if check && !differing.is_empty() {
        return Err(
            "generated files differ from what the specification gives; run `cargo xtask api`".to_owned()
        );
    }
    Ok(())
}

fn generate(krate: &Path, line: &Line) -> Result<Vec<(PathBuf, String)>, String> {
    let spec = krate.join("spec");
    let overlay = Overlay::from_json(&read_json(&spec.join(line.overlay))?)?;
    let documents = line.documents.iter().map(|name| read_json(&spec.join(name)));
    let document = document::merged(documents.collect::<Result<_, _>>()?, &overlay)?;
    let mut lowering = Lowering::new(&document, overlay)?;
    lowering.named_schemas()?;
    let events = events::lower(&mut lowering)?;
    let operations = operations::lower(&mut lowering)?;
    for id in lowering.overlay.headers.keys().chain(&lowering.overlay.websockets) {
        if !operations.iter().any(|operation| operation.id == *id) {
            return Err(format!("{} names {id}, which is no operation", line.overlay));
        }
    }
    let module = krate.join("src").join(line.module);
    let source = format!("sdk/api/spec/{}", line.documents.join(" and "));
    let mut files: Vec<(PathBuf, String)> =
        emit::files(&lowering, &events, &operations, &source, line.module)
            .into_iter()
            .map(|(name, text)| (module.join(name), text))
            .collect();
    let table = krate.join("tests/answers").join(format!("{}.rs", line.module));
    files.push((table, emit::answer_table(&operations, &source, line.module)));
    Ok(files)
}

/// Reads a JSON file.
pub fn read_json(path: &Path) -> Result<Value, String> {
    let text =
        fs::read_to_string(path).map_err(|error| format!("cannot read {}: {error}", path.display()))?;
    serde_json::from_str(&text).map_err(|error| format!("{} is not JSON: {error}", path.display()))
}
