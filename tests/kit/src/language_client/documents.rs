//! The documents of the editor, in memory: texts with versions, and edits with the columns of the protocol (UTF-16, LSP
//! 3.18, Position). An edit that does not fit the text is a mistake of the server's and is not made.

use std::collections::BTreeMap;

use serde_json::{Value, json};

/// A document that is open.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Document {
    /// All of it.
    pub text: String,
    /// Grows with each change.
    pub version: i64,
    /// Whether the server was told of it. What an edit makes or reaches on the disk is not, until it is shown.
    pub told: bool,
}

/// What is open, by address.
#[derive(Debug, Default)]
pub(super) struct Documents {
    pub open: BTreeMap<String, Document>,
}

/// What an edit has done to a document: for the notification that an editor sends then.
pub(super) struct Changed {
    pub uri: String,
    pub version: i64,
    /// `contentChanges`, so ordered that each holds for the text that the ones before it leave.
    pub changes: Vec<Value>,
}

impl Documents {
    /// The document, read from the disk if it is not open yet.
    pub fn reach(&mut self, uri: &str) -> Result<&mut Document, String> {
        use std::collections::btree_map::Entry;
        match self.open.entry(uri.to_owned()) {
            Entry::Occupied(open) => Ok(open.into_mut()),
            Entry::Vacant(place) => {
                let path = path_of(uri).ok_or_else(|| format!("{uri} is no file"))?;
                let text = std::fs::read_to_string(&path).map_err(|error| format!("{uri}: {error}"))?;
                Ok(place.insert(Document { text, version: 1, told: false }))
            }
        }
    }

    /// Applies a `WorkspaceEdit`, all of it or nothing.
    pub fn apply(&mut self, edit: &Value) -> Result<Vec<Changed>, String> {
        let mut wanted: Vec<(String, Option<i64>, &Vec<Value>)> = Vec::new();
        let mut gone = Vec::new();
        for (uri, edits) in edit["changes"].as_object().into_iter().flatten() {
            wanted.push((uri.clone(), None, edits.as_array().ok_or("edits that are no list")?));
        }
        for change in edit["documentChanges"].as_array().into_iter().flatten() {
            match change["kind"].as_str() {
                Some("create") => {
                    let uri = change["uri"].as_str().ok_or("a file without an address")?;
                    self.open.entry(uri.to_owned()).or_insert(Document {
                        text: String::new(),
                        version: 1,
                        told: false,
                    });
                }
                Some("delete") => {
                    gone.push(change["uri"].as_str().ok_or("a file without an address")?);
                }
                Some(other) => return Err(format!("`{other}` of files is not done here")),
                None => {
                    let uri =
                        change["textDocument"]["uri"].as_str().ok_or("a document without an address")?;
                    let version = change["textDocument"]["version"].as_i64();
                    wanted.push((uri.to_owned(), version, change["edits"].as_array().ok_or("no edits")?));
                }
            }
        }
        if let Some(missing) = gone.iter().find(|uri| !self.open.contains_key(**uri)) {
            return Err(format!("{missing} is not open"));
        }
        let mut texts = Vec::new();
        for (uri, version, edits) in wanted {
            let document = self.reach(&uri)?;
            if version.is_some_and(|version| version != document.version) {
                return Err(format!("version {version:?} of {uri} is not {}", document.version));
            }
            let (text, changes) = edited(&document.text, edits)?;
            texts.push((uri, text, changes));
        }
        gone.into_iter().for_each(|uri| drop(self.open.remove(uri)));
        let mut changed = Vec::new();
        for (uri, text, changes) in texts {
            if let Some(document) = self.open.get_mut(&uri) {
                document.text = text;
                document.version += 1;
                if document.told {
                    changed.push(Changed { uri, version: document.version, changes });
                }
            }
        }
        Ok(changed)
    }
}

/// The path of a `file:` address.
fn path_of(uri: &str) -> Option<std::path::PathBuf> {
    let mut bytes = Vec::new();
    let mut rest = uri.strip_prefix("file://")?.as_bytes();
    while let [first, tail @ ..] = rest {
        let escaped = tail.get(..2).filter(|_| *first == b'%');
        let escaped = escaped.and_then(|two| u8::from_str_radix(std::str::from_utf8(two).ok()?, 16).ok());
        bytes.push(escaped.unwrap_or(*first));
        rest = if escaped.is_some() { &tail[2..] } else { tail };
    }
    String::from_utf8(bytes).ok().map(Into::into)
}

