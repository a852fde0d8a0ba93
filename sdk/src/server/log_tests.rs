//! Lines that real servers have printed, and lines that nobody prints.

use proptest::prelude::*;
use serde_json::json;

use super::*;

#[test]
fn lines_of_1_18_and_of_opencode_2_become_records() {
    let line = r#"timestamp=2026-11-25T20:56:07.604Z level=WARN run=ef078ed3 message="hi \"there\"\nline" a=1 s="x y" o.b=[1]"#;
    let record = LogRecord::parse(line);
    assert_eq!(record.time.as_deref(), Some("2026-11-25T20:56:07.604Z"));
    assert_eq!((record.level, record.message.as_str()), (LogLevel::Warn, "hi \"there\"\nline"));
    assert_eq!(Value::Object(record.fields), json!({"run": "ef078ed3", "a": "1", "s": "x y", "o.b": "[1]"}));
    let line = r#"timestamp=2026-11-25T21:02:15.868Z level=INFO run=f48eb673 message="cli starting" version=2.0.14-shuv.1 channel=latest local=false args="[\"serve\",\"--port\"]" role=cli"#;
    let record = LogRecord::parse(line);
    assert_eq!(record.message, "cli starting");
    assert_eq!(record.fields["args"], r#"["serve","--port"]"#);
    assert_eq!(record.fields["role"], "cli");
}

#[test]
fn lines_of_1_14_become_records() {
    let line = "INFO  2026-11-25T20:56:12 +2ms service=db path=/x/opencode.db opening database";
    let record = LogRecord::parse(line);
    assert_eq!(record.service.as_deref(), Some("db"));
    assert_eq!(
        (record.message.as_str(), record.fields["path"].as_str()),
        ("opening database", Some("/x/opencode.db"))
    );
    let record = LogRecord::parse(
        r#"WARN  2026-11-25T20:56:14 +1262ms service=nexus a=1 s=x y o={"b":[1]} hi "there""#,
    );
    assert_eq!((record.level, record.message.as_str()), (LogLevel::Warn, r#"y o={"b":[1]} hi "there""#));
}

#[test]
fn lines_of_our_own_become_records() {
    let record = LogRecord::parse("2026-11-25T20:56:12.123456Z  WARN opencode_nexus::server: it ended: why");
    assert_eq!((record.level, record.message.as_str()), (LogLevel::Warn, "it ended: why"));
    assert_eq!(record.service.as_deref(), Some("opencode_nexus::server"));
}

#[test]
fn words_without_a_form_are_a_message() {
    for line in [
        "Performing one time database migration, may take a few minutes...",
        "opencode server listening on http://127.0.0.1:7",
        "INFO",
        "INFO that is all",
        "timestamp",
        "",
    ] {
        let record = LogRecord::parse(line);
        assert_eq!((record.level, record.message.as_str(), record.time), (LogLevel::Info, line, None));
    }
    assert_eq!(LogRecord::parse("timestamp=x level=INFO message=\"cut").message, "message=\"cut");
}

proptest! {
    #[test]
    fn no_line_is_lost_or_makes_the_parser_fail(line in "(timestamp=|INFO  2026-01-01T0 \\+1ms )?[ -~é\"=]{0,80}") {
        let record = LogRecord::parse(&line);
        // Every word of the line is in the record, in one place or another.
        let all = serde_json::to_string(&record).unwrap();
        for word in line.split(|c: char| !c.is_ascii_alphanumeric()).filter(|w| w.len() > 3) {
            let known = ["timestamp", "level", "message", "service", "INFO"].contains(&word);
            // A name that comes twice has one value.
            prop_assert!(known || all.contains(word) || line.matches('=').count() > 1, "{word} of {line} in {all}");
        }
    }
}
