//! Holds the pages `docs/coming-from-the-official-sdk.md` against the packages. Blocks of code say `old` or `new` behind their
//! language; the new ones are programs, and so are the calls between backticks: in the last cell of a row, and in the text. mypy and
//! the TypeScript compiler read them, so a name, an argument or a field that is not there is an error.

use std::path::Path;
use std::process::Command;

use super::clear;
use crate::editors::install::perform;

const PAGE: &str = "docs/coming-from-the-official-sdk.md";
/// What calls in the text begin with.
const BEGINNINGS: [&str; 5] = ["nexus.", "chat.", "turn.", "parts.", "Nexus."];

/// What the programs of a page take for granted, by name; a program that has its own is not given it.
const PYTHON_NAMES: &[(&str, &str)] = &[
    ("parts", "from opencode_nexus import parts"),
    ("Nexus", "from opencode_nexus import Nexus"),
    ("nexus", "import opencode_nexus as package_0\nnexus: package_0.Nexus"),
    ("chat", "import opencode_nexus as package_1\nchat: package_1.Conversation"),
    ("turn", "import opencode_nexus as package_2\nturn: package_2.Turn"),
    ("event", "from typing import Any as Any_0\nevent: Any_0"),
    ("session_id", "session_id: str"),
    ("message_id", "message_id: str"),
];

const NODE_NAMES: &str = "import type * as all from 'opencode-nexus'
declare global {
  const Nexus: typeof all.Nexus
  const nexus: all.Nexus
  const chat: all.Conversation
  const turn: all.Turn
  const id: string
  const messageID: string
  const signal: AbortSignal
  const errors: typeof all & typeof globalThis
}
";

/// A page, taken apart.
#[derive(Debug, Default, PartialEq)]
struct Page {
    /// Whole programs.
    programs: Vec<String>,
    /// Calls, one for each line.
    calls: Vec<String>,
}

impl Page {
    fn read(root: &Path, package: &str, language: &str) -> Result<Self, String> {
        let path = root.join(package).join(PAGE);
        let text = std::fs::read_to_string(&path).map_err(|error| format!("{}: {error}", path.display()))?;
        let page = Self::parse(&text, language).map_err(|why| format!("{}: {why}", path.display()))?;
        match page.programs.is_empty() || page.calls.is_empty() {
            true => Err(format!("{}: nothing to check", path.display())),
            false => Ok(page),
        }
    }

    fn parse(text: &str, language: &str) -> Result<Self, String> {
        let mut page = Self::default();
        let mut block: Option<(bool, String)> = None;
        for (number, line) in text.lines().enumerate() {
            let fence = line.strip_prefix("```");
            match (&mut block, fence) {
                (None, Some(info)) => {
                    let is_new = match info.strip_prefix(language).map(str::trim) {
                        Some("new") => true,
                        Some("old") => false,
                        _ => return Err(format!("line {}: neither {language} old nor new", number + 1)),
                    };
                    block = Some((is_new, String::new()));
                }
                (Some((is_new, program)), Some(_)) => {
                    if *is_new {
                        page.programs.push(std::mem::take(program));
                    }
                    block = None;
                }
                (Some((_, program)), None) => {
                    program.push_str(line);
                    program.push('\n');
                }
                (None, None) => page.calls.extend(calls(line)),
            }
        }
        match block {
            Some(_) => Err("the last block has no end".to_owned()),
            None => Ok(page),
        }
    }

    fn len(&self) -> usize {
        self.programs.len() + self.calls.len()
    }
}

/// The calls in a line of text, and the errors that it names; of a row only what is new counts.
fn calls(line: &str) -> Vec<String> {
    let line = match line.strip_prefix('|') {
        Some(row) => row.trim_end().trim_end_matches('|').rsplit(" | ").next().unwrap_or_default(),
        None => line,
    };
    let spans = line.split('`').skip(1).step_by(2);
    let wanted = spans.filter(|span| {
        let is_error = span.starts_with(char::is_uppercase)
            && span.ends_with("Error")
            && span.chars().all(char::is_alphanumeric);
        // `(await (await chat.…`
        let mut call = *span;
        while let Some(rest) = call.strip_prefix('(').or_else(|| call.strip_prefix("await ")) {
            call = rest;
        }
        is_error || BEGINNINGS.iter().any(|beginning| call.starts_with(beginning))
    });
    wanted.map(str::to_owned).collect()
}

