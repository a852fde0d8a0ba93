//! Repositories as people have them, and as nobody should.

use std::path::Path;
use std::process::Command;

use super::super::tests::Playground;
use super::super::wit::git::Host as _;
use super::super::wit::types::ErrorCode;

const GIT: &str = "git = { reason = \"test\" }";

fn git(folder: &Path, arguments: &[&str]) {
    let output = Command::new("git")
        .args(["-c", "user.name=Änne Test", "-c", "user.email=test@localhost", "-c", "commit.gpgsign=false"])
        .args(["-c", "init.defaultBranch=main"])
        .args(arguments)
        .current_dir(folder)
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .output()
        .expect("git is needed: apt-get install git");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

/// Two commits: `a.txt` with two lines, then another line and `sub/b.txt`.
fn repository() -> Playground {
    let play = Playground::new();
    let folder = play.folder.path();
    git(folder, &["init", "--quiet"]);
    play.write("a.txt", "one\ntwo\n");
    git(folder, &["add", "."]);
    git(folder, &["commit", "--quiet", "--message", "First\n\nWith a body,\nof two lines."]);
    play.write("a.txt", "one\ntwo\nthree\n");
    play.write("sub/b.txt", "b\n");
    git(folder, &["add", "."]);
    git(folder, &["commit", "--quiet", "--message", "Second"]);
    play
}

#[tokio::test]
async fn history_is_told_as_records() {
    let play = repository();
    let mut host = play.state(GIT);
    let all = host.log(None, None, 10).await.unwrap().unwrap();
    assert_eq!(all.len(), 2);
    assert_eq!(all[1].message, "First\n\nWith a body,\nof two lines.");
    assert_eq!((all[0].author.name.as_str(), all[0].author.email.as_str()), ("Änne Test", "test@localhost"));
    assert!(all[0].id.len() == 40 && all[0].time_ms > 1_600_000_000_000);
    let of_path = host.log(Some("main".into()), Some("sub".into()), 10).await.unwrap().unwrap();
    assert_eq!(of_path.len(), 1);
    assert_eq!(host.log(Some("HEAD~1".into()), None, 10).await.unwrap().unwrap().len(), 1);
    assert_eq!(host.log(None, None, 1).await.unwrap().unwrap().len(), 1);

    let lines = host.blame("a.txt".into(), 1, 3).await.unwrap().unwrap();
    let told: Vec<_> =
        lines.iter().map(|line| (line.line, line.text.as_str(), line.author.as_str())).collect();
    assert_eq!(told, [(1, "two", "Änne Test"), (2, "three", "Änne Test")]);
    assert!(lines[0].commit == all[1].id && lines[1].commit == all[0].id);

    let diff = host.diff("HEAD".into(), None).await.unwrap().unwrap();
    assert!(diff.contains("+three") && diff.contains("b/sub/b.txt"), "{diff}");
    let diff = host.diff("HEAD~1..HEAD".into(), Some("sub/b.txt".into())).await.unwrap().unwrap();
    assert!(!diff.contains("+three") && diff.contains("+b"), "{diff}");
    let first = host.diff("HEAD~1".into(), None).await.unwrap().unwrap();
    assert!(first.contains("+one\n+two"), "{first}");
    assert!(play.audited().contains(&("git.blame".into(), "a.txt".into(), true)));
}

#[tokio::test]
async fn without_the_permission_git_is_not_asked() {
    let mut play = repository();
    let mut host = play.state("workspace-read = [{ glob = \"**\", reason = \"test\" }]");
    assert_eq!(host.log(None, None, 1).await.unwrap().unwrap_err().code, ErrorCode::Denied);
    assert_eq!(host.blame("a.txt".into(), 0, 1).await.unwrap().unwrap_err().code, ErrorCode::Denied);
    assert_eq!(host.diff("HEAD".into(), None).await.unwrap().unwrap_err().code, ErrorCode::Denied);
    assert_eq!(play.told().len(), 1);
}

#[tokio::test]
async fn no_name_becomes_an_option_and_no_path_leads_out() {
    let play = repository();
    let mark = play.folder.path().join("written");
    let output = format!("--output={}", mark.display());
    let mut host = play.state(GIT);
    for name in [
        &output,
        "--help",
        "-p",
        "--ext-diff",
        "HEAD --output=x",
        "HEAD\n",
        "",
        "a\0b",
        "@{upstream}",
        "--all",
    ] {
        assert!(host.log(Some(name.to_owned()), None, 9).await.unwrap().is_err(), "{name}");
        assert!(host.diff(name.to_owned(), None).await.unwrap().is_err(), "{name}");
        let range = format!("{}..{name}", "HEAD");
        assert!(name.is_empty() || host.diff(range, None).await.unwrap().is_err(), "{name}");
    }
    for path in ["../x", "/etc/passwd", "a\0", ".git/config", "C:/x", "sub\\b.txt"] {
        assert!(host.log(None, Some(path.into()), 9).await.unwrap().is_err(), "{path}");
        assert!(host.blame(path.into(), 0, 1).await.unwrap().is_err(), "{path}");
        assert!(host.diff("HEAD".into(), Some(path.into())).await.unwrap().is_err(), "{path}");
    }
    // Words that are patterns or options elsewhere are names of files here, and there are none.
    for path in [output.trim_start_matches('/'), "--help", ":(top)a.txt", "*.txt", ":!a.txt"] {
        let path = path.split('/').next().unwrap();
        let found = host.log(None, Some(path.into()), 9).await.unwrap();
        assert!(found.is_err() || found.unwrap().is_empty(), "{path}");
    }
    assert!(!mark.exists());
    assert_eq!(host.blame("none.txt".into(), 0, 1).await.unwrap().unwrap_err().code, ErrorCode::NotFound);
}

#[cfg(unix)]
#[tokio::test]
async fn no_program_that_a_repository_brings_along_is_run() {
    use std::os::unix::fs::PermissionsExt as _;
    let play = repository();
    let folder = play.folder.path();
    let (mark, program) = (folder.join("ran"), folder.join("evil.sh"));
    std::fs::write(&program, format!("#!/bin/sh\ntouch '{}'\ncat\n", mark.display())).unwrap();
    std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).unwrap();
    let evil = program.display().to_string();
    for key in [
        "core.fsmonitor",
        "core.pager",
        "pager.log",
        "pager.diff",
        "pager.blame",
        "diff.external",
        "gpg.program",
        "diff.evil.textconv",
        "diff.evil.command",
        "filter.evil.clean",
        "filter.evil.smudge",
        "core.sshCommand",
    ] {
        git(folder, &["config", key, &evil]);
    }
    git(folder, &["config", "filter.evil.required", "true"]);
    git(folder, &["config", "log.showSignature", "true"]);
    std::fs::write(folder.join(".git/info/attributes"), "*.txt diff=evil filter=evil\n").unwrap();
    std::fs::create_dir_all(folder.join(".git/hooks")).unwrap();
    play.write("a.txt", "one\ntwo\nchanged\n");
    let mut host = play.state(GIT);
    host.log(None, Some("a.txt".into()), 9).await.unwrap().unwrap();
    host.diff("HEAD~1..HEAD".into(), None).await.unwrap().unwrap();
    host.diff("HEAD".into(), None).await.unwrap().unwrap();
    let lines = host.blame("a.txt".into(), 0, 3).await.unwrap().unwrap();
    assert_eq!(lines.len(), 3);
    assert!(!mark.exists());
    // The same with what git does by itself, or the test would show nothing.
    git(folder, &["blame", "a.txt"]);
    assert!(mark.exists());
}

#[tokio::test]
async fn what_git_says_is_cut_at_a_line() {
    let play = repository();
    play.write("large.txt", &"a line of some length\n".repeat(100_000));
    git(play.folder.path(), &["add", "."]);
    git(play.folder.path(), &["commit", "--quiet", "--message", "Large"]);
    let diff = play.state(GIT).diff("HEAD".into(), None).await.unwrap().unwrap();
    assert!(diff.len() <= 1024 * 1024 && diff.len() > 1000 * 1024 && diff.ends_with("length\n"));
}

#[tokio::test]
async fn where_there_is_no_repository_it_is_said() {
    let play = Playground::new();
    let error = play.state(GIT).log(None, None, 9).await.unwrap().unwrap_err();
    assert!(!matches!(error.code, ErrorCode::Internal | ErrorCode::Denied), "{error:?}");
}
