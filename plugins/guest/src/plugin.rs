//! The traits that a plugin implements: [`Plugin`] always, and one for each world of its manifest.
//!
//! The host makes one plugin, with `Default`, and calls it from one place at a time: `&mut self` may hold whatever is worth
//! keeping between two calls. Everything is lost with the process; what is to stay goes to [`kv`](crate::kv).
//!
//! A call that takes too long is ended, and so is a plugin that panics: the host makes a new one. The bounds stand at each
//! call.

pub use crate::bindings::command::exports::nexus::plugin::command_guest::{Outcome, Spec};
pub use crate::bindings::context::exports::nexus::plugin::context_guest::{
    Content, FileContent, Item, Provider, Request, Selection, Suggestion, TextContent,
};
pub use crate::bindings::frontend::exports::nexus::plugin::frontend_guest::{
    Input, Key, WebRequest, WebResponse,
};
pub use crate::bindings::hook::exports::nexus::plugin::hook_guest::Verdict;
pub use crate::bindings::imports::nexus::plugin::session::Event;
pub use crate::bindings::imports::nexus::plugin::types::{
    Field, FilePart, MessageRole, Part, Range, TextPart, ToolPart,
};
pub use crate::bindings::lifecycle::exports::nexus::plugin::lifecycle::StopReason;

use crate::error::{Error, Result};

/// What every plugin is: it begins and ends.
pub trait Plugin: Default + 'static {
    /// Before anything else. `state` is what [`stop`](Self::stop) has given before a reload. Has 2 s.
    ///
    /// # Errors
    /// The plugin is not started; the person sees why.
    fn start(&mut self, state: Option<Vec<u8>>) -> Result<()> {
        let _ = state;
        Ok(())
    }

    /// After everything else. What it gives is handed to the next one after a reload.
    fn stop(&mut self, reason: StopReason) -> Option<Vec<u8>> {
        let _ = reason;
        None
    }
}

/// World `context-provider`: finds text for a prompt, which a person names by `@name` or `@name:argument`.
pub trait Context: Plugin {
    /// The names that it answers to. Asked once after the start; has 50 ms.
    fn describe(&mut self) -> Vec<Provider>;

    /// What the person may mean who has typed this much behind the colon; the best first, at most `limit`. Has 300 ms.
    /// Without it nothing is suggested.
    ///
    /// # Errors
    /// A person who types is not told; the suggestions are left out.
    fn suggest(&mut self, provider: &str, typed: &str, limit: u32) -> Result<Vec<Suggestion>> {
        let _ = (provider, typed, limit);
        Ok(Vec::new())
    }

    /// What a mention means. Has 2 s.
    ///
    /// # Errors
    /// The person sees why; the prompt can be sent without.
    fn provide(&mut self, request: Request) -> Result<Vec<Item>>;
}

/// World `command`: adds `/name arguments`.
pub trait Command: Plugin {
    /// The commands. Asked once after the start; has 50 ms.
    fn commands(&mut self) -> Vec<Spec>;

    /// What the arguments may go on with. Has 300 ms. Without it nothing is offered.
    fn complete(&mut self, name: &str, arguments: &str) -> Vec<String> {
        let _ = (name, arguments);
        Vec::new()
    }

    /// Runs one; has 10 s. `session` is the conversation in which it was typed, where there is one.
    ///
    /// # Errors
    /// The person sees why; nothing is sent.
    fn run(&mut self, name: &str, arguments: &str, session: Option<&str>) -> Result<Outcome>;
}

/// World `hook`: sees every prompt before it is sent, and every message when it is complete (permission `prompts`).
pub trait Hook: Plugin {
    /// Before a prompt is sent. Has 200 ms. Without it every prompt is kept.
    ///
    /// # Errors
    /// The prompt is sent as it is, unless the person has marked the hook as one that must agree.
    fn before_send(&mut self, session: &str, parts: Vec<Part>) -> Result<Verdict> {
        let _ = (session, parts);
        Ok(Verdict::Keep)
    }

    /// After a message is complete. Nobody waits for it.
    fn after_message(&mut self, session: &str, message: &str, parts: Vec<Part>) {
        let _ = (session, message, parts);
    }
}

/// World `frontend`: shows conversations, and may drive them. What it hears is what it asks for with
/// [`session::subscribe`](crate::session::subscribe).
pub trait Frontend: Plugin {
    /// What has happened: at most 64 events, or those of 16 ms. Has 50 ms.
    fn on_events(&mut self, batch: Vec<Event>) {
        let _ = batch;
    }

    /// What the person does in the terminal, and pages that come and go.
    fn on_input(&mut self, input: Input) {
        let _ = input;
    }

    /// A timer of [`ui::set_timer`](crate::ui::set_timer) has run down.
    fn on_timer(&mut self, token: u32) {
        let _ = token;
    }

    /// A page asks for what is no file of the folder `web/`. Has 2 s.
    fn on_web(&mut self, request: WebRequest) -> WebResponse {
        WebResponse::text(404, format!("there is nothing at {}", request.path))
    }
}

/// For [`Context::provide`] and [`Command::run`]: the name is none of this plugin's.
pub fn unknown(name: &str) -> Error {
    Error::not_found(format!("this plugin has no {name}"))
}
