//! `nexus models`: the models that the server offers, and which of them can be used now.

use std::process::ExitCode;

use opencode_nexus::Result;
use opencode_nexus::model::{Catalogue, Model};
use serde_json::json;

use crate::connect::ServerArguments;
use crate::output;

/// List the models that the server offers.
#[derive(clap::Args)]
#[command(
    after_help = "Examples:\n  nexus models\n  nexus models sonnet\n  nexus models --all anthropic/\n  nexus models --json | jq -r '.models[].name'\n\nKeys are never shown."
)]
pub(crate) struct Models {
    /// Only models whose name (provider/model) holds this; capitals do not count.
    filter: Option<String>,
    /// Also models that cannot be used for want of a key.
    #[arg(long)]
    all: bool,
    /// One JSON object: {"default", "models": [{"name", "title", "usable", "status", "context", "output", "price", …}]}.
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    server: ServerArguments,
}

impl Models {
    pub(crate) async fn run(self) -> Result<ExitCode> {
        let connected = self.server.connect().await?;
        let catalogue = connected.client.models().await?;
        connected.close().await?;
        let shown: Vec<&Model> = catalogue.models().filter(|model| self.shows(model)).collect();
        if self.json {
            output::print_json(&json!({
                "default": catalogue.default.as_ref().map(|d| d.to_string()),
                "models": shown.iter().map(|model| as_json(model)).collect::<Vec<_>>(),
            }));
        } else {
            self.print(&catalogue, &shown);
        }
        Ok(ExitCode::SUCCESS)
    }

    fn shows(&self, model: &Model) -> bool {
        let wanted = self.filter.as_deref().unwrap_or_default().to_lowercase();
        (self.all || model.usable) && name(model).to_lowercase().contains(&wanted)
    }

    fn print(&self, catalogue: &Catalogue, shown: &[&Model]) {
        let width = shown.iter().map(|model| name(model).chars().count()).max().unwrap_or_default();
        for model in shown {
            let default = catalogue.default.as_ref().is_some_and(|d| *d == model.reference());
            let mut notes = vec![tokens(model.context)];
            notes.extend(model.price.map(|p| format!("${} in, ${} out", p.input, p.output)));
            notes.extend((model.status != "active").then(|| model.status.clone()));
            notes.extend((!model.usable).then(|| "needs a key".to_owned()));
            notes.extend(default.then(|| "default".to_owned()));
            let name = name(model);
            let name = output::clean(&name);
            output::print_line(&format!("{name:width$}  {}", output::clean(&notes.join(" · "))));
        }
        let hidden = catalogue.models().count() - shown.len();
        if shown.is_empty() {
            let why = if hidden == 0 { "the server offers no models" } else { "no model is like that" };
            eprintln!("{why}; `nexus models --all` shows also those that need a key ({hidden} not shown)");
        }
    }
}

fn name(model: &Model) -> String {
    format!("{}/{}", model.provider, model.id)
}

fn as_json(model: &Model) -> serde_json::Value {
    json!({
        "name": name(model),
        "provider": model.provider,
        "id": model.id,
        "title": model.name,
        "usable": model.usable,
        "status": model.status,
        "context": model.context,
        "output": model.output,
        "price": model.price,
        "tools": model.tools,
        "images": model.images,
        "variants": model.variants,
    })
}

/// `200k` for 200,000, `1.05M` for 1,048,576.
fn tokens(count: u64) -> String {
    match count {
        0 => "size unknown".to_owned(),
        1_000_000.. => format!("{}M tokens", (count as f64 / 1e4).round() / 100.0),
        _ => format!("{}k tokens", count / 1_000),
    }
}
