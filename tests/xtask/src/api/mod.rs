//! `cargo xtask api`: generates the wire types, operations and events of a server line from its interface document, in Rust
//! and for the bindings in Python and TypeScript.
//! The document is never edited; what real servers do differently stands in an overlay beside it. Not here: anything
//! about HTTP, and any opinion about the API. When a generation went wrong so badly that the workspace no longer
//! compiles, restore the generated files with git, then correct the generator.
mod document;
mod emit;
mod events;
mod inline;
mod interface;
mod lower;
mod model;
mod naming;
mod operations;
mod overlay;
mod python;
mod typescript;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

use interface::Interface;
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

/// Where the generated code of each language goes.
const PYTHON: &str = "python/opencode_nexus/api";
const NODE: &str = "node/ts/api";

/// Writes the generated files, or only compares them.
pub fn run(root: &Path, check: bool) -> Result<(), String> {
    let mut differing = Vec::new();
    let mut total = 0;
    for (path, text) in generate(root)? {
        total += text.lines().count();
        if fs::read_to_string(&path).is_ok_and(|found| found == text) {
            continue;
        }
        if !check {
            write(&path, &text).map_err(|error| format!("cannot write {}: {error}", path.display()))?;
        }
        differing.push(path);
    }
    println!("{total} generated lines");
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

fn write(path: &Path, text: &str) -> std::io::Result<()> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    fs::write(path, text)
}

/// The ids of all operations of a line (`v1` or `v2`), as its documents say.
pub fn operation_ids(root: &Path, module: &str) -> Result<BTreeSet<String>, String> {
    let line = LINES.iter().find(|line| line.module == module).ok_or_else(|| format!("no line {module}"))?;
    let (document, _) = read_line(&root.join(CRATE), line)?;
    let paths = document.get("paths").and_then(Value::as_object).into_iter().flatten();
    let operations =
        paths.filter_map(|(_, methods)| methods.as_object()).flat_map(|methods| methods.values());
    let ids = operations.filter_map(|operation| operation.get("operationId")?.as_str());
    Ok(ids.map(str::to_owned).collect())
}

/// The documents of a line as one, and what is put over it.
fn read_line(krate: &Path, line: &Line) -> Result<(Value, Overlay), String> {
    let spec = krate.join("spec");
    let overlay = Overlay::from_json(&read_json(&spec.join(line.overlay))?)?;
    let documents = line.documents.iter().map(|name| read_json(&spec.join(name)));
    Ok((document::merged(documents.collect::<Result<_, _>>()?, &overlay)?, overlay))
}

/// All generated files with their paths.
fn generate(root: &Path) -> Result<Vec<(PathBuf, String)>, String> {
    let krate = root.join(CRATE);
    let mut files = Vec::new();
    let mut lowered = Vec::new();
    let documents = LINES.iter().map(|line| read_line(&krate, line)).collect::<Result<Vec<_>, _>>()?;
    for (line, (document, overlay)) in LINES.iter().zip(&documents) {
        let mut lowering = Lowering::new(document, overlay.clone())?;
        lowering.named_schemas()?;
        let events = events::lower(&mut lowering)?;
        let operations = operations::lower(&mut lowering)?;
        for id in overlay.headers.keys().chain(&overlay.websockets) {
            if !operations.iter().any(|operation| operation.id == *id) {
                return Err(format!("{} names {id}, which is no operation", line.overlay));
            }
        }
        let source = format!("sdk/api/spec/{}", line.documents.join(" and "));
        let module = krate.join("src").join(line.module);
        files.extend(
            emit::files(&lowering, &events, &operations, &source, line.module)
                .into_iter()
                .map(|(name, text)| (module.join(name), text)),
        );
        let table = krate.join("tests/answers").join(format!("{}.rs", line.module));
        files.push((table, emit::answer_table(&operations, &source, line.module)));
        lowered.push((line.module, source, lowering, events, operations));
    }
    let interfaces = lowered.iter().map(|(module, source, lowering, events, operations)| {
        Interface::new(module, source.clone(), lowering, events, operations)
    });
    let interfaces = interfaces.collect::<Result<Vec<_>, _>>()?;
    let mut below = |folder: &str, all: Vec<(String, String)>| {
        files.extend(all.into_iter().map(|(name, text)| (root.join(folder).join(name), text)));
    };
    below(PYTHON, python::files(&interfaces));
    below(NODE, typescript::files(&interfaces));
    Ok(files)
}

/// Reads a JSON file.
pub fn read_json(path: &Path) -> Result<Value, String> {
    let text =
        fs::read_to_string(path).map_err(|error| format!("cannot read {}: {error}", path.display()))?;
    serde_json::from_str(&text).map_err(|error| format!("{} is not JSON: {error}", path.display()))
}
