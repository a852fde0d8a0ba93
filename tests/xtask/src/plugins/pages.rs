//! Does what the pages "Your first plugin" say, as they are written.
//!
//! Three kinds of blocks mean something: one whose first line behind the language names a file is written into that file; one in
//! `sh` is run, and what it does not get right ends the page; one in `text` behind it is what is then seen, every line of it. In
//! such a line `…` stands for anything.

use std::path::{Path, PathBuf};
use std::process::Command;

use super::Bench;

/// Executes the pages; gives a line that says how many blocks.
pub fn all(bench: &Bench) -> Result<String, String> {
    let place = bench.root.join("plugins/docs");
    let entries = std::fs::read_dir(&place).map_err(|error| format!("{}: {error}", place.display()))?;
    let mut pages: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
    pages.retain(|path| path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("first-")));
    pages.retain(|path| path.file_stem().is_some_and(|name| bench.wants(&name.to_string_lossy())));
    pages.sort();
    let (mut blocks, mut wrong) = (0, Vec::new());
    for page in &pages {
        let name = page.file_name().unwrap_or_default().to_string_lossy().into_owned();
        match execute(bench, page) {
            Ok(number) => {
                println!("   {name}: {number} blocks");
                blocks += number;
            }
            Err(why) => {
                println!("   {name}: {why}");
                wrong.push(name);
            }
        }
    }
    if wrong.is_empty() {
        Ok(format!("{} executed, {blocks} blocks", pages.len()))
    } else {
        Err(wrong.join(", "))
    }
}

fn execute(bench: &Bench, page: &Path) -> Result<usize, String> {
    let text = std::fs::read_to_string(page).map_err(|error| error.to_string())?;
    let folder = tempfile::tempdir().map_err(|error| error.to_string())?;
    let home = tempfile::tempdir().map_err(|error| error.to_string())?;
    let mut seen = String::new();
    let blocks = blocks(&text);
    let number = blocks.len();
    for block in blocks {
        let at = format!("line {}", block.line);
        match block.kind {
            Kind::File(path) => {
                let path = folder.path().join(path);
                std::fs::create_dir_all(path.parent().unwrap_or(folder.path()))
                    .map_err(|e| format!("{at}: {e}"))?;
                std::fs::write(&path, &block.text).map_err(|error| format!("{at}: {error}"))?;
            }
            Kind::Shell => {
                seen = run(bench, folder.path(), home.path(), &block.text)
                    .map_err(|why| format!("{at}: {why}"))?;
            }
            Kind::Seen => {
                let missing = block.text.lines().find(|line| !is_seen(line, &seen));
                if let Some(line) = missing {
                    return Err(format!("{at}: `{line}` is not seen in:\n{seen}"));
                }
            }
        }
    }
    if number == 0 { Err("nothing in it is executed".to_owned()) } else { Ok(number) }
}

/// Runs a block; gives what a person would have seen.
fn run(bench: &Bench, folder: &Path, home: &Path, script: &str) -> Result<String, String> {
    let nexus = bench.nexus.parent().unwrap_or(Path::new("."));
    let path = std::env::var_os("PATH").unwrap_or_default();
    let path = std::env::join_paths(std::iter::once(nexus.to_owned()).chain(std::env::split_paths(&path)));
    let mut command = Command::new("sh");
    command.args(["-e", "-c", &format!("exec 2>&1\n{script}")]).current_dir(folder);
    bench.surround(&mut command);
    // Each page begins with nothing installed.
    command.env("XDG_DATA_HOME", home.join("data")).env("XDG_CONFIG_HOME", home.join("config"));
    command.env("PATH", path.map_err(|error| error.to_string())?);
    let output = command.output().map_err(|error| format!("cannot run sh: {error}"))?;
    let seen = String::from_utf8_lossy(&output.stdout).into_owned();
    if output.status.success() { Ok(seen) } else { Err(format!("{}\n{script}{seen}", output.status)) }
}

/// Whether a line of the page is in what was seen; `…` stands for anything.
fn is_seen(line: &str, seen: &str) -> bool {
    let pieces: Vec<&str> = line.split('…').map(str::trim).collect();
    seen.lines().any(|real| {
        let mut rest = real;
        pieces.iter().all(|piece| {
            let found = rest.find(piece);
            rest = found.map_or("", |at| &rest[at + piece.len()..]);
            found.is_some()
        })
    })
}

#[derive(Debug, PartialEq, Eq)]
struct Block<'a> {
    line: usize,
    kind: Kind<'a>,
    text: String,
}

#[derive(Debug, PartialEq, Eq)]
enum Kind<'a> {
    File(&'a str),
    Shell,
    Seen,
}

/// The blocks that mean something.
fn blocks(page: &str) -> Vec<Block<'_>> {
    let mut found = Vec::new();
    let mut open: Option<Option<Block<'_>>> = None;
    for (number, line) in page.lines().enumerate() {
        match (&mut open, line.strip_prefix("```")) {
            (None, Some(info)) => {
                let mut words = info.split_whitespace();
                let kind = match (words.next(), words.next()) {
                    (Some(_), Some(file)) => Some(Kind::File(file)),
                    (Some("sh"), None) => Some(Kind::Shell),
                    (Some("text"), None) => Some(Kind::Seen),
                    _ => None,
                };
                open = Some(kind.map(|kind| Block { line: number + 1, kind, text: String::new() }));
            }
            (Some(_), Some(_)) => found.extend(open.take().flatten()),
            (Some(Some(block)), None) => {
                block.text.push_str(line);
                block.text.push('\n');
            }
            _ => {}
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_commands_and_what_is_seen_are_told_apart() {
        let page = "a\n```toml plugin.toml\nschema = 1\n```\n```sh\nls\n```\n```text\nplugin.toml\n```\n```rust\nfn a() {}\n```\n";
        let kinds: Vec<Kind<'_>> = blocks(page).into_iter().map(|block| block.kind).collect();
        assert_eq!(kinds, [Kind::File("plugin.toml"), Kind::Shell, Kind::Seen]);
        assert_eq!(blocks(page)[0].text, "schema = 1\n");
    }

    #[test]
    fn dots_stand_for_anything() {
        assert!(is_seen("built … KB", "x\nbuilt in 12 KB\n"));
        assert!(is_seen("plain", "a plain line"));
        assert!(!is_seen("built … MB", "built in 12 KB"));
    }
}
