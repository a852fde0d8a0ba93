//! `nexus plugin test`: the cases of a project, in the real host.

use std::path::PathBuf;
use std::process::ExitCode;

use opencode_nexus::Result;
use opencode_nexus_plugins::bundle::manifest_of;
use opencode_nexus_plugins::engine::Engine;
use opencode_nexus_plugins::harness::cases;
use serde_json::json;

use super::build;
use crate::output;

/// What to test.
#[derive(clap::Args)]
#[command(
    after_help = "Each tests/*.toml says what the world is (files, settings, what a server answers) and what shall come out. The plugin gets all that it asks for, and what it does is bounded as everywhere.\n\nExamples:\n  nexus plugin test\n  nexus plugin test words\n  nexus plugin test words --component out/plugin.wasm"
)]
pub(super) struct Test {
    /// The folder with plugin.toml.
    #[arg(default_value = ".")]
    folder: PathBuf,
    /// Take this component instead of building one.
    #[arg(long, value_name = "FILE")]
    component: Option<PathBuf>,
}

impl Test {
    pub(super) async fn run(self, json: bool) -> Result<ExitCode> {
        let manifest = manifest_of(&self.folder)?;
        let (folder, given, built) = (self.folder.clone(), self.component, manifest.clone());
        let (wasm, way) =
            super::blocking(move || build::component(&folder, &built, given.as_deref())).await?;
        if !json {
            eprintln!("{}", output::clean(&way));
        }
        let engine = Engine::open(Some(&super::cache()?))?;
        let results = cases::run(&engine, &self.folder, &wasm, &manifest).await?;
        let failed = results.iter().filter(|result| result.problem.is_some()).count();
        let passed = results.len() - failed;
        if json {
            let cases: Vec<_> = results
                .iter()
                .map(|result| json!({ "name": result.name, "problem": result.problem }))
                .collect();
            output::print_json(
                &json!({ "ok": failed == 0, "passed": passed, "failed": failed, "cases": cases }),
            );
        } else {
            for result in &results {
                let line = match &result.problem {
                    None => format!("ok {}", result.name),
                    Some(problem) => format!("FAILED {}: {problem}", result.name),
                };
                output::print_line(&output::clean(&line));
            }
            output::print_line(&format!("{passed} passed, {failed} failed"));
        }
        Ok(ExitCode::from(u8::from(failed > 0)))
    }
}
