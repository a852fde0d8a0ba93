//! The shadow beside a simulated editor, which has a person in front of it, takes its time, refuses edits, and reports as
//! editors do.

use std::collections::VecDeque;
use std::ops::Range;

use proptest::prelude::*;

use super::place::{byte_at, place_of};
use super::region::difference;
use super::shadow::{Edit, Heard, Shadow};

/// When an editor reports.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Habit {
    /// Every change at once; our edits before it acknowledges them.
    AtOnce,
    /// Every change at once; our edits after it has acknowledged them.
    Afterwards,
    /// At once, and always all of the text.
    Whole,
    /// A moment later, everything together.
    Late,
}

/// What an editor sends.
#[derive(Clone, Debug)]
enum Sent {
    Report(Option<Heard>, String),
    Answer(bool),
}

/// What happens next.
#[derive(Clone, Debug)]
enum Step {
    /// The model writes.
    Grow(String),
    /// The server hears one message.
    Hear,
    /// The server sends an edit, if it may.
    Send,
    /// The editor makes the edit that has arrived, or refuses it.
    Make(bool),
    /// A person writes somewhere.
    Write(prop::sample::Index),
    /// A person takes some of the answer away.
    Delete(prop::sample::Index, usize),
    /// An editor that reports late does so.
    Flush,
}

struct Editor {
    habit: Habit,
    text: String,
    /// What it has reported.
    told: String,
    /// How often it has reported.
    version: usize,
    /// With the version for which each is meant.
    arrived: VecDeque<(Edit, usize)>,
    sent: VecDeque<Sent>,
    /// What the person has written, whole words of their own.
    written: Vec<String>,
}

impl Editor {
    fn change(&mut self, range: Range<usize>, text: &str) {
        let (from, to) = (place_of(&self.text, range.start), place_of(&self.text, range.end));
        self.text.replace_range(range, text);
        match self.habit {
            Habit::Late => {}
            Habit::Whole => self.report(None),
            _ => self.report(Some(Heard { from, to, text: text.to_owned() })),
        }
    }

    fn report(&mut self, heard: Option<Heard>) {
        self.version += 1;
        self.sent.push_back(Sent::Report(heard, self.text.clone()));
        self.told = self.text.clone();
    }

    fn make(&mut self, accept: bool) {
        let Some((edit, version)) = self.arrived.pop_front() else { return };
        if edit.is_exact && version < self.version {
            // The one that reports late says yes and does nothing.
            return self.sent.push_back(Sent::Answer(self.habit == Habit::Late));
        }
        if accept {
            let before = self.sent.len();
            self.change(byte_at(&self.text, edit.from)..byte_at(&self.text, edit.to), &edit.text);
            let at = if self.habit == Habit::Afterwards { before } else { self.sent.len() };
            self.sent.insert(at, Sent::Answer(true));
        } else {
            self.sent.push_back(Sent::Answer(false));
        }
    }

    /// Everything that has changed, as one change.
    fn flush(&mut self) {
        if let (Habit::Late, Some(change)) = (self.habit, difference(&self.told, &self.text)) {
            let place = |at| place_of(&self.told, at);
            let (from, to) = (place(change.range.start), place(change.range.end));
            self.report(Some(Heard { from, to, text: change.text }));
        }
    }

    /// Places that are not inside a word of the person.
    fn places(&self) -> Vec<usize> {
        let (mut depth, mut places) = (0, Vec::new());
        for (at, char) in self.text.char_indices() {
            if depth == 0 {
                places.push(at);
            }
            depth += match char {
                '[' => 1,
                ']' => -1,
                _ => 0,
            };
        }
        places.push(self.text.len());
        places
    }

    fn write(&mut self, place: &prop::sample::Index) {
        let places = self.places();
        let at = places[place.index(places.len())];
        let word = format!("[{}\n]", self.written.len());
        self.change(at..at, &word);
        self.written.push(word);
    }

    /// Takes small letters away, which only answers have.
    fn delete(&mut self, place: &prop::sample::Index, length: usize) {
        let is_answer = |char: char| char.is_lowercase() || char == ' ';
        let starts: Vec<usize> =
            self.text.char_indices().filter(|(_, c)| is_answer(*c)).map(|(at, _)| at).collect();
        if starts.is_empty() {
            return;
        }
        let start = starts[place.index(starts.len())];
        let end = start
            + self.text[start..]
                .chars()
                .take(length)
                .take_while(|c| is_answer(*c))
                .map(char::len_utf8)
                .sum::<usize>();
        self.change(start..end, "");
    }
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => "[a-d ü😀\n]{1,6}".prop_map(Step::Grow),
        6 => Just(Step::Hear),
        6 => Just(Step::Send),
        5 => prop::bool::weighted(0.9).prop_map(Step::Make),
        2 => any::<prop::sample::Index>().prop_map(Step::Write),
        1 => (any::<prop::sample::Index>(), 1..6usize).prop_map(|(at, length)| Step::Delete(at, length)),
        3 => Just(Step::Flush),
    ]
}

const BEFORE: &str = "#YOU\n\nPROMPT";
const AFTER: &str = "\n\nNEXT\n";

struct World {
    editor: Editor,
    shadow: Shadow,
    answer: String,
    /// How many reports were heard.
    version: usize,
}

