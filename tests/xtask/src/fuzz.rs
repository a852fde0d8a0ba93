//! `cargo xtask fuzz [TARGET]`: what reads bytes from outside, under libFuzzer, on the stable compiler.
//!
//! The targets are a crate of their own (`tests/fuzz`), built in the folder of the tests and from the same libraries. Only the
//! crates of this workspace are instrumented: cargo lets a program stand before the compiler of exactly these
//! (`tests/fuzz/instrument`). The instrumentation is that of LLVM's sanitizer coverage, asked for by plain code generation flags,
//! so neither a nightly compiler nor another tool is needed. What libFuzzer finds interesting stays in `target/fuzz-corpus` and is
//! where the next run begins.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use opencode_nexus_testkit::cases;

use crate::cargo::Built;

/// The names of all targets.
pub const TARGETS: &[&str] = &["sse", "event", "error", "stored", "mention"];

/// The largest input; a parser's mistakes fit into this.
const LARGEST: usize = 16 * 1024;

#[derive(clap::Args)]
pub struct Arguments {
    /// The target; every one when none is named.
    #[arg(value_parser = clap::builder::PossibleValuesParser::new(TARGETS))]
    target: Option<String>,
    /// How long each target runs.
    #[arg(long, default_value_t = 30)]
    seconds: u64,
}

/// Builds the targets and runs them one after the other.
pub fn run(root: &Path, arguments: &Arguments) -> Result<(), String> {
    let programs = build(root)?;
    let chosen = TARGETS.iter().filter(|name| arguments.target.as_ref().is_none_or(|wanted| wanted == *name));
    let mut crashed = Vec::new();
    for name in chosen {
        if let Err(why) = attack(root, &programs, name, arguments.seconds) {
            eprintln!("{why}");
            crashed.push(*name);
        }
    }
    if crashed.is_empty() { Ok(()) } else { Err(format!("fuzz: {} failed", crashed.join(", "))) }
}

/// Builds all targets, with everything else of the workspace chosen as the tests choose it, so that their libraries serve.
fn build(root: &Path) -> Result<Built, String> {
    println!("building the targets with instrumentation");
    let instrument = root.join("tests/fuzz/instrument");
    let programs: Vec<String> = TARGETS.iter().map(|name| program(name)).collect();
    let mut arguments = vec!["build", "--workspace", "--features", "opencode-nexus-fuzz/targets"];
    // Generated code by the ten thousand lines, of which a target calls little: optimising it takes longer than fuzzing.
    arguments.extend(["--config", "profile.dev.package.opencode-api.opt-level = 0"]);
    arguments.extend(programs.iter().flat_map(|name| ["--bin", name]));
    let set = [("RUSTC_WORKSPACE_WRAPPER", instrument.as_os_str()), ("CARGO_INCREMENTAL", OsStr::new("0"))];
    Built::with_env(root, &arguments, &set)
        .map_err(|error| format!("{error} (the fuzz targets need a C++ compiler: apt-get install -y g++)"))
}

/// The executable of a target.
fn program(target: &str) -> String {
    format!("fuzz-{target}")
}

fn attack(root: &Path, programs: &Built, name: &str, seconds: u64) -> Result<(), String> {
    let fail = |error: std::io::Error| format!("fuzz {name}: {error}");
    let corpus = root.join("target/fuzz-corpus").join(name);
    let seeds = root.join("target/fuzz-seeds").join(name);
    let crashes = root.join("target/fuzz-crashes").join(name);
    for folder in [&corpus, &seeds, &crashes] {
        fs::create_dir_all(folder).map_err(fail)?;
    }
    let count = write_seeds(name, &seeds).map_err(fail)?;
    println!("{name}: {count} seeds, {seconds} s");
    let before = files(&crashes);
    let program = programs.executable(&program(name))?;
    let mut command = Command::new(&program);
    command.arg(format!("-max_total_time={seconds}")).arg(format!("-max_len={LARGEST}"));
    command.args(["-timeout=10", "-rss_limit_mb=2048", "-print_final_stats=1", "-verbosity=0"]);
    command.arg(format!("-artifact_prefix={}/", crashes.display())).arg(&corpus).arg(&seeds);
    let status = command.status().map_err(fail)?;
    if status.success() {
        return Ok(());
    }
    let found: Vec<String> = files(&crashes)
        .into_iter()
        .filter(|path| !before.contains(path))
        .map(|path| path.display().to_string())
        .collect();
    Err(format!(
        "fuzz {name}: {status}; the input that did it: {}\n  again: {} INPUT",
        if found.is_empty() { "none was written".to_owned() } else { found.join(", ") },
        program.display()
    ))
}

