//! Which hosts a rule means.

use std::fmt;
use std::net::IpAddr;

use opencode_nexus::{Error, ErrorKind, Result};
use url::{Host, Url};

/// `api.example.org`, `api.example.org:8443`, `*.example.org`, `127.0.0.1:8080`, `[::1]:8080`, `localhost:3000`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostPattern {
    /// Those below the host, and not the host itself.
    below: bool,
    host: Host<String>,
    /// `None`: the usual port of the scheme.
    port: Option<u16>,
}

impl HostPattern {
    /// Reads a rule. It has to be written as the host is called in the end, so that a person sees what is meant: no decimal or
    /// hexadecimal address, no capital letters, international names in their ASCII form.
    ///
    /// # Errors
    /// `user.invalid_input`, with what would be right.
    pub fn parse(text: &str) -> Result<Self> {
        let wrong = |why: &str| {
            Error::new(ErrorKind::InvalidInput, format!("the host \"{}\" {why}", text.escape_debug()))
                .with_hint("name it like api.example.org, api.example.org:8443, *.example.org, 127.0.0.1:8080 or [::1]:8080")
        };
        let (below, rest) = text.strip_prefix("*.").map_or((false, text), |rest| (true, rest));
        let (name, port) = split_port(rest).ok_or_else(|| wrong("has a port that is none"))?;
        let host = Host::parse(name).map_err(|error| wrong(&format!("cannot be used: {error}")))?;
        let usual = host.to_string();
        if usual != name {
            return Err(wrong(&format!("is written as {usual}")));
        }
        match &host {
            Host::Domain(name) if name.ends_with('.') || name.contains('*') || name.contains('_') => {
                return Err(wrong("is no name of a host"));
            }
            Host::Domain(name) if below && !name.contains('.') => {
                return Err(wrong("would be all hosts of a top-level domain"));
            }
            Host::Domain(_) => {}
            _ if below => return Err(wrong("is an address, and nothing is below it")),
            Host::Ipv4(ip) if ip.is_unspecified() || ip.is_multicast() || ip.is_broadcast() => {
                return Err(wrong("is no address of a host"));
            }
            Host::Ipv4(_) => {}
            Host::Ipv6(ip) if ip.is_unspecified() || ip.is_multicast() || ip.to_ipv4_mapped().is_some() => {
                return Err(wrong("is no address of a host"));
            }
            Host::Ipv6(_) => {}
        }
        Ok(Self { below, host, port })
    }

    /// Whether the host and the port of an address are meant. The scheme is not its business.
    pub fn matches(&self, url: &Url) -> bool {
        let is_port = match self.port {
            Some(port) => url.port_or_known_default() == Some(port),
            // `url` has no port when it is the usual one.
            None => url.port().is_none(),
        };
        is_port && url.host().is_some_and(|host| self.matches_host(&host))
    }

    fn matches_host(&self, host: &Host<&str>) -> bool {
        match (&self.host, host) {
            (Host::Domain(own), Host::Domain(other)) if self.below => is_below(other, own),
            (Host::Domain(own), Host::Domain(other)) => own == other,
            (Host::Ipv4(own), Host::Ipv4(other)) => own == other,
            (Host::Ipv6(own), Host::Ipv6(other)) => own == other,
            _ => false,
        }
    }

    /// Whether everything that `other` means is meant as well.
    pub fn covers(&self, other: &Self) -> bool {
        if self.port != other.port {
            return false;
        }
        match (&self.host, &other.host) {
            (Host::Domain(own), Host::Domain(name)) if self.below => {
                is_below(name, own) || (other.below && own == name)
            }
            (own, name) => own == name && !other.below,
        }
    }

    /// The address that it names literally: no name, and nothing that could change.
    pub fn address(&self) -> Option<IpAddr> {
        match self.host {
            Host::Ipv4(ip) => Some(ip.into()),
            Host::Ipv6(ip) => Some(ip.into()),
            Host::Domain(_) => None,
        }
    }

    /// Whether it means this machine by its usual name.
    pub fn is_localhost(&self) -> bool {
        !self.below && matches!(&self.host, Host::Domain(name) if name == "localhost")
    }
}

impl fmt::Display for HostPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let below = if self.below { "*." } else { "" };
        match self.port {
            Some(port) => write!(f, "{below}{}:{port}", self.host),
            None => write!(f, "{below}{}", self.host),
        }
    }
}

fn is_below(name: &str, top: &str) -> bool {
    name.strip_suffix(top).and_then(|rest| rest.strip_suffix('.')).is_some_and(|own| !own.is_empty())
}