/// Whether a Python program makes a name itself.
fn makes(program: &str, name: &str) -> bool {
    let word = |before: &str, after: &str| program.contains(&format!("{before}{name}{after}"));
    word("", " = ") || word(" as ", ":") || word("for ", " in ") || word("import ", "\n")
}

fn with_names(program: &str) -> String {
    let given = PYTHON_NAMES.iter().filter(|(name, _)| !makes(program, name));
    let given: String = given.map(|(_, text)| format!("{text}\n")).collect();
    format!("{given}{program}")
}

/// Reads the page of the Python package; gives how many programs and calls there are.
///
/// # Errors
/// What mypy says.
pub fn python(root: &Path, interpreter: &Path, package: &Path, work: &Path) -> Result<usize, String> {
    let page = Page::read(root, "python", "python")?;
    let folder = work.join("pages/python");
    clear(&folder)?;
    let calls = page.calls.iter().map(|call| format!("{call}\n")).collect::<String>();
    write(&folder.join("calls.py"), &format!("from opencode_nexus.errors import *\n{}", with_names(&calls)))?;
    for (number, program) in page.programs.iter().enumerate() {
        write(&folder.join(format!("program_{number}.py")), &with_names(program))?;
    }
    let mut mypy = Command::new(interpreter);
    mypy.args([
        "-m",
        "mypy",
        "--check-untyped-defs",
        "--no-error-summary",
        "--follow-imports",
        "silent",
        "--cache-dir",
    ]);
    mypy.arg(work.join("mypy")).arg(&folder).env("MYPYPATH", package).current_dir(&folder);
    perform(&mut mypy)?;
    Ok(page.len())
}

/// Reads the page of the npm package; gives how many programs and calls there are.
///
/// # Errors
/// What Node and the TypeScript compiler say.
pub fn node(root: &Path, tools: &Path, work: &Path) -> Result<usize, String> {
    let page = Page::read(root, "node", "js")?;
    let folder = work.join("pages/node");
    clear(&folder)?;
    let package = root.join("node");
    let settings = serde_json::json!({
        "compilerOptions": {
            "target": "ES2022", "module": "Node16", "moduleResolution": "Node16", "noEmit": true, "strict": true,
            "lib": ["ES2023", "ESNext.Disposable"], "types": ["node"], "skipLibCheck": true,
            "typeRoots": [package.join("node_modules/@types")],
            "paths": { "opencode-nexus": [package.join("dist/index.d.mts")] },
        },
        "include": ["*.mts"],
    });
    write(&folder.join("tsconfig.json"), &settings.to_string())?;
    write(&folder.join("names.d.mts"), NODE_NAMES)?;
    let calls = page.calls.iter().map(|call| match call.ends_with("Error") {
        true => format!("errors.{call}\n"),
        false => format!(";{call}\n"),
    });
    let mut programs = page.programs.clone();
    programs.push(calls.collect());
    for (number, program) in programs.iter().enumerate() {
        let script = folder.join(format!("program-{number}.mjs"));
        write(&script, program)?;
        perform(Command::new("node").arg("--check").arg(&script))?;
        write(&folder.join(format!("typed-{number}.mts")), &format!("{program}export {{}}\n"))?;
    }
    let compiler = tools.join("node_modules/typescript/bin/tsc");
    perform(Command::new("node").arg(compiler).arg("-p").arg(&folder))?;
    Ok(page.len())
}

fn write(file: &Path, text: &str) -> Result<(), String> {
    std::fs::write(file, text).map_err(|error| format!("{}: {error}", file.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn programs_and_calls_are_found_where_they_are_new() {
        let text = "`await nexus.a()`, `await using` and `other`\n| `client.b()` | `chat.c()`, a `TypeError` |\n\
            ```js old\nold()\n```\n```js new\nnew()\n```\n";
        let found = Page::parse(text, "js");
        let calls = ["await nexus.a()", "chat.c()", "TypeError"].map(str::to_owned).to_vec();
        assert_eq!(found, Ok(Page { programs: vec!["new()\n".to_owned()], calls }));
    }

    #[test]
    fn a_block_that_says_neither_old_nor_new_is_an_error() {
        assert!(Page::parse("```js\nold()\n```\n", "js").is_err());
        assert!(Page::parse("```js new\nnew()\n", "js").is_err());
    }
}
