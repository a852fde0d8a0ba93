//! What the person has granted: `<data>/plugins/grants.toml`.
//!
//! A grant belongs to a plugin's id, the key of its publisher, the set of permissions that was shown, and the component with this
//! SHA-256. Another component has no rights until the grant is carried over to it, which needs nobody while it asks for nothing
//! more. Grants can also stand in the configuration (`[plugins."ID"] grant = "all"`), where nobody can be asked.

use std::path::{Path, PathBuf};

use opencode_nexus::folders::{create_private, write_private};
use opencode_nexus::{Error, ErrorKind, Result};
use serde::{Deserialize, Serialize};

use crate::manifest::Manifest;
use crate::permissions::{PermissionLine, Permissions, Rights};

/// The format of the file.
const SCHEMA: u32 = 1;

/// A grant as it is stored.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Grant {
    /// `publisher.name`
    pub plugin: String,
    /// The publisher's public key, or [`UNSIGNED`].
    pub publisher: String,
    /// The component that was granted it; absent for a folder in which it is being written.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sha256: Option<String>,
    /// [`Permissions::fingerprint`] of what was asked for then.
    pub asked: String,
    /// What was granted of it.
    pub permissions: Permissions,
}

/// The publisher of what has no signature: a plugin that is run from the folder in which it is written.
pub const UNSIGNED: &str = "unsigned";

#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    schema: u32,
    #[serde(default)]
    grant: Vec<Grant>,
}

/// The grants of a person. Every method reads or writes the file.
#[derive(Clone, Debug)]
pub struct Grants {
    file: PathBuf,
}

impl Grants {
    /// Those in the folder of plugins.
    pub fn open(folder: &Path) -> Self {
        Self { file: folder.join("grants.toml") }
    }

