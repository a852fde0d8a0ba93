//! The language server, `nexus lsp`: OpenCode in every editor that speaks the Language Server Protocol.
//!
//! | file | what lives there |
//! |---|---|
//! | `serve`, `pipe`, `frames` | stdin and stdout (or a socket), messages that can be read, and the methods by name |
//! | `boundary` | what no panic crosses; what every request passes |
//! | `ext` | methods that the protocol does not have; `lsp/editors/PROTOCOL.md` is their page |
//! | `backend` | what every handler gets |
//! | `editor` | the way to the editor: notifications, and requests that always have a bound |
//! | `lifecycle`, `configuration` | initialize, initialized, shutdown; changes of folders; settings of the editor |
//! | `log` | warnings, shown in the editor beside the file |
//! | `documents`, `position` | what is open, and places in it |
//! | `roots`, `installing` | the folders, and the server of each; what an installation does |
//! | `conversations` | one actor for each open session: what happens in it, numbered, joined and told |
//! | `methods` | the handlers of `nexus/*` |
//! | `context` | what the editor knows, for the providers of the SDK; prompts with their context |
//! | `completion` | `@` and `/` in documents |
//! | `actions`, `commands` | code actions, and what they and the lenses run |
//! | `chat_file` | a Markdown file that is a chat |
//! | `asks` | what an agent asks, as messages with buttons |
//! | `work_done` | progress with a button that stops it |
//! | `review` | what a session has changed, hunk by hunk |
//! | `content`, `inline` | transcripts as documents; ghost text |
//!
//! Three rules, each of which was a dead editor once: no handler waits for a turn, no handler waits for the editor, and state
//! changes before the first wait. Nothing but the protocol is written to stdout.

mod actions;
mod asks;
mod backend;
mod boundary;
mod chat_file;
mod commands;
mod completion;
mod configuration;
mod content;
mod context;
mod conversations;
mod convert;
mod documents;
mod editor;
mod ext;
mod frames;
mod inline;
mod installing;
mod lifecycle;
mod log;
mod methods;
mod pipe;
mod position;
mod review;
mod roots;
mod serve;
mod stdout;
mod work_done;

pub(crate) use log::for_the_editor;
pub(crate) use serve::{serve_stdio, serve_tcp};
