//! The prompt of a run: from the arguments, from standard input, and from files.

use std::io::{IsTerminal as _, Read as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use opencode_nexus::chat::{Prompt, PromptPart};
use opencode_nexus::context::code_fence;
use opencode_nexus::{Error, ErrorKind, Result};

/// More than a model can read.
const INPUT_BYTES: u64 = 32 * 1024 * 1024;
/// Somebody who waits for this long should be told what for.
const PATIENCE: Duration = Duration::from_secs(2);

/// Everything that is said to the agent.
///
/// # Errors
/// `user.invalid_input` when nothing is said or a file cannot be read.
pub(super) async fn prompt(words: &[String], files: &[PathBuf], inline: bool) -> Result<Prompt> {
    let dash = words.iter().any(|word| word == "-");
    let said: Vec<&str> = words.iter().map(String::as_str).filter(|word| *word != "-").collect();
    let said = said.join(" ");
    let input = if dash || is_fed() { Some(standard_input(dash).await?) } else { None };
    let text = join(&said, input.as_deref().unwrap_or_default());
    if text.trim().is_empty() && files.is_empty() {
        return Err(Error::new(ErrorKind::InvalidInput, "there is no prompt")
            .with_hint("say something: nexus run \"What is in this folder?\", or pipe it in"));
    }
    let mut prompt = Prompt::text(text);
    for file in files {
        prompt.parts.push(attachment(file, inline)?);
    }
    Ok(prompt)
}

/// What was said first, then what was piped in, in a fence that nothing in it can close.
fn join(said: &str, input: &str) -> String {
    match (said.trim().is_empty(), input.trim().is_empty()) {
        (false, false) => {
            let fence = code_fence(input);
            let end = if input.ends_with('\n') { "" } else { "\n" };
            format!("{said}\n\n{fence}\n{input}{end}{fence}")
        }
        (true, false) => input.to_owned(),
        _ => said.to_owned(),
    }
}

/// Whether something is piped into us. A terminal is not asked, and neither is `/dev/null`.
fn is_fed() -> bool {
    #[cfg(unix)]
    {
        use std::os::fd::AsFd as _;
        use std::os::unix::fs::FileTypeExt as _;
        let own = std::io::stdin().as_fd().try_clone_to_owned();
        let kind = own.and_then(|fd| std::fs::File::from(fd).metadata()).map(|meta| meta.file_type());
        kind.is_ok_and(|kind| kind.is_fifo() || kind.is_file() || kind.is_socket())
    }
    #[cfg(not(unix))]
    !std::io::stdin().is_terminal()
}

/// All of standard input. Whoever stops waiting for it leaves a thread behind that ends with the program.
async fn standard_input(wanted: bool) -> Result<String> {
    if wanted && std::io::stdin().is_terminal() {
        eprintln!("reading the prompt from standard input; end it with Ctrl-D");
    }
    let (send, receive) = tokio::sync::oneshot::channel();
    std::thread::spawn(move || {
        let mut bytes = Vec::new();
        let read = std::io::stdin().lock().take(INPUT_BYTES + 1).read_to_end(&mut bytes);
        let _ = send.send(read.map(|_| bytes));
    });
    tokio::pin!(receive);
    let read = match tokio::time::timeout(PATIENCE, &mut receive).await {
        Ok(read) => read,
        Err(_) => {
            eprintln!("still reading standard input, which has not ended (`< /dev/null` gives none)");
            receive.await
        }
    };
    let bytes = read.map_err(|_| Error::new(ErrorKind::Io, "standard input cannot be read"))??;
    if bytes.len() as u64 > INPUT_BYTES {
        return Err(Error::new(ErrorKind::InvalidInput, "standard input is larger than 32 MiB")
            .with_hint("attach less; no model reads so much"));
    }
    Ok(String::from_utf8(bytes).unwrap_or_else(|e| String::from_utf8_lossy(e.as_bytes()).into_owned()))
}

/// A file of ours. A server on this machine reads texts itself; everything else travels in the prompt (`inline`).
fn attachment(path: &Path, inline: bool) -> Result<PromptPart> {
    let wrong = |error: std::io::Error| {
        Error::new(ErrorKind::InvalidInput, format!("cannot attach {}: {error}", path.display()))
            .with_hint("give --file the path of a file that you can read")
    };
    let absolute = path.canonicalize().map_err(wrong)?;
    if absolute.is_dir() {
        return Err(wrong(std::io::ErrorKind::IsADirectory.into()));
    }
    let extension = path.extension().map(|e| e.to_string_lossy().to_lowercase()).unwrap_or_default();
    let mime = match extension.as_str() {
        "png" => Some("image/png"),
        "jpg" | "jpeg" => Some("image/jpeg"),
        "gif" => Some("image/gif"),
        "webp" => Some("image/webp"),
        "pdf" => Some("application/pdf"),
        _ if inline => Some("text/plain"),
        _ => None,
    };
    match mime {
        Some(mime) => {
            let name = absolute.file_name().map(|name| name.to_string_lossy().into_owned());
            Ok(PromptPart::image(mime, name, &std::fs::read(&absolute).map_err(wrong)?))
        }
        None => PromptPart::file(&absolute, None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_piped_in_stands_in_a_fence_that_it_cannot_close() {
        assert_eq!(join("Review", "a\n"), "Review\n\n```\na\n```");
        assert_eq!(join("Review", "````x"), "Review\n\n`````\n````x\n`````");
        assert_eq!(join(" ", "only this"), "only this");
        assert_eq!(join("only that", "\n"), "only that");
    }

    #[test]
    fn images_travel_in_the_prompt_and_texts_are_read_by_the_server() {
        let folder = tempfile::tempdir().unwrap();
        let (image, text) = (folder.path().join("a.PNG"), folder.path().join("b.rs"));
        std::fs::write(&image, [1, 2]).unwrap();
        std::fs::write(&text, "fn main() {}").unwrap();
        let url = |part| match part {
            PromptPart::File { url, .. } => url,
            other => panic!("{other:?}"),
        };
        assert_eq!(url(attachment(&image, false).unwrap()), "data:image/png;base64,AQI=");
        assert!(url(attachment(&text, false).unwrap()).starts_with("file:///"));
        assert!(url(attachment(&text, true).unwrap()).starts_with("data:text/plain;base64,"));
        let error = attachment(&folder.path().join("missing"), false).unwrap_err();
        assert!(error.hint().is_some() && error.kind() == ErrorKind::InvalidInput);
    }
}
