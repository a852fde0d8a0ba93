//! What the model does in the stories.

use opencode_nexus_testkit::scripted::{Action, Behaviour, Conversation};
use serde_json::{Value, json};

/// An answer with everything that Markdown has.
pub const MARKDOWN: &str = "# Sorting\n\nHere is **insertion sort** in *Rust*, with `swap`:\n\n```rust\nfn sort(v: &mut [i32]) {\n    // from the second on\n    for i in 1..v.len() {\n        let mut j = i;\n        while j > 0 && v[j - 1] > v[j] {\n            v.swap(j - 1, j);\n            j -= 1;\n        }\n    }\n}\n```\n\n- stable\n- in place\n  - needs no memory\n\n| case | time |\n|---|---:|\n| best | linear |\n| worst | square |\n\n> Good for short lists.\n\nMore in [the book](https://doc.rust-lang.org/book/).";

/// A model that wants to drive the terminal.
pub const HOSTILE: &str = "before \u{1b}]0;owned\u{7} \u{1b}[2J\u{1b}[1;1H \u{1b}[31mred\u{1b}[0m \u{9b}2J \u{202e}desrever \u{1b}Pq\u{1b}\\ `\u{1b}[?1049l` after\n\n```\n\u{1b}[5n\u{8}\u{8}\n```\n\nthe end";

/// So many words that an answer goes on while the window changes.
pub fn long() -> String {
    (1..=160).map(|n| format!("word{n}")).collect::<Vec<_>>().join(" ")
}

fn question() -> Value {
    json!({"questions": [{"question": "Which colour do you like?", "header": "Colour", "options": [
        {"label": "Blue", "description": "cold"}, {"label": "Red", "description": "warm"}]}]})
}

pub fn behaviour(second: bool) -> Behaviour {
    let shell = if second { "shell" } else { "bash" };
    let bash =
        |command: &str| Action::tool(shell, json!({"command": command, "description": "Run a command"}));
    let pace = 60.0;
    let mut conversations = vec![
        Conversation::new(
            "^STREAM",
            vec![vec![
                Action::reasoning("They want to see Markdown.").at(200.0),
                Action::text(MARKDOWN).at(150.0),
            ]],
        ),
        Conversation::new(
            "^ALLOW",
            vec![vec![bash("cat hello.txt")], vec![Action::text("The file says hello.")]],
        ),
        Conversation::new(
            "^DENY",
            vec![vec![bash("rm -rf everything")], vec![Action::text("Then I leave it.")]],
        ),
        Conversation::new(
            "^QUESTION",
            vec![vec![Action::tool("question", question())], vec![Action::text("A fine colour.")]],
        ),
        Conversation::new(
            "^STOP",
            vec![vec![Action::text("This goes on and on until").at(pace), Action::hang()]],
        ),
        Conversation::new("^LONG", vec![vec![Action::text(long()).at(80.0)]]),
        Conversation::new("^SLOW", vec![vec![Action::text(long()).at(40.0)]]),
        Conversation::new(
            "^HOSTILE",
            vec![vec![bash("printf 'a\\033[2Jb\\007\\033]0;owned\\007'")], vec![Action::text(HOSTILE)]],
        ),
        Conversation::new("^WIDE", vec![vec![Action::text("Żółw, 日本語 and 😀 stand here; é too.")]]),
    ];
    if !second {
        let todos = json!({"todos": [
            {"content": "look around", "status": "completed", "priority": "high", "id": "1"},
            {"content": "change the file", "status": "in_progress", "priority": "high", "id": "2"},
            {"content": "tell the person", "status": "pending", "priority": "low", "id": "3"},
        ]});
        let edit = json!({"filePath": "hello.txt", "oldString": "hello", "newString": "good morning"});
        let read = json!({"filePath": "hello.txt"});
        conversations.push(Conversation::new(
            "^EDIT",
            vec![
                vec![Action::tool("todowrite", todos)],
                vec![Action::tool("read", read)],
                vec![Action::tool("edit", edit)],
                vec![Action::text("Changed.")],
            ],
        ));
        let task =
            json!({"description": "look around", "prompt": "CHILD look around", "subagent_type": "general"});
        conversations.push(Conversation::new(
            "^TASK",
            vec![vec![Action::tool("task", task)], vec![Action::text("It has looked.")]],
        ));
        conversations.push(Conversation::new(
            "^CHILD",
            vec![vec![bash("ls hello.txt")], vec![Action::text("I found one file.")]],
        ));
    }
    conversations.push(Conversation::new("", vec![vec![Action::text("Heard.")]]));
    Behaviour::new(conversations)
}
