//! The configuration of this client: one TOML file, profiles in it, and environment variables over it.
//!
//! [`SETTINGS`] is the table of what can be set. [`Config::load`] reads the file and decides each value: the
//! environment wins over what a program lays over the file, that over the profile, the profile over the rest of the file, and
//! that over the default; [`Config::explain`] tells where a value comes from. [`Config::settings`] gives all of them typed.
//! [`edit`] changes the file and keeps its comments. `Client::configuration` is about the other one, that of the server.
//!
//! ```toml
//! model = "anthropic/claude-sonnet-4-5"
//!
//! [permission]
//! allow = ["bash:git status*"]
//!
//! [profiles.work.server]
//! url = "https://opencode.example.org"
//! ```

pub mod edit;
mod file;
mod path;
mod plugins;
mod setting;
mod settings;
mod value;

use std::path::{Path, PathBuf};

use crate::{Error, ErrorKind, Result};
use file::Contents;

pub use file::{Place, Problem};
pub use path::default_path;
pub use plugins::PluginSettings;
pub use setting::{SETTINGS, Setting};
pub use settings::Settings;
pub use value::{Kind, Value};

/// A file above this size is none that a person wrote.
const FILE_BYTES: u64 = 1024 * 1024;

/// Looks up an environment variable.
type Lookup<'a> = &'a dyn Fn(&str) -> Option<String>;

/// Where a value comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// Nobody said anything.
    Default,
    /// The file, at this place; with the profile in which it stands.
    File {
        /// The profile; `None`: what holds for all.
        profile: Option<String>,
        /// Where in the file.
        place: Place,
    },
    /// A program that uses this crate: an editor with settings of its own.
    Program,
    /// The environment.
    Environment {
        /// The variable.
        variable: &'static str,
    },
}

/// A setting with the value that holds.
#[derive(Clone, Debug)]
pub struct Explained {
    /// The setting.
    pub setting: &'static Setting,
    /// The value; `None` when nobody says anything and there is no default. Without passwords.
    pub value: Option<Value>,
    /// Where the value comes from.
    pub origin: Origin,
}

