//! Words that must not be found: they go through the whole path (writes, chunks, search, errors, logs at trace level,
//! `Debug`, backup, archive), and then every file is searched for them.

use std::io::Write as _;
use std::path::{Path, PathBuf};

use nexus_vault::{
    Batch, Durability, Group, Record, SealedWriter, Search, SecretString, TextQuery, Unlock, Vault,
};

use super::process::Worker;
use super::report::{Checked, Report, because};
use super::story::{CHEAP, options, slot};
use super::worker::{recovery_file, wait_for_a_line};

/// Words that nobody else writes. One is of a script that is split by characters, one has accents that the index folds.
const WORDS: &[&str] = &["quokkaberyl", "Zyzzyvaplum", "größenwahnkiesel", "秘密金庫番号"];
/// A label, a name of a group, a name of a record, an entry: none of them may be read either.
const NAMES: &[&str] =
    &["tool=wombatlabel", "ses_numbatgroup", "msg_echidnarecord", "dingoshelf", "bilbyentry"];

/// What is searched for: each word as it is, in lower and upper case, folded as the index does, and in UTF-16.
fn needles() -> Vec<Vec<u8>> {
    let mut all = Vec::new();
    for word in WORDS.iter().chain(NAMES).copied().chain(["grossenwahnkiesel", "großenwahnkiesel"]) {
        // A name has a part that anybody may know in front of it.
        let word = word.rsplit(['=', '_']).next().unwrap_or(word);
        for form in [word.to_owned(), word.to_lowercase(), word.to_uppercase()] {
            all.push(form.encode_utf16().flat_map(u16::to_le_bytes).collect());
            all.push(form.into_bytes());
        }
    }
    all.sort();
    all.dedup();
    all
}

pub fn run(report: &mut Report) {
    let folder = match tempfile::tempdir() {
        Ok(folder) => folder,
        Err(error) => return report.told("words in files", Err(error.to_string())),
    };
    let root = folder.path();
    report.check("positive control: the same search finds the words in a plain file", || control(root));
    report.check_with(
        "no word is in database, log of writes, shared memory, copies, archives, logs or errors",
        |report| {
            let mut worker = Worker::of(worker(root)?)?;
            worker.expect("written")?;
            // While it is open: the log of writes and the shared memory are there now.
            let open = search(report, root)?;
            if !open.iter().any(|file| file.extension().is_some_and(|e| e == "db-wal")) {
                return Err("there is no log of writes to look at".to_owned());
            }
            worker.say("lock")?;
            worker.expect("locked")?;
            search(report, root)?;
            worker.kill()?;
            Ok(())
        },
    );
    report.check_with(
        "no word is left of a removed group or a removed record, and the vault is sound",
        |report| removed(report, root),
    );
}

/// Our worker with everything that it writes in one folder.
fn worker(root: &Path) -> Result<std::process::Command, String> {
    let mut command = super::process::command("plaintext", &root.join("vault"), &[])?;
    let errors = std::fs::File::create(root.join("standard-error")).map_err(because("a file"))?;
    std::fs::create_dir_all(root.join("tmp")).map_err(because("a folder"))?;
    command.env("TMPDIR", root.join("tmp")).env("SQLITE_TMPDIR", root.join("tmp")).stderr(errors);
    Ok(command)
}

fn control(root: &Path) -> Checked {
    let folder = root.join("control");
    std::fs::create_dir_all(&folder).map_err(because("a folder"))?;
    for word in WORDS.iter().chain(NAMES) {
        std::fs::write(folder.join("plain"), format!("before {word} behind")).map_err(because("a file"))?;
        if hits(&folder.join("plain"))? == 0 {
            return Err(format!("{word} is not found"));
        }
    }
    std::fs::remove_dir_all(&folder).map_err(because("removing"))
}

/// Searches every file below; which there were.
fn search(report: &mut Report, root: &Path) -> Result<Vec<PathBuf>, String> {
    let mut files = Vec::new();
    collect(root, &mut files)?;
    for file in &files {
        let found = hits(file)?;
        if found > 0 {
            report.hits += found;
            return Err(format!("{found} words in {}", file.strip_prefix(root).unwrap_or(file).display()));
        }
    }
    Ok(files)
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) -> Checked {
    for entry in std::fs::read_dir(folder).map_err(because("a folder"))? {
        let entry = entry.map_err(because("a folder"))?;
        match entry.file_type().map_err(because("a file"))?.is_dir() {
            true => collect(&entry.path(), files)?,
            false => files.push(entry.path()),
        }
    }
    Ok(())
}

fn hits(file: &Path) -> Result<usize, String> {
    let bytes = std::fs::read(file).map_err(because("a file"))?;
    Ok(count(&bytes))
}

fn count(bytes: &[u8]) -> usize {
    let needles = needles();
    needles.iter().map(|needle| bytes.windows(needle.len()).filter(|window| window == needle).count()).sum()
}

