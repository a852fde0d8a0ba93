//! Folders: their addresses in the editor, and their paths here.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use opencode_nexus::{Error, ErrorKind, Result};
use tower_lsp_server::gen_lsp_types::Uri;
use url::Url;

/// One folder. Two are the same when their paths are.
#[derive(Clone, Debug)]
pub(crate) struct Root {
    /// As the editor spells it.
    pub uri: Uri,
    /// Absolute, links resolved.
    pub path: Arc<Path>,
}

impl PartialEq for Root {
    fn eq(&self, other: &Self) -> bool {
        self.path == other.path
    }
}

impl Eq for Root {}

impl std::hash::Hash for Root {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.path.hash(state);
    }
}

impl Root {
    /// The folder at an address.
    ///
    /// # Errors
    /// `user.invalid_input` when it is no `file:` address, or there is no such folder.
    pub(crate) fn open(uri: &Uri) -> Result<Self> {
        let named = path_of(uri)?;
        let path = named.canonicalize().ok().filter(|path| path.is_dir()).ok_or_else(|| {
            Error::new(
                ErrorKind::InvalidInput,
                format!("{} is no folder that can be opened", named.display()),
            )
            .with_hint("name a folder of the workspace as `root`")
        })?;
        Ok(Self { uri: uri.clone(), path: path.into() })
    }
}

/// The path of a `file:` address.
///
/// # Errors
/// `user.invalid_input` for any other address.
pub(crate) fn path_of(uri: &Uri) -> Result<PathBuf> {
    let url = Url::parse(&uri.0).ok().filter(|url| url.scheme() == "file");
    url.and_then(|url| url.to_file_path().ok()).ok_or_else(|| {
        Error::new(ErrorKind::InvalidInput, format!("`{}` is no address of a file", uri.0.escape_debug()))
            .with_hint("give it as `file:///path`")
    })
}

/// The `file:` address of a path. One that is not absolute is taken from the root.
pub(crate) fn uri_of(path: &Path) -> Uri {
    let absolute = Path::new("/").join(path);
    Uri(Url::from_file_path(absolute).map(String::from).unwrap_or_default())
}

/// A path with its links resolved as far as it exists: a document may not be there yet.
pub(super) fn resolved(path: &Path) -> PathBuf {
    for ancestor in path.ancestors() {
        if let (Ok(real), Ok(rest)) = (ancestor.canonicalize(), path.strip_prefix(ancestor)) {
            return if rest.as_os_str().is_empty() { real } else { real.join(rest) };
        }
    }
    path.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn odd_names_come_back_as_they_were() {
        for name in ["/tmp/a b", "/tmp/50%41", "/tmp/ü#?", "/tmp/c:x"] {
            assert_eq!(path_of(&uri_of(Path::new(name))).unwrap(), Path::new(name));
        }
        // As VS Code spells them.
        assert_eq!(path_of(&Uri("file:///tmp/c%3Ax".into())).unwrap(), Path::new("/tmp/c:x"));
    }

    #[test]
    fn what_is_no_folder_is_told_apart() {
        for address in
            ["untitled:Untitled-1", "", "nonsense", "file:///nowhere/at/all", "https://example.org/a"]
        {
            let error = Root::open(&Uri(address.into())).unwrap_err();
            assert_eq!(error.code(), "user.invalid_input", "{address}");
            assert!(error.hint().is_some());
        }
    }

    #[test]
    fn a_file_that_is_not_there_yet_is_found_behind_a_link() {
        let folder = tempfile::tempdir().unwrap();
        let real = folder.path().canonicalize().unwrap().join("real");
        std::fs::create_dir(&real).unwrap();
        #[cfg(unix)]
        {
            let link = folder.path().join("link");
            std::os::unix::fs::symlink(&real, &link).unwrap();
            assert_eq!(resolved(&link.join("new/file")), real.join("new/file"));
        }
    }
}
