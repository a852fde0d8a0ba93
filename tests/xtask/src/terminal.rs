//! `cargo xtask terminal`: the real `nexus chat` in a real terminal (a pty), beside a real server with a scripted model.
//!
//! Each story is played with keys, waits for what the screen shows, and at the end scrolls through the whole
//! conversation: what stands there must be what the server has. The screens are left as text in `target/terminal`, for
//! people to look at.

mod compare;
mod play;
mod script;
mod stories;
pub(crate) mod window;

use std::path::{Path, PathBuf};
use std::time::Instant;

use opencode_nexus_testkit::server::{SECOND, isolated};

use crate::cargo;
use play::Play;

#[derive(clap::Args)]
pub struct Arguments {
    /// Only stories whose name holds this.
    #[arg(long)]
    story: Option<String>,
    /// Only this version of OpenCode; otherwise all stories on the newest of 1.x and the main ones on OpenCode 2.
    #[arg(long)]
    version: Option<String>,
    /// The executable to drive; otherwise it is built.
    #[arg(long, value_name = "PATH")]
    nexus: Option<PathBuf>,
}

/// How many stories were played, and which went wrong.
#[derive(Debug, Default)]
struct Counts {
    played: usize,
    failed: Vec<String>,
}

pub fn run(root: &Path, arguments: &Arguments) -> Result<(), String> {
    let nexus = match &arguments.nexus {
        Some(path) => path.canonicalize().map_err(|error| format!("{}: {error}", path.display()))?,
        None => cargo::nexus(root)?,
    };
    let folder = root.join("target/terminal");
    std::fs::create_dir_all(&folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    let pinned = opencode_nexus::server::PINNED;
    let mut counts = Counts::default();
    for version in [pinned, SECOND] {
        if arguments.version.as_deref().is_some_and(|only| only != version) {
            continue;
        }
        let (nexus, folder, only) = (nexus.clone(), folder.clone(), arguments.story.clone());
        let played = if version == pinned {
            on_version(version, &nexus, &folder, only.as_deref()).map_err(|error| format!("{error:?}"))?
        } else {
            // A build of others: nothing of it reaches a network.
            isolated(version, move || on_version(version, &nexus, &folder, only.as_deref()))
                .map_err(|error| format!("{error:?}"))?
        };
        counts.played += played.played;
        counts.failed.extend(played.failed);
    }
    println!("stories {}, passed {}", counts.played, counts.played - counts.failed.len());
    match (counts.played, &counts.failed[..]) {
        (0, _) => Err("terminal: there is no such story".to_owned()),
        (_, []) => Ok(()),
        (_, failed) => Err(format!("terminal: {} went wrong", failed.join(", "))),
    }
}

fn on_version(
    version: &'static str,
    nexus: &Path,
    folder: &Path,
    only: Option<&str>,
) -> opencode_nexus::Result<Counts> {
    // Its threads serve the model while a story waits for the screen.
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    let mut counts = Counts::default();
    let stories: Vec<_> = stories::STORIES
        .iter()
        .filter(|story| version != SECOND || story.second)
        .filter(|story| only.is_none_or(|only| story.name.contains(only)))
        .collect();
    if stories.is_empty() {
        return Ok(counts);
    }
    let mut play = Play::start(&runtime, version, nexus, folder)?;
    for story in stories {
        let started = Instant::now();
        play.begin(story.name);
        let result = (story.run)(&mut play).and_then(|()| play.end());
        let took = started.elapsed().as_secs_f32();
        counts.played += 1;
        match result {
            Ok(()) => println!("{version} {} … ok, {took:.1} s", story.name),
            Err(why) => {
                println!("{version} {} … FAILED, {took:.1} s: {why}", story.name);
                play.failed();
                counts.failed.push(format!("{version} {}", story.name));
            }
        }
    }
    play.stop()?;
    Ok(counts)
}
