//! Files that were granted, and all the ways to others.

use std::path::Path;

use super::super::tests::{Playground, state};
use super::super::wit::types::ErrorCode;
use super::super::wit::workspace::Host as _;

const DOCS: &str = "workspace-read = [{ glob = \"docs/**\", reason = \"test\" }]";
const ALL: &str = "workspace-read = [{ glob = \"**\", reason = \"test\" }]";

async fn read(play: &Playground, permissions: &str, path: &str) -> Result<Vec<u8>, ErrorCode> {
    let answer = play.state(permissions).read(path.to_owned(), 0, 1 << 20).await.unwrap();
    answer.map(|chunk| chunk.bytes).map_err(|error| error.code)
}

async fn list(play: &Playground, permissions: &str, path: &str) -> Vec<String> {
    let answer = play.state(permissions).list_dir(path.to_owned(), None).await.unwrap();
    answer.unwrap().into_iter().map(|entry| entry.path).collect()
}

#[tokio::test]
async fn granted_files_are_read_in_parts() {
    let play = Playground::new();
    play.write("docs/a.md", "hello world");
    let mut host = play.state(DOCS);
    let chunk = host.read("./docs//a.md".into(), 0, 5).await.unwrap().unwrap();
    assert_eq!((chunk.bytes.as_slice(), chunk.size, chunk.eof), (b"hello".as_slice(), 11, false));
    let chunk = host.read("docs/a.md".into(), 5, u32::MAX).await.unwrap().unwrap();
    assert_eq!((chunk.bytes.as_slice(), chunk.size, chunk.eof), (b" world".as_slice(), 11, true));
    let chunk = host.read("docs/a.md".into(), u64::MAX / 2, 9).await.unwrap().unwrap();
    assert!(chunk.bytes.is_empty() && chunk.eof);
    play.write("docs/large", &"x".repeat(3 << 20));
    let chunk = host.read("docs/large".into(), 0, u32::MAX).await.unwrap().unwrap();
    assert_eq!((chunk.bytes.len(), chunk.eof), (1 << 20, false));
    assert_eq!(read(&play, DOCS, "docs/none").await, Err(ErrorCode::NotFound));
    assert!(play.audited().contains(&("workspace.read".into(), "docs/a.md".into(), true)));
}

#[tokio::test]
async fn what_is_not_granted_is_denied_whether_it_is_there_or_not() {
    let mut play = Playground::new();
    play.write("docs/a.md", "a");
    play.write("secret.txt", "s");
    play.write(".git/config", "[remote]\n url = https://me:made-up@example.org");
    let caller = play.caller("acme.test", DOCS);
    for path in ["secret.txt", "nothing.txt", "doc", "Docs/a.md", ".git/config", "docs2/a"] {
        let answer = state(&caller).read(path.into(), 0, 9).await.unwrap();
        assert_eq!(answer.unwrap_err().code, ErrorCode::Denied, "{path}");
    }
    assert_eq!(play.told().len(), 1);
    assert_eq!(play.audited().iter().filter(|(_, _, allowed)| !allowed).count(), 6);
    for path in [".git/config", ".GIT/config", "docs/../.git/config", "./.git/config"] {
        assert!(read(&play, ALL, path).await.is_err(), "{path}");
    }
    assert_eq!(read(&play, "", "docs/a.md").await, Err(ErrorCode::Denied));
    assert_eq!(read(&play, ALL, "").await, Err(ErrorCode::Denied));
    assert_eq!(read(&play, ALL, "docs").await, Err(ErrorCode::Invalid));
}

#[tokio::test]
async fn no_path_leads_out_of_the_folder() {
    let play = Playground::new();
    play.write("docs/a.md", "a");
    let outside = play.folder.path().parent().unwrap().join("nexus-outside-of-the-test");
    let absolute = outside.display().to_string();
    for path in [
        "../x",
        "docs/../../x",
        "docs/../docs/a.md",
        "/etc/passwd",
        &absolute,
        "docs/a.md\0",
        "docs\0/../a.md",
        "C:/Windows/win.ini",
        "C:\\Windows\\win.ini",
        "c:docs/a.md",
        "\\\\server\\share\\x",
        "//server/share/x",
        "\\\\?\\C:\\x",
        "docs\\..\\..\\x",
    ] {
        let refused = read(&play, ALL, path).await.unwrap_err();
        assert_eq!(refused, ErrorCode::Invalid, "{path:?}");
        let mut host = play.state(ALL);
        assert!(host.list_dir(path.to_owned(), None).await.unwrap().is_err(), "{path:?}");
    }
    assert!(play.audited().iter().all(|(_, _, allowed)| !allowed));
}

