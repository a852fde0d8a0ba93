//! What every command does alike: logging to standard error, and showing errors.

use std::io::{IsTerminal as _, Write as _};
use std::process::ExitCode;

use opencode_nexus::Error;
use opencode_nexus::server::state_dir;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::fmt::writer::MakeWriterExt as _;

use crate::settings::settings;

mod ask;
mod bar;
mod conversation;
mod progress;
mod time;

pub(crate) use ask::is_yes;
pub(crate) use bar::Bar;
pub(crate) use conversation::{print_heading, print_message};
pub(crate) use progress::install_progress;
pub(crate) use time::{age, date, moment, now};

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

/// The same for a command that has another way to tell warnings as well.
pub(crate) fn start_logging_also_to<W>(verbose: u8, file: Option<std::fs::File>, also: W)
where
    W: for<'a> MakeWriter<'a> + Send + Sync + 'static,
{
    let log = tracing_subscriber::fmt().with_env_filter(filter(verbose)).with_ansi(false);
    match file {
        Some(file) => log.with_writer(std::sync::Mutex::new(file).and(also)).init(),
        None => log.with_writer(also).init(),
    }
}

/// Where a command that has no standard error for it writes its log: `NAME.log` in the folder for state. What an earlier start
/// has left there is kept while it is small.
pub(crate) fn log_file(name: &str) -> Option<std::fs::File> {
    const SMALL: u64 = 1_000_000;
    let folder = state_dir().ok()?;
    std::fs::create_dir_all(&folder).ok()?;
    let path = folder.join(format!("{name}.log"));
    let large = std::fs::metadata(&path).is_ok_and(|file| file.len() > SMALL);
    let mut options = std::fs::OpenOptions::new();
    options.create(true).write(true).append(!large).truncate(large);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path).ok()
}

fn filter(verbose: u8) -> EnvFilter {
    // What is wrong in the settings is told by the commands that need them; logging must work before.
    let settings = settings();
    let level = settings.as_ref().map_or("warn", |settings| settings.log_level.as_str());
    // What a server of ours logs has the target `opencode`; whoever wants to see it asks for it.
    let usual = format!("{level},opencode=off,opencode_nexus={level}");
    let default = match verbose {
        0 => usual.as_str(),
        1 => "info,opencode_nexus=debug",
        _ => "debug,opencode_nexus=trace",
    };
    EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(default))
}

/// Colours as `terminal.colour` says; by default only on a terminal, and never against the person's word (no-color.org).
pub(crate) fn colours() -> bool {
    let settings = settings();
    match settings.as_ref().map_or("auto", |settings| settings.colour.as_str()) {
        "always" => return true,
        "never" => return false,
        _ => {}
    }
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

/// Text of a server or a model without what could drive a terminal: control characters other than line breaks and tabs
/// are shown as the replacement character.
pub(crate) fn clean(text: &str) -> std::borrow::Cow<'_, str> {
    let harmless = |c: char| !c.is_control() || matches!(c, '\n' | '\t');
    if text.chars().all(harmless) {
        return text.into();
    }
    text.chars().map(|c| if harmless(c) { c } else { char::REPLACEMENT_CHARACTER }).collect()
}

/// Bytes in the largest unit that fits.
pub(crate) fn size(bytes: u64) -> String {
    #[allow(clippy::cast_precision_loss)] // one digit is shown
    let in_units = |unit: u64| bytes as f64 / unit as f64;
    match bytes {
        0..1_024 => format!("{bytes} B"),
        1_024..0x10_0000 => format!("{:.1} KiB", in_units(1 << 10)),
        0x10_0000..0x4000_0000 => format!("{:.1} MiB", in_units(1 << 20)),
        _ => format!("{:.1} GiB", in_units(1 << 30)),
    }
}

/// A line of a difference: green for what came, red for what went, cyan for where.
pub(crate) fn coloured(line: &str, colours: bool) -> String {
    let code = match line.as_bytes().first() {
        _ if !colours => return line.to_owned(),
        Some(b'+') => 32,
        Some(b'-') => 31,
        Some(b'@') => 36,
        _ => return line.to_owned(),
    };
    format!("\x1b[{code}m{line}\x1b[0m")
}

#[cfg(test)]
mod tests {
    use super::coloured;

    #[test]
    fn a_diff_has_colours_only_where_they_are_wanted() {
        assert_eq!(coloured("+new", true), "\x1b[32m+new\x1b[0m");
        assert_eq!(coloured("-old", false), "-old");
        assert_eq!(coloured(" same", true), " same");
    }
}
