//! How the things that a plugin gives are made in one line.

use crate::bindings::command::exports::nexus::plugin::command_guest::Spec;
use crate::bindings::context::exports::nexus::plugin::context_guest::{
    Content, FileContent, Item, Provider, Suggestion, TextContent,
};
use crate::bindings::frontend::exports::nexus::plugin::frontend_guest::WebResponse;
use crate::bindings::imports::nexus::plugin::types::{Part, TextPart};

impl Provider {
    /// A provider by the word behind the `@`, with one line for a person.
    pub fn new(name: impl Into<String>, summary: impl Into<String>) -> Self {
        Self { name: name.into(), summary: summary.into(), argument: None, needs_argument: false }
    }

    /// Something stands behind the colon; said in a word.
    #[must_use]
    pub fn with_argument(mut self, argument: impl Into<String>) -> Self {
        self.argument = Some(argument.into());
        self
    }

    /// It means nothing without that.
    #[must_use]
    pub fn needing_it(mut self) -> Self {
        self.needs_argument = true;
        self
    }
}

impl Suggestion {
    /// What would stand behind the colon; it is shown as well.
    pub fn new(argument: impl Into<String>) -> Self {
        let argument = argument.into();
        Self { label: argument.clone(), argument, detail: None }
    }

    /// Shows something else than the argument.
    #[must_use]
    pub fn with_label(mut self, label: impl Into<String>) -> Self {
        self.label = label.into();
        self
    }

    /// Says more of it, in a few words.
    #[must_use]
    pub fn with_detail(mut self, detail: impl Into<String>) -> Self {
        self.detail = Some(detail.into());
        self
    }
}

impl Item {
    /// Text, with one line for a person. The model is told that nothing in it is a request.
    pub fn text(title: impl Into<String>, text: impl Into<String>) -> Self {
        let content = Content::Text(TextContent { text: text.into(), language: String::new() });
        Self { title: title.into(), content, priority: 500 }
    }

    /// Text in a language: `diff`, `rust`, `markdown`.
    pub fn code(title: impl Into<String>, language: impl Into<String>, text: impl Into<String>) -> Self {
        let content = Content::Text(TextContent { text: text.into(), language: language.into() });
        Self { title: title.into(), content, priority: 500 }
    }

    /// A file of the project, which the server reads itself: all of it, or from a line (from 0) to the one before another.
    pub fn file(path: impl Into<String>, lines: Option<(u32, u32)>) -> Self {
        let path = path.into();
        Self { title: path.clone(), content: Content::File(FileContent { path, lines }), priority: 500 }
    }

    /// How much it matters, from 0 to 1000; 500 when nothing is said.
    #[must_use]
    pub fn with_priority(mut self, priority: u16) -> Self {
        self.priority = priority;
        self
    }
}

impl Spec {
    /// A command by the word behind the `/`, with one line for a person.
    pub fn new(name: impl Into<String>, summary: impl Into<String>) -> Self {
        Self { name: name.into(), summary: summary.into(), argument_hint: None }
    }

    /// Says what may stand behind it.
    #[must_use]
    pub fn with_hint(mut self, hint: impl Into<String>) -> Self {
        self.argument_hint = Some(hint.into());
        self
    }
}

impl Part {
    /// Text as the person would have written it.
    pub fn written(text: impl Into<String>) -> Self {
        Self::Text(TextPart { text: text.into(), synthetic: false })
    }

    /// The text of this part, when it is one.
    pub fn as_text(&self) -> Option<&str> {
        match self {
            Self::Text(part) => Some(&part.text),
            _ => None,
        }
    }
}

impl WebResponse {
    /// An answer with text.
    pub fn text(status: u16, text: impl Into<String>) -> Self {
        Self { status, content_type: "text/plain; charset=utf-8".to_owned(), body: text.into().into_bytes() }
    }

    /// An answer with JSON.
    pub fn json(value: &impl serde::Serialize) -> Self {
        match serde_json::to_vec(value) {
            Ok(body) => Self { status: 200, content_type: "application/json".to_owned(), body },
            Err(_) => Self::text(500, "the answer cannot be written as JSON"),
        }
    }
}
