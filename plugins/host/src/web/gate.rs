//! Who may come in. Pure.
//!
//! Three things must be right: the host (a name that was bound to 127.0.0.1 by somebody else is another host), where the
//! request comes from (`Origin`, and `Sec-Fetch-Site` of the Fetch Metadata Request Headers), and the cookie. Only the page
//! with the token in its address may come from anywhere, because a person clicks on it somewhere.

use hyper::header::{COOKIE, HOST, HeaderMap, HeaderValue, ORIGIN};
use hyper::{Method, StatusCode, Uri};
use sha2::{Digest as _, Sha256};

/// Knows the right host, token and cookie of one server.
pub(super) struct Gate {
    /// `127.0.0.1:PORT`
    authority: String,
    /// `http://127.0.0.1:PORT`
    origin: String,
    token: String,
    cookie: (String, String),
}

/// Who may come in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Pass {
    /// With the token in the address: gets the cookie.
    First,
    /// With the cookie.
    Known,
}

/// Who may not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    /// Another host is meant.
    Host,
    /// It comes from another origin.
    Foreign,
    /// It has no cookie, or a wrong one.
    Unknown,
}

impl Refusal {
    pub(super) fn status(self) -> StatusCode {
        match self {
            Self::Host => StatusCode::MISDIRECTED_REQUEST,
            Self::Foreign | Self::Unknown => StatusCode::FORBIDDEN,
        }
    }

    pub(super) fn text(self) -> &'static str {
        match self {
            Self::Host => "this is another host; use the address that nexus shows",
            Self::Foreign => "this page may only be used by itself; open it in a window of its own",
            Self::Unknown => "open the address that nexus shows, with its token",
        }
    }
}

impl Gate {
    pub(super) fn new(port: u16, token: String, cookie: String) -> Self {
        let authority = format!("127.0.0.1:{port}");
        Self {
            origin: format!("http://{authority}"),
            authority,
            token,
            // Browsers keep one cookie of a name for all ports.
            cookie: (format!("nexus-{port}"), cookie),
        }
    }

    /// The address with the token.
    pub(super) fn address(&self) -> String {
        format!("{}/?token={}", self.origin, self.token)
    }

    /// The cookie as it is set.
    pub(super) fn set_cookie(&self) -> String {
        format!("{}={}; HttpOnly; SameSite=Strict; Path=/", self.cookie.0, self.cookie.1)
    }

    pub(super) fn check(&self, method: &Method, uri: &Uri, headers: &HeaderMap) -> Result<Pass, Refusal> {
        if !self.is_host(uri, headers) {
            return Err(Refusal::Host);
        }
        if let (&Method::GET, "/", Some(query)) = (method, uri.path(), uri.query())
            && let Some(token) = query.strip_prefix("token=")
        {
            return if same(token, &self.token) { Ok(Pass::First) } else { Err(Refusal::Unknown) };
        }
        if !self.is_ours(method, headers) {
            return Err(Refusal::Foreign);
        }
        if !self.has_cookie(headers) {
            return Err(Refusal::Unknown);
        }
        Ok(Pass::Known)
    }

    fn is_host(&self, uri: &Uri, headers: &HeaderMap) -> bool {
        let named = uri.authority().is_none_or(|authority| authority.as_str() == self.authority);
        named && only(headers, HOST.as_str()).is_some_and(|host| host.as_bytes() == self.authority.as_bytes())
    }

    /// Whether the request comes from a page of this server, or from the person.
    fn is_ours(&self, method: &Method, headers: &HeaderMap) -> bool {
        let reads = method == Method::GET || method == Method::HEAD;
        let origin = match headers.contains_key(ORIGIN) {
            false => None,
            true => match only(headers, ORIGIN.as_str()) {
                Some(origin) if origin.as_bytes() == self.origin.as_bytes() => Some(()),
                _ => return false,
            },
        };
        match headers.get("sec-fetch-site").map(HeaderValue::as_bytes) {
            Some(b"same-origin") => true,
            // Typed, or opened from a bookmark.
            Some(b"none") => reads,
            Some(_) => false,
            // A browser from before 2023, or none at all: what changes something must say where it comes from.
            None => reads || origin.is_some(),
        }
    }

    fn has_cookie(&self, headers: &HeaderMap) -> bool {
        let pairs = headers.get_all(COOKIE).into_iter().filter_map(|value| value.to_str().ok());
        pairs
            .flat_map(|value| value.split(';'))
            .filter_map(|pair| pair.trim().split_once('='))
            .any(|(name, value)| name == self.cookie.0 && same(value, &self.cookie.1))
    }
}

/// The only header of this name.
fn only<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a HeaderValue> {
    let mut all = headers.get_all(name).into_iter();
    let first = all.next()?;
    all.next().is_none().then_some(first)
}

/// In a time that says nothing of where they differ: what is compared are their hashes.
fn same(given: &str, right: &str) -> bool {
    Sha256::digest(given) == Sha256::digest(right)
}

/// 256 random bits as text.
///
/// # Errors
/// When the operating system gives none.
pub(super) fn secret() -> opencode_nexus::Result<String> {
    use base64::Engine as _;
    let mut bytes = [0; 32];
    getrandom::fill(&mut bytes).map_err(|error| {
        opencode_nexus::Error::new(opencode_nexus::ErrorKind::Internal, "the system gives no random numbers")
            .with_source(error)
    })?;
    Ok(base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(bytes))
}
