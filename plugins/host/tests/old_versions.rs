//! Plugins of every released version of the interface still run: see `plugins/fixtures`.

use std::path::Path;

use opencode_nexus_plugins::bundle::manifest_of;
use opencode_nexus_plugins::engine::Engine;
use opencode_nexus_plugins::harness::cases;

#[tokio::test(flavor = "multi_thread")]
async fn plugins_of_every_released_version_still_do_what_they_did() {
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fixtures");
    let engine = Engine::open(None).unwrap();
    let mut versions = 0;
    for entry in std::fs::read_dir(fixtures).unwrap() {
        let folder = entry.unwrap().path();
        if !folder.is_dir() {
            continue;
        }
        versions += 1;
        let manifest = manifest_of(&folder).unwrap();
        let wasm = std::fs::read(folder.join("plugin.wasm")).unwrap();
        let results = cases::run(&engine, &folder, &wasm, &manifest).await.unwrap();
        assert!(!results.is_empty());
        for case in results {
            assert_eq!(case.problem, None, "{}: {}", folder.display(), case.name);
        }
    }
    assert!(versions > 0);
}