/// The configuration as it stands: file, profile and environment.
#[derive(Debug)]
pub struct Config {
    path: PathBuf,
    exists: bool,
    contents: Contents,
    profile: Option<String>,
    program: Vec<(&'static Setting, Value)>,
    environment: Vec<(&'static Setting, Value)>,
    variables: Vec<Problem>,
}

impl Config {
    /// Reads the file at `path` (by default [`default_path`]; one that does not exist is as good as an empty one) and the
    /// environment. `profile` wins over the variable `NEXUS_PROFILE`, and that over the setting `profile`.
    ///
    /// What is wrong inside does not fail here; [`problems`](Self::problems) has it, and [`settings`](Self::settings)
    /// fails with it.
    ///
    /// # Errors
    /// `system.io` when the file cannot be read, `user.configuration` when it is not text or much too large, or when
    /// there is no such profile.
    pub fn load(path: Option<&Path>, profile: Option<&str>) -> Result<Self> {
        Self::load_with(path, profile, &|name| std::env::var(name).ok())
    }

    fn load_with(path: Option<&Path>, profile: Option<&str>, lookup: Lookup<'_>) -> Result<Self> {
        let path = match path {
            Some(path) => path.to_owned(),
            None => default_path()?,
        };
        let text = read(&path)?;
        let contents = Contents::read(text.as_deref().unwrap_or_default());
        let mut config = Self {
            path,
            exists: text.is_some(),
            contents,
            profile: None,
            program: Vec::new(),
            environment: Vec::new(),
            variables: Vec::new(),
        };
        config.read_environment(lookup);
        config.profile = profile.map(str::to_owned).or_else(|| config.text("profile"));
        match &config.profile {
            Some(name) if !config.contents.profiles.contains(name) => Err(config.no_profile(name)),
            _ => Ok(config),
        }
    }

    fn read_environment(&mut self, lookup: Lookup<'_>) {
        for setting in SETTINGS {
            let Some(text) = lookup(setting.variable).filter(|text| !text.trim().is_empty()) else {
                continue;
            };
            match setting.kind.parse(&text) {
                Ok(value) => self.environment.push((setting, value)),
                Err(message) => self.variables.push(Problem {
                    place: Place { line: 0, column: 0 },
                    key: setting.variable.to_owned(),
                    message,
                    hint: format!("set it to a good value, or unset {}", setting.variable),
                }),
            }
        }
    }

    fn no_profile(&self, name: &str) -> Error {
        let message = format!("there is no profile `{name}` in {}", self.path.display());
        let hint = match self.contents.profiles.as_slice() {
            [] => format!("write [profiles.{name}] and its settings below"),
            known => format!("there are: {}", known.join(", ")),
        };
        Error::new(ErrorKind::Configuration, message).with_hint(hint)
    }

    /// The file, whether it exists or not.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Whether the file exists.
    pub fn exists(&self) -> bool {
        self.exists
    }

    /// The profile that holds.
    pub fn profile(&self) -> Option<&str> {
        self.profile.as_deref()
    }

    /// The profiles in the file.
    pub fn profiles(&self) -> &[String] {
        &self.contents.profiles
    }

    /// Everything that is wrong in the file, in its order, then in the environment (there with line 0 and the name of
    /// the variable as key).
    pub fn problems(&self) -> Vec<Problem> {
        let mut problems = self.contents.problems.clone();
        problems.sort_by_key(|problem| problem.place);
        problems.extend(self.variables.iter().cloned());
        problems
    }

    /// One line about a problem: file, line, column, what is wrong.
    pub fn describe(&self, problem: &Problem) -> String {
        let Problem { place, key, message, .. } = problem;
        let colon = if key.is_empty() { "" } else { ": " };
        match place.line {
            0 => format!("environment: {key}{colon}{message}"),
            line => format!("{}:{line}:{}: {key}{colon}{message}", self.path.display(), place.column),
        }
    }

    /// The value of a setting and where it comes from; passwords in addresses are not shown.
    pub fn explain(&self, setting: &'static Setting) -> Explained {
        let (value, origin) = self.resolve(setting);
        let value = value.map(|value| if setting.secret { value.without_password() } else { value });
        Explained { setting, value, origin }
    }

    /// Lays a value over the file; the environment still wins. A later one takes the place of an earlier one.
    pub fn lay_over(&mut self, setting: &'static Setting, value: Value) {
        self.program.retain(|(known, _)| known.key != setting.key);
        self.program.push((setting, value));
    }

    /// All values, typed.
    ///
    /// # Errors
    /// `user.configuration` with the place of the first problem: a file that is half wrong is not half obeyed.
    pub fn settings(&self) -> Result<Settings> {
        if let Some(problem) = self.problems().first() {
            let message = self.describe(problem);
            return Err(Error::new(ErrorKind::Configuration, message).with_hint(problem.hint.clone()));
        }
        Ok(Settings::of(self))
    }

    fn resolve(&self, setting: &'static Setting) -> (Option<Value>, Origin) {
        if let Some((_, value)) = self.environment.iter().find(|(known, _)| known.key == setting.key) {
            return (Some(value.clone()), Origin::Environment { variable: setting.variable });
        }
        if let Some((_, value)) = self.program.iter().find(|(known, _)| known.key == setting.key) {
            return (Some(value.clone()), Origin::Program);
        }
        if let Some(entry) = self.contents.entry(setting.key, self.profile.as_deref()) {
            let origin = Origin::File { profile: entry.profile.clone(), place: entry.place };
            return (Some(entry.value.clone()), origin);
        }
        // Defaults are good values; a test looks at all of them.
        (setting.default.and_then(|text| setting.kind.parse_toml(text).ok()), Origin::Default)
    }

    fn value(&self, key: &str) -> Option<Value> {
        self.resolve(Setting::find(key)?).0
    }

    fn text(&self, key: &str) -> Option<String> {
        self.value(key)?.as_text().map(str::to_owned)
    }
}

/// The text of the file; `None` when there is none.
fn read(path: &Path) -> Result<Option<String>> {
    use std::io::Read as _;
    let failed = |error: std::io::Error| {
        Error::new(ErrorKind::Io, format!("cannot read the configuration {}: {error}", path.display()))
            .with_hint("it must be a file that you may read")
            .with_source(error)
    };
    let wrong = |why: &str| {
        Error::new(ErrorKind::Configuration, format!("{} is no configuration: {why}", path.display()))
            .with_hint("it must be a TOML file; move it away to begin anew")
    };
    let file = match std::fs::File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(failed(error)),
    };
    // A pipe or a device would be waited for.
    if !file.metadata().map_err(failed)?.is_file() {
        return Err(wrong("it is not a file"));
    }
    let mut bytes = Vec::new();
    file.take(FILE_BYTES + 1).read_to_end(&mut bytes).map_err(failed)?;
    if bytes.len() as u64 > FILE_BYTES {
        return Err(wrong("it is larger than 1 MiB"));
    }
    String::from_utf8(bytes).map(Some).map_err(|_| wrong("it is not UTF-8"))
}

#[cfg(test)]
#[path = "tests.rs"]
mod tests;
