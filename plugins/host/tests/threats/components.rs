//! Files that are no plugins, or no good ones: refused before anything of them runs, each with its own reason.

use opencode_nexus::{Error, ErrorKind};
use opencode_nexus_plugins::actor::{Launch, PluginHandle};
use opencode_nexus_plugins::engine::Engine;
use opencode_nexus_plugins::inspect::inspect;
use opencode_nexus_plugins::limits::Limits;
use opencode_nexus_plugins::manifest::World;

use crate::Guest;
use crate::host::{caller, described, engine, provider};

const WHOLE: &[World] = &[World::ContextProvider, World::Command, World::Hook, World::Frontend];

/// Why a file is refused; also without compiling.
async fn refused(wasm: &[u8], worlds: &[World]) -> Error {
    let error = inspect(wasm, worlds).unwrap_err();
    let loaded = engine().load(wasm.to_vec(), worlds).await;
    assert_eq!(loaded.err().unwrap().to_string(), error.to_string());
    assert!(!error.to_string().contains('\n'));
    assert!(error.hint().is_some(), "{error}");
    error
}

fn said(error: &Error, kind: ErrorKind, words: &str) {
    assert_eq!(error.kind(), kind, "{error}");
    assert!(error.to_string().contains(words), "{error}");
}

#[tokio::test]
async fn a_component_that_was_cut_off_is_damaged() {
    let wasm = Guest::whole().build();
    for length in (0..wasm.len()).step_by(64) {
        said(&refused(&wasm[..length], WHOLE).await, ErrorKind::InvalidInput, "");
    }
    for length in [wasm.len() - 1, 1_024, 2_048, 3_072, 4_096].into_iter().filter(|l| *l < wasm.len()) {
        said(&refused(&wasm[..length], WHOLE).await, ErrorKind::InvalidInput, "");
    }
}

/// A flipped bit makes a component that is refused, or another one that is as harmless.
#[tokio::test]
async fn no_flipped_bit_brings_the_host_down() {
    let wasm = described(Guest::new(&[World::ContextProvider])).build();
    let (mut whole, mut run) = (0, 0);
    for at in 0..wasm.len() {
        let mut flipped = wasm.clone();
        flipped[at] ^= 1 << (at % 8);
        if inspect(&flipped, &[World::ContextProvider]).is_err() {
            continue;
        }
        whole += 1;
        // To compile all of them would take minutes.
        if whole % 16 == 0
            && let Ok(code) = engine().load(flipped, &[World::ContextProvider]).await
        {
            run += 1;
            let launch =
                Launch::new(code, &[World::ContextProvider], caller("bad.damaged"), Limits::default());
            let _ = opencode_nexus_plugins::provider::providers(&PluginHandle::open(launch)).await;
        }
    }
    assert!(whole > 0 && run > 0, "{whole} {run}");
}

#[tokio::test]
async fn a_module_a_text_and_an_empty_file_are_no_components() {
    let module = wat::parse_str("(module)").unwrap();
    said(&refused(&module, WHOLE).await, ErrorKind::InvalidInput, "module and no component");
    for bytes in [&b""[..], b"\0as", b"(component)", b"#!/bin/sh\n", &[0xff; 4_096]] {
        said(&refused(bytes, WHOLE).await, ErrorKind::InvalidInput, "no WebAssembly");
    }
    let empty = wat::parse_str("(component)").unwrap();
    said(&refused(&empty, WHOLE).await, ErrorKind::InvalidInput, "does not export lifecycle");
}

#[tokio::test]
async fn compiled_code_is_never_accepted() {
    let folder = tempfile::tempdir().unwrap();
    let guest = Guest::whole();
    let caching = Engine::open(Some(folder.path())).unwrap();
    caching.load(guest.build(), guest.worlds()).await.unwrap();
    let files = std::fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().path());
    let compiled = files.into_iter().find(|path| path.extension().is_some_and(|e| e == "cwasm")).unwrap();
    let bytes = std::fs::read(compiled).unwrap();
    said(&refused(&bytes, WHOLE).await, ErrorKind::InvalidInput, "compiled code");
}

#[tokio::test]
async fn a_plugin_that_is_not_what_its_manifest_says_is_refused() {
    let wasm = Guest::new(&[World::ContextProvider]).build();
    let error = refused(&wasm, &[World::ContextProvider, World::Command]).await;
    said(&error, ErrorKind::InvalidInput, "does not export command-guest");
}

