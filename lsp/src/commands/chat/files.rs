//! The files of the project, for `@` completion: as git sees them, read in the background.

use std::path::Path;

use ignore::WalkBuilder;

/// A larger project is completed from so many of its files.
const LIMIT: usize = 100_000;

/// Paths relative to the folder, folders with a slash at the end, shallow ones first.
pub(crate) fn list(folder: &Path) -> Vec<String> {
    let walk = WalkBuilder::new(folder)
        .hidden(false)
        .filter_entry(|entry| entry.file_name() != ".git")
        .sort_by_file_name(std::ffi::OsStr::cmp)
        .build();
    let mut all: Vec<String> = walk
        .filter_map(Result::ok)
        .filter_map(|entry| {
            let path = entry.path().strip_prefix(folder).ok()?.to_str()?;
            let folder = entry.file_type().is_some_and(|kind| kind.is_dir());
            (!path.is_empty()).then(|| format!("{path}{}", if folder { "/" } else { "" }))
        })
        .take(LIMIT)
        .collect();
    all.sort_by_key(|path| path.matches('/').count());
    all
}

#[cfg(test)]
mod tests {
    #[test]
    fn files_that_git_ignores_are_left_out() -> std::io::Result<()> {
        let folder = tempfile::tempdir()?;
        std::fs::create_dir_all(folder.path().join(".git"))?;
        std::fs::create_dir_all(folder.path().join("src"))?;
        for (name, text) in
            [(".gitignore", "secret.txt\n"), ("secret.txt", ""), ("src/a.rs", ""), ("b.md", "")]
        {
            std::fs::write(folder.path().join(name), text)?;
        }
        assert_eq!(super::list(folder.path()), [".gitignore", "b.md", "src/", "src/a.rs"]);
        Ok(())
    }
}
