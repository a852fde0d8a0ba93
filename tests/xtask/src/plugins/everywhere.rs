//! One plugin file in real Neovim (`nexus lsp`), in `nexus chat` in a real terminal, in a program of one's own, in Python and in
//! Node: what it knows is offered under `@` and goes along with the prompt, as the server's own answer shows.

use std::path::{Path, PathBuf};
use std::process::Command;

use tokio::runtime::Runtime;

use crate::cargo;
use crate::editors::desk::Desk;
use crate::editors::neovim;
use crate::terminal::window::Window;

use super::Bench;
use super::browser::installed;

/// The message of the commit that every desk has; the plugin finds it, and nothing else has it.
const COMMIT: &str = "Files for editors";

/// So high that the answer, which repeats all that the model was sent, is on the screen from its beginning.
const SIZE: (u16, u16) = (100, 120);

/// Plays all of them with the plugin that was built before; gives a line that names them.
pub fn run(bench: &Bench) -> Result<String, String> {
    let plugin = bench.root.join("target/plugins/git-context.plugin");
    let runtime = super::runtime()?;
    let mut desk = runtime.block_on(Desk::set(&bench.root, "neovim-plugin", &bench.nexus, None))?;
    desk.has_plugin = true;
    let played = installed(&desk, &bench.nexus, &plugin)
        .and_then(|()| in_neovim(&desk))
        .and_then(|()| in_chat(&runtime, &desk))
        .and_then(|()| in_a_program(&runtime, bench, &desk, &plugin))
        .and_then(|()| in_python(&runtime, bench, &desk))
        .and_then(|()| in_node(&runtime, bench, &desk));
    runtime.block_on(desk.clear())?;
    played.map(|()| {
        "git-context in Neovim, in nexus chat, in a program of one's own, in Python and in Node".to_owned()
    })
}

fn in_neovim(desk: &Desk) -> Result<(), String> {
    let counts = neovim::stories(desk)?;
    match counts.failed {
        0 if counts.played > 0 => Ok(()),
        failed => Err(format!("{failed} of {} stories in Neovim", counts.played)),
    }
}

fn in_chat(runtime: &Runtime, desk: &Desk) -> Result<(), String> {
    let environment: Vec<(String, String)> = [
        ("HOME", desk.home.path().display().to_string()),
        ("TERM", "xterm-256color".to_owned()),
        ("LANG", "C.UTF-8".to_owned()),
        ("PATH", "/usr/bin:/bin".to_owned()),
        ("NEXUS_URL", desk.url().to_owned()),
    ]
    .map(|(name, value)| (name.to_owned(), value))
    .into();
    let mut window = Window::open(&desk.nexus, &["chat".to_owned()], &environment, &desk.roots[0], SIZE)?;
    window.wait_for("idle")?;
    window.press("CHAT what is in @git-sh")?;
    // It is asked what it offers in the background, and may be there a moment later.
    window.wait("git-show, chosen", |rows| {
        rows.iter().any(|row| row.contains('❯') && row.contains("git-show"))
    })?;
    window.press("\t")?;
    window.wait_for("in @git-show")?;
    // It may stand without a commit, so a space was put behind it.
    window.press("\x7f:HEAD please")?;
    window.wait_for("@git-show:HEAD please")?;
    window.press("\r")?;
    window.wait_for("Heard: CHAT what is in")?;
    window.wait("idle", |rows| rows.last().is_some_and(|row| row.contains("idle")))?;
    window.press("\x04")?;
    match window.ended()? {
        0 => went_along(runtime, desk, "CHAT what is in"),
        code => Err(format!("nexus chat ended with {code}")),
    }
}

fn in_a_program(runtime: &Runtime, bench: &Bench, desk: &Desk, plugin: &Path) -> Result<(), String> {
    let example: PathBuf = cargo::executable(&bench.root, "opencode-nexus-example-plugins")?;
    let said = super::perform(
        desk.command(&example, &[])
            .arg(plugin)
            .args(["PROGRAM what is in @git-show:HEAD", desk.url()])
            .current_dir(&desk.roots[0]),
    )?;
    if !said.contains("@git-show gives") || !said.contains("Heard: PROGRAM what is in") {
        return Err(format!("the program has said something else:\n{said}"));
    }
    went_along(runtime, desk, "PROGRAM what is in")
}

fn in_python(runtime: &Runtime, bench: &Bench, desk: &Desk) -> Result<(), String> {
    let (python, environment) = crate::python::staged(&bench.root)?;
    let mut program = desk.command(&python, &[]);
    program.args(["-c", include_str!("installed.py"), desk.url()]).envs(environment);
    in_a_package(runtime, desk, &mut program, "PYTHON")
}

fn in_node(runtime: &Runtime, bench: &Bench, desk: &Desk) -> Result<(), String> {
    crate::node::built(&bench.root)?;
    let mut program = desk.command(Path::new("node"), &[]);
    // Where Node is, is this machine's.
    program.env("PATH", std::env::var_os("PATH").unwrap_or_default());
    program.arg(bench.root.join("tests/xtask/src/plugins/installed.mjs"));
    program.arg(bench.root.join("node/dist/index.mjs")).arg(desk.url());
    in_a_package(runtime, desk, &mut program, "NODE")
}

/// What is installed is told, can be named in a prompt, and has ended when the program has.
fn in_a_package(runtime: &Runtime, desk: &Desk, program: &mut Command, language: &str) -> Result<(), String> {
    let said = super::perform(program.current_dir(&desk.roots[0]))?;
    let wanted =
        ["git-context", &format!("Heard: {language} what is in"), "none without them", "none afterwards"];
    match wanted.iter().find(|wanted| !said.contains(**wanted)) {
        None => went_along(runtime, desk, &format!("{language} what is in")),
        Some(wanted) => Err(format!("{language} has not said `{wanted}`:\n{said}")),
    }
}

/// The server has the prompt with what the plugin knows.
fn went_along(runtime: &Runtime, desk: &Desk, prompt: &str) -> Result<(), String> {
    let messages = runtime.block_on(desk.messages())?;
    let told: Vec<String> = messages.iter().map(ToString::to_string).collect();
    match told.iter().find(|message| message.contains(prompt)) {
        Some(message) if message.contains(COMMIT) => Ok(()),
        Some(message) => Err(format!("what the plugin knows did not go along: {message}")),
        None => Err(format!("the server has no prompt `{prompt}`")),
    }
}
