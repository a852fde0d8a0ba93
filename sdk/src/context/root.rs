//! The project's folder as a border: what lies outside of it is not read, whichever way a name goes there.

use std::path::{Component, Path, PathBuf};

use crate::error::{Error, ErrorKind, Result};

/// A project's folder.
pub(crate) struct Root {
    /// As it was named.
    named: PathBuf,
    /// Links resolved.
    real: PathBuf,
}

impl Root {
    /// # Errors
    /// `user.not_found` when it is no folder.
    pub(crate) fn open(path: &Path) -> Result<Self> {
        match path.canonicalize() {
            Ok(real) if real.is_dir() => Ok(Self { named: path.to_owned(), real }),
            _ => Err(Error::new(ErrorKind::NotFound, format!("{} is no folder", path.display()))
                .with_hint("open a folder that exists")),
        }
    }

    /// Links resolved.
    pub(crate) fn path(&self) -> &Path {
        &self.real
    }

    /// The file or folder of a name, links resolved. Names are relative to the root, or absolute and inside of it.
    ///
    /// # Errors
    /// `user.not_found`; `security.forbidden` when it lies outside, however it gets there.
    pub(crate) fn resolve(&self, name: &str) -> Result<PathBuf> {
        let path = self.inside(name)?;
        let real = path.canonicalize().map_err(|error| match error.kind() {
            std::io::ErrorKind::PermissionDenied => forbidden(name, "may not be read"),
            _ => Error::new(ErrorKind::NotFound, format!("there is no {} in the project", shown(name)))
                .with_hint("name it as it stands below the project's folder"),
        })?;
        if real.starts_with(&self.real) { Ok(real) } else { Err(outside(name)) }
    }

    /// The path of a name, which need not exist: a document that was never saved. It says nothing of links.
    ///
    /// # Errors
    /// `security.forbidden` when the name leads outside.
    pub(crate) fn inside(&self, name: &str) -> Result<PathBuf> {
        let path = Path::new(name);
        if name.contains('\0') || path.components().any(|part| part == Component::ParentDir) {
            return Err(outside(name));
        }
        if path.is_relative() {
            return Ok(self.real.join(path));
        }
        let relative = path.strip_prefix(&self.named).or_else(|_| path.strip_prefix(&self.real));
        relative.map(|relative| self.real.join(relative)).map_err(|_| outside(name))
    }

    /// A path below the root for people, with slashes.
    pub(crate) fn shown(&self, path: &Path) -> String {
        let relative =
            path.strip_prefix(&self.real).or_else(|_| path.strip_prefix(&self.named)).unwrap_or(path);
        let parts: Vec<_> = relative.components().map(|part| part.as_os_str().to_string_lossy()).collect();
        if relative.is_absolute() { relative.display().to_string() } else { parts.join("/") }
    }
}

fn outside(name: &str) -> Error {
    forbidden(name, "lies outside the project").with_hint("only what is below the project's folder is read")
}

fn forbidden(name: &str, what: &str) -> Error {
    Error::new(ErrorKind::Forbidden, format!("{} {what}", shown(name)))
}

/// A name for a message: one line, and not too long.
fn shown(name: &str) -> String {
    let short: String = name.chars().take(200).collect();
    short.escape_debug().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(unix)]
    #[test]
    fn nothing_outside_is_reached() {
        use std::os::unix::fs::symlink;
        let top = tempfile::tempdir().unwrap();
        let (root, outside) = (top.path().join("project"), top.path().join("project-secrets"));
        std::fs::create_dir_all(root.join("src")).unwrap();
        std::fs::create_dir_all(&outside).unwrap();
        std::fs::write(outside.join("key"), "secret").unwrap();
        std::fs::write(root.join("src/a.rs"), "").unwrap();
        symlink(outside.join("key"), root.join("link")).unwrap();
        symlink(&outside, root.join("folder")).unwrap();
        symlink("../../project-secrets/key", root.join("src/relative")).unwrap();
        symlink("/", root.join("top")).unwrap();
        symlink(root.join("src/a.rs"), root.join("good")).unwrap();
        let border = Root::open(&root).unwrap();
        let key = outside.join("key").display().to_string();
        for name in [
            "../project-secrets/key",
            "src/../../project-secrets/key",
            "src/../src/a.rs",
            "link",
            "folder/key",
            "src/relative",
            "top/etc/hostname",
            "/etc/hostname",
            "a\0b",
            &key,
            &format!("{}/../project-secrets/key", root.display()),
        ] {
            let error = border.resolve(name).unwrap_err();
            assert!(matches!(error.kind(), ErrorKind::Forbidden), "{name:?}: {error}");
        }
        assert_eq!(border.resolve("/no/such/file").unwrap_err().kind(), ErrorKind::Forbidden);
        assert_eq!(border.resolve("nothing").unwrap_err().kind(), ErrorKind::NotFound);
        for name in ["src/a.rs", "./src/a.rs", "good", &root.join("src/a.rs").display().to_string()] {
            assert_eq!(border.shown(&border.resolve(name).unwrap()), "src/a.rs", "{name}");
        }
    }
}
