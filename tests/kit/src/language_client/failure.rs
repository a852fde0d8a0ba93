//! Why a client of the language server gives up.

use serde_json::Value;

use super::BOUND;

/// Why something did not go well.
#[derive(Clone, Debug, thiserror::Error)]
pub enum Failure {
    /// The server answered with an error.
    #[error("{method} was answered with {code}: {message}")]
    Answered {
        /// What was asked.
        method: String,
        /// The code of JSON-RPC.
        code: i64,
        /// The message for the person.
        message: String,
        /// More about it; boxed, because a failure is what every call here may give.
        data: Box<Value>,
    },
    /// It did not come in time.
    #[error("{what} did not come within {BOUND:?}\n{log}")]
    Late {
        /// What was waited for.
        what: String,
        /// What was said before.
        log: String,
    },
    /// The server has closed its side.
    #[error("the server is gone while one waits for {what}\n{log}")]
    Gone {
        /// What was waited for.
        what: String,
        /// What was said before.
        log: String,
    },
    /// It cannot be run, or not be spoken to.
    #[error("{0}")]
    Process(String),
    /// Things came that must not come.
    #[error("{}\n{log}", faults.join("\n"))]
    Faults {
        /// Each of them.
        faults: Vec<String>,
        /// What was said before.
        log: String,
    },
}

impl Failure {
    /// The code and the message of an answer that was an error.
    pub fn answered(&self) -> Option<(i64, &str)> {
        match self {
            Self::Answered { code, message, .. } => Some((*code, message)),
            _ => None,
        }
    }

    /// The stable code of the SDK's error: `data.code`.
    pub fn stable_code(&self) -> &str {
        match self {
            Self::Answered { data, .. } => data["code"].as_str().unwrap_or_default(),
            _ => "",
        }
    }
}
