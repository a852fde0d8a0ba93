//! What stands before the first turn: the prompt, the server, the session, and whether model and agent exist.

use std::path::Path;

use opencode_nexus::chat::{AskPolicy, Conversation, ConversationOptions, Prompt, PromptPart};
use opencode_nexus::context::{Context, Mention, Scope};
use opencode_nexus::model::ModelRef;
use opencode_nexus::{Client, Error, ErrorKind, Result};

use super::ending::Ending;
use super::schema::Schema;
use super::{Run, ask, later};
use crate::commands::sessions;
use crate::connect::Connected;
use crate::plugins::{Plugins, STARTED, print_notices};
use crate::settings::settings;

/// What a turn needs.
pub(super) struct Prepared {
    pub connected: Connected,
    pub plugins: Plugins,
    pub conversation: Conversation,
    pub prompt: Prompt,
}

impl Run {
    /// Everything that a turn needs; or the ending of a prompt that was kept for later.
    ///
    /// # Errors
    /// Those of [`ask::prompt`], of [`prepare`](Self::prepare) and of keeping it.
    pub(super) async fn prepare_or_keep(&self, schema: Option<&Schema>) -> Result<Result<Prepared, Ending>> {
        // A passphrase on standard input is no prompt.
        crate::account::read_early().await?;
        let prompt = ask::prompt(&self.prompt, &self.file, self.is_remote()).await?;
        match self.prepare(prompt.clone(), schema).await {
            Err(error) if self.later && later::is_away(&error) => {
                later::keep(self, &prompt, &error).await.map(Err)
            }
            prepared => prepared.map(Ok),
        }
    }

    /// Everything that a turn needs.
    ///
    /// # Errors
    /// Those of connecting; a session, model or agent that is not there; what this line of OpenCode cannot do.
    async fn prepare(&self, mut prompt: Prompt, schema: Option<&Schema>) -> Result<Prepared> {
        let folder = self.server.directory()?;
        let plugins = Plugins::open(&folder);
        if !self.quiet {
            tokio::spawn(print_notices(plugins.extensions().notices().subscribe()));
        }
        let connected = self.server.connect_keeping(plugins.extensions()).await?;
        plugins.attach(&connected.client);
        let client = &connected.client;
        let settings = settings()?;
        self.add_context(&mut prompt, client, &folder, &plugins).await?;
        // What a session goes on with is its own business.
        let usual = self.session.is_none() && !self.r#continue;
        let usual_model = settings.model.as_ref().filter(|_| usual).map(ModelRef::to_string);
        prompt.model = self.chosen_model(client, self.model.as_ref().or(usual_model.as_ref())).await?;
        let usual_agent = settings.agent.as_ref().filter(|_| usual);
        prompt.agent = self.chosen_agent(client, self.agent.as_ref().or(usual_agent)).await?;
        if self.system.is_some() && !client.capabilities().system_prompt {
            return Err(Error::new(
                ErrorKind::Unsupported,
                "OpenCode 2 takes no system prompt with a prompt",
            )
            .with_hint("leave --system out, or choose an --agent that has the system prompt"));
        }
        prompt.system = self.system.clone();
        if let Some(schema) = schema {
            prompt.parts.push(PromptPart::Text(schema.demand()));
        }
        // The rules answer here and not in the conversation, because what they refuse is told.
        let options = ConversationOptions {
            policy: AskPolicy { bound: None, ..AskPolicy::default() },
            ..ConversationOptions::default()
        };
        let wanted = self.session.as_deref().or(self.r#continue.then_some("last"));
        let conversation = match wanted {
            Some(word) => {
                let session = sessions::find(client, word).await?;
                client.open(session.id, options).await?
            }
            None => client.create_with(self.title.as_deref(), options).await?,
        };
        Ok(Prepared { connected, plugins, conversation, prompt })
    }

    /// Puts what `--context` names behind the prompt. Who asks for something in a script wants to have it, so what is missing is
    /// an error.
    async fn add_context(
        &self,
        prompt: &mut Prompt,
        client: &Client,
        folder: &Path,
        plugins: &Plugins,
    ) -> Result<()> {
        if self.context.is_empty() {
            return Ok(());
        }
        let settings = settings()?;
        let named = self.context.iter().map(|name| Mention::named(name)).collect::<Result<Vec<_>>>()?;
        plugins.extensions().settled(STARTED).await;
        let own = Context::default().with_hosts(&settings.context_hosts);
        let context = plugins.extensions().context_with(own);
        let scope = Scope { root: folder, client: Some(client), editor: None };
        let gathered = context.gather_all(&scope, &named, settings.context_budget).await?;
        prompt.parts.extend(gathered.parts());
        Ok(())
    }

    /// Whether the server may see other files than we do.
    fn is_remote(&self) -> bool {
        let host = self.server.url.as_deref().and_then(|url| url::Url::parse(url).ok());
        host.is_some_and(|url| match url.host() {
            Some(url::Host::Domain(name)) => name != "localhost",
            Some(url::Host::Ipv4(ip)) => !ip.is_loopback(),
            Some(url::Host::Ipv6(ip)) => !ip.is_loopback(),
            None => true,
        })
    }

    /// Checked before, because on 1.x a model that does not exist stays with the session and breaks its next prompts.
    async fn chosen_model(&self, client: &Client, name: Option<&String>) -> Result<Option<ModelRef>> {
        let Some(name) = name else { return Ok(None) };
        let catalogue = client.models().await?;
        match catalogue.find(name) {
            Some(model) if model.usable => {
                Ok(Some(ModelRef { variant: self.variant.clone(), ..model.reference() }))
            }
            Some(_) => Err(Error::new(ErrorKind::InvalidInput, format!("the model {name} cannot be used"))
                .with_hint(
                    "its provider needs a key: `opencode auth login`, or choose one of `nexus models`",
                )),
            None => Err(Error::new(ErrorKind::InvalidInput, format!("the server has no model {name}"))
                .with_hint("`nexus models` lists them as provider/model")),
        }
    }

    async fn chosen_agent(&self, client: &Client, name: Option<&String>) -> Result<Option<String>> {
        let Some(name) = name else { return Ok(None) };
        match client.agents().await?.into_iter().find(|agent| agent.name == *name) {
            Some(agent) if agent.answers_people() => Ok(Some(agent.name)),
            _ => Err(Error::new(ErrorKind::InvalidInput, format!("no agent {name} answers people here"))
                .with_hint("`nexus agents` lists them")),
        }
    }
}
