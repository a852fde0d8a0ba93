//! `/standup`: what was done since yesterday, from sessions and git.

mod report;
mod since;

use opencode_nexus_plugin::session::{self, Message};
use opencode_nexus_plugin::{
    Command, Error, ErrorCode, MessageRole, Outcome, Part, Plugin, Result, Spec, clock, git, plugin,
    settings, unknown, warn,
};
use report::{Report, Talk};
use serde::Deserialize;
use since::Request;

/// So many sessions are looked into.
const SESSIONS: usize = 30;

#[derive(Default)]
struct Standup {
    settings: Settings,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Settings {
    authors: Vec<String>,
}

impl Plugin for Standup {
    fn start(&mut self, _state: Option<Vec<u8>>) -> Result<()> {
        self.settings = settings::read()?;
        Ok(())
    }
}

impl Command for Standup {
    fn commands(&mut self) -> Vec<Spec> {
        vec![Spec::new("standup", "What was done since yesterday").with_hint("[days | week] [ask]")]
    }

    fn complete(&mut self, _name: &str, arguments: &str) -> Vec<String> {
        since::completions(arguments)
    }

    fn run(&mut self, name: &str, arguments: &str, _session: Option<&str>) -> Result<Outcome> {
        if name != "standup" {
            return Err(unknown(name));
        }
        let request = Request::parse(arguments)?;
        let since = request.since(clock::now_ms());
        let report = Report { since, talks: talks(since)?, commits: self.commits(since)? };
        Ok(if request.ask {
            Outcome::Prompt(vec![Part::written(report.prompt())])
        } else {
            Outcome::Show(report.markdown())
        })
    }
}

impl Standup {
    /// The commits since then, of the authors in the settings.
    fn commits(&self, since: u64) -> Result<Vec<git::Commit>> {
        let commits = match git::log(None, None, 200) {
            Ok(commits) => commits,
            // A folder without git has sessions all the same.
            Err(error)
                if matches!(error.code, ErrorCode::Unavailable | ErrorCode::NotFound | ErrorCode::Denied) =>
            {
                warn!("no commits: {}", error.message);
                return Ok(Vec::new());
            }
            Err(error) => return Err(error),
        };
        let authors = &self.settings.authors;
        let is_mine = |commit: &git::Commit| {
            authors.is_empty()
                || authors.iter().any(|author| [&commit.author.name, &commit.author.email].contains(&author))
        };
        Ok(commits.into_iter().filter(|commit| commit.time_ms >= since && is_mine(commit)).collect())
    }
}

/// The sessions in which something was asked since then.
fn talks(since: u64) -> Result<Vec<Talk>> {
    let mut talks = Vec::new();
    let mut after: Option<String> = None;
    loop {
        let page = match session::list_sessions(after.as_deref(), 50) {
            // Where there is no conversation, there are commits all the same.
            Err(error) if matches!(error.code, ErrorCode::Unavailable | ErrorCode::Denied) => {
                warn!("no sessions: {}", error.message);
                return Ok(talks);
            }
            page => page?,
        };
        let Some(last) = page.last() else { return Ok(talks) };
        after = Some(last.id.clone());
        for info in page {
            // The newest come first.
            if info.updated_ms < since || talks.len() == SESSIONS {
                return Ok(talks);
            }
            // What agents have asked of each other is nobody's work of the day.
            if info.parent.is_none() {
                let asked = asked(&info.id, since)?;
                talks.push(Talk { title: info.title, busy: info.busy, asked });
            }
        }
    }
}

/// What was asked in a session since then.
fn asked(session: &str, since: u64) -> Result<Vec<String>> {
    let mut asked = Vec::new();
    let mut after: Option<String> = None;
    // 2,000 messages: who has written more in three days remembers it.
    for _ in 0..10 {
        let page = session::messages(session, after.as_deref(), 200).map_err(gone)?;
        let Some(last) = page.last() else { break };
        after = Some(last.id.clone());
        asked.extend(page.iter().filter(|message| message.created_ms >= since).filter_map(prompt));
    }
    Ok(asked)
}

/// A session that is deleted while it is read is an error that says so.
fn gone(error: Error) -> Error {
    if error.code == ErrorCode::NotFound { error.with_hint("run /standup again") } else { error }
}

/// The first line that the person has written.
fn prompt(message: &Message) -> Option<String> {
    if message.role != MessageRole::User {
        return None;
    }
    message.parts.iter().find_map(|part| match part {
        Part::Text(text) if !text.synthetic => {
            text.text.lines().map(str::trim).find(|line| !line.is_empty()).map(str::to_owned)
        }
        _ => None,
    })
}

plugin!(Standup: command);
