//! `cargo xtask editors`: real editors with `nexus lsp` in them, beside a real server with a scripted model.
//!
//! Each editor gets a server and a workspace with two roots of its own ([`desk`]), and a driver: a program that lives beside
//! the plugin of the editor, plays the stories as a person would, and says one line of JSON for each ([`driver`]). What the
//! driver sees in the editor it compares itself with what the server has. Screenshots go to `target/editors`, for people to
//! look at. Editors and what drives them are installed, in pinned versions, into the cache ([`install`]).

pub(crate) mod desk;
pub(crate) mod driver;
mod emacs;
pub(crate) mod install;
pub(crate) mod neovim;
mod script;
mod vscode;

use std::path::{Path, PathBuf};

use crate::cargo;
use desk::Desk;
use driver::Counts;

#[derive(clap::Args)]
pub struct Arguments {
    /// Only this editor; otherwise all of them.
    #[arg(long, value_parser = clap::builder::PossibleValuesParser::new(EDITORS.iter().map(|editor| editor.name)))]
    editor: Option<String>,
    /// Only stories whose name holds this.
    #[arg(long)]
    story: Option<String>,
    /// The executable that the editors start; otherwise it is built.
    #[arg(long, value_name = "PATH")]
    nexus: Option<PathBuf>,
}

/// An editor and how its stories are played.
struct Editor {
    name: &'static str,
    run: fn(&Desk) -> Result<Counts, String>,
}

/// The editors, in the order in which they are played.
const EDITORS: &[Editor] = &[
    Editor { name: "vscode", run: vscode::run },
    Editor { name: "neovim", run: neovim::run },
    Editor { name: "emacs", run: emacs::run },
];

pub fn run(root: &Path, arguments: &Arguments) -> Result<(), String> {
    let nexus = match &arguments.nexus {
        Some(path) => path.canonicalize().map_err(|error| format!("{}: {error}", path.display()))?,
        None => cargo::nexus(root)?,
    };
    let mut failed = Vec::new();
    for editor in EDITORS {
        if arguments.editor.as_deref().is_some_and(|only| only != editor.name) {
            continue;
        }
        let played = play(root, editor, &nexus, arguments.story.as_deref());
        let counts = played.unwrap_or_else(|why| {
            println!("editor {}: {why}", editor.name);
            Counts { played: 1, failed: 1 }
        });
        println!("editor {}: {} stories, {} failed", editor.name, counts.played, counts.failed);
        if counts.failed > 0 || counts.played == 0 {
            failed.push(editor.name);
        }
    }
    if failed.is_empty() { Ok(()) } else { Err(format!("editors: {} went wrong", failed.join(", "))) }
}

fn play(root: &Path, editor: &Editor, nexus: &Path, only: Option<&str>) -> Result<Counts, String> {
    // Its threads serve the model while the driver plays.
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .map_err(|error| error.to_string())?;
    let desk = runtime.block_on(Desk::set(root, editor.name, nexus, only))?;
    let counts = (editor.run)(&desk);
    runtime.block_on(desk.clear())?;
    counts
}
