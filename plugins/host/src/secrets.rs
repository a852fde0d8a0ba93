//! Secrets of plugins: given by the person, by name, to one plugin.
//!
//! Two places are asked, neither of which can ask back, because a plugin is also run where nobody sits in front:
//!
//! 1. the environment: `NEXUS_PLUGIN_SECRET_PUBLISHER__NAME__SECRET`, where hyphens of the plugin's id are `_`: for pipelines;
//! 2. `<data>/plugins/ID/secrets.toml`, which only the person may read (0600; refused otherwise).
//!
//! The keyring of the system and the vault of an account are not used: both may be locked, and would then ask a person in the
//! middle of a call.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use opencode_nexus::folders::write_private;
use opencode_nexus::{Error, ErrorKind, Result};
use secrecy::{ExposeSecret as _, SecretString};

/// A longer secret is none.
const LONGEST: usize = 64 * 1024;

/// The secrets of one plugin.
#[derive(Clone, Debug)]
pub struct Secrets {
    plugin: String,
    file: PathBuf,
}

impl Secrets {
    /// Those of a plugin; `folder` is that of all plugins.
    pub fn of(folder: &Path, plugin: &str) -> Self {
        Self { plugin: plugin.to_owned(), file: folder.join(plugin).join("secrets.toml") }
    }

    /// A secret; `None` when nobody has given it. It reads a file.
    ///
    /// # Errors
    /// `security.forbidden` when others may read the file, `recovery.damaged` when it is none of ours, `system.io`.
    pub fn get(&self, name: &str) -> Result<Option<SecretString>> {
        self.get_with(name, |variable| std::env::var(variable).ok())
    }

    fn get_with(
        &self,
        name: &str,
        environment: impl Fn(&str) -> Option<String>,
    ) -> Result<Option<SecretString>> {
        let given = variable(&self.plugin, name).and_then(|name| environment(&name));
        if let Some(value) = given.filter(|value| !value.is_empty()) {
            return Ok(Some(value.into()));
        }
        Ok(self.read()?.remove(name).map(SecretString::from))
    }

    /// Keeps a secret.
    ///
    /// # Errors
    /// `user.invalid_input` for a name that is none or a value that is empty or too long; as [`get`](Self::get).
    pub fn set(&self, name: &str, value: &SecretString) -> Result<()> {
        if !is_name(name) {
            return Err(Error::new(
                ErrorKind::InvalidInput,
                format!("\"{}\" is no name of a secret", name.escape_debug()),
            )
            .with_hint("capital letters, digits and _, beginning with a letter: JIRA_TOKEN"));
        }
        if value.expose_secret().is_empty() || value.expose_secret().len() > LONGEST {
            return Err(Error::new(
                ErrorKind::InvalidInput,
                format!("the secret {name} is empty or longer than 64 KiB"),
            )
            .with_hint("give what the service has given you, without anything around it"));
        }
        let mut all = self.read()?;
        all.insert(name.to_owned(), value.expose_secret().to_owned());
        self.write(&all)
    }

    /// Forgets a secret; whether there was one. What the environment gives stays.
    ///
    /// # Errors
    /// As [`get`](Self::get).
    pub fn remove(&self, name: &str) -> Result<bool> {
        let mut all = self.read()?;
        match all.remove(name) {
            Some(_) => self.write(&all).map(|()| true),
            None => Ok(false),
        }
    }

    /// The names of those that are kept, in order.
    ///
    /// # Errors
    /// As [`get`](Self::get).
    pub fn names(&self) -> Result<Vec<String>> {
        Ok(self.read()?.into_keys().collect())
    }

    fn read(&self) -> Result<BTreeMap<String, String>> {
        let text = match std::fs::read_to_string(&self.file) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(BTreeMap::new()),
            Err(error) => {
                let shown = self.file.display();
                return Err(
                    Error::new(ErrorKind::Io, format!("cannot read {shown}: {error}")).with_source(error)
                );
            }
        };
        self.check_private()?;
        // The error of the parser would quote the line, which holds a secret.
        toml::from_str(&text).map_err(|_| {
            Error::new(ErrorKind::Damaged, format!("{} is no list of secrets", self.file.display()))
                .with_hint("delete it, and give the plugin its secrets again")
        })
    }

    fn check_private(&self) -> Result<()> {
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            if std::fs::metadata(&self.file)?.permissions().mode() & 0o077 != 0 {
                let shown = self.file.display();
                return Err(Error::new(ErrorKind::Forbidden, format!("others may read {shown}"))
                    .with_hint(format!("chmod 600 {shown}, and change the secrets in it")));
            }
        }
        Ok(())
    }

    fn write(&self, all: &BTreeMap<String, String>) -> Result<()> {
        let text =
            toml::to_string(all).map_err(|_| Error::new(ErrorKind::Internal, "secrets became no TOML"))?;
        write_private(&self.file, text.as_bytes()).map_err(|error| {
            Error::new(ErrorKind::Storage, format!("cannot write {}: {error}", self.file.display()))
                .with_hint("is there room, and is the folder yours?")
                .with_source(error)
        })
    }
}

