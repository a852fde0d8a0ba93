//! `cargo xtask bench bindings`: our packages for Python and Node beside the official SDKs and plain HTTP, on the same work in the
//! same rounds. Everything is built in release, and laid out as an installation has it.

use std::path::{Path, PathBuf};

use super::install::Peers;
use super::runner::{Contestant, Stub};
use super::{Suite, install, runner, table};

/// Our packages as they are installed.
pub struct Ours {
    python: PathBuf,
    node: PathBuf,
    clients: PathBuf,
}

impl Ours {
    /// Builds them.
    pub fn prepare(root: &Path) -> Result<Self, String> {
        let folder = root.join("target/bench/bindings");
        let python = crate::python::released(root, &folder.join("python"))?;
        let node = crate::node::released(root, &folder.join("node"))?;
        Ok(Self { python, node, clients: root.join("tests/bench/bindings") })
    }

    fn python(&self, peers: &Peers, name: &'static str, mode: &str) -> Contestant {
        let client = self.clients.join("client.py").to_string_lossy().into_owned();
        peers.python_with(name, &[&client, mode]).with("PYTHONPATH", &self.python)
    }

    fn node(&self, name: &'static str, mode: &str) -> Contestant {
        let (client, package) = (self.clients.join("client.mjs"), &self.node);
        let arguments = [&*client.to_string_lossy(), &*package.to_string_lossy(), mode];
        Contestant::new(name, "node".into(), &arguments)
    }
}

/// Measures everything, one kind of work after the other.
pub fn run(root: &Path, rounds: usize, stub: &Stub) -> Result<(), String> {
    let (ours, peers) = (Ours::prepare(root)?, install::peers(root)?);
    for suite in [Suite::Start, Suite::Latency, Suite::Rest, Suite::Stream] {
        let contestants = contestants(suite, &ours, &peers);
        let runs = runner::rounds(&contestants, &stub.url(suite), rounds)?;
        println!("-- {suite:?}");
        table::print(suite, &format!("bindings-{suite:?}").to_lowercase(), &contestants, &runs);
    }
    println!("-- Leak: the stream ten times; memory after the fifth and after the last");
    let contestants = vec![ours.python(&peers, "nexus (Python)", "leak"), ours.node("nexus (Node)", "leak")];
    let runs = runner::rounds(&contestants, &stub.url(Suite::Stream), 1)?;
    table::print(Suite::Stream, "bindings-leak", &contestants, &runs);
    Ok(())
}

/// The programs of one kind of work; the first is the one that the others are compared with.
fn contestants(suite: Suite, ours: &Ours, peers: &Peers) -> Vec<Contestant> {
    let python = |name, mode: &str| ours.python(peers, name, mode);
    let node = |name, mode: &str| ours.node(name, mode);
    let (js, py) =
        (|name, mode: &str| peers.javascript(name, mode), |name, mode: &str| peers.python(name, mode));
    match suite {
        Suite::Stream => vec![
            py("Python: httpx + json.loads", "httpx-stream"),
            // Twenty seconds and more.
            py("Python: official SDK", "sdk-stream").once(),
            python("nexus (Python)", "stream"),
            python("nexus (Python), decoded", "stream-decoded"),
            js("Node: official SDK", "sdk-stream"),
            js("Node: official SDK, warm", "sdk-stream-warm"),
            js("Node: fetch + JSON.parse", "fetch-stream"),
            node("nexus (Node)", "stream"),
            node("nexus (Node), warm", "stream-warm"),
            node("nexus (Node), decoded, warm", "stream-decoded-warm"),
        ],
        Suite::Latency => vec![
            py("Python: official SDK", "sdk-latency"),
            python("nexus (Python)", "latency"),
            js("Node: official SDK", "sdk-latency"),
            node("nexus (Node)", "latency"),
        ],
        Suite::Rest => vec![
            py("Python: official SDK", "sdk-rest"),
            py("Python: httpx", "httpx-rest"),
            python("nexus (Python)", "rest"),
            js("Node: official SDK", "sdk-rest"),
            js("Node: official SDK, warm", "sdk-rest-warm"),
            node("nexus (Node)", "rest"),
            node("nexus (Node), warm", "rest-warm"),
        ],
        _ => vec![
            py("Python: empty", "empty"),
            python("nexus (Python): import", "import"),
            py("Python: official SDK: import", "import"),
            js("Node: empty", "empty"),
            node("nexus (Node): import", "import"),
            js("Node: official SDK: import", "import"),
        ],
    }
}
