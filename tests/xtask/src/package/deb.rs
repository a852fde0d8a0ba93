//! The Debian package `opencode-nexus`, built by dpkg-deb: places by the Debian Policy and the Filesystem Hierarchy
//! Standard.

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use flate2::{Compression, GzBuilder};

use super::elf::glibc;
use super::staging::Staged;

/// Writes the package and gives its path.
pub fn write(root: &Path, staged: &Staged, dist: &Path, small: bool) -> Result<PathBuf, String> {
    let architecture = match staged.target.split('-').next() {
        Some("x86_64") => "amd64",
        Some("aarch64") => "arm64",
        other => return Err(format!("Debian has no name for {}", other.unwrap_or_default())),
    };
    let folder = tempfile::tempdir().map_err(|error| error.to_string())?;
    let tree = folder.path();
    fill(root, staged, tree)?;
    put(tree, "DEBIAN/control", control(staged, architecture, size(tree)).as_bytes(), 0o644)?;
    let path = dist.join(format!("opencode-nexus_{}_{architecture}.deb", staged.version));
    let output = Command::new("dpkg-deb")
        .args(["--root-owner-group", if small { "-Zxz" } else { "-Znone" }, "--build"])
        .args([tree, &path])
        .env("SOURCE_DATE_EPOCH", staged.epoch.to_string())
        .output()
        .map_err(|error| format!("cannot run dpkg-deb: {error}; apt-get install dpkg"))?;
    if output.status.success() {
        return Ok(path);
    }
    Err(format!("dpkg-deb: {}", String::from_utf8_lossy(&output.stderr)))
}

fn fill(root: &Path, staged: &Staged, tree: &Path) -> Result<(), String> {
    put(tree, "usr/bin/nexus", &staged.program, 0o755)?;
    for entry in &staged.completions {
        let place = match entry.path.as_str() {
            "completions/nexus.bash" => "usr/share/bash-completion/completions/nexus",
            "completions/_nexus" => "usr/share/zsh/vendor-completions/_nexus",
            "completions/nexus.fish" => "usr/share/fish/vendor_completions.d/nexus.fish",
            // PowerShell has no place for them on Debian.
            _ => continue,
        };
        put(tree, place, &entry.bytes, 0o644)?;
    }
    for entry in &staged.manual {
        let name = entry.path.trim_start_matches("man/");
        put(tree, &format!("usr/share/man/man1/{name}.gz"), &zipped(&entry.bytes)?, 0o644)?;
    }
    let documents = "usr/share/doc/opencode-nexus";
    for entry in &staged.texts {
        match entry.path.as_str() {
            // Debian has the text of this one in a place of its own.
            "LICENSE-APACHE" => {}
            "CHANGELOG.md" => put(tree, &format!("{documents}/changelog.gz"), &zipped(&entry.bytes)?, 0o644)?,
            name => put(tree, &format!("{documents}/{name}"), &entry.bytes, 0o644)?,
        }
    }
    let copyright =
        fs::read(root.join("lsp/packaging/copyright")).map_err(|error| format!("copyright: {error}"))?;
    put(tree, &format!("{documents}/copyright"), &copyright, 0o644)
}

fn control(staged: &Staged, architecture: &str, kibibytes: u64) -> String {
    let depends = match glibc(&staged.program) {
        Some((major, minor)) => format!("Depends: libc6 (>= {major}.{minor}), libgcc-s1\n"),
        None => String::new(),
    };
    format!(
        "Package: opencode-nexus\n\
         Version: {}\n\
         Architecture: {architecture}\n\
         Maintainer: The OpenCode Nexus developers <nexus@localhost.invalid>\n\
         Installed-Size: {kibibytes}\n\
         {depends}\
         Recommends: git\n\
         Suggests: npm\n\
         Section: devel\n\
         Priority: optional\n\
         Homepage: https://github.com/opencode-nexus/opencode-nexus\n\
         Description: client for OpenCode servers\n \
         Conversations with the AI coding agent OpenCode in the terminal and in\n \
         scripts, complete over an unreliable network.\n",
        staged.version
    )
}

fn size(tree: &Path) -> u64 {
    let Ok(entries) = fs::read_dir(tree) else { return 0 };
    entries
        .flatten()
        .map(|entry| match entry.metadata() {
            Ok(meta) if meta.is_dir() => size(&entry.path()),
            Ok(meta) => meta.len().div_ceil(1024),
            Err(_) => 0,
        })
        .sum()
}

/// Without a name and a time in it (gzip -n), as the Debian Policy asks.
fn zipped(bytes: &[u8]) -> Result<Vec<u8>, String> {
    let mut writer = GzBuilder::new().mtime(0).write(Vec::new(), Compression::best());
    writer.write_all(bytes).and_then(|()| writer.finish()).map_err(|error| error.to_string())
}

fn put(tree: &Path, place: &str, bytes: &[u8], mode: u32) -> Result<(), String> {
    let path = tree.join(place);
    let failed = |error: std::io::Error| format!("{}: {error}", path.display());
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).map_err(failed)?;
    }
    fs::write(&path, bytes).map_err(failed)?;
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).map_err(failed)?;
        // Whatever the umask of who builds this is, folders can be entered by all.
        for folder in path.ancestors().skip(1).take_while(|folder| folder.starts_with(tree)) {
            fs::set_permissions(folder, fs::Permissions::from_mode(0o755)).map_err(failed)?;
        }
    }
    #[cfg(not(unix))]
    let _ = mode;
    Ok(())
}
