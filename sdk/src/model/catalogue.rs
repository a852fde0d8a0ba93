//! What a server offers: providers with their models, and agents. Keys are never among it.

use serde::Serialize;

use super::ModelRef;

/// Every provider that a server knows, and the model that answers when none is named.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Catalogue {
    /// The providers by their names, also those that cannot be used for want of a key.
    pub providers: Vec<Provider>,
    /// The model of prompts that name none, where the server says it. Without one, 1.x takes the last that was used.
    pub default: Option<ModelRef>,
}

impl Catalogue {
    /// All models, provider by provider.
    pub fn models(&self) -> impl Iterator<Item = &Model> {
        self.providers.iter().flat_map(|provider| &provider.models)
    }

    /// The model of that name, `provider/model`. A model's name may hold slashes of its own.
    pub fn find(&self, name: &str) -> Option<&Model> {
        self.models().find(|model| {
            name.strip_prefix(model.provider.as_str()).and_then(|rest| rest.strip_prefix('/'))
                == Some(model.id.as_str())
        })
    }
}

/// Somebody who runs models.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Provider {
    /// The server's name for it, for example `anthropic`.
    pub id: String,
    /// The name for people.
    pub name: String,
    /// Whether the server has what it takes to ask it: a key, or none is needed.
    pub usable: bool,
    /// The model of it that the server recommends, where it recommends one.
    pub recommended: Option<String>,
    /// Its models.
    pub models: Vec<Model>,
}

/// One model of a provider.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Model {
    /// The provider's [`id`](Provider::id).
    pub provider: String,
    /// The provider's name for the model.
    pub id: String,
    /// The name for people.
    pub name: String,
    /// Whether a prompt may name it now.
    pub usable: bool,
    /// The server's word: `active`, `alpha`, `beta`, `deprecated`.
    pub status: String,
    /// How much it can look at, in tokens; 0 when the server does not know.
    pub context: u64,
    /// How much it can write at once, in tokens; 0 when the server does not know.
    pub output: u64,
    /// What it costs; `None` when the server does not know.
    pub price: Option<Price>,
    /// Whether it can use tools. A model that cannot is of little use to an agent.
    pub tools: bool,
    /// Whether it can look at images.
    pub images: bool,
    /// What [`ModelRef::variant`] may be, for example reasoning efforts.
    pub variants: Vec<String>,
}

impl Model {
    /// The model as a prompt names it.
    pub fn reference(&self) -> ModelRef {
        ModelRef { provider: self.provider.clone(), model: self.id.clone(), variant: None }
    }
}

/// US dollars for a million tokens; long prompts may cost more.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Price {
    /// Sent to the model.
    pub input: f64,
    /// Written by it.
    pub output: f64,
    /// Read from the provider's cache.
    pub cache_read: f64,
    /// Written to the provider's cache.
    pub cache_write: f64,
}

/// Somebody who can answer: a system prompt, a model and permissions under a name.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Agent {
    /// What [`Prompt::agent`](crate::chat::Prompt::agent) may be.
    pub name: String,
    /// What it is good for.
    pub description: Option<String>,
    /// The server's word: `primary` (answers people), `subagent` (answers agents), `all`.
    pub mode: String,
    /// Whether the server uses it for itself (titles, summaries) and it is not shown to people.
    pub hidden: bool,
    /// Its own model, when it has one.
    pub model: Option<ModelRef>,
}

impl Agent {
    /// Whether a person may prompt it.
    pub fn answers_people(&self) -> bool {
        !self.hidden && self.mode != "subagent"
    }
}
