//! What kind of editor a client of the language server is.

use std::path::Path;

use serde_json::{Value, json};

/// What kind of editor this is.
#[derive(Clone, Debug)]
pub struct ClientOptions {
    /// The folders of the workspace, as addresses.
    pub folders: Vec<String>,
    /// `capabilities` of `initialize`. Default: what an editor without a plugin has.
    pub capabilities: Value,
    /// The answers to `workspace/configuration`, by section.
    pub configuration: Value,
    /// Whether edits of the server's are told back to it as changes at once, as VS Code does. Otherwise they are told a
    /// moment later, or before the next thing that the editor says by itself, as Neovim does. Default true.
    pub echo_edits: bool,
}

impl ClientOptions {
    /// A plain editor with these folders.
    pub fn in_folders<'a>(folders: impl IntoIterator<Item = &'a Path>) -> Self {
        Self {
            folders: folders.into_iter().map(address).collect(),
            capabilities: plain_capabilities(),
            configuration: Value::Null,
            echo_edits: true,
        }
    }

    /// The same editor with a plugin that shows chats itself.
    #[must_use]
    pub fn with_chat(mut self) -> Self {
        self.capabilities["experimental"]["nexus"] = json!({"chat": true});
        self
    }
}

fn plain_capabilities() -> Value {
    json!({
        "general": {"positionEncodings": ["utf-16"]},
        "window": {"workDoneProgress": true, "showDocument": {"support": true}, "showMessage": {}},
        "workspace": {
            "applyEdit": true,
            "workspaceEdit": {"documentChanges": true, "resourceOperations": ["create"]},
            "configuration": true, "workspaceFolders": true,
            "didChangeConfiguration": {"dynamicRegistration": false},
            "codeLens": {"refreshSupport": true},
            "textDocumentContent": {},
            "executeCommand": {},
        },
        "textDocument": {
            "synchronization": {}, "codeLens": {},
            "completion": {"completionItem": {"resolveSupport": {"properties": ["documentation"]}}},
            "codeAction": {
                "codeActionLiteralSupport": {"codeActionKind": {"valueSet": ["", "quickfix", "refactor", "source"]}},
            },
            "inlineCompletion": {},
        },
    })
}

/// The `file:` address of a path.
pub fn address(path: &Path) -> String {
    let mut address = "file://".to_owned();
    for byte in path.to_string_lossy().bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'/' | b'-' | b'_' | b'.' | b'~' => {
                address.push(byte.into())
            }
            _ => address.push_str(&format!("%{byte:02X}")),
        }
    }
    address
}
