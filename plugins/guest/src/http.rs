//! HTTP to the hosts that were granted (permission `http`).
//!
//! ```no_run
//! # use opencode_nexus_plugin::{Result, http};
//! # #[derive(serde::Deserialize)] struct Ticket { title: String }
//! # fn ticket(token: &str) -> Result<Ticket> {
//! http::get("https://tickets.example.org/api/7").bearer(token).send()?.successful()?.json()
//! # }
//! ```
//!
//! A redirect is an answer, and is not followed. At most four requests are under way at once.

use std::time::Duration;

use serde::Serialize;
use serde::de::DeserializeOwned;

pub use crate::bindings::imports::nexus::plugin::http::Method;

use crate::bindings::imports::nexus::plugin::http as host_http;
use crate::bindings::imports::nexus::plugin::types::Field;
use crate::error::{Error, ErrorCode, Result, host};

/// A request that is put together.
#[derive(Clone, Debug)]
#[must_use = "nothing happens before it is sent"]
pub struct Request(host_http::Request);

/// A request with the method `GET`.
pub fn get(url: impl Into<String>) -> Request {
    Request::new(Method::Get, url)
}

/// A request with the method `POST`.
pub fn post(url: impl Into<String>) -> Request {
    Request::new(Method::Post, url)
}

impl Request {
    /// A request with any method.
    pub fn new(method: Method, url: impl Into<String>) -> Self {
        let (headers, body) = (Vec::new(), Vec::new());
        Self(host_http::Request { method, url: url.into(), headers, body, timeout_ms: None })
    }

    /// Adds a header. `Host`, lengths, and what steers connections are the host's.
    pub fn header(mut self, name: &str, value: impl Into<String>) -> Self {
        self.0.headers.push(Field { key: name.to_owned(), value: value.into() });
        self
    }

    /// Says who asks, with a token.
    pub fn bearer(self, token: &str) -> Self {
        self.header("authorization", format!("Bearer {token}"))
    }

    /// Adds a parameter behind the `?`, encoded.
    pub fn query(mut self, name: &str, value: &str) -> Self {
        let sign = if self.0.url.contains('?') { '&' } else { '?' };
        self.0.url.push_str(&format!("{sign}{}={}", encode(name), encode(value)));
        self
    }

    /// Sends bytes.
    pub fn body(mut self, content_type: &str, bytes: impl Into<Vec<u8>>) -> Self {
        self.0.body = bytes.into();
        self.header("content-type", content_type)
    }

    /// Sends a value as JSON.
    ///
    /// # Errors
    /// When the value cannot be written as JSON (a map whose keys are no texts).
    pub fn json<T: Serialize + ?Sized>(self, value: &T) -> Result<Self> {
        let bytes = serde_json::to_vec(value)?;
        Ok(self.body("application/json", bytes))
    }

    /// How long the whole of it may take; 10 s when none is said, and never longer than the call of the plugin may take.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.0.timeout_ms = Some(u32::try_from(timeout.as_millis()).unwrap_or(u32::MAX));
        self
    }

    /// Sends it, and waits for the whole answer. Any status is an answer; see [`Response::successful`].
    ///
    /// # Errors
    /// `denied` when no grant names the host, `unavailable` when it cannot be reached, `timeout`.
    pub fn send(self) -> Result<Response> {
        let answer: Result<host_http::Response> = host!("http.fetch", host_http::fetch(&self.0));
        answer.map(Response)
    }
}

/// An answer.
#[derive(Clone, Debug)]
pub struct Response(host_http::Response);

impl Response {
    /// The status: 200, 404, …
    pub fn status(&self) -> u16 {
        self.0.status
    }

    /// A header by its name, upper or lower case.
    pub fn header(&self, name: &str) -> Option<&str> {
        let found = self.0.headers.iter().find(|field| field.key.eq_ignore_ascii_case(name));
        found.map(|field| field.value.as_str())
    }

    /// The body, of at most 8 MiB.
    pub fn bytes(&self) -> &[u8] {
        &self.0.body
    }

    /// Whether there was more than the host reads.
    pub fn is_truncated(&self) -> bool {
        self.0.truncated
    }

    /// Itself when the status is one of 200 to 299.
    ///
    /// # Errors
    /// `not-found` for 404 and 410, `denied` for 401 and 403, `quota` for 429, `unavailable` for 500 and above, otherwise
    /// `invalid`. The body is not repeated: it may hold anything.
    pub fn successful(self) -> Result<Self> {
        let code = match self.0.status {
            200..=299 => return Ok(self),
            404 | 410 => ErrorCode::NotFound,
            401 | 403 => ErrorCode::Denied,
            429 => ErrorCode::Quota,
            500.. => ErrorCode::Unavailable,
            _ => ErrorCode::Invalid,
        };
        Err(Error::new(code, format!("the server answered {}", self.0.status)))
    }

    /// The body as text.
    ///
    /// # Errors
    /// `invalid` when it is no UTF-8.
    pub fn text(self) -> Result<String> {
        String::from_utf8(self.0.body)
            .map_err(|_| Error::invalid("the server answered with something that is no text"))
    }

    /// The body from JSON.
    ///
    /// # Errors
    /// `invalid` when it is something else.
    pub fn json<T: DeserializeOwned>(self) -> Result<T> {
        Ok(serde_json::from_slice(&self.0.body)?)
    }
}

/// A text as it may stand in a URL: everything but letters, digits and `-._~` is encoded (RFC 3986 §2.3).
pub fn encode(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            encoded.push_str(&format!("%{byte:02X}"));
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_are_encoded_and_joined() {
        let request = get("https://example.org/search").query("q", "a b&c=ä").query("page", "2");
        assert_eq!(request.0.url, "https://example.org/search?q=a%20b%26c%3D%C3%A4&page=2");
    }

    #[test]
    fn a_status_that_is_no_success_is_an_error_of_its_kind() {
        let answer = |status| {
            Response(host_http::Response { status, headers: Vec::new(), body: Vec::new(), truncated: false })
        };
        assert!(answer(204).successful().is_ok());
        for (status, code) in [
            (404, ErrorCode::NotFound),
            (401, ErrorCode::Denied),
            (429, ErrorCode::Quota),
            (302, ErrorCode::Invalid),
        ] {
            assert_eq!(answer(status).successful().unwrap_err().code, code);
        }
    }

    #[test]
    fn outside_a_host_a_request_fails_with_a_hint() {
        let error = get("https://example.org").send().unwrap_err();
        assert_eq!(error.code, ErrorCode::Unavailable);
        assert!(error.hint.is_some());
    }
}
