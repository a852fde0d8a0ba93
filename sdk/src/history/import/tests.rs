use std::path::{Path, PathBuf};

use nexus_vault::SecretString;
use proptest::prelude::*;
use sha2::{Digest as _, Sha256};

use super::*;
use crate::error::ErrorKind;
use crate::history::export::lines::hex;
use crate::history::sample::{
    any_conversations, history, in_order, message, session, store, text, wait, with_parts,
};
use crate::history::{ExportFormat, ExportOptions, SessionQuery, StoredConversation, StoredSession};
use crate::model::Message;

fn small() -> Vec<(StoredSession, Vec<Message>)> {
    let one = |id: &str| {
        let session = StoredSession { server: "local".into(), session: session(id, "t", "/p", 5), stored: 7 };
        (session, vec![with_parts(id, "m1", vec![text("ключ")]), with_parts(id, "m2", vec![text("b")])])
    };
    vec![one("a"), one("b")]
}

async fn exported(conversations: &[(StoredSession, Vec<Message>)], options: ExportOptions) -> Vec<u8> {
    let (folder, history) = history();
    store(&history, conversations);
    let file = folder.path().join("export");
    let report = history.export(&file, options, |_, _| ()).await.unwrap();
    let bytes = std::fs::read(&file).unwrap();
    assert_eq!(report.bytes, bytes.len() as u64);
    assert_eq!(report.sessions, conversations.len() as u64);
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    }
    bytes
}

/// A history that takes imports, and a file for them.
struct Target {
    folder: tempfile::TempDir,
    history: History,
}

impl Target {
    fn new() -> Self {
        let (folder, history) = history();
        Self { folder, history }
    }

    fn file(&self, bytes: &[u8]) -> PathBuf {
        let file = self.folder.path().join("import");
        std::fs::write(&file, bytes).unwrap();
        file
    }

    async fn import(&self, bytes: &[u8]) -> Result<Imported> {
        self.history.import(&self.file(bytes), ImportOptions::default(), |_, _| ()).await
    }

    async fn all(&self) -> Vec<StoredConversation> {
        all(&self.history).await
    }

    /// Imports something that must be refused, and looks whether the history is as before.
    async fn refused(&self, bytes: &[u8], what: &str) -> crate::Error {
        let error = self.import(bytes).await.expect_err(what);
        let usage = self.history.vault.usage().unwrap();
        assert_eq!((usage.groups, usage.records), (0, 0), "{what}");
        let line = error.to_string();
        assert!(!line.contains('\n') && !line.contains("ключ"), "{what}: {line}");
        error
    }
}

async fn all(history: &History) -> Vec<StoredConversation> {
    let mut all = Vec::new();
    for stored in history.sessions(&SessionQuery::default()).await.unwrap() {
        all.push(history.conversation_of(&stored.server, &stored.session.id).await.unwrap());
    }
    all.sort_by(|a, b| {
        (&a.session.server, &a.session.session.id).cmp(&(&b.session.server, &b.session.session.id))
    });
    all
}

fn same(left: &[StoredConversation], right: &[StoredConversation]) -> bool {
    serde_json::to_value(left).unwrap() == serde_json::to_value(right).unwrap()
}

