//! Reads files as text: lines of them, never more than was asked for, and nothing but plain files.

use std::fs::File;
use std::io::{BufRead, BufReader, Read as _};
use std::path::Path;

use crate::error::{Error, ErrorKind, Result};

/// A file above this size is none that a person wants to be read.
const HUGE: u64 = 64 * 1024 * 1024;

/// As much of a file decides whether it is text, as git does it.
const LOOKED_AT: usize = 8000;

/// Larger images are refused by every provider.
const IMAGE_BYTES: u64 = 20_000_000;

/// Lines of a text.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Excerpt {
    /// The lines, at most as many bytes as were asked for.
    pub text: String,
    /// Whether the lines that were asked for go on.
    pub more: bool,
}

/// Reads lines (from 1, both ends included) of a file, at most `limit` bytes. What is no UTF-8 is replaced.
///
/// # Errors
/// `user.invalid_input` when it is no plain file, is not text, or has fewer lines; `system.too_large`; `system.io`.
pub(crate) fn read(path: &Path, name: &str, lines: Option<(u32, u32)>, limit: usize) -> Result<Excerpt> {
    let mut reader = BufReader::new(open(path, name)?);
    if reader.fill_buf()?.iter().take(LOOKED_AT).any(|byte| *byte == 0) {
        return Err(Error::new(ErrorKind::InvalidInput, format!("{name} is not text"))
            .with_hint("name a text file or an image"));
    }
    excerpt(reader, name, lines, limit)
}

/// The same of a text.
///
/// # Errors
/// `user.invalid_input` when it has fewer lines.
pub(crate) fn of_text(text: &str, name: &str, lines: Option<(u32, u32)>, limit: usize) -> Result<Excerpt> {
    excerpt(text.as_bytes(), name, lines, limit)
}

/// The end of a file: at most `limit` bytes, from the beginning of a line on.
///
/// # Errors
/// As [`read`].
pub(crate) fn read_end(path: &Path, name: &str, limit: u64) -> Result<Excerpt> {
    use std::io::{Seek as _, SeekFrom};
    let mut file = plain(path, name)?;
    let length = file.metadata()?.len();
    let start = length.saturating_sub(limit);
    file.seek(SeekFrom::Start(start))?;
    let mut bytes = Vec::new();
    file.take(limit).read_to_end(&mut bytes)?;
    if start > 0 {
        let line = bytes.iter().position(|byte| *byte == b'\n').map_or(0, |at| at + 1);
        bytes.drain(..line);
    }
    Ok(Excerpt { text: String::from_utf8_lossy(&bytes).into_owned(), more: start > 0 })
}

/// The MIME type of an image that models look at, by its name.
pub fn image_type(path: &Path) -> Option<&'static str> {
    match path.extension()?.to_str()?.to_ascii_lowercase().as_str() {
        "png" => Some("image/png"),
        "jpg" | "jpeg" => Some("image/jpeg"),
        "gif" => Some("image/gif"),
        "webp" => Some("image/webp"),
        _ => None,
    }
}

