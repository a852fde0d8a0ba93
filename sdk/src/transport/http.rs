//! The HTTP client itself: a thin, cheap-to-clone layer over reqwest that knows our limits and errors.

use std::sync::Arc;

use base64::Engine as _;
use bytes::{Bytes, BytesMut};
use opencode_api::{Location, Method, Operation, OperationInfo, Request, ResponseKind};
use reqwest::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderValue};
use url::Url;

use super::config::{DEFAULT_USER, TlsMinimum, TransportConfig};
use super::errors;
use super::redact::public_address;
use super::redact_json::{Keys, redact};
use super::retry::Backoff;
use crate::dialect::keys_in;
use crate::error::{Error, ErrorKind, Result};

/// A connection pool to one server.
#[derive(Clone)]
pub(crate) struct Transport {
    inner: Arc<Inner>,
}

struct Inner {
    http: reqwest::Client,
    base: Url,
    location: Location,
    config: TransportConfig,
}

/// A whole answer.
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Answer {
    pub(crate) fn content_type(&self) -> Option<&str> {
        self.header("content-type")
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }
}

impl Transport {
    /// Reads the address (its credentials win over the configured ones) and prepares the pool. No I/O but reading
    /// of certificate files.
    pub(crate) fn new(address: &str, location: Location, mut config: TransportConfig) -> Result<Self> {
        let mut base = parse_address(address)?;
        if let Some(password) = base.password() {
            let decode = |t: &str| percent_encoding::percent_decode_str(t).decode_utf8_lossy().into_owned();
            let user = decode(base.username());
            config.credentials = Some(super::Credentials {
                user: if user.is_empty() { DEFAULT_USER.into() } else { user },
                password: decode(password).into(),
            });
        }
        // Both only fail for addresses without a host, which parse_address has refused.
        let _ = base.set_username("");
        let _ = base.set_password(None);
        base.set_query(None);
        base.set_fragment(None);
        let http = build(&base, &config)?;
        Ok(Self { inner: Arc::new(Inner { http, base, location, config }) })
    }

    /// The same server without a folder: what is asked so is about all of them.
    pub(crate) fn everywhere(&self) -> Self {
        let Inner { http, base, config, .. } = &*self.inner;
        let inner = Inner {
            http: http.clone(),
            base: base.clone(),
            location: Location::default(),
            config: config.clone(),
        };
        Self { inner: Arc::new(inner) }
    }

    /// The address for people: without credentials.
    pub(crate) fn address(&self) -> String {
        public_address(&self.inner.base)
    }

    pub(crate) fn config(&self) -> &TransportConfig {
        &self.inner.config
    }

    pub(crate) fn location(&self) -> &Location {
        &self.inner.location
    }

    /// Calls an operation; repeats it as its errors allow when `repeatable` (it has no effect, or the same effect
    /// however often it is sent).
    pub(crate) async fn call<O: Operation>(&self, operation: &O, repeatable: bool) -> Result<O::Response> {
        Ok(self.call_with_answer(operation, repeatable).await?.0)
    }

    /// The same, with the answer's head for those who need its headers.
    pub(crate) async fn call_with_answer<O: Operation>(
        &self,
        operation: &O,
        repeatable: bool,
    ) -> Result<(O::Response, Answer)> {
        let request = operation.request();
        let answer = self.answer(O::ID, O::PATH, O::RESPONSE, request, repeatable).await?;
        let response =
            O::decode(answer.content_type(), &answer.body).map_err(|e| from_answer(O::ID, e, &answer))?;
        Ok((response, answer))
    }

    /// Calls an operation of the table. What comes back is looked at and not decoded.
    pub(crate) async fn call_row(&self, row: &OperationInfo, request: Request) -> Result<Bytes> {
        let answer = self.answer(row.id, row.path, row.response, request, false).await?;
        match row.check(answer.content_type(), &answer.body) {
            Ok(()) => Ok(answer.body),
            Err(error) => Err(from_answer(row.id, error, &answer)),
        }
    }

