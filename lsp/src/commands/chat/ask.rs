//! What the agent asks, and the choice that a person makes. Pure: what is open is the transcript's; this holds only how
//! far the person is with the answer.
//!
//! Nothing is chosen at first, and Enter alone does nothing: a request that opens while somebody types must not be
//! answered by a key that was meant for something else.

use opencode_nexus::model::{AskId, Permission, PermissionReply, Question, QuestionItem, SessionId};

/// A request that is open.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Ask {
    Permission(Permission),
    Question(Question),
}

impl Ask {
    pub fn id(&self) -> &AskId {
        match self {
            Self::Permission(ask) => &ask.id,
            Self::Question(ask) => &ask.id,
        }
    }

    pub fn session(&self) -> &SessionId {
        match self {
            Self::Permission(ask) => &ask.session_id,
            Self::Question(ask) => &ask.session_id,
        }
    }
}

/// How a request is answered.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Answer {
    Permission(AskId, PermissionReply),
    Question(AskId, Vec<Vec<String>>),
    Decline(AskId),
}

/// The person's choice so far.
#[derive(Clone, Debug, Default)]
pub(crate) struct Choice {
    /// For which request.
    id: Option<AskId>,
    /// Which entry is marked.
    pub marked: Option<usize>,
    /// Entries that are ticked, where several may be.
    pub ticked: Vec<usize>,
    /// A text of the person's own, while it is written.
    pub text: Option<String>,
    /// Answers to the questions before this one.
    pub answers: Vec<Vec<String>>,
    /// The answer was given; the server has not said that it has it.
    pub sent: bool,
}

/// What a person can press.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Press {
    Up,
    Down,
    Tick,
    Number(usize),
    Enter,
    Back,
    Escape,
    Text(String),
}

impl Choice {
    /// Begins anew when another request is first.
    pub fn about(&mut self, ask: &Ask) {
        if self.id.as_ref() != Some(ask.id()) {
            *self = Self { id: Some(ask.id().clone()), ..Self::default() };
        }
    }

    /// The answer could not be sent: the person may try again.
    pub fn failed(&mut self) {
        self.sent = false;
    }

