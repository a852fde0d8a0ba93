//! A plain HTTP client for the tests of the kit: one request a connection, no cleverness, everything bounded.
#![allow(dead_code, missing_docs)]

use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::{Request, Response, body::Incoming};
use hyper_util::rt::TokioIo;
use serde_json::Value;

pub const BOUND: Duration = Duration::from_secs(60);

pub async fn send(base: &str, method: &str, path: &str, body: Option<&Value>) -> Response<Incoming> {
    send_with(base, method, path, body, &[]).await
}

pub async fn send_with(
    base: &str,
    method: &str,
    path: &str,
    body: Option<&Value>,
    headers: &[(&str, &str)],
) -> Response<Incoming> {
    let authority = base.strip_prefix("http://").unwrap().trim_end_matches('/');
    let authority = authority.split('/').next().unwrap();
    let stream = tokio::net::TcpStream::connect(authority).await.expect("connect");
    let (mut sender, connection) =
        hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.expect("handshake");
    tokio::spawn(async move { connection.await.ok() });
    let mut request = Request::builder().method(method).uri(path).header("host", authority);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let bytes = match body {
        Some(body) => {
            request = request.header("content-type", "application/json");
            Bytes::from(body.to_string())
        }
        None => Bytes::new(),
    };
    let answer = sender.send_request(request.body(Full::new(bytes)).unwrap());
    tokio::time::timeout(BOUND, answer).await.expect("an answer in time").expect("an answer")
}

/// Status and body; panics when the body is cut.
pub async fn ask(base: &str, method: &str, path: &str, body: Option<&Value>) -> (u16, Value) {
    let response = send(base, method, path, body).await;
    let status = response.status().as_u16();
    let bytes =
        tokio::time::timeout(BOUND, response.into_body().collect()).await.unwrap().unwrap().to_bytes();
    let value = serde_json::from_slice(&bytes)
        .unwrap_or_else(|_| Value::String(String::from_utf8_lossy(&bytes).into_owned()));
    (status, value)
}

/// Everything of the body until it ends, and whether it ended well.
pub async fn drain(response: Response<Incoming>) -> (Vec<u8>, bool) {
    let mut body = response.into_body();
    let mut all = Vec::new();
    loop {
        match tokio::time::timeout(BOUND, body.frame()).await.expect("the body goes on or ends") {
            None => return (all, true),
            Some(Err(_)) => return (all, false),
            Some(Ok(frame)) => all.extend_from_slice(frame.data_ref().map_or(&[][..], |d| &d[..])),
        }
    }
}