/// Whether it can be the name of a secret.
pub(crate) fn is_name(name: &str) -> bool {
    let mut letters = name.bytes();
    letters.next().is_some_and(|first| first.is_ascii_uppercase())
        && name.len() <= 64
        && letters.all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'_')
}

/// The variable of a secret. `None` where two plugins could mean the same one: every variable belongs to one plugin alone.
pub fn variable(plugin: &str, name: &str) -> Option<String> {
    let (publisher, own) = plugin.split_once('.')?;
    let clear = |word: &str| {
        !word.is_empty()
            && !word.starts_with('-')
            && !word.ends_with('-')
            && !word.contains("--")
            && word.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
    };
    if !clear(publisher) || !clear(own) || !is_name(name) {
        return None;
    }
    let word = |word: &str| word.to_ascii_uppercase().replace('-', "_");
    Some(format!("NEXUS_PLUGIN_SECRET_{}__{}__{name}", word(publisher), word(own)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn nothing(_: &str) -> Option<String> {
        None
    }

    #[test]
    fn a_secret_comes_from_the_environment_or_from_the_private_file_of_that_plugin_only() {
        let folder = tempfile::tempdir().unwrap();
        let secrets = Secrets::of(folder.path(), "acme.jira");
        assert!(secrets.get_with("TOKEN", nothing).unwrap().is_none());
        secrets.set("TOKEN", &"made-up \"one\"\n".into()).unwrap();
        assert_eq!(secrets.get_with("TOKEN", nothing).unwrap().unwrap().expose_secret(), "made-up \"one\"\n");
        assert!(Secrets::of(folder.path(), "acme.other").get_with("TOKEN", nothing).unwrap().is_none());
        let environment =
            |name: &str| (name == "NEXUS_PLUGIN_SECRET_ACME__JIRA__TOKEN").then(|| "other".to_owned());
        assert_eq!(secrets.get_with("TOKEN", environment).unwrap().unwrap().expose_secret(), "other");
        assert_eq!(secrets.names().unwrap(), ["TOKEN"]);
        assert!(secrets.remove("TOKEN").unwrap() && !secrets.remove("TOKEN").unwrap());
        assert!(secrets.get_with("TOKEN", nothing).unwrap().is_none());
    }

    #[test]
    fn no_two_plugins_share_a_variable() {
        assert_eq!(variable("a-b.c", "T").unwrap(), "NEXUS_PLUGIN_SECRET_A_B__C__T");
        assert_ne!(variable("a-b.c", "T"), variable("a.b-c", "T"));
        for id in ["a--b.c", "a.b--c", "-a.b", "a.b-", "a", "a.b.c", "A.b", "a.", ".b"] {
            assert_eq!(variable(id, "T"), None, "{id}");
        }
        for name in ["", "_T", "t", "T-X", "T X", "1T", "T="] {
            assert_eq!(variable("a.b", name), None, "{name}");
        }
    }

    #[cfg(unix)]
    #[test]
    fn a_file_that_others_may_read_is_refused_and_an_error_never_shows_what_is_in_it() {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = tempfile::tempdir().unwrap();
        let secrets = Secrets::of(folder.path(), "acme.jira");
        secrets.set("TOKEN", &"made-up".into()).unwrap();
        let file = folder.path().join("acme.jira/secrets.toml");
        assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o640)).unwrap();
        let error = secrets.get_with("TOKEN", nothing).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Forbidden);
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o600)).unwrap();
        std::fs::write(&file, "TOKEN = made-up").unwrap();
        let error = secrets.get_with("TOKEN", nothing).unwrap_err();
        assert!(error.hint().is_some() && !format!("{error:?}").contains("made-up"), "{error:?}");
    }
}
