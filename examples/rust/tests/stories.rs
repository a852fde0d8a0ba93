//! Runs each example against a real server with a scripted model, as a person would.

use std::process::{Command, Output, Stdio};

use opencode_nexus_testkit::scripted::Behaviour;
use opencode_nexus_testkit::server::{TestServer, TestServerOptions};

const MODEL: &str = r#"{"conversations": [
    {"match": "^List", "turns": [[{"tool": "bash", "args": {"command": "ls", "description": "List"}}], [{"text": "One file."}]]},
    {"match": "^Remove", "turns": [[{"tool": "bash", "args": {"command": "rm hello.txt", "description": "Remove"}}], [{"text": "Then not."}]]},
    {"match": "^Review", "turns": [[{"text": "high src/lib.rs:3 a key stands in the code\nlow README.md:1 a | typing mistake"}]]},
    {"match": "", "turns": [[{"text": "You said: {{user}}"}]]}
]}"#;

async fn server() -> TestServer {
    let options = TestServerOptions {
        snapshot: false,
        ..TestServerOptions::with(Behaviour::from_json(MODEL).unwrap())
    };
    TestServer::start(options).await.unwrap()
}

async fn run(server: &TestServer, program: &str, arguments: &[&str]) -> Output {
    let mut command = Command::new(program);
    command.args(arguments).current_dir(&server.directory).stdin(Stdio::null());
    command.env("NEXUS_URL", &server.url).env("NEXUS_CONFIG", server.directory.join("none.toml"));
    let done = tokio::task::spawn_blocking(move || command.output()).await.unwrap();
    done.unwrap()
}

fn said(output: &Output) -> String {
    assert!(
        output.stderr.is_empty() || output.status.code() == Some(1),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8_lossy(&output.stdout).into_owned()
}

#[tokio::test]
async fn a_first_prompt_is_answered() {
    let server = server().await;
    let output = run(&server, env!("CARGO_BIN_EXE_quickstart"), &["Hello"]).await;
    assert_eq!(said(&output), "You said: Hello\n");
}

#[tokio::test]
async fn looking_is_allowed_and_removing_is_not() {
    let server = server().await;
    let output = run(&server, env!("CARGO_BIN_EXE_permissions"), &["List the files"]).await;
    let text = said(&output);
    assert!(text.contains("[bash ls: allowed once]") && text.contains("One file."), "{text}");
    let text = said(&run(&server, env!("CARGO_BIN_EXE_permissions"), &["Remove hello.txt"]).await);
    assert!(text.contains("[bash rm hello.txt: refused]") && text.contains("Then not."), "{text}");
    assert!(server.directory.join("hello.txt").exists());
}

#[tokio::test]
async fn many_files_are_asked_about_and_each_has_its_answer() {
    let server = server().await;
    let names: Vec<String> = (0..9).map(|number| format!("file-{number}.txt")).collect();
    for name in &names {
        std::fs::write(server.directory.join(name), name).unwrap();
    }
    let arguments: Vec<&str> = names.iter().map(String::as_str).collect();
    let output = run(&server, env!("CARGO_BIN_EXE_batch"), &arguments).await;
    assert!(output.status.success());
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    for name in &names {
        assert!(
            text.contains(&format!("{name}: You said: Say in one sentence what {name} is for.")),
            "{text}"
        );
    }
}

#[tokio::test]
async fn a_review_names_its_findings_and_fails_when_one_is_high() {
    let server = server().await;
    std::fs::write(server.directory.join("change.diff"), "+let key = \"made-up\";\n").unwrap();
    let output = run(&server, env!("CARGO_BIN_EXE_review_bot"), &["change.diff", "review.md"]).await;
    assert_eq!(output.status.code(), Some(1), "{}", String::from_utf8_lossy(&output.stderr));
    let report = std::fs::read_to_string(server.directory.join("review.md")).unwrap();
    assert!(report.contains("| high | `src/lib.rs:3` | a key stands in the code |"), "{report}");
    assert!(report.contains("a \\| typing mistake"), "{report}");
}

#[tokio::test]
async fn what_was_said_is_found_again_without_the_server() {
    use opencode_nexus::auth::{AccountName, Accounts, Backend, KdfParameters, Keyring, NewAccount};
    let server = server().await;
    let data = tempfile::tempdir().unwrap();
    let accounts = Accounts::at(data.path(), Keyring::new(Backend::None, "opencode-nexus"));
    let new = NewAccount {
        name: AccountName::new("tester").unwrap(),
        passphrase: "correct horse".to_owned().into(),
        kdf: KdfParameters::default(),
        both: false,
        remember: false,
    };
    accounts.create(new).await.unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_history_search"));
    command
        .args(["--ask", "Tell me about marmalade", "marmalade"])
        .current_dir(&server.directory)
        .stdin(Stdio::null());
    command.env("NEXUS_URL", &server.url).env("NEXUS_CONFIG", server.directory.join("none.toml"));
    command
        .env("NEXUS_DATA_DIR", data.path())
        .env("NEXUS_PASSPHRASE", "correct horse")
        .env("NEXUS_KEYRING", "none");
    let output = tokio::task::spawn_blocking(move || command.output()).await.unwrap().unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{text}{}", String::from_utf8_lossy(&output.stderr));
    assert!(text.contains("marmalade") && text.contains("2 found"), "{text}");
}
