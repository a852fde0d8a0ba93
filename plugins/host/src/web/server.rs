//! The server: connections, limits, and which answer a request gets.

use std::convert::Infallible;
use std::net::Ipv4Addr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt as _, Limited};
use hyper::body::Incoming;
use hyper::header::{CONTENT_TYPE, HeaderMap};
use hyper::{Method, Request, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use opencode_nexus::Result;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, mpsc};
use tokio_util::sync::{CancellationToken, DropGuard};

use super::answer::{self, Answer};
use super::gate::{self, Gate, Pass};
use super::{Assets, Pages, WebGuest, WebRequest};

/// Connections at once.
const CONNECTIONS: usize = 64;

/// Requests that the plugin answers at once.
const ASKED: usize = 8;

/// The head of a request: bytes, headers, and how long it may take.
const HEAD: usize = 16 << 10;
const HEADERS: usize = 64;
const HEAD_WITHIN: Duration = Duration::from_secs(10);

/// The body of a request.
const BODY: usize = 1 << 20;
const BODY_WITHIN: Duration = Duration::from_secs(10);

/// The plugin's answer, waiting for its turn included; the call itself has a shorter budget.
const ANSWER_WITHIN: Duration = Duration::from_secs(10);

/// How often pages are told that somebody is there.
const PING: Duration = Duration::from_secs(15);

/// Pages that have opened or closed, for a plugin that is slow; more are not told.
const VISITS: usize = 256;

/// A running server. It ends when it is dropped.
pub struct WebServer {
    address: String,
    pages: Arc<Pages>,
    _stop: DropGuard,
}

impl std::fmt::Debug for WebServer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // The address holds the token.
        f.debug_struct("WebServer").field("pages", &self.pages).finish_non_exhaustive()
    }
}

struct Shared {
    gate: Gate,
    assets: Assets,
    pages: Arc<Pages>,
    guest: Arc<dyn WebGuest>,
    asked: Semaphore,
    visits: mpsc::Sender<Visit>,
}

enum Visit {
    Open(u32),
    Close(u32),
}

impl WebServer {
    /// Starts a server at a free port of 127.0.0.1.
    ///
    /// # Errors
    /// `system.io` when no port can be had.
    pub async fn start(assets: Assets, pages: Arc<Pages>, guest: Arc<dyn WebGuest>) -> Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let gate = Gate::new(listener.local_addr()?.port(), gate::secret()?, gate::secret()?);
        let (visits, visited) = mpsc::channel(VISITS);
        let (address, stop) = (gate.address(), CancellationToken::new());
        let shared = Arc::new(Shared {
            gate,
            assets,
            pages: pages.clone(),
            guest: guest.clone(),
            asked: Semaphore::new(ASKED),
            visits,
        });
        for task in [
            tokio::spawn(within(stop.clone(), accept(listener, shared, stop.clone()))),
            tokio::spawn(within(stop.clone(), tell(guest, visited))),
            tokio::spawn(within(stop.clone(), ping(pages.clone()))),
        ] {
            // They end by the token.
            drop(task);
        }
        Ok(Self { address, pages, _stop: stop.drop_guard() })
    }

    /// The address with the token, for the person and nobody else.
    pub fn address(&self) -> &str {
        &self.address
    }

    /// The pages that are open.
    pub fn pages(&self) -> &Arc<Pages> {
        &self.pages
    }
}

async fn within(stop: CancellationToken, task: impl Future<Output = ()>) {
    stop.run_until_cancelled(task).await;
}

async fn ping(pages: Arc<Pages>) {
    loop {
        tokio::time::sleep(PING).await;
        pages.ping();
    }
}

/// One after the other, so that no page closes before it has opened.
async fn tell(guest: Arc<dyn WebGuest>, mut visits: mpsc::Receiver<Visit>) {
    while let Some(visit) = visits.recv().await {
        match visit {
            Visit::Open(client) => guest.client_open(client).await,
            Visit::Close(client) => guest.client_close(client).await,
        }
    }
}