    /// Address and headers with which somebody else upgrades a connection; the headers hold the credentials.
    pub(crate) fn web_socket(&self, request: Request) -> Result<(String, Vec<(String, String)>)> {
        let request = request.located(&self.inner.location);
        let mut url = self.url(&request)?;
        let scheme = if url.scheme() == "https" { "wss" } else { "ws" };
        // Both schemes are of the kind that has a host, so that this cannot fail.
        let _ = url.set_scheme(scheme);
        let mut headers: Vec<_> =
            request.headers.into_iter().map(|(name, value)| (name.into_owned(), value)).collect();
        headers
            .extend((self.inner.config.credentials.as_ref()).map(|c| ("authorization".to_owned(), basic(c))));
        Ok((url.into(), headers))
    }

    /// The answer to an operation where the client is, without the secrets that its route may show.
    async fn answer(
        &self,
        id: &'static str,
        path: &str,
        kind: ResponseKind,
        request: Request,
        repeatable: bool,
    ) -> Result<Answer> {
        let request = request.located(&self.inner.location);
        let mut answer = self.send(id, &request, repeatable).await?;
        if let Some(keys) = keys_in(path)
            && let Some(body) = redact(&answer.body, keys)
        {
            // Before anything reads it: also what a decoder says about a wrong value may quote it.
            answer.body = body.into();
        }
        if kind == ResponseKind::Empty && answer.content_type().is_some_and(|t| t.starts_with("text/html")) {
            return Err(errors::page().with_operation(id));
        }
        Ok(answer)
    }

    /// Any answer as a JSON document, without the secrets in it.
    pub(crate) async fn document(
        &self,
        operation: &'static str,
        request: Request,
    ) -> Result<serde_json::Value> {
        let answer = self.send(operation, &request.located(&self.inner.location), false).await?;
        let redacted = redact(&answer.body, Keys::Usual);
        serde_json::from_slice(redacted.as_deref().unwrap_or(&answer.body)).map_err(|_| {
            // What the decoder says is not passed on: it may quote the answer.
            Error::new(ErrorKind::Protocol, "the answer is no JSON document").with_operation(operation)
        })
    }

    /// Sends a request and reads the whole answer; a status of 400 and above is an error.
    pub(crate) async fn send(
        &self,
        operation: &'static str,
        request: &Request,
        repeatable: bool,
    ) -> Result<Answer> {
        let repeatable = repeatable || request.method == Method::Get;
        let mut backoff = Backoff::new(self.inner.config.retry);
        loop {
            let error = match self.send_once(request).await {
                Ok(answer) if answer.status < 300 => return Ok(answer),
                Ok(answer) if answer.status < 400 => errors::redirected(&answer.headers, &self.address()),
                Ok(answer) => {
                    errors::from_status(answer.status, &answer.headers, &answer.body, &self.address())
                }
                Err(error) => error,
            };
            let error = error.with_operation(operation);
            // A request that surely never left may be sent again whatever it does.
            let safe = repeatable || error.context("sent") == Some("no");
            match backoff.after(&error, rand::random()).filter(|_| safe) {
                Some(wait) => {
                    tracing::debug!(operation, ?wait, error = error.message(), "trying again");
                    tokio::time::sleep(wait).await;
                }
                None => return Err(error),
            }
        }
    }

    async fn send_once(&self, request: &Request) -> Result<Answer> {
        let timeouts = self.inner.config.timeouts;
        let sending = self.prepare(request)?.send();
        let response = tokio::time::timeout(timeouts.head, sending)
            .await
            .map_err(|_| errors::timeout("the server did not answer", timeouts.head))?
            .map_err(|e| errors::from_reqwest(e, &self.address()))?;
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let body = self.read_body(response).await?;
        Ok(Answer { status, headers, body })
    }

