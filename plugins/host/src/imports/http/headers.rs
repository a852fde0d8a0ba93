//! Headers of a plugin's request: what it says, without what steers connections and proxies.

use reqwest::header::{HeaderMap, HeaderName, HeaderValue};

use super::super::failure::{Answer, failure, failure_with};
use super::super::wit::types::{ErrorCode, Field};

/// So many, and so many bytes together.
const COUNT: usize = 64;
const BYTES: usize = 32 * 1024;

/// The host's: whom a request goes to, where it ends, what a connection is used for, and how an answer is packed
/// (RFC 9110 §7.6.1, RFC 9112 §6).
const NOT_THEIRS: &[&str] = &[
    "accept-encoding",
    "connection",
    "content-length",
    "expect",
    "host",
    "http2-settings",
    "keep-alive",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "via",
];

/// # Errors
/// `invalid` for a header that is the host's, or is none; `quota`.
pub(super) fn checked(fields: &[Field]) -> Answer<HeaderMap> {
    let bytes: usize = fields.iter().map(|field| field.key.len() + field.value.len()).sum();
    if fields.len() > COUNT || bytes > BYTES {
        return Err(failure(ErrorCode::Quota, "a request may have 64 headers, of 32 KiB together"));
    }
    let mut headers = HeaderMap::new();
    for field in fields {
        let name = HeaderName::try_from(&field.key).map_err(|_| {
            failure(ErrorCode::Invalid, format!("\"{}\" is no name of a header", shown(&field.key)))
        })?;
        if NOT_THEIRS.contains(&name.as_str()) || name.as_str().starts_with("proxy-") {
            return Err(failure_with(
                ErrorCode::Invalid,
                format!("the header {name} is the host's"),
                "leave it out: the host says what is needed",
            ));
        }
        // No line break, no control: a value cannot become a header of its own. The text is not shown: it may be a secret.
        let value = HeaderValue::from_str(&field.value).map_err(|_| {
            failure(ErrorCode::Invalid, format!("the value of {name} has characters that cannot be sent"))
        })?;
        headers.append(name, value);
    }
    Ok(headers)
}

fn shown(name: &str) -> String {
    name.chars().take(40).collect()
}

/// The headers of an answer, in the order in which they came.
pub(super) fn fields(headers: &HeaderMap) -> Vec<Field> {
    let text = |value: &HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
    headers.iter().map(|(name, value)| Field { key: name.as_str().to_owned(), value: text(value) }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn field(key: &str, value: &str) -> Field {
        Field { key: key.to_owned(), value: value.to_owned() }
    }

    #[test]
    fn what_steers_a_connection_or_breaks_a_line_is_refused() {
        for (key, value) in [
            ("Host", "evil.test"),
            ("hOsT", "evil.test"),
            ("Content-Length", "0"),
            ("Transfer-Encoding", "chunked"),
            ("Connection", "keep-alive"),
            ("Keep-Alive", "1"),
            ("Proxy-Authorization", "Basic x"),
            ("Proxy-Anything", "x"),
            ("TE", "trailers"),
            ("Trailer", "x"),
            ("Upgrade", "h2c"),
            ("HTTP2-Settings", "x"),
            ("Expect", "100-continue"),
            ("X", "a\r\nHost: evil.test"),
            ("X", "a\nb"),
            ("X", "a\0b"),
            ("X", "a\u{1b}b"),
            ("X\r\nHost", "evil.test"),
            ("X: y", "z"),
            ("X Y", "z"),
            ("", "z"),
            (" Host", "z"),
            ("Host ", "z"),
            (":authority", "evil.test"),
            ("Hóst", "z"),
        ] {
            let error = checked(&[field(key, value)]).unwrap_err();
            assert_eq!(error.code, ErrorCode::Invalid, "{key}: {value}");
            assert!(!error.message.contains("evil"), "{}", error.message);
        }
    }

    #[test]
    fn what_a_service_wants_to_hear_passes() {
        let fields = [
            field("Authorization", "Bearer x"),
            field("X-A", "1"),
            field("x-a", "2"),
            field("User-Agent", "me"),
        ];
        let headers = checked(&fields).unwrap();
        assert_eq!(headers.get_all("X-A").iter().count(), 2);
        let many: Vec<_> = (0..65).map(|n| field(&format!("x-{n}"), "")).collect();
        assert_eq!(checked(&many).unwrap_err().code, ErrorCode::Quota);
        assert_eq!(checked(&[field("x", &"a".repeat(40_000))]).unwrap_err().code, ErrorCode::Quota);
    }
}
