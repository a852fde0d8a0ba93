//! `nexus/models`, `nexus/agents`, `nexus/commands`, `nexus/context/suggest`: what there is to choose from.

use opencode_nexus::Client;
use tower_lsp_server::jsonrpc::Result;

use crate::language_server::backend::Backend;
use crate::language_server::context;
use crate::language_server::convert::rpc_error;
use crate::language_server::ext::{
    ContextSuggestParams, ContextSuggestResult, ModelInfo, ModelsResult, NamedInfo, NamedList, RootParams,
};

async fn client(backend: &Backend, params: &Option<RootParams>) -> opencode_nexus::Result<Client> {
    let root = backend.roots.resolve(&params.as_ref().and_then(|params| params.root.clone()))?;
    backend.roots.client(&root).await
}

/// `nexus/models`: those that can be used.
pub(crate) async fn models(backend: &Backend, params: Option<RootParams>) -> Result<ModelsResult> {
    let listed = async {
        let catalogue = match client(backend, &params).await?.models().await {
            Err(error) if backend.roots.comes_back(&error).await => {
                client(backend, &params).await?.models().await?
            }
            listed => listed?,
        };
        let info = |model: &opencode_nexus::model::Model| ModelInfo {
            id: model.reference().to_string(),
            name: model.name.clone(),
            provider: model.provider.clone(),
        };
        let models = catalogue.models().filter(|model| model.usable).map(info).collect();
        Ok(ModelsResult { models, default: catalogue.default.as_ref().map(ToString::to_string) })
    };
    listed.await.map_err(|error| rpc_error(&error))
}

/// `nexus/agents`: those that a person may prompt.
pub(crate) async fn agents(backend: &Backend, params: Option<RootParams>) -> Result<NamedList> {
    let listed = async {
        let agents = match client(backend, &params).await?.agents().await {
            Err(error) if backend.roots.comes_back(&error).await => {
                client(backend, &params).await?.agents().await?
            }
            listed => listed?,
        };
        let items = agents.into_iter().filter(opencode_nexus::model::Agent::answers_people);
        let items = items.map(|agent| NamedInfo { name: agent.name, description: agent.description });
        Ok(NamedList { items: items.collect() })
    };
    listed.await.map_err(|error| rpc_error(&error))
}

/// `nexus/commands`: the server's, then those of plugins.
pub(crate) async fn commands(backend: &Backend, params: Option<RootParams>) -> Result<NamedList> {
    let listed = async {
        let commands = match client(backend, &params).await?.commands().await {
            Err(error) if backend.roots.comes_back(&error).await => {
                client(backend, &params).await?.commands().await?
            }
            listed => listed?,
        };
        let items = commands.into_iter();
        let items = items.map(|command| NamedInfo { name: command.name, description: command.description });
        let mut items: Vec<NamedInfo> = items.collect();
        let root = backend.roots.resolve(&params.as_ref().and_then(|params| params.root.clone()))?;
        let taken = |word: &str| items.iter().any(|known| known.name == word);
        let added = context::added_commands(backend, &root, taken).await;
        let added = added.into_iter();
        items.extend(added.map(|one| NamedInfo { name: one.word, description: Some(one.spec.summary) }));
        Ok(NamedList { items })
    };
    listed.await.map_err(|error| rpc_error(&error))
}

/// `nexus/context/suggest`
pub(crate) async fn suggest(backend: &Backend, params: ContextSuggestParams) -> Result<ContextSuggestResult> {
    context::suggest(backend, params).await.map_err(|error| rpc_error(&error))
}
