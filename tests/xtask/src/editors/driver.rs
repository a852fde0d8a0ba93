//! Runs a driver to its end or to its bound. A driver writes one line of JSON to stdout for each story that it has played:
//! `{"story": "chat in the view", "ok": true, "seconds": 1.5}`, with `why` when it went wrong. What else it writes is shown
//! as it is. Its whole process group is ended when it is over, editor included.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use serde::Deserialize;

/// How many stories were played, and how many of them went wrong.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    pub played: usize,
    pub failed: usize,
}

impl std::ops::AddAssign for Counts {
    fn add_assign(&mut self, other: Self) {
        self.played += other.played;
        self.failed += other.failed;
    }
}

/// A story, as its driver tells of it.
#[derive(Deserialize)]
struct Told {
    story: String,
    ok: bool,
    #[serde(default)]
    seconds: f32,
    #[serde(default)]
    why: String,
}

/// A child with everything that it has started. Dropping it ends them all.
struct Group(Child);

impl Drop for Group {
    fn drop(&mut self) {
        #[cfg(unix)]
        if let Ok(group) = i32::try_from(self.0.id()) {
            // SAFETY: a system call without memory of ours; the child has not been waited for, so the number is its own.
            unsafe { libc::killpg(group, libc::SIGKILL) };
        }
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Runs a driver; `name` is that of the editor. One that ends badly or plays nothing has failed.
pub fn drive(name: &str, command: &mut Command, bound: Duration) -> Result<Counts, String> {
    let program = command.get_program().to_string_lossy().into_owned();
    command.stdin(Stdio::null()).stdout(Stdio::piped());
    #[cfg(unix)]
    std::os::unix::process::CommandExt::process_group(command, 0);
    let child = command.spawn().map_err(|error| format!("cannot run {program}: {error}"))?;
    let mut group = Group(child);
    let output = group.0.stdout.take().ok_or("the driver has no output")?;
    let (lines, said) = channel();
    std::thread::spawn(move || {
        for line in BufReader::new(output).lines().map_while(Result::ok) {
            if lines.send(line).is_err() {
                break;
            }
        }
    });
    let until = Instant::now() + bound;
    let mut counts = Counts::default();
    loop {
        match said.recv_timeout(until.saturating_duration_since(Instant::now())) {
            Ok(line) => counts += told(name, &line),
            Err(RecvTimeoutError::Disconnected) => break,
            Err(RecvTimeoutError::Timeout) => {
                println!("{name}: the driver was not done within {} s", bound.as_secs());
                return Ok(Counts { failed: counts.failed + 1, played: counts.played + 1 });
            }
        }
    }
    let success = ended(&mut group.0, until)?;
    if !success && counts.failed == 0 {
        println!("{name}: the driver ended badly");
        counts += Counts { played: 1, failed: 1 };
    }
    Ok(counts)
}

/// Whether the driver ended well. Its output is closed, so it ends at once, or never.
fn ended(child: &mut Child, until: Instant) -> Result<bool, String> {
    let until = until.min(Instant::now() + Duration::from_secs(10));
    while Instant::now() < until {
        if let Some(status) = child.try_wait().map_err(|error| error.to_string())? {
            return Ok(status.success());
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    Ok(false)
}

fn told(name: &str, line: &str) -> Counts {
    let Ok(told) = serde_json::from_str::<Told>(line) else {
        println!("   {line}");
        return Counts::default();
    };
    if told.ok {
        println!("{name} {} … ok, {:.1} s", told.story, told.seconds);
    } else {
        println!("{name} {} … FAILED, {:.1} s: {}", told.story, told.seconds, told.why);
    }
    Counts { played: 1, failed: usize::from(!told.ok) }
}