#[cfg(unix)]
#[tokio::test]
async fn links_are_what_they_lead_to() {
    use std::os::unix::fs::symlink;
    let play = Playground::new();
    play.write("docs/a.md", "a");
    play.write("secret.txt", "secret");
    let outside = tempfile::tempdir().unwrap();
    std::fs::write(outside.path().join("key"), "made-up").unwrap();
    let folder = play.folder.path();
    symlink(outside.path().join("key"), folder.join("docs/out")).unwrap();
    symlink(outside.path(), folder.join("docs/outdir")).unwrap();
    symlink("../secret.txt", folder.join("docs/inside")).unwrap();
    symlink("../../../../../../../../etc/passwd", folder.join("docs/up")).unwrap();
    symlink("/", folder.join("docs/top")).unwrap();
    symlink("a.md", folder.join("docs/good")).unwrap();
    symlink("loop", folder.join("docs/loop")).unwrap();
    symlink("..", folder.join("docs/above")).unwrap();
    for path in ["docs/out", "docs/outdir/key", "docs/up", "docs/top/etc/passwd"] {
        assert_eq!(read(&play, ALL, path).await, Err(ErrorCode::Denied), "{path}");
    }
    for path in ["docs/inside", "docs/above/secret.txt"] {
        assert_eq!(read(&play, DOCS, path).await, Err(ErrorCode::Denied), "{path}");
        assert_eq!(read(&play, ALL, path).await.unwrap(), b"secret", "{path}");
    }
    assert!(read(&play, ALL, "docs/loop").await.is_err());
    assert_eq!(read(&play, DOCS, "docs/good").await.unwrap(), b"a");
    assert_eq!(list(&play, DOCS, "docs").await, ["docs/a.md", "docs/above", "docs/good"]);
    assert_eq!(list(&play, DOCS, "docs/above").await, ["docs/above/docs"]);
}

/// A link is swapped as fast as the machine can while it is read: what comes is always what was granted.
#[cfg(unix)]
#[tokio::test(flavor = "multi_thread")]
async fn a_link_that_is_swapped_between_check_and_opening_leads_nowhere_else() {
    use std::os::unix::fs::symlink;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicBool, Ordering};
    let play = Playground::new();
    play.write("docs/a.md", "granted");
    play.write("secret.txt", "secret");
    let outside = tempfile::tempdir().unwrap();
    std::fs::write(outside.path().join("a.md"), "outside").unwrap();
    let folder = play.folder.path().to_owned();
    let done = Arc::new(AtomicBool::new(false));
    let (stop, other) = (Arc::clone(&done), outside.path().to_owned());
    let swapping = std::thread::spawn(move || {
        let targets = [Path::new("a.md"), Path::new("../secret.txt")];
        let folders = [folder.join("docs"), other];
        for round in 0_usize.. {
            if stop.load(Ordering::Relaxed) {
                return;
            }
            // Made beside, and put in place at once, so that there is always one of them.
            for (name, target) in [("docs/link", targets[round % 2]), ("dir", folders[round % 2].as_path())] {
                let new = folder.join("new");
                let _ = std::fs::remove_file(&new);
                symlink(target, &new).unwrap();
                std::fs::rename(&new, folder.join(name)).unwrap();
            }
        }
    });
    let caller = play.caller("acme.test", DOCS);
    let (mut host, mut granted) = (state(&caller), 0);
    for round in 0..4000 {
        host.call_begins(std::time::Duration::from_secs(60));
        let path = if round % 2 == 0 { "docs/link" } else { "dir/a.md" };
        if let Ok(chunk) = host.read(path.into(), 0, 99).await.unwrap() {
            assert_eq!(chunk.bytes, b"granted");
            granted += 1;
        }
    }
    done.store(true, Ordering::Relaxed);
    swapping.join().unwrap();
    assert!(granted > 0, "the link led to the granted file at times");
}