/// Lines with a head before them and a true end behind them.
fn forged(lines: &[String]) -> Vec<u8> {
    let head = r#"{"type":"head","format":"opencode-nexus-history","version":1,"created":1,"program":"x","redacted":false}"#;
    let mut text = format!("{head}\n");
    lines.iter().for_each(|line| text.push_str(&format!("{line}\n")));
    let count =
        |kind: &str| lines.iter().filter(|line| line.starts_with(&format!("{{\"type\":\"{kind}\""))).count();
    let (sessions, messages) = (count("session"), count("message"));
    let digest = hex(&Sha256::digest(text.as_bytes()));
    let end = format!(r#"{{"type":"end","sessions":{sessions},"messages":{messages},"sha256":"{digest}"}}"#);
    format!("{text}{end}\n").into_bytes()
}

fn session_line(server: &str, id: &str) -> String {
    let session = session(id, "t", "/p", 5);
    serde_json::json!({"type": "session", "server": server, "session": session, "stored": 1}).to_string()
}

fn message_line(session: &str, id: &str) -> String {
    serde_json::json!({"type": "message", "message": message(session, id)}).to_string()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 10, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_was_exported_is_imported_as_it_was(conversations in any_conversations()) {
        wait(async {
            let bytes = exported(&conversations, ExportOptions::default()).await;
            let target = Target::new();
            let first = target.import(&bytes).await.unwrap();
            let messages = conversations.iter().map(|(_, messages)| messages.len() as u64).sum();
            assert_eq!(first, Imported { sessions: conversations.len() as u64, unchanged: 0, messages });
            let mut wanted: Vec<_> = (conversations.iter().cloned())
                .map(|(session, messages)| StoredConversation { session, messages: in_order(messages) })
                .collect();
            wanted.sort_by(|a, b| {
                (&a.session.server, &a.session.session.id).cmp(&(&b.session.server, &b.session.session.id))
            });
            assert!(same(&target.all().await, &wanted));
            let again = target.import(&bytes).await.unwrap();
            assert_eq!(again, Imported { sessions: 0, unchanged: conversations.len() as u64, messages: 0 });
            // What came in goes out as it was.
            let problems = target.history.check(|_, _| ()).await.unwrap().problems;
            assert!(problems.is_empty(), "{problems:?}");
        });
    }
}

#[tokio::test]
async fn a_file_that_is_cut_at_any_byte_is_refused() {
    let bytes = exported(&small(), ExportOptions::default()).await;
    let target = Target::new();
    for cut in 0..bytes.len() {
        let error = target.refused(&bytes[..cut], &format!("cut at {cut}")).await;
        assert!(matches!(error.kind(), ErrorKind::Damaged | ErrorKind::InvalidInput), "{error}");
    }
    target.import(&bytes).await.unwrap();
}

#[tokio::test]
async fn a_line_that_is_missing_doubled_or_moved_is_noticed() {
    let bytes = exported(&small(), ExportOptions::default()).await;
    let whole = String::from_utf8(bytes).unwrap();
    let lines: Vec<&str> = whole.lines().collect();
    let target = Target::new();
    let joined = |lines: &[&str]| format!("{}\n", lines.join("\n")).into_bytes();
    for at in 0..lines.len() {
        let mut missing = lines.clone();
        missing.remove(at);
        target.refused(&joined(&missing), &format!("without line {at}")).await;
        let mut doubled = lines.clone();
        doubled.insert(at, lines[at]);
        target.refused(&joined(&doubled), &format!("line {at} twice")).await;
        for other in at + 1..lines.len() {
            let mut moved = lines.clone();
            moved.swap(at, other);
            target.refused(&joined(&moved), &format!("lines {at} and {other}")).await;
        }
    }
    let mut more = whole.clone().into_bytes();
    more.extend_from_slice(b"\n");
    target.refused(&more, "an empty line behind the end").await;
    target.refused(whole.replace('\n', "\r\n").as_bytes(), "other line ends").await;
}

#[tokio::test]
async fn a_byte_that_was_changed_is_noticed() {
    let bytes = exported(&small(), ExportOptions::default()).await;
    let target = Target::new();
    for at in 0..bytes.len() {
        let mut changed = bytes.clone();
        changed[at] ^= 1;
        target.refused(&changed, &format!("byte {at}")).await;
    }
}

#[tokio::test]
async fn files_with_a_true_checksum_are_still_looked_at() {
    let target = Target::new();
    let (session, message) = (session_line("local", "a"), message_line("a", "m"));
    let deep = |levels: usize| {
        let nested = format!("{}{}", "[".repeat(levels), "]".repeat(levels));
        message.replace("\"ls -l\"", &nested)
    };
    for (lines, what) in [
        (vec![message.clone()], "a message before any session"),
        (vec![session.clone(), message_line("b", "m")], "a message of another session"),
        (vec![session.clone(), session.clone()], "a session twice"),
        (vec![session.clone(), message.clone(), message.clone()], "a message twice"),
        (vec![session_line("lo\ncal", "a")], "a server of two lines"),
        (vec![session_line("local", "a\nb")], "a session of two lines"),
        (vec![session_line("local", "")], "a session without a name"),
        (vec![session_line("", "a")], "a server without a name"),
        (vec![session_line("local", &"x".repeat(2000))], "a name that is too long"),
        (vec![session.clone(), message_line("a", "m\u{0}")], "a message with a zero in its name"),
        (vec![session.clone(), deep(500)], "too deep"),
        (vec![session.clone(), deep(100_000)], "far too deep"),
        (vec![session.clone(), message.replace("2000", "-1")], "a time before time"),
        (vec![session.clone(), message.replace("\"parts\":[", "\"parts\":[7,")], "a part that is a number"),
        (vec![session.clone(), message.replace("\"cost\":1.0", "\"cost\":1e999")], "a cost without end"),
        (vec![session.replace("\"session\",", "\"sessions\",")], "an unknown line"),
        (vec![String::new()], "an empty line"),
        (vec!["null".into()], "null"),
    ] {
        let error = target.refused(&forged(&lines), what).await;
        assert_eq!(error.kind(), ErrorKind::Damaged, "{what}: {error}");
    }
    for path in ["../../etc/passwd", "C:\\x", ".", "a/b"] {
        let imported =
            target.import(&forged(&[session_line(path, path), message_line(path, path)])).await.unwrap();
        assert_eq!((imported.sessions, imported.messages), (1, 1), "{path}");
    }
    assert_eq!(std::fs::read_dir(target.folder.path()).unwrap().count(), 2);
    target.import(&forged(&[session, deep(120)])).await.unwrap();
}

#[tokio::test]
async fn what_is_no_export_is_told_apart() {
    let target = Target::new();
    let markdown = ExportOptions { format: ExportFormat::Markdown, ..ExportOptions::default() };
    for bytes in
        [&b""[..], b"\n", b"{}\n", b"\xff\xfe", b"SQLite format 3\0", &exported(&small(), markdown).await]
    {
        assert_eq!(target.refused(bytes, "foreign").await.kind(), ErrorKind::InvalidInput);
    }
    let newer = String::from_utf8(forged(&[])).unwrap().replace("\"version\":1", "\"version\":2");
    assert_eq!(target.refused(newer.as_bytes(), "newer").await.kind(), ErrorKind::NewerFormat);
    let long = [exported(&[], ExportOptions::default()).await, vec![b'x'; 65 << 20]].concat();
    assert_eq!(target.refused(&long, "a line that is too long").await.kind(), ErrorKind::Damaged);
    let import = |path: PathBuf| async move {
        target.history.import(&path, ImportOptions::default(), |_, _| ()).await
    };
    let nowhere = Path::new("/nowhere/at/all").to_owned();
    assert_eq!(import(nowhere).await.unwrap_err().kind(), ErrorKind::NotFound);
}

#[tokio::test]
async fn what_is_newer_here_stays_and_what_is_older_is_replaced_as_a_whole() {
    let bytes = exported(&small(), ExportOptions::default()).await;
    let target = Target::new();
    let mut here = small();
    here[0].0.session.updated = 6;
    here[0].1[0].parts.clear();
    here[1].0.session.updated = 4;
    here[1].1.push(with_parts("b", "m9", vec![text("goes")]));
    store(&target.history, &here);
    let dry = ImportOptions { dry_run: true, ..ImportOptions::default() };
    let planned = target.history.import(&target.file(&bytes), dry, |_, _| ()).await.unwrap();
    assert!(same(&all(&target.history).await[1..], &[conversation(&here[1])]));
    let done = target.import(&bytes).await.unwrap();
    assert_eq!(done, Imported { sessions: 1, unchanged: 1, messages: 2 });
    assert_eq!(planned, done);
    assert!(same(&target.all().await, &[conversation(&here[0]), conversation(&small()[1])]));
    // The same session with more in it is newer.
    let mut more = small();
    more[1].1.push(with_parts("b", "m3", vec![text("more")]));
    let done = target.import(&exported(&more, ExportOptions::default()).await).await.unwrap();
    assert_eq!(done, Imported { sessions: 1, unchanged: 1, messages: 3 });
}

fn conversation((session, messages): &(StoredSession, Vec<Message>)) -> StoredConversation {
    StoredConversation { session: session.clone(), messages: in_order(messages.clone()) }
}

#[tokio::test]
async fn an_archive_opens_with_its_passphrase_alone_and_whole() {
    let secret = |text: &str| Some(SecretString::from(text));
    let options = ExportOptions { passphrase: secret("made up"), ..ExportOptions::default() };
    let bytes = exported(&small(), options).await;
    assert!(!bytes.windows(5).any(|window| window == b"local"));
    let target = Target::new();
    let import = |bytes: Vec<u8>, passphrase: Option<SecretString>| {
        let (file, history) = (target.file(&bytes), target.history.clone());
        async move { history.import(&file, ImportOptions { passphrase, dry_run: false }, |_, _| ()).await }
    };
    let wrong = import(bytes.clone(), secret("another")).await.unwrap_err();
    assert_eq!(wrong.kind(), ErrorKind::WrongPassphrase);
    assert_eq!(import(bytes.clone(), None).await.unwrap_err().kind(), ErrorKind::InvalidInput);
    let plain = exported(&small(), ExportOptions::default()).await;
    assert_eq!(import(plain, secret("made up")).await.unwrap_err().kind(), ErrorKind::InvalidInput);
    for part in 1..8 {
        let at = bytes.len() * part / 8;
        let mut changed = bytes.clone();
        changed[at] ^= 0x40;
        let error = import(changed, secret("made up")).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Damaged, "byte {at}: {error}");
        let error = import(bytes[..at].to_vec(), secret("made up")).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Damaged, "cut at {at}: {error}");
    }
    assert_eq!(target.history.vault.usage().unwrap().groups, 0);
    assert_eq!(import(bytes, secret("made up")).await.unwrap().sessions, 2);
}

