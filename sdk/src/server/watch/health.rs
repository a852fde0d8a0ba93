//! How a server is, in words that a person and a program understand; and what its version means for us.

use serde::{Deserialize, Serialize};

use super::load::Usage;

/// The versions that this SDK is tested with on real servers, oldest first; two lines of OpenCode.
pub const TESTED: &[&str] = &["1.14.48", "1.17.19", "1.18.33", "2.0.14"];

/// How a server is.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum Health {
    /// It was started, or is looked for, and has not answered yet.
    Starting,
    /// It answers.
    Ready,
    /// It runs, but not well.
    Degraded {
        /// What is wrong, in a sentence.
        reason: String,
    },
    /// It does not answer. One of ours is started again; another one is asked again.
    Unreachable {
        /// What was seen, in a sentence.
        reason: String,
    },
    /// What answers cannot be used.
    Incompatible {
        /// What it is.
        found: String,
        /// What was expected.
        wanted: String,
    },
    /// It was given up: nobody starts it again.
    Failed {
        /// Why, in a sentence.
        reason: String,
    },
    /// It was ended because somebody asked for it.
    Stopped,
}

impl Health {
    /// The word for it, in lower case; the same as in JSON.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Starting => "starting",
            Self::Ready => "ready",
            Self::Degraded { .. } => "degraded",
            Self::Unreachable { .. } => "unreachable",
            Self::Incompatible { .. } => "incompatible",
            Self::Failed { .. } => "failed",
            Self::Stopped => "stopped",
        }
    }

    /// Why, where there is a reason.
    pub fn reason(&self) -> Option<String> {
        match self {
            Self::Degraded { reason } | Self::Unreachable { reason } | Self::Failed { reason } => {
                Some(reason.clone())
            }
            Self::Incompatible { found, wanted } => Some(format!("found {found}, wanted {wanted}")),
            Self::Starting | Self::Ready | Self::Stopped => None,
        }
    }

    /// Whether requests can be expected to be answered.
    pub fn is_usable(&self) -> bool {
        matches!(self, Self::Ready | Self::Degraded { .. })
    }

    /// Whether nothing more will happen.
    pub fn is_final(&self) -> bool {
        matches!(self, Self::Failed { .. } | Self::Stopped)
    }
}

impl std::fmt::Display for Health {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.word())?;
        self.reason().map_or(Ok(()), |reason| write!(f, ": {reason}"))
    }
}

/// Something that happened to a watched server.
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq)]
pub enum HealthEvent {
    /// It is now like this.
    Health(Health),
    /// It ended, or was ended, without having been asked; the file of the report, when one could be written.
    Crashed {
        /// Why, in a sentence.
        reason: String,
        /// Where the report is.
        report: Option<std::path::PathBuf>,
    },
    /// It is started again for this time.
    Restarting {
        /// Counted from one.
        times: u32,
    },
    /// Its version is not one that this SDK is tested with.
    Version(VersionWarning),
    /// What it takes of the machine.
    Usage(Usage),
}

/// A version that works as far as is known, but was not tested.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "warning", rename_all = "snake_case")]
pub enum VersionWarning {
    /// Older than the oldest of its line that is tested.
    Older {
        /// The server's.
        found: String,
        /// The oldest tested one.
        tested: String,
    },
    /// Newer than the newest of its line that is tested.
    Newer {
        /// The server's.
        found: String,
        /// The newest tested one.
        tested: String,
    },
}

impl std::fmt::Display for VersionWarning {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Older { found, tested } => {
                write!(f, "OpenCode {found} is older than the oldest version that is tested, {tested}")
            }
            Self::Newer { found, tested } => {
                write!(f, "OpenCode {found} is newer than the newest version that is tested, {tested}")
            }
        }
    }
}

/// What a version means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::server) enum Verdict {
    Fine,
    Warning(VersionWarning),
    /// What would do.
    Incompatible(String),
}

/// Judges a version. One that is no number (a build by hand) is taken as it is.
pub(in crate::server) fn judge(found: &str, wanted: Option<&str>) -> Verdict {
    if let Some(wanted) = wanted.filter(|wanted| *wanted != found) {
        return Verdict::Incompatible(wanted.to_owned());
    }
    let Some(version) = numbers(found) else { return Verdict::Fine };
    let tested = || TESTED.iter().filter(|t| numbers(t).is_some_and(|t| t[0] == version[0]));
    let (Some(oldest), Some(newest)) = (tested().next(), tested().next_back()) else {
        return Verdict::Incompatible("OpenCode 1.x or 2.x".to_owned());
    };
    let found = found.to_owned();
    if numbers(oldest).is_some_and(|oldest| version < oldest) {
        Verdict::Warning(VersionWarning::Older { found, tested: (*oldest).to_owned() })
    } else if numbers(newest).is_some_and(|newest| version > newest) {
        Verdict::Warning(VersionWarning::Newer { found, tested: (*newest).to_owned() })
    } else {
        Verdict::Fine
    }
}

/// The three numbers of a version; what stands behind a hyphen does not count.
fn numbers(version: &str) -> Option<[u64; 3]> {
    let mut parts = version.split(['-', '+']).next()?.split('.').map(str::parse);
    let numbers = [parts.next()?.ok()?, parts.next()?.ok()?, parts.next()?.ok()?];
    // A build by hand calls itself 0.0.0-something.
    (parts.next().is_none() && numbers[0] > 0).then_some(numbers)
}

/// The warning that belongs to a version, if there is one.
pub fn version_warning(found: &str) -> Option<VersionWarning> {
    match judge(found, None) {
        Verdict::Warning(warning) => Some(warning),
        Verdict::Fine | Verdict::Incompatible(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_outside_of_what_is_tested_are_warned_of_and_other_lines_refused() {
        for fine in ["1.14.48", "1.16.0", "1.18.33", "2.0.14-shuv.1", "0.0.0-dev", "local"] {
            assert_eq!(judge(fine, None), Verdict::Fine, "{fine}");
        }
        let words = |found: &str| version_warning(found).unwrap().to_string();
        assert!(words("1.14.47").contains("older"));
        assert!(words("1.19.0").contains("newer than the newest version that is tested, 1.18.33"));
        assert!(words("2.1.0").contains("2.0.14"));
        for other in ["3.0.0", "17.1.2"] {
            assert!(matches!(judge(other, None), Verdict::Incompatible(_)), "{other}");
        }
        assert_eq!(judge("1.18.33", Some("1.18.34")), Verdict::Incompatible("1.18.34".to_owned()));
    }

    #[test]
    fn health_keeps_its_words_in_json() {
        let reason = "it ended".to_owned();
        let health = Health::Failed { reason };
        let text = serde_json::to_string(&health).unwrap();
        assert_eq!(text, r#"{"state":"failed","reason":"it ended"}"#);
        assert_eq!(serde_json::from_str::<Health>(&text).unwrap(), health);
        assert_eq!(health.to_string(), "failed: it ended");
    }
}
