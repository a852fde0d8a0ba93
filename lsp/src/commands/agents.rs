//! `nexus agents`: who can answer in this folder.

use std::process::ExitCode;

use opencode_nexus::Result;
use opencode_nexus::model::Agent;
use serde_json::json;

use crate::connect::ServerArguments;
use crate::output;

/// List the agents of the folder.
#[derive(clap::Args)]
#[command(
    after_help = "Examples:\n  nexus agents\n  nexus agents --all\n  nexus agents --json | jq -r '.agents[].name'"
)]
pub(crate) struct Agents {
    /// Also those that the server uses for itself.
    #[arg(long)]
    all: bool,
    /// One JSON object: {"agents": [{"name", "description", "mode", "hidden", "model"}]}.
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    server: ServerArguments,
}

impl Agents {
    pub(crate) async fn run(self) -> Result<ExitCode> {
        let connected = self.server.connect().await?;
        let mut agents = connected.client.agents().await?;
        connected.close().await?;
        agents.retain(|agent| self.all || !agent.hidden);
        if self.json {
            output::print_json(&json!({ "agents": agents }));
        } else {
            agents.iter().for_each(print);
        }
        Ok(ExitCode::SUCCESS)
    }
}

fn print(agent: &Agent) {
    let model = agent.model.as_ref().map(|m| format!(" {m}")).unwrap_or_default();
    let about = agent.description.as_deref().and_then(|text| text.lines().next()).unwrap_or_default();
    let line = format!("{:12}  {:8}{model}  {about}", agent.name, agent.mode);
    output::print_line(output::clean(&line).trim_end());
}
