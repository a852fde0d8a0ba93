//! Whether the configuration can be obeyed.

use super::Check;
use crate::settings::config;

const NAME: &str = "configuration";

/// The first thing that is wrong, and how many more there are.
pub(super) fn check() -> Check {
    let config = match config() {
        Ok(config) => config,
        Err(error) => {
            let fix = error.hint().unwrap_or("nexus config check").to_owned();
            return Check::fail(NAME, error.message(), fix);
        }
    };
    let problems = config.problems();
    let file = config.path().display();
    match (problems.first(), config.exists()) {
        (None, true) => Check::ok(NAME, format!("{file} is good")),
        (None, false) => Check::ok(NAME, format!("{file} does not exist; the defaults hold")),
        (Some(first), _) => {
            let more = match problems.len() {
                1 => String::new(),
                count => format!(" (and {} more)", count - 1),
            };
            Check::fail(NAME, format!("{}{more}", config.describe(first)), "nexus config edit")
        }
    }
}