    /// Opens an event stream: checks status and content type and leaves the body to the caller.
    pub(crate) async fn open(&self, operation: &'static str, request: &Request) -> Result<reqwest::Response> {
        let timeouts = self.inner.config.timeouts;
        let opening = async {
            let response = self
                .prepare(request)?
                .header(ACCEPT, HeaderValue::from_static("text/event-stream"))
                .send()
                .await
                .map_err(|e| errors::from_reqwest(e, &self.address()))?;
            let status = response.status().as_u16();
            let headers = response.headers().clone();
            if (300..400).contains(&status) {
                return Err(errors::redirected(&headers, &self.address()));
            }
            if status >= 400 {
                let body = self.read_body(response).await?;
                return Err(errors::from_status(status, &headers, &body, &self.address()));
            }
            let kind = headers.get(CONTENT_TYPE).and_then(|v| v.to_str().ok()).unwrap_or_default();
            if !kind.starts_with("text/event-stream") {
                return Err(errors::not_an_event_stream(kind, &self.address()));
            }
            Ok(response)
        };
        let bound = timeouts.connect.saturating_mul(2).min(timeouts.head);
        tokio::time::timeout(bound, opening)
            .await
            .unwrap_or_else(|_| Err(errors::timeout("the event stream did not open", bound)))
            .map_err(|e| e.with_operation(operation))
    }

    async fn read_body(&self, mut response: reqwest::Response) -> Result<Bytes> {
        let (idle, limit) = (self.inner.config.timeouts.body_idle, self.inner.config.body_limit);
        let mut first: Option<Bytes> = None;
        let mut all = BytesMut::new();
        loop {
            let chunk = tokio::time::timeout(idle, response.chunk())
                .await
                .map_err(|_| errors::timeout("the answer stopped in the middle", idle))?
                .map_err(|e| errors::from_reqwest(e, &self.address()))?;
            let Some(chunk) = chunk else { break };
            if all.len() + first.as_ref().map_or(0, Bytes::len) + chunk.len() > limit {
                return Err(errors::too_large(limit));
            }
            match first.take() {
                // Most answers are one piece: then nothing is copied.
                None if all.is_empty() => first = Some(chunk),
                held => {
                    all.extend_from_slice(&held.unwrap_or_default());
                    all.extend_from_slice(&chunk);
                }
            }
        }
        Ok(first.unwrap_or_else(|| all.freeze()))
    }

    fn url(&self, request: &Request) -> Result<Url> {
        let address = format!("{}{}", self.inner.base.as_str().trim_end_matches('/'), request.target());
        Url::parse(&address)
            .map_err(|e| Error::new(ErrorKind::Internal, "an impossible request address").with_source(e))
    }

    fn prepare(&self, request: &Request) -> Result<reqwest::RequestBuilder> {
        let url = self.url(request)?;
        let method = reqwest::Method::from_bytes(request.method.as_str().as_bytes())
            .map_err(|e| Error::new(ErrorKind::Internal, "an impossible method").with_source(e))?;
        let mut builder = self.inner.http.request(method, url);
        for (name, value) in &request.headers {
            builder = builder.header(name.as_ref(), value.as_str());
        }
        if let Some(body) = &request.body {
            if let Some(kind) = request.content_type {
                builder = builder.header(CONTENT_TYPE, kind);
            }
            builder = builder.body(body.clone());
        }
        Ok(builder)
    }
}

fn from_answer(operation: &'static str, error: opencode_api::DecodeError, answer: &Answer) -> Error {
    errors::from_decode(&error, answer.content_type(), &answer.body).with_operation(operation)
}

fn parse_address(address: &str) -> Result<Url> {
    let wrong = |why: String| {
        Error::new(ErrorKind::InvalidInput, why)
            .with_hint("give the server's address like http://127.0.0.1:4096 or https://user:password@host")
    };
    let shown = super::redact::public_text(address);
    let url = Url::parse(address).map_err(|e| wrong(format!("\"{shown}\" is not an address: {e}")))?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err(wrong(format!("\"{shown}\" is neither http nor https")));
    }
    if url.host_str().is_none_or(str::is_empty) {
        return Err(wrong(format!("\"{shown}\" names no host")));
    }
    Ok(url)
}

