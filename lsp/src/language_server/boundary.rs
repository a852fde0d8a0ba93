//! What every message passes on its way to a handler: the boundary that no panic crosses, and the farewell of the editor.

use std::panic::AssertUnwindSafe;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};

use futures_util::future::{BoxFuture, FutureExt as _};
use serde_json::{Value, json};
use tower_lsp_server::jsonrpc::{self, Id, Request, Response};
use tower_service::Service;

use super::frames::MALFORMED;

/// A service in which a panic is an error of one request.
pub(super) struct Boundary<S> {
    inner: S,
    farewell: Arc<Farewell>,
}

/// How the editor has gone.
#[derive(Default)]
pub(super) struct Farewell {
    shutdown: AtomicBool,
    exit: AtomicBool,
}

impl Farewell {
    /// 0, or 1 for an editor that says `exit` and has not said `shutdown` before (LSP 3.18, Exit Notification).
    pub(super) fn code(&self) -> ExitCode {
        match self.exit.load(Ordering::SeqCst) && !self.shutdown.load(Ordering::SeqCst) {
            true => ExitCode::FAILURE,
            false => ExitCode::SUCCESS,
        }
    }

    fn hear(&self, method: &str) {
        match method {
            "shutdown" => self.shutdown.store(true, Ordering::SeqCst),
            "exit" => self.exit.store(true, Ordering::SeqCst),
            _ => {}
        }
    }
}

impl<S> Boundary<S> {
    pub(super) fn new(inner: S) -> Self {
        Self { inner, farewell: Arc::default() }
    }

    pub(super) fn farewell(&self) -> Arc<Farewell> {
        self.farewell.clone()
    }
}

impl<S> Service<Request> for Boundary<S>
where
    S: Service<Request, Response = Option<Response>>,
    S::Future: Send + 'static,
    S::Error: 'static,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = BoxFuture<'static, Result<Self::Response, Self::Error>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request) -> Self::Future {
        if request.method() == MALFORMED {
            let response = malformed(request.params());
            return async move { Ok(Some(response)) }.boxed();
        }
        self.farewell.hear(request.method());
        let (method, id) = (request.method().to_owned(), request.id().cloned());
        let request = with_params(request);
        // No lock of ours stays poisoned: they are all taken over as they are.
        let begun = std::panic::catch_unwind(AssertUnwindSafe(|| self.inner.call(request)));
        async move {
            let done = match begun {
                Ok(future) => AssertUnwindSafe(future).catch_unwind().await,
                Err(panic) => Err(panic),
            };
            match done {
                Ok(Ok(response)) => {
                    let response = response.or_else(|| unanswered(id, &method));
                    Ok(response.map(|response| explained(response, &method)))
                }
                Ok(Err(error)) => Err(error),
                Err(_) => Ok(panicked(id, &method)),
            }
        }
        .boxed()
    }
}

/// Methods of ours may be called without parameters; the library would refuse that for those that could have some.
fn with_params(request: Request) -> Request {
    match request.params() {
        None if request.method().starts_with("nexus/") => {
            let (method, id, _) = request.into_parts();
            let built = Request::build(method).params(Value::Null);
            match id {
                Some(id) => built.id(id).finish(),
                None => built.finish(),
            }
        }
        _ => request,
    }
}

/// The library lets whatever begins with `$/` and is unknown go; only a notification may be let go (LSP 3.18, `$` Notifications
/// and Requests).
fn unanswered(id: Option<Id>, method: &str) -> Option<Response> {
    let id = id.filter(|_| method.starts_with("$/"))?;
    Some(Response::from_error(id, jsonrpc::Error::method_not_found()))
}

/// The answer to what was no message; it has no identifier (JSON-RPC 2.0, Response object).
fn malformed(params: Option<&Value>) -> Response {
    let is_json = params.is_some_and(|params| params["isJson"] == true);
    let why = params.and_then(|params| params["why"].as_str()).unwrap_or_default().to_owned();
    tracing::warn!(why, "the editor has sent what is no message");
    let mut error = match is_json {
        true => jsonrpc::Error::invalid_request(),
        false => jsonrpc::Error::parse_error(),
    };
    error.message = format!("this is {why}").into();
    error.data = Some(json!({
        "code": "user.invalid_input",
        "message": format!("this is {why}"),
        "hint": "send JSON-RPC 2.0 with a Content-Length of its bytes",
        "retryable": false,
    }));
    Response::from_error(Id::Null, error)
}

