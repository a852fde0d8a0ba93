//! `nexus chat` where there is no terminal. With one, `cargo xtask terminal` drives it.

use std::process::{Command, Stdio};

#[test]
fn without_a_terminal_chat_says_what_to_use_instead() {
    let mut chat = Command::new(env!("CARGO_BIN_EXE_nexus"));
    let output = chat.arg("chat").stdin(Stdio::null()).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert!(said.contains("nexus run") && said.contains("user.unsupported"), "{said}");
    assert!(output.stdout.is_empty());
}

#[test]
fn the_help_of_chat_has_examples() {
    let output = Command::new(env!("CARGO_BIN_EXE_nexus")).args(["chat", "--help"]).output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(said.contains("Examples:") && said.contains("--continue"), "{said}");
}
