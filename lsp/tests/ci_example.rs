//! The example of continuous integration, run as a job runs it: a clean change passes, a bad one fails the job, and the
//! report says why.

mod program;

use std::path::{Path, PathBuf};
use std::process::Stdio;

use opencode_nexus_testkit::scripted::{Action, Behaviour, Conversation as Script};
use opencode_nexus_testkit::server::{TestServer, TestServerOptions};
use program::{Ran, finish, read};
use serde_json::{Value, json};
use tokio::process::Command;

/// A reviewer who knows one mistake: a password in the sources.
fn reviewer() -> Behaviour {
    let finding = json!({"file": "hello.txt", "line": 2, "message": "a password is in the sources"});
    let bad = json!({"summary": "A secret is told.", "high": [finding], "low": []});
    let clean = json!({"summary": "Fine.", "high": [], "low": []});
    let look = Action::tool("bash", json!({"command": "git log -1", "description": "Look at the history"}));
    let leave =
        Action::tool("bash", json!({"command": "curl http://127.0.0.1:9", "description": "Tell others"}));
    Behaviour::new(vec![
        Script::new(
            r"(?s)^Review the change.*\+password=",
            vec![vec![look, leave], vec![Action::text(format!("```json\n{bad}\n```"))]],
        ),
        Script::new("(?s)^Review the change.*\n\\+", vec![vec![Action::text(clean.to_string())]]),
        Script::new("", vec![vec![Action::text("This is no review.")]]),
    ])
}

struct Job {
    server: TestServer,
    summary: PathBuf,
}

impl Job {
    async fn start() -> Self {
        let server = TestServer::start(TestServerOptions::with(reviewer())).await.unwrap();
        let summary = server.directory.join("../summary.md");
        Self { server, summary }
    }

    async fn commit(&self, line: &str) {
        let file = self.server.directory.join("hello.txt");
        std::fs::write(&file, format!("hello\n{line}\n")).unwrap();
        let identity =
            ["-c", "user.name=Test", "-c", "user.email=test@localhost", "-c", "commit.gpgsign=false"];
        let mut git = Command::new("git");
        git.args(identity).args(["commit", "--quiet", "--all", "--message", "Change it"]);
        git.env("GIT_CONFIG_NOSYSTEM", "1").env("GIT_CONFIG_GLOBAL", "/dev/null");
        assert!(git.current_dir(&self.server.directory).status().await.unwrap().success());
    }

    async fn review(&self) -> Ran {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/ci/review.sh");
        let mut job = Command::new("bash");
        job.arg(script).arg("HEAD~1").current_dir(&self.server.directory);
        // As little as a job has.
        job.env_clear().env("PATH", std::env::var_os("PATH").unwrap_or_default()).env("CI", "true");
        job.env("NEXUS", env!("CARGO_BIN_EXE_nexus")).env("NEXUS_URL", &self.server.url);
        job.env("HOME", self.server.directory.join("..")).env("GITHUB_STEP_SUMMARY", &self.summary);
        job.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
        finish(job.spawn().unwrap()).await
    }

    fn findings(&self) -> Value {
        serde_json::from_str(&read(&self.server.directory.join("findings.json"))).unwrap()
    }
}

#[tokio::test]
async fn a_clean_change_passes_and_a_bad_one_fails_the_job() {
    let job = Job::start().await;
    job.commit("a good line").await;
    let ran = job.review().await.ended(0);
    assert!(ran.out.contains("nothing severe"), "{ran:?}");
    assert_eq!(job.findings()["high"], json!([]));
    assert!(read(&job.summary).contains("completed (exit code 0)"));

    job.commit("password=hunter2").await;
    let ran = job.review().await.ended(1);
    assert!(ran.out.contains("::error::the review has findings of severity high"), "{ran:?}");
    assert_eq!(job.findings()["high"][0]["message"], "a password is in the sources");
    let report = read(&job.server.directory.join("review.md"));
    for wanted in [
        "# Review of HEAD~1..HEAD",
        "/high is set (exit code 1)",
        "a password is in the sources",
        "git log -1",
    ] {
        assert!(report.contains(wanted), "{wanted} in {report}");
    }
    assert!(report.contains("## Refused\n\n- `bash:curl http://127.0.0.1:9`"), "{report}");
}

#[tokio::test]
async fn a_job_that_cannot_be_done_fails_as_such() {
    let mut job = Job::start().await;
    job.commit("a good line").await;
    job.server.url = "http://127.0.0.1:9".into();
    let ran = job.review().await.ended(3);
    assert!(ran.out.contains("::error::the review could not be done (exit code 3)"), "{ran:?}");
}