/// What the worker does.
pub fn work(folder: &Path) -> Result<(), String> {
    trace(&folder.with_file_name("trace.log"))?;
    let said = |error: nexus_vault::Error| format!("{error:?}");
    let created = Vault::create(folder, slot(), options()).map_err(said)?;
    std::fs::write(recovery_file(folder), created.recovery.expose()).map_err(because("recovery"))?;
    let vault = created.vault;
    let (group, record, shelf, entry) = (NAMES[1], NAMES[2], NAMES[3], NAMES[4]);
    let text = format!("{} {} {}", WORDS.join(" "), NAMES[0], WORDS.join(" and "));
    let mut batch = Batch::new();
    batch.put_group(Group { name: group.to_owned(), time: 1, payload: text.clone().into_bytes() });
    for number in 0..300 {
        batch.put_record(Record {
            group: group.to_owned(),
            name: format!("{record}{number}"),
            time: number,
            amount: 1.0,
            payload: format!("{number} {text}").into_bytes(),
        });
        batch.append_chunk(group, format!("{record}-open"), text.clone().into_bytes());
    }
    batch.put_entry(shelf, entry, text.clone().into_bytes());
    vault.write(batch, Durability::Power).map_err(said)?;

    let mut told = std::fs::File::create(folder.with_file_name("told")).map_err(because("a file"))?;
    let mut tell = |what: String| writeln!(told, "{what}").map_err(because("a file"));
    for word in WORDS {
        let search = Search { text: TextQuery::parse(word), limit: 5, ..Search::default() };
        let page = vault.search(&search).map_err(said)?;
        if page.hits.len() != 5 {
            return Err(format!("a word is found {} times", page.hits.len()));
        }
    }
    tell(format!("{vault:?} {:?} {:?}", vault.slots(), vault.usage()))?;
    for error in errors(&vault, folder, &text) {
        tell(format!("{error} {error:?} {:?}", error.hint()))?;
    }
    vault.backup(&folder.with_file_name("copy"), &mut |_, _| {}).map_err(said)?;
    let archive = std::fs::File::create(folder.with_file_name("archive")).map_err(because("a file"))?;
    let mut sealed =
        SealedWriter::new(archive, &SecretString::from("another made-up passphrase"), CHEAP).map_err(said)?;
    for _ in 0..3_000 {
        sealed.write_all(text.as_bytes()).map_err(because("the archive"))?;
    }
    sealed.finish().map_err(said)?;
    println!("written");
    wait_for_a_line();
    vault.lock();
    println!("locked");
    wait_for_a_line();
    Ok(())
}

/// Errors of all kinds that are made with the words in hand.
fn errors(vault: &Vault, folder: &Path, text: &str) -> Vec<nexus_vault::Error> {
    let mut all = Vec::new();
    let secret = || SecretString::from(text.to_owned());
    all.extend(Vault::unlock(folder, Unlock::Passphrase(secret()), options()).err());
    all.extend(Vault::unlock(folder, Unlock::Recovery(secret()), options()).err());
    all.extend(Vault::unlock(folder, Unlock::Keyring, options()).err());
    let mut batch = Batch::new();
    batch.append_chunk(text, text, text.as_bytes().to_vec());
    all.extend(vault.write(batch, Durability::Process).err());
    let mut batch = Batch::new();
    let payload = text.repeat(1 + (16 << 20) / text.len()).into_bytes();
    batch.put_record(Record { group: NAMES[1].into(), name: NAMES[2].into(), time: 0, amount: 0.0, payload });
    all.extend(vault.write(batch, Durability::Process).err());
    let archive = nexus_vault::SealedReader::new(text.as_bytes(), &secret());
    all.extend(archive.err());
    all
}

/// Everything that is traced, into a file.
fn trace(file: &Path) -> Result<(), String> {
    let file = std::fs::File::create(file).map_err(because("the trace"))?;
    tracing_subscriber::fmt()
        .with_max_level(tracing_subscriber::filter::LevelFilter::TRACE)
        .with_ansi(false)
        .with_writer(std::sync::Mutex::new(file))
        .try_init()
        .map_err(|error| error.to_string())
}

/// Opens the vault of before with its key and removes what is in it.
fn removed(report: &mut Report, root: &Path) -> Checked {
    let folder = root.join("vault");
    let vault = super::worker::open(&folder).map_err(because("opening"))?;
    let mut batch = Batch::new();
    batch.remove_group(NAMES[1]).remove_entry(NAMES[3], NAMES[4]);
    vault.write(batch, Durability::Power).map_err(because("removing"))?;
    for word in WORDS {
        let search = Search { text: TextQuery::parse(word), ..Search::default() };
        let left = vault.search(&search).map_err(because("searching"))?.hits.len();
        if left > 0 {
            report.hits += left;
            return Err(format!("{left} records are still found"));
        }
    }
    let usage = vault.usage().map_err(because("usage"))?;
    let problems = vault.check(&mut |_, _| {}).map_err(because("checking"))?.problems;
    vault.lock();
    if usage.records + usage.chunks + usage.groups > 0 {
        return Err(format!("something is left: {usage:?}"));
    }
    problems.first().map_or(Ok(()), |problem| Err(problem.clone()))
}
