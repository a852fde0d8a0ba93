//! `http`: requests to hosts that were granted, over connections to addresses that were checked.
//!
//! No proxy, no redirects, no cookies, no `Referer`: what reaches a host is what the plugin has said, and nothing of the person's.

mod addresses;
mod headers;
#[cfg(test)]
mod tests;

use std::error::Error as StdError;
use std::path::PathBuf;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use opencode_nexus::Result;
use reqwest::Client;
use tokio::sync::Semaphore;
use url::Url;

use self::addresses::{Checked, Refused};
pub(super) use self::addresses::{Lookup, SystemLookup};
use super::HostState;
use super::call::within;
use super::failure::{Answer, failure, failure_with, internal};
use super::wit::http::{Host, Method, Request, Response};
use super::wit::types::{self, ErrorCode};
use crate::permissions::{HostPattern, HttpRule};

/// A body has at most so many bytes, there and back.
const BODY: usize = 8 * 1024 * 1024;

/// So many requests of a plugin are under way.
const AT_ONCE: usize = 4;

/// A request that says nothing else takes no longer.
const TIMEOUT: Duration = Duration::from_secs(10);

/// Addresses are no longer.
const ADDRESS: usize = 8 * 1024;

/// As the audit log and the person see it.
const CALL: &str = "http.fetch";

/// What a plugin may reach.
pub(super) struct HttpAccess {
    rules: Vec<(HostPattern, HttpRule)>,
    places: Arc<Semaphore>,
    lookup: Arc<dyn Lookup>,
    ca_file: Option<PathBuf>,
    /// With TLS, and without: the latter needs no certificates, which a bare system has not.
    encrypted: OnceLock<Client>,
    plain: OnceLock<Client>,
}

impl HttpAccess {
    pub(super) fn new(rules: &[HttpRule], ca_file: Option<PathBuf>, lookup: Arc<dyn Lookup>) -> Result<Self> {
        let rules = rules.iter().map(|rule| Ok((HostPattern::parse(&rule.host)?, rule.clone())));
        Ok(Self {
            rules: rules.collect::<Result<_>>()?,
            places: Arc::new(Semaphore::new(AT_ONCE)),
            lookup,
            ca_file,
            encrypted: OnceLock::new(),
            plain: OnceLock::new(),
        })
    }

    /// Whether a rule means this request. An address of the network, and this machine, are meant only by a rule that names them
    /// literally; the addresses of a name are checked when they are known.
    fn is_granted(&self, url: &Url, method: &str) -> bool {
        self.rules.iter().any(|(host, rule)| {
            let scheme = url.scheme() == "https" || rule.plain;
            scheme && rule.methods.iter().any(|granted| granted == method) && host.matches(url)
        })
    }

    fn client(&self, url: &Url) -> Answer<Client> {
        let (slot, is_plain) = match url.scheme() {
            "http" => (&self.plain, true),
            _ => (&self.encrypted, false),
        };
        if let Some(client) = slot.get() {
            return Ok(client.clone());
        }
        let client = self.build(is_plain)?;
        Ok(slot.get_or_init(|| client).clone())
    }

    fn build(&self, is_plain: bool) -> Answer<Client> {
        // The process may have chosen a provider already; ours is only the default.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let mut builder = Client::builder()
            .user_agent(concat!("opencode-nexus/", env!("CARGO_PKG_VERSION")))
            .dns_resolver(Arc::new(Checked(Arc::clone(&self.lookup))))
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            .retry(reqwest::retry::never())
            .referer(false)
            .pool_max_idle_per_host(1)
            .pool_idle_timeout(Duration::from_secs(30));
        if is_plain {
            builder = builder.tls_certs_only([]);
        } else if let Some(file) = &self.ca_file {
            let unusable = |why: String| internal("the file of certificates cannot be used", why);
            let pem = std::fs::read(file).map_err(|error| unusable(error.to_string()))?;
            let extra =
                reqwest::Certificate::from_pem_bundle(&pem).map_err(|error| unusable(error.to_string()))?;
            builder = builder.tls_certs_merge(extra);
        }
        builder.build().map_err(|error| {
            tracing::warn!(target: "plugin", "cannot set up TLS: {}", deepest(&error));
            failure_with(
                ErrorCode::Unavailable,
                "the host cannot set up TLS",
                "this system may have no certificates to trust: install its package ca-certificates",
            )
        })
    }
}