fn panicked(id: Option<Id>, method: &str) -> Option<Response> {
    tracing::error!(method, "a handler has failed; the language server goes on");
    let mut error = jsonrpc::Error::internal_error();
    error.message = format!("{method} has failed in the language server; see its log, and report it").into();
    error.data = Some(json!({
        "code": "system.internal",
        "message": format!("{method} has failed in the language server"),
        "hint": "see the log, and report it",
        "retryable": false,
    }));
    Some(Response::from_error(id?, error))
}

/// The library says little about methods that it does not know and parameters that it cannot read.
fn explained(response: Response, method: &str) -> Response {
    let Some(error) = response.error() else { return response };
    let (message, hint) = match error.code {
        jsonrpc::ErrorCode::MethodNotFound => (
            format!("there is no method {}", method.escape_debug()),
            "see whether editor plugin and nexus have the same version",
        ),
        jsonrpc::ErrorCode::InvalidParams if error.data.is_none() => (
            format!("the parameters of {method} cannot be read: {}", error.message),
            "PROTOCOL.md has all parameters",
        ),
        _ => return response,
    };
    let mut error = error.clone();
    error.message = format!("{message}; {hint}").into();
    // The library looks at the method's name here to let unknown `$/` notifications go.
    if error.data.is_none() {
        error.data = Some(
            json!({ "code": "user.invalid_input", "message": message, "hint": hint, "retryable": false }),
        );
    }
    let (id, _) = response.into_parts();
    Response::from_error(id, error)
}

/// A panic is a line of the log with its place; its text may hold anything and is left out.
pub(super) fn log_panics() {
    let before = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        match panic.location() {
            Some(place) => tracing::error!(file = place.file(), line = place.line(), "a panic"),
            None => tracing::error!("a panic"),
        }
        before(panic);
    }));
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Panics;

    impl Service<Request> for Panics {
        type Response = Option<Response>;
        type Error = std::convert::Infallible;
        type Future = BoxFuture<'static, Result<Self::Response, Self::Error>>;

        fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
            Poll::Ready(Ok(()))
        }

        fn call(&mut self, request: Request) -> Self::Future {
            match request.method() {
                "at-once" => panic!("at once"),
                "later" => async { panic!("later") }.boxed(),
                "params" => {
                    let (_, id, params) = request.into_parts();
                    async move { Ok(id.map(|id| Response::from_ok(id, json!(params.is_some())))) }.boxed()
                }
                _ => async { Ok(None) }.boxed(),
            }
        }
    }

    async fn call(method: &'static str) -> Option<Response> {
        Boundary::new(Panics).call(Request::build(method).id(7).finish()).await.unwrap()
    }

    #[tokio::test]
    async fn a_panic_is_one_error_wherever_it_happens() {
        for method in ["at-once", "later"] {
            let response = call(method).await.unwrap();
            let error = response.error().unwrap();
            assert_eq!(error.code, jsonrpc::ErrorCode::InternalError);
            assert_eq!(error.data.as_ref().unwrap()["code"], "system.internal");
            assert!(error.message.contains(method) && !error.message.contains("panic"));
        }
    }

    #[tokio::test]
    async fn the_editor_that_leaves_without_a_word_is_told_apart() {
        let mut boundary = Boundary::new(Panics);
        let farewell = boundary.farewell();
        boundary.call(Request::build("exit").finish()).await.unwrap();
        assert_eq!(format!("{:?}", farewell.code()), format!("{:?}", ExitCode::FAILURE));
        boundary.call(Request::build("shutdown").id(1).finish()).await.unwrap();
        assert_eq!(format!("{:?}", farewell.code()), format!("{:?}", ExitCode::SUCCESS));
    }
}