fn files(folder: &Path) -> Vec<PathBuf> {
    fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path()).collect()
}

/// Recorded traffic in the form that a target reads; equal shapes once, because libFuzzer has no use for the same twice.
fn write_seeds(name: &str, folder: &Path) -> std::io::Result<usize> {
    let mut seeds: Vec<Vec<u8>> = Vec::new();
    for case in cases::v1()? {
        match name {
            "sse" => {
                let piece = &case.stream[..case.stream.len().min(LARGEST / 4)];
                // No limit to speak of, four cuts.
                let head = [255, 4, 7, 0, 100, 0, 1, 1, 200, 3];
                seeds.push([&head[..], piece].concat());
            }
            "event" => {
                let text = String::from_utf8_lossy(&case.stream).into_owned();
                let frames: Vec<&str> = text.lines().filter_map(|line| line.strip_prefix("data: ")).collect();
                let mut kinds = std::collections::BTreeSet::new();
                seeds.extend(frames.iter().filter(|f| kinds.insert(kind(f))).map(|f| f.as_bytes().to_vec()));
                seeds.push(frames.join("\n").into_bytes().into_iter().take(LARGEST).collect());
            }
            _ => {}
        }
    }
    if name == "event" {
        for extra in ["extra/global-event.sse", "extra/api-event.sse"] {
            let text = String::from_utf8_lossy(&cases::read(extra)?).into_owned();
            seeds.extend(
                text.lines()
                    .filter_map(|line| line.strip_prefix("data: "))
                    .take(40)
                    .map(|f| f.as_bytes().to_vec()),
            );
        }
    }
    if name == "error" {
        seeds.extend(ERRORS.iter().map(|(status, kind, body)| {
            let status: u16 = *status;
            [&status.to_le_bytes()[..], &[*kind], body.as_bytes()].concat()
        }));
    }
    if name == "stored" {
        let frozen = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../sdk/vault/tests/frozen");
        seeds.push([&[0][..], &fs::read(frozen.join("keys-1.json"))?].concat());
        seeds.extend(STORED.iter().map(|(kind, text)| [&[*kind][..], text.as_bytes()].concat()));
    }
    if name == "mention" {
        seeds.extend(PROMPTS.iter().map(|text| text.as_bytes().to_vec()));
    }
    for (number, seed) in seeds.iter().enumerate() {
        fs::write(folder.join(format!("seed-{number:04}")), seed)?;
    }
    Ok(seeds.len())
}

fn kind(frame: &str) -> Option<String> {
    opencode_api::EventHead::parse(frame.as_bytes()).ok().map(|head| head.kind.into_owned())
}

/// Status, number of the content type (as the target counts them) and body: each shape that servers use.
const ERRORS: &[(u16, u8, &str)] = &[
    (404, 1, r#"{"name":"NotFoundError","data":{"message":"Session not found: ses_1"}}"#),
    (400, 1, r#"{"_tag":"BadRequest"}"#),
    (409, 1, r#"{"_tag":"SessionBusyError","message":"busy"}"#),
    (400, 1, r#"{"data":{"kind":"Body"},"_tag":"InvalidRequestError"}"#),
    (401, 0, ""),
    (500, 3, "Internal Server Error"),
    (200, 2, "<!doctype html><html><body></body></html>"),
    (200, 1, r#"[{"info":{"id":"msg_1","role":"user","sessionID":"ses_1"},"parts":[]}]"#),
    (502, 5, r#"{"error":{"message":"upstream"}}"#),
];

/// Kind (as the target counts them) and text.
const STORED: &[(u8, &str)] = &[
    (2, "0123-4567-89AB-CDEF-GHJK-MNPQ-RSTV-WXYZ-0123-4567-89AB-CDEF-GHJK-MNPQ"),
    (4, "\"retry budget\" jitter* -without 日本語\nThe retry budget has jitter; 日本語 and Über-cafés"),
    (5, "token = \"ghp_0123456789abcdefghijABCDEFGHIJ012345\" https://user:secret@example.org -----BEGIN"),
];

/// Prompts with mentions of every form, and with what looks like one.
const PROMPTS: &[&str] = &[
    "Look at @src/lib.rs, @file:\"a b.rs\"#L3-9 and @git-diff.",
    "@symbol:Parser::parse @diagnostics @selection @url:http://127.0.0.1:8080/x?a=b#c (@folder:src/)",
    "me@example.org `@no` \\@no\n```\n@no\n```\n@output:\"an \\\"odd\\\" name.log\"\t@session:ses_1@build é@ü 😀@😀",
];
