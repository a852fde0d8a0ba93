//! The examples of this crate do what they say.

#[path = "../examples/broken_network.rs"]
mod broken_network;
#[path = "../examples/other_language.rs"]
mod other_language;
#[path = "../examples/record.rs"]
mod record;

#[test]
fn a_client_behind_a_broken_network_is_told_everything_once() {
    broken_network::main().unwrap();
}

#[test]
fn a_shell_script_is_tested_against_a_real_server() {
    other_language::main().unwrap();
}

#[test]
fn a_recording_replays_to_what_the_server_has() {
    record::main().unwrap();
}