/// The bytes of an image.
///
/// # Errors
/// `system.too_large`, `user.invalid_input`, `system.io`.
pub(crate) fn read_image(path: &Path, name: &str) -> Result<Vec<u8>> {
    let file = plain(path, name)?;
    let length = file.metadata()?.len();
    if length > IMAGE_BYTES {
        return Err(Error::new(
            ErrorKind::TooLarge,
            format!("the image {name} has {} MB", length / 1_000_000),
        )
        .with_hint("make it smaller than 20 MB"));
    }
    let mut bytes = Vec::new();
    file.take(IMAGE_BYTES).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// The language of a file for a fence: its ending.
pub(crate) fn language(path: &Path) -> String {
    let ending = path.extension().and_then(|ending| ending.to_str()).unwrap_or_default();
    ending.chars().filter(char::is_ascii_alphanumeric).take(12).collect::<String>().to_ascii_lowercase()
}

fn open(path: &Path, name: &str) -> Result<File> {
    let file = plain(path, name)?;
    let length = file.metadata()?.len();
    if length > HUGE {
        return Err(Error::new(ErrorKind::TooLarge, format!("{name} has {} MB", length >> 20))
            .with_hint("name a smaller file; @output takes the end of a large one"));
    }
    Ok(file)
}

/// A pipe or a device could keep us for ever, so nothing but plain files is opened.
fn plain(path: &Path, name: &str) -> Result<File> {
    let failed = |error: std::io::Error| {
        Error::new(ErrorKind::Io, format!("cannot read {name}: {error}"))
            .with_hint("name a file that you may read")
    };
    if !std::fs::metadata(path).map_err(failed)?.is_file() {
        return Err(Error::new(ErrorKind::InvalidInput, format!("{name} is no plain file"))
            .with_hint("name a file, or a folder with @folder"));
    }
    File::open(path).map_err(failed)
}

fn excerpt(mut reader: impl BufRead, name: &str, lines: Option<(u32, u32)>, limit: usize) -> Result<Excerpt> {
    let (first, last) = lines.unwrap_or((1, u32::MAX));
    let (mut text, mut more, mut number) = (Vec::new(), false, 0_u32);
    while number < last {
        let wanted = number + 1 >= first;
        let room = limit.saturating_sub(text.len());
        match next_line(&mut reader, &mut text, if wanted { room } else { 0 })? {
            Line::None => break,
            Line::Read => {}
            Line::Longer if wanted => {
                more = true;
                break;
            }
            Line::Longer => {}
        }
        number += 1;
    }
    if lines.is_some() && number < first && !more {
        return Err(Error::new(
            ErrorKind::InvalidInput,
            format!("{name} has no line {first}: it has {number}"),
        )
        .with_hint("name lines that it has"));
    }
    Ok(Excerpt { text: String::from_utf8_lossy(&text).into_owned(), more })
}

enum Line {
    None,
    /// All of it fitted.
    Read,
    /// It has more bytes than there is room for; it was passed over to its end.
    Longer,
}

fn next_line(reader: &mut impl BufRead, out: &mut Vec<u8>, room: usize) -> Result<Line> {
    let (mut taken, mut any, mut longer) = (0, false, false);
    loop {
        let buffer = reader.fill_buf()?;
        if buffer.is_empty() {
            break;
        }
        any = true;
        let end = memchr::memchr(b'\n', buffer).map(|at| at + 1);
        let piece = end.unwrap_or(buffer.len());
        let fits = piece.min(room - taken);
        out.extend_from_slice(&buffer[..fits]);
        taken += fits;
        longer |= fits < piece;
        reader.consume(piece);
        if end.is_some() {
            break;
        }
    }
    Ok(if !any {
        Line::None
    } else if longer {
        Line::Longer
    } else {
        Line::Read
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(text: &str, lines: (u32, u32), limit: usize) -> (String, bool) {
        let excerpt = of_text(text, "x", Some(lines), limit).unwrap();
        (excerpt.text, excerpt.more)
    }

    #[test]
    fn lines_are_counted_from_one_and_both_ends_are_included() {
        let text = "one\ntwo\nthree";
        assert_eq!(lines(text, (2, 2), 99), ("two\n".into(), false));
        assert_eq!(lines(text, (2, 9), 99), ("two\nthree".into(), false));
        assert_eq!(lines(text, (1, 3), 5), ("one\nt".into(), true));
        assert_eq!(of_text("", "x", None, 9).unwrap(), Excerpt { text: String::new(), more: false });
        assert_eq!(of_text("abc", "x", None, 3).unwrap(), Excerpt { text: "abc".into(), more: false });
        let error = of_text(text, "x", Some((4, 5)), 99).unwrap_err();
        assert_eq!(error.message(), "x has no line 4: it has 3");
    }

    #[test]
    fn what_is_not_text_is_said() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x");
        std::fs::write(&path, b"PK\0\x01").unwrap();
        assert_eq!(read(&path, "x", None, 9).unwrap_err().message(), "x is not text");
        assert!(read(folder.path(), "f", None, 9).unwrap_err().message().contains("no plain file"));
        std::fs::write(&path, b"caf\xe9\n").unwrap();
        assert_eq!(read(&path, "x", None, 9).unwrap().text, "caf\u{fffd}\n");
        File::create(&path).unwrap().set_len(HUGE + 1).unwrap();
        assert_eq!(read(&path, "x", None, 9).unwrap_err().kind(), ErrorKind::TooLarge);
    }

    #[test]
    fn the_end_begins_with_a_whole_line() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x");
        std::fs::write(&path, "first\nsecond\nthird\n").unwrap();
        assert_eq!(read_end(&path, "x", 9).unwrap(), Excerpt { text: "third\n".into(), more: true });
        assert!(!read_end(&path, "x", 99).unwrap().more);
    }
}
