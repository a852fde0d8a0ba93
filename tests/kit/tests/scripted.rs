//! The scripted model, asked by a plain HTTP client.
mod plain;

use std::time::{Duration, Instant};

use opencode_nexus_testkit::cases;
use opencode_nexus_testkit::scripted::{
    Action, Attempts, Behaviour, Conversation, ScriptedModel, Turn, server_config,
};
use serde_json::{Value, json};

const CHAT: &str = "/v1/chat/completions";

fn prompt(text: &str, stream: bool, answers: usize) -> Value {
    let mut messages = vec![json!({"role": "user", "content": text})];
    messages.extend((0..answers).map(|_| json!({"role": "assistant", "content": "earlier"})));
    json!({"model": "scripted", "stream": stream, "messages": messages, "tools": [{}]})
}

/// What a streamed answer says: text, thoughts, arguments of calls, finish reason, usage.
async fn stream(model: &ScriptedModel, body: &Value) -> (String, String, String, String, Value) {
    let response = plain::send(&model.url(), "POST", CHAT, Some(body)).await;
    assert_eq!(response.headers()["content-type"], "text/event-stream");
    let (bytes, clean) = plain::drain(response).await;
    assert!(clean);
    let text = String::from_utf8(bytes).unwrap();
    let mut frames: Vec<_> =
        text.split_terminator("\n\n").map(|f| f.strip_prefix("data: ").unwrap()).collect();
    assert_eq!(frames.pop(), Some("[DONE]"));
    let mut said = (String::new(), String::new(), String::new(), String::new(), Value::Null);
    for frame in frames {
        let chunk: Value = serde_json::from_str(frame).unwrap();
        let choice = &chunk["choices"][0];
        said.0 += choice["delta"]["content"].as_str().unwrap_or_default();
        said.1 += choice["delta"]["reasoning_content"].as_str().unwrap_or_default();
        said.2 += choice["delta"]["tool_calls"][0]["function"]["arguments"].as_str().unwrap_or_default();
        said.3 += choice["finish_reason"].as_str().unwrap_or_default();
        if chunk["usage"].is_object() {
            said.4 = chunk["usage"].clone();
        }
    }
    said
}

async fn recorded() -> ScriptedModel {
    ScriptedModel::start(cases::behaviour().unwrap()).await.unwrap()
}

#[tokio::test]
async fn the_recorded_behaviour_plays_turn_by_turn() {
    let model = recorded().await;
    let (text, _, _, finish, usage) = stream(&model, &prompt("CASE short", true, 0)).await;
    assert_eq!(
        (text.as_str(), finish.as_str()),
        ("Hello! I am the scripted model. The sum of 2 and 2 is 4.", "stop")
    );
    assert_eq!(usage["completion_tokens"], 14);
    let (text, _, arguments, finish, _) = stream(&model, &prompt("CASE bash", true, 0)).await;
    assert_eq!((text.as_str(), finish.as_str()), ("I will list the files.", "tool_calls"));
    assert_eq!(serde_json::from_str::<Value>(&arguments).unwrap()["command"], "ls -la && cat hello.txt");
    assert_eq!(stream(&model, &prompt("CASE bash", true, 1)).await.0, "The project has a file hello.txt.");
    assert!(stream(&model, &prompt("CASE bash", true, 2)).await.0.contains("no more turns"));
    let (text, thoughts, ..) = stream(&model, &prompt("CASE reasoning", true, 0)).await;
    assert_eq!((text.as_str(), thoughts.split_whitespace().count()), ("After some thought: 42.", 300));
    assert_eq!(stream(&model, &prompt("CASE length", true, 0)).await.3, "length");
    assert_eq!(stream(&model, &prompt("CASE badargs", true, 0)).await.2, "{\"command\": \"ls");
    assert_eq!(stream(&model, &prompt("hi é", true, 0)).await.0, "Echo: hi é");
    let (first, second) = (prompt("CASE long", true, 0), prompt("CASE long", true, 0));
    assert_eq!(stream(&model, &first).await, stream(&model, &second).await);
}

#[tokio::test]
async fn a_recorded_text_is_what_the_model_still_says() {
    let model = recorded().await;
    let said = stream(&model, &prompt("CASE short", true, 0)).await.0;
    let messages = cases::case("v1", "short").unwrap().messages.to_string();
    assert!(messages.contains(&said));
}

#[tokio::test]
async fn attempts_count_repetitions_of_the_same_request_only() {
    let model = recorded().await;
    let once = prompt("CASE 429 once", true, 0);
    let refused = plain::send(&model.url(), "POST", CHAT, Some(&once)).await;
    assert_eq!((refused.status().as_u16(), &refused.headers()["retry-after"]), (429, &"1".parse().unwrap()));
    assert_eq!(stream(&model, &once).await.0, "Fine after one retry.");
    assert_eq!(stream(&model, &once).await.0, "Fine after one retry.", "the last attempt stays");
    // Another session with the same words starts from the beginning.
    let headers = [("x-session-id", "other")];
    assert_eq!(plain::send_with(&model.url(), "POST", CHAT, Some(&once), &headers).await.status(), 429);
    let dropped = plain::send(&model.url(), "POST", CHAT, Some(&prompt("CASE drop", true, 0))).await;
    let (bytes, clean) = plain::drain(dropped).await;
    assert!(!clean && String::from_utf8_lossy(&bytes).contains("half"));
    assert_eq!(stream(&model, &prompt("CASE drop", true, 0)).await.0, "Whole answer after the drop.");
    let (status, body) = plain::ask(&model.url(), "POST", CHAT, Some(&prompt("CASE 401", true, 0))).await;
    assert_eq!((status, body["error"]["code"].as_str()), (401, Some("invalid_api_key")));
}