/// The text after edits that all mean the text before, and the same edits from the last to the first.
fn edited(text: &str, edits: &[Value]) -> Result<(String, Vec<Value>), String> {
    let mut places = Vec::new();
    for edit in edits {
        let start = offset(text, &edit["range"]["start"])?;
        let end = offset(text, &edit["range"]["end"])?;
        let new = edit["newText"].as_str().ok_or("an edit without a text")?;
        if start > end {
            return Err("a range that ends before it starts".to_owned());
        }
        places.push((start, end, new, &edit["range"]));
    }
    // Several insertions at one place keep their order.
    places.sort_by_key(|place| (place.0, place.1));
    if places.windows(2).any(|two| two[0].1 > two[1].0) {
        return Err("edits that overlap".to_owned());
    }
    let mut text = text.to_owned();
    let mut changes = Vec::new();
    for (start, end, new, range) in places.into_iter().rev() {
        text.replace_range(start..end, new);
        changes.push(json!({"range": range, "text": new}));
    }
    Ok((text, changes))
}

/// The byte of a position. A column behind the end of its line means the end; half of a character is a mistake, and so is
/// a line that is not there.
pub(super) fn offset(text: &str, position: &Value) -> Result<usize, String> {
    let (Some(line), Some(column)) = (position["line"].as_u64(), position["character"].as_u64()) else {
        return Err(format!("no position: {position}"));
    };
    let mut start = 0;
    for _ in 0..line {
        let end = text[start..].find(['\n', '\r']).ok_or_else(|| format!("there is no line {line}"))?;
        let long = if text[start + end..].starts_with("\r\n") { 2 } else { 1 };
        start += end + long;
    }
    let mut left = column;
    for (at, char) in text[start..].char_indices() {
        if left == 0 || char == '\n' || char == '\r' {
            return Ok(start + at);
        }
        let units = char.len_utf16() as u64;
        left = left.checked_sub(units).ok_or_else(|| format!("half a character at {position}"))?;
    }
    Ok(text.len())
}

/// The position of a byte.
pub fn position(text: &str, offset: usize) -> Value {
    let before = &text[..offset];
    let lines = before.replace("\r\n", "\n").replace('\r', "\n");
    let line = lines.matches('\n').count();
    let start = before.rfind(['\n', '\r']).map_or(0, |at| at + 1);
    json!({"line": line, "character": before[start..].encode_utf16().count()})
}

#[cfg(test)]
mod tests {
    use super::*;

    fn range(from: (u32, u32), to: (u32, u32)) -> Value {
        json!({"start": {"line": from.0, "character": from.1}, "end": {"line": to.0, "character": to.1}})
    }

    #[test]
    fn every_position_of_a_text_leads_back_to_its_byte() {
        let text = "eé😀\r\n\n\rz😀";
        for (at, _) in text.char_indices().chain([(text.len(), ' ')]) {
            if text[..at].ends_with('\r') && text[at..].starts_with('\n') {
                continue; // inside one end of a line
            }
            assert_eq!(offset(text, &position(text, at)), Ok(at));
        }
        assert!(offset(text, &json!({"line": 0, "character": 3})).is_err(), "half of the 😀");
        assert!(offset(text, &json!({"line": 9, "character": 0})).is_err());
        assert_eq!(offset(text, &json!({"line": 0, "character": 99})), Ok("eé😀".len()));
    }

    #[test]
    fn edits_mean_the_text_before_and_are_made_all_or_none() {
        let mut documents = Documents::default();
        documents.open.insert("a".into(), Document { text: "one\ntwo\n".into(), version: 3, told: true });
        let edits = json!([
            {"range": range((0, 0), (0, 3)), "newText": "1"},
            {"range": range((2, 0), (2, 0)), "newText": "x"},
            {"range": range((2, 0), (2, 0)), "newText": "y"},
        ]);
        let changed = documents.apply(&json!({"changes": {"a": edits}})).unwrap();
        assert_eq!(documents.open["a"], Document { text: "1\ntwo\nxy".into(), version: 4, told: true });
        assert_eq!((changed.len(), changed[0].changes.len()), (1, 3));

        let wrong = json!({"documentChanges": [
            {"textDocument": {"uri": "a", "version": 4}, "edits": [{"range": range((0, 0), (0, 0)), "newText": "z"}]},
            {"textDocument": {"uri": "b", "version": null}, "edits": []},
        ]});
        assert!(documents.apply(&wrong).is_err());
        let old = json!({"documentChanges": [{"textDocument": {"uri": "a", "version": 3}, "edits": []}]});
        assert!(documents.apply(&old).is_err());
        let across = json!({"changes": {"a": [
            {"range": range((0, 0), (1, 1)), "newText": ""}, {"range": range((1, 0), (1, 2)), "newText": ""}]}});
        assert!(documents.apply(&across).is_err());
        assert_eq!(documents.open["a"].text, "1\ntwo\nxy");
        let delete = json!({"documentChanges": [{"kind": "delete", "uri": "a"}]});
        assert!(documents.apply(&delete).is_ok() && documents.open.is_empty());
        assert!(documents.apply(&delete).is_err());
    }
}
