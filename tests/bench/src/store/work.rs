//! The work, and the line that a program prints when it is done.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::time::Instant;

use super::corpus::{COMMON, CONVERSATION, Corpus, Message, RARE, Random};
use crate::memory;

/// Why something did not work.
pub type Failure = Box<dyn std::error::Error>;
/// Result of what can fail.
pub type Done<T = ()> = Result<T, Failure>;

/// Figures by name.
pub type Figures = BTreeMap<&'static str, f64>;

/// How many messages are stored at once at first.
const BULK: usize = 500;
/// How often something small is done; the median is told.
const TIMES: usize = 200;

/// A store that is measured.
pub trait Peer: Sized {
    /// Makes a new one in an empty folder.
    ///
    /// # Errors
    /// What the store says.
    fn create(folder: &Path) -> Done<Self>;

    /// Opens the one that was closed there.
    ///
    /// # Errors
    /// What the store says.
    fn open(folder: &Path) -> Done<Self>;

    /// Stores whole new conversations. Sure against the end of the process.
    ///
    /// # Errors
    /// What the store says.
    fn bulk(&mut self, messages: &[Message]) -> Done;

    /// Adds a message to a conversation; `durable`: sure against the loss of power. `None` when there is no such choice.
    ///
    /// # Errors
    /// What the store says.
    fn append(&mut self, message: &Message, durable: bool) -> Done<Option<()>>;

    /// Reads a conversation and gives the bytes of its texts.
    ///
    /// # Errors
    /// What the store says.
    fn read(&mut self, session: usize) -> Done<usize>;

    /// Looks for a word: at most 20 messages with their texts and a snippet, the best or the newest first. `None` when
    /// the store cannot search.
    ///
    /// # Errors
    /// What the store says.
    fn search(&mut self, word: &str, newest: bool) -> Done<Option<usize>>;

    /// What only this store has to tell, after it was closed.
    ///
    /// # Errors
    /// What the store says.
    fn more(_folder: &Path, _figures: &mut Figures) -> Done {
        Ok(())
    }
}

/// Called as `PROGRAM COUNT FOLDER`: works in a new folder below, which is removed, and prints one line.
///
/// # Errors
/// Wrong arguments, and what the store says.
pub fn run<P: Peer>() -> Done {
    let mut arguments = std::env::args_os().skip(1);
    let count =
        arguments.next().and_then(|count| count.to_str()?.parse().ok()).ok_or("which number of messages?")?;
    let below = PathBuf::from(arguments.next().ok_or("in which folder?")?);
    let folder = below.join(format!("store-{}", std::process::id()));
    std::fs::create_dir_all(&folder)?;
    let done = work::<P>(count, &folder);
    std::fs::remove_dir_all(&folder)?;
    let line: Vec<String> = done?.iter().map(|(name, value)| format!("\"{name}\":{value:.3}")).collect();
    writeln!(std::io::stdout(), "{{{}}}", line.join(","))?;
    Ok(())
}

fn work<P: Peer>(count: usize, folder: &Path) -> Done<Figures> {
    let corpus = Corpus::new(count);
    let mut figures = Figures::from([("count", count as f64), ("empty_kb", memory("VmRSS") as f64)]);
    let store = folder.join("store");
    let mut peer = P::create(&store)?;
    figures.insert("bulk_us", bulk(&mut peer, &corpus, count)?);
    figures.insert("bulk_peak_kb", memory("VmHWM") as f64);
    let mut next = count;
    let mut random = Random(99);
    for (name, durable) in [("append_durable_us", true), ("append_small_us", false)] {
        let mut times = Vec::new();
        for _ in 0..TIMES {
            let mut message = corpus.message(next);
            message.session = random.below(count / CONVERSATION);
            next += 1;
            let start = Instant::now();
            if peer.append(&message, durable)?.is_some() {
                times.push(start.elapsed().as_secs_f64());
            }
        }
        insert(&mut figures, name, times);
    }
    figures.insert("fsync_us", fsync(folder)?);
    drop(peer);
    let start = Instant::now();
    let mut peer = P::open(&store)?;
    figures.insert("open_ms", 1e3 * start.elapsed().as_secs_f64());
    questions(&mut peer, count, &mut figures)?;
    drop(peer);
    P::more(&store, &mut figures)?;
    figures.insert("peak_kb", memory("VmHWM") as f64);
    figures.insert("disk_bytes_per_message", size(&store)? as f64 / next as f64);
    Ok(figures)
}

/// Microseconds for each message. Making the messages is not measured.
fn bulk<P: Peer>(peer: &mut P, corpus: &Corpus, count: usize) -> Done<f64> {
    let mut seconds = 0.0;
    for from in (0..count).step_by(BULK) {
        let messages: Vec<Message> = (from..count.min(from + BULK)).map(|n| corpus.message(n)).collect();
        let start = Instant::now();
        peer.bulk(&messages)?;
        seconds += start.elapsed().as_secs_f64();
    }
    Ok(1e6 * seconds / count as f64)
}

fn questions<P: Peer>(peer: &mut P, count: usize, figures: &mut Figures) -> Done {
    let mut random = Random(5);
    let mut times = Vec::new();
    for _ in 0..TIMES {
        let session = random.below(count / CONVERSATION);
        let start = Instant::now();
        let bytes = peer.read(session)?;
        times.push(start.elapsed().as_secs_f64());
        if bytes < CONVERSATION * 300 {
            return Err(format!("conversation {session} has {bytes} bytes only").into());
        }
    }
    insert(figures, "read_us", times);
    let searches = [
        ("rare_us", RARE, false, 5),
        ("common_relevance_us", COMMON, false, 20),
        ("common_newest_us", COMMON, true, 20),
    ];
    for (name, word, newest, expected) in searches {
        let mut times = Vec::new();
        for _ in 0..TIMES / 5 {
            let start = Instant::now();
            let Some(found) = peer.search(word, newest)? else { break };
            times.push(start.elapsed().as_secs_f64());
            if found != expected {
                return Err(format!("{name}: {found} were found, not {expected}").into());
            }
        }
        insert(figures, name, times);
    }
    Ok(())
}

/// The median in microseconds.
fn insert(figures: &mut Figures, name: &'static str, mut seconds: Vec<f64>) {
    seconds.sort_by(f64::total_cmp);
    if let Some(median) = seconds.get(seconds.len() / 2) {
        figures.insert(name, 1e6 * median);
    }
}

/// What the disk itself takes for 4 KiB at this moment: the swing of durable writes is mostly its.
fn fsync(folder: &Path) -> Done<f64> {
    let mut file = std::fs::File::create(folder.join("fsync"))?;
    let mut times = Vec::new();
    for _ in 0..TIMES {
        let start = Instant::now();
        file.write_all(&[7; 4096])?;
        file.sync_data()?;
        times.push(start.elapsed().as_secs_f64());
    }
    times.sort_by(f64::total_cmp);
    Ok(1e6 * times[times.len() / 2])
}

fn size(folder: &Path) -> Done<u64> {
    let mut bytes = 0;
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        bytes += if entry.file_type()?.is_dir() { size(&entry.path())? } else { entry.metadata()?.len() };
    }
    Ok(bytes)
}
