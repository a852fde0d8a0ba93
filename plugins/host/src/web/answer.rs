//! Answers, and the headers that all of them have.

use std::convert::Infallible;

use bytes::Bytes;
use futures_util::StreamExt as _;
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt, Full, StreamBody};
use hyper::body::Frame;
use hyper::header::{self, HeaderName, HeaderValue};
use hyper::{Response, StatusCode};

use super::WebResponse;
use super::pages::Listening;

pub(super) type Answer = Response<BoxBody<Bytes, Infallible>>;

/// More than this a plugin may not answer.
const LONGEST: usize = 8 << 20;

/// Pages may load, frame and reach nothing but themselves, and nobody may frame or embed them.
const ALWAYS: [(HeaderName, &str); 8] = [
    (
        header::CONTENT_SECURITY_POLICY,
        "default-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'; object-src 'none'",
    ),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::X_FRAME_OPTIONS, "DENY"),
    (header::REFERRER_POLICY, "no-referrer"),
    (header::CACHE_CONTROL, "no-store"),
    (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
    (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
    (
        HeaderName::from_static("permissions-policy"),
        "camera=(), microphone=(), geolocation=(), usb=(), serial=()",
    ),
];

fn answer(status: StatusCode, content_type: HeaderValue, body: BoxBody<Bytes, Infallible>) -> Answer {
    let mut answer = Response::new(body);
    *answer.status_mut() = status;
    let headers = answer.headers_mut();
    headers.insert(header::CONTENT_TYPE, content_type);
    for (name, value) in ALWAYS {
        headers.insert(name, HeaderValue::from_static(value));
    }
    answer
}

pub(super) fn bytes(status: StatusCode, content_type: &'static str, body: impl Into<Bytes>) -> Answer {
    answer(status, HeaderValue::from_static(content_type), Full::new(body.into()).boxed())
}

/// One line for a person.
pub(super) fn text(status: StatusCode, text: &str) -> Answer {
    bytes(status, "text/plain; charset=utf-8", format!("{text}\n"))
}

/// Takes the token out of the address. The page that follows is asked for by this one, so its cookie comes along, which it
/// would not behind a redirect of something that was clicked on elsewhere.
pub(super) fn first(set_cookie: &str) -> Answer {
    const PAGE: &str = "<!doctype html><meta charset=\"utf-8\"><meta http-equiv=\"refresh\" content=\"0; url=/\">\
        <title>OpenCode Nexus</title><p><a href=\"/\">Continue</a></p>\n";
    let mut answer = bytes(StatusCode::OK, "text/html; charset=utf-8", PAGE);
    if let Ok(cookie) = HeaderValue::from_str(set_cookie) {
        answer.headers_mut().insert(header::SET_COOKIE, cookie);
    }
    answer
}

/// Server-sent events.
pub(super) fn events(listening: Listening) -> Answer {
    let frames = listening.map(|bytes| Ok(Frame::data(bytes)));
    answer(
        StatusCode::OK,
        HeaderValue::from_static("text/event-stream"),
        BodyExt::boxed(StreamBody::new(frames)),
    )
}

/// What a plugin has answered. It chooses no headers.
pub(super) fn of_plugin(response: WebResponse) -> Answer {
    let status = StatusCode::from_u16(response.status).ok().filter(|s| (200..600).contains(&s.as_u16()));
    let (Some(status), true) = (status, response.body.len() <= LONGEST) else {
        return text(
            StatusCode::BAD_GATEWAY,
            "the plugin has answered with a status or a length that cannot be",
        );
    };
    let content_type = Some(response.content_type)
        .filter(|kind| kind.contains('/') && kind.len() < 256)
        .and_then(|kind| HeaderValue::from_str(&kind).ok())
        .unwrap_or(HeaderValue::from_static("text/plain; charset=utf-8"));
    answer(status, content_type, Full::new(response.body.into()).boxed())
}