#[cfg(unix)]
#[tokio::test]
async fn pipes_devices_and_sockets_are_no_files_and_nobody_waits_for_them() {
    let play = Playground::new();
    play.write("docs/a.md", "a");
    let pipe = play.folder.path().join("docs/pipe");
    let made = std::process::Command::new("mkfifo").arg(&pipe).status();
    assert!(made.expect("mkfifo is needed: apt-get install coreutils").success());
    let _socket = std::os::unix::net::UnixListener::bind(play.folder.path().join("docs/socket")).unwrap();
    assert_eq!(read(&play, DOCS, "docs/pipe").await, Err(ErrorCode::Invalid));
    assert!(read(&play, DOCS, "docs/socket").await.is_err());
    assert_eq!(list(&play, DOCS, "docs").await, ["docs/a.md"]);
    let hits = play.state(DOCS).search("a".into(), None, 9).await.unwrap().unwrap();
    assert_eq!(hits.len(), 1);
}

#[tokio::test]
async fn a_listing_shows_what_may_be_read_and_the_folders_on_the_way_to_it() {
    let play = Playground::new();
    for path in ["docs/a.md", "docs/b/c.md", "secret.txt", "src/x.rs", ".git/config"] {
        play.write(path, "x");
    }
    assert_eq!(list(&play, DOCS, "").await, ["docs"]);
    assert_eq!(list(&play, DOCS, "docs").await, ["docs/a.md", "docs/b"]);
    assert_eq!(list(&play, ALL, "").await, ["docs", "secret.txt", "src"]);
    let mut host = play.state(DOCS);
    assert_eq!(host.list_dir("src".into(), None).await.unwrap().unwrap_err().code, ErrorCode::Denied);
    assert_eq!(host.list_dir("docs/a.md".into(), None).await.unwrap().unwrap_err().code, ErrorCode::Invalid);
    let entry = &host.list_dir("docs".into(), None).await.unwrap().unwrap()[0];
    assert!(!entry.is_dir && entry.size == 1 && entry.modified_ms > 1_600_000_000_000);
    for number in 0..1500 {
        play.write(&format!("docs/many/{number:04}"), "");
    }
    let first = list(&play, DOCS, "docs/many").await;
    assert_eq!((first.len(), first[999].as_str()), (1000, "docs/many/0999"));
    let rest = host.list_dir("docs/many".into(), Some(first[999].clone())).await.unwrap().unwrap();
    assert_eq!((rest.len(), rest[0].path.as_str()), (500, "docs/many/1000"));
}

#[tokio::test]
async fn a_search_finds_lines_of_granted_files_that_git_does_not_ignore() {
    let play = Playground::new();
    play.write("docs/a.md", "one\r\nTODO two\nthree TODO\n");
    play.write("docs/ignored.md", "TODO");
    play.write("docs/.gitignore", "ignored.md\n");
    play.write("docs/binary", "TODO\0");
    play.write("docs/b.txt", "TODO b");
    play.write("secret.txt", "TODO secret");
    play.write(".git/HEAD", "TODO");
    let mut host = play.state(DOCS);
    let hits = host.search(r"\bTODO\b".into(), None, 99).await.unwrap().unwrap();
    let found: Vec<_> = hits.iter().map(|hit| (hit.path.as_str(), hit.line, hit.text.as_str())).collect();
    assert_eq!(
        found,
        [("docs/a.md", 1, "TODO two"), ("docs/a.md", 2, "three TODO"), ("docs/b.txt", 0, "TODO b")]
    );
    let hits = host.search("TODO".into(), Some("*.txt".into()), 99).await.unwrap().unwrap();
    assert_eq!(hits.len(), 1);
    assert_eq!(host.search("TODO".into(), None, 1).await.unwrap().unwrap().len(), 1);
    play.write("docs/long", &format!("TODO{}", "ä".repeat(5000)));
    let hits = host.search("TODOä".into(), None, 9).await.unwrap().unwrap();
    assert!(hits[0].text.len() <= 1024);
    assert_eq!(
        play.state("").search("x".into(), None, 9).await.unwrap().unwrap_err().code,
        ErrorCode::Denied
    );
}

