//! Values as JSON texts: what crosses the border in one piece and is decoded on the other side.

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::answer::Answer;
use crate::failure::Failure;

/// A value as an answer.
///
/// # Errors
/// None for what the core has; a defect otherwise.
pub fn answer(value: &impl Serialize) -> Result<Answer, Failure> {
    text(value).map(Answer::Json)
}

/// A value as a text.
///
/// # Errors
/// As [`answer`].
pub fn text(value: &impl Serialize) -> Result<String, Failure> {
    serde_json::to_string(value)
        .map_err(|error| Failure::Value(format!("a value of the core is no JSON: {error}")))
}

/// What Python has written; `what` names the argument.
///
/// # Errors
/// When it is not of that form.
pub fn read<T: DeserializeOwned>(what: &str, text: &str) -> Result<T, Failure> {
    serde_json::from_str(text).map_err(|error| Failure::Value(format!("{what}: {}", place_free(&error))))
}

/// Without the line and column of a text that the caller has never seen.
fn place_free(error: &serde_json::Error) -> String {
    let said = error.to_string();
    match said.rfind(" at line ") {
        Some(at) => said[..at].to_owned(),
        None => said,
    }
}
