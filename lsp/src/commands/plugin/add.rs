//! `nexus plugin add`: looks at a plugin, asks, installs.

use std::process::ExitCode;

use indicatif::ProgressBar;
use opencode_nexus::Result;
use opencode_nexus_plugins::bundle::Bundle;
use opencode_nexus_plugins::engine::Engine;
use opencode_nexus_plugins::inspect::inspect;
use opencode_nexus_plugins::installed::{Installed, InstalledPlugin, Rules, Step};
use opencode_nexus_plugins::permissions::Permissions;
use serde_json::json;

use super::consent::{self, Answer, GrantArguments};
use super::source::{self, Found};
use crate::output;

/// How often something moves while nothing can be counted.
const TICK: std::time::Duration = std::time::Duration::from_millis(120);

/// What to install, and what is allowed for once.
#[derive(clap::Args)]
#[command(
    after_help = "Examples:\n  nexus plugin add ./jira.plugin\n  nexus plugin add acme.jira --grant all\n  nexus plugin add acme.jira@1.2.0 --grant http:acme.example.org,session:read\n  nexus plugin add ./mine.plugin --allow-unsigned"
)]
pub(super) struct Add {
    /// A file, an https address, or an id of the index with or without a version: `acme.jira@1.2.0`.
    plugin: String,
    #[command(flatten)]
    grant: GrantArguments,
    #[command(flatten)]
    rules: RuleArguments,
}

/// What is allowed for once.
#[derive(clap::Args, Clone, Copy)]
pub(super) struct RuleArguments {
    /// Install it though nobody has signed it.
    #[arg(long)]
    allow_unsigned: bool,
    /// Install it though a newer version is there.
    #[arg(long)]
    downgrade: bool,
}

impl Add {
    pub(super) async fn run(self, json: bool) -> Result<ExitCode> {
        let found = source::find(&self.plugin).await?;
        let rules = Rules { allow_unsigned: self.rules.allow_unsigned, downgrade: self.rules.downgrade };
        let done = install(found, rules, &self.grant, json).await?;
        if json {
            output::print_json(&done.object());
        } else {
            done.say();
        }
        Ok(ExitCode::from(u8::from(done.what == Outcome::Declined) * 2))
    }
}

/// What has become of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    /// It is used from now on.
    Installed,
    /// It was there in every byte.
    Same,
    /// It lies beside the old version, which is used until what it asks for is granted.
    Waits,
    /// The person said no.
    Declined,
}

pub(super) struct Done {
    pub id: String,
    pub version: String,
    pub what: Outcome,
    /// What was used before.
    pub from: Option<String>,
    /// The words of what is granted.
    pub granted: Vec<String>,
    pub fingerprint: Option<String>,
}

impl Done {
    /// A version that was installed earlier and still waits.
    pub(super) fn waiting(plugin: &InstalledPlugin, version: &str) -> Self {
        Self {
            id: plugin.id.clone(),
            version: version.to_owned(),
            what: Outcome::Waits,
            from: Some(plugin.version.clone()),
            granted: Vec::new(),
            fingerprint: plugin.publisher.as_ref().map(|key| key.fingerprint()),
        }
    }

    pub(super) fn object(&self) -> serde_json::Value {
        let what = match self.what {
            Outcome::Installed => "installed",
            Outcome::Same => "same",
            Outcome::Waits => "waits",
            Outcome::Declined => "declined",
        };
        json!({
            "ok": self.what != Outcome::Declined, "id": self.id, "version": self.version, "outcome": what,
            "from": self.from, "granted": self.granted, "publisher": self.fingerprint,
        })
    }

    pub(super) fn say(&self) {
        let Self { id, version, .. } = self;
        match (self.what, &self.from) {
            (Outcome::Installed, Some(from)) if from != version => {
                output::print_line(&format!("{id} {version} is used from now on, instead of {from}"));
            }
            (Outcome::Installed, _) => output::print_line(&format!("{id} {version} is installed")),
            (Outcome::Same, _) => output::print_line(&format!("{id} {version} is installed already")),
            (Outcome::Waits, Some(from)) => {
                output::print_line(&format!(
                    "{id} {version} waits, because it asks for more; {from} is used"
                ));
                eprintln!("to decide: nexus plugin grant {id}");
            }
            (Outcome::Waits, None) => output::print_line(&format!("{id} {version} waits")),
            (Outcome::Declined, _) => eprintln!("{id} {version} was not installed"),
        }
        if self.what == Outcome::Installed && self.granted.is_empty() {
            eprintln!("it may do nothing but compute; to grant more: nexus plugin grant {id}");
        }
    }
}

