//! `review_bot DIFF REPORT.md`: has an agent review a diff (a file, or `-` for standard input), writes what it found as Markdown,
//! and ends with 1 when there is a finding of severity high: then a job in continuous integration fails.
#![allow(clippy::print_stdout)] // this program talks to people

use std::io::Read as _;
use std::process::ExitCode;
use std::time::Duration;

use opencode_nexus::chat::{AskPolicy, ConversationOptions, Decision, Prompt, PromptPart, TurnOptions};
use opencode_nexus::{Error, ErrorKind, Nexus, NexusOptions, Result};
use opencode_nexus_examples::ended;

const TASK: &str = "Review this change. Answer with one line for each finding, nothing else, in this form:\n\
    SEVERITY FILE:LINE what is wrong\nwhere SEVERITY is high, medium or low. Answer `none` when nothing is wrong.";

/// A review that takes longer than this will not come.
const BOUND: Duration = Duration::from_secs(600);

#[tokio::main]
async fn main() -> ExitCode {
    ended(run().await)
}

async fn run() -> Result<ExitCode> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [diff, report] = arguments.as_slice() else {
        return Err(Error::new(ErrorKind::InvalidInput, "this needs a diff and a report")
            .with_hint("git diff main | review_bot - review.md"));
    };
    let said = review(read(diff)?).await?;
    let findings = findings(&said);
    std::fs::write(report, markdown(&findings))?;
    println!("{} findings, written to {report}", findings.len());
    let high = findings.iter().any(|finding| finding.severity == "high");
    Ok(if high { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

fn read(diff: &str) -> Result<String> {
    if diff != "-" {
        return Ok(std::fs::read_to_string(diff)?);
    }
    let mut text = String::new();
    std::io::stdin().read_to_string(&mut text)?;
    Ok(text)
}

/// What the agent says. It may read the repository and nothing else.
async fn review(diff: String) -> Result<String> {
    let nexus = Nexus::open(NexusOptions::default()).await?;
    let policy = AskPolicy::deny_all().with_rule("read", "*", Decision::Allow).with_rule(
        "bash",
        "git log*",
        Decision::Allow,
    );
    let options = ConversationOptions { policy, ..ConversationOptions::default() };
    let conversation = nexus.client().create_with(Some("Review"), options).await?;
    let prompt = Prompt::text(TASK).with(PromptPart::Context(format!("```diff\n{diff}\n```")));
    let turn = conversation.prompt_with(prompt, TurnOptions { deadline: Some(BOUND) }).await?;
    let said = turn.text().await;
    nexus.close().await?;
    said
}

/// One thing that is wrong.
struct Finding<'a> {
    severity: &'a str,
    place: &'a str,
    what: &'a str,
}

fn findings(said: &str) -> Vec<Finding<'_>> {
    let read = |line| {
        let (severity, rest) = str::split_once(line, ' ')?;
        let (place, what) = rest.split_once(' ')?;
        ["high", "medium", "low"].contains(&severity).then_some(Finding { severity, place, what })
    };
    said.lines().map(str::trim).filter_map(read).collect()
}

fn markdown(findings: &[Finding<'_>]) -> String {
    let mut text = String::from("# Review\n\n");
    if findings.is_empty() {
        text.push_str("Nothing was found.\n");
        return text;
    }
    text.push_str("| severity | place | finding |\n|---|---|---|\n");
    for Finding { severity, place, what } in findings {
        text.push_str(&format!("| {severity} | `{place}` | {} |\n", what.replace('|', "\\|")));
    }
    text
}
