//! `nexus`: OpenCode in every editor and terminal.
//!
//! One executable; each command is a file in `commands`. What commands share (logging, how errors are shown, exit
//! codes) is here and in `output`.

mod account;
mod commands;
mod connect;
mod core_dumps;
mod language_server;
mod output;
mod plugins;
mod secret;
mod settings;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// OpenCode in every editor and terminal.
#[derive(Parser)]
#[command(name = "nexus", version, arg_required_else_help = true, after_help = EXAMPLES)]
struct Arguments {
    /// Say more on standard error: -v steps, -vv everything. RUST_LOG sets it in detail.
    #[arg(short, long, global = true, action = clap::ArgAction::Count)]
    verbose: u8,
    #[command(flatten)]
    config: settings::ConfigArguments,
    #[command(flatten)]
    account: account::AccountArguments,
    #[command(subcommand)]
    command: Command,
}

const EXAMPLES: &str = "\
Examples:
  nexus chat                    a conversation in this folder, on the whole screen
  nexus run \"What is here?\"    one prompt and its answer, for scripts and CI
  nexus sessions list           what was talked about in this folder
  nexus account create          keep conversations on this machine, encrypted
  nexus history search parser   find what was said, without a server
  nexus lsp                     the language server that editors start
  nexus server start            keep a server in the background
  nexus plugin add ./my.plugin  context, commands and frontends of others, with the rights that you grant
  nexus config explain          every setting, its value and where that comes from
  nexus doctor                  what works here, what is missing, and how to fix it
  nexus demo                    a whole conversation with a real server; no key, no account

Exit codes: 0 done, 2 wrong use, 3 system, 4 security, 5 recovery, 130 interrupted.";

#[derive(Subcommand)]
enum Command {
    // In the order of the help: what people do every day, then the server, then the rest.
    Chat(commands::chat::Chat),
    Run(Box<commands::run::Run>),
    Sessions(commands::sessions::Sessions),
    Models(commands::models::Models),
    Agents(commands::agents::Agents),
    History(commands::history::HistoryCommand),
    Account(commands::account::AccountCommand),
    Login(commands::login::Login),
    Logout(commands::logout::Logout),
    Lsp(commands::lsp::Lsp),
    Server(commands::server::Server),
    Config(commands::config::ConfigCommand),
    #[cfg(feature = "plugins")]
    Plugin(commands::plugin::PluginCommand),
    Doctor(commands::doctor::Doctor),
    Demo(commands::demo::Demo),
    Record(commands::record::Record),
    Replay(commands::replay::Replay),
    Completions(commands::completions::Completions),
    Man(commands::man::Man),
}

fn main() -> ExitCode {
    core_dumps::limit();
    let arguments = Arguments::parse();
    settings::choose(arguments.config);
    account::choose(arguments.account);
    match &arguments.command {
        Command::Chat(_) => output::start_logging_to_file(arguments.verbose, output::log_file("chat")),
        Command::Lsp(_) => {
            let also = language_server::for_the_editor();
            output::start_logging_also_to(arguments.verbose, output::log_file("lsp"), also);
        }
        _ => output::start_logging(arguments.verbose),
    }
    let json = match &arguments.command {
        Command::Chat(_) | Command::Lsp(_) => false,
        Command::History(history) => history.json,
        Command::Account(account) => account.json,
        Command::Login(login) => login.json,
        Command::Logout(logout) => logout.json,
        Command::Config(config) => config.json,
        Command::Agents(agents) => agents.json,
        Command::Demo(demo) => demo.json,
        Command::Models(models) => models.json,
        #[cfg(feature = "plugins")]
        Command::Plugin(plugin) => plugin.json,
        Command::Doctor(doctor) => doctor.json,
        Command::Completions(_) | Command::Man(_) => false,
        Command::Record(record) => record.json,
        Command::Replay(replay) => replay.json,
        Command::Run(run) => run.json,
        Command::Sessions(sessions) => sessions.json,
        Command::Server(server) => server.json(),
    };
    let result = match arguments.command {
        Command::Config(config) => block_on(config.run()),
        Command::Replay(replay) => replay.run(),
        // It writes what it has before it goes.
        Command::Record(record) => on_runtime(record.run()),
        Command::Completions(completions) => completions.run::<Arguments>(),
        Command::Man(man) => man.run::<Arguments>(),
        Command::Doctor(doctor) => block_on(doctor.run()),
        // It stops the agent by itself before it goes.
        Command::Run(run) => on_runtime(run.run()),
        Command::Sessions(sessions) => block_on(sessions.run()),
        Command::History(history) => block_on(history.run()),
        Command::Account(account) => block_on(account.run()),
        Command::Login(login) => block_on(login.run()),
        Command::Logout(logout) => block_on(logout.run()),
        Command::Chat(chat) => block_on(chat.run()),
        // It ends its server before it goes.
        Command::Lsp(lsp) => on_runtime(lsp.run()),
        Command::Demo(demo) => block_on(demo.run()),
        Command::Agents(agents) => block_on(agents.run()),
        Command::Models(models) => block_on(models.run()),
        #[cfg(feature = "plugins")]
        Command::Plugin(plugin) => block_on(plugin.run()),
        Command::Server(server) if server.handles_signals() => block_on_uninterrupted(server.run()),
        Command::Server(server) => block_on(server.run()),
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
    on_runtime(async {
        tokio::select! {
            result = command => result,
            _ = interrupted() => {
                eprintln!("interrupted");
                Ok(ExitCode::from(130))
            }
        }
    })
}

/// Runs a command that listens for Ctrl-C itself.
fn on_runtime(
    command: impl Future<Output = opencode_nexus::Result<ExitCode>>,
) -> opencode_nexus::Result<ExitCode> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let result = runtime.block_on(command);
    runtime.shutdown_timeout(std::time::Duration::from_secs(2));
    result
}

/// Runs a command that ends by itself when it is asked to, because it has more to do then than destructors can.
fn block_on_uninterrupted(
    command: impl Future<Output = opencode_nexus::Result<ExitCode>>,
) -> opencode_nexus::Result<ExitCode> {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?.block_on(command)
}

/// Ctrl-C, or the signal that asks a program to end.
pub(crate) async fn interrupted() {
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
