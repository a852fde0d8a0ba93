//! How a run ended, as an exit code, as a word for machines and as a line for people.

use opencode_nexus::model::TurnError;

/// How a run ended. What never became a turn is an error instead, with the exit code of its group (2 to 5).
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Ending {
    /// The agent was done.
    Completed,
    /// The agent was done, and its answer says what `--fail-on` or `--fail-on-field` waits for.
    AnswerFails(String),
    /// The provider or the server failed.
    Failed(TurnError),
    /// Somebody else stopped the turn.
    Stopped,
    /// A permission was refused that the run may not do without.
    Refused(String),
    /// The answer does not follow the schema, however often it was asked for.
    SchemaBroken(Vec<String>),
    /// `--timeout` has passed.
    TimedOut(u64),
    /// Ctrl-C, or the signal that asks a program to end.
    Interrupted,
    /// Whoever read our output has gone.
    OutputClosed,
    /// The server was away, and the prompt waits in the outbox: its number, and why.
    Later(u64, String),
}

impl Ending {
    pub(super) fn exit_code(&self) -> u8 {
        match self {
            Self::Completed => 0,
            Self::AnswerFails(_) => 1,
            Self::Failed(_) | Self::Stopped => 6,
            Self::Refused(_) => 7,
            Self::SchemaBroken(_) => 8,
            Self::Later(..) => 9,
            Self::TimedOut(_) => 124,
            Self::Interrupted => 130,
            // What a shell says of a program that SIGPIPE has ended.
            Self::OutputClosed => 141,
        }
    }

    pub(super) fn word(&self) -> &'static str {
        match self {
            Self::Completed => "completed",
            Self::AnswerFails(_) => "answer_fails",
            Self::Failed(_) => "failed",
            Self::Stopped => "stopped",
            Self::Refused(_) => "refused",
            Self::SchemaBroken(_) => "schema_broken",
            Self::TimedOut(_) => "timed_out",
            Self::Interrupted => "interrupted",
            Self::OutputClosed => "output_closed",
            Self::Later(..) => "later",
        }
    }

    /// What a person should know, with what to do; `None` where there is nothing to say.
    pub(super) fn line(&self) -> Option<String> {
        Some(match self {
            Self::Completed | Self::OutputClosed => return None,
            Self::AnswerFails(why) => format!("the answer fails the run: {why}"),
            Self::Failed(error) => format!("the turn failed: {} ({})", error.message, error.name),
            Self::Stopped => "the turn was stopped by somebody else".to_owned(),
            Self::Refused(what) => {
                format!("refused, and the run ends with it: {what}; allow it with --allow '{what}'")
            }
            Self::SchemaBroken(mistakes) => {
                format!("the answer does not follow the schema: {}", mistakes.join("; "))
            }
            Self::TimedOut(seconds) => {
                format!("not done within {seconds} s, and stopped; give it longer with --timeout")
            }
            Self::Later(number, why) => {
                format!("{why}; the prompt is kept as {number}: nexus history outbox send")
            }
            Self::Interrupted => "interrupted; the agent was stopped".to_owned(),
        })
    }
}
