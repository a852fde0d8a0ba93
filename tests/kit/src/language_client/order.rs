//! What must hold on every token, whatever happens: numbers grow, deltas append, a turn has one end and it is the last.

use std::collections::BTreeMap;

use serde_json::Value;

/// What a token is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TokenKind {
    /// One turn: it ends with `end`.
    Turn,
    /// A session that is watched: turns may follow each other.
    Session,
    /// Work with a bar: `begin`, any number of `report`, `end`.
    WorkDone,
}

/// What was told on a token so far.
#[derive(Debug)]
pub(super) struct Order {
    kind: TokenKind,
    seq: Option<u64>,
    begun: bool,
    ended: bool,
    turn: Option<String>,
    /// How long each text is; whether something replaces it is seen by its beginning.
    texts: BTreeMap<String, String>,
}

impl Order {
    pub fn new(kind: TokenKind) -> Self {
        Self { kind, seq: None, begun: false, ended: false, turn: None, texts: BTreeMap::new() }
    }

    /// What is wrong with this value at this place, if anything is.
    pub fn check(&mut self, value: &Value) -> Result<(), String> {
        let kind = value["kind"].as_str().ok_or("a progress without a kind")?;
        if self.ended {
            return Err(format!("`{kind}` after the end"));
        }
        if self.kind == TokenKind::WorkDone {
            return self.work_done(kind);
        }
        let seq = value["seq"].as_u64().ok_or("a progress without a number")?;
        if self.seq.is_some_and(|last| last >= seq) {
            return Err(format!("number {seq} after {:?}", self.seq));
        }
        self.seq = Some(seq);
        if value["sessionId"].as_str().is_none_or(str::is_empty) {
            return Err("a progress without a session".to_owned());
        }
        if self.kind == TokenKind::Turn {
            self.of_turn(kind, value)?;
        }
        self.text(kind, value)
    }

    fn work_done(&mut self, kind: &str) -> Result<(), String> {
        let fits = match kind {
            "begin" => !self.begun,
            "report" | "end" => self.begun,
            _ => false,
        };
        self.begun = true;
        self.ended = kind == "end";
        if fits { Ok(()) } else { Err(format!("`{kind}` of work at the wrong place")) }
    }

    fn of_turn(&mut self, kind: &str, value: &Value) -> Result<(), String> {
        if let Some(turn) = value["turnId"].as_str() {
            let first = self.turn.get_or_insert_with(|| turn.to_owned());
            if first != turn {
                return Err(format!("turn {turn} on the token of {first}"));
            }
        }
        self.ended = kind == "end" && value["child"].is_null();
        Ok(())
    }

    fn text(&mut self, kind: &str, value: &Value) -> Result<(), String> {
        let part = value["partId"].as_str().unwrap_or_default();
        match kind {
            "reset" => self.texts.clear(),
            "delta" => {
                let text = value["text"].as_str().ok_or("a delta without a text")?;
                if text.is_empty() || part.is_empty() {
                    return Err(format!("an empty delta: {value}"));
                }
                self.texts.entry(part.to_owned()).or_default().push_str(text);
            }
            "replaced" => {
                let text = value["text"].as_str().ok_or("a replacement without a text")?;
                let before = self.texts.insert(part.to_owned(), text.to_owned()).unwrap_or_default();
                if !before.is_empty() && text.starts_with(&before) {
                    return Err(format!("a text that only grew was replaced: {part}"));
                }
            }
            "removed" => {
                self.texts.remove(part);
            }
            _ => {}
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn told(kind: TokenKind, values: &[Value]) -> Result<(), String> {
        let mut order = Order::new(kind);
        values.iter().try_for_each(|value| order.check(value))
    }

    fn delta(seq: u64, text: &str) -> Value {
        json!({"sessionId": "s", "turnId": "t", "seq": seq, "kind": "delta", "partId": "p", "text": text})
    }

    #[test]
    fn what_is_out_of_order_is_found() {
        let end = json!({"sessionId": "s", "turnId": "t", "seq": 9, "kind": "end"});
        assert_eq!(told(TokenKind::Turn, &[delta(1, "a"), delta(4, "b"), end.clone()]), Ok(()));
        assert!(told(TokenKind::Turn, &[delta(2, "a"), delta(2, "b")]).is_err());
        assert!(told(TokenKind::Turn, &[end.clone(), delta(10, "b")]).is_err());
        assert_eq!(told(TokenKind::Session, &[end, delta(10, "b")]), Ok(()));
        assert!(told(TokenKind::Session, &[delta(1, "")]).is_err());
        let replaced =
            |text: &str| json!({"sessionId": "s", "seq": 5, "kind": "replaced", "partId": "p", "text": text});
        assert!(told(TokenKind::Session, &[delta(1, "a"), replaced("ab")]).is_err());
        assert_eq!(told(TokenKind::Session, &[delta(1, "a"), replaced("ba")]), Ok(()));
        let bar = |kind: &str| json!({"kind": kind});
        assert_eq!(told(TokenKind::WorkDone, &[bar("begin"), bar("report"), bar("end")]), Ok(()));
        assert!(told(TokenKind::WorkDone, &[bar("report")]).is_err());
        assert!(told(TokenKind::WorkDone, &[bar("begin"), bar("end"), bar("end")]).is_err());
    }
}
