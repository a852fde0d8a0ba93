//! What is in a file, for those who type `@src/lib.rs#` or look at what a suggestion means: its definitions or headings with
//! their lines, and how it begins.

use super::fuzzy;
use super::mention::{Mention, lines_of, mentions};
use super::provider::{Scope, Suggestion};
use super::providers::{blocking, definitions, root, unsaved};
use super::registry::Context;
use super::text_file;
use crate::error::{Error, ErrorKind, Result};

/// So much of a file is looked at.
const BYTES: usize = 512 * 1024;

/// A preview has so many lines, and at most so many bytes.
const PREVIEW: u32 = 20;
const PREVIEW_BYTES: usize = 4096;

impl Context {
    /// Lines of the file before the `#` of what was typed; `None` when it is no file, or no `#` was typed.
    pub(super) async fn lines_of(
        &self,
        scope: &Scope<'_>,
        typed: &str,
        limit: usize,
    ) -> Option<Vec<Suggestion>> {
        let (before, wanted) = typed.rsplit_once('#')?;
        let mention =
            mentions(before).into_iter().next().filter(|mention| mention.range == (0..before.len()))?;
        let provider = mention.provider.filter(|name| self.find(name).is_some());
        if provider.as_deref().is_some_and(|name| name != "file") {
            return None;
        }
        let name = mention.argument?;
        let text = file_text(scope, &name, None, BYTES).await.ok()?;
        let parts = if is_markdown(&name) { headings(&text) } else { code(&text) };
        // `#L3` narrows by number, anything else by name.
        let shown = |part: &Part| format!("L{}-{} {}", part.lines.0, part.lines.1, part.name);
        let parts: Vec<(String, Part)> = parts.into_iter().map(|part| (shown(&part), part)).collect();
        let best = fuzzy::best(wanted, parts.iter(), |(shown, _)| shown, limit);
        let made = best.into_iter().filter_map(|(_, part)| {
            let (first, last) = part.lines;
            let mention = Mention::written(provider.as_deref(), &format!("{name}#L{first}-{last}"))?;
            Some(Suggestion {
                label: part.name.clone(),
                detail: Some(format!("{}  {first}-{last}", part.kind)),
                mention,
            })
        });
        Some(made.collect())
    }

    /// How the file of a mention begins, for a person who looks at a suggestion; `None` for what is no text file.
    pub async fn preview(&self, scope: &Scope<'_>, mention: &str) -> Option<String> {
        let mention = mentions(mention).into_iter().next()?;
        let of_file = matches!(mention.provider.as_deref(), None | Some("file" | "output"));
        let argument = mention.argument.filter(|_| of_file)?;
        let (name, lines) = lines_of(&argument);
        let first = lines.map_or(1, |(first, _)| first);
        let last = lines.map_or(u32::MAX, |(_, last)| last).min(first.saturating_add(PREVIEW - 1));
        file_text(scope, name, Some((first, last)), PREVIEW_BYTES).await.ok().filter(|text| !text.is_empty())
    }
}

async fn file_text(scope: &Scope<'_>, name: &str, lines: Option<(u32, u32)>, limit: usize) -> Result<String> {
    let root = root(scope).await?;
    let path = root.resolve(name)?;
    if text_file::image_type(&path).is_some() {
        return Err(Error::new(ErrorKind::InvalidInput, format!("{name} is not text")));
    }
    let (open, name) = (unsaved(scope, &root, &path).await, name.to_owned());
    blocking(move || {
        let excerpt = match open {
            Some(text) => text_file::of_text(&text, &name, lines, limit)?,
            None => text_file::read(&path, &name, lines, limit)?,
        };
        Ok(excerpt.text)
    })
    .await
}

struct Part {
    name: String,
    kind: &'static str,
    lines: (u32, u32),
}

fn is_markdown(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    name.ends_with(".md") || name.ends_with(".markdown")
}

fn code(text: &str) -> Vec<Part> {
    let part = |one: definitions::Definition| Part { name: one.name, kind: one.kind, lines: one.lines };
    definitions::definitions(text).into_iter().map(part).collect()
}

/// Headings of Markdown, each with everything up to the next of its level.
fn headings(text: &str) -> Vec<Part> {
    let mut found: Vec<(usize, String, u32)> = Vec::new();
    let (mut fence, mut count) = (false, 0_u32);
    for line in text.lines() {
        count += 1;
        if line.trim_start().starts_with("```") {
            fence = !fence;
        }
        let level = line.bytes().take_while(|byte| *byte == b'#').count();
        if !fence && (1..=6).contains(&level) && line[level..].starts_with(' ') {
            found.push((level, line[level..].trim().trim_end_matches('#').trim_end().to_owned(), count));
        }
    }
    let end = |n: usize, level: usize| {
        found[n + 1..].iter().find(|(other, ..)| *other <= level).map_or(count, |(.., line)| line - 1)
    };
    let part = |(n, (level, name, line)): (usize, &(usize, String, u32))| Part {
        name: name.clone(),
        kind: "heading",
        lines: (*line, end(n, *level)),
    };
    found.iter().enumerate().map(part).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_heading_goes_on_to_the_next_of_its_level() {
        let text = "# One\ntext\n## Two\n```\n# no\n```\n## Three\n# Four ##\n";
        let shown: Vec<_> = headings(text).into_iter().map(|part| (part.name, part.lines)).collect();
        let expected = [("One", (1, 7)), ("Two", (3, 6)), ("Three", (7, 7)), ("Four", (8, 8))];
        assert_eq!(shown, expected.map(|(name, lines)| (name.to_owned(), lines)));
    }
}
