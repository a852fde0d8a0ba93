//! A unified diff in colours, and a diff of two texts where there is no unified one. Pure.

use ratatui::style::Style;
use ratatui::text::{Line, Span};
use similar::TextDiff;

use super::clean::clean;
use super::theme;
use super::wrap::{Break, Indent, wrap};

/// At most `limit` lines of a unified diff; what is left out is told.
pub(crate) fn lines(patch: &str, width: usize, indent: &Indent, limit: usize) -> Vec<Line<'static>> {
    let wanted: Vec<&str> = patch.lines().filter(|line| !is_head(line)).collect();
    let mut out = Vec::new();
    for line in wanted.iter().take(limit) {
        let span = Span::styled(clean(line).into_owned(), style(line));
        out.extend(wrap(&[span], width, indent, Break::Anywhere));
    }
    if wanted.len() > limit {
        let rest = format!("… {} more lines", wanted.len() - limit);
        out.extend(wrap(&[Span::styled(rest, theme::DIM)], width, indent, Break::Words));
    }
    out
}

/// The unified diff that leads from one text to the other.
pub(crate) fn between(before: &str, after: &str) -> String {
    TextDiff::from_lines(before, after).unified_diff().context_radius(2).to_string()
}

/// File names stand in the title already.
fn is_head(line: &str) -> bool {
    ["--- ", "+++ ", "Index: ", "====", "diff --git ", "index "].iter().any(|head| line.starts_with(head))
        || line == "\\ No newline at end of file"
}

fn style(line: &str) -> Style {
    match line.as_bytes().first() {
        Some(b'+') => theme::GOOD,
        Some(b'-') => theme::BAD,
        Some(b'@') => theme::ACCENT,
        _ => theme::DIM,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_added_and_taken_away_has_its_colour() {
        let patch = between("one\ntwo\n", "one\nthree\n");
        let shown = lines(&patch, 40, &Indent::default(), 10);
        let find = |text: &str| shown.iter().find(|l| l.to_string() == text).map(|l| l.spans[0].style);
        assert_eq!((find("-two"), find("+three")), (Some(theme::BAD), Some(theme::GOOD)));
        assert_eq!(lines(&patch, 40, &Indent::default(), 1).last().unwrap().to_string(), "… 3 more lines");
    }
}
