//! Context that is written in JavaScript.

use std::path::PathBuf;
use std::sync::{Arc, Weak};

use async_trait::async_trait;
use opencode_nexus::context::{
    ContextItem, ContextProvider, ItemKind, ProviderInfo, Scope, Suggestion, Trust,
};
use opencode_nexus::extension::{Extensions, Provided};
use opencode_nexus::{Error, ErrorKind, Result};
use serde::Deserialize;
use serde_json::json;

use crate::port::Shared;

/// A provider as JavaScript describes it.
#[derive(Clone, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Offer {
    name: String,
    summary: String,
    argument: Option<String>,
    needs_argument: bool,
    /// The number of the function that gives it.
    function: u32,
}

/// What JavaScript gives.
#[derive(Deserialize)]
#[serde(tag = "type", rename_all = "snake_case", rename_all_fields = "camelCase", deny_unknown_fields)]
enum Given {
    Text {
        text: String,
        title: Option<String>,
        language: Option<String>,
        trust: Option<Trusted>,
        weight: Option<f64>,
    },
    File {
        path: PathBuf,
        lines: Option<(u32, u32)>,
        title: Option<String>,
        trust: Option<Trusted>,
        weight: Option<f64>,
    },
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Trusted {
    Project,
    Foreign,
}

/// From now on it is there, in place of one of the same name.
pub fn provide(extensions: &Extensions, shared: &Arc<Shared>, offer: Offer) {
    let name = offer.name.clone();
    let provider: Arc<dyn ContextProvider> = Arc::new(Provider { shared: Arc::downgrade(shared), offer });
    extensions.provide(&name, Provided { context: vec![provider], ..Provided::default() });
}

/// A provider. It does not keep the thread's things alive.
struct Provider {
    shared: Weak<Shared>,
    offer: Offer,
}

impl Provider {
    /// Calls the function of JavaScript.
    async fn call(&self, json: String) -> Result<String> {
        let failed = |thrown: String| {
            Error::new(ErrorKind::Plugin, format!("@{} failed: {thrown}", self.offer.name))
                .with_hint("look into the provider of that name, which is written in JavaScript")
        };
        let shared = self.shared.upgrade().ok_or_else(|| failed("its thread has ended".to_owned()))?;
        shared.call(self.offer.function, json).await.map_err(failed)
    }
}

#[async_trait]
impl ContextProvider for Provider {
    fn info(&self) -> ProviderInfo {
        ProviderInfo {
            name: self.offer.name.clone(),
            summary: self.offer.summary.clone(),
            argument: self.offer.argument.clone(),
            needs_argument: self.offer.needs_argument,
        }
    }

    async fn suggest(&self, _: &Scope<'_>, _: &str, _: usize) -> Result<Vec<Suggestion>> {
        // Nobody types here.
        Ok(Vec::new())
    }

    async fn provide(&self, scope: &Scope<'_>, argument: Option<&str>) -> Result<Vec<ContextItem>> {
        let call = json!({ "name": self.offer.name, "argument": argument, "directory": scope.root });
        let given: Vec<Given> =
            serde_json::from_str(&self.call(call.to_string()).await?).map_err(|error| {
                Error::new(
                    ErrorKind::Plugin,
                    format!("@{} gave something else than context: {error}", self.offer.name),
                )
                .with_hint("it gives text, or items with a type")
            })?;
        let usual = match argument {
            Some(argument) => format!("{}:{argument}", self.offer.name),
            None => self.offer.name.clone(),
        };
        Ok(given.into_iter().map(|given| given.item(&self.offer.name, &usual)).collect())
    }
}

impl Given {
    fn item(self, provider: &str, usual: &str) -> ContextItem {
        let (title, kind, trust, weight) = match self {
            Self::Text { text, title, language, trust, weight } => {
                (title, ItemKind::Text { text, language: language.unwrap_or_default() }, trust, weight)
            }
            Self::File { path, lines, title, trust, weight } => {
                (title, ItemKind::File { path, lines, text: None }, trust, weight)
            }
        };
        ContextItem {
            title: title.unwrap_or_else(|| usual.to_owned()),
            kind,
            provider: provider.to_owned(),
            // Nobody knows where a program has it from.
            trust: match trust.unwrap_or(Trusted::Foreign) {
                Trusted::Project => Trust::Project,
                Trusted::Foreign => Trust::Foreign,
            },
            weight: weight.unwrap_or(0.5),
        }
    }
}
