//! The list of stories, and the behaviour of the model in them.

use opencode_nexus::chat::OutcomeKind;
use opencode_nexus::dialect::Line;
use opencode_nexus::model::PermissionReply;
use serde_json::{Value, json};

use crate::scripted::{Action, Attempts, Behaviour, Conversation, Turn};

/// How the person of a story answers requests.
#[derive(Clone, Debug)]
pub struct Answering {
    /// To permissions.
    pub permission: PermissionReply,
    /// To questions: the first option of each, or a rejection.
    pub questions: bool,
}

/// One conversation of one turn.
#[derive(Clone, Debug)]
pub struct Story {
    /// Its name, also the word in the prompt by which the model knows it.
    pub name: &'static str,
    /// How requests are answered.
    pub answering: Answering,
    /// The turn is stopped when this text has been seen, or when something is asked if it is `?`.
    pub stop_at: Option<&'static str>,
    /// How the turn ends.
    pub outcome: OutcomeKind,
    turns: Vec<Turn>,
}

impl Story {
    fn new(name: &'static str, turns: Vec<Vec<Action>>) -> Self {
        Self {
            name,
            answering: Answering { permission: PermissionReply::Once, questions: true },
            stop_at: None,
            outcome: OutcomeKind::Completed,
            turns: turns.into_iter().map(Turn::Once).collect(),
        }
    }

    fn attempts(name: &'static str, attempts: Vec<Vec<Action>>) -> Self {
        Self { turns: vec![Turn::Attempts(Attempts { attempts })], ..Self::new(name, Vec::new()) }
    }

    fn replying(mut self, permission: PermissionReply) -> Self {
        self.answering.permission = permission;
        self
    }

    fn stopped_at(mut self, text: &'static str) -> Self {
        self.stop_at = Some(text);
        self.ending(OutcomeKind::Aborted)
    }

    fn ending(mut self, outcome: OutcomeKind) -> Self {
        self.outcome = outcome;
        self
    }

    /// What the person says; `run` makes it unlike all other prompts, because the model counts repeated requests.
    pub fn prompt(&self, run: usize) -> String {
        format!("STORY {} run {run}: tell me, with an é and a 😀", self.name)
    }
}

/// What the lines call their tools and the arguments of these.
#[derive(Clone, Copy)]
struct Words {
    line: Line,
    shell: &'static str,
    path: &'static str,
}

impl Words {
    fn of(line: Line) -> Self {
        match line {
            Line::V2 => Self { line, shell: "shell", path: "path" },
            _ => Self { line, shell: "bash", path: "filePath" },
        }
    }

    fn bash(self, command: &str) -> Action {
        Action::tool(self.shell, json!({"command": command, "description": "Run a command"}))
    }

    fn read(self) -> Action {
        Action::tool("read", json!({ self.path: "hello.txt" }))
    }

    fn task(self) -> Action {
        let prompt = "STORY child: look around";
        match self.line {
            Line::V2 => Action::tool(
                "subagent",
                json!({"description": "look around", "prompt": prompt, "agent": "general"}),
            ),
            _ => Action::tool(
                "task",
                json!({"description": "look around", "prompt": prompt, "subagent_type": "general"}),
            ),
        }
    }

    /// Names one tool after the other, so that a stop falls between them, and does not end before it comes.
    fn calling(self) -> Vec<Action> {
        let calls = (0..40).flat_map(|_| [self.read(), Action::sleep(2)]);
        [Action::text("Now I call ")].into_iter().chain(calls).chain([Action::hang()]).collect()
    }
}

fn question() -> Action {
    let options = json!([{"label": "Red", "description": "warm"}, {"label": "Blue", "description": "cold"}]);
    Action::tool(
        "question",
        json!({"questions": [{"question": "Which colour?", "header": "Colour", "options": options}]}),
    )
}

fn limited() -> Action {
    let mut action = Action::status(429);
    action.headers = [("retry-after".to_owned(), "1".to_owned())].into();
    action.body = Some(json!({"error": {"message": "Rate limit reached", "type": "rate_limit"}}));
    action
}

fn wrong_key() -> Action {
    let mut action = Action::status(401);
    action.body =
        Some(json!({"error": {"message": "Incorrect API key provided", "code": "invalid_api_key"}}));
    action
}

fn thinking(tokens: usize) -> Action {
    Action { reasoning_tokens: Some(tokens), seed: Some(3), ..Action::default() }
}

