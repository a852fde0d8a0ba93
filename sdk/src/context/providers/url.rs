//! `@url:http://127.0.0.1:8080/x`: a page of this machine, or of a host that the person allows (setting `context.hosts`).
//! Nobody else is asked: a prompt that names an address must not reach into the network, and neither must a redirect.

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use async_trait::async_trait;
use url::{Host, Url};

use super::{blocking, info, needed, page, text_item};
use crate::context::item::{ContextItem, Trust};
use crate::context::provider::{ContextProvider, ProviderInfo, Scope, Suggestion};
use crate::error::{Error, ErrorKind, Result};

/// How long a page may take, redirects included.
const BOUND: Duration = Duration::from_secs(10);

/// A larger page is refused.
const BYTES: usize = 2 * 1024 * 1024;

/// So many redirects are followed.
const REDIRECTS: usize = 5;

/// Pages of this machine and of hosts that are allowed.
#[derive(Default)]
pub(crate) struct UrlProvider {
    hosts: Vec<String>,
}

impl UrlProvider {
    /// `hosts` are `example.org`, `example.org:8080` or `*.example.org` (hosts below it).
    pub(crate) fn new(hosts: &[String]) -> Self {
        Self { hosts: hosts.iter().map(|host| host.trim().to_ascii_lowercase()).collect() }
    }

    /// The address, if it may be asked.
    fn allowed(&self, url: &Url) -> Result<()> {
        let refused = |what: &str, hint: String| {
            Err(Error::new(ErrorKind::Forbidden, format!("{} {what}", shown(url))).with_hint(hint))
        };
        if !matches!(url.scheme(), "http" | "https") {
            return refused("is no web page", "write an address with http: or https:".to_owned());
        }
        if !url.username().is_empty() || url.password().is_some() {
            return refused("holds a password", "leave it out: what is mentioned is kept".to_owned());
        }
        let host = url.host_str().unwrap_or_default().trim_end_matches('.');
        let port = url.port_or_known_default().map(|port| format!("{host}:{port}"));
        let named = |allowed: &String| match allowed.strip_prefix("*.") {
            Some(domain) => host.strip_suffix(domain).is_some_and(|rest| rest.ends_with('.')),
            None => allowed == host || Some(allowed) == port.as_ref(),
        };
        if is_loopback(url) || self.hosts.iter().any(named) {
            return Ok(());
        }
        refused("is not on this machine", format!("allow it: `nexus config set context.hosts {host}`"))
    }

    async fn fetch(&self, mut url: Url) -> Result<(Url, String, Vec<u8>)> {
        for _ in 0..=REDIRECTS {
            self.allowed(&url)?;
            let mut response =
                client(&url)?.get(url.clone()).send().await.map_err(|error| failed(&url, &error))?;
            if response.status().is_redirection() {
                let location = response.headers().get("location").and_then(|value| value.to_str().ok());
                let next = location.and_then(|location| url.join(location).ok());
                url = next.ok_or_else(|| {
                    Error::new(ErrorKind::Protocol, format!("{} leads nowhere", shown(&url)))
                })?;
                continue;
            }
            if !response.status().is_success() {
                let message = format!("{} answered {}", shown(&url), response.status());
                return Err(Error::new(ErrorKind::NotFound, message).with_hint("open it in a browser"));
            }
            let kind = response.headers().get("content-type").and_then(|value| value.to_str().ok());
            let kind = kind.unwrap_or_default().to_ascii_lowercase();
            let mut body = Vec::new();
            while let Some(piece) = response.chunk().await.map_err(|error| failed(&url, &error))? {
                if body.len() + piece.len() > BYTES {
                    let message = format!("{} is larger than {} MB", shown(&url), BYTES >> 20);
                    return Err(Error::new(ErrorKind::TooLarge, message).with_hint("name a smaller page"));
                }
                body.extend_from_slice(&piece);
            }
            return Ok((url, kind, body));
        }
        Err(Error::new(ErrorKind::Protocol, format!("{} leads from one address to the next", shown(&url)))
            .with_hint("name the page at which a browser ends"))
    }
}