/// Installs a plugin that was found: asks where something has to be decided, and grants what was decided.
pub(super) async fn install(found: Found, rules: Rules, grant: &GrantArguments, json: bool) -> Result<Done> {
    let Found { bundle, source } = found;
    let installed = super::installed()?;
    let step = installed.judge(&bundle, rules)?;
    inspect(bundle.component(), &bundle.manifest().worlds)?;
    let old = match step {
        Step::New => None,
        _ => Some(installed.get(&bundle.manifest().id)?),
    };
    let done = |what, granted: &Permissions| Done {
        id: bundle.manifest().id.clone(),
        version: bundle.manifest().version.clone(),
        what,
        from: old.as_ref().map(|old| old.version.clone()),
        granted: granted.lines().into_iter().map(|line| line.word).collect(),
        fingerprint: bundle.publisher().map(|key| key.fingerprint()),
    };
    let asked = &bundle.manifest().permissions;
    if step == Step::Same {
        let granted = match grant.of(asked)? {
            Some(granted) => give(&bundle, &granted).map(|()| granted)?,
            None => super::rights(bundle.manifest(), bundle.publisher())?,
        };
        return Ok(done(Outcome::Same, &granted));
    }
    // What asks for no more than before needs nobody, when the same key vouches for it.
    if let Some(old) = &old
        && bundle.publisher().is_some()
        && old.manifest.permissions.widening(asked).is_empty()
        && grant.of(asked)?.is_none()
    {
        put(&installed, &bundle, rules, true, &source).await?;
        let publisher = super::publisher(bundle.publisher());
        super::grants()?.carry_over(&old.manifest, bundle.manifest(), &publisher)?;
        return Ok(done(Outcome::Installed, &super::rights(bundle.manifest(), bundle.publisher())?));
    }
    if !json {
        consent::show(&bundle, &source, old.is_none());
    }
    let question = match asked.is_empty() {
        true => "install it?",
        false => "install it, and grant this?",
    };
    match (consent::decide(grant, asked, json, question).await?, &old) {
        (Answer::Yes(granted), _) => {
            put(&installed, &bundle, rules, true, &source).await?;
            give(&bundle, &granted)?;
            Ok(done(Outcome::Installed, &granted))
        }
        // A signed plugin that asks for nothing: there is nothing to decide but whose key it is, and that is told.
        (Answer::Nobody, None) if asked.is_empty() => {
            put(&installed, &bundle, rules, true, &source).await?;
            Ok(done(Outcome::Installed, asked))
        }
        (Answer::Nobody, None) => Err(consent::nobody(&bundle.manifest().id, asked)),
        (Answer::No, None) => Ok(done(Outcome::Declined, &Permissions::default())),
        (Answer::Nobody, Some(_)) if step == Step::Changed => {
            Err(consent::nobody(&bundle.manifest().id, asked))
        }
        (Answer::No, Some(_)) if step == Step::Changed => {
            Ok(done(Outcome::Declined, &Permissions::default()))
        }
        (Answer::No | Answer::Nobody, Some(_)) => {
            put(&installed, &bundle, rules, false, &source).await?;
            Ok(done(Outcome::Waits, &Permissions::default()))
        }
    }
}

async fn put(
    installed: &Installed,
    bundle: &Bundle,
    rules: Rules,
    use_now: bool,
    source: &str,
) -> Result<()> {
    compile(bundle).await?;
    let (installed, bundle, source) = (installed.clone(), bundle.clone(), source.to_owned());
    super::blocking(move || installed.install(&bundle, rules, use_now, &source)).await.map(drop)
}

fn give(bundle: &Bundle, granted: &Permissions) -> Result<()> {
    super::grants()?.grant(bundle.manifest(), &super::publisher(bundle.publisher()), granted)
}

/// Compiles it for this machine, before it is installed: what cannot be compiled is no plugin, and its first use shall be quick.
async fn compile(bundle: &Bundle) -> Result<()> {
    let manifest = bundle.manifest();
    let _progress = Progress::begin(format!("compiling {} for this machine", manifest.id));
    let engine = Engine::open(Some(&super::cache()?))?;
    engine.load(bundle.component().to_vec(), &manifest.worlds).await.map(drop)
}

/// Shows that something takes its time, on a terminal, until it is dropped.
struct Progress(ProgressBar);

impl Progress {
    fn begin(what: String) -> Self {
        let bar = ProgressBar::new_spinner().with_message(what);
        bar.enable_steady_tick(TICK);
        Self(bar)
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}
