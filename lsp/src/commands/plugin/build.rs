//! `nexus plugin build`: a `.plugin` of a project.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use opencode_nexus::{Error, ErrorKind, Result};
use opencode_nexus_plugins::bundle::{Bundle, manifest_of};
use opencode_nexus_plugins::inspect::inspect;
use opencode_nexus_plugins::manifest::Manifest;
use opencode_nexus_plugins::signature::SecretKey;
use opencode_nexus_plugins::toolchain;
use serde_json::json;

use super::key;
use crate::output;

/// What to build, and how.
#[derive(clap::Args)]
#[command(
    after_help = "The language is seen by Cargo.toml, plugin.js or plugin.py beside plugin.toml. What lies in web/ comes along.\n\nExamples:\n  nexus plugin build\n  nexus plugin build words --key author.key\n  nexus plugin build --component out/plugin.wasm --output dist/"
)]
pub(super) struct Build {
    /// The folder with plugin.toml.
    #[arg(default_value = ".")]
    folder: PathBuf,
    /// Sign it with this secret key (`nexus plugin key` makes one).
    #[arg(long, value_name = "FILE", alias = "sign")]
    key: Option<PathBuf>,
    /// The file to write, or a folder for it; otherwise ID-VERSION.plugin in the folder.
    #[arg(short, long, value_name = "PATH")]
    output: Option<PathBuf>,
    /// Take this component, which another tool has built.
    #[arg(long, value_name = "FILE")]
    component: Option<PathBuf>,
}

impl Build {
    pub(super) async fn run(self, json: bool) -> Result<ExitCode> {
        let manifest = manifest_of(&self.folder)?;
        let key = match &self.key {
            Some(file) => Some(key::read(file).await?),
            None => None,
        };
        let target = self.target(&manifest);
        let (folder, given) = (self.folder.clone(), self.component.clone());
        let (bundle, way) =
            super::blocking(move || make(&folder, manifest, given.as_deref(), key.as_ref())).await?;
        let bytes = bundle.to_bytes()?;
        write(&target, &bytes)?;
        let manifest = bundle.manifest();
        if json {
            output::print_json(&json!({
                "ok": true, "file": target, "id": manifest.id, "version": manifest.version, "way": way,
                "bytes": bytes.len(), "component_bytes": bundle.component().len(),
                "fingerprint": bundle.publisher().map(|key| key.fingerprint()),
            }));
            return Ok(ExitCode::SUCCESS);
        }
        eprintln!("{way}: a component of {}", output::size(bundle.component().len() as u64));
        let signed = match bundle.publisher() {
            Some(key) => format!("signed by {}", key.fingerprint()),
            None => "not signed".to_owned(),
        };
        output::print_line(&format!("{}: {}, {signed}", target.display(), output::size(bytes.len() as u64)));
        if bundle.publisher().is_none() {
            eprintln!("to try it: nexus plugin add {} --allow-unsigned", target.display());
        }
        Ok(ExitCode::SUCCESS)
    }

    fn target(&self, manifest: &Manifest) -> PathBuf {
        let name = format!("{}-{}.plugin", manifest.id, manifest.version);
        match &self.output {
            None => self.folder.join(name),
            Some(path) if path.is_dir() || path.as_os_str().to_string_lossy().ends_with(['/', '\\']) => {
                path.join(name)
            }
            Some(path) => path.clone(),
        }
    }
}

/// Builds, looks at what came out as every host will, and packs.
fn make(
    folder: &Path,
    manifest: Manifest,
    given: Option<&Path>,
    key: Option<&SecretKey>,
) -> Result<(Bundle, String)> {
    let (component, way) = component(folder, &manifest, given)?;
    inspect(&component, &manifest.worlds)?;
    let bundle = Bundle::from_parts(folder, manifest, component, key)?;
    Ok((bundle, way))
}

/// The component of a project, and how it was made.
pub(super) fn component(
    folder: &Path,
    manifest: &Manifest,
    given: Option<&Path>,
) -> Result<(Vec<u8>, String)> {
    let read = |path: &Path| {
        std::fs::read(path).map_err(|error| {
            Error::new(ErrorKind::NotFound, format!("{} cannot be read: {error}", path.display()))
                .with_hint("name the component that was built")
                .with_source(error)
        })
    };
    if let Some(path) = given {
        return Ok((read(path)?, "given".to_owned()));
    }
    let place = tempfile::Builder::new().prefix("nexus-plugin-").tempdir()?;
    let wasm = place.path().join("plugin.wasm");
    let way = toolchain::build(folder, &manifest.worlds, &wasm, &mut |line: &str| {
        eprintln!("  {}", output::clean(line))
    })?;
    Ok((read(&wasm)?, way))
}

fn write(target: &Path, bytes: &[u8]) -> Result<()> {
    use std::io::Write as _;
    let failed = |error: std::io::Error| {
        Error::new(ErrorKind::Io, format!("{} cannot be written: {error}", target.display()))
            .with_hint("check the folder, or name another: --output PATH")
            .with_source(error)
    };
    let folder = target.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    std::fs::create_dir_all(folder).map_err(failed)?;
    // Whoever reads it meanwhile gets the old one or the new one.
    let mut file = tempfile::Builder::new().prefix(".plugin-").tempfile_in(folder).map_err(failed)?;
    file.write_all(bytes).map_err(failed)?;
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        file.as_file().set_permissions(std::fs::Permissions::from_mode(0o644)).map_err(failed)?;
    }
    file.persist(target).map_err(|error| failed(error.error))?;
    Ok(())
}