#[tokio::test]
async fn secrets_are_hidden_on_request_and_what_is_left_can_be_imported() {
    let key = "sk-ant-api03-madeupmadeupmadeup00";
    let mut conversations = small();
    let mut full = message("a", "m3");
    let secrets =
        serde_json::json!({"command": format!("export KEY={key}"), "env": {"password": "made-up-1"}});
    if let crate::model::PartBody::Tool(call) = &mut full.parts[2].body {
        (call.input, call.output) = (secrets.clone(), Some(key.to_owned()));
        call.metadata = Some(serde_json::json!([key]));
    }
    full.extra.insert("note".into(), key.into());
    conversations[0].1.push(full);
    conversations[0].0.session.title = format!("About {key}");
    let (folder, history) = history();
    store(&history, &conversations);
    for format in [ExportFormat::JsonLines, ExportFormat::Markdown] {
        let file = folder.path().join(format!("{format:?}"));
        let options = ExportOptions { redact: true, format, ..ExportOptions::default() };
        let report = history.export(&file, options, |_, _| ()).await.unwrap();
        assert_eq!(report.redacted, 6);
        let written = std::fs::read_to_string(&file).unwrap();
        assert!(!written.contains(key) && !written.contains("made-up-1"));
        let conflict = history.export(&file, ExportOptions::default(), |_, _| ()).await.unwrap_err();
        assert_eq!(conflict.kind(), ErrorKind::Conflict);
    }
    let target = Target::new();
    let bytes = std::fs::read(folder.path().join("JsonLines")).unwrap();
    assert_eq!(target.import(&bytes).await.unwrap().messages, 5);
    let unknown = ExportOptions { sessions: vec!["z".into()], ..ExportOptions::default() };
    let error = history.export(&folder.path().join("z"), unknown, |_, _| ()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
    assert!(!folder.path().join("z").exists());
}

#[tokio::test]
async fn progress_ends_where_it_said_it_would() {
    let bytes = exported(&small(), ExportOptions::default()).await;
    let target = Target::new();
    let told = std::sync::Arc::new(std::sync::Mutex::new(Vec::new()));
    let tell = {
        let told = told.clone();
        move |done, total| told.lock().unwrap().push((done, total))
    };
    target.history.import(&target.file(&bytes), ImportOptions::default(), tell).await.unwrap();
    let told = told.lock().unwrap();
    let total = bytes.len() as u64 * 2;
    assert_eq!(told.last(), Some(&(total, total)));
    assert!(told.windows(2).all(|pair| pair[0].0 <= pair[1].0));
}

/// A file that ends with an error, as a disk that is taken away.
struct Breaks(std::io::Cursor<Vec<u8>>, u64);

impl std::io::Read for Breaks {
    fn read(&mut self, into: &mut [u8]) -> std::io::Result<usize> {
        let left = self.1.saturating_sub(self.0.position());
        if left == 0 {
            return Err(std::io::Error::other("the disk is gone"));
        }
        let most = into.len().min(usize::try_from(left).unwrap_or(usize::MAX));
        self.0.read(&mut into[..most])
    }
}

#[tokio::test]
async fn whatever_happens_in_the_second_reading_leaves_what_was_here() {
    let large = |id: &str, word: &str| {
        let mut one = small().remove(0);
        one.0.session.id = id.into();
        let body = || text(&word.repeat(3 << 20));
        one.1 = ["m1", "m2", "m3"].map(|message| with_parts(id, message, vec![body()])).to_vec();
        one
    };
    // Several batches have been handed to the database before the end.
    let bytes = exported(&[large("a", "x"), large("b", "y")], ExportOptions::default()).await;
    let others = exported(&[large("a", "x"), large("b", "z")], ExportOptions::default()).await;
    let target = Target::new();
    let mut here = small().remove(1);
    here.0.session.updated = 4;
    store(&target.history, std::slice::from_ref(&here));
    let manifest = || verify::verify(Box::new(std::io::Cursor::new(bytes.clone()))).unwrap();
    let vault = target.history.vault.clone();
    let write = |from: Box<dyn std::io::BufRead + Send>| {
        let (vault, manifest) = (vault.clone(), manifest());
        blocking(move || write::write(&vault, from, manifest))
    };
    for part in 0..12 {
        let breaks = Breaks(std::io::Cursor::new(bytes.clone()), bytes.len() as u64 * part / 12);
        let error = write(Box::new(std::io::BufReader::new(breaks))).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Io, "{error}");
        let cut = bytes[..bytes.len() * part as usize / 12].to_vec();
        assert_eq!(write(Box::new(std::io::Cursor::new(cut))).await.unwrap_err().kind(), ErrorKind::Damaged);
        assert!(same(&target.all().await, &[conversation(&here)]), "{part}");
    }
    let error = write(Box::new(std::io::Cursor::new(others))).await.unwrap_err();
    assert!(
        error.kind() == ErrorKind::Damaged && error.message().contains("while it was imported"),
        "{error}"
    );
    assert!(same(&target.all().await, &[conversation(&here)]));
    assert!(target.history.check(|_, _| ()).await.unwrap().problems.is_empty());
    let done = write(Box::new(std::io::Cursor::new(bytes.clone()))).await.unwrap();
    assert_eq!(done, Imported { sessions: 2, unchanged: 0, messages: 6 });
    assert!(target.history.check(|_, _| ()).await.unwrap().problems.is_empty());
}
