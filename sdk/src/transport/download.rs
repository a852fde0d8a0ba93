//! One file from an address that a person named, streamed to the disk and bounded.
//!
//! Not the client that talks to servers: no credentials go along, so redirects may be followed, which releases need; but
//! never away from TLS, and the name of the file says nothing about what is in it.

use std::path::Path;
use std::time::Duration;

use reqwest::redirect::Policy;
use tokio::io::AsyncWriteExt as _;
use url::{Host, Url};

use super::errors;
use super::redact::public_address;
use crate::{Error, ErrorKind, Result, Retry};

const CONNECT_BOUND: Duration = Duration::from_secs(10);
/// Between two pieces of the file.
const IDLE_BOUND: Duration = Duration::from_secs(30);
const REDIRECTS: usize = 5;

/// An address that may be downloaded from: `https`, or `http` to this machine when what comes is checked.
pub(crate) fn check(address: &str, is_checked: bool) -> Result<Url> {
    check_any(address, is_checked).map_err(|error| error.with_operation("server.install"))
}

fn check_any(address: &str, is_checked: bool) -> Result<Url> {
    let wrong = |why: &str, hint: &'static str| {
        Error::new(ErrorKind::InvalidInput, format!("this address cannot be downloaded from: {why}"))
            .with_hint(hint)
    };
    let url = Url::parse(address)
        .map_err(|error| wrong(&error.to_string(), "give one like https://example.org/opencode.tar.gz"))?;
    match url.scheme() {
        "https" => Ok(url),
        "http" if !is_loopback(&url) => {
            Err(wrong("http can be changed on its way", "use https, or download the file and give its path"))
        }
        "http" if !is_checked => {
            Err(wrong("http proves nothing", "give its checksum by --sha256 or --sha512"))
        }
        "http" => Ok(url),
        _ => Err(wrong("it is neither https nor http", "use https, or give the path of a file")),
    }
}

/// How an address is shown and remembered: without its query, which may be a signature, and without credentials.
pub(crate) fn shown(url: &Url) -> String {
    public_address(url)
}

fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Ipv4(ip)) => ip.is_loopback(),
        Some(Host::Ipv6(ip)) => ip.is_loopback(),
        Some(Host::Domain(name)) => name == "localhost",
        None => false,
    }
}

/// Writes what is at `url` to the new file `to`. `said` gets the bytes so far, and of how many if the server told.
/// The whole has no bound of its own: the caller has the deadline.
pub(crate) async fn fetch(url: Url, to: &Path, limit: u64, said: impl Fn(u64, Option<u64>)) -> Result<()> {
    let address = shown(&url);
    let failed =
        |error: reqwest::Error| errors::from_reqwest(error, &address).with_operation("server.install");
    let mut response = client(&url)?.get(url).send().await.map_err(failed)?;
    if !response.status().is_success() {
        let status = response.status();
        let message = format!("{address} answered {status}");
        return Err(Error::new(ErrorKind::LocalServer, message)
            .with_operation("server.install")
            .with_hint("check the address, in a browser for example"));
    }
    let total = response.content_length();
    let too_large = || {
        Error::new(ErrorKind::TooLarge, format!("{address} is larger than {} MB", limit >> 20))
            .with_operation("server.install")
            .with_hint("this is not OpenCode: check the address")
    };
    if total.is_some_and(|total| total > limit) {
        return Err(too_large());
    }
    let mut file = tokio::fs::File::create_new(to).await?;
    let mut done = 0;
    while let Some(piece) = response.chunk().await.map_err(failed)? {
        done += piece.len() as u64;
        if done > limit {
            return Err(too_large());
        }
        file.write_all(&piece).await?;
        said(done, total);
    }
    file.flush().await?;
    Ok(())
}

