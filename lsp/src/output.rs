//! What every command does alike: logging to standard error, and showing errors.

use std::io::{IsTerminal as _, Write as _};
use std::process::ExitCode;

use std::sync::Arc;

use opencode_nexus::Error;
use opencode_nexus::server::Progress;
use tracing_subscriber::EnvFilter;

/// Logs go to standard error, so that standard output stays clean for results. Without `-v` and `RUST_LOG` only
/// warnings are shown.
pub(crate) fn start_logging(verbose: u8) {
    tracing_subscriber::fmt()
        .with_env_filter(filter(verbose))
        .with_writer(std::io::stderr)
        .with_ansi(colours())
        .init();
}

/// The same for a command that has the whole screen: a line in the middle of it would be wrong on any screen. Without
/// a file nothing is logged.
pub(crate) fn start_logging_to_file(verbose: u8, file: Option<std::fs::File>) {
    if let Some(file) = file {
        let log = tracing_subscriber::fmt().with_env_filter(filter(verbose)).with_ansi(false);
        log.with_writer(std::sync::Mutex::new(file)).init();
    }
}

fn filter(verbose: u8) -> EnvFilter {
    let default = match verbose {
        0 => "warn",
        1 => "info,opencode_nexus=debug",
        _ => "debug,opencode_nexus=trace",
    };
    EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(default))
}

/// Colours only on a terminal, and never against the person's word (no-color.org).
pub(crate) fn colours() -> bool {
    std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|v| v.is_empty())
}

/// Shows an error: one line on standard error; with `--json` one object on standard output.
pub(crate) fn report(error: &Error, json: bool) -> ExitCode {
    if json {
        print_json(&serde_json::json!({
            "ok": false,
            "error": { "code": error.code(), "message": error.message(), "hint": error.hint(), "operation": error.operation() },
        }));
    } else {
        eprintln!("error: {error}");
        tracing::debug!("{error:?}");
    }
    ExitCode::from(error.kind().exit_code())
}

/// One line of JSON on standard output. A reader that has gone away is no failure of ours.
pub(crate) fn print_json(value: &serde_json::Value) {
    let mut out = std::io::stdout().lock();
    let _ = writeln!(out, "{value}").and_then(|()| out.flush());
}

/// One line of text on standard output.
pub(crate) fn print_line(text: &str) {
    let mut out = std::io::stdout().lock();
    let _ = writeln!(out, "{text}").and_then(|()| out.flush());
}

/// Tells on standard error what an installation does, a line each step.
pub(crate) fn install_progress() -> Arc<dyn Fn(Progress) + Send + Sync> {
    Arc::new(|progress| eprintln!("  {:?} {}…", progress.step, progress.package))
}
