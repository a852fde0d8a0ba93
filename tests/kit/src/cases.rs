//! Recorded traffic of real servers, from the folder `tests/cases` of this repository.

use std::io;
use std::path::PathBuf;

use serde_json::Value;

use crate::scripted::Behaviour;

/// One recorded turn.
#[derive(Clone, Debug)]
pub struct Case {
    /// The name, for example `bash-once`.
    pub name: String,
    /// The body of the event stream as it was received.
    pub stream: Vec<u8>,
    /// Where that is.
    pub path: PathBuf,
    /// The session's messages afterwards, as the REST API gave them.
    pub messages: Value,
}

/// The folder of the cases. Only there in a checkout of the repository, not in a published crate.
pub fn directory() -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../cases"))
}

/// All cases of `GET /event` of OpenCode 1.x, by name.
///
/// # Errors
/// A file is missing or is no JSON; the error names it.
pub fn v1() -> io::Result<Vec<Case>> {
    all("v1")
}

/// All cases of `GET /api/event` of OpenCode 2, by name.
///
/// # Errors
/// As [`v1`].
pub fn v2() -> io::Result<Vec<Case>> {
    all("v2")
}

fn all(line: &str) -> io::Result<Vec<Case>> {
    let mut cases = Vec::new();
    for entry in std::fs::read_dir(directory().join(line))? {
        let path = entry?.path();
        if path.extension().is_some_and(|e| e == "sse") {
            let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
            cases.push(case(line, &name)?);
        }
    }
    cases.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(cases)
}

/// The case of that name, of the line whose folder is `line`.
///
/// # Errors
/// As [`v1`].
pub fn case(line: &str, name: &str) -> io::Result<Case> {
    let stream = directory().join(line).join(format!("{name}.sse"));
    let messages = json(&format!("{line}/{name}.messages.json"))?;
    Ok(Case { name: name.to_owned(), stream: file(&format!("{line}/{name}.sse"))?, path: stream, messages })
}

/// What the model did in the recorded cases: prompts `CASE short`, `CASE bash`, and so on.
///
/// # Errors
/// As [`v1`].
pub fn behaviour() -> io::Result<Behaviour> {
    Ok(serde_json::from_slice(&read("behaviour.json")?)?)
}

/// A file of the folder `v1`, for example `extra/event.raw`.
///
/// # Errors
/// It is missing.
pub fn read(name: &str) -> io::Result<Vec<u8>> {
    file(&format!("v1/{name}"))
}

fn file(name: &str) -> io::Result<Vec<u8>> {
    let path = directory().join(name);
    std::fs::read(&path).map_err(|e| io::Error::new(e.kind(), format!("{}: {e}", path.display())))
}

fn json(name: &str) -> io::Result<Value> {
    serde_json::from_slice(&file(name)?)
        .map_err(|e| io::Error::new(io::ErrorKind::InvalidData, format!("{name}: {e}")))
}

#[cfg(test)]
mod tests {
    #[test]
    fn every_case_of_the_second_line_loads() {
        let cases = super::v2().unwrap();
        assert!(cases.len() >= 15, "{}", cases.len());
        for case in cases {
            assert!(case.messages["data"].as_array().is_some_and(|m| !m.is_empty()), "{}", case.name);
        }
    }

    #[test]
    fn every_case_loads_and_its_behaviour_is_understood() {
        let cases = super::v1().unwrap();
        assert!(cases.len() >= 15, "{}", cases.len());
        for case in cases {
            assert!(case.stream.starts_with(b"data: "), "{}", case.name);
            assert!(case.messages.as_array().is_some_and(|m| !m.is_empty()), "{}", case.name);
        }
        let behaviour = super::behaviour().unwrap();
        assert_eq!(behaviour.conversations.last().unwrap().pattern, "");
        assert_eq!(behaviour.models, ["scripted"]);
    }
}