/// Reads what is at an address into memory: `https`, or `http` of this machine. The caller checks what comes, by a signature or a
/// digest; nothing but its size is checked here. Redirects are followed, and never away from TLS.
///
/// # Errors
/// `user.invalid_input` for another kind of address, `user.not_found` when there is nothing, `system.too_large` above `limit`
/// bytes, `system.timeout` when all of it takes longer than `bound`, and those of a connection. May be dropped at any time.
pub async fn download(address: &str, limit: u64, bound: Duration) -> Result<Vec<u8>> {
    let url = check_any(address, true)?;
    let shown = shown(&url);
    tokio::time::timeout(bound, read(url, &shown, limit)).await.map_err(|_| {
        Error::new(ErrorKind::Timeout, format!("{shown} did not arrive within {} s", bound.as_secs()))
            .with_retry(Retry::Now)
            .with_hint("try again, or download the file and give its path")
    })?
}

async fn read(url: Url, address: &str, limit: u64) -> Result<Vec<u8>> {
    let failed = |error: reqwest::Error| errors::from_reqwest(error, address);
    let mut response = client(&url)?.get(url).send().await.map_err(failed)?;
    let status = response.status();
    if !status.is_success() {
        let kind = match status.as_u16() {
            404 | 410 => ErrorKind::NotFound,
            500.. => ErrorKind::Server,
            _ => ErrorKind::Unreachable,
        };
        return Err(Error::new(kind, format!("{address} answered {status}")).with_hint("check the address"));
    }
    let too_large = || {
        Error::new(ErrorKind::TooLarge, format!("{address} is larger than {} KiB", limit >> 10))
            .with_hint("check the address")
    };
    if response.content_length().is_some_and(|length| length > limit) {
        return Err(too_large());
    }
    let mut bytes = Vec::new();
    while let Some(piece) = response.chunk().await.map_err(failed)? {
        if (bytes.len() + piece.len()) as u64 > limit {
            return Err(too_large());
        }
        bytes.extend_from_slice(&piece);
    }
    Ok(bytes)
}

fn client(url: &Url) -> Result<reqwest::Client> {
    // The process may have chosen a provider already; ours is only the default.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let here = is_loopback(url);
    let stays = Policy::custom(move |attempt| {
        let safe = attempt.url().scheme() == "https" || (here && is_loopback(attempt.url()));
        match safe && attempt.previous().len() <= REDIRECTS {
            true => attempt.follow(),
            false => attempt.stop(),
        }
    });
    let builder = reqwest::Client::builder()
        .user_agent(concat!("opencode-nexus/", env!("CARGO_PKG_VERSION")))
        .connect_timeout(CONNECT_BOUND)
        .read_timeout(IDLE_BOUND)
        .referer(false)
        // The checksum is of what was sent; an archive must not be unpacked on its way.
        .no_gzip()
        .no_brotli()
        .no_zstd()
        .redirect(stays);
    let builder = if here { builder.no_proxy() } else { builder };
    builder.build().map_err(|e| Error::new(ErrorKind::Tls, "cannot set up TLS").with_source(e))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_https_and_a_checked_file_of_this_machine_are_downloaded() {
        for (address, checked, good) in [
            ("https://example.org/x.tgz", false, true),
            ("http://127.0.0.1:1/x.tgz", true, true),
            ("http://[::1]:1/x.tgz", true, true),
            ("http://127.0.0.1:1/x.tgz", false, false),
            ("http://example.org/x.tgz", true, false),
            ("http://localhost.example.org/x.tgz", true, false),
            ("file:///etc/passwd", true, false),
            ("nonsense", true, false),
        ] {
            let checked = check(address, checked);
            assert_eq!(checked.is_ok(), good, "{address}");
            assert!(good || checked.unwrap_err().hint().is_some());
        }
    }

    #[test]
    fn signatures_and_passwords_are_not_remembered() {
        let url = Url::parse("https://me:secret@example.org/x.tgz?sig=secret#secret").unwrap();
        assert!(!shown(&url).contains("secret"), "{}", shown(&url));
        assert!(shown(&url).ends_with("example.org/x.tgz"));
    }
}
