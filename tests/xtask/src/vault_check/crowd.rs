//! Eight processes that write at once, without any order among them.

use nexus_vault::Vault;

use super::process::Worker;
use super::report::{Checked, Report, because};
use super::story::{options, slot};
use super::worker::{open, recovery_file};

const PROCESSES: usize = 8;
/// How many batches each writes.
const EACH: usize = 60;

pub fn run(report: &mut Report) {
    report.check_with("8 processes write at once, and everything of each is there", together);
    report.check("a change of the master key is refused while the vault is open elsewhere", busy);
}

fn together(report: &mut Report) -> Checked {
    let folder = tempfile::tempdir().map_err(because("a folder"))?;
    let folder = folder.path().join("vault");
    let created = Vault::create(&folder, slot(), options()).map_err(because("creating"))?;
    std::fs::write(recovery_file(&folder), created.recovery.expose()).map_err(because("recovery"))?;
    let mut workers = Vec::new();
    for me in 0..PROCESSES {
        workers.push(Worker::start("crowd", &folder, &[&me.to_string(), &EACH.to_string()])?);
    }
    for worker in &mut workers {
        worker.expect("open")?;
    }
    for worker in &mut workers {
        worker.say("begin")?;
    }
    let mut acknowledged = Vec::new();
    for worker in workers {
        let (lines, well) = worker.finish()?;
        if !well || lines.len() != EACH {
            return Err(format!("a process wrote {} of {EACH} and ended {well}", lines.len()));
        }
        acknowledged.push(lines.len());
    }
    let vault = &created.vault;
    let names = |group: &str| -> Result<Vec<String>, String> {
        let content = vault.read_group(group).map_err(because("reading"))?;
        Ok(content.map(|content| content.records.into_iter().map(|r| r.name).collect()).unwrap_or_default())
    };
    let all = names("all")?;
    for (me, count) in acknowledged.iter().enumerate() {
        let expected: Vec<String> = (0..*count).map(|n| format!("{me}-{n:05}")).collect();
        let mine = names(&format!("own-{me}"))?;
        report.lost += expected.iter().filter(|name| !mine.contains(name) || !all.contains(name)).count();
    }
    if report.lost > 0 || all.len() != PROCESSES * EACH {
        return Err(format!("{} of {} are there", all.len(), PROCESSES * EACH));
    }
    let problems = vault.check(&mut |_, _| {}).map_err(because("checking"))?.problems;
    problems.first().map_or(Ok(()), |problem| Err(problem.clone()))
}

fn busy() -> Checked {
    let folder = tempfile::tempdir().map_err(because("a folder"))?;
    let folder = folder.path().join("vault");
    let created = Vault::create(&folder, slot(), options()).map_err(because("creating"))?;
    std::fs::write(recovery_file(&folder), created.recovery.expose()).map_err(because("recovery"))?;
    created.vault.lock();
    let mut elsewhere = Worker::start("append", &folder, &["1", "0"])?;
    elsewhere.expect("open")?;
    let rekeyed = Vault::rekey(&folder, super::story::with_passphrase(), options(), &mut |_, _| {});
    super::report::is_kind(rekeyed, nexus_vault::ErrorKind::Busy)?;
    elsewhere.kill()?;
    open(&folder).map(drop).map_err(because("opening"))
}
