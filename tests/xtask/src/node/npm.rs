//! The packages as they are published: one with the JavaScript, and one for each platform with its native library, which npm chooses
//! (`optionalDependencies`, as napi-rs lays it out). They are installed without network in an empty folder, and used from there.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Value, json};

use super::build::{self, Package, npm};
use super::suite::World;
use crate::editors::install::perform;

/// All platforms that packages are made for: the name, and what npm calls system, processor and C library.
const PLATFORMS: &[(&str, &str, &str, Option<&str>)] = &[
    ("darwin-arm64", "darwin", "arm64", None),
    ("darwin-x64", "darwin", "x64", None),
    ("linux-arm64-gnu", "linux", "arm64", Some("glibc")),
    ("linux-arm64-musl", "linux", "arm64", Some("musl")),
    ("linux-x64-gnu", "linux", "x64", Some("glibc")),
    ("linux-x64-musl", "linux", "x64", Some("musl")),
    ("win32-x64-msvc", "win32", "x64", None),
];

/// What was packed.
pub struct Packed {
    main: PathBuf,
    platform: PathBuf,
    library: u64,
}

impl Packed {
    /// How large everything is.
    pub fn sizes(&self) -> String {
        let size = |file: &Path| file.metadata().map_or(0, |found| found.len());
        let shown = |bytes: u64| format!("{:.1} MB", bytes as f64 / 1e6);
        let name = |file: &Path| file.file_name().unwrap_or_default().to_string_lossy().into_owned();
        format!(
            "{} {:.0} kB, {} {} ({} unpacked)",
            name(&self.main),
            size(&self.main) as f64 / 1e3,
            name(&self.platform),
            shown(size(&self.platform)),
            shown(self.library),
        )
    }
}

/// Writes a package with a native library into a folder.
pub fn platform_package(folder: &Path, platform: &str, library: &Path) -> Result<(), String> {
    let Some((_, os, cpu, libc)) = PLATFORMS.iter().find(|(name, ..)| *name == platform) else {
        return Err(format!("there is no package for {platform} yet"));
    };
    let mut described = json!({
        "name": format!("@opencode-nexus/{platform}"),
        "version": env!("CARGO_PKG_VERSION"),
        "description": format!("The native library of opencode-nexus for {platform}."),
        "license": "MIT OR Apache-2.0",
        "repository": { "type": "git", "url": "git+https://github.com/opencode-nexus/opencode-nexus.git", "directory": "node" },
        "main": "opencode-nexus.node",
        "files": ["opencode-nexus.node"],
        "engines": { "node": ">=20" },
        "os": [os],
        "cpu": [cpu],
    });
    if let (Some(libc), Some(fields)) = (libc, described.as_object_mut()) {
        fields.insert("libc".to_owned(), json!([libc]));
    }
    write(&folder.join("package.json"), &described)?;
    let to = folder.join("opencode-nexus.node");
    std::fs::copy(library, &to).map_err(|error| format!("{}: {error}", to.display()))?;
    Ok(())
}

/// Both packages in a folder, as they stand in a `node_modules`.
pub fn laid_out(root: &Path, package: &Package, library: &Path, folder: &Path) -> Result<(), String> {
    build::clear(folder)?;
    main_package(root, &package.folder, folder)?;
    let platform = folder.join("node_modules/@opencode-nexus").join(&package.platform);
    build::clear(&platform)?;
    platform_package(&platform, &package.platform, library)
}

/// Packs both packages for this platform into a folder.
pub fn pack(root: &Path, package: &Package, to: &Path, release: bool) -> Result<Packed, String> {
    let library = match release {
        true => super::release_library(root, &[])?,
        false => package.library.clone(),
    };
    pack_library(root, &package.folder, &package.platform, &library, to)
}

/// Packs the JavaScript in the package's folder, and a library for a platform.
pub fn pack_library(
    root: &Path,
    package: &Path,
    platform_name: &str,
    library: &Path,
    to: &Path,
) -> Result<Packed, String> {
    build::clear(to)?;
    let staging = tempfile::tempdir().map_err(|error| error.to_string())?;
    let platform = staging.path().join("platform");
    build::clear(&platform)?;
    platform_package(&platform, platform_name, library)?;
    let library = platform.join("opencode-nexus.node");
    strip(&library)?;
    forget_the_machine(root, &library)?;
    let main = staging.path().join("main");
    build::clear(&main)?;
    main_package(root, package, &main)?;
    let packed = |folder: &Path| {
        let before = archives(to)?;
        perform(npm(folder).args(["pack", "--pack-destination"]).arg(to))?;
        let new = archives(to)?.into_iter().find(|file| !before.contains(file));
        new.ok_or_else(|| "npm packed nothing".to_owned())
    };
    let size = library.metadata().map_or(0, |found| found.len());
    Ok(Packed { main: packed(&main)?, platform: packed(&platform)?, library: size })
}

/// The package with the JavaScript, without what only its development needs.
fn main_package(root: &Path, package: &Path, to: &Path) -> Result<(), String> {
    let text = std::fs::read_to_string(package.join("package.json")).map_err(|error| error.to_string())?;
    let mut described: Value = serde_json::from_str(&text).map_err(|error| error.to_string())?;
    let fields = described.as_object_mut().ok_or("package.json is no object")?;
    fields.remove("devDependencies");
    fields.remove("scripts");
    let version = fields.get("version").and_then(Value::as_str).unwrap_or_default().to_owned();
    if version != env!("CARGO_PKG_VERSION") {
        return Err(format!("node/package.json says {version}, the workspace {}", env!("CARGO_PKG_VERSION")));
    }
    let platforms = PLATFORMS.iter().map(|(name, ..)| (format!("@opencode-nexus/{name}"), json!(version)));
    fields.insert("optionalDependencies".to_owned(), Value::Object(platforms.collect()));
    write(&to.join("package.json"), &described)?;
    let copy = |from: &Path, name: &str| {
        let copied = std::fs::copy(from.join(name), to.join(name));
        copied.map(drop).map_err(|error| format!("{name}: {error}"))
    };
    copy(package, "README.md")?;
    copy(root, "LICENSE-APACHE")?;
    copy(root, "LICENSE-MIT")?;
    folder_copied(&package.join("dist"), &to.join("dist"))
}