    /// Which question of several it is.
    pub fn item<'a>(&self, question: &'a Question) -> Option<&'a QuestionItem> {
        question.items.get(self.answers.len())
    }

    /// What can be chosen, in order.
    pub fn entries(&self, ask: &Ask) -> Vec<String> {
        match ask {
            Ask::Permission(ask) => {
                let always = match ask.always.is_empty() {
                    true => "Allow always".to_owned(),
                    false => format!("Allow always: {}", ask.always.join(", ")),
                };
                vec!["Allow once".into(), always, "Reject".into(), "Reject and say why".into()]
            }
            Ask::Question(ask) => {
                let item = self.item(ask);
                let options =
                    item.into_iter().flat_map(|item| &item.options).map(|option| option.label.clone());
                let custom =
                    item.is_some_and(|item| item.custom).then(|| "Answer in your own words".to_owned());
                options.chain(custom).chain(["Decline to answer".to_owned()]).collect()
            }
        }
    }

    /// Takes a key; says the answer when it is complete.
    pub fn press(&mut self, ask: &Ask, press: Press) -> Option<Answer> {
        self.about(ask);
        if self.sent {
            return None;
        }
        let answer = match self.text.take() {
            Some(text) => self.write(ask, text, press),
            None => self.choose(ask, press),
        };
        self.sent = answer.is_some();
        answer
    }

    fn write(&mut self, ask: &Ask, mut text: String, press: Press) -> Option<Answer> {
        match press {
            Press::Text(more) => text.push_str(&more),
            Press::Number(number) => text.push_str(&number.to_string()),
            Press::Tick => text.push(' '),
            Press::Back => {
                text.pop();
            }
            Press::Escape => return None,
            Press::Enter if !text.trim().is_empty() => {
                return match ask {
                    Ask::Permission(ask) => {
                        let reply = PermissionReply::Reject { message: Some(text) };
                        Some(Answer::Permission(ask.id.clone(), reply))
                    }
                    Ask::Question(question) => self.answered(question, Some(text)),
                };
            }
            _ => {}
        }
        self.text = Some(text);
        None
    }

    fn choose(&mut self, ask: &Ask, press: Press) -> Option<Answer> {
        let count = self.entries(ask).len();
        match press {
            Press::Down => self.marked = Some(self.marked.map_or(0, |at| (at + 1) % count)),
            Press::Up => self.marked = Some(self.marked.map_or(count - 1, |at| (at + count - 1) % count)),
            Press::Number(number) if (1..=count).contains(&number) => self.marked = Some(number - 1),
            Press::Tick => self.tick(ask),
            Press::Escape => self.marked = None,
            Press::Enter => return self.enter(ask),
            _ => {}
        }
        None
    }

    fn tick(&mut self, ask: &Ask) {
        let (Ask::Question(question), Some(at)) = (ask, self.marked) else { return };
        let Some(item) = self.item(question).filter(|item| item.multiple && at < item.options.len()) else {
            return;
        };
        debug_assert!(item.multiple);
        match self.ticked.iter().position(|ticked| *ticked == at) {
            Some(place) => drop(self.ticked.remove(place)),
            None => self.ticked.push(at),
        }
    }

    fn enter(&mut self, ask: &Ask) -> Option<Answer> {
        let at = self.marked?;
        match ask {
            Ask::Permission(ask) => {
                let reply = match at {
                    0 => PermissionReply::Once,
                    1 => PermissionReply::Always,
                    2 => PermissionReply::Reject { message: None },
                    _ => {
                        self.text = Some(String::new());
                        return None;
                    }
                };
                Some(Answer::Permission(ask.id.clone(), reply))
            }
            Ask::Question(question) => {
                let item = self.item(question)?;
                if at < item.options.len() {
                    if item.multiple && self.ticked.is_empty() {
                        self.ticked.push(at);
                    } else if !item.multiple {
                        self.ticked = vec![at];
                    }
                    return self.answered(question, None);
                }
                if item.custom && at == item.options.len() {
                    self.text = Some(String::new());
                    return None;
                }
                Some(Answer::Decline(question.id.clone()))
            }
        }
    }

    /// One question is answered; the request is when all are.
    fn answered(&mut self, question: &Question, own: Option<String>) -> Option<Answer> {
        let item = self.item(question)?;
        self.ticked.sort_unstable();
        let chosen =
            self.ticked.iter().filter_map(|at| item.options.get(*at)).map(|option| option.label.clone());
        let answer = chosen.chain(own).collect();
        self.answers.push(answer);
        (self.marked, self.text, self.ticked) = (None, None, Vec::new());
        if self.answers.len() < question.items.len() {
            return None;
        }
        Some(Answer::Question(question.id.clone(), self.answers.clone()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use opencode_nexus::model::QuestionOption;

    fn permission() -> Ask {
        Ask::Permission(Permission {
            id: "per_1".into(),
            session_id: "ses_1".into(),
            action: "bash".into(),
            patterns: vec!["ls".into()],
            always: vec!["ls *".into()],
            tool: None,
            metadata: Default::default(),
        })
    }

    fn item(multiple: bool, custom: bool) -> QuestionItem {
        let option = |label: &str| QuestionOption { label: label.into(), description: String::new() };
        QuestionItem {
            header: "H".into(),
            question: "Q?".into(),
            options: vec![option("Red"), option("Blue")],
            multiple,
            custom,
        }
    }

    fn question(items: Vec<QuestionItem>) -> Ask {
        Ask::Question(Question { id: "que_1".into(), session_id: "ses_1".into(), items, tool: None })
    }

    fn press_all(ask: &Ask, keys: &[Press]) -> Option<Answer> {
        let mut choice = Choice::default();
        keys.iter().fold(None, |last, key| choice.press(ask, key.clone()).or(last))
    }

    #[test]
    fn enter_alone_answers_nothing() {
        assert_eq!(press_all(&permission(), &[Press::Enter, Press::Enter]), None);
    }

    #[test]
    fn a_permission_is_given_once_always_or_not() {
        let reply = |keys: &[Press]| match press_all(&permission(), keys) {
            Some(Answer::Permission(_, reply)) => reply,
            other => panic!("{other:?}"),
        };
        assert_eq!(reply(&[Press::Down, Press::Enter]), PermissionReply::Once);
        assert_eq!(reply(&[Press::Number(2), Press::Enter]), PermissionReply::Always);
        assert_eq!(reply(&[Press::Number(3), Press::Enter]), PermissionReply::Reject { message: None });
        let why = [
            Press::Up,
            Press::Enter,
            Press::Text("not 1".into()),
            Press::Back,
            Press::Number(2),
            Press::Enter,
        ];
        assert_eq!(reply(&why), PermissionReply::Reject { message: Some("not 2".into()) });
    }

    #[test]
    fn an_answer_is_given_once() {
        let mut choice = Choice::default();
        choice.press(&permission(), Press::Down);
        assert!(choice.press(&permission(), Press::Enter).is_some());
        assert!(choice.press(&permission(), Press::Enter).is_none());
        choice.failed();
        assert!(choice.press(&permission(), Press::Enter).is_some());
    }

    #[test]
    fn several_questions_are_answered_together() {
        let ask = question(vec![item(false, false), item(true, true)]);
        let keys = [
            Press::Number(2),
            Press::Enter,
            Press::Down,
            Press::Tick,
            Press::Down,
            Press::Tick,
            Press::Number(3),
            Press::Enter,
            Press::Text("Green".into()),
            Press::Enter,
        ];
        let Some(Answer::Question(_, answers)) = press_all(&ask, &keys) else { panic!("no answer") };
        assert_eq!(answers, [vec!["Blue".to_owned()], vec!["Red".into(), "Blue".into(), "Green".into()]]);
    }

    #[test]
    fn a_question_can_be_declined() {
        let ask = question(vec![item(false, false)]);
        assert!(matches!(press_all(&ask, &[Press::Up, Press::Enter]), Some(Answer::Decline(_))));
    }
}
