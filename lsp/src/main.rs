//! `nexus`: OpenCode in every editor and terminal.
//!
//! One executable; each command is a file in `commands`. What commands share (logging, how errors are shown, exit
//! codes) is here and in `output`.

mod commands;
mod connect;
mod output;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// OpenCode in every editor and terminal.
#[derive(Parser)]
#[command(name = "nexus", version, arg_required_else_help = true, after_help = EXAMPLES)]
struct Arguments {
    /// Say more on standard error: -v steps, -vv everything. RUST_LOG sets it in detail.
    #[arg(short, long, global = true, action = clap::ArgAction::Count)]
    verbose: u8,
    #[command(subcommand)]
    command: Command,
}

const EXAMPLES: &str = "\
Examples:
  nexus chat                    a conversation in this folder, on the whole screen
  nexus demo                    a whole conversation with a real server; no key, no account
  nexus replay stream.sse       what a recorded event stream tells

Exit codes: 0 done, 2 wrong use, 3 system, 4 security, 5 recovery, 130 interrupted.";

#[derive(Subcommand)]
enum Command {
    Chat(commands::chat::Chat),
    Demo(commands::demo::Demo),
    Replay(commands::replay::Replay),
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    match &arguments.command {
        Command::Chat(_) => output::start_logging_to_file(arguments.verbose, commands::chat::log_file()),
        _ => output::start_logging(arguments.verbose),
    }
    let json = match &arguments.command {
        Command::Chat(_) => false,
        Command::Demo(demo) => demo.json,
        Command::Replay(replay) => replay.json,
    };
    let result = match arguments.command {
        Command::Replay(replay) => replay.run(),
        Command::Chat(chat) => block_on(chat.run()),
        Command::Demo(demo) => block_on(demo.run()),
    };
    match result {
        Ok(code) => code,
        Err(error) => output::report(&error, json),
    }
}

/// Runs a command until it is done or the person presses Ctrl-C. What it has started is stopped by its destructors.
fn block_on(
    command: impl Future<Output = opencode_nexus::Result<ExitCode>>,
) -> opencode_nexus::Result<ExitCode> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let result = runtime.block_on(async {
        tokio::select! {
            result = command => result,
            _ = interrupted() => {
                eprintln!("interrupted");
                Ok(ExitCode::from(130))
            }
        }
    });
    runtime.shutdown_timeout(std::time::Duration::from_secs(2));
    result
}

/// Ctrl-C, or the signal that asks a program to end.
async fn interrupted() {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        if let Ok(mut terminate) = signal(SignalKind::terminate()) {
            tokio::select! {
                _ = tokio::signal::ctrl_c() => {}
                _ = terminate.recv() => {}
            }
            return;
        }
    }
    // Without a signal handler there is nothing to wait for, and nothing to stop for either.
    if tokio::signal::ctrl_c().await.is_err() {
        std::future::pending::<()>().await;
    }
}