/// All stories, as they go on this line.
pub fn stories(line: Line) -> Vec<Story> {
    let words = Words::of(line);
    let bash = |command: &str| words.bash(command);
    // A refusal ends the turn on OpenCode 2; on 1.x the agent is told.
    let refused = if line == Line::V2 { OutcomeKind::Aborted } else { OutcomeKind::Completed };
    let todos: Value = json!({"todos": [
        {"content": "first", "status": "in_progress", "priority": "high", "id": "1"},
        {"content": "second", "status": "pending", "priority": "low", "id": "2"}]});
    let edit = json!({words.path: "hello.txt", "oldString": "hello", "newString": "hello"});
    let reject = || PermissionReply::Reject { message: None };
    let all = vec![
        Story::new("short", vec![vec![Action::text("Hello! Two and two is 4, naïvely; 😀 agrees.")]]),
        Story::new("paced", vec![vec![Action::text("It begins.\n\n"), Action::tokens(60, 5).at(150.0)]]),
        Story::new("long", vec![vec![Action::tokens(600, 7)]]),
        Story::new("thinking", vec![vec![thinking(40), Action::text("After some thought: 42.")]]),
        Story::new(
            "shell",
            vec![
                vec![Action::text("I will look."), bash("cat hello.txt")],
                vec![Action::text("It says hello.")],
            ],
        ),
        Story::new(
            "shell-always",
            vec![vec![bash("ls")], vec![bash("ls")], vec![Action::text("Looked twice.")]],
        )
        .replying(PermissionReply::Always),
        Story::new("shell-rejected", vec![vec![Action::text("May I?"), bash("whoami")]])
            .replying(reject())
            .ending(refused),
        Story::new(
            "two-tools",
            vec![vec![bash("echo one"), bash("echo two")], vec![Action::text("Both ran.")]],
        ),
        Story::new(
            "read",
            vec![
                vec![Action::reasoning("I should read it."), words.read()],
                vec![Action::text("The file says hello.")],
            ],
        ),
        Story::new(
            "edit",
            vec![vec![words.read()], vec![Action::tool("edit", edit)], vec![Action::text("Edited.")]],
        ),
        Story::new("todo", vec![vec![Action::tool("todowrite", todos)], vec![Action::text("Planned.")]]),
        Story::new("question", vec![vec![question()], vec![Action::text("Thank you.")]]),
        Story {
            answering: Answering { permission: PermissionReply::Once, questions: false },
            outcome: refused,
            ..Story::new("question-rejected", vec![vec![question()], vec![Action::text("Never mind.")]])
        },
        Story::new("subagent", vec![vec![words.task()], vec![Action::text("The child is done.")]]),
        Story::new("stopped", vec![vec![Action::text("This answer will be cut here"), Action::hang()]])
            .stopped_at("cut here"),
        Story::new("stopped-asking", vec![vec![Action::text("I ask and"), bash("sleep 1")]]).stopped_at("?"),
        Story::new("stopped-calling", vec![words.calling()]).stopped_at("call"),
        Story::new("wrong-key", vec![vec![wrong_key()]]).ending(OutcomeKind::Failed),
        Story::attempts("limited-once", vec![vec![limited()], vec![Action::text("Fine after a retry.")]]),
        Story::attempts(
            "broken-once",
            vec![
                vec![Action::text("half an ans"), Action::drop_connection()],
                vec![Action::text("Whole answer.")],
            ],
        ),
        Story::new(
            "bad-arguments",
            vec![
                vec![Action { raw_args: Some("{\"command\": \"ls".into()), ..bash("ls") }],
                vec![Action::text("That call was broken.")],
            ],
        ),
        Story::new(
            "length",
            vec![vec![
                Action::text("Cut by length"),
                Action { finish: Some("length".into()), ..Action::default() },
            ]],
        ),
    ];
    // This line has no list of things to do.
    all.into_iter().filter(|story| line != Line::V2 || story.name != "todo").collect()
}

/// What the model does in the stories of this line.
pub fn behaviour(line: Line) -> Behaviour {
    let mut conversations: Vec<Conversation> = stories(line)
        .into_iter()
        .map(|s| Conversation { pattern: format!("^STORY {} ", s.name), turns: s.turns })
        .collect();
    let child =
        vec![vec![Words::of(line).bash("echo child")], vec![Action::text("The child has looked around.")]];
    conversations.insert(0, Conversation::new("^STORY child: ", child));
    Behaviour::new(conversations)
}