fn build(base: &Url, config: &TransportConfig) -> Result<reqwest::Client> {
    // The process may have chosen a provider already; ours is only the default.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let minimum = match config.tls.minimum {
        TlsMinimum::Tls13 => reqwest::tls::Version::TLS_1_3,
        TlsMinimum::Tls12 => reqwest::tls::Version::TLS_1_2,
    };
    let mut builder = reqwest::Client::builder()
        .user_agent(concat!("opencode-nexus/", env!("CARGO_PKG_VERSION")))
        .connect_timeout(config.timeouts.connect)
        .redirect(reqwest::redirect::Policy::none()) // credentials must not follow a redirect
        .retry(reqwest::retry::never()) // ours know which requests may be repeated
        .tls_version_min(minimum)
        .tcp_nodelay(true)
        .tcp_keepalive(std::time::Duration::from_secs(20))
        .default_headers(default_headers(config)?);
    if is_loopback(base) {
        builder = builder.no_proxy();
        if base.scheme() == "http" {
            // Nothing is encrypted then, so the system's certificates are not looked for: a bare system has none, and
            // finding that out is an error. It saves the time of reading them, too.
            builder = builder.tls_certs_only([]);
        }
    } else if let Some(proxy) = &config.proxy {
        let proxy = reqwest::Proxy::all(proxy).map_err(|e| {
            Error::new(ErrorKind::Configuration, "the proxy's address cannot be used").with_source(e)
        })?;
        builder = builder.proxy(proxy);
    }
    let read = |path: &std::path::Path| {
        std::fs::read(path).map_err(|e| {
            Error::new(ErrorKind::Configuration, format!("cannot read {}: {e}", path.display()))
                .with_source(e)
        })
    };
    let bad = |path: &std::path::Path, e: reqwest::Error| {
        Error::new(ErrorKind::Configuration, format!("{} is not a usable PEM file", path.display()))
            .with_source(e)
    };
    if let Some(path) = &config.tls.extra_ca {
        let certificates = reqwest::Certificate::from_pem_bundle(&read(path)?).map_err(|e| bad(path, e))?;
        builder = builder.tls_certs_merge(certificates);
    }
    if let Some(path) = &config.tls.client_identity {
        builder = builder.identity(reqwest::Identity::from_pem(&read(path)?).map_err(|e| bad(path, e))?);
    }
    builder.build().map_err(|e| {
        Error::new(ErrorKind::Tls, "cannot set up TLS")
            .with_hint("this system may have no certificates to trust: install its package ca-certificates, or name a PEM file in network.ca_file")
            .with_source(e)
    })
}

fn default_headers(config: &TransportConfig) -> Result<HeaderMap> {
    let mut headers = HeaderMap::new();
    if let Some(credentials) = &config.credentials {
        let mut value = HeaderValue::try_from(basic(credentials)).map_err(|e| {
            Error::new(ErrorKind::InvalidInput, "the credentials cannot be sent").with_source(e)
        })?;
        value.set_sensitive(true);
        headers.insert(AUTHORIZATION, value);
    }
    Ok(headers)
}

/// The value of the header `Authorization` (RFC 7617).
fn basic(credentials: &super::Credentials) -> String {
    let pair = format!("{}:{}", credentials.user, credentials.password.expose());
    format!("Basic {}", base64::engine::general_purpose::STANDARD.encode(pair))
}

fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(url::Host::Ipv4(ip)) => ip.is_loopback(),
        Some(url::Host::Ipv6(ip)) => ip.is_loopback(),
        Some(url::Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn transport(address: &str) -> Result<Transport> {
        Transport::new(address, Location::default(), TransportConfig::default())
    }

    #[test]
    fn credentials_of_the_address_are_used_and_never_shown() {
        let transport = transport("http://me:p%40ss@127.0.0.1:1/").unwrap();
        let credentials = transport.config().credentials.clone().unwrap();
        assert_eq!((credentials.user.as_str(), credentials.password.expose()), ("me", "p@ss"));
        assert_eq!(transport.address(), "http://127.0.0.1:1/");
    }

    #[test]
    fn a_malformed_address_is_one_clear_line_without_its_secrets() {
        for address in
            ["", "nonsense", "http://", "ftp://host/", "http//me:hunter2@host", "http://me:hunter2@:x/"]
        {
            let error = transport(address).err().unwrap();
            assert_eq!(error.code(), "user.invalid_input", "{address}");
            assert!(error.hint().is_some() && !error.to_string().contains("hunter2"), "{error}");
        }
    }
}
