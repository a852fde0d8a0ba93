//! Makes a request of a message, and says what the answer means.

use std::time::Duration;

use opencode_nexus_plugin::http::{self, Request, Response};
use opencode_nexus_plugin::{ErrorCode, Result};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::watch::{Kind, Message};

/// The gateway that is asked when the settings name none.
const POSTMARK: &str = "https://api.postmarkapp.com/email";

/// Who is told.
pub enum Target {
    /// A chat room, by the address of its webhook.
    Room { url: String },
    /// A person, through a gateway.
    Mail { mail: Mail, token: String },
}

/// Mail, as the settings have it.
#[derive(Clone, Deserialize)]
pub struct Mail {
    to: String,
    from: String,
    gateway: Option<String>,
}

/// What came of it.
#[derive(Debug, PartialEq, Eq)]
pub enum Delivery {
    Done,
    /// It may work later; `pause` is what the server asks for, in milliseconds.
    Again {
        why: String,
        pause: Option<u64>,
    },
    Never {
        why: String,
    },
}

impl Target {
    /// Tries once.
    pub fn deliver(&self, message: &Message) -> Delivery {
        let answer = self.request(message).and_then(|request| request.timeout(Duration::from_secs(5)).send());
        match answer {
            Ok(response) => judge(&response),
            Err(error) => match error.code {
                ErrorCode::Denied | ErrorCode::Invalid => Delivery::Never { why: error.message },
                _ => Delivery::Again { why: error.message, pause: None },
            },
        }
    }

    fn request(&self, message: &Message) -> Result<Request> {
        match self {
            Self::Room { url } => http::post(url).json(&room(message)),
            Self::Mail { mail, token } => {
                let gateway = mail.gateway.as_deref().unwrap_or(POSTMARK);
                http::post(gateway).header("x-postmark-server-token", token).json(&letter(mail, message))
            }
        }
    }
}

/// As Slack's incoming webhooks take it. `&`, `<` and `>` are written as entities, or a title could call the whole room.
fn room(message: &Message) -> Value {
    let escaped = |text: &str| text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    let sign = match message.kind {
        Kind::Ended => ":white_check_mark:",
        Kind::Asked => ":raised_hand:",
        Kind::Failed => ":x:",
    };
    let here = if message.urgent { "<!here> " } else { "" };
    json!({ "text": format!("{here}{sign} *{}*\n{}", escaped(&message.title), escaped(&message.body)) })
}

/// As Postmark takes it. Line breaks in a subject would end the header.
fn letter(mail: &Mail, message: &Message) -> Value {
    let urgent = if message.urgent { "[urgent] " } else { "" };
    let subject = format!("{urgent}{}", message.title.replace(['\r', '\n'], " "));
    json!({ "From": mail.from, "To": mail.to, "Subject": subject, "TextBody": message.body })
}

fn judge(response: &Response) -> Delivery {
    let status = response.status();
    let why = format!("the server answered {status}");
    // Seconds, or a date, which is left out: our own pauses do then (RFC 9110 §10.2.3).
    let asked = response.header("retry-after").and_then(|value| value.trim().parse::<u64>().ok());
    match status {
        200..=299 => Delivery::Done,
        408 | 429 | 500.. => {
            Delivery::Again { why, pause: asked.map(|seconds| seconds.saturating_mul(1_000)) }
        }
        _ => Delivery::Never { why },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(urgent: bool) -> Message {
        Message { kind: Kind::Asked, title: "<!channel> & co\n".into(), body: "bash asks".into(), urgent }
    }

    #[test]
    fn a_title_cannot_call_the_room_or_end_a_header() {
        let text = room(&message(false))["text"].as_str().unwrap().to_owned();
        assert!(text.contains("&lt;!channel&gt; &amp; co") && !text.contains("<!"), "{text}");
        let mail = Mail { to: "a@example.org".into(), from: "b@example.org".into(), gateway: None };
        assert_eq!(letter(&mail, &message(true))["Subject"], "[urgent] <!channel> & co ");
    }

    #[test]
    fn only_what_is_urgent_calls_those_who_are_there() {
        assert!(room(&message(true))["text"].as_str().unwrap().starts_with("<!here> "));
    }
}
