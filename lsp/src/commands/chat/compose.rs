//! Makes a prompt of what was typed: `@path` attaches a file, `@path#L3-9` lines of it, an image goes along inside the
//! prompt, `@name` calls an agent. What does not name anything is text.

use std::path::{Path, PathBuf};

use opencode_nexus::chat::{Prompt, PromptPart};
use opencode_nexus::context::{self, image_type};
use opencode_nexus::{Error, ErrorKind, Result};

/// Larger images are refused by every provider.
const IMAGE_BYTES: u64 = 20_000_000;

/// The prompt. The text stays as it was typed; what it names is added behind it.
///
/// # Errors
/// When an image that is named cannot be read or is too large.
pub(crate) fn prompt(text: &str, folder: &Path, agents: &[String]) -> Result<Prompt> {
    let mut prompt = Prompt::text(text);
    let mut seen = Vec::new();
    for word in mentions(text) {
        if seen.contains(&word) {
            continue;
        }
        if agents.contains(&word) {
            prompt.parts.push(PromptPart::Agent { name: word.clone() });
        } else if let Some(part) = attachment(&word, folder)? {
            prompt.parts.push(part);
        }
        seen.push(word);
    }
    Ok(prompt)
}

/// What is mentioned, as it was written behind the `@`, without quotes.
fn mentions(text: &str) -> impl Iterator<Item = String> {
    context::mentions(text).into_iter().filter_map(|mention| match (mention.provider, mention.argument) {
        (None, word) => word,
        (Some(provider), word) => Some(format!("{provider}:{}", word.unwrap_or_default())),
    })
}

fn attachment(word: &str, folder: &Path) -> Result<Option<PromptPart>> {
    let (name, lines) = context::lines_of(word);
    let Some(path) = existing(name, folder) else { return Ok(None) };
    if path.is_dir() {
        let mut part = PromptPart::file(&path, None)?;
        if let PromptPart::File { mime, .. } = &mut part {
            "application/x-directory".clone_into(mime);
        }
        return Ok(Some(part));
    }
    match image_type(&path) {
        Some(mime) => image(&path, mime).map(Some),
        None => PromptPart::file(&path, lines).map(Some),
    }
}

fn existing(name: &str, folder: &Path) -> Option<PathBuf> {
    let path = match name.strip_prefix("~/") {
        Some(rest) => PathBuf::from(std::env::var_os("HOME")?).join(rest),
        None => folder.join(name),
    };
    (!name.is_empty() && path.exists()).then_some(path)
}

fn image(path: &Path, mime: &str) -> Result<PromptPart> {
    let unreadable = |error: std::io::Error| {
        Error::new(ErrorKind::InvalidInput, format!("cannot read the image {}: {error}", path.display()))
            .with_hint("name an image that you may read")
    };
    let length = std::fs::metadata(path).map_err(unreadable)?.len();
    if length > IMAGE_BYTES {
        let message = format!("the image {} has {} MB", path.display(), length / 1_000_000);
        return Err(Error::new(ErrorKind::InvalidInput, message).with_hint("make it smaller than 20 MB"));
    }
    let bytes = std::fs::read(path).map_err(unreadable)?;
    let name = path.file_name().map(|name| name.to_string_lossy().into_owned());
    Ok(PromptPart::image(mime, name, &bytes))
}

/// Terminals paste the path of a file that is dropped on them: the mention of it, when it is an image.
pub(crate) fn dropped_image(pasted: &str) -> Option<String> {
    let path = pasted.trim();
    let path = path.strip_prefix("file://").unwrap_or(path);
    let path = path.trim_matches(['\'', '"']).replace("\\ ", " ");
    let exists = !path.contains('\n') && path.starts_with('/') && Path::new(&path).is_file();
    image_type(Path::new(&path)).filter(|_| exists)?;
    Some(if path.contains(' ') { format!("@\"{path}\" ") } else { format!("@{path} ") })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder() -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for name in ["a.rs", "with space.txt", "shot.PNG"] {
            std::fs::write(folder.path().join(name), "x").unwrap();
        }
        std::fs::create_dir(folder.path().join("src")).unwrap();
        folder
    }

    fn added(text: &str) -> Vec<String> {
        let folder = folder();
        let prompt = prompt(text, folder.path(), &["general".to_owned()]).unwrap();
        assert_eq!(prompt.parts[0], PromptPart::Text(text.into()), "the text stays as it was typed");
        let shown = |part: &PromptPart| match part {
            PromptPart::File { mime, url, .. } => {
                let end = if url.starts_with("data:") {
                    url.clone()
                } else {
                    url[url.rfind('/').unwrap()..].into()
                };
                format!("{mime} {end}")
            }
            PromptPart::Agent { name } => format!("agent {name}"),
            other => format!("{other:?}"),
        };
        prompt.parts[1..].iter().map(shown).collect()
    }

    #[test]
    fn files_lines_folders_images_and_agents_are_attached() {
        assert_eq!(added("see @a.rs, please"), ["text/plain /a.rs"]);
        assert_eq!(
            added("@a.rs#L3-9 and @a.rs#L4"),
            ["text/plain /a.rs?start=3&end=9", "text/plain /a.rs?start=4&end=4"]
        );
        assert_eq!(added("(@\"with space.txt\")"), ["text/plain /with%20space.txt"]);
        assert_eq!(added("@shot.PNG"), ["image/png data:image/png;base64,eA=="]);
        assert_eq!(added("@src/ @general"), ["application/x-directory /src", "agent general"]);
    }

    #[test]
    fn what_names_nothing_is_text() {
        assert_eq!(added("mail me@a.rs @nothing @ @a.rs#Lx @a.rs @a.rs"), ["text/plain /a.rs"]);
    }

    #[test]
    fn a_dropped_image_becomes_a_mention() {
        let folder = folder();
        let path = folder.path().join("shot.PNG");
        assert_eq!(dropped_image(&format!("'{}' ", path.display())), Some(format!("@{} ", path.display())));
        assert_eq!(dropped_image("/no/such.png"), None);
        assert_eq!(dropped_image(&folder.path().join("a.rs").display().to_string()), None);
    }
}
