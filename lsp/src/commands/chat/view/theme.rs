//! The colours of the screen: only the sixteen of the terminal itself, so that they suit light and dark ones alike.

use ratatui::style::{Color, Modifier, Style};

pub(crate) const PLAIN: Style = Style::new();
pub(crate) const DIM: Style = Style::new().fg(Color::DarkGray);
pub(crate) const ACCENT: Style = Style::new().fg(Color::Cyan);
pub(crate) const STRONG: Style = Style::new().add_modifier(Modifier::BOLD);
pub(crate) const PERSON: Style = Style::new().fg(Color::Blue);
pub(crate) const GOOD: Style = Style::new().fg(Color::Green);
pub(crate) const BAD: Style = Style::new().fg(Color::Red);
pub(crate) const WARN: Style = Style::new().fg(Color::Yellow);
pub(crate) const THOUGHT: Style = DIM.add_modifier(Modifier::ITALIC);
pub(crate) const CHOSEN: Style = Style::new().fg(Color::Cyan).add_modifier(Modifier::BOLD);
pub(crate) const CODE: Style = Style::new().fg(Color::Yellow);
pub(crate) const HEADING: Style = Style::new().fg(Color::Magenta).add_modifier(Modifier::BOLD);
pub(crate) const LINK: Style = Style::new().fg(Color::Blue).add_modifier(Modifier::UNDERLINED);
