//! Paths as plugins write them, and which of them are granted.

use std::path::Path;

use ignore::gitignore::{Gitignore, GitignoreBuilder};
use opencode_nexus::{Error, ErrorKind, Result};

use super::super::failure::{Answer, failure, failure_with};
use super::super::wit::types::ErrorCode;
use crate::permissions::PathRule;

/// No path is longer, and none has more parts.
const LONGEST: usize = 4096;
const PARTS: usize = 128;

/// The parts of a path that stays below the folder by its words alone. Links are another matter.
///
/// # Errors
/// `invalid` for everything that is no relative path with `/` between its parts, on any system: what a Windows takes for a drive, a
/// share or a stream is refused everywhere.
pub(crate) fn parts(path: &str) -> Answer<Vec<&str>> {
    let wrong = |why: &str| {
        Err(failure_with(
            ErrorCode::Invalid,
            format!("the path {why}"),
            "paths are relative to the folder, with / between their parts: src/main.rs",
        ))
    };
    if path.len() > LONGEST {
        return wrong("is too long");
    }
    if path.contains(|c: char| c.is_control()) {
        return wrong("has a control character in it");
    }
    if path.contains('\\') || path.starts_with('/') {
        return wrong("is not relative, or has a backslash in it");
    }
    let mut parts = Vec::new();
    for part in path.split('/').filter(|part| !part.is_empty() && *part != ".") {
        let is_drive = part.as_bytes().get(1) == Some(&b':') && parts.is_empty();
        if part == ".." || is_drive || (cfg!(windows) && part.contains(':')) {
            return wrong("leads out of the folder");
        }
        parts.push(part);
    }
    if parts.len() > PARTS { wrong("has too many parts") } else { Ok(parts) }
}

/// What git keeps for itself: configuration with addresses and tokens, hooks. No pattern means it.
pub(crate) fn is_of_git(parts: &[&str]) -> bool {
    parts.iter().any(|part| part.eq_ignore_ascii_case(".git"))
}

/// The files that were granted.
pub(super) struct Granted {
    matcher: Gitignore,
    /// What stands in each pattern before its first wildcard, when it begins at the folder: `docs` of `docs/**`. Empty for one that
    /// means files anywhere.
    starts: Vec<Vec<String>>,
}

impl Granted {
    pub(super) fn new(rules: &[PathRule]) -> Result<Self> {
        let matcher = matcher(rules.iter().map(|rule| rule.glob.as_str()))?;
        Ok(Self { matcher, starts: rules.iter().map(|rule| start(&rule.glob)).collect() })
    }

    /// Whether a file may be read.
    pub(super) fn file(&self, parts: &[&str]) -> bool {
        !parts.is_empty() && !is_of_git(parts) && matches(&self.matcher, parts, false)
    }

    /// Whether a folder may be listed: something below it may be granted.
    pub(super) fn folder(&self, parts: &[&str]) -> bool {
        if is_of_git(parts) {
            return false;
        }
        let leads = |start: &Vec<String>| start.iter().zip(parts).all(|(a, b)| a == b);
        self.starts.iter().any(leads) || (!parts.is_empty() && matches(&self.matcher, parts, true))
    }
}

/// Patterns as in `.gitignore`.
pub(super) fn matcher<'a>(globs: impl Iterator<Item = &'a str>) -> Result<Gitignore> {
    let wrong = |error: ignore::Error| {
        Error::new(ErrorKind::InvalidInput, format!("a pattern of files cannot be used: {error}"))
            .with_hint("write it like a line of .gitignore: docs/**, *.md")
    };
    let mut builder = GitignoreBuilder::new("");
    for glob in globs {
        builder.add_line(None, glob).map_err(wrong)?;
    }
    builder.build().map_err(wrong)
}

/// Whether the path or a folder above it is meant.
pub(super) fn matches(matcher: &Gitignore, parts: &[&str], is_folder: bool) -> bool {
    matcher.matched_path_or_any_parents(Path::new(&parts.join("/")), is_folder).is_ignore()
}

fn start(glob: &str) -> Vec<String> {
    let inner = glob.trim_end_matches('/');
    // A pattern without a slash in it means files in every folder.
    if !inner.contains('/') {
        return Vec::new();
    }
    let parts = inner.split('/').filter(|part| !part.is_empty());
    parts.take_while(|part| !part.contains(['*', '?', '[', '{'])).map(str::to_owned).collect()
}

/// Another pattern of the plugin's, which narrows a search.
///
/// # Errors
/// `invalid`.
pub(super) fn narrowing(glob: &str) -> Answer<Gitignore> {
    crate::permissions::check_glob(glob)
        .and_then(|()| matcher(std::iter::once(glob)))
        .map_err(|error| failure(ErrorCode::Invalid, error.message()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_relative_path_with_slashes_is_one() {
        for bad in [
            "..",
            "../x",
            "a/../../x",
            "a/..",
            "a/../b",
            "/etc/passwd",
            "//server/share",
            "C:/x",
            "c:x",
            "C:\\x",
            "\\\\server\\share",
            "..\\x",
            "a\\..\\..\\x",
            "a\0b",
            "a\nb",
            "\u{1b}[2J",
            "./../x",
            "././/..//x",
            "\\\\?\\C:\\x",
            "a/\u{85}",
        ] {
            assert_eq!(parts(bad).unwrap_err().code, ErrorCode::Invalid, "{bad:?}");
        }
        for (good, wanted) in [
            ("", vec![]),
            (".", vec![]),
            ("a", vec!["a"]),
            ("./a//b/", vec!["a", "b"]),
            ("a/...", vec!["a", "..."]),
            ("..a/b..", vec!["..a", "b.."]),
            ("%2e%2e/x", vec!["%2e%2e", "x"]),
        ] {
            assert_eq!(parts(good).unwrap(), wanted);
        }
        assert!(parts(&"a/".repeat(3000)).is_err() && parts(&"a/".repeat(200)).is_err());
    }

    #[test]
    fn patterns_mean_what_they_mean_to_git_and_never_what_git_keeps() {
        let rules = |globs: &[&str]| -> Vec<PathRule> {
            globs.iter().map(|glob| PathRule { glob: (*glob).to_owned(), reason: "r".to_owned() }).collect()
        };
        let granted = |globs: &[&str]| Granted::new(&rules(globs)).unwrap();
        let docs = granted(&["docs/**", "*.md", "/only/here.txt"]);
        for (path, is_granted) in [
            ("docs/a", true),
            ("docs/a/b", true),
            ("docs", false),
            ("x/docs/a", false),
            ("a.md", true),
            ("x/y/a.md", true),
            ("a.mdx", false),
            ("only/here.txt", true),
            ("x/only/here.txt", false),
            ("docs/.git/config", false),
            ("docs/.GIT/config", false),
        ] {
            assert_eq!(docs.file(&parts(path).unwrap()), is_granted, "{path}");
        }
        let all = granted(&["**"]);
        assert!(
            all.file(&["a"]) && all.file(&["a", "b"]) && !all.file(&[".git", "config"]) && !all.file(&[])
        );
        let none = granted(&[]);
        assert!(!none.file(&["a"]) && !none.folder(&[]));
        let deep = granted(&["a/b/*.md"]);
        assert!(deep.folder(&[]) && deep.folder(&["a"]) && deep.folder(&["a", "b"]) && !deep.folder(&["c"]));
        assert!(docs.folder(&["anything"]) && !docs.folder(&[".git"]));
    }
}
