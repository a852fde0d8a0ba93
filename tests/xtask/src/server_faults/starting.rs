//! Faults of a start: a server that cannot run, a place that is taken, a disk that takes nothing.

use std::io::Read as _;
use std::path::Path;

use super::background::{clearly, executable, program, refused, start, stop};
use super::{Case, Context, Outcome};

pub const CASES: &[Case] = &[
    Case { name: "the server exits while it starts", run: exits },
    Case { name: "the port is taken", run: port_taken },
    Case { name: "the binary is truncated", run: truncated },
    Case { name: "the binary is of another version than the wanted one", run: wrong_version },
    Case { name: "the disk is full where the state is kept", run: no_room },
    Case { name: "HOME is read-only", run: read_only_home },
    Case { name: "two of us start it at once", run: two_at_once },
];

type Result<T> = std::result::Result<T, String>;

fn text(path: &Path) -> &str {
    path.to_str().unwrap_or_default()
}

fn exits(context: &Context) -> Result<Outcome> {
    let program = program(context, "echo no licence for today >&2\nexit 3")?;
    let said = refused(context, &["--binary", text(&program)], "(exit status: 3): no licence for today")?;
    // The server itself was not the reason.
    start(context, &[])?;
    stop(context)?;
    Ok(Outcome::Refused(said))
}

fn port_taken(context: &Context) -> Result<Outcome> {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").map_err(|error| error.to_string())?;
    let port = taken.local_addr().map_err(|error| error.to_string())?.port().to_string();
    refused(context, &["--port", &port], &format!("port {port} is in use")).map(Outcome::Refused)
}

fn truncated(context: &Context) -> Result<Outcome> {
    let path = context.root.join("truncated");
    let server = std::fs::File::open(&context.server).map_err(|error| error.to_string())?;
    let mut begin = Vec::new();
    server.take(1 << 20).read_to_end(&mut begin).map_err(|error| error.to_string())?;
    std::fs::write(&path, begin).map_err(|error| error.to_string())?;
    executable(&path)?;
    refused(context, &["--binary", text(&path)], "ended while it started").map(Outcome::Refused)
}

fn wrong_version(context: &Context) -> Result<Outcome> {
    refused(context, &["--require-version", "1.0.0"], "wanted is 1.0.0").map(Outcome::Refused)
}

fn no_room(context: &Context) -> Result<Outcome> {
    // No file may become longer than nothing; that is what a full disk looks like to a program, for whoever runs this.
    let script = "trap '' XFSZ; ulimit -f 0; exec \"$0\" server start";
    let command = context.command(Path::new("/bin/sh"), &["-c", script, text(&context.nexus)]);
    let said = clearly(&context.finish(command)?, "the disk is full")?;
    start(context, &[])?;
    stop(context)?;
    Ok(Outcome::Refused(said))
}

fn read_only_home(context: &Context) -> Result<Outcome> {
    // Nobody can write there, root included.
    let nowhere = "/proc/sys/nexus-home";
    let mut command = context.nexus(&["server", "start"]);
    for name in ["XDG_STATE_HOME", "XDG_CACHE_HOME"] {
        command.env_remove(name);
    }
    command.env("HOME", nowhere);
    clearly(&context.finish(command)?, nowhere).map(Outcome::Refused)
}

fn two_at_once(context: &Context) -> Result<Outcome> {
    let begin = || context.nexus(&["server", "start", "--json"]).spawn().map_err(|error| error.to_string());
    let children = [begin()?, begin()?, begin()?];
    let mut told = Vec::new();
    for child in children {
        let output = child.wait_with_output().map_err(|error| error.to_string())?;
        let said: serde_json::Value = serde_json::from_slice(&output.stdout)
            .map_err(|error| format!("{error}: {}", super::context::said(&output)))?;
        told.push(said);
    }
    let started = told.iter().filter(|said| said["started"] == true).count();
    let same = told.iter().all(|said| said["pid"] == told[0]["pid"] && said["pid"].is_number());
    if started != 1 || !same {
        return Err(format!("not one server: {told:?}"));
    }
    stop(context)?;
    Ok(Outcome::Recovered)
}
