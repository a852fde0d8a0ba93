//! An index in a folder and at an address, and every way in which one is not to be believed.

use std::collections::BTreeMap;

use super::*;
use crate::manifest::Manifest;
use crate::signature::SecretKey;

struct Shelf {
    folder: tempfile::TempDir,
    keeper: SecretKey,
    author: SecretKey,
}

impl Shelf {
    fn new() -> Self {
        let key = || SecretKey::make(None).unwrap().0;
        Self { folder: tempfile::tempdir().unwrap(), keeper: key(), author: key() }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Puts a plugin on it, and gives its line of the index.
    fn put(&self, version: &str, author: &SecretKey) -> IndexedVersion {
        let manifest = format!(
            "schema = 1\nid = \"acme.jira\"\nversion = \"{version}\"\napi = \"0.1\"\nsummary = \"x\"\nworlds = [\"hook\"]\n"
        );
        let component = b"\0asm\x0d\0\x01\0".to_vec();
        let bundle =
            Bundle::build(Manifest::parse(&manifest).unwrap(), component, BTreeMap::new(), Some(author));
        let bytes = bundle.unwrap().to_bytes().unwrap();
        let file = format!("jira-{version}.plugin");
        std::fs::write(self.path(&file), &bytes).unwrap();
        IndexedVersion {
            version: version.into(),
            api: API.into(),
            file,
            sha256: sha256(&bytes),
            yanked: None,
        }
    }

    fn file(&self, serial: u64, versions: Vec<IndexedVersion>) -> IndexFile {
        let publisher = self.author.public().clone();
        let plugin = IndexedPlugin { id: "acme.jira".into(), summary: "Tickets".into(), publisher, versions };
        IndexFile { format: FORMAT, serial, plugins: vec![plugin] }
    }

    fn sign(&self, file: &IndexFile) {
        let text = serde_json::to_vec_pretty(file).unwrap();
        let signature = self.keeper.sign(&text, "index").unwrap();
        std::fs::write(self.path("index.json"), text).unwrap();
        std::fs::write(self.path("index.json.minisig"), signature).unwrap();
    }

    async fn open(&self) -> Result<Index> {
        let place = self.path("index.json");
        Index::open(place.to_str().unwrap(), self.keeper.public(), &self.path("seen")).await
    }
}

#[tokio::test]
async fn the_newest_final_version_that_fits_is_chosen_and_what_comes_is_checked() {
    let shelf = Shelf::new();
    let mut versions: Vec<IndexedVersion> = ["1.0.0", "1.2.0", "1.10.0", "2.0.0-rc.1", "3.0.0", "4.0.0"]
        .map(|v| shelf.put(v, &shelf.author))
        .into();
    versions[4].api = "0.9".into();
    versions[5].yanked = Some("it loses tickets".into());
    shelf.sign(&shelf.file(1, versions));
    let index = shelf.open().await.unwrap();
    let (plugin, version) = index.newest("acme.jira").unwrap();
    assert_eq!(version.version, "1.10.0");
    let (bundle, source) = index.fetch(plugin, version).await.unwrap();
    assert_eq!(bundle.manifest().version, "1.10.0");
    assert!(source.ends_with("jira-1.10.0.plugin"));
    assert_eq!(index.version("acme.jira", "1.2.0").unwrap().1.version, "1.2.0");
    for (version, words) in [("4.0.0", "it loses tickets"), ("9.0.0", "there are: 1.0.0")] {
        let error = index.version("acme.jira", version).unwrap_err();
        assert_eq!(error.code(), "user.not_found");
        assert!(error.to_string().contains(words), "{error}");
    }
    assert_eq!(index.newest("acme.other").unwrap_err().code(), "user.not_found");
}

#[tokio::test]
async fn a_plugin_that_only_newer_hosts_run_says_what_it_needs() {
    let shelf = Shelf::new();
    let mut version = shelf.put("1.0.0", &shelf.author);
    version.api = "0.7".into();
    shelf.sign(&shelf.file(1, vec![version]));
    let error = shelf.open().await.unwrap().newest("acme.jira").unwrap_err();
    assert_eq!(error.code(), "system.newer_format");
    assert!(error.to_string().contains("interface 0.7"), "{error}");
}

#[tokio::test]
async fn an_index_that_nobody_or_somebody_else_has_signed_is_refused() {
    let shelf = Shelf::new();
    shelf.sign(&shelf.file(1, Vec::new()));
    shelf.open().await.unwrap();
    let mut text = std::fs::read(shelf.path("index.json")).unwrap();
    text.push(b' ');
    std::fs::write(shelf.path("index.json"), text).unwrap();
    assert_eq!(shelf.open().await.unwrap_err().code(), "security.forbidden");
    let other = Shelf::new();
    shelf.sign(&shelf.file(1, Vec::new()));
    let place = shelf.path("index.json");
    let error =
        Index::open(place.to_str().unwrap(), other.keeper.public(), &shelf.path("seen")).await.unwrap_err();
    assert_eq!(error.code(), "security.forbidden");
    std::fs::remove_file(shelf.path("index.json.minisig")).unwrap();
    let error = shelf.open().await.unwrap_err();
    assert_eq!(error.code(), "security.forbidden");
    assert!(error.to_string().contains("not signed"), "{error}");
}

#[tokio::test]
async fn an_index_of_yesterday_is_refused_once_that_of_today_was_seen() {
    let shelf = Shelf::new();
    let old = shelf.file(7, Vec::new());
    shelf.sign(&old);
    shelf.open().await.unwrap();
    shelf.sign(&shelf.file(8, Vec::new()));
    shelf.open().await.unwrap();
    shelf.open().await.unwrap();
    shelf.sign(&old);
    let error = shelf.open().await.unwrap_err();
    assert_eq!(error.code(), "security.forbidden");
    assert!(error.to_string().contains("serial 7 after 8"), "{error}");
}

#[tokio::test]
async fn a_file_that_is_not_the_one_of_the_index_is_refused() {
    let shelf = Shelf::new();
    let stranger = SecretKey::make(None).unwrap().0;
    let forged = shelf.put("1.0.0", &stranger);
    let good = shelf.put("2.0.0", &shelf.author);
    let misnamed = IndexedVersion { version: "2.1.0".into(), ..good.clone() };
    let changed = IndexedVersion { version: "3.0.0".into(), sha256: "0".repeat(64), ..good.clone() };
    shelf.sign(&shelf.file(1, vec![forged, good, misnamed, changed]));
    let index = shelf.open().await.unwrap();
    for (version, words) in [("1.0.0", "publisher"), ("2.1.0", "another version"), ("3.0.0", "sha256")] {
        let (plugin, version) = index.version("acme.jira", version).unwrap();
        let error = index.fetch(plugin, version).await.unwrap_err();
        assert_eq!(error.code(), "security.forbidden");
        assert!(error.to_string().contains(words), "{error}");
    }
}

#[tokio::test]
async fn an_index_that_is_none_is_told_apart_from_a_newer_one() {
    let shelf = Shelf::new();
    let good = shelf.file(1, Vec::new());
    let mut newer = good.clone();
    newer.format = 2;
    shelf.sign(&newer);
    assert_eq!(shelf.open().await.unwrap_err().code(), "system.newer_format");
    let mut twice = good;
    twice.plugins.push(twice.plugins[0].clone());
    shelf.sign(&twice);
    assert_eq!(shelf.open().await.unwrap_err().code(), "recovery.damaged");
    let error = Index::open("ftp://example.org/index.json", shelf.keeper.public(), &shelf.path("seen"))
        .await
        .unwrap_err();
    assert_eq!(error.code(), "user.invalid_input", "{error}");
    let error = Index::open("http://example.org/index.json", shelf.keeper.public(), &shelf.path("seen"))
        .await
        .unwrap_err();
    assert_eq!(error.code(), "user.invalid_input", "{error}");
}

#[tokio::test]
async fn an_index_at_an_address_is_read_with_its_signature_and_its_files() {
    let shelf = Shelf::new();
    let version = shelf.put("1.0.0", &shelf.author);
    shelf.sign(&shelf.file(1, vec![version]));
    let address = serve(shelf.folder.path().to_owned()).await;
    let place = format!("{address}/lists/index.json?token=made-up");
    let index = Index::open(&place, shelf.keeper.public(), &shelf.path("seen")).await.unwrap();
    let (plugin, version) = index.newest("acme.jira").unwrap();
    let (bundle, source) = index.fetch(plugin, version).await.unwrap();
    assert_eq!(bundle.manifest().id, "acme.jira");
    assert_eq!(source, format!("{address}/lists/jira-1.0.0.plugin"));
    assert!(!std::fs::read_to_string(shelf.path("seen/index-seen.json")).unwrap().contains("made-up"));
}

/// Serves the files of a folder, wherever they are asked for, on this machine.
async fn serve(folder: PathBuf) -> String {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((mut socket, _)) = listener.accept().await {
            let mut request = Vec::new();
            while !request.windows(4).any(|bytes| bytes == b"\r\n\r\n") {
                let mut piece = [0; 1024];
                let length = socket.read(&mut piece).await.unwrap();
                assert!(length > 0, "the request is whole");
                request.extend_from_slice(&piece[..length]);
            }
            let line = String::from_utf8_lossy(&request);
            let path = line.split(' ').nth(1).unwrap();
            let name = path.split('?').next().unwrap().rsplit('/').next().unwrap();
            let answer = match std::fs::read(folder.join(name)) {
                Ok(bytes) => {
                    let head = format!(
                        "HTTP/1.1 200 OK\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
                        bytes.len()
                    );
                    [head.into_bytes(), bytes].concat()
                }
                Err(_) => {
                    b"HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\nconnection: close\r\n\r\n".to_vec()
                }
            };
            socket.write_all(&answer).await.unwrap();
        }
    });
    format!("http://{address}")
}
