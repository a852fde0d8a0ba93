//! A plugin on the terminal: its rows are drawn, and keys, pastes and sizes told to it. Ctrl-C is not: it always ends.

use std::io::{self, Write as _};

use crossterm::event::{Event, EventStream, KeyCode, KeyEvent, KeyEventKind, KeyModifiers};
use crossterm::style::Print;
use crossterm::terminal::{BeginSynchronizedUpdate, Clear, ClearType, EndSynchronizedUpdate};
use crossterm::{cursor, execute, queue};
use futures_util::StreamExt as _;
use opencode_nexus::Result;
use opencode_nexus_plugins::terminal::{Input, Key, Terminal};

use crate::commands::chat::terminal::Taken;

/// The longest paste that a plugin is told of, in bytes.
const PASTE: usize = 256 << 10;

/// Shows it until Ctrl-C, or until the terminal or the plugin is gone.
///
/// # Errors
/// `system.io` when the terminal cannot be read key by key.
pub(super) async fn run(mut terminal: Terminal) -> Result<()> {
    let _taken = Taken::take()?;
    execute!(io::stdout(), cursor::Hide)?;
    let (mut events, mut size) = (EventStream::new(), crossterm::terminal::size()?);
    terminal.input(Input::Resize(size.0, size.1));
    draw(&mut terminal, size)?;
    loop {
        tokio::select! {
            more = terminal.changed() => {
                if !more {
                    return Ok(());
                }
            }
            event = events.next() => match event {
                None => return Ok(()),
                Some(event) => match told(event?) {
                    Told::End => return Ok(()),
                    Told::Input(Input::Resize(columns, rows)) => {
                        size = (columns, rows);
                        terminal.input(Input::Resize(columns, rows));
                    }
                    // One that is too slow misses keys, and cannot make this end.
                    Told::Input(input) => drop(terminal.input(input)),
                    Told::Nothing => continue,
                }
            }
        }
        draw(&mut terminal, size)?;
    }
}

fn draw(terminal: &mut Terminal, (columns, rows): (u16, u16)) -> Result<()> {
    let mut out = io::stdout();
    queue!(out, BeginSynchronizedUpdate)?;
    let frame = terminal.frame(columns, rows);
    for y in 0..rows {
        let row = frame.get(usize::from(y)).map_or("", String::as_str);
        queue!(out, cursor::MoveTo(0, y), Clear(ClearType::CurrentLine), Print(row))?;
    }
    queue!(out, EndSynchronizedUpdate)?;
    Ok(out.flush()?)
}

enum Told {
    End,
    Input(Input),
    Nothing,
}

fn told(event: Event) -> Told {
    match event {
        Event::Key(key) if key.kind == KeyEventKind::Release => Told::Nothing,
        Event::Key(KeyEvent { code: KeyCode::Char('c'), modifiers, .. })
            if modifiers.contains(KeyModifiers::CONTROL) =>
        {
            Told::End
        }
        Event::Key(key) => pressed(key).map_or(Told::Nothing, |key| Told::Input(Input::Key(key))),
        Event::Paste(text) if text.len() <= PASTE => Told::Input(Input::Paste(text)),
        Event::Resize(columns, rows) => Told::Input(Input::Resize(columns, rows)),
        _ => Told::Nothing,
    }
}

/// A key by its name; none for those that plugins are not told of.
fn pressed(key: KeyEvent) -> Option<Key> {
    let code = match key.code {
        KeyCode::Char(character) => character.to_string(),
        KeyCode::F(number) => format!("f{number}"),
        code => match code {
            KeyCode::Enter => "enter",
            KeyCode::Esc => "escape",
            KeyCode::Tab | KeyCode::BackTab => "tab",
            KeyCode::Backspace => "backspace",
            KeyCode::Delete => "delete",
            KeyCode::Insert => "insert",
            KeyCode::Home => "home",
            KeyCode::End => "end",
            KeyCode::PageUp => "page-up",
            KeyCode::PageDown => "page-down",
            KeyCode::Up => "up",
            KeyCode::Down => "down",
            KeyCode::Left => "left",
            KeyCode::Right => "right",
            _ => return None,
        }
        .to_owned(),
    };
    let held = |modifier| key.modifiers.contains(modifier);
    let shift = held(KeyModifiers::SHIFT) || key.code == KeyCode::BackTab;
    Some(Key { code, ctrl: held(KeyModifiers::CONTROL), alt: held(KeyModifiers::ALT), shift })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(code: KeyCode, modifiers: KeyModifiers) -> Told {
        told(Event::Key(KeyEvent::new(code, modifiers)))
    }

    #[test]
    fn keys_have_names_and_ctrl_c_always_ends() {
        assert!(matches!(key(KeyCode::Char('c'), KeyModifiers::CONTROL), Told::End));
        for (code, modifiers, name, ctrl, shift) in [
            (KeyCode::Char('c'), KeyModifiers::NONE, "c", false, false),
            (KeyCode::Char('d'), KeyModifiers::CONTROL, "d", true, false),
            (KeyCode::BackTab, KeyModifiers::NONE, "tab", false, true),
            (KeyCode::PageDown, KeyModifiers::SHIFT, "page-down", false, true),
            (KeyCode::F(5), KeyModifiers::NONE, "f5", false, false),
        ] {
            let Told::Input(Input::Key(key)) = key(code, modifiers) else { panic!("{name} is a key") };
            assert_eq!((key.code.as_str(), key.ctrl, key.shift), (name, ctrl, shift));
        }
        assert!(matches!(key(KeyCode::CapsLock, KeyModifiers::NONE), Told::Nothing));
        assert!(matches!(told(Event::Paste("x".repeat(PASTE + 1))), Told::Nothing));
    }
}
