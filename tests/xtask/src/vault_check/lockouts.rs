//! The counter of failed attempts, in front of processes that die.

use nexus_vault::{ErrorKind, Lockout};
use rand::rngs::StdRng;
use rand::{Rng as _, SeedableRng as _};

use super::process::Worker;
use super::report::{Checked, Report, because, is_kind};

pub fn run(report: &mut Report, seed: u64) {
    report.check_with("every attempt counts, however often the process is killed in it", |report| {
        killed(report, seed)
    });
    report.check("five processes that fail once lock out the sixth", shared);
}

fn killed(report: &mut Report, seed: u64) -> Checked {
    let mut random = StdRng::seed_from_u64(seed);
    for round in 0..10 {
        let folder = tempfile::tempdir().map_err(because("a folder"))?;
        let file = folder.path().join("attempts");
        let mut worker = Worker::start("lockout", &file, &[])?;
        worker.expect("open")?;
        let wanted = random.random_range(0..5);
        for number in 0..wanted {
            worker.expect(&format!("ok {number}"))?;
        }
        std::thread::sleep(std::time::Duration::from_micros(random.random_range(0..3_000)));
        let acknowledged = wanted + worker.kill()?.iter().filter(|line| line.starts_with("ok ")).count();
        let state = Lockout::new(&file, None).state().map_err(because("the counter"))?;
        if (state.failures as usize) < acknowledged {
            report.lost += acknowledged - state.failures as usize;
            return Err(format!("round {round}: {acknowledged} failures, {} counted", state.failures));
        }
        if acknowledged >= 5 && state.wait.is_none() {
            return Err(format!("round {round}: five failures, and no wait"));
        }
    }
    Ok(())
}

fn shared() -> Checked {
    let folder = tempfile::tempdir().map_err(because("a folder"))?;
    let file = folder.path().join("attempts");
    for _ in 0..5 {
        let mut worker = Worker::start("lockout", &file, &[])?;
        worker.expect("open")?;
        // The worker goes on at once; whatever it did is counted.
        worker.line()?;
        worker.kill()?;
    }
    let refused = Lockout::new(&file, None).attempt();
    if let Err(error) = &refused
        && error.wait().is_none()
    {
        return Err(format!("no time to wait: {error}"));
    }
    is_kind(refused.map(drop), ErrorKind::LockedOut)
}
