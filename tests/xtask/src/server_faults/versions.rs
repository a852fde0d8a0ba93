//! What can go wrong with versions: while one is installed, and when a new one is no good.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use opencode_nexus::server::PINNED;

use super::context::{said, until};
use super::{Case, Context, Outcome};

/// All of them, in the order in which they run.
pub fn cases() -> Vec<Case> {
    vec![
        Case { name: "the disk is full while a version is installed", run: full_disk },
        Case { name: "a version is installed with a HOME that cannot be written", run: read_only_home },
        Case { name: "nexus is killed while it installs a version", run: killed },
        Case { name: "two install the same version at once", run: two_at_once },
        Case { name: "the archive of a version ends too early", run: cut_archive },
        Case { name: "the binary of an installed version is cut off", run: cut_binary },
        Case { name: "another version is in the archive", run: wrong_version },
        Case { name: "an update ends at its start", run: |context| never_healthy(context, "exit 3") },
        Case { name: "an update hangs at its start", run: |context| never_healthy(context, HANGS) },
    ]
}

const HANGS: &str = "while :; do sleep 1; done";

type Done = Result<Outcome, String>;

/// Where installed versions are.
fn cache(context: &Context) -> PathBuf {
    context.root.join("cache/opencode-nexus/servers")
}

/// What is in that folder, without the locks that stay there.
fn installed(context: &Context) -> Vec<String> {
    let entries = std::fs::read_dir(cache(context)).into_iter().flatten().flatten();
    let names = entries.filter_map(|entry| entry.file_name().into_string().ok());
    names.filter(|name| !name.ends_with(".lock")).collect()
}

/// Installs the real server from its binary.
fn install(context: &Context) -> Command {
    context.nexus(&["server", "install", "--archive", &context.server.display().to_string()])
}

/// A shell between the environment and `nexus`: `before` prepares what the process finds.
fn shell(context: &Context, before: &str, arguments: &[&str]) -> Command {
    let script = format!("{before}\nexec \"$@\"");
    let nexus = context.nexus.display().to_string();
    let all = [&["-c", &script, "nexus-case", &nexus], arguments].concat();
    context.command(Path::new("/bin/sh"), &all)
}

/// The command must have been refused with a code, a hint and nothing left.
fn refused(context: &Context, output: &Output, words: &str) -> Done {
    let told = said(output);
    if output.status.success() || !told.contains(words) || !told.contains("error:") {
        return Err(format!("this is no refusal that says `{words}`: {told}"));
    }
    match installed(context) {
        left if left.is_empty() => Ok(Outcome::Refused(told)),
        left => Err(format!("half of it stays: {left:?}")),
    }
}

/// Installing works (again); takes the version away again, as a person would.
fn recovered(context: &Context) -> Done {
    let output = context.finish(install(context))?;
    if !output.status.success() {
        return Err(format!("installing does not work: {}", said(&output)));
    }
    let listed = context.json(&["server", "list", "--json"])?;
    if listed["versions"][0]["usable"] != true {
        return Err(format!("it is installed and not usable: {listed}"));
    }
    remove(context, PINNED)?;
    match installed(context) {
        left if left.is_empty() => Ok(Outcome::Recovered),
        left => Err(format!("removing leaves {left:?}")),
    }
}

fn remove(context: &Context, version: &str) -> Result<(), String> {
    context.json(&["server", "remove", version, "--json"]).map(drop)
}

/// Whether we may mount something that only one process sees.
fn may_mount() -> bool {
    let mut id = Command::new("id");
    id.arg("-u").output().is_ok_and(|output| output.stdout.trim_ascii() == b"0")
}

/// `nexus` in a view of the files of its own, which `mount` changes; what is in the cache afterwards is told.
fn mounted(context: &Context, mount: &str, arguments: &[&str]) -> Command {
    let servers = "\"$XDG_CACHE_HOME/opencode-nexus/servers\"";
    let script = format!("{mount} || exit 99\n\"$@\"; code=$?\necho left: $(ls -A {servers})\nexit $code");
    let nexus = context.nexus.display().to_string();
    let all = [&["-m", "/bin/sh", "-c", &script, "nexus-case", &nexus], arguments].concat();
    context.command(Path::new("unshare"), &all)
}

/// A disk of 64 MB, or where we may not mount one: a file may not grow beyond 10 MB, which is told in the same way.
fn full_disk(context: &Context) -> Done {
    let archive = context.server.display().to_string();
    let arguments = ["server", "install", "--archive", &archive];
    let full = match may_mount() {
        true => mounted(context, "mount -t tmpfs -o size=64m none \"$XDG_CACHE_HOME\"", &arguments),
        // In blocks of 512 bytes; the signal that comes with it must not end the process, as no disk would send it.
        false => shell(context, "trap '' XFSZ; ulimit -f 20000", &arguments),
    };
    let output = context.finish(full)?;
    let told = said(&output);
    if told.contains(".partial") || told.contains(&format!("left: {PINNED}")) {
        return Err(format!("half of it stays: {told}"));
    }
    refused(context, &output, "no space left")?;
    recovered(context)
}

