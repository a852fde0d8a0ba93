//! What is asked of a conversation, as data: for frontends in other languages, which hand over JSON.
//!
//! Names are `snake_case`; `camelCase` is read as well. A name that is not known is an error, so that a typing mistake is not a
//! wish that nobody hears. Times are seconds.

use std::path::Path;
use std::time::Duration;

use serde::Deserialize;

use super::conversation::Conversation;
use super::policy::{AskPolicy, AskRule, Decision};
use super::prompt::{Delivery, Prompt, PromptPart};
use super::sending::TurnOptions;
use super::shared::ConversationOptions;
use super::turn::Turn;
use crate::client::Client;
use crate::context::{Budget, Context, Mention, Scope};
use crate::dialect::Action;
use crate::error::{Error, ErrorKind, Result};
use crate::model::{ModelRef, PermissionReply};

/// How a conversation is opened: one that exists, or a new one.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Opening {
    /// The session; without one a new one is made.
    pub session: Option<String>,
    /// The title of a new session.
    pub title: Option<String>,
    /// What holds for permissions where no rule matches. Default [`Decision::Ask`].
    pub permissions: Option<Decision>,
    /// Rules for permissions; the last one that matches decides.
    pub rules: Vec<AskRule>,
    /// What becomes of questions. Default [`Decision::Ask`].
    pub questions: Option<Decision>,
    /// How long a person has to answer, in seconds; then the answer is no. `null` waits for ever. Default 30 minutes.
    #[serde(alias = "answerWithin", deserialize_with = "given")]
    pub answer_within: Option<Option<f64>>,
    /// A turn is given up when the server cannot be reached for this long, in seconds. Default 300.
    #[serde(alias = "giveUp")]
    pub give_up: Option<f64>,
    /// How long opening may take, in seconds. Default 30.
    #[serde(alias = "openWithin")]
    pub open_within: Option<f64>,
}

/// A prompt, and how it is sent.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Said {
    /// What is said, in order.
    pub parts: Vec<Piece>,
    /// What goes along, each named as behind an `@`: `git-diff`, `src/lib.rs#L3-9`, `docs:install` for a provider of one's
    /// own. What cannot be had is an error.
    pub context: Vec<String>,
    /// The model, as `provider/model`.
    pub model: Option<String>,
    /// The agent.
    pub agent: Option<String>,
    /// Replaces the agent's system prompt.
    pub system: Option<String>,
    /// Only puts the message into the session.
    #[serde(alias = "noReply")]
    pub no_reply: bool,
    /// When it is read if a turn runs already.
    pub delivery: Delivery,
    /// The turn is stopped and fails when it takes longer, in seconds.
    pub deadline: Option<f64>,
}

/// A piece of a prompt.
#[derive(Clone, Debug, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case", deny_unknown_fields)]
pub enum Piece {
    /// [`PromptPart::Text`].
    Text {
        /// The text.
        text: String,
    },
    /// [`PromptPart::Context`].
    Context {
        /// The text.
        text: String,
    },
    /// A file: by its path, wholly or by lines, or by an address.
    File {
        /// The path, absolute.
        path: Option<String>,
        /// The first line and the last, from 1.
        lines: Option<(u32, u32)>,
        /// The address instead of a path.
        url: Option<String>,
        /// Its MIME type, for an address. Default `text/plain`.
        mime: Option<String>,
        /// Its name for people, for an address.
        filename: Option<String>,
    },
    /// An image, in Base64.
    Image {
        /// Its MIME type, for example `image/png`.
        mime: String,
        /// Its bytes in Base64.
        data: String,
        /// Its name for people.
        filename: Option<String>,
    },
    /// [`PromptPart::Agent`].
    Agent {
        /// The agent's name.
        name: String,
    },
    /// [`PromptPart::Subtask`].
    Subtask {
        /// The agent's name.
        agent: String,
        /// What it is asked.
        prompt: String,
        /// One line for a person.
        #[serde(default)]
        description: String,
    },
}

/// A turn that is started by something else than a prompt.
#[derive(Clone, Debug, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case", deny_unknown_fields)]
pub enum Deed {
    /// [`Action::Command`].
    Command {
        /// The command's name, without the slash.
        name: String,
        /// Everything behind it.
        #[serde(default)]
        arguments: String,
        /// The model, as `provider/model`.
        model: Option<String>,
        /// The agent.
        agent: Option<String>,
    },
    /// [`Action::Shell`].
    Shell {
        /// The command line.
        command: String,
        /// The model, as `provider/model`.
        model: Option<String>,
        /// The agent.
        agent: Option<String>,
    },
    /// [`Action::Summarize`].
    Summarize {
        /// The model, as `provider/model`.
        model: Option<String>,
        /// The agent.
        agent: Option<String>,
    },
}

/// The answer to a permission request.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reply {
    /// This time.
    Once,
    /// From now on.
    Always,
    /// No; the agent is told why, if there is a reason.
    #[serde(untagged)]
    Reject(Rejection),
}

