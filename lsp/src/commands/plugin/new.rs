//! `nexus plugin new`: a small project that builds, in one of three languages.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use opencode_nexus::{Error, ErrorKind, Result};
use opencode_nexus_plugins::manifest::is_id;
use serde_json::json;

use crate::output;

/// What to begin.
#[derive(clap::Args)]
#[command(
    after_help = "The project gives context under @words: it finds notes of the project by a word. It is meant to be changed.\n\nExamples:\n  nexus plugin new acme.words --lang rust\n  nexus plugin new acme.words --lang js ./words-plugin\n  nexus plugin new acme.words --lang python"
)]
pub(super) struct New {
    /// The id: publisher.name, of lower case letters, digits and hyphens.
    id: String,
    /// The language.
    #[arg(long, value_enum)]
    lang: Lang,
    /// The new folder; otherwise one with the name behind the dot.
    folder: Option<PathBuf>,
}

#[derive(Clone, Copy, clap::ValueEnum)]
enum Lang {
    Rust,
    #[value(alias = "javascript")]
    Js,
    Python,
}

/// The name that stands in the templates, and the one of its crate.
const ID: &str = "acme.words";
const NAME: &str = "words";

macro_rules! template {
    ($language:literal, $($file:literal),+ $(,)?) => {
        &[$(($file, include_str!(concat!("../../../../plugins/templates/", $language, "/", $file)))),+]
    };
}

/// Path and text of each file. A `gitignore` has no dot here, or it would be obeyed here.
type Files = &'static [(&'static str, &'static str)];
const RUST: Files = template!(
    "rust",
    "plugin.toml",
    "Cargo.toml",
    "src/lib.rs",
    "tests/cases.toml",
    "README.md",
    "gitignore"
);
const JS: Files =
    template!("javascript", "plugin.toml", "plugin.js", "tests/cases.toml", "README.md", "gitignore");
const PYTHON: Files =
    template!("python", "plugin.toml", "plugin.py", "tests/cases.toml", "README.md", "gitignore");

impl New {
    pub(super) fn run(self, json: bool) -> Result<ExitCode> {
        let Some((_, name)) = self.id.split_once('.').filter(|_| is_id(&self.id)) else {
            let message = format!("{} is no id of a plugin", self.id.escape_debug());
            return Err(Error::new(ErrorKind::InvalidInput, message).with_hint(
                "choose one like acme.words: publisher.name, of lower case letters, digits and hyphens",
            ));
        };
        let folder = self.folder.clone().unwrap_or_else(|| PathBuf::from(name));
        if std::fs::symlink_metadata(&folder).is_ok() {
            return Err(Error::new(ErrorKind::Conflict, format!("{} is there already", folder.display()))
                .with_hint("name another folder: nexus plugin new ID --lang LANG FOLDER"));
        }
        let files = match self.lang {
            Lang::Rust => RUST,
            Lang::Js => JS,
            Lang::Python => PYTHON,
        };
        write(&folder, files, &self.id, name)?;
        if json {
            let names: Vec<String> = files.iter().map(|(path, _)| real(path)).collect();
            output::print_json(&json!({ "ok": true, "id": self.id, "folder": folder, "files": names }));
            return Ok(ExitCode::SUCCESS);
        }
        output::print_line(&format!("{}: a plugin that gives @{name}", folder.display()));
        eprintln!("next: nexus plugin build {0} && nexus plugin test {0}", folder.display());
        Ok(ExitCode::SUCCESS)
    }
}

fn write(folder: &Path, files: Files, id: &str, name: &str) -> Result<()> {
    let failed = |error: std::io::Error| {
        Error::new(ErrorKind::Io, format!("{} cannot be written: {error}", folder.display()))
            .with_hint("check the folder above it, or name another")
            .with_source(error)
    };
    for (path, text) in files {
        let target = folder.join(real(path));
        std::fs::create_dir_all(target.parent().unwrap_or(folder)).map_err(failed)?;
        std::fs::write(&target, filled(text, id, name)).map_err(failed)?;
    }
    Ok(())
}

fn real(path: &str) -> String {
    match path {
        "gitignore" => ".gitignore".to_owned(),
        path => path.to_owned(),
    }
}

/// The templates are plugins themselves; only their name changes.
fn filled(text: &str, id: &str, name: &str) -> String {
    text.replace(ID, id).replace(NAME, name)
}