fn name_of(method: Method) -> reqwest::Method {
    match method {
        Method::Get => reqwest::Method::GET,
        Method::Head => reqwest::Method::HEAD,
        Method::Post => reqwest::Method::POST,
        Method::Put => reqwest::Method::PUT,
        Method::Patch => reqwest::Method::PATCH,
        Method::Delete => reqwest::Method::DELETE,
    }
}

/// The address of a request. `url` makes the usual form of names and addresses, whatever they were disguised as.
fn address(text: &str) -> Answer<Url> {
    let wrong = |why: &str| {
        failure_with(ErrorCode::Invalid, why, "give an address like https://api.example.org/path")
    };
    if text.len() > ADDRESS {
        return Err(failure(ErrorCode::Quota, "an address may have 8 KiB"));
    }
    let mut url = Url::parse(text).map_err(|error| wrong(&format!("the address cannot be used: {error}")))?;
    if !matches!(url.scheme(), "https" | "http") {
        return Err(wrong("the address is neither https nor http"));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(wrong("the address has a user or a password in it"));
    }
    url.set_fragment(None);
    Ok(url)
}

/// What the audit log and the person see: no path and no query, which may be secrets.
fn shown(url: &Url, method: &reqwest::Method) -> String {
    let host = url.host_str().unwrap_or_default();
    match url.port() {
        Some(port) => format!("{method} {}://{host}:{port}", url.scheme()),
        None => format!("{method} {}://{host}", url.scheme()),
    }
}

impl HostState {
    async fn fetch_granted(&mut self, request: Request) -> Answer<Response> {
        let (method, url) = (name_of(request.method), address(&request.url)?);
        let what = shown(&url, &method);
        let caller = Arc::clone(&self.caller);
        let http = &caller.access.http;
        if !http.is_granted(&url, method.as_str()) {
            return Err(self.denied(CALL, "http", &what));
        }
        if request.body.len() > BODY {
            return Err(failure(ErrorCode::Quota, "the body has more than 8 MiB"));
        }
        let headers = headers::checked(&request.headers)?;
        let Ok(_place) = Arc::clone(&http.places).try_acquire_owned() else {
            return Err(failure(ErrorCode::Quota, "four requests are under way; wait for one"));
        };
        self.allowed(CALL, &what);
        let asked = request.timeout_ms.map_or(TIMEOUT, |ms| Duration::from_millis(ms.into()));
        let bound = asked.min(self.remaining());
        let mut built = http.client(&url)?.request(method, url.clone()).headers(headers);
        if !request.body.is_empty() {
            built = built.body(request.body);
        }
        let answered = within(bound, "the request", async { Ok(answer(built).await) }).await?;
        match answered {
            Ok(response) => Ok(response),
            Err(Failed::Refused(refused)) => Err(self.denied(CALL, "http", &format!("{what} ({refused})"))),
            Err(Failed::Otherwise(error)) => Err(error),
        }
    }
}

enum Failed {
    Refused(String),
    Otherwise(types::Error),
}

async fn answer(request: reqwest::RequestBuilder) -> Result<Response, Failed> {
    let mut response = request.send().await.map_err(failed)?;
    let (status, headers) = (response.status().as_u16(), headers::fields(response.headers()));
    let (mut body, mut truncated) = (Vec::new(), false);
    // What is packed grows while it is unpacked: the limit is of what comes out.
    while let Some(piece) = response.chunk().await.map_err(failed)? {
        let room = BODY - body.len();
        body.extend_from_slice(&piece[..piece.len().min(room)]);
        if piece.len() > room {
            truncated = true;
            break;
        }
    }
    Ok(Response { status, headers, body, truncated })
}

fn failed(error: reqwest::Error) -> Failed {
    let error = error.without_url();
    let mut cause: Option<&(dyn StdError + 'static)> = Some(&error);
    while let Some(here) = cause {
        if let Some(refused) = here.downcast_ref::<Refused>() {
            return Failed::Refused(refused.to_string());
        }
        cause = here.source();
    }
    let code = if error.is_timeout() { ErrorCode::Timeout } else { ErrorCode::Unavailable };
    Failed::Otherwise(failure(code, format!("the request has failed: {}", deepest(&error))))
}

/// The innermost cause, in which no address is repeated.
fn deepest(error: &dyn StdError) -> String {
    let mut cause = error;
    while let Some(next) = cause.source() {
        cause = next;
    }
    cause.to_string()
}

impl Host for HostState {
    async fn fetch(&mut self, request: Request) -> wasmtime::Result<Answer<Response>> {
        Ok(self.fetch_granted(request).await)
    }
}
