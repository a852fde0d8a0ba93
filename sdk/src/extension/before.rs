//! Runs the hooks on a prompt, each on what the one before has left, before anything is sent.

use std::panic::AssertUnwindSafe;
use std::time::Duration;

use futures_util::FutureExt as _;

use super::notices::Notice;
use super::{Extensions, PromptHook, Verdict};
use crate::chat::{Prompt, PromptPart};
use crate::dialect::Action;
use crate::error::{Error, ErrorKind, Result};
use crate::model::SessionId;

/// How long one hook may take. A plugin may have to be compiled first; its call itself has a much shorter bound.
const BOUND: Duration = Duration::from_secs(15);

/// What is left of a prompt when all hooks have seen it.
///
/// # Errors
/// `user.blocked` when one blocks it, or fails and must agree.
pub(crate) async fn agreed(extensions: &Extensions, session: &SessionId, prompt: Prompt) -> Result<Prompt> {
    agreed_within(BOUND, extensions, session, prompt).await
}

pub(super) async fn agreed_within(
    bound: Duration,
    extensions: &Extensions,
    session: &SessionId,
    mut prompt: Prompt,
) -> Result<Prompt> {
    for hook in extensions.hooks() {
        match asked(bound, &*hook, session, &prompt).await {
            Ok(Verdict::Keep) => {}
            Ok(Verdict::Replace(parts)) => {
                let before = std::mem::replace(&mut prompt.parts, parts);
                if prompt.check().is_err() {
                    prompt.parts = before;
                    let error = Error::new(ErrorKind::InvalidInput, "it leaves nothing of the prompt");
                    failed(extensions, &*hook, error)?;
                }
            }
            Ok(Verdict::Block(reason)) => return Err(blocked(&*hook, &reason)),
            Err(error) => failed(extensions, &*hook, error)?,
        }
    }
    Ok(prompt)
}

/// The same for what a person sends otherwise: the arguments of a server's command become part of a prompt there.
///
/// # Errors
/// As [`agreed`]; `user.blocked` when a hook makes something of the arguments that is no text.
pub(crate) async fn agreed_action(
    extensions: &Extensions,
    session: &SessionId,
    action: Action,
) -> Result<Action> {
    let Action::Command { name, arguments } = action else { return Ok(action) };
    if arguments.is_empty() {
        return Ok(Action::Command { name, arguments });
    }
    let parts = agreed(extensions, session, Prompt::text(arguments)).await?.parts;
    let texts = parts.into_iter().map(|part| match part {
        PromptPart::Text(text) | PromptPart::Context(text) => Ok(text),
        _ => Err(Error::new(ErrorKind::Blocked, "a hook has put a file into the arguments of a command")
            .with_hint("send it as a prompt, or switch the hook off")),
    });
    Ok(Action::Command { name, arguments: texts.collect::<Result<Vec<_>>>()?.join("\n\n") })
}

async fn asked(
    bound: Duration,
    hook: &dyn PromptHook,
    session: &SessionId,
    prompt: &Prompt,
) -> Result<Verdict> {
    // A hook is somebody else's code.
    let asking = AssertUnwindSafe(hook.before_send(session, prompt)).catch_unwind();
    match tokio::time::timeout(bound, asking).await {
        Ok(Ok(verdict)) => verdict,
        Ok(Err(_)) => Err(Error::new(ErrorKind::Internal, "it has panicked")),
        Err(_) => {
            Err(Error::new(ErrorKind::Timeout, format!("it took longer than {} s", bound.as_secs_f32())))
        }
    }
}

fn failed(extensions: &Extensions, hook: &dyn PromptHook, error: Error) -> Result<()> {
    if hook.must_agree() {
        return Err(Error::new(
            ErrorKind::Blocked,
            format!(
                "nothing was sent, because {} must agree and has failed: {}",
                hook.name(),
                error.message()
            ),
        )
        .with_hint("try again, or switch the hook off")
        .with_source(error));
    }
    let text = format!("the hook has failed, and the prompt was sent as it is: {}", error.message());
    extensions.notices().tell(Notice::warning(hook.name(), text));
    Ok(())
}

fn blocked(hook: &dyn PromptHook, reason: &str) -> Error {
    // What the person reads is as clean and as short as any other notice.
    let notice = Notice::warning(hook.name(), reason);
    let reason = if notice.text.is_empty() { "it gives no reason" } else { &notice.text };
    Error::new(ErrorKind::Blocked, format!("nothing was sent: {} says: {reason}", notice.source))
        .with_hint("change the prompt, or switch the hook off")
}
