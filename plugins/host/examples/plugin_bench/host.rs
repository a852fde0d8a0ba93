//! This crate: limits, budgets, rights, restarts; and what others notice while one plugin spins.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use opencode_nexus::context::{ContextProvider, ItemKind, Scope};
use opencode_nexus::extension::Notices;
use opencode_nexus_plugins::actor::{Launch, PluginHandle};
use opencode_nexus_plugins::engine::Engine;
use opencode_nexus_plugins::imports::{Caller, Ground};
use opencode_nexus_plugins::limits::{Budget, Limits};
use opencode_nexus_plugins::permissions::{Permissions, Rights, SessionRight};
use opencode_nexus_plugins::provider::providers;
use serde_json::{Map, Value, json};
use tokio::runtime::Runtime;

use crate::guest::Guest;
use crate::{LARGE, PLUGINS, SMALL, echo, microseconds, resident, timed};

struct Bench {
    runtime: Runtime,
    engine: Engine,
    ground: Ground,
    folder: tempfile::TempDir,
}

impl Bench {
    fn caller(&self, number: usize) -> Arc<Caller> {
        let hears = Permissions {
            session: vec![SessionRight::Events],
            session_reason: Some("counts them".into()),
            ..Permissions::default()
        };
        let (rights, id) = (Rights::new(hears), format!("bench.echo-{number}"));
        Arc::new(Caller::open(&id, "1.0.0", rights, self.folder.path(), json!({}), &self.ground).unwrap())
    }

    fn open(&self, wasm: Vec<u8>, guest: &Guest, caller: Arc<Caller>) -> PluginHandle {
        let code = self.runtime.block_on(self.engine.load(wasm, guest.worlds())).unwrap();
        let plugin = PluginHandle::open(Launch::new(code, guest.worlds(), caller, Limits::default()));
        self.runtime.block_on(plugin.start()).unwrap();
        plugin
    }

    fn provider(&self, plugin: &PluginHandle) -> Arc<dyn ContextProvider> {
        self.runtime.block_on(providers(plugin)).unwrap().remove(0)
    }

    fn calls(&self, provider: &Arc<dyn ContextProvider>, text: &str, count: usize) {
        self.runtime.block_on(async {
            for _ in 0..count {
                call(provider.as_ref(), self.folder.path(), text).await;
            }
        });
    }
}

async fn call(provider: &dyn ContextProvider, folder: &Path, text: &str) {
    let scope = Scope { root: folder, client: None, editor: None };
    let items = provider.provide(&scope, Some(text)).await.unwrap();
    let ItemKind::Text { text: given, .. } = &items[0].kind else { panic!("no text") };
    assert_eq!(given.len(), text.len());
}

pub fn measure() -> Map<String, Value> {
    let folder = tempfile::tempdir().unwrap();
    let ground = Ground::open(folder.path().join("plugins"), Notices::default(), None).unwrap();
    let engine = Engine::open(Some(&folder.path().join("cache"))).unwrap();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let bench = Bench { runtime, engine, ground, folder };
    let guests: Vec<_> = (0..=PLUGINS).map(|number| (echo(number), echo(number).build())).collect();
    // Compiled once, as by the installation.
    for (guest, wasm) in &guests {
        bench.runtime.block_on(bench.engine.load(wasm.clone(), guest.worlds())).unwrap();
    }
    let (guest, wasm) = &guests[PLUGINS];
    let plugin = bench.open(wasm.clone(), guest, bench.caller(PLUGINS));
    let provider = bench.provider(&plugin);
    bench.calls(&provider, "x", 1);
    let before = resident();
    let plugins: Vec<_> = guests[..PLUGINS]
        .iter()
        .enumerate()
        .map(|(number, (guest, wasm))| bench.open(wasm.clone(), guest, bench.caller(number)))
        .collect();
    plugins.iter().for_each(|plugin| bench.calls(&bench.provider(plugin), "x", 1));
    let memory = (resident() - before) / PLUGINS as f64;
    let (small, large) = ("x".repeat(SMALL), "x".repeat(LARGE));
    let mut figures = Map::new();
    figures.insert("call_100_us".into(), json!(timed(20_000, |n| bench.calls(&provider, &small, n))));
    figures.insert("call_100k_us".into(), json!(timed(500, |n| bench.calls(&provider, &large, n))));
    let caller = bench.caller(0);
    let open =
        |n: usize| (0..n).for_each(|_| drop(bench.open(guests[0].1.clone(), &guests[0].0, caller.clone())));
    figures.insert("open_us".into(), json!(timed(50, open)));
    figures.insert("memory_kb".into(), json!(memory));
    beside_a_spinner(&bench, &provider, &mut figures);
    let listener = bench.caller(PLUGINS + 2);
    bench.runtime.block_on(crate::events::measure(&bench.engine, listener, &mut figures));
    figures
}

/// The slowest of a hundred calls, quiet and while another plugin spins, and how much too late that one is stopped.
fn beside_a_spinner(bench: &Bench, provider: &Arc<dyn ContextProvider>, figures: &mut Map<String, Value>) {
    let guest = echo(PLUGINS + 1).does("suggest", "(loop $for_ever (br $for_ever)) (unreachable)");
    let (folder, text) = (bench.folder.path().to_owned(), "x".repeat(SMALL));
    let p99 = |for_so_long: Duration| {
        bench.runtime.block_on(async {
            let (began, mut all) = (Instant::now(), Vec::new());
            while began.elapsed() < for_so_long {
                let at = Instant::now();
                call(provider.as_ref(), &folder, &text).await;
                all.push(microseconds(at.elapsed()));
            }
            all.sort_by(f64::total_cmp);
            all[all.len() * 99 / 100]
        })
    };
    let within = Budget::SUGGEST.run - Duration::from_millis(50);
    let (mut quiet, mut loud, mut late) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..5 {
        quiet.push(p99(within));
        // Anew each time: after three failures it would be disabled.
        let spinner = bench.open(guest.build(), &guest, bench.caller(PLUGINS + 1));
        let spinning = bench.provider(&spinner);
        let folder = folder.clone();
        let spin = bench.runtime.spawn(async move {
            let (began, scope) = (Instant::now(), Scope { root: &folder, client: None, editor: None });
            assert!(spinning.suggest(&scope, "x", 1).await.is_err());
            began.elapsed()
        });
        loud.push(p99(within));
        let took = bench.runtime.block_on(spin).unwrap();
        late.push(took.saturating_sub(Budget::SUGGEST.run).as_secs_f64() * 1e3);
    }
    for (name, mut values) in
        [("p99_quiet_us", quiet), ("p99_beside_a_spinner_us", loud), ("stopped_late_ms", late)]
    {
        values.sort_by(f64::total_cmp);
        figures.insert(name.into(), json!(values[values.len() / 2]));
    }
}