async fn accept(listener: TcpListener, shared: Arc<Shared>, stop: CancellationToken) {
    let free = Arc::new(Semaphore::new(CONNECTIONS));
    loop {
        let Ok(permit) = free.clone().acquire_owned().await else { return };
        match listener.accept().await {
            Ok((stream, _)) => {
                let (shared, stop) = (shared.clone(), stop.clone());
                tokio::spawn(async move {
                    stop.run_until_cancelled(serve(stream, shared)).await;
                    drop(permit);
                });
            }
            Err(error) => {
                // Too many open files, most often: they will be fewer.
                tracing::debug!(%error, "a connection of a page could not be taken");
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        }
    }
}

async fn serve(stream: TcpStream, shared: Arc<Shared>) {
    let service = hyper::service::service_fn(move |request| {
        let shared = shared.clone();
        async move { Ok::<_, Infallible>(shared.answer(request).await) }
    });
    let connection = hyper::server::conn::http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_WITHIN)
        .max_headers(HEADERS)
        .max_buf_size(HEAD)
        .serve_connection(TokioIo::new(stream), service);
    if let Err(error) = connection.await {
        tracing::debug!(%error, "the connection of a page has ended");
    }
}

impl Shared {
    async fn answer(self: &Arc<Self>, request: Request<Incoming>) -> Answer {
        let (method, uri) = (request.method(), request.uri());
        match self.gate.check(method, uri, request.headers()) {
            Err(refusal) => return answer::text(refusal.status(), refusal.text()),
            Ok(Pass::First) => return answer::first(&self.gate.set_cookie()),
            Ok(Pass::Known) => {}
        }
        let reads = method == Method::GET || method == Method::HEAD;
        if uri.path() == "/events" {
            return match *method == Method::GET {
                true => self.listen(request.headers()),
                false => answer::text(StatusCode::METHOD_NOT_ALLOWED, "events are read with GET"),
            };
        }
        match self.assets.find(uri.path()) {
            Some((content, kind)) if reads => answer::bytes(StatusCode::OK, kind, content),
            Some(_) => answer::text(StatusCode::METHOD_NOT_ALLOWED, "files are read with GET"),
            // Browsers ask for it by themselves, and complain when it is not there.
            None if uri.path() == "/favicon.ico" => answer::bytes(StatusCode::NO_CONTENT, "image/x-icon", ""),
            None => self.ask(request).await,
        }
    }

    fn listen(self: &Arc<Self>, headers: &HeaderMap) -> Answer {
        let last = headers.get("last-event-id").and_then(|last| last.to_str().ok());
        let Some((client, listening)) = self.pages.open(last) else {
            return answer::text(
                StatusCode::SERVICE_UNAVAILABLE,
                "too many pages are open; close some of them",
            );
        };
        let visits = self.visits.clone();
        // A plugin that does not keep up with pages that come and go misses some of them.
        let _ = visits.try_send(Visit::Open(client));
        answer::events(listening.and_then(move || {
            let _ = visits.try_send(Visit::Close(client));
        }))
    }

    /// Asks the plugin.
    async fn ask(&self, request: Request<Incoming>) -> Answer {
        let header = |name: &str| {
            request.headers().get(name).and_then(|value| value.to_str().ok()).unwrap_or_default().to_owned()
        };
        let client = header("nexus-client").parse().unwrap_or_default();
        let client = if self.pages.is_open(client) { client } else { 0 };
        let (method, content_type) = (request.method().to_string(), header(CONTENT_TYPE.as_str()));
        let path = request.uri().path().to_owned();
        let query = request.uri().query().unwrap_or_default().to_owned();
        let body = match body(request).await {
            Ok(body) => body.to_vec(),
            Err(answer) => return answer,
        };
        let asked = async {
            let _turn = self.asked.acquire().await;
            self.guest.on_web(WebRequest { client, method, path, query, content_type, body }).await
        };
        match tokio::time::timeout(ANSWER_WITHIN, asked).await {
            Ok(Ok(response)) => answer::of_plugin(response),
            Ok(Err(error)) => {
                tracing::warn!(%error, "a plugin could not answer its page");
                answer::text(StatusCode::BAD_GATEWAY, "the plugin could not answer; see its log")
            }
            Err(_) => answer::text(StatusCode::GATEWAY_TIMEOUT, "the plugin did not answer in time"),
        }
    }
}

async fn body(request: Request<Incoming>) -> std::result::Result<Bytes, Answer> {
    let collected = Limited::new(request.into_body(), BODY).collect();
    match tokio::time::timeout(BODY_WITHIN, collected).await {
        Ok(Ok(body)) => Ok(body.to_bytes()),
        Ok(Err(_)) => {
            Err(answer::text(StatusCode::PAYLOAD_TOO_LARGE, "the body is longer than 1 MiB, or broken off"))
        }
        Err(_) => Err(answer::text(StatusCode::REQUEST_TIMEOUT, "the body did not come in time")),
    }
}