/// No.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(untagged)]
pub enum Rejection {
    /// `"reject"`.
    Plain(RejectWord),
    /// `{"reject": "why"}`
    Because {
        /// What the agent is told.
        reject: String,
    },
}

/// The word alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RejectWord {
    /// `"reject"`.
    Reject,
}

/// A field that is there, also as `null`.
fn given<'de, D: serde::Deserializer<'de>>(field: D) -> std::result::Result<Option<Option<f64>>, D::Error> {
    Option::deserialize(field).map(Some)
}

/// Seconds as a time, with the name of what they were given for.
///
/// # Errors
/// `user.invalid_input` for what is no time: negative, not a number, or more than fits.
pub fn seconds(name: &str, seconds: f64) -> Result<Duration> {
    Duration::try_from_secs_f64(seconds).map_err(|error| {
        let message = format!("{name} is no time in seconds: {seconds} ({error})");
        Error::new(ErrorKind::InvalidInput, message)
            .with_hint("give a number of seconds that is not negative")
    })
}

fn model(named: Option<&str>) -> Result<Option<ModelRef>> {
    named.map(str::parse).transpose()
}

impl Opening {
    /// The options of the conversation.
    ///
    /// # Errors
    /// `user.invalid_input` for what is no time.
    pub fn options(&self) -> Result<ConversationOptions> {
        let usual = ConversationOptions::default();
        let time =
            |name, wanted: Option<f64>, usual| wanted.map_or(Ok(usual), |wanted| seconds(name, wanted));
        let policy = AskPolicy {
            rules: self.rules.clone(),
            otherwise: self.permissions.unwrap_or(usual.policy.otherwise),
            questions: self.questions.unwrap_or(usual.policy.questions),
            bound: match self.answer_within {
                None => usual.policy.bound,
                Some(within) => within.map(|within| seconds("answer_within", within)).transpose()?,
            },
        };
        Ok(ConversationOptions {
            policy,
            give_up: time("give_up", self.give_up, usual.give_up)?,
            open_within: time("open_within", self.open_within, usual.open_within)?,
        })
    }
}

impl Said {
    /// The prompt without its context, and how it is sent.
    ///
    /// # Errors
    /// `user.invalid_input` for what is no time, no model or no path.
    pub fn prompt(self) -> Result<(Prompt, TurnOptions)> {
        let prompt = Prompt {
            model: model(self.model.as_deref())?,
            parts: self.parts.into_iter().map(Piece::part).collect::<Result<_>>()?,
            agent: self.agent,
            system: self.system,
            no_reply: self.no_reply,
            delivery: self.delivery,
        };
        let deadline = self.deadline.map(|deadline| seconds("deadline", deadline)).transpose()?;
        Ok((prompt, TurnOptions { deadline }))
    }
}

impl Piece {
    fn part(self) -> Result<PromptPart> {
        Ok(match self {
            Self::Text { text } => PromptPart::Text(text),
            Self::Context { text } => PromptPart::Context(text),
            Self::File { path: Some(path), lines, url: None, mime: None, filename: None } => {
                PromptPart::file(path, lines)?
            }
            Self::File { path: None, lines: None, url: Some(url), mime, filename } => {
                PromptPart::File { mime: mime.unwrap_or_else(|| "text/plain".to_owned()), filename, url }
            }
            Self::File { .. } => {
                return Err(Error::new(ErrorKind::InvalidInput, "a file has either a path or a url")
                    .with_hint("lines belong to a path, mime and filename to a url"));
            }
            Self::Image { mime, data, filename } => {
                let url = format!("data:{mime};base64,{data}");
                PromptPart::File { mime, filename, url }
            }
            Self::Agent { name } => PromptPart::Agent { name },
            Self::Subtask { agent, prompt, description } => {
                PromptPart::Subtask { agent, prompt, description }
            }
        })
    }
}

impl From<Reply> for PermissionReply {
    fn from(reply: Reply) -> Self {
        match reply {
            Reply::Once => Self::Once,
            Reply::Always => Self::Always,
            Reply::Reject(Rejection::Plain(_)) => Self::Reject { message: None },
            Reply::Reject(Rejection::Because { reject }) => Self::Reject { message: Some(reject) },
        }
    }
}

impl Client {
    /// Opens the conversation that is asked for, or makes a new one.
    ///
    /// # Errors
    /// Those of [`Opening::options`], [`Client::open`] and [`Client::create_with`].
    pub async fn open_as(&self, opening: &Opening) -> Result<Conversation> {
        let options = opening.options()?;
        match &opening.session {
            Some(session) => self.open(session.as_str(), options).await,
            None => self.create_with(opening.title.as_deref(), options).await,
        }
    }
}

