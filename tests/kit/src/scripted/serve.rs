//! The HTTP side of the scripted model.

use std::collections::HashMap;
use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use futures_util::stream;
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt as _, Full, Limited, StreamBody};
use hyper::body::{Frame, Incoming};
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use regex::Regex;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::task::JoinSet;

use super::behaviour::{Action, Behaviour, Turn};
use super::reply::{Reply, Source, Step};
use super::request::SeenRequest;
use super::words;

type Body = UnsyncBoxBody<Bytes, std::io::Error>;

/// Bound of a request body: conversations with files in them stay far below.
const REQUEST_BYTES: usize = 64 * 1024 * 1024;

/// A running model. Dropping it closes its port and all its connections.
pub struct ScriptedModel {
    shared: Arc<Shared>,
    address: SocketAddr,
    task: tokio::task::JoinHandle<()>,
}

struct Shared {
    behaviour: Behaviour,
    patterns: Vec<Regex>,
    log: Mutex<Log>,
}

#[derive(Default)]
struct Log {
    requests: Vec<SeenRequest>,
    attempts: HashMap<u64, usize>,
}

impl ScriptedModel {
    /// Starts a model on a free port of 127.0.0.1, on the current tokio runtime.
    ///
    /// # Errors
    /// A pattern that is no regular expression (`InvalidInput`), or no port.
    pub async fn start(behaviour: Behaviour) -> std::io::Result<Self> {
        let patterns = behaviour.conversations.iter().map(|c| Regex::new(&c.pattern));
        let patterns = patterns
            .collect::<Result<Vec<_>, _>>()
            .map_err(|e| std::io::Error::new(std::io::ErrorKind::InvalidInput, e))?;
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let address = listener.local_addr()?;
        let shared = Arc::new(Shared { behaviour, patterns, log: Mutex::default() });
        let task = tokio::spawn(accept(listener, shared.clone()));
        Ok(Self { shared, address, task })
    }

    /// The base URL for an OpenAI-compatible provider, `http://127.0.0.1:PORT/v1`.
    pub fn url(&self) -> String {
        format!("http://{}/v1", self.address)
    }

    /// The names of its models.
    pub fn models(&self) -> &[String] {
        &self.shared.behaviour.models
    }

    /// Every request so far, oldest first.
    pub fn requests(&self) -> Vec<SeenRequest> {
        self.shared.log().requests.clone()
    }

    /// The requests that were for an answer, not for a title.
    pub fn prompts(&self) -> Vec<SeenRequest> {
        let wanted = |r: &SeenRequest| r.path.ends_with("/chat/completions") && !r.is_title();
        self.shared.log().requests.iter().filter(|r| wanted(r)).cloned().collect()
    }
}

