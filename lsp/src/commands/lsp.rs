//! `nexus lsp`: the language server, for editors.

use std::net::SocketAddr;
use std::process::ExitCode;

use opencode_nexus::Result;

use crate::language_server;

/// Serve an editor: chat, context, code actions and review over the Language Server Protocol.
#[derive(clap::Args)]
#[command(
    after_help = "Examples:\n  nexus lsp                       what an editor starts; speaks on standard input and output\n  nexus lsp --tcp 127.0.0.1:9257  wait for one editor on a port, for debugging"
)]
pub(crate) struct Lsp {
    /// Listen on this address of this machine instead of standard input and output, and print it when it is ready.
    #[arg(long, value_name = "ADDRESS")]
    tcp: Option<SocketAddr>,
    /// As editors like to pass it; nothing else is spoken anyway.
    #[arg(long, hide = true)]
    stdio: bool,
}

impl Lsp {
    pub(crate) async fn run(self) -> Result<ExitCode> {
        match self.tcp {
            Some(address) => language_server::serve_tcp(address).await,
            None => language_server::serve_stdio().await,
        }
    }
}