impl World {
    fn new(habit: Habit) -> Self {
        let text = format!("{BEFORE}{AFTER}");
        Self {
            editor: Editor {
                habit,
                text: text.clone(),
                told: text.clone(),
                version: 0,
                arrived: VecDeque::new(),
                sent: VecDeque::new(),
                written: Vec::new(),
            },
            shadow: Shadow::new(text, std::slice::from_ref(&(BEFORE.len()..BEFORE.len()))),
            answer: "\n\n## OPENCODE\n\n".into(),
            version: 0,
        }
    }

    fn hear(&mut self) -> bool {
        match self.editor.sent.pop_front() {
            Some(Sent::Report(heard, text)) => {
                self.version += 1;
                let _ = self.shadow.reported(heard.as_ref(), &text);
            }
            Some(Sent::Answer(applied)) => self.shadow.answered(applied),
            None => return false,
        }
        true
    }

    fn step(&mut self, step: &Step) {
        match step {
            Step::Grow(more) => self.answer.push_str(more),
            Step::Hear => drop(self.hear()),
            Step::Send => self.send(),
            Step::Make(accept) => self.editor.make(*accept),
            Step::Write(place) => self.editor.write(place),
            Step::Delete(place, length) => self.editor.delete(place, *length),
            Step::Flush => self.editor.flush(),
        }
    }

    fn send(&mut self) {
        let is_exact = self.shadow.clone().next(&self.answer).is_some_and(|edit| edit.is_exact);
        let late = self.editor.habit == Habit::Late;
        // What takes something away waits until nobody types, where that is all that protects them.
        if !self.shadow.is_reported() || (is_exact && late && self.editor.told != self.editor.text) {
            return;
        }
        let edit = self.shadow.next(&self.answer);
        self.editor.arrived.extend(edit.map(|edit| (edit, self.version)));
        if is_exact && late {
            self.editor.make(true);
        }
    }

    /// Everything arrives, and the answer is complete.
    fn finish(&mut self) {
        for _ in 0..1_000 {
            self.editor.make(true);
            self.editor.flush();
            while self.hear() {}
            let edit = self.shadow.next(&self.answer);
            if edit.is_none() && self.editor.arrived.is_empty() {
                return;
            }
            self.editor.arrived.extend(edit.map(|edit| (edit, self.version)));
        }
        panic!("the answer is never complete: {:?} {:?}", self.shadow, self.answer);
    }

    fn check(&self) -> Result<(), TestCaseError> {
        let Editor { text, written, .. } = &self.editor;
        prop_assert_eq!(self.shadow.text(), text);
        prop_assert_eq!(self.shadow.answer(), self.answer.clone());
        if self.editor.habit == Habit::Late || self.editor.habit == Habit::Whole {
            // Who wrote what can be unclear there. Then a piece of the answer may stand there twice, or within a word; but
            // every character of the person is there.
            for char in written.concat().chars().filter(|char| *char != '\n') {
                let count = |text: &str| text.matches(char).count();
                prop_assert_eq!(count(text), count(&written.concat()), "{:?} in {:?}", char, text);
            }
            return Ok(());
        }
        let mut rest = text.clone();
        for word in written {
            prop_assert_eq!(rest.matches(word.as_str()).count(), 1, "{:?} in {:?}", word, text);
            rest = rest.replacen(word.as_str(), "", 1);
        }
        prop_assert_eq!(rest, format!("{BEFORE}{}{AFTER}", self.answer));
        Ok(())
    }
}

fn tell(habit: Habit, steps: &[Step]) -> Result<(), TestCaseError> {
    let mut world = World::new(habit);
    steps.iter().for_each(|step| world.step(step));
    world.finish();
    world.check()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1_000, max_shrink_iters: 500, ..ProptestConfig::default() })]

    #[test]
    fn nothing_of_the_person_is_lost_and_the_answer_is_whole_where_reports_come_at_once(
        steps in prop::collection::vec(step(), 0..60)
    ) {
        tell(Habit::AtOnce, &steps)?;
    }

    #[test]
    fn nothing_of_the_person_is_lost_and_the_answer_is_whole_where_reports_come_afterwards(
        steps in prop::collection::vec(step(), 0..60)
    ) {
        tell(Habit::Afterwards, &steps)?;
    }

    #[test]
    fn what_a_person_writes_anywhere_is_not_lost_where_reports_come_late(
        steps in prop::collection::vec(step(), 0..60)
    ) {
        let steps: Vec<Step> = steps.into_iter().filter(|step| !matches!(step, Step::Delete(..))).collect();
        tell(Habit::Late, &steps)?;
    }

    #[test]
    fn nothing_of_the_person_is_lost_where_reports_hold_all_of_the_text(
        steps in prop::collection::vec(step(), 0..60)
    ) {
        tell(Habit::Whole, &steps)?;
    }

    #[test]
    fn a_person_who_writes_elsewhere_disturbs_nothing_where_reports_come_late(
        steps in prop::collection::vec(step(), 0..60)
    ) {
        let mut world = World::new(Habit::Late);
        for step in &steps {
            match step {
                Step::Write(_) => {
                    let end = world.editor.text.len() - 1;
                    world.editor.change(end..end, "more ");
                }
                Step::Delete(..) => {}
                step => world.step(step),
            }
        }
        world.finish();
        prop_assert_eq!(world.shadow.answer(), world.answer.clone());
        let more = world.editor.text.matches("more ").count();
        prop_assert_eq!(&world.editor.text, &format!("{BEFORE}{}\n\nNEXT{}\n", world.answer, "more ".repeat(more)));
    }
}