impl Drop for ScriptedModel {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn accept(listener: TcpListener, shared: Arc<Shared>) {
    let mut connections = JoinSet::new();
    loop {
        let Ok((socket, _)) = listener.accept().await else {
            // Out of descriptors, for example: others may close theirs meanwhile.
            tokio::time::sleep(Duration::from_millis(50)).await;
            continue;
        };
        socket.set_nodelay(true).ok();
        while connections.try_join_next().is_some() {}
        let shared = shared.clone();
        connections.spawn(async move {
            let service = hyper::service::service_fn(move |request| {
                let shared = shared.clone();
                async move { Ok::<_, Infallible>(answer(&shared, request).await) }
            });
            // An error here is a client that went away or a `drop` of the script.
            hyper::server::conn::http1::Builder::new()
                .serve_connection(TokioIo::new(socket), service)
                .await
                .ok();
        });
    }
}

async fn answer(shared: &Shared, request: Request<Incoming>) -> Response<Body> {
    let path = request.uri().path().to_owned();
    let headers = request.headers().iter();
    let headers = headers
        .map(|(name, value)| (name.to_string(), String::from_utf8_lossy(value.as_bytes()).into_owned()))
        .collect();
    let Ok(body) = Limited::new(request.into_body(), REQUEST_BYTES).collect().await else {
        return json_answer(StatusCode::PAYLOAD_TOO_LARGE, &json!({"error": {"message": "too large"}}));
    };
    let body = serde_json::from_slice(&body.to_bytes()).unwrap_or_default();
    let seen = SeenRequest { path, headers, body };
    match seen.path.as_str() {
        "/v1/models" => {
            let models: Vec<Value> = shared.behaviour.models.iter().map(model_object).collect();
            json_answer(StatusCode::OK, &json!({"object": "list", "data": models}))
        }
        "/v1/chat/completions" => chat(shared, seen).await,
        _ => {
            shared.log().requests.push(seen);
            json_answer(StatusCode::NOT_FOUND, &json!({"error": {"message": "no such route"}}))
        }
    }
}

fn model_object(name: &String) -> Value {
    json!({"id": name, "object": "model", "created": 0, "owned_by": "script"})
}

async fn chat(shared: &Shared, seen: SeenRequest) -> Response<Body> {
    let user = seen.user_text();
    let (number, attempt) = shared.note(&seen);
    let actions = shared.actions(&seen, &user, attempt);
    let model = seen.body.get("model").and_then(Value::as_str).unwrap_or("scripted");
    for action in &actions {
        if let Some(status) = action.status {
            return failure(status, action);
        }
        match action.sleep {
            Some(milliseconds) => tokio::time::sleep(Duration::from_millis(milliseconds)).await,
            None => break,
        }
    }
    // The waits before the first word are over.
    let spoken: Vec<Action> = actions.iter().skip_while(|a| a.sleep.is_some()).cloned().collect();
    let prompt_tokens = words::count(&seen.body.get("messages").map(Value::to_string).unwrap_or_default());
    let defaults = &shared.behaviour.defaults;
    let source = Source { actions: &spoken, defaults, user: &user, model, number, prompt_tokens };
    let reply = Reply::new(&source);
    if seen.is_stream() {
        return streamed(reply.steps);
    }
    for step in &reply.steps {
        match step {
            Step::Sleep(time) => tokio::time::sleep(*time).await,
            Step::Hang => std::future::pending().await,
            Step::Drop => return streamed(vec![Step::Drop]),
            Step::Frame(_) => {}
        }
    }
    json_answer(StatusCode::OK, &reply.object())
}

impl Shared {
    fn log(&self) -> MutexGuard<'_, Log> {
        self.log.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Number of the request, and how often it came before.
    fn note(&self, seen: &SeenRequest) -> (usize, usize) {
        let mut log = self.log();
        log.requests.push(seen.clone());
        let number = log.requests.len();
        let count = log.attempts.entry(seen.fingerprint()).or_default();
        *count += 1;
        (number, *count - 1)
    }

    fn actions(&self, seen: &SeenRequest, user: &str, attempt: usize) -> Vec<Action> {
        if seen.is_title() {
            return vec![Action::text(&self.behaviour.title)];
        }
        let matching = self.patterns.iter().position(|p| p.is_match(user));
        let Some(conversation) = matching.map(|i| &self.behaviour.conversations[i]) else {
            return vec![Action::text("The script has no answer to this.")];
        };
        // Not the last turn again: a tool call there would never come to an end.
        let past_the_end = || vec![Action::text("The script has no more turns.")];
        conversation.turns.get(seen.turn()).map_or_else(past_the_end, |t: &Turn| t.actions(attempt).to_vec())
    }
}

fn failure(status: u16, action: &Action) -> Response<Body> {
    let default = || json!({"error": {"message": format!("scripted error {status}"), "type": "scripted"}});
    let body = action.body.clone().unwrap_or_else(default);
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut response = json_answer(status, &body);
    for (name, value) in &action.headers {
        if let (Ok(name), Ok(value)) =
            (hyper::header::HeaderName::try_from(name), hyper::header::HeaderValue::try_from(value))
        {
            response.headers_mut().insert(name, value);
        }
    }
    response
}

fn json_answer(status: StatusCode, value: &Value) -> Response<Body> {
    let body = Full::new(Bytes::from(value.to_string())).map_err(|never| match never {}).boxed_unsync();
    with_type(status, "application/json", body)
}

fn streamed(steps: Vec<Step>) -> Response<Body> {
    let frames = stream::unfold(steps.into_iter(), |mut steps| async move {
        loop {
            match steps.next()? {
                Step::Frame(text) => return Some((Ok(Frame::data(Bytes::from(text))), steps)),
                Step::Sleep(time) => tokio::time::sleep(time).await,
                Step::Hang => std::future::pending().await,
                Step::Drop => {
                    // What was said before must leave this process first, or the peer sees nothing of it.
                    tokio::time::sleep(Duration::from_millis(20)).await;
                    return Some((Err(std::io::Error::other("dropped by the script")), steps));
                }
            }
        }
    });
    with_type(StatusCode::OK, "text/event-stream", StreamBody::new(frames).boxed_unsync())
}

fn with_type(status: StatusCode, content_type: &'static str, body: Body) -> Response<Body> {
    let mut response = Response::new(body);
    *response.status_mut() = status;
    let value = hyper::header::HeaderValue::from_static(content_type);
    response.headers_mut().insert(hyper::header::CONTENT_TYPE, value);
    response
}
