//! Providers, models and agents of 1.x, in neutral words. `GET /provider` answers with keys of providers in clear text
//! (1.18.33, seen); nothing of its `key` and `options` is taken over.

use opencode_api::v1;
use opencode_api::v1::bodies::ProviderListResponse;
use opencode_api::v1::types as wire;

use super::map::time;
use crate::model::{Agent, Catalogue, Model, ModelRef, Price, Provider};

/// `default` is the setting `model` of the server's configuration.
pub(super) fn catalogue(list: ProviderListResponse, default: Option<&str>) -> Catalogue {
    let ProviderListResponse { all, default: recommended, connected, .. } = list;
    let providers = all.into_iter().map(|provider| {
        let id = String::from(provider.id);
        let usable = connected.contains(&id);
        Provider {
            recommended: recommended.get(&id).cloned(),
            models: provider.models.into_values().map(|m| model(m, &id, usable)).collect(),
            name: provider.name,
            usable,
            id,
        }
    });
    Catalogue { providers: providers.collect(), default: default.and_then(reference) }
}

fn model(wire: v1::Model, provider: &str, usable: bool) -> Model {
    Model {
        provider: provider.to_owned(),
        id: wire.id.into(),
        name: wire.name,
        usable,
        status: wire.status.as_str().to_owned(),
        context: time(&wire.limit.context),
        output: time(&wire.limit.output),
        price: Some(Price {
            input: wire.cost.input.as_f64(),
            output: wire.cost.output.as_f64(),
            cache_read: wire.cost.cache.read.as_f64(),
            cache_write: wire.cost.cache.write.as_f64(),
        }),
        tools: wire.capabilities.toolcall,
        images: wire.capabilities.input.image,
        variants: wire.variants.into_iter().flatten().map(|(name, _)| name).collect(),
    }
}

/// `provider/model`; the model's name may hold slashes.
fn reference(text: &str) -> Option<ModelRef> {
    let (provider, model) = text.split_once('/')?;
    Some(ModelRef { provider: provider.into(), model: model.into(), variant: None })
}

pub(super) fn agent(wire: wire::Agent) -> Agent {
    Agent {
        name: wire.name,
        description: wire.description,
        mode: wire.mode.as_str().to_owned(),
        hidden: wire.hidden.unwrap_or_default(),
        model: wire.model.map(|model| ModelRef {
            provider: model.provider_id.into(),
            model: model.model_id.into(),
            variant: wire.variant,
        }),
    }
}
