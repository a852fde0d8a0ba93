//! Whether a plugin may be installed, and what that would be: decided from what is there, without changing anything.

use opencode_nexus::{Error, ErrorKind, Result};

use super::state::State;
use crate::bundle::Bundle;

/// What the person allows for once.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Rules {
    /// A plugin without a signature.
    pub allow_unsigned: bool,
    /// A version that is older than the one that is used.
    pub downgrade: bool,
}

/// What installing a plugin means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// It was not there.
    New,
    /// It takes the place of this older version.
    Update {
        /// The version that is used until then.
        from: String,
    },
    /// It takes the place of this newer version.
    Downgrade {
        /// The version that is used until then.
        from: String,
    },
    /// It is the version that is used, in every byte: there is nothing to do.
    Same,
    /// It has the version that is used and other content. Only unsigned plugins can do that: their authors try them out.
    Changed,
}

pub(super) fn judge(state: Option<&State>, bundle: &Bundle, rules: Rules) -> Result<Step> {
    let manifest = bundle.manifest();
    let id = &manifest.id;
    if bundle.publisher().is_none() && !rules.allow_unsigned {
        return Err(Error::new(
            ErrorKind::Forbidden,
            format!("{id} is not signed: nobody can say who made it"),
        )
        .with_hint("get a signed one; if you have built it yourself, add --allow-unsigned"));
    }
    let Some(state) = state else { return Ok(Step::New) };
    check_publisher(state, bundle)?;
    let known =
        state.versions.get(&state.current).ok_or_else(|| super::damaged(id, "its version is not there"))?;
    if manifest.version == state.current {
        return match (known.digest == bundle.digest(), bundle.publisher()) {
            (true, _) => Ok(Step::Same),
            (false, None) => Ok(Step::Changed),
            (false, Some(_)) => Err(Error::new(
                ErrorKind::Conflict,
                format!(
                    "{id} {} is installed, and this file has the same version and other content",
                    manifest.version
                ),
            )
            .with_hint(format!(
                "its author must count the version up; or remove it first: nexus plugin remove {id}"
            ))),
        };
    }
    let from = state.current.clone();
    let old = semver::Version::parse(&from).map_err(|_| super::damaged(id, "its version is none"))?;
    match manifest.semver()?.cmp_precedence(&old).is_lt() {
        false => Ok(Step::Update { from }),
        true if rules.downgrade => Ok(Step::Downgrade { from }),
        true => Err(Error::new(
            ErrorKind::Conflict,
            format!("{id} {from} is installed, and {} is older", manifest.version),
        )
        .with_hint("an old version may have faults that are known; add --downgrade if you want it")),
    }
}

/// The key that was there first stays the only one. A plugin that was once signed never becomes an unsigned one, whatever is
/// allowed.
fn check_publisher(state: &State, bundle: &Bundle) -> Result<()> {
    let id = &bundle.manifest().id;
    let message = match (&state.publisher, bundle.publisher()) {
        (Some(old), Some(new)) if old == new => return Ok(()),
        (None, None) => return Ok(()),
        (Some(old), Some(new)) => format!(
            "{id} is signed by another key than the one that is installed: {} instead of {}",
            new.fingerprint(),
            old.fingerprint()
        ),
        (Some(_), None) => format!("{id} is not signed, and the one that is installed is"),
        (None, Some(new)) => {
            format!("{id} is signed by {}, and the one that is installed is not signed", new.fingerprint())
        }
    };
    Err(Error::new(ErrorKind::Forbidden, message).with_hint(format!(
        "ask its author; if it is right, remove the old one first with what it keeps: nexus plugin remove {id}"
    )))
}