#[async_trait]
impl ContextProvider for UrlProvider {
    fn info(&self) -> ProviderInfo {
        info("url", "a page of this machine, or of a host that you allow", Some("address"), true)
    }

    async fn suggest(&self, _: &Scope<'_>, _: &str, _: usize) -> Result<Vec<Suggestion>> {
        Ok(Vec::new())
    }

    async fn provide(&self, _: &Scope<'_>, argument: Option<&str>) -> Result<Vec<ContextItem>> {
        let text = needed(argument, "url", "http://127.0.0.1:8080/")?;
        let url = Url::parse(text).map_err(|error| {
            Error::new(ErrorKind::InvalidInput, format!("that is no address: {error}"))
                .with_hint("write it whole, for example http://127.0.0.1:8080/")
        })?;
        let (url, kind, body) = match tokio::time::timeout(BOUND, self.fetch(url.clone())).await {
            Ok(fetched) => fetched?,
            Err(_) => {
                let message = format!("{} took longer than {} s", shown(&url), BOUND.as_secs());
                return Err(
                    Error::new(ErrorKind::Timeout, message).with_hint("is it there? open it in a browser")
                );
            }
        };
        let name = shown(&url);
        let refused = name.clone();
        let (text, language) = blocking(move || {
            page::text(&kind, body).ok_or_else(|| {
                Error::new(ErrorKind::InvalidInput, format!("{refused} is no text"))
                    .with_hint("name a page of HTML, plain text or JSON")
            })
        })
        .await?;
        Ok(vec![text_item("url", format!("the page {name}"), language, text, Trust::Foreign, 0.7)])
    }
}

/// The address without what may be secret.
fn shown(url: &Url) -> String {
    format!("{}://{}{}", url.scheme(), &url[url::Position::BeforeHost..url::Position::AfterPort], url.path())
}

fn failed(url: &Url, error: &reqwest::Error) -> Error {
    let what = if error.is_connect() { "cannot be reached" } else { "broke off" };
    Error::new(ErrorKind::Unreachable, format!("{} {what}", shown(url)))
        .with_hint("is it there? open it in a browser")
}

fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Ipv4(ip)) => ip.is_loopback(),
        Some(Host::Ipv6(ip)) => ip.is_loopback() || ip.to_ipv4_mapped().is_some_and(|ip| ip.is_loopback()),
        Some(Host::Domain(name)) => name == "localhost",
        None => false,
    }
}

