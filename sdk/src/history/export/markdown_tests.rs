use proptest::prelude::*;
use pulldown_cmark::{Event, HeadingLevel, Parser, Tag, TagEnd};

use super::*;
use crate::history::StoredSession;
use crate::history::sample::{message, session, text, with_parts};

fn shown(messages: Vec<Message>) -> String {
    let session = session("ses_1", "A *title*\n# twice", "/home/me", 86_400_000);
    let session = StoredSession { server: "local".into(), session, stored: 1 };
    let mut out = Vec::new();
    write(&mut out, &StoredConversation { session, messages }, true).unwrap();
    String::from_utf8(out).unwrap()
}

/// Headings of the second level that stand in nothing else, as a reader of Markdown sees them.
fn headings(markdown: &str) -> Vec<String> {
    let (mut depth, mut inside, mut found) = (0_usize, None::<String>, Vec::new());
    for event in Parser::new(markdown) {
        match event {
            Event::Start(Tag::Heading { level: HeadingLevel::H2, .. }) if depth == 0 => {
                inside = Some(String::new())
            }
            Event::End(TagEnd::Heading(HeadingLevel::H2)) => found.extend(inside.take()),
            Event::Start(Tag::BlockQuote(_) | Tag::List(_)) => depth += 1,
            Event::End(TagEnd::BlockQuote(_) | TagEnd::List(_)) => depth -= 1,
            Event::Text(text) | Event::Code(text) => {
                inside.iter_mut().for_each(|heading| heading.push_str(&text));
            }
            _ => {}
        }
    }
    found
}

#[test]
fn a_conversation_that_is_kept_nowhere_reads_the_same_without_its_server() {
    let messages = vec![with_parts("ses_1", "msg_0", vec![text("Hello")])];
    let stored = shown(messages.clone());
    let here = markdown(&session("ses_1", "A *title*\n# twice", "/home/me", 86_400_000), &messages);
    assert_eq!(here, stored.replace("- **Server:** `local`\n", ""));
    assert_ne!(here, stored);
}

#[test]
fn a_conversation_reads_well() {
    let mut prompt = with_parts("ses_1", "msg_0", vec![text("What is in here?\n\n```sh\nls\n```")]);
    prompt.role = Role::User;
    let mut answer = message("ses_1", "msg_1");
    answer.parts.truncate(5);
    let wanted = r#"# A &#42;title&#42; &#35; twice

- **Folder:** `/home/me`
- **Server:** `local`
- **Session:** `ses_1`
- **Time:** 1970-01-01 00:00 UTC to 1970-01-02 00:00 UTC
- **Cost:** $2.0000

## You · 1970-01-01 00:00 UTC

What is in here?

```sh
ls
```

## Agent build · 1970-01-01 00:00 UTC · openrouter/anthropic/Claude

a text

<details>
<summary>Thinking</summary>

a thought

</details>

<details>
<summary>bash · a call · error</summary>

```json
{
  "command": "ls -l",
  "more": [
    {
      "x": "deep",
      "n": 1
    }
  ]
}
```

```text
an output
```

```error
a failure
```

</details>

- File `notes.txt` (text/plain)

- File `image/png` (image/png)

> **Error:** it broke
"#;
    assert_eq!(shown(vec![prompt, answer]), wanted);
}

#[test]
fn times_are_those_of_the_calendar() {
    for (milliseconds, wanted) in [
        (0, "1970-01-01 00:00 UTC"),
        (951_782_399_999, "2000-02-28 23:59 UTC"),
        (951_782_400_000, "2000-02-29 00:00 UTC"),
        (1_735_689_599_000, "2024-12-31 23:59 UTC"),
        (4_107_542_400_000, "2100-03-01 00:00 UTC"),
    ] {
        assert_eq!(utc(milliseconds), wanted);
    }
    utc(u64::MAX);
}

/// Everything that leaves something open in Markdown, and plain lines.
fn any_content() -> impl Strategy<Value = String> {
    let piece = prop::sample::select(
        &[
            "```",
            "````",
            "~~~",
            "~~~~",
            "```rust",
            "    ```",
            "   ```",
            "\t```",
            "- ```",
            "> ```",
            "1. ~~~",
            "`` ` ``",
            "<!--",
            "-->",
            "<div>",
            "<script>",
            "</script>",
            "<pre>",
            "<?php",
            "<![CDATA[",
            "</details>",
            "<details>",
            "<b",
            "# x",
            "---",
            "===",
            "- a",
            "> q",
            "[a]: b",
            "[a](",
            "`",
            "***",
            "| a |",
            "&lt;",
            "\\",
            "text",
            "",
            " ",
            "```\r",
            "a\r```",
            "$$",
            "* * *",
            "\u{0}",
            "``` `",
            "  - ```",
            "~~~ ```",
        ][..],
    );
    prop::collection::vec(piece, 0..9).prop_map(|pieces| pieces.join("\n"))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 3_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_content_hides_the_message_behind_it(contents in prop::collection::vec((any_content(), 0_usize..4), 1..4)) {
        let mut messages = Vec::new();
        for (minute, (content, place)) in contents.into_iter().enumerate() {
            let mut message = message("ses_1", "msg");
            let body = match place {
                0 => text(&content),
                1 => PartBody::Reasoning { text: content },
                2 => PartBody::File { mime: content.clone(), filename: None, url: content },
                _ => {
                    let mut body = message.parts[2].body.clone();
                    if let PartBody::Tool(call) = &mut body {
                        (call.title, call.output, call.tool) = (Some(content.clone()), Some(content.clone()), content);
                    }
                    body
                }
            };
            message.parts.truncate(1);
            message.parts[0].body = body;
            message.created = minute as u64 * 60_000;
            messages.push(message);
        }
        let count = messages.len();
        let markdown = shown(messages);
        let found = headings(&markdown);
        for minute in 0..count {
            let time = format!("1970-01-01 00:{minute:02} UTC");
            prop_assert!(found.iter().any(|heading| heading.contains(&time)), "{}\n{:?}", markdown, found);
        }
    }
}
