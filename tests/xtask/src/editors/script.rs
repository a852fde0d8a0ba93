//! What the model does in the stories of all editors. A prompt is recognised by what it holds.
//!
//! | prompt | what happens |
//! |---|---|
//! | `STREAM` | Markdown, slowly |
//! | `ALLOW`, `DENY` | a shell command, which is asked about; then a sentence |
//! | `QUESTION` | asks Blue or Red; then a sentence |
//! | `STOP` | begins, and never ends |
//! | `EDIT` | changes the first and the last line of `poem.md`: two hunks |
//! | a diagnostic about a comma in `broken.json` | puts the file right |
//! | anything else | `Heard: ` and the begin of it |

use opencode_nexus_testkit::scripted::{Action, Behaviour, Conversation};
use serde_json::{Value, json};

/// Long enough that a change of the first and one of the last line are two hunks.
pub const POEM: &str = "# A poem\n\nline one\nline two\nline three\nline four\nline five\nline six\nline seven\nline eight\nline nine\nline ten\nline eleven\nline twelve\n\nthe end\n";
/// A trailing comma, which VS Code's own JSON support reports.
pub const BROKEN: &str = "{\n    \"name\": \"first\",\n}\n";

/// What is said to `STREAM`.
pub const MARKDOWN: &str = "# Sorting\n\nHere is **insertion sort** in *JavaScript*, with `swap`:\n\n```js\nfunction sort(list) {\n    for (let i = 1; i < list.length; i++) {\n        let j = i;\n        while (j > 0 && list[j - 1] > list[j]) {\n            swap(list, j - 1, j);\n            j -= 1;\n        }\n    }\n}\n```\n\n- stable\n- in place\n\n| case | time |\n|---|---:|\n| best | linear |\n| worst | square |\n\nThat is all about sorting.";

fn question() -> Value {
    json!({"questions": [{"question": "Which colour do you like?", "header": "Colour", "options": [
        {"label": "Blue", "description": "cold"}, {"label": "Red", "description": "warm"}]}]})
}

/// Reads a file (the server wants that first) and replaces texts in it, then says something.
fn change(file: &str, replacements: &[(&str, &str)], said: &str) -> Vec<Vec<Action>> {
    let mut turns = vec![vec![Action::tool("read", json!({"filePath": file}))]];
    for (old, new) in replacements {
        let arguments = json!({"filePath": file, "oldString": old, "newString": new});
        turns.push(vec![Action::tool("edit", arguments)]);
    }
    turns.push(vec![Action::text(said)]);
    turns
}

pub fn behaviour() -> Behaviour {
    let bash =
        |command: &str| Action::tool("bash", json!({"command": command, "description": "Run a command"}));
    let poem = [("# A poem", "# A better poem"), ("the end", "the very end")];
    let json = [("\"first\",", "\"first\"")];
    Behaviour::new(vec![
        Conversation::new(
            "STREAM",
            vec![vec![
                Action::reasoning("They want to see Markdown.").at(200.0),
                Action::text(MARKDOWN).at(60.0),
            ]],
        ),
        Conversation::new(
            "ALLOW",
            vec![vec![bash("echo allowed > allowed.txt")], vec![Action::text("The command has run.")]],
        ),
        Conversation::new(
            "DENY",
            vec![vec![bash("echo denied > denied.txt")], vec![Action::text("Then I leave it.")]],
        ),
        Conversation::new(
            "QUESTION",
            vec![vec![Action::tool("question", question())], vec![Action::text("A fine colour.")]],
        ),
        Conversation::new(
            "STOP",
            vec![vec![Action::text("This goes on and on until").at(60.0), Action::hang()]],
        ),
        Conversation::new("EDIT", change("poem.md", &poem, "The poem is better now.")),
        Conversation::new("(?i)comma", change("broken.json", &json, "The comma is gone.")),
        Conversation::new("", vec![vec![Action::text("Heard: {{user}}")]]),
    ])
}
