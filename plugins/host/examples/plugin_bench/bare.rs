//! wasmtime alone: no limits, no clock, no way to stop anything.

use std::path::Path;
use std::time::Instant;

use serde_json::{Map, Value, json};
use wasmtime::component::{Component, Linker};
use wasmtime::{Engine, Store};

use crate::{LARGE, PLUGINS, SMALL, echo, microseconds, resident, timed};

wasmtime::component::bindgen!({ path: "../wit/v0.1", world: "context-provider" });

use exports::nexus::plugin::context_guest::{Guest, GuestIndices, Request};

struct Plugin {
    store: Store<()>,
    guest: Guest,
}

fn open(engine: &Engine, compiled: &Path) -> Plugin {
    // SAFETY: the file is what this process has compiled a moment ago.
    let component = unsafe { Component::deserialize_file(engine, compiled) }.unwrap();
    let mut linker = Linker::<()>::new(engine);
    linker.define_unknown_imports_as_traps(&component).unwrap();
    let pre = linker.instantiate_pre(&component).unwrap();
    let indices = GuestIndices::new(&pre).unwrap();
    let mut store = Store::new(engine, ());
    let instance = pre.instantiate(&mut store).unwrap();
    let guest = indices.load(&mut store, &instance).unwrap();
    Plugin { store, guest }
}

impl Plugin {
    fn call(&mut self, text: &str) -> usize {
        let request = Request {
            provider: "thing".into(),
            argument: Some(text.into()),
            selection: None,
            max_bytes: 1 << 20,
            deadline_ms: 2_000,
        };
        let items = self.guest.call_provide(&mut self.store, &request).unwrap().unwrap();
        match &items[0].content {
            exports::nexus::plugin::context_guest::Content::Text(content) => content.text.len(),
            exports::nexus::plugin::context_guest::Content::File(_) => 0,
        }
    }
}

pub fn measure() -> Map<String, Value> {
    let engine = Engine::default();
    let folder = tempfile::tempdir().unwrap();
    let files: Vec<_> = (0..=PLUGINS)
        .map(|number| {
            let path = folder.path().join(number.to_string());
            let compiled = engine.precompile_component(&echo(number).build()).unwrap();
            std::fs::write(&path, compiled).unwrap();
            path
        })
        .collect();
    let mut plugin = open(&engine, &files[PLUGINS]);
    let before = resident();
    let mut plugins: Vec<_> = files[..PLUGINS].iter().map(|file| open(&engine, file)).collect();
    plugins.iter_mut().for_each(|plugin| assert_eq!(plugin.call("x"), 1));
    let memory = (resident() - before) / PLUGINS as f64;
    let (small, large) = ("x".repeat(SMALL), "x".repeat(LARGE));
    assert_eq!(plugin.call(&small), SMALL);
    let began = Instant::now();
    drop(open(&engine, &files[0]));
    let first = microseconds(began.elapsed());
    let mut figures = Map::new();
    figures.insert(
        "call_100_us".into(),
        json!(timed(20_000, |n| (0..n).for_each(|_| {
            plugin.call(&small);
        }))),
    );
    figures.insert(
        "call_100k_us".into(),
        json!(timed(500, |n| (0..n).for_each(|_| {
            plugin.call(&large);
        }))),
    );
    figures.insert(
        "open_us".into(),
        json!(timed(50, |n| (0..n).for_each(|_| drop(open(&engine, &files[0])))).min(first)),
    );
    figures.insert("memory_kb".into(), json!(memory));
    figures
}
