//! The loop: messages in, messages out, and the methods by name.

use std::net::SocketAddr;
use std::process::ExitCode;
use std::time::Duration;

use opencode_nexus::{Error, ErrorKind, Result};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpListener;
use tower_lsp_server::{ClientSocket, LspService, Server};

use super::backend::Backend;
use super::boundary::{self, Boundary};
use super::ext::method;
use super::methods::{chat, offered, replies, sessions, status};
use super::stdout::Stdout;
use super::{
    actions, chat_file, commands, completion, configuration, content, documents, inline, lifecycle, pipe,
    work_done,
};
use crate::output;

/// How many requests may be under way. With the library's four, four that wait would hold up `$/cancelRequest` as well.
const CONCURRENCY: usize = 256;

/// How long ending may take: the server has five seconds.
const CLOSE: Duration = Duration::from_secs(8);

fn service() -> (LspService<Backend>, ClientSocket) {
    LspService::build_with_lifecycle_methods(Backend::new)
        .custom_method("textDocument/didOpen", documents::did_open)
        .custom_method("textDocument/didChange", documents::did_change)
        .custom_method("textDocument/didClose", documents::did_close)
        .custom_method("textDocument/completion", completion::completion)
        .custom_method("completionItem/resolve", completion::resolve)
        .custom_method("textDocument/codeAction", actions::code_action)
        .custom_method("textDocument/codeLens", chat_file::code_lens)
        .custom_method("textDocument/inlineCompletion", inline::inline_completion)
        .custom_method("window/workDoneProgress/cancel", work_done::cancel)
        .custom_method("workspace/executeCommand", commands::execute)
        .custom_method("workspace/textDocumentContent", content::content)
        .custom_method("workspace/didChangeWorkspaceFolders", lifecycle::did_change_folders)
        .custom_method("workspace/didChangeConfiguration", configuration::did_change)
        .custom_method(method::SEND, chat::send)
        .custom_method(method::CANCEL, chat::cancel)
        .custom_method(method::SUBSCRIBE, chat::subscribe)
        .custom_method(method::UNSUBSCRIBE, chat::unsubscribe)
        .custom_method(method::REPLAY, chat::replay)
        .custom_method(method::SESSION_LIST, sessions::list)
        .custom_method(method::SESSION_CREATE, sessions::create)
        .custom_method(method::SESSION_FORK, sessions::fork)
        .custom_method(method::SESSION_REVERT, sessions::revert)
        .custom_method(method::SESSION_RENAME, sessions::rename)
        .custom_method(method::SESSION_DELETE, sessions::delete)
        .custom_method(method::SESSION_SEARCH, sessions::search)
        .custom_method(method::MODELS, offered::models)
        .custom_method(method::AGENTS, offered::agents)
        .custom_method(method::COMMANDS, offered::commands)
        .custom_method(method::CONTEXT_SUGGEST, offered::suggest)
        .custom_method(method::PERMISSION_REPLY, replies::permission)
        .custom_method(method::QUESTION_REPLY, replies::question)
        .custom_method(method::REVIEW_LIST, replies::review_list)
        .custom_method(method::REVIEW_DECIDE, replies::review_decide)
        .custom_method(method::STATUS, status::status)
        .custom_method(method::PING, status::ping)
        .finish()
}

/// Serves the editor on stdin and stdout until it goes, or until somebody asks us to end. An editor that goes without having
/// said so is one that crashed or was ended (LSP 3.18, Exit Notification).
///
/// # Errors
/// None today: what goes wrong is told to the editor.
pub(crate) async fn serve_stdio() -> Result<ExitCode> {
    let (input, gone) = pipe::stdin()?;
    serve(input, gone, Stdout::new()).await
}

/// Serves one editor on a loopback address, for debugging. The address is printed when it can be connected to.
///
/// # Errors
/// `user.invalid_input` when the address is not of this machine; when it cannot be listened on.
pub(crate) async fn serve_tcp(address: SocketAddr) -> Result<ExitCode> {
    if !address.ip().is_loopback() {
        return Err(Error::new(
            ErrorKind::InvalidInput,
            format!("{address} is not an address of this machine"),
        )
        .with_hint("listen on 127.0.0.1:PORT: whoever can connect can do what you can"));
    }
    let refused = |error: std::io::Error| {
        Error::new(ErrorKind::Io, format!("cannot listen on {address}: {error}"))
            .with_hint("choose another port; port 0 chooses one that is free")
    };
    let listener = TcpListener::bind(address).await.map_err(refused)?;
    output::print_line(&listener.local_addr().map_err(refused)?.to_string());
    let (stream, _) = listener.accept().await?;
    // Small messages that nobody should wait for.
    stream.set_nodelay(true)?;
    drop(listener);
    let (input, output) = stream.into_split();
    let (input, gone) = pipe::checked(input);
    serve(input, gone, output).await
}

async fn serve<I, O>(input: I, gone: impl Future<Output = ()>, output: O) -> Result<ExitCode>
where
    I: AsyncRead + Send + Unpin + 'static,
    O: AsyncWrite,
{
    boundary::log_panics();
    let (service, socket) = service();
    let backend = service.inner().clone();
    let boundary = Boundary::new(service);
    let farewell = boundary.farewell();
    let serving = Server::new(input, output, socket).concurrency_level(CONCURRENCY).serve(boundary);
    tokio::select! {
        () = serving => {}
        () = gone => tracing::debug!("the editor is gone while requests were under way"),
        () = crate::interrupted() => tracing::debug!("asked to end"),
    }
    if tokio::time::timeout(CLOSE, backend.close()).await.is_err() {
        tracing::warn!("what was begun could not be ended in time");
    }
    Ok(farewell.code())
}
