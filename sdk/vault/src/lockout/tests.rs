//! The counter on disk, with a clock and a mirror of our own.

use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use super::*;

#[derive(Default)]
struct InMemory(Mutex<Option<String>>);

impl Mirror for InMemory {
    fn load(&self) -> Option<String> {
        self.0.lock().expect("mirror").clone()
    }

    fn store(&self, text: &str) {
        *self.0.lock().expect("mirror") = Some(text.to_owned());
    }
}

struct Bench {
    folder: tempfile::TempDir,
    now: Arc<AtomicU64>,
    mirror: Option<Arc<InMemory>>,
}

impl Bench {
    fn new(mirrored: bool) -> Self {
        let folder = tempfile::tempdir().expect("folder");
        let mirror = mirrored.then(|| Arc::new(InMemory::default()));
        Self { folder, now: Arc::new(AtomicU64::new(1_800_000_000_000)), mirror }
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("attempts.json")
    }

    /// As another process would have it.
    fn lockout(&self) -> Lockout {
        let now = self.now.clone();
        Lockout {
            mirror: self.mirror.clone().map(|mirror| mirror as Arc<dyn Mirror>),
            clock: Arc::new(move || now.load(Ordering::Relaxed)),
            ..Lockout::new(&self.path(), None)
        }
    }

    fn pass(&self, seconds: u64) {
        self.now.fetch_add(seconds * 1000, Ordering::Relaxed);
    }

    fn fail(&self, times: usize) {
        for _ in 0..times {
            let _failed = self.lockout().attempt().expect("an attempt");
        }
    }

    fn wait(&self) -> Option<u64> {
        let wait = self.lockout().state().expect("state").wait.map(|wait| wait.as_secs());
        let tried = self.lockout().attempt();
        match (&wait, tried) {
            (None, Ok(attempt)) => attempt.succeeded().expect("reset"),
            (Some(wait), Err(error)) => {
                assert_eq!(error.kind(), ErrorKind::LockedOut);
                assert_eq!(error.wait().map(|wait| wait.as_secs()), Some(*wait));
            }
            (_, other) => panic!("state and attempt differ: {other:?}"),
        }
        wait
    }
}

#[test]
fn an_attempt_counts_before_anybody_knows_how_it_ends() {
    let bench = Bench::new(false);
    for failures in 1..=5 {
        let attempt = bench.lockout().attempt().expect("an attempt");
        assert_eq!(bench.lockout().state().expect("state").failures, failures);
        drop(attempt);
    }
    assert_eq!(bench.wait(), Some(30));
    bench.pass(30);
    assert_eq!(bench.wait(), None);
}

#[test]
fn success_begins_anew() {
    let bench = Bench::new(true);
    bench.fail(4);
    bench.lockout().attempt().expect("the fifth").succeeded().expect("reset");
    assert_eq!(bench.lockout().state().expect("state"), LockoutState { failures: 0, wait: None });
    bench.fail(4);
}

#[test]
fn a_process_that_dies_while_it_counts_gets_no_attempt_for_it() {
    for steps in 0.. {
        let bench = Bench::new(false);
        bench.fail(1);
        let (attempt, died) = files::faults::killed_after(steps, || bench.lockout().attempt());
        let failures = bench.lockout().state().expect("state").failures;
        // Either nothing was tried, or it is on disk.
        assert!(attempt.is_err() || failures == 2, "after {steps} steps");
        assert!(failures == 1 || failures == 2);
        if !died {
            break;
        }
    }
}

#[test]
fn a_missing_file_with_a_mirror_is_locked_and_not_fresh() {
    let bench = Bench::new(true);
    bench.fail(5);
    bench.pass(30);
    bench.fail(1);
    std::fs::remove_file(bench.path()).expect("removed");
    bench.pass(59);
    assert_eq!(bench.wait(), Some(60), "the wait of the mirror, from now on");
    bench.pass(60);
    assert_eq!(bench.wait(), None);
    std::fs::remove_file(bench.path()).expect("removed");
    assert_eq!(bench.wait(), Some(30), "also when nothing was counted");
}

#[test]
fn an_older_file_put_back_does_not_undo_what_the_mirror_has() {
    let bench = Bench::new(true);
    bench.fail(1);
    let before = std::fs::read(bench.path()).expect("file");
    bench.fail(4);
    std::fs::write(bench.path(), before).expect("put back");
    assert_eq!(bench.wait(), Some(30));
}

#[test]
fn whatever_stands_in_the_file_it_is_a_wait_that_ends() {
    let bench = Bench::new(false);
    bench.fail(2);
    let whole = std::fs::read(bench.path()).expect("file");
    let mut spoiled = (0..whole.len()).map(|length| whole[..length].to_vec()).collect::<Vec<_>>();
    spoiled.push(vec![b'x'; LARGEST as usize + 1]);
    spoiled.push(br#"{"format":1,"strikes":4294967295,"recent":[],"last":18446744073709551615}"#.to_vec());
    for bytes in spoiled {
        std::fs::write(bench.path(), &bytes).expect("spoiled");
        let wait = bench.wait().expect("locked");
        assert!(wait <= 3600);
        bench.pass(wait);
        assert_eq!(bench.wait(), None);
    }
}

#[test]
fn a_newer_file_is_left_alone() {
    let bench = Bench::new(false);
    let newer = br#"{"format":2,"anything":"else"}"#;
    std::fs::write(bench.path(), newer).expect("written");
    assert_eq!(bench.lockout().attempt().expect_err("newer").kind(), ErrorKind::Newer);
    assert_eq!(std::fs::read(bench.path()).expect("file"), newer);
}

#[test]
fn a_clock_that_is_set_back_restarts_the_wait() {
    let bench = Bench::new(true);
    bench.fail(5);
    bench.pass(29);
    bench.now.fetch_sub(86_400_000, Ordering::Relaxed);
    assert_eq!(bench.wait(), Some(30));
    bench.pass(29);
    assert_eq!(bench.wait(), Some(1), "it goes on from there");
    bench.pass(1);
    assert_eq!(bench.wait(), None);
}

#[test]
fn many_at_once_have_five_attempts_together() {
    let bench = Bench::new(false);
    let tried = std::thread::scope(|scope| {
        let threads = (0..12).map(|_| scope.spawn(|| bench.lockout().attempt().is_ok())).collect::<Vec<_>>();
        threads.into_iter().map(|thread| thread.join().expect("thread")).filter(|ok| *ok).count()
    });
    assert_eq!(tried, 5);
}