/// `None` for a port that is none. An address of version 6 stands in brackets.
fn split_port(text: &str) -> Option<(&str, Option<u16>)> {
    let colon = match text.strip_prefix('[') {
        Some(_) => text.find(']').map(|end| end + 1).filter(|end| *end < text.len()),
        None => text.find(':'),
    };
    let Some(colon) = colon else { return Some((text, None)) };
    let digits = text[colon..].strip_prefix(':')?;
    let canonical = !digits.starts_with('0') && digits.bytes().all(|byte| byte.is_ascii_digit());
    let port = digits.parse().ok().filter(|_| canonical)?;
    Some((&text[..colon], Some(port)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pattern(text: &str) -> HostPattern {
        HostPattern::parse(text).unwrap()
    }

    #[test]
    fn a_rule_is_written_as_the_host_is_called() {
        for good in [
            "api.example.org",
            "api.example.org:8443",
            "*.example.org",
            "*.example.org:444",
            "127.0.0.1",
            "127.0.0.1:8080",
            "[::1]:8080",
            "[fd00::1]",
            "localhost:3000",
            "xn--bcher-kva.example",
        ] {
            assert_eq!(pattern(good).to_string(), good);
        }
        for bad in [
            "",
            "*",
            "*.",
            "*.org",
            "*.localhost",
            "*.127.0.0.1",
            "a.*.org",
            "https://example.org",
            "example.org/path",
            "user@example.org",
            "example.org.",
            "Example.org",
            "bücher.example",
            "2130706433",
            "0x7f000001",
            "0177.0.0.1",
            "127.1",
            "127.0.0.1.",
            "[::ffff:127.0.0.1]",
            "[0:0:0:0:0:0:0:1]",
            "::1",
            "0.0.0.0",
            "[::]",
            "224.0.0.1",
            "255.255.255.255",
            "[ff02::1]",
            "example.org:",
            "example.org:0",
            "example.org:99999",
            "example.org:08",
            "example.org:+8",
            "exa mple.org",
            "example.org\n",
            "a%2eb.org",
            "a\0b.org",
        ] {
            let error = HostPattern::parse(bad).unwrap_err();
            assert!(error.hint().is_some() && error.kind() == ErrorKind::InvalidInput, "{bad}: {error}");
        }
    }

    #[test]
    fn a_rule_means_a_host_and_a_port_and_no_others() {
        for (rule, url, is_meant) in [
            ("example.org", "https://example.org/x", true),
            ("example.org", "https://EXAMPLE.org:443/x", true),
            ("example.org", "http://example.org/", true),
            ("example.org", "https://example.org:8443/", false),
            ("example.org", "https://example.org./", false),
            ("example.org", "https://a.example.org/", false),
            ("example.org", "https://notexample.org/", false),
            ("example.org", "https://example.org.evil.test/", false),
            ("example.org", "https://example.org@evil.test/", false),
            ("example.org:8443", "https://example.org:8443/", true),
            ("example.org:443", "https://example.org/", true),
            ("example.org:8443", "https://example.org/", false),
            ("*.example.org", "https://a.example.org/", true),
            ("*.example.org", "https://a.b.example.org/", true),
            ("*.example.org", "https://example.org/", false),
            ("*.example.org", "https://aexample.org/", false),
            ("*.example.org", "https://.example.org/", false),
            ("127.0.0.1:1", "http://127.0.0.1:1/", true),
            ("127.0.0.1:1", "http://2130706433:1/", true),
            ("127.0.0.1:1", "http://[::ffff:127.0.0.1]:1/", false),
            ("127.0.0.1:1", "http://localhost:1/", false),
            ("[::1]:1", "http://[0:0::1]:1/", true),
        ] {
            let Ok(url) = Url::parse(url) else {
                assert!(!is_meant, "{url}");
                continue;
            };
            assert_eq!(pattern(rule).matches(&url), is_meant, "{rule} {url}");
        }
    }

    #[test]
    fn a_wider_rule_covers_a_narrower_one() {
        for (wide, narrow, covers) in [
            ("*.example.org", "a.example.org", true),
            ("*.example.org", "*.example.org", true),
            ("*.example.org", "*.b.example.org", true),
            ("*.b.example.org", "*.example.org", false),
            ("*.example.org", "example.org", false),
            ("*.example.org", "a.example.org:8443", false),
            ("example.org", "*.example.org", false),
            ("example.org", "example.org", true),
            ("127.0.0.1", "localhost", false),
        ] {
            assert_eq!(pattern(wide).covers(&pattern(narrow)), covers, "{wide} {narrow}");
        }
    }
}
