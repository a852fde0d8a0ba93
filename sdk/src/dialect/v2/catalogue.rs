//! Providers, models and agents of OpenCode 2, in neutral words. Their settings, which can hold keys, stay behind.

use opencode_api::v2;
use opencode_api::v2::types as wire;

use super::map;
use crate::model::{Agent, Catalogue, Model, Price, Provider};

pub(super) fn catalogue(
    providers: Vec<wire::ProviderInfo>,
    models: Vec<wire::ModelInfo>,
    default: Option<wire::ModelInfo>,
) -> Catalogue {
    let default = default.map(|m| model(m).reference());
    let mut providers: Vec<Provider> = providers.into_iter().map(provider).collect();
    for model in models.into_iter().map(model) {
        match providers.iter_mut().find(|p| p.id == model.provider) {
            Some(provider) => provider.models.push(model),
            // The list of models names providers that the other list does not; nothing is dropped.
            None => providers.push(Provider {
                id: model.provider.clone(),
                name: model.provider.clone(),
                usable: false,
                recommended: None,
                models: vec![model],
            }),
        }
    }
    for provider in &mut providers {
        // The list comes in another order each time (2.0.14, seen).
        provider.models.sort_by(|a, b| a.id.cmp(&b.id));
        provider.usable = provider.models.iter().any(|model| model.usable);
    }
    Catalogue { providers, default }
}

fn provider(wire: wire::ProviderInfo) -> Provider {
    Provider { id: wire.id.into(), name: wire.name, usable: false, recommended: None, models: Vec::new() }
}

fn model(wire: wire::ModelInfo) -> Model {
    // Prices rise with the length of the prompt; the one without a length is that of the first token.
    let price = wire.cost.iter().find(|cost| cost.tier.is_none()).or(wire.cost.first()).map(|cost| Price {
        input: cost.input.as_f64(),
        output: cost.output.as_f64(),
        cache_read: cost.cache.read.as_f64(),
        cache_write: cost.cache.write.as_f64(),
    });
    Model {
        provider: wire.provider_id.into(),
        id: wire.id.into(),
        name: wire.name,
        usable: wire.enabled,
        status: wire.status.as_str().to_owned(),
        context: map::time(&wire.limit.context),
        output: map::time(&wire.limit.output),
        price,
        tools: wire.capabilities.tools,
        images: wire.capabilities.input.iter().any(|kind| kind == "image"),
        variants: wire.variants.into_iter().map(|variant| variant.id).collect(),
    }
}

pub(super) fn agent(wire: v2::AgentInfo) -> Agent {
    Agent {
        // Prompts name an agent by its identifier.
        name: wire.id,
        description: wire.description,
        mode: wire.mode.as_str().to_owned(),
        hidden: wire.hidden,
        model: wire.model.map(map::model),
    }
}