#[tokio::test]
async fn an_expression_cannot_take_the_host_down() {
    let play = Playground::new();
    play.write("docs/a.md", &format!("{}\n", "a".repeat(200_000)));
    let mut host = play.state(DOCS);
    for evil in [
        "(".to_owned(),
        "(".repeat(1000),
        "a{1000}{1000}{1000}".to_owned(),
        r"\w{5000}".to_owned(),
        "x".repeat(2000),
        r"(?P<a>.)\1".to_owned(),
    ] {
        let error = host.search(evil.clone(), None, 9).await.unwrap().unwrap_err();
        assert_eq!(error.code, ErrorCode::Invalid, "{evil}");
    }
    // Takes time that doubles with each letter where expressions go back.
    host.search("(a+)+$b|(a*)*c".into(), None, 9).await.unwrap().unwrap();
    for glob in ["../**", "/..", "!x", "a\\b", ""] {
        assert!(host.search("a".into(), Some(glob.into()), 9).await.unwrap().is_err(), "{glob}");
    }
    host.call_begins(std::time::Duration::ZERO);
    assert_eq!(host.search("a".into(), None, 9).await.unwrap().unwrap_err().code, ErrorCode::Timeout);
}

#[tokio::test]
async fn who_works_in_their_home_shows_no_plugin_what_programs_keep_there() {
    // The folder of plugins lies below the folder that is worked in.
    let home = tempfile::tempdir().unwrap();
    let plugins = home.path().join("data/plugins");
    std::fs::create_dir_all(plugins.join("acme.other")).unwrap();
    std::fs::write(plugins.join("grants.toml"), "schema = 1").unwrap();
    std::fs::write(plugins.join("acme.other/secrets.toml"), "TOKEN = \"made-up\"").unwrap();
    std::fs::write(home.path().join("data/a.txt"), "a").unwrap();
    let notices = opencode_nexus::extension::Notices::default();
    let ground = super::super::Ground::open(&plugins, notices, None).unwrap();
    let rights = crate::permissions::Rights::new(toml::from_str(ALL).unwrap());
    let caller =
        super::super::Caller::open("acme.test", "1.0.0", rights, home.path(), serde_json::json!({}), &ground);
    let mut host = state(&std::sync::Arc::new(caller.unwrap()));
    for path in
        ["data/plugins/grants.toml", "data/plugins/acme.other/secrets.toml", "data/plugins/acme.test/kv.db"]
    {
        let error = host.read(path.into(), 0, 9).await.unwrap().unwrap_err();
        assert_eq!(error.code, ErrorCode::Denied, "{path}");
    }
    assert_eq!(host.read("data/a.txt".into(), 0, 9).await.unwrap().unwrap().bytes, b"a");
    assert!(host.search("made-up|schema".into(), None, 9).await.unwrap().unwrap().is_empty());
    let listed = host.list_dir("data".into(), None).await.unwrap().unwrap();
    assert_eq!(listed.len(), 1);
}

#[test]
fn where_opencode_keeps_its_keys_is_hidden() {
    let home = tempfile::tempdir().unwrap();
    let keys = home.path().join(".local/share/opencode");
    std::fs::create_dir_all(&keys).unwrap();
    let root = home.path().canonicalize().unwrap();
    let hidden = super::hidden_below(&root, &[keys, home.path().join("nowhere"), "/elsewhere".into()]);
    let parts = |path: &str| path.split('/').map(str::to_owned).collect::<Vec<_>>();
    assert_eq!(hidden, [parts(".local/share/opencode"), parts("nowhere")]);
    let variables = |name: &str| (name == "HOME").then(|| root.clone());
    let places = super::places_of_opencode(&variables);
    assert!(places.contains(&root.join(".local/share/opencode")), "{places:?}");
}
