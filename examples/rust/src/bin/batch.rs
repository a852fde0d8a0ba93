//! `batch FILE…`: asks about many files, at most four at a time, with a bar that shows how far it is; then prints each answer.
#![allow(clippy::print_stdout)] // this program talks to people

use std::path::Path;
use std::process::ExitCode;

use futures_util::StreamExt as _;
use futures_util::stream;
use indicatif::{ProgressBar, ProgressStyle};
use opencode_nexus::chat::{AskPolicy, ConversationOptions, Prompt, PromptPart};
use opencode_nexus::{Client, Error, ErrorKind, Nexus, NexusOptions, Result};
use opencode_nexus_examples::ended;

/// So many are asked at once.
const AT_ONCE: usize = 4;

#[tokio::main]
async fn main() -> ExitCode {
    ended(run().await)
}

async fn run() -> Result<ExitCode> {
    let files: Vec<String> = std::env::args().skip(1).collect();
    if files.is_empty() {
        return Err(Error::new(ErrorKind::InvalidInput, "there is no file to ask about")
            .with_hint("name some: batch src/*.rs"));
    }
    let nexus = Nexus::open(NexusOptions::default()).await?;
    let bar = ProgressBar::new(files.len() as u64);
    bar.set_style(
        ProgressStyle::with_template("{bar:30} {pos}/{len} {msg}").unwrap_or(ProgressStyle::default_bar()),
    );
    let mut asked = stream::iter(&files)
        .map(|file| {
            let client = nexus.client();
            async move { (file, summary(client, file).await) }
        })
        .buffer_unordered(AT_ONCE);
    let (mut answers, mut failed) = (Vec::new(), 0);
    while let Some((file, answer)) = asked.next().await {
        bar.set_message(file.clone());
        bar.inc(1);
        failed += usize::from(answer.is_err());
        answers.push((file, answer));
    }
    bar.finish_and_clear();
    answers.sort_by_key(|(file, _)| *file);
    for (file, answer) in answers {
        match answer {
            Ok(answer) => println!("{file}: {answer}"),
            Err(error) => println!("{file}: failed: {error}"),
        }
    }
    drop(asked);
    nexus.close().await?;
    Ok(if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// One sentence about a file. Nobody sits in front of it, so everything that the agent asks for is refused.
async fn summary(client: &Client, file: &str) -> Result<String> {
    let options = ConversationOptions { policy: AskPolicy::deny_all(), ..ConversationOptions::default() };
    let conversation = client.create_with(Some(file), options).await?;
    let prompt = Prompt::text(format!("Say in one sentence what {file} is for."))
        .with(PromptPart::file(Path::new(file).canonicalize()?, None)?);
    conversation.prompt(prompt).await?.text().await
}