impl Conversation {
    /// Sends a prompt.
    ///
    /// # Errors
    /// Those of [`Said::prompt`] and [`Conversation::prompt_with`]; `user.invalid_input` for context that cannot be had.
    pub async fn say(&self, mut said: Said) -> Result<Turn> {
        let named = std::mem::take(&mut said.context);
        let (mut prompt, options) = said.prompt()?;
        if !named.is_empty() {
            prompt.parts.extend(self.context(&named).await?);
        }
        self.prompt_with(prompt, options).await
    }

    /// What is named, from the folder of the client and from its extensions.
    async fn context(&self, named: &[String]) -> Result<Vec<PromptPart>> {
        let named = named.iter().map(|name| Mention::named(name)).collect::<Result<Vec<_>>>()?;
        let folder = self.client.directory().ok_or_else(|| {
            Error::new(ErrorKind::InvalidInput, "context needs a folder, and the client has none")
                .with_hint("name the directory")
        })?;
        let context = match self.client.extensions() {
            Some(extensions) => extensions.context_with(Context::default()),
            None => Context::default(),
        };
        let scope = Scope { root: Path::new(folder), client: Some(&self.client), editor: None };
        Ok(context.gather_all(&scope, &named, Budget::default()).await?.parts())
    }

    /// Runs a slash command, a shell command or a summary.
    ///
    /// # Errors
    /// `user.invalid_input` for what is no model; those of [`Conversation::act`].
    pub async fn perform(&self, deed: Deed) -> Result<Turn> {
        let (action, named, agent) = match deed {
            Deed::Command { name, arguments, model, agent } => {
                (Action::Command { name, arguments }, model, agent)
            }
            Deed::Shell { command, model, agent } => (Action::Shell { command }, model, agent),
            Deed::Summarize { model, agent } => (Action::Summarize, model, agent),
        };
        self.act(action, model(named.as_deref())?, agent).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read<T: for<'de> Deserialize<'de>>(json: &str) -> T {
        serde_json::from_str(json).unwrap_or_else(|error| panic!("{json}: {error}"))
    }

    #[test]
    fn both_ways_of_writing_names_are_read_and_what_is_unknown_is_not() {
        for json in [r#"{"answer_within": 2.5, "give_up": 1}"#, r#"{"answerWithin": 2.5, "giveUp": 1}"#] {
            let options = read::<Opening>(json).options().unwrap();
            assert_eq!(options.policy.bound, Some(Duration::from_millis(2500)));
            assert_eq!(options.give_up, Duration::from_secs(1));
        }
        assert_eq!(read::<Opening>(r#"{"answerWithin": null}"#).options().unwrap().policy.bound, None);
        assert_eq!(read::<Opening>("{}").options().unwrap().policy, AskPolicy::default());
        for wrong in [r#"{"permision": "ask"}"#, r#"{"permissions": "maybe"}"#, r#"{"rules": [{}]}"#] {
            assert!(serde_json::from_str::<Opening>(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_time_that_is_none_names_what_it_was_given_for() {
        for wrong in [-1.0, f64::NAN, f64::INFINITY, 1e300] {
            let said = Said { deadline: Some(wrong), ..Said::default() };
            let error = said.prompt().unwrap_err();
            assert_eq!((error.code(), error.message().contains("deadline")), ("user.invalid_input", true));
        }
    }

    #[test]
    fn a_prompt_is_read_piece_by_piece() {
        let said: Said = read(
            r#"{"parts": [{"type": "text", "text": "a"}, {"type": "file", "path": "/x.rs", "lines": [1, 2]},
                {"type": "file", "url": "data:,x"}, {"type": "image", "mime": "image/png", "data": "AA=="}],
                "model": "p/m", "noReply": true, "delivery": "queue"}"#,
        );
        let (prompt, _) = said.prompt().unwrap();
        assert_eq!((prompt.parts.len(), prompt.no_reply, prompt.delivery), (4, true, Delivery::Queue));
        assert_eq!(prompt.model.unwrap().to_string(), "p/m");
        let both: Said = read(r#"{"parts": [{"type": "file", "url": "data:,x", "path": "/x"}]}"#);
        assert_eq!(both.prompt().unwrap_err().code(), "user.invalid_input");
        assert!(serde_json::from_str::<Said>(r#"{"parts": [{"type": "smell"}]}"#).is_err());
    }

    #[test]
    fn replies_are_words_or_a_reason() {
        let reply = |json: &str| PermissionReply::from(read::<Reply>(json));
        assert_eq!(reply(r#""once""#), PermissionReply::Once);
        assert_eq!(reply(r#""always""#), PermissionReply::Always);
        assert_eq!(reply(r#""reject""#), PermissionReply::Reject { message: None });
        assert_eq!(reply(r#"{"reject": "no"}"#), PermissionReply::Reject { message: Some("no".to_owned()) });
        for wrong in [r#""yes""#, "true", "{}", "null"] {
            assert!(serde_json::from_str::<Reply>(wrong).is_err(), "{wrong}");
        }
    }
}
