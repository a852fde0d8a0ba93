//! Secrets as a type, and addresses without the secrets that they may hold.

use std::fmt;

use url::Url;
use zeroize::Zeroizing;

/// A secret text: it cannot be formatted, and its memory is cleared when it is dropped.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(Zeroizing<String>);

impl Secret {
    /// Wraps a secret.
    pub fn new(text: impl Into<String>) -> Self {
        Self(Zeroizing::new(text.into()))
    }

    /// A password that nobody has chosen, for a server that only we talk to: 32 letters and digits, about 190 bits.
    pub fn random() -> Self {
        use rand::Rng as _;
        Self::new(
            rand::rng().sample_iter(rand::distr::Alphanumeric).take(32).map(char::from).collect::<String>(),
        )
    }

    /// The secret itself. Do not log what this returns.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[secret]")
    }
}

impl From<&str> for Secret {
    fn from(text: &str) -> Self {
        Self::new(text)
    }
}

impl From<String> for Secret {
    fn from(text: String) -> Self {
        Self::new(text)
    }
}

/// The address for people and logs: no user, no password, no query (`auth_token` travels there).
pub(crate) fn public_address(url: &Url) -> String {
    let mut url = url.clone();
    // Setting fails only for addresses that cannot have credentials.
    let _ = url.set_username("");
    let _ = url.set_password(None);
    url.set_query(None);
    url.set_fragment(None);
    url.to_string()
}

/// The same for a text that may not be an address at all: everything between the scheme and an `@` goes.
pub(crate) fn public_text(text: &str) -> String {
    match (Url::parse(text), text.rfind('@')) {
        (Ok(url), _) if url.has_host() => public_address(&url),
        (_, Some(at)) => format!("…@{}", &text[at + 1..]),
        _ => text.split('?').next().unwrap_or_default().chars().take(200).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_secret_is_left_in_an_address() {
        let url = Url::parse("http://user:hunter2@host:1/path?auth_token=abc#hunter2").unwrap();
        assert_eq!(public_address(&url), "http://host:1/path");
        for text in [
            "http//user:hunter2@host",
            "http://user:hunter2@",
            "user:hunter2@host?x=hunter2@",
            "host?token=hunter2",
        ] {
            assert!(!public_text(text).contains("hunter2"), "{text} gave {}", public_text(text));
        }
        assert_eq!(format!("{:?}", Secret::new("hunter2")), "[secret]");
    }
}
