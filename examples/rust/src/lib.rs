//! What the examples share: how a program ends when something fails.
#![deny(missing_docs)]

use std::process::ExitCode;

use opencode_nexus::Result;

/// Ends the program as `nexus` does: 0, or the code of the error's group with its one line on standard error.
pub fn ended(done: Result<ExitCode>) -> ExitCode {
    match done {
        Ok(code) => code,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::from(error.kind().exit_code())
        }
    }
}
