//! A server on this machine that answers as a script says, and remembers what it was asked.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use opencode_nexus::{Error, ErrorKind, Result};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio_util::task::AbortOnDropHandle;

/// What is answered to a request.
#[derive(Clone, Debug)]
pub struct Answer {
    /// `GET`, `POST`, …
    pub method: String,
    /// The path, with its query when that matters: one without `?` stands for every query.
    pub path: String,
    /// The status.
    pub status: u16,
    /// Headers by name.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Vec<u8>,
    /// How often this answer is given before the next one that fits; `None` for ever.
    pub times: Option<u32>,
}

/// What was asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asked {
    /// `GET`, `POST`, …
    pub method: String,
    /// The path with its query.
    pub path: String,
    /// Headers by name, in lower case.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Vec<u8>,
}

/// The server; it ends when it is dropped.
pub struct Server {
    address: SocketAddr,
    state: Arc<Mutex<State>>,
    _task: AbortOnDropHandle<()>,
}

struct State {
    answers: Vec<Answer>,
    asked: Vec<Asked>,
    count: watch::Sender<usize>,
}

impl Server {
    /// Starts it on a port of its own. What no answer fits is answered with 404.
    ///
    /// # Errors
    /// `user.invalid_input` for an answer that cannot be sent; when there is no port.
    pub async fn start(answers: Vec<Answer>) -> Result<Self> {
        for answer in &answers {
            check(answer)?;
        }
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let address = listener.local_addr()?;
        let state = Arc::new(Mutex::new(State { answers, asked: Vec::new(), count: watch::Sender::new(0) }));
        let task = tokio::spawn(serve(listener, Arc::clone(&state)));
        Ok(Self { address, state, _task: AbortOnDropHandle::new(task) })
    }

    /// `127.0.0.1:PORT`
    pub fn host(&self) -> String {
        self.address.to_string()
    }

    /// `http://127.0.0.1:PORT`
    pub fn address(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Until it was asked so often, or so long.
    pub async fn wait(&self, count: usize, bound: Duration) {
        let mut asked = lock(&self.state).count.subscribe();
        // Whoever waits looks at what was asked, and finds what is missing.
        let _ = tokio::time::timeout(bound, asked.wait_for(|asked| *asked >= count)).await;
    }

    /// What it was asked so far, in its order.
    pub fn asked(&self) -> Vec<Asked> {
        lock(&self.state).asked.clone()
    }
}

/// What cannot be sent is said before anything is asked.
fn check(answer: &Answer) -> Result<()> {
    let mut response = Response::builder().status(answer.status);
    for (name, value) in &answer.headers {
        response = response.header(name, value);
    }
    response.body(()).map(drop).map_err(|error| {
        let message = format!("the answer to {} {} cannot be sent: {error}", answer.method, answer.path);
        Error::new(ErrorKind::InvalidInput, message).with_source(error)
    })
}

async fn serve(listener: TcpListener, state: Arc<Mutex<State>>) {
    // Its connections end with it.
    let mut connections = tokio::task::JoinSet::new();
    while let Ok((stream, _)) = listener.accept().await {
        connections.spawn(connection(stream, Arc::clone(&state)));
        while connections.try_join_next().is_some() {}
    }
}

async fn connection(stream: TcpStream, state: Arc<Mutex<State>>) {
    let service = service_fn(|request: Request<Incoming>| {
        let state = Arc::clone(&state);
        async move { Ok::<_, Infallible>(answer(request, &state).await) }
    });
    let served =
        hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
    if let Err(error) = served {
        tracing::debug!(%error, "the connection to the scripted server ended");
    }
}

async fn answer(request: Request<Incoming>, state: &Mutex<State>) -> Response<Full<Bytes>> {
    let (head, body) = request.into_parts();
    let body = body.collect().await.map(|body| body.to_bytes().to_vec()).unwrap_or_default();
    let method = head.method.as_str().to_owned();
    let path = head.uri.path_and_query().map_or_else(String::new, |path| path.as_str().to_owned());
    let text = |value: &hyper::header::HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
    let headers = head.headers.iter().map(|(name, value)| (name.as_str().to_owned(), text(value))).collect();
    let mut state = lock(state);
    let found = find(&mut state.answers, &method, &path);
    state.asked.push(Asked { method, path, headers, body });
    state.count.send_modify(|count| *count += 1);
    let Some(found) = found else { return plain(404, "the script of this test has no answer to that") };
    let mut response = Response::builder().status(found.status);
    for (name, value) in &found.headers {
        response = response.header(name, value);
    }
    response.body(Full::from(found.body)).unwrap_or_else(|_| plain(500, "the scripted answer cannot be sent"))
}

/// The first answer that fits and is not used up.
fn find(answers: &mut [Answer], method: &str, path: &str) -> Option<Answer> {
    let bare = path.split('?').next().unwrap_or(path);
    let fits = |answer: &&mut Answer| {
        let wanted = if answer.path.contains('?') { path } else { bare };
        answer.method == method && answer.path == wanted && answer.times != Some(0)
    };
    let answer = answers.iter_mut().find(fits)?;
    if let Some(times) = &mut answer.times {
        *times -= 1;
    }
    Some(answer.clone())
}

fn plain(status: u16, text: &'static str) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::from(text));
    *response.status_mut() =
        hyper::StatusCode::from_u16(status).unwrap_or(hyper::StatusCode::INTERNAL_SERVER_ERROR);
    response
}

fn lock(state: &Mutex<State>) -> std::sync::MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_that_is_used_up_gives_way_to_the_next() {
        let answer = |path: &str, status, times| {
            let (method, path) = ("GET".to_owned(), path.to_owned());
            Answer { method, path, status, headers: Vec::new(), body: Vec::new(), times }
        };
        let mut answers = [answer("/a", 503, Some(1)), answer("/a?x=1", 201, None), answer("/a", 200, None)];
        let mut status = |path: &str| find(&mut answers, "GET", path).map(|answer| answer.status);
        assert_eq!(status("/a?y=1"), Some(503));
        assert_eq!(status("/a?x=1"), Some(201));
        assert_eq!(status("/a"), Some(200));
        assert_eq!(status("/b"), None);
    }
}