#[tokio::test]
async fn answers_come_in_one_piece_when_they_are_not_streamed() {
    let model = recorded().await;
    let (status, answer) = plain::ask(&model.url(), "POST", CHAT, Some(&prompt("CASE bash", false, 0))).await;
    assert_eq!(status, 200);
    let choice = &answer["choices"][0];
    assert_eq!(
        (choice["finish_reason"].as_str(), choice["message"]["content"].as_str()),
        (Some("tool_calls"), Some("I will list the files."))
    );
    assert_eq!(choice["message"]["tool_calls"][0]["function"]["name"], "bash");
    assert!(answer["usage"]["total_tokens"].as_u64().unwrap() > 0);
    let (_, models) = plain::ask(&model.url(), "GET", "/v1/models", None).await;
    assert_eq!(models["data"][0]["id"], "scripted");
    assert_eq!(plain::ask(&model.url(), "GET", "/v1/other", None).await.0, 404);
}

#[tokio::test]
async fn titles_are_told_apart_from_prompts() {
    let model = recorded().await;
    let title = json!({"model": "scripted", "stream": true, "messages": [
        {"role": "system", "content": "You are a title generator."}, {"role": "user", "content": "CASE short"}]});
    assert_eq!(stream(&model, &title).await.0, "Scripted title");
    stream(&model, &prompt("CASE short", true, 0)).await;
    assert_eq!((model.requests().len(), model.prompts().len()), (2, 1));
}

#[tokio::test]
async fn a_script_can_pace_hang_and_send_garbage() {
    let attempts =
        Turn::Attempts(Attempts { attempts: vec![vec![Action::text("one")], vec![Action::text("two")]] });
    let mut garbage = Conversation::new(
        "garbage",
        vec![vec![Action { garbage: Some("data: {no\n\n".into()), ..Action::default() }]],
    );
    garbage.turns.push(attempts);
    let behaviour = Behaviour::new(vec![
        garbage,
        Conversation::new("hang", vec![vec![Action::text("a"), Action::hang()]]),
        Conversation::new("chunk", vec![vec![Action { chunk: Some(1), ..Action::text("abc") }]]),
        Conversation::new(
            "usage",
            vec![vec![
                Action::text("x"),
                Action { usage: Some(json!({"prompt_tokens": 7})), ..Action::default() },
            ]],
        ),
        Conversation::new("", vec![vec![Action::sleep(30), Action::tokens(10, 1).at(200.0)]]),
    ]);
    let model = ScriptedModel::start(behaviour).await.unwrap();
    let ask = |text: &str| prompt(text, true, 0);
    let before = Instant::now();
    stream(&model, &ask("paced")).await;
    // Not a benchmark: the pauses of the script, 30 ms and ten times 5 ms, are a lower bound on any machine.
    assert!(before.elapsed() >= Duration::from_millis(80));
    assert_eq!(stream(&model, &ask("usage")).await.4, json!({"prompt_tokens": 7}));
    let (bytes, _) = plain::drain(plain::send(&model.url(), "POST", CHAT, Some(&ask("garbage"))).await).await;
    assert!(String::from_utf8_lossy(&bytes).contains("data: {no\n\n"));
    let (bytes, _) = plain::drain(plain::send(&model.url(), "POST", CHAT, Some(&ask("chunk"))).await).await;
    assert_eq!(String::from_utf8_lossy(&bytes).matches("\"content\":\"").count(), 1 + 3);
    let hanging = plain::send(&model.url(), "POST", CHAT, Some(&ask("hang"))).await;
    let reading = tokio::spawn(plain::drain(hanging));
    assert!(
        tokio::time::timeout(Duration::from_millis(100), async {
            while !reading.is_finished() {
                tokio::task::yield_now().await
            }
        })
        .await
        .is_err()
    );
    drop(model);
    assert!(!reading.await.unwrap().1, "the end of the model breaks what hangs");
}

#[tokio::test]
async fn the_configuration_names_the_model_and_a_bad_pattern_is_an_error() {
    let model = ScriptedModel::start(Behaviour::default()).await.unwrap();
    let config = server_config(&model, json!({"bash": "deny"}));
    assert_eq!(config["provider"]["scripted"]["options"]["baseURL"], model.url());
    assert_eq!(
        (&config["model"], &config["permission"]["bash"]),
        (&json!("scripted/scripted"), &json!("deny"))
    );
    let bad = Behaviour::new(vec![Conversation::new("(", Vec::new())]);
    assert!(ScriptedModel::start(bad).await.is_err());
}
