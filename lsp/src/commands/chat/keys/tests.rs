//! What keys do, pressed one after the other.

use super::*;
use crate::commands::chat::ask::Ask;
use crate::commands::chat::view::scene::Scene;
use opencode_nexus::model::Permission;
use std::time::Duration;

fn key(code: KeyCode, modifiers: KeyModifiers) -> Event {
    Event::Key(KeyEvent::new(code, modifiers))
}

fn press(app: &mut App, code: KeyCode) -> Vec<Effect> {
    app.on_input(key(code, KeyModifiers::NONE), Instant::now())
}

fn ctrl_c(app: &mut App, at: Instant) -> Vec<Effect> {
    app.on_input(key(KeyCode::Char('c'), KeyModifiers::CONTROL), at)
}

fn permission() -> Ask {
    Ask::Permission(Permission {
        id: "per_1".into(),
        session_id: "ses_1".into(),
        action: "bash".into(),
        patterns: vec!["ls".into()],
        always: vec![],
        tool: None,
        metadata: Default::default(),
    })
}

#[test]
fn ctrl_c_stops_the_turn_and_not_the_program() {
    let (mut app, now) = (App::default(), Instant::now());
    app.take_scene(Scene { busy: true, ..Scene::default() }, now);
    for _ in 0..5 {
        assert!(matches!(ctrl_c(&mut app, now)[..], [Effect::Abort]));
    }
}

#[test]
fn ctrl_c_quits_only_twice_within_two_seconds_at_rest() {
    let (mut app, now) = (App::default(), Instant::now());
    assert!(ctrl_c(&mut app, now).is_empty());
    assert!(ctrl_c(&mut app, now + Duration::from_secs(3)).is_empty(), "too late");
    assert!(matches!(ctrl_c(&mut app, now + Duration::from_secs(4))[..], [Effect::Quit]));
}

#[test]
fn a_draft_that_ctrl_c_takes_away_comes_back_by_up() {
    let mut app = App::default();
    app.editor.insert("a long thought");
    ctrl_c(&mut app, Instant::now());
    assert!(app.editor.is_empty());
    press(&mut app, KeyCode::Up);
    assert_eq!(app.editor.text(), "a long thought");
}

#[test]
fn a_request_that_opens_while_one_types_is_not_answered_by_that() {
    let mut app = App::default();
    app.editor.insert("yes");
    app.take_scene(Scene { asks: vec![permission()], busy: true, ..Scene::default() }, Instant::now());
    assert!(matches!(press(&mut app, KeyCode::Enter)[..], [Effect::Send(_)]));
    let mut app = App::default();
    app.take_scene(Scene { asks: vec![permission()], busy: true, ..Scene::default() }, Instant::now());
    for code in [KeyCode::Char('y'), KeyCode::Enter, KeyCode::Char('a')] {
        assert!(press(&mut app, code).is_empty());
    }
    press(&mut app, KeyCode::Down);
    assert!(matches!(press(&mut app, KeyCode::Enter)[..], [Effect::Answer(_)]));
}

#[test]
fn a_request_that_is_answered_elsewhere_disappears() {
    let mut app = App::default();
    app.take_scene(Scene { asks: vec![permission()], busy: true, ..Scene::default() }, Instant::now());
    assert!(app.answering);
    app.take_scene(Scene { busy: true, ..Scene::default() }, Instant::now());
    assert!(!app.answering);
    app.editor.insert("x");
    assert!(matches!(press(&mut app, KeyCode::Enter)[..], [Effect::Send(_)]));
}

#[test]
fn enter_in_a_list_of_commands_runs_the_one_that_is_marked() {
    let mut app = App::default();
    for c in "/he".chars() {
        press(&mut app, KeyCode::Char(c));
    }
    assert!(app.popup.is_some());
    press(&mut app, KeyCode::Enter);
    assert!(app.notes.iter().any(|note| note.text == HELP));
    assert!(app.editor.is_empty());
}

#[test]
fn what_could_not_be_sent_stands_in_the_input_again() {
    let mut app = App::default();
    app.editor.insert("keep me");
    press(&mut app, KeyCode::Enter);
    assert!(app.editor.is_empty());
    let error = opencode_nexus::Error::new(opencode_nexus::ErrorKind::Unreachable, "gone");
    app.on_done(super::super::effect::Done::Sent(1, Err(error)));
    assert_eq!(app.editor.text(), "keep me");
    assert!(app.outbox.is_empty());
}