    /// All of them, in the order of plugins.
    ///
    /// # Errors
    /// `recovery.damaged`, `system.newer_format`, `security.forbidden` when others may write the file, `system.io`.
    pub fn all(&self) -> Result<Vec<Grant>> {
        let text = match std::fs::read_to_string(&self.file) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => {
                let shown = self.file.display();
                return Err(
                    Error::new(ErrorKind::Io, format!("cannot read {shown}: {error}")).with_source(error)
                );
            }
        };
        self.check_own()?;
        let damaged = |why: String| {
            Error::new(ErrorKind::Damaged, format!("{} cannot be read: {why}", self.file.display()))
                .with_hint("delete it, and grant again what plugins may do")
        };
        let table: toml::Table =
            toml::from_str(&text).map_err(|error| damaged(error.message().to_owned()))?;
        if table.get("schema").and_then(toml::Value::as_integer).is_some_and(|schema| schema > SCHEMA.into())
        {
            return Err(Error::new(
                ErrorKind::NewerFormat,
                "a newer version has written the grants of plugins",
            )
            .with_hint("update OpenCode Nexus"));
        }
        let file: File = toml::from_str(&text).map_err(|error| damaged(error.message().to_owned()))?;
        Ok(file.grant)
    }

    /// Who may write it may grant.
    fn check_own(&self) -> Result<()> {
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            if std::fs::metadata(&self.file)?.permissions().mode() & 0o022 != 0 {
                let shown = self.file.display();
                return Err(Error::new(ErrorKind::Forbidden, format!("others may write {shown}"))
                    .with_hint(format!("look at what it grants, then: chmod 600 {shown}")));
            }
        }
        Ok(())
    }

    /// The grant of a plugin by a publisher, whatever its component.
    ///
    /// # Errors
    /// As [`all`](Self::all).
    pub fn of(&self, plugin: &str, publisher: &str) -> Result<Option<Grant>> {
        Ok(self.all()?.into_iter().find(|grant| grant.plugin == plugin && grant.publisher == publisher))
    }

    /// Grants a plugin `permissions`, and no more than its manifest declares. It takes the place of what was granted before.
    ///
    /// # Errors
    /// As [`all`](Self::all), and `system.storage`.
    pub fn grant(&self, manifest: &Manifest, publisher: &str, permissions: &Permissions) -> Result<()> {
        let grant = Grant {
            plugin: manifest.id.clone(),
            publisher: publisher.to_owned(),
            sha256: manifest.sha256.as_ref().map(|sum| sum.to_ascii_lowercase()),
            asked: manifest.permissions.fingerprint(),
            permissions: manifest.permissions.intersect(permissions),
        };
        self.change(|all| {
            all.retain(|old| old.plugin != grant.plugin);
            all.push(grant);
            all.sort_by(|a, b| a.plugin.cmp(&b.plugin));
            true
        })
        .map(drop)
    }

    /// Takes back what these words name (`all` for everything); whether there was a grant.
    ///
    /// # Errors
    /// As [`grant`](Self::grant).
    pub fn revoke(&self, plugin: &str, words: &[String]) -> Result<bool> {
        self.change(|all| {
            let mut found = false;
            for grant in all.iter_mut().filter(|grant| grant.plugin == plugin) {
                found = true;
                grant.permissions = grant.permissions.without(words);
            }
            found
        })
    }

    /// Forgets a plugin that was removed; whether there was a grant.
    ///
    /// # Errors
    /// As [`grant`](Self::grant).
    pub fn forget(&self, plugin: &str) -> Result<bool> {
        self.change(|all| {
            let before = all.len();
            all.retain(|grant| grant.plugin != plugin);
            all.len() != before
        })
    }

    /// An update: carries the grant over to the new component when it asks for nothing more than was granted or shown before.
    /// Otherwise gives what is new, and changes nothing: the old version stays until the person has decided.
    ///
    /// # Errors
    /// As [`grant`](Self::grant).
    pub fn carry_over(&self, old: &Manifest, new: &Manifest, publisher: &str) -> Result<Vec<PermissionLine>> {
        let more = old.permissions.widening(&new.permissions);
        if !more.is_empty() {
            return Ok(more);
        }
        if let Some(grant) = self.of(&old.id, publisher)?.filter(|grant| is_of(grant, old)) {
            self.grant(new, publisher, &grant.permissions)?;
        }
        Ok(Vec::new())
    }

    /// What a plugin may do: declared, **and** granted by the person for this component or by the configuration, which gives words
    /// of [`WORDS`](crate::permissions::WORDS): `all` is everything that the manifest asks for, now and after updates.
    ///
    /// # Errors
    /// As [`all`](Self::all); `user.configuration` when the configuration names what the plugin does not ask for.
    pub fn effective(&self, manifest: &Manifest, publisher: &str, configured: &[String]) -> Result<Rights> {
        let granted = self.of(&manifest.id, publisher)?.filter(|grant| is_of(grant, manifest));
        let granted = granted.map(|grant| grant.permissions).unwrap_or_default();
        let configured = manifest.permissions.select(configured).map_err(|error| {
            let place = format!("plugins.\"{}\".grant: {}", manifest.id, error.message());
            let hint = error.hint().unwrap_or_default().to_owned();
            Error::new(ErrorKind::Configuration, place).with_hint(hint)
        })?;
        Ok(Rights::new(manifest.permissions.intersect(&granted.union(&configured))))
    }

    /// Reads, changes and writes, while no other process does.
    fn change(&self, change: impl FnOnce(&mut Vec<Grant>) -> bool) -> Result<bool> {
        let unusable = |error: std::io::Error| {
            Error::new(ErrorKind::Storage, format!("cannot write {}: {error}", self.file.display()))
                .with_hint("is there room, and is the folder yours?")
                .with_source(error)
        };
        create_private(self.file.parent().unwrap_or(Path::new("."))).map_err(unusable)?;
        let lock = std::fs::File::options()
            .append(true)
            .create(true)
            .open(self.file.with_extension("lock"))
            .map_err(unusable)?;
        // Held for one small file; it ends with the process that holds it.
        lock.lock().map_err(unusable)?;
        let mut grant = self.all()?;
        let changed = change(&mut grant);
        let text = toml::to_string_pretty(&File { schema: SCHEMA, grant })
            .map_err(|error| Error::new(ErrorKind::Internal, "grants became no TOML").with_source(error))?;
        write_private(&self.file, text.as_bytes()).map_err(unusable)?;
        Ok(changed)
    }
}

/// Whether a grant was given to this component. One that is being written has no sum, and what it asks for is all that counts.
fn is_of(grant: &Grant, manifest: &Manifest) -> bool {
    let sum = manifest.sha256.as_ref().map(|sum| sum.to_ascii_lowercase());
    grant.plugin == manifest.id && grant.sha256 == sum
}

#[cfg(test)]
mod tests;
