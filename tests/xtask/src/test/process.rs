//! Runs one command of a part: its output goes to a file, is shown when it fails, and a line now and then says that it
//! still runs. Every command has a bound; what does not end in time is ended and has failed.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use super::interrupt;

/// How long one command may take.
const BOUND: Duration = Duration::from_secs(30 * 60);
/// How often a person who waits hears something.
const TICK: Duration = Duration::from_secs(20);
/// The most of a failed command's output that is shown; all of it is in the file.
const SHOWN_LINES: usize = 400;

/// How a command ended, and everything that it said.
pub struct Finished {
    pub success: bool,
    pub output: String,
}

/// Runs a command in `root` to its end. `name` names the file with its output, `target/test-logs/NAME.log`.
pub fn run(root: &Path, name: &str, command: &mut Command) -> Finished {
    match try_run(root, name, command) {
        Ok(finished) => finished,
        Err(why) => {
            println!("   cannot run {}: {why}", command.get_program().to_string_lossy());
            Finished { success: false, output: String::new() }
        }
    }
}

fn try_run(root: &Path, name: &str, command: &mut Command) -> std::io::Result<Finished> {
    let path = log(root, name)?;
    let file = File::create(&path)?;
    println!("   $ {}", shown(command));
    command.current_dir(root).stdin(Stdio::null()).stdout(file.try_clone()?).stderr(file);
    // Its own group: a bound or Ctrl-C reaches the tests' own children as well.
    #[cfg(unix)]
    std::os::unix::process::CommandExt::process_group(command, 0);
    let started = Instant::now();
    let mut next = TICK;
    let mut child = command.spawn()?;
    interrupt::remember(Some(child.id()));
    let status = loop {
        if let Some(status) = child.try_wait()? {
            break Some(status);
        }
        if started.elapsed() > BOUND {
            interrupt::end(child.id());
            // Killed just now, so this does not wait.
            child.wait()?;
            break None;
        }
        if started.elapsed() > next {
            println!("   … {} s: {}", next.as_secs(), last_line(&path));
            next += TICK;
        }
        std::thread::sleep(Duration::from_millis(20));
    };
    interrupt::remember(None);
    let output = String::from_utf8_lossy(&fs::read(&path)?).into_owned();
    let success = status.is_some_and(|status| status.success());
    if !success {
        show(&output, &path);
        match status {
            Some(status) => println!("   {status}"),
            None => println!("   it did not end within {} s", BOUND.as_secs()),
        }
    }
    Ok(Finished { success, output })
}

fn log(root: &Path, name: &str) -> std::io::Result<PathBuf> {
    let folder = root.join("target/test-logs");
    fs::create_dir_all(&folder)?;
    Ok(folder.join(format!("{name}.log")))
}

fn shown(command: &Command) -> String {
    let program = Path::new(command.get_program()).file_name().unwrap_or(command.get_program());
    let words = std::iter::once(program).chain(command.get_args());
    words.map(|word| word.to_string_lossy()).collect::<Vec<_>>().join(" ")
}

fn show(output: &str, path: &Path) {
    let lines: Vec<&str> = output.lines().collect();
    let from = lines.len().saturating_sub(SHOWN_LINES);
    if from > 0 {
        println!("   ({from} lines before are in {})", path.display());
    }
    lines[from..].iter().for_each(|line| println!("   | {line}"));
}

/// The latest thing that a running command said.
fn last_line(path: &Path) -> String {
    let text = fs::read(path).unwrap_or_default();
    let text = String::from_utf8_lossy(&text[text.len().saturating_sub(2_000)..]).into_owned();
    let line =
        text.lines().rev().map(str::trim).find(|line| !line.is_empty()).unwrap_or("(nothing said yet)");
    line.chars().take(100).collect()
}