fn client(url: &Url) -> Result<reqwest::Client> {
    // The process may have chosen a provider already; ours is only the default.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let builder = reqwest::Client::builder()
        .user_agent(concat!("opencode-nexus/", env!("CARGO_PKG_VERSION")))
        .redirect(reqwest::redirect::Policy::none())
        .referer(false)
        .timeout(BOUND);
    let builder = if is_loopback(url) {
        // Whatever a file of hosts says: this machine is meant. The port is that of the address.
        let here: [SocketAddr; 2] = [(Ipv4Addr::LOCALHOST, 0).into(), (Ipv6Addr::LOCALHOST, 0).into()];
        builder.no_proxy().resolve_to_addrs("localhost", &here)
    } else {
        builder
    };
    builder.build().map_err(|e| Error::new(ErrorKind::Tls, "cannot set up TLS").with_source(e))
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::net::TcpListener;

    use super::*;

    fn allowed(hosts: &[&str], address: &str) -> bool {
        let hosts: Vec<String> = hosts.iter().map(|host| (*host).to_owned()).collect();
        UrlProvider::new(&hosts).allowed(&Url::parse(address).unwrap()).is_ok()
    }

    #[test]
    fn only_this_machine_and_what_is_allowed_is_asked() {
        for address in [
            "http://127.0.0.1:1/x",
            "http://localhost/",
            "https://[::1]/",
            "http://[::ffff:127.0.0.1]/",
            "http://127.1/",
        ] {
            assert!(allowed(&[], address), "{address}");
        }
        for address in [
            "http://example.org/",
            "http://localhost.example.org/",
            "http://169.254.169.254/latest/meta-data",
            "http://0.0.0.0/",
            "http://10.0.0.1/",
            "http://[::ffff:10.0.0.1]/",
            "file:///etc/passwd",
            "ftp://127.0.0.1/",
            "http://me:secret@127.0.0.1/",
            "http://127.0.0.1@example.org/",
        ] {
            assert!(!allowed(&[], address), "{address}");
        }
        assert!(
            allowed(&["example.org"], "https://EXAMPLE.org./x")
                && !allowed(&["example.org"], "https://a.example.org")
        );
        assert!(
            allowed(&["*.example.org"], "https://a.example.org")
                && !allowed(&["*.example.org"], "https://example.org")
        );
        assert!(!allowed(&["*.example.org"], "https://badexample.org"));
        assert!(allowed(&["a.org:8080"], "http://a.org:8080") && !allowed(&["a.org:8080"], "http://a.org"));
    }

    /// A server that answers each connection with the same.
    async fn server(answer: String) -> SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let mut request = [0; 4096];
                let _ = stream.read(&mut request).await;
                let _ = stream.write_all(answer.as_bytes()).await;
            }
        });
        address
    }

    async fn asked(address: &str) -> Result<String> {
        let folder = tempfile::tempdir().unwrap();
        let scope = Scope { root: folder.path(), client: None, editor: None };
        let items = UrlProvider::default().provide(&scope, Some(address)).await?;
        match &items[0].kind {
            crate::context::ItemKind::Text { text, .. } => Ok(text.clone()),
            other => panic!("{other:?}"),
        }
    }

    #[tokio::test]
    async fn a_page_is_read_as_markdown() {
        let html = "<html><head><title>x</title><script>evil()</script></head><body><h1>Head</h1><p>a <b>word</b></p></body></html>";
        let length = html.len();
        let at = server(format!("HTTP/1.1 200 OK\r\ncontent-type: text/html\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{html}")).await;
        let text = asked(&format!("http://localhost:{}/x?token=secret", at.port())).await.unwrap();
        assert!(text.contains("# Head") && text.contains("a **word**") && !text.contains("evil"), "{text}");
    }

    #[tokio::test]
    async fn a_redirect_to_elsewhere_is_not_followed() {
        for to in ["http://example.org/", "//10.0.0.1/", "file:///etc/passwd"] {
            let at = server(format!(
                "HTTP/1.1 302 Found\r\nlocation: {to}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
            ))
            .await;
            let error = asked(&format!("http://{at}/")).await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Forbidden, "{to}: {error}");
        }
        let at = server(
            "HTTP/1.1 302 Found\r\nlocation: /x\r\ncontent-length: 0\r\nconnection: close\r\n\r\n".into(),
        )
        .await;
        assert_eq!(asked(&format!("http://{at}/")).await.unwrap_err().kind(), ErrorKind::Protocol);
    }

    #[tokio::test]
    async fn a_page_that_is_too_large_or_no_text_is_refused() {
        let long = "x".repeat(BYTES + 1);
        let at =
            server(format!("HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\nconnection: close\r\n\r\n{long}"))
                .await;
        assert_eq!(asked(&format!("http://{at}/")).await.unwrap_err().kind(), ErrorKind::TooLarge);
        let at =
            server("HTTP/1.1 200 OK\r\ncontent-type: image/png\r\nconnection: close\r\n\r\nx".into()).await;
        assert_eq!(asked(&format!("http://{at}/")).await.unwrap_err().kind(), ErrorKind::InvalidInput);
    }
}
