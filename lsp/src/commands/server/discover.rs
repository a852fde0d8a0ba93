//! `nexus server discover`: every server that could be talked to: ours, the service of OpenCode 2, and those that announce
//! themselves on the network.

use std::process::ExitCode;
use std::time::Duration;

use opencode_nexus::Result;
use opencode_nexus::server::{DiscoverOptions, Instances, discover, discover_mdns};
use serde_json::{Value, json};

use crate::output;

/// Find servers that run: in the background, as a service, or announced on the network.
#[derive(clap::Args)]
#[command(
    after_help = "Examples:\n  nexus server discover\n  nexus server discover --seconds 5 --json\n\nServers of other \
machines are only shown: anybody on a network can announce anything. Choose one with --url."
)]
pub(crate) struct Discover {
    /// How long to listen to the network.
    #[arg(long, default_value_t = 2, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=60))]
    seconds: u64,
    /// One JSON object: {"servers": [{"kind": "background"|"service"|"announced", "name", "url", "local"}]}.
    #[arg(long)]
    pub(crate) json: bool,
}

impl Discover {
    pub(crate) async fn run(self) -> Result<ExitCode> {
        let mut found = Vec::new();
        for record in Instances::open()?.all()?.into_iter().filter(|record| record.is_supervised()) {
            found.push(json!({"kind": "background", "name": record.name, "url": record.url, "local": true}));
        }
        if let Some(service) = discover(&DiscoverOptions::default()).await? {
            found.push(json!({"kind": "service", "name": "opencode", "url": service.address, "local": true}));
        }
        for server in discover_mdns(Duration::from_secs(self.seconds)).await? {
            let (name, url, local) = (server.name, server.address, server.is_local);
            found.push(json!({"kind": "announced", "name": name, "url": url, "local": local}));
        }
        if self.json {
            output::print_json(&json!({"servers": found}));
        } else if found.is_empty() {
            output::print_line("no server was found; start one: nexus server start");
        } else {
            found.iter().for_each(show);
        }
        Ok(ExitCode::SUCCESS)
    }
}

fn show(server: &Value) {
    let text = |name: &str| server[name].as_str().unwrap_or_default().to_owned();
    let place = if server["local"] == true { "" } else { "  (another machine: only with --url)" };
    output::print_line(&format!("{:10}  {:20}  {}{place}", text("kind"), text("name"), text("url")));
}