fn folder_copied(from: &Path, to: &Path) -> Result<(), String> {
    let failed = |error: std::io::Error| format!("{}: {error}", from.display());
    std::fs::create_dir_all(to).map_err(failed)?;
    for entry in std::fs::read_dir(from).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        let target = to.join(entry.file_name());
        if entry.file_type().map_err(failed)?.is_dir() {
            folder_copied(&entry.path(), &target)?;
        } else {
            std::fs::copy(entry.path(), target).map_err(failed)?;
        }
    }
    Ok(())
}

fn archives(folder: &Path) -> Result<Vec<PathBuf>, String> {
    let entries = std::fs::read_dir(folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    let files = entries.filter_map(|entry| Some(entry.ok()?.path()));
    Ok(files.filter(|file| file.extension().is_some_and(|ending| ending == "tgz")).collect())
}

/// Takes names for debuggers out: most of the file is that.
fn strip(library: &Path) -> Result<(), String> {
    let arguments: &[&str] = if cfg!(target_os = "macos") { &["-x"] } else { &["--strip-unneeded"] };
    if cfg!(windows) {
        return Ok(());
    }
    perform(Command::new("strip").args(arguments).arg(library))
}

/// Nobody shall read in a package on whose machine it was built. The messages of panics name source files, those of libraries by
/// their place in the home of whoever builds; the compiler could write other names, and would build everything again for it. So they
/// are written over, with as many bytes.
fn forget_the_machine(root: &Path, library: &Path) -> Result<(), String> {
    let failed = |error: std::io::Error| format!("{}: {error}", library.display());
    let mut bytes = std::fs::read(library).map_err(failed)?;
    let mut places = vec![root.to_string_lossy().into_owned()];
    places.extend(["HOME", "CARGO_HOME", "RUSTUP_HOME"].iter().filter_map(|name| std::env::var(name).ok()));
    for place in places.iter().filter(|place| place.len() > 1) {
        overwrite(&mut bytes, place.as_bytes());
    }
    std::fs::write(library, bytes).map_err(failed)?;
    // A changed file of macOS needs a new signature, which says nothing about who made it.
    if cfg!(target_os = "macos") {
        perform(Command::new("codesign").args(["--force", "--sign", "-"]).arg(library))?;
    }
    Ok(())
}

/// Writes over each path that begins with a place: over the place itself, and over the folder of a registry behind it, whose name
/// says where libraries came from.
fn overwrite(bytes: &mut [u8], place: &[u8]) {
    const REGISTRY: &[u8] = b"/registry/src/";
    let mut at = 0;
    while let Some(found) = find(&bytes[at..], place).map(|found| found + at) {
        at = found + place.len();
        let is_path = matches!(bytes.get(at), None | Some(b'/' | 0));
        if !is_path {
            continue;
        }
        bytes[found + 1..at].fill(b'_');
        let next = &bytes[at..bytes.len().min(at + 64)];
        if let Some(registry) = find(next, REGISTRY) {
            let folder = at + registry + REGISTRY.len();
            let length = bytes[folder..].iter().take_while(|byte| **byte != b'/' && **byte != 0).count();
            bytes[folder..folder + length].fill(b'_');
        }
    }
}

fn find(bytes: &[u8], wanted: &[u8]) -> Option<usize> {
    bytes.windows(wanted.len()).position(|window| window == wanted)
}

/// Installs both packages in an empty folder, without network, and runs the first lines of the documentation there.
pub fn install_and_use(root: &Path, packed: &Packed, world: &World) -> Result<String, String> {
    let folder = tempfile::tempdir().map_err(|error| error.to_string())?;
    let folder = folder.path();
    write(&folder.join("package.json"), &json!({ "name": "somebody", "private": true }))?;
    let install = ["install", "--offline", "--no-audit", "--no-fund", "--ignore-scripts"];
    perform(npm(folder).args(install).arg(&packed.main).arg(&packed.platform))?;
    for name in ["quickstart.mjs", "quickstart.cjs"] {
        let to = folder.join(name);
        std::fs::copy(root.join("examples/node").join(name), &to)
            .map_err(|error| format!("{name}: {error}"))?;
        let mut node = Command::new("node");
        world.answered(node.arg(name).current_dir(folder))?;
    }
    Ok("the packed files answer in an empty folder, as modules of both kinds".to_owned())
}

fn write(file: &Path, value: &Value) -> Result<(), String> {
    let text = serde_json::to_string_pretty(value).map_err(|error| error.to_string())?;
    std::fs::write(file, text + "\n").map_err(|error| format!("{}: {error}", file.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_names_the_machine_is_written_over_with_as_many_bytes() {
        let mut bytes =
            b"x\0/home/me/.cargo/registry/src/mirror.example-1f/a-1.0/src/lib.rs/home/mean/home/me/work\0"
                .to_vec();
        overwrite(&mut bytes, b"/home/me");
        let expected =
            b"x\0/_______/.cargo/registry/src/_________________/a-1.0/src/lib.rs/home/mean/_______/work\0";
        assert_eq!(String::from_utf8_lossy(&bytes), String::from_utf8_lossy(expected));
    }
}
