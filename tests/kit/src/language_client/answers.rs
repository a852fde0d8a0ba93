//! How the editor answers what the server asks.

use serde_json::{Value, json};

use super::wire::State;

/// What the person does with a message that has buttons.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Choice {
    /// Presses the first button whose title holds this.
    Press(String),
    /// Closes it.
    Dismiss,
    /// Leaves it open for good.
    Leave,
}

impl Choice {
    /// Presses the first button whose title holds this.
    pub fn press(title: &str) -> Self {
        Self::Press(title.to_owned())
    }
}

/// An answer, and what is told to the server before it.
pub(super) struct Answer {
    pub before: Vec<Value>,
    /// None when nobody answers.
    pub result: Option<Result<Value, String>>,
}

impl From<Result<Value, String>> for Answer {
    fn from(result: Result<Value, String>) -> Self {
        Self { before: Vec::new(), result: Some(result) }
    }
}

impl State {
    /// Answers a request of the server's. What this editor does not know is a fault.
    pub(super) fn answer_to(&mut self, method: &str, params: &Value) -> Answer {
        match method {
            "workspace/applyEdit" => self.apply(params),
            "workspace/configuration" => Ok(self.configuration(params)).into(),
            "window/showMessageRequest" => self.press(params),
            "window/workDoneProgress/create" => {
                let created = self.create_progress(&params["token"]);
                created.map(|()| Value::Null).into()
            }
            "window/showDocument" => self.show(params["uri"].as_str().unwrap_or_default()),
            "workspace/codeLens/refresh" | "workspace/textDocumentContent/refresh" => Ok(Value::Null).into(),
            "workspace/workspaceFolders" => Ok(json!(self.folders)).into(),
            "client/registerCapability" | "client/unregisterCapability" => Ok(Value::Null).into(),
            _ => Err(format!("the editor does not know {method}")).into(),
        }
    }

    fn apply(&mut self, params: &Value) -> Answer {
        if !params["label"].is_null() {
            return Err("an edit with a label, which Neovim prints".to_owned()).into();
        }
        match self.documents.apply(&params["edit"]) {
            Ok(changed) => {
                self.edits += 1;
                let tell = |changed: super::documents::Changed| {
                    let document = json!({"uri": changed.uri, "version": changed.version});
                    let params = json!({"textDocument": document, "contentChanges": changed.changes});
                    json!({"jsonrpc": "2.0", "method": "textDocument/didChange", "params": params})
                };
                let mut before: Vec<Value> = changed.into_iter().map(tell).collect();
                if !self.echo_edits {
                    self.late.append(&mut before);
                }
                Answer { before, result: Some(Ok(json!({"applied": true}))) }
            }
            // An old version is what happens when a person types meanwhile: no fault, and not applied.
            Err(why) if why.starts_with("version ") => {
                Ok(json!({"applied": false, "failureReason": why})).into()
            }
            Err(why) => Err(why).into(),
        }
    }

    /// A document that is shown is open from then on, and the server is told.
    fn show(&mut self, uri: &str) -> Answer {
        let document = match self.documents.reach(uri) {
            Ok(document) => document,
            // Other addresses are shown by something else.
            Err(_) if !uri.starts_with("file:") => return Ok(json!({"success": true})).into(),
            Err(why) => return Err(why).into(),
        };
        let mut before = Vec::new();
        if !std::mem::replace(&mut document.told, true) {
            let language = if uri.ends_with(".md") { "markdown" } else { "plaintext" };
            let (version, text) = (document.version, &document.text);
            let opened = json!({"uri": uri, "languageId": language, "version": version, "text": text});
            let params = json!({"textDocument": opened});
            before.push(json!({"jsonrpc": "2.0", "method": "textDocument/didOpen", "params": params}));
        }
        self.shown.push(uri.to_owned());
        Answer { before, result: Some(Ok(json!({"success": true}))) }
    }

    fn configuration(&self, params: &Value) -> Value {
        let items = params["items"].as_array().into_iter().flatten();
        items
            .map(|item| {
                let path = item["section"].as_str().unwrap_or_default().replace('.', "/");
                let path = if path.is_empty() { path } else { format!("/{path}") };
                self.configuration.pointer(&path).cloned().unwrap_or_default()
            })
            .collect()
    }

    fn press(&mut self, params: &Value) -> Answer {
        let titles: Vec<&str> =
            params["actions"].as_array().into_iter().flatten().filter_map(|a| a["title"].as_str()).collect();
        match self.choices.pop_front() {
            None => Err(format!("nobody said what to do with `{}` ({titles:?})", params["message"])).into(),
            Some(Choice::Dismiss) => Ok(Value::Null).into(),
            Some(Choice::Leave) => Answer { before: Vec::new(), result: None },
            Some(Choice::Press(wanted)) => match titles.iter().find(|title| title.contains(&wanted)) {
                Some(title) => Ok(json!({ "title": title })).into(),
                None => Err(format!("no button `{wanted}` among {titles:?}")).into(),
            },
        }
    }
}
