//! Names of accounts: they are names of folders, on every system.

use crate::error::{Error, ErrorKind, Result};

/// The longest name, in characters.
const LENGTH: usize = 64;

/// The name of an account: 1 to 64 letters, digits, `.`, `_`, `-`, `@` (ASCII), neither beginning nor ending with a dot.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize)]
pub struct AccountName(String);

impl AccountName {
    /// Checks a name.
    ///
    /// # Errors
    /// `user.invalid_input`.
    pub fn new(name: &str) -> Result<Self> {
        let plain = |c: char| c.is_ascii_alphanumeric() || "._-@".contains(c);
        let good = (1..=LENGTH).contains(&name.len())
            && name.chars().all(plain)
            && !name.starts_with('.')
            && !name.ends_with('.')
            && !is_device(name);
        if good {
            return Ok(Self(name.to_owned()));
        }
        let shown: String = name.chars().take(LENGTH).flat_map(char::escape_debug).collect();
        Err(Error::new(ErrorKind::InvalidInput, format!("`{shown}` cannot be the name of an account"))
            .with_hint("use up to 64 letters, digits, dots, underscores, hyphens and @"))
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Display for AccountName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::str::FromStr for AccountName {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self> {
        Self::new(name)
    }
}

/// Names that Windows keeps for devices, with any ending.
fn is_device(name: &str) -> bool {
    let stem = name.split('.').next().unwrap_or_default().to_ascii_lowercase();
    let numbered =
        |of: &str| stem.strip_prefix(of).is_some_and(|n| n.len() == 1 && n != "0" && n.parse::<u8>().is_ok());
    ["con", "prn", "aux", "nul"].contains(&stem.as_str()) || numbered("com") || numbered("lpt")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn names_are_those_that_every_system_takes_for_a_folder() {
        let long = "x".repeat(64);
        for good in ["me", "a.b", "me@example.test", "1", "-", "console", "com10", "lpt", long.as_str()] {
            assert_eq!(AccountName::new(good).unwrap().as_str(), good);
        }
        let longer = "x".repeat(65);
        for bad in [
            "",
            ".",
            "..",
            ".me",
            "me.",
            "a/b",
            "a\\b",
            "a b",
            "ü",
            "a\0",
            "CON",
            "nul.txt",
            "Com1",
            "\u{1b}[2J",
            &longer,
        ] {
            let error = AccountName::new(bad).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidInput);
            assert!(!error.to_string().contains('\u{1b}') && error.to_string().len() < 700, "{error}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn a_name_is_one_step_below_a_folder(name in "\\PC{0,8}|[./\\\\a-c]{0,8}") {
            if let Ok(name) = AccountName::new(&name) {
                let path = std::path::Path::new("/accounts").join(name.as_str());
                prop_assert_eq!(path.parent().unwrap(), std::path::Path::new("/accounts"));
                prop_assert_eq!(path.file_name().unwrap().to_str().unwrap(), name.as_str());
            }
        }
    }
}
