//! Makes a prompt of what was typed: `@path` attaches a file, `@path#L3-9` lines of it, an image goes along inside the
//! prompt, `@name` calls an agent, `@git-diff` and its like give context. What does not name anything is text.

use std::path::{Path, PathBuf};

use opencode_nexus::chat::{Prompt, PromptPart};
use opencode_nexus::context::{self, Budget, Context, LeftOut, Scope, image_type};
use opencode_nexus::{Error, ErrorKind, Result};

/// Larger images are refused by every provider.
const IMAGE_BYTES: u64 = 20_000_000;

/// The prompt, and what was mentioned and does not go along. The text stays as it was typed; what it names is added behind it.
///
/// What a person names by its whole path may lie anywhere, as images do that are dropped on the terminal. Everything else is
/// looked up by the providers, which stay inside the folder.
///
/// # Errors
/// When an image that is named by its whole path cannot be read or is too large.
pub(crate) async fn prompt(
    text: &str,
    scope: &Scope<'_>,
    context: &Context,
    budget: Budget,
) -> Result<(Prompt, Vec<LeftOut>)> {
    let mut prompt = Prompt::text(text);
    let (whole, named): (Vec<_>, Vec<_>) = context::mentions(text).into_iter().partition(|mention| {
        let path = mention.argument.as_deref().filter(|_| mention.provider.is_none());
        path.is_some_and(|path| path.starts_with('/') || path.starts_with("~/"))
    });
    let mut paths: Vec<String> = whole.into_iter().filter_map(|mention| mention.argument).collect();
    paths.dedup();
    let attaching = move || paths.iter().map(|path| attachment(path)).collect::<Result<Vec<_>>>();
    let attached = tokio::task::spawn_blocking(attaching)
        .await
        .map_err(|error| Error::new(ErrorKind::Internal, error.to_string()))??;
    prompt.parts.extend(attached.into_iter().flatten());
    let gathered = context.gather_mentions(scope, &named, budget).await?;
    prompt.parts.extend(gathered.parts());
    Ok((prompt, gathered.left_out))
}

fn attachment(word: &str) -> Result<Option<PromptPart>> {
    let (name, lines) = context::lines_of(word);
    let Some(path) = existing(name) else { return Ok(None) };
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

fn existing(name: &str) -> Option<PathBuf> {
    let path = match name.strip_prefix("~/") {
        Some(rest) => PathBuf::from(std::env::var_os("HOME")?).join(rest),
        None => PathBuf::from(name),
    };
    path.exists().then_some(path)
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
        for (name, content) in
            [("a.rs", "x\n".repeat(20)), ("with space.txt", "x".into()), ("shot.PNG", "x".into())]
        {
            std::fs::write(folder.path().join(name), content).unwrap();
        }
        std::fs::create_dir(folder.path().join("src")).unwrap();
        folder
    }

    async fn added(text: &str) -> Vec<String> {
        let folder = folder();
        let root = folder.path().canonicalize().unwrap();
        let scope = Scope { root: &root, client: None, editor: None };
        let text = text.replace("ROOT", root.to_str().unwrap());
        let (prompt, _) = prompt(&text, &scope, &Context::default(), Budget::default()).await.unwrap();
        assert_eq!(prompt.parts[0], PromptPart::Text(text), "the text stays as it was typed");
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

    #[tokio::test]
    async fn files_lines_folders_and_images_are_attached() {
        assert_eq!(added("see @a.rs, please").await, ["text/plain /a.rs"]);
        assert_eq!(
            added("@a.rs#L3-9 and @a.rs#L14").await,
            ["text/plain /a.rs?start=3&end=9", "text/plain /a.rs?start=14&end=14"]
        );
        assert_eq!(added("(@\"with space.txt\")").await, ["text/plain /with%20space.txt"]);
        assert_eq!(added("@shot.PNG").await, ["image/png data:image/png;base64,eA=="]);
    }

    #[tokio::test]
    async fn what_has_its_whole_path_may_lie_anywhere() {
        assert_eq!(
            added("@ROOT/a.rs#L3 and @ROOT/shot.PNG @ROOT/src").await,
            [
                "text/plain /a.rs?start=3&end=3",
                "image/png data:image/png;base64,eA==",
                "application/x-directory /src"
            ]
        );
    }

    #[tokio::test]
    async fn what_names_nothing_is_text() {
        assert_eq!(added("mail me@a.rs @nothing @ @a.rs @a.rs").await, ["text/plain /a.rs"]);
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