fn read_only_home(context: &Context) -> Done {
    let home = context.root.join("home");
    let archive = context.server.display().to_string();
    let arguments = ["server", "install", "--archive", &archive];
    let mut command = match may_mount() {
        true => mounted(context, "mount -t tmpfs -o ro none \"$HOME\"", &arguments),
        false => shell(context, "chmod 555 \"$HOME\"", &arguments),
    };
    command.env_remove("XDG_CACHE_HOME").env_remove("XDG_STATE_HOME");
    let output = context.finish(command)?;
    if !may_mount() {
        let open =
            context.finish(context.command(Path::new("chmod"), &["755", &home.display().to_string()]))?;
        if !open.status.success() {
            return Err(said(&open));
        }
    }
    refused(context, &output, "set XDG_CACHE_HOME")?;
    recovered(context)
}

fn killed(context: &Context) -> Done {
    let mut child = install(context).spawn().map_err(|error| error.to_string())?;
    let begun = until(|| installed(context).iter().any(|name| name.ends_with(".partial")).then_some(()));
    child.kill().map_err(|error| error.to_string())?;
    child.wait().map_err(|error| error.to_string())?;
    begun.ok_or("it never began to install")?;
    if installed(context).iter().any(|name| name == PINNED) {
        return Err("it was killed too late to show anything".to_owned());
    }
    recovered(context)
}

fn two_at_once(context: &Context) -> Done {
    let children = [install(context).spawn(), install(context).spawn()];
    for child in children {
        let output = child.and_then(std::process::Child::wait_with_output).map_err(|e| e.to_string())?;
        if !output.status.success() {
            return Err(format!("one of them failed: {}", said(&output)));
        }
    }
    recovered(context)
}

/// An npm package with a script in it that plays OpenCode, as a folder that `tar` packs.
fn pack(context: &Context, script: &str) -> Result<PathBuf, String> {
    let folder = context.root.join("project/package/bin");
    std::fs::create_dir_all(&folder).map_err(|e| e.to_string())?;
    std::fs::write(folder.join("opencode"), script).map_err(|e| e.to_string())?;
    let packed = context.finish(context.command(Path::new("tar"), &["czf", "fake.tgz", "package"]))?;
    match packed.status.success() {
        true => Ok(context.root.join("project/fake.tgz")),
        false => Err(said(&packed)),
    }
}

fn cut_archive(context: &Context) -> Done {
    let archive = pack(context, "#!/bin/sh\necho 99.0.0\n")?;
    let whole = std::fs::read(&archive).map_err(|e| e.to_string())?;
    for length in [0, 9, whole.len() / 2, whole.len() - 1] {
        std::fs::write(&archive, &whole[..length]).map_err(|e| e.to_string())?;
        let output = context.run(&["server", "install", "--archive", "fake.tgz"])?;
        refused(context, &output, "not trusted")?;
    }
    recovered(context)
}

fn cut_binary(context: &Context) -> Done {
    let output = context.finish(install(context))?;
    let binary = cache(context).join(PINNED).join("opencode");
    let file = std::fs::File::options().write(true).open(&binary);
    file.and_then(|file| file.set_len(1000)).map_err(|e| format!("{e}: {}", said(&output)))?;
    let listed = context.json(&["server", "list", "--json"])?;
    if listed["versions"][0]["usable"] != false {
        return Err(format!("nobody sees that it is cut off: {listed}"));
    }
    recovered(context)
}

fn wrong_version(context: &Context) -> Done {
    let archive = context.server.display().to_string();
    let output = context.run(&["server", "install", "99.0.0", "--archive", &archive])?;
    refused(context, &output, "not 99.0.0")
}

/// The version that is used stays; a script plays the new one.
fn never_healthy(context: &Context, serve: &str) -> Done {
    let output = context.finish(install(context))?;
    if !output.status.success() {
        return Err(said(&output));
    }
    let script = format!(
        "#!/bin/sh\nif [ \"$1\" = --version ]; then echo 99.0.0; exit; fi\necho last words\n{serve}\n"
    );
    pack(context, &script)?;
    let output = context.run(&["server", "update", "--archive", "fake.tgz", "--trial-seconds", "3"])?;
    let told = said(&output);
    let right =
        output.status.code() == Some(3) && told.contains("rolled back") && told.contains("last words");
    if !right {
        return Err(format!("it does not say that it was rolled back: {told}"));
    }
    if installed(context) != [PINNED] {
        return Err(format!("installed is now {:?}", installed(context)));
    }
    let listed = context.json(&["server", "list", "--json"])?;
    let used = listed["versions"].as_array().into_iter().flatten().find(|v| v["selected"] == true);
    if used.is_none_or(|v| v["version"] != PINNED) {
        return Err(format!("another version is used now: {listed}"));
    }
    remove(context, PINNED)?;
    Ok(Outcome::Recovered)
}
