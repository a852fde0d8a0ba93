//! What the server says: answers, questions, notifications, progress; whatever was not to be expected is a fault.

use std::time::Instant;

use serde_json::{Value, json};

use super::super::Failure;
use super::super::framing::Framed;
use super::super::order::{Order, TokenKind};
use super::super::watch::Told;
use super::{Notice, State, token_name};

impl State {
    /// Something came.
    pub(super) fn take(&mut self, framed: Framed) {
        let Framed { value, bytes } = framed;
        let at = Instant::now();
        self.note(|| format!("← {value}"));
        let method = value["method"].as_str().map(str::to_owned);
        match (method, value.get("id")) {
            (Some(method), Some(id)) => self.asked(&method, id, &value["params"]),
            (Some(method), None) if method == "$/progress" => {
                self.progress(Told { value: value["params"].clone(), at, bytes });
            }
            (Some(method), None) => self.told(method, value["params"].clone()),
            (None, Some(_)) => self.answered(&value),
            (None, None) => self.fault(format!("neither a request nor an answer: {value}")),
        }
    }

    fn answered(&mut self, message: &Value) {
        let Some(id) = message["id"].as_u64() else {
            return match result("nothing", message) {
                Err(failure) if self.tolerance.nameless => self.nameless.push_back(failure),
                _ if self.tolerance.unexpected => {}
                _ => self.fault(format!("an answer to nothing: {message}")),
            };
        };
        let Some((method, waiting)) = self.pending.remove(&id) else {
            if !self.tolerance.unexpected {
                self.fault(format!("a second answer, or one to nothing: {message}"));
            }
            return;
        };
        if method == "initialize" {
            // A second one is refused, and takes nothing back.
            self.greeted |= message["error"].is_null();
        }
        // Who does not wait any more does not need it.
        let _ = waiting.send(result(&method, message));
    }

    fn asked(&mut self, method: &str, id: &Value, params: &Value) {
        if !self.greeted && method != "window/showMessageRequest" {
            self.fault(format!("{method} before the answer to initialize"));
        }
        if method == "window/showMessageRequest" {
            let (method, params) = (method.to_owned(), params.clone());
            self.notices.push_back(Notice { method, params, counts: false });
        }
        let answer = self.answer_to(method, params);
        for message in answer.before {
            self.send(&message);
        }
        match answer.result {
            Some(Ok(result)) => self.send(&json!({"jsonrpc": "2.0", "id": id, "result": result})),
            Some(Err(why)) => {
                let error = json!({"code": -32601, "message": &why});
                self.send(&json!({"jsonrpc": "2.0", "id": id, "error": error}));
                self.fault(why);
            }
            None => {}
        }
    }

    fn told(&mut self, method: String, params: Value) {
        let counts = match method.as_str() {
            "window/showMessage" | "nexus/chat/show" => true,
            "window/logMessage" | "telemetry/event" | "nexus/status" => false,
            // Cancels a question of the server's; it may have been answered meanwhile.
            "$/cancelRequest" => return,
            "$/logTrace" => false,
            _ => return self.fault(format!("the editor does not know {method}")),
        };
        if !self.greeted && method.starts_with("nexus/") {
            self.fault(format!("{method} before the answer to initialize"));
        }
        // Lines of the log and states are many; the last ones do.
        let many = self.notices.iter().filter(|notice| !notice.counts).count() > 1000;
        if let Some(old) = self.notices.iter().position(|n| !n.counts).filter(|_| many) {
            self.notices.remove(old);
        }
        self.notices.push_back(Notice { method, params, counts });
    }

    fn progress(&mut self, told: Told) {
        let token = token_name(&told.value["token"]);
        let value = told.value["value"].clone();
        let Some((order, values)) = self.tokens.get_mut(&token) else {
            return self.fault(format!("nobody gave the token {token}: {value}"));
        };
        let checked = order.check(&value);
        // Who has stopped watching does not need it.
        if let Some(values) = values {
            let _ = values.send(Told { value, ..told });
        }
        if let Err(why) = checked {
            self.fault(format!("on token {token}: {why}"));
        }
    }

    /// `window/workDoneProgress/create`
    pub(in super::super) fn create_progress(&mut self, token: &Value) -> Result<(), String> {
        let order = (Order::new(TokenKind::WorkDone), None);
        match self.tokens.insert(token_name(token), order) {
            None => Ok(()),
            Some(_) => Err(format!("the token {token} is made twice")),
        }
    }
}

fn result(method: &str, message: &Value) -> Result<Value, Failure> {
    match message.get("error") {
        None | Some(Value::Null) => Ok(message["result"].clone()),
        Some(error) => Err(Failure::Answered {
            method: method.to_owned(),
            code: error["code"].as_i64().unwrap_or_default(),
            message: error["message"].as_str().unwrap_or_default().to_owned(),
            data: Box::new(error["data"].clone()),
        }),
    }
}
