//! `nexus-TARGET.tar.gz`: one folder with the program, completions, manual pages and texts. The name has no version, so
//! that the address of the latest release is always the same.

use std::fs::File;
use std::path::{Path, PathBuf};

use flate2::Compression;
use flate2::write::GzEncoder;

use super::staging::{Entry, Staged};

/// Writes the archive and gives its path. The same contents give the same bytes.
pub fn write(staged: &Staged, dist: &Path) -> Result<PathBuf, String> {
    let root = format!("nexus-{}", staged.target);
    let path = dist.join(format!("{root}.tar.gz"));
    let failed = |error: std::io::Error| format!("{}: {error}", path.display());
    let file = File::create(&path).map_err(failed)?;
    let mut archive = tar::Builder::new(GzEncoder::new(file, Compression::default()));
    let name = if staged.target.contains("windows") { "nexus.exe" } else { "nexus" };
    let program = Entry { path: name.to_owned(), bytes: staged.program.clone(), executable: true };
    let all = [&program].into_iter().chain(&staged.completions).chain(&staged.manual).chain(&staged.texts);
    for entry in all {
        let mut header = tar::Header::new_gnu();
        header.set_size(entry.bytes.len() as u64);
        header.set_mode(if entry.executable { 0o755 } else { 0o644 });
        header.set_mtime(staged.epoch);
        archive
            .append_data(&mut header, format!("{root}/{}", entry.path), entry.bytes.as_slice())
            .map_err(failed)?;
    }
    archive.into_inner().and_then(GzEncoder::finish).map_err(failed)?;
    Ok(path)
}
