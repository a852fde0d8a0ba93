//! `nexus config edit`: the file in the person's editor. A file that does not exist yet begins with every setting in a
//! comment.

use std::path::Path;
use std::process::{Command, ExitCode};

use opencode_nexus::config::SETTINGS;
use opencode_nexus::{Error, ErrorKind, Result};

use super::check;
use crate::settings::config;

#[derive(clap::Args)]
pub(super) struct Edit {}

impl Edit {
    pub(super) fn run(self, json: bool) -> Result<ExitCode> {
        let path = config()?.path().to_owned();
        if !path.exists() {
            write_template(&path)?;
        }
        let set = |name: &str| std::env::var(name).ok().filter(|value| !value.trim().is_empty());
        let editor = set("VISUAL").or_else(|| set("EDITOR")).unwrap_or_else(|| usual_editor().to_owned());
        // The variables hold a command line, like `code --wait`.
        let mut words = editor.split_whitespace();
        let program = words.next().unwrap_or_default();
        let status = Command::new(program).args(words).arg(&path).status().map_err(|error| {
            Error::new(ErrorKind::Configuration, format!("cannot run the editor {program}: {error}"))
                .with_hint("set VISUAL or EDITOR to your editor")
        })?;
        if !status.success() {
            return Err(Error::new(ErrorKind::Aborted, format!("the editor ended with {status}"))
                .with_hint(format!("the file is {}", path.display())));
        }
        check::report(&config()?, json)
    }
}

fn usual_editor() -> &'static str {
    if cfg!(windows) { "notepad" } else { "vi" }
}

fn write_template(path: &Path) -> Result<()> {
    let failed = |error: std::io::Error| {
        Error::new(ErrorKind::Io, format!("cannot make {}: {error}", path.display()))
            .with_hint("make the folder writable, or name another file with --config")
            .with_source(error)
    };
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder).map_err(failed)?;
    }
    let mut options = std::fs::File::options();
    options.write(true).create_new(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt as _;
        // An address may hold a password.
        options.mode(0o600);
    }
    let mut file = options.open(path).map_err(failed)?;
    std::io::Write::write_all(&mut file, template().as_bytes()).map_err(failed)
}

/// Every setting with its meaning, switched off.
fn template() -> String {
    let mut text = String::from("# Settings of OpenCode Nexus. Remove the # of those that you want.\n");
    let mut table = "";
    for setting in SETTINGS {
        let (of, name) = setting.key.rsplit_once('.').unwrap_or(("", setting.key));
        if of != table {
            text.push_str(&format!("\n[{of}]\n"));
            table = of;
        }
        text.push_str(&format!(
            "# {}\n# {name} = {}\n",
            setting.about,
            setting.default.unwrap_or(setting.example)
        ));
    }
    text.push_str("\n# A profile holds the same settings for one occasion: nexus --profile work …\n# [profiles.work]\n# agent = \"plan\"\n");
    text
}

#[cfg(test)]
mod tests {
    use opencode_nexus::config::Config;

    #[test]
    fn the_template_is_a_good_file_with_and_without_its_comment_signs() {
        let folder = std::env::temp_dir().join(format!("nexus-template-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let path = folder.join("config.toml");
        let bare: String = super::template()
            .lines()
            .map(|line| match line.strip_prefix("# ") {
                Some(setting) if setting.contains(" = ") || setting.starts_with('[') => {
                    format!("{setting}\n")
                }
                _ => format!("{line}\n"),
            })
            .collect();
        for text in [super::template(), bare] {
            std::fs::write(&path, &text).unwrap();
            // The example of `profile` names one that the template has.
            let config =
                Config::load(Some(&path), Some("work").filter(|_| text.contains("\n[profiles.work]")));
            assert_eq!(config.unwrap().problems(), [], "{text}");
        }
        std::fs::remove_dir_all(&folder).unwrap();
    }
}
