//! What a person sends: text, files, images, mentions, and with which model and agent.

use std::path::Path;

use base64::Engine as _;
use serde::Deserialize;

use crate::error::{Error, ErrorKind, Result};
use crate::model::ModelRef;

/// One piece of a prompt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PromptPart {
    /// Text.
    Text(String),
    /// Text that goes along for the model and that the person did not write. 1.x marks it, and chats do not show it; on
    /// OpenCode 2 it stands behind the person's words.
    Context(String),
    /// A file, by address: `file:` as the server sees it, or `data:`.
    File {
        /// MIME type.
        mime: String,
        /// Name for people.
        filename: Option<String>,
        /// The address.
        url: String,
    },
    /// A mention of an agent.
    Agent {
        /// The agent's name.
        name: String,
    },
    /// Work for a sub-agent.
    Subtask {
        /// The agent's name.
        agent: String,
        /// What it is asked.
        prompt: String,
        /// One line for a person.
        description: String,
    },
}

impl PromptPart {
    /// A text file that the server reads itself, wholly or by lines (from 1, both ends included).
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`] when the path is not absolute.
    pub fn file(path: impl AsRef<Path>, lines: Option<(u32, u32)>) -> Result<Self> {
        let path = path.as_ref();
        let mut url = url::Url::from_file_path(path).map_err(|()| {
            Error::new(ErrorKind::InvalidInput, format!("{} is not an absolute path", path.display()))
                .with_hint("give the path as the server sees it, from the root")
        })?;
        if let Some((start, end)) = lines {
            url.query_pairs_mut()
                .append_pair("start", &start.to_string())
                .append_pair("end", &end.to_string());
        }
        Ok(Self::File {
            mime: "text/plain".into(),
            filename: path.file_name().map(|n| n.to_string_lossy().into_owned()),
            url: url.into(),
        })
    }

    /// An image, sent along inside the prompt. `mime` is for example `image/png`.
    pub fn image(mime: impl Into<String>, filename: Option<String>, bytes: &[u8]) -> Self {
        let mime = mime.into();
        let url = format!("data:{mime};base64,{}", base64::engine::general_purpose::STANDARD.encode(bytes));
        Self::File { mime, filename, url }
    }
}

/// When a prompt is read that is sent while a turn runs, where the server has a choice
/// ([`Capabilities::queue`](crate::dialect::Capabilities::queue)).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Delivery {
    /// As soon as the agent looks up from what it does: it changes the course of the running turn.
    #[default]
    Steer,
    /// When the running turn has ended.
    Queue,
}

/// A prompt: what is said, and who shall answer.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Prompt {
    /// What is said, in order.
    pub parts: Vec<PromptPart>,
    /// The model; without one, the session's last or the server's default.
    ///
    /// The choice stays with the session, also one that fails (1.18, seen): name a good one to get out of it.
    pub model: Option<ModelRef>,
    /// The agent; without one, the session's last or the server's default.
    pub agent: Option<String>,
    /// Replaces the agent's system prompt.
    pub system: Option<String>,
    /// Only puts the message into the session; no turn is run.
    pub no_reply: bool,
    /// When it is read if a turn runs already. Default [`Delivery::Steer`]; 1.x knows nothing else.
    pub delivery: Delivery,
}

impl Prompt {
    /// A prompt of text only.
    pub fn text(text: impl Into<String>) -> Self {
        Self { parts: vec![PromptPart::Text(text.into())], ..Self::default() }
    }

    /// Adds a piece.
    #[must_use]
    pub fn with(mut self, part: PromptPart) -> Self {
        self.parts.push(part);
        self
    }

    /// Chooses the model.
    #[must_use]
    pub fn with_model(mut self, model: ModelRef) -> Self {
        self.model = Some(model);
        self
    }

    /// Chooses the agent.
    #[must_use]
    pub fn with_agent(mut self, agent: impl Into<String>) -> Self {
        self.agent = Some(agent.into());
        self
    }

    /// Chooses when it is read if a turn runs already.
    #[must_use]
    pub fn with_delivery(mut self, delivery: Delivery) -> Self {
        self.delivery = delivery;
        self
    }

    pub(crate) fn check(&self) -> Result<()> {
        let empty = |part: &PromptPart| matches!(part, PromptPart::Text(text) if text.is_empty());
        if self.parts.iter().all(empty) {
            return Err(Error::new(ErrorKind::InvalidInput, "the prompt is empty")
                .with_hint("say something, or attach a file"));
        }
        Ok(())
    }
}

impl From<&str> for Prompt {
    fn from(text: &str) -> Self {
        Self::text(text)
    }
}

impl From<String> for Prompt {
    fn from(text: String) -> Self {
        Self::text(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_keeps_odd_names_and_its_lines() {
        let PromptPart::File { url, filename, .. } =
            PromptPart::file("/tmp/a b é%.rs", Some((3, 9))).unwrap()
        else {
            panic!("a file")
        };
        assert_eq!(url, "file:///tmp/a%20b%20%C3%A9%25.rs?start=3&end=9");
        assert_eq!(filename.as_deref(), Some("a b é%.rs"));
        assert!(PromptPart::file("relative.rs", None).is_err());
    }

    #[test]
    fn an_empty_prompt_is_refused_before_it_is_sent() {
        assert!(Prompt::text("").check().is_err() && Prompt::default().check().is_err());
        assert!(Prompt::text("x").check().is_ok());
    }
}
