//! `cargo xtask reference`: the reference of the Python and the npm package, made of their types and comments, below
//! `target/reference`; and the pages for people who come from other packages are held against the types ([`pages`]).
//!
//! Python is read by pdoc, TypeScript by TypeDoc, both pinned. Something public without a comment, a name that is used and not
//! exported, and a link to nothing are errors.

mod pages;

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use crate::editors::install::{once, perform};

const PDOC: &str = "pdoc==16.0.0";
const TYPEDOC: &str = "typedoc@0.28.20";
/// That of `node/package.json`.
const TYPESCRIPT: &str = "typescript@5.9.3";

/// What needs a comment. Properties do not: they have the name and the type that the server gives them.
const DOCUMENTED: &[&str] =
    &["Class", "Interface", "Function", "Method", "Accessor", "TypeAlias", "Variable", "Enum"];

pub fn run(root: &Path) -> Result<(), String> {
    let work = root.join("target/reference");
    let python = Python::prepare(root, &work)?;
    crate::node::built(root)?;
    let typedoc = typedoc(&work)?;
    let began = Instant::now();
    let steps = [
        ("pages of Python", write_python(&python, &work.join("python"))),
        ("pages of Node", write_node(root, &typedoc, &work.join("node"))),
        ("examples of Python", pages::python(root, &python.checker, &python.package, &work)),
        ("examples of Node", pages::node(root, &typedoc, &work)),
    ];
    let mut counts = Vec::new();
    let mut wrong = Vec::new();
    for (name, done) in steps {
        match done {
            Ok(count) => counts.push(count),
            Err(why) => wrong.push(format!("{name}: {why}")),
        }
    }
    let [python, node, calls_python, calls_node] = counts[..] else {
        return Err(format!("reference: FAILED\n{}", wrong.join("\n")));
    };
    println!(
        "reference: python {python} pages, node {node} pages; {} examples hold, {:.0} s",
        calls_python + calls_node,
        began.elapsed().as_secs_f64()
    );
    Ok(())
}

/// What reads the Python package.
struct Python {
    /// An interpreter with pdoc.
    writer: PathBuf,
    /// An interpreter with mypy.
    checker: PathBuf,
    /// The folder in which the package stands.
    package: PathBuf,
    script: PathBuf,
}

impl Python {
    fn prepare(root: &Path, work: &Path) -> Result<Self, String> {
        let (checker, environment) = crate::python::staged(root)?;
        let found = environment.into_iter().find(|(name, _)| name == "PYTHONPATH");
        let (_, package) = found.ok_or("the package is nowhere")?;
        let venv = work.join("tools").join(PDOC.replace("==", "-"));
        once(&venv, |folder| {
            perform(Command::new("python3").args(["-m", "venv"]).arg(folder))?;
            let install = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", PDOC];
            perform(Command::new(crate::python::interpreter(folder)).args(install))
        })?;
        let script = root.join("tests/xtask/src/reference/pages.py");
        Ok(Self { writer: crate::python::interpreter(&venv), checker, package, script })
    }
}

/// A folder with TypeDoc and TypeScript in it.
fn typedoc(work: &Path) -> Result<PathBuf, String> {
    let folder = work.join("tools").join(TYPEDOC.replace('@', "-"));
    once(&folder, |folder| {
        let quiet = ["install", "--silent", "--no-fund", "--no-audit", "--ignore-scripts", "--prefix"];
        perform(Command::new("npm").args(quiet).arg(folder).args([TYPEDOC, TYPESCRIPT]))
    })?;
    Ok(folder)
}

fn write_python(python: &Python, to: &Path) -> Result<usize, String> {
    clear(to)?;
    let mut write = Command::new(&python.writer);
    perform(write.arg("-B").arg(&python.script).arg(to).env("PYTHONPATH", &python.package))?;
    count(to)
}

fn write_node(root: &Path, typedoc: &Path, to: &Path) -> Result<usize, String> {
    clear(to)?;
    let folder = root.join("node");
    let mut write = Command::new("node");
    write.current_dir(&folder).arg(typedoc.join("node_modules/typedoc/bin/typedoc"));
    write.args(["--entryPoints", "ts/index.ts", "--tsconfig", "tsconfig.json", "--name", "opencode-nexus"]);
    write.args(["--readme", "README.md", "--projectDocuments", "docs/*.md", "--out"]).arg(to);
    write.args(["--excludeInternal", "--excludePrivate", "--disableSources", "--skipErrorChecking"]);
    write.args(["--treatWarningsAsErrors", "--treatValidationWarningsAsErrors", "--validation"]);
    // How calls are made is an affair of the package: `Nexus.api` is what makes an `Api`.
    for name in ["ts/api/call.ts:Call", "ts/api/call.ts:Stream"] {
        write.args(["--intentionallyNotExported", name]);
    }
    for kind in DOCUMENTED {
        write.args(["--requiredToBeDocumented", kind]);
    }
    perform(&mut write)?;
    count(to)
}

/// How many pages a folder has.
fn count(folder: &Path) -> Result<usize, String> {
    let entries = std::fs::read_dir(folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    let mut pages = 0;
    for entry in entries {
        let path = entry.map_err(|error| error.to_string())?.path();
        if path.is_dir() {
            pages += count(&path)?;
        } else if path.extension().is_some_and(|ending| ending == "html") {
            pages += 1;
        }
    }
    Ok(pages)
}

/// Makes a folder anew.
fn clear(folder: &Path) -> Result<(), String> {
    if folder.exists() {
        std::fs::remove_dir_all(folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    }
    std::fs::create_dir_all(folder).map_err(|error| format!("{}: {error}", folder.display()))
}