/// Every name is as long in the newer version, so the bytes can be changed in place.
#[tokio::test]
async fn a_plugin_for_a_newer_host_is_refused_with_the_version_that_it_needs() {
    let newer = replaced(&Guest::whole().build(), "@0.1.0", "@0.7.0");
    let error = refused(&newer, WHOLE).await;
    said(&error, ErrorKind::NewerFormat, "made for plugin interface 0.7");
    said(&error, ErrorKind::NewerFormat, "install OpenCode Nexus 0.7.0 or newer");
    let older = replaced(&Guest::whole().build(), "@0.1.0", "@0.0.1");
    said(&refused(&older, WHOLE).await, ErrorKind::Incompatible, "older than all that run here");
}

#[tokio::test]
async fn a_plugin_that_imports_what_no_plugin_gets_is_refused() {
    for name in
        ["wasi:http/types@0.2.0", "wasi:nn/graph@0.2.0", "acme:secrets/store@1.0.0", "wasi:cli/run@0.3.0"]
    {
        let wasm = wat::parse_str(format!("(component (import \"{name}\" (instance)))")).unwrap();
        said(&refused(&wasm, &[]).await, ErrorKind::InvalidInput, "which no plugin gets");
    }
    let wasm = wat::parse_str("(component (import \"nexus:plugin/shell@0.1.0\" (instance)))").unwrap();
    said(&refused(&wasm, &[]).await, ErrorKind::InvalidInput, "which does not exist");
}

#[tokio::test]
async fn an_import_of_a_known_name_and_another_type_is_refused() {
    let wasm = wat::parse_str(
        "(component
           (import \"nexus:plugin/config@0.1.0\" (instance (export \"get-json\" (func (result u32)))))
           (instance $none) (export \"nexus:plugin/lifecycle@0.1.0\" (instance $none)))",
    )
    .unwrap();
    let error = engine().load(wasm, &[]).await.err().unwrap();
    said(&error, ErrorKind::InvalidInput, "does not fit the plugin interface");
}

#[tokio::test]
async fn an_export_of_another_type_is_refused() {
    let wasm = wat::parse_str(
        "(component
           (core module $m (func (export \"f\") (result i32) (i32.const 0)))
           (core instance $i (instantiate $m))
           (func $start (result u32) (canon lift (core func $i \"f\")))
           (instance $lifecycle (export \"start\" (func $start)) (export \"stop\" (func $start)))
           (export \"nexus:plugin/lifecycle@0.1.0\" (instance $lifecycle)))",
    )
    .unwrap();
    let code = engine().load(wasm, &[]).await.unwrap();
    let plugin = PluginHandle::open(Launch::new(code, &[], caller("bad.shape"), Limits::default()));
    let error = plugin.start().await.unwrap_err();
    crate::host::assert_names(&error, "bad.shape");
    said(&error, ErrorKind::Plugin, "`start` trapped");
}

#[tokio::test]
async fn a_component_that_would_keep_the_compiler_busy_is_refused() {
    let one_large = format!("(func {})", "(drop (i32.const 1))".repeat(400_000));
    let wasm = Guest::whole().module(&one_large).build();
    said(&refused(&wasm, WHOLE).await, ErrorKind::TooLarge, "one function has");
    let many = format!("(component {})", "(core module)".repeat(300));
    said(&refused(&wat::parse_str(many).unwrap(), &[]).await, ErrorKind::TooLarge, "more than 128 modules");
    let wasm = Guest::whole().module(&"(func)".repeat(200_001)).build();
    said(&refused(&wasm, WHOLE).await, ErrorKind::TooLarge, "more than 200000 functions");
}

#[tokio::test]
async fn a_component_that_is_too_large_is_refused_unread() {
    let mut wasm = Guest::whole().build();
    wasm.resize((32 << 20) + 1, 0);
    said(&refused(&wasm, WHOLE).await, ErrorKind::TooLarge, "the component has 32768 KiB");
}

#[tokio::test]
async fn a_provider_with_an_impossible_name_is_refused() {
    for name in ["../x", "A   ", "a\\0ab", "\\e2\\80\\aeab"] {
        let text = described(Guest::whole()).text();
        let renamed = text
            .replace("(data (i32.const 200) \"thing\")", &format!("(data (i32.const 200) \"{name}     \")"));
        assert_ne!(text, renamed);
        let guest = Guest::whole().replaced(renamed);
        let error = provider(&crate::host::plugin("bad.names", &guest).await).await.err().unwrap();
        crate::host::assert_names(&error, "bad.names");
        said(&error, ErrorKind::Plugin, "which cannot be one");
    }
}

fn replaced(bytes: &[u8], from: &str, to: &str) -> Vec<u8> {
    assert_eq!(from.len(), to.len());
    let mut bytes = bytes.to_vec();
    let places: Vec<_> = bytes
        .windows(from.len())
        .enumerate()
        .filter(|(_, w)| *w == from.as_bytes())
        .map(|(at, _)| at)
        .collect();
    assert!(!places.is_empty());
    for at in places {
        bytes[at..at + to.len()].copy_from_slice(to.as_bytes());
    }
    bytes
}
