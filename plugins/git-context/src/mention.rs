//! What stands behind the colon of `@git-blame`: a file, and perhaps lines of it.

use opencode_nexus_plugin::{Error, Result};

/// So many lines are read of a file when none are named: what a model can still look at.
pub const WHOLE: u32 = 400;

/// A file and lines of it.
#[derive(Debug, PartialEq, Eq)]
pub struct Place {
    pub path: String,
    /// From 0, and the line behind the last.
    pub lines: Option<(u32, u32)>,
}

impl Place {
    /// Reads `src/lib.rs`, `src/lib.rs#L3` or `src/lib.rs#L3-9` (`#L3-L9` as well); lines count from 1, as people do.
    pub fn parse(argument: &str) -> Result<Self> {
        let (path, lines) = match argument.rsplit_once("#L") {
            Some((path, lines)) => (path, Some(lines)),
            None => (argument, None),
        };
        if path.is_empty() {
            return Err(Error::invalid("a file is missing").with_hint("write `@git-blame:src/lib.rs#L3-9`"));
        }
        let lines = lines.map(span).transpose()?;
        Ok(Self { path: path.to_owned(), lines })
    }
}

fn span(text: &str) -> Result<(u32, u32)> {
    let (first, last) = text.split_once('-').unwrap_or((text, text));
    let number = |text: &str| text.trim_start_matches('L').parse::<u32>().ok().filter(|number| *number > 0);
    match (number(first), number(last)) {
        (Some(first), Some(last)) if first <= last => Ok((first - 1, last)),
        _ => Err(Error::invalid(format!("`#L{text}` names no lines")).with_hint("write `#L3` or `#L3-9`")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_count_from_one_and_the_last_is_included() {
        let place = |text| Place::parse(text).unwrap();
        assert_eq!(place("a/b.rs"), Place { path: "a/b.rs".into(), lines: None });
        assert_eq!(place("a/b.rs#L3").lines, Some((2, 3)));
        assert_eq!(place("a/b.rs#L3-9").lines, Some((2, 9)));
        assert_eq!(place("a/b.rs#L3-L9").lines, Some((2, 9)));
        assert_eq!(place("C#L.md#L1").path, "C#L.md");
    }

    #[test]
    fn what_names_no_lines_is_refused() {
        for wrong in ["", "#L3", "a#L0", "a#L9-3", "a#Lx", "a#L"] {
            assert!(Place::parse(wrong).is_err(), "{wrong}");
        }
    }
}
