//! Every kind of block, at once and letter by letter.

use super::*;

fn shown(text: &str, width: usize) -> Vec<String> {
    let mut markdown = Markdown::default();
    markdown.update(text, width);
    markdown.lines().iter().map(ToString::to_string).collect()
}

const ALL: &str = "# Title\n\nSome **bold** and `code`, a [link](https://e.x/y).\n\n- one\n- two\n  - deep\n\n1. first\n2. second\n\n> quoted\n> more\n\n```rust\nfn main() {\n    let x = 1;\n}\n```\n\n| a | b |\n|---|--:|\n| 1 | 2 |\n\n---\n\n- [x] done\n- [ ] open\n\nlast ~~gone~~ *soft*";

#[test]
fn every_kind_of_block_has_its_look() {
    assert_eq!(
        shown(ALL, 60),
        [
            "Title",
            "",
            "Some bold and code, a link (https://e.x/y).",
            "",
            "• one",
            "• two",
            "  • deep",
            "",
            "1. first",
            "2. second",
            "",
            "│ quoted more",
            "",
            "│ fn main() {",
            "│     let x = 1;",
            "│ }",
            "",
            " a │ b ",
            "───┼───",
            " 1 │ 2 ",
            "",
            "────────────────────────────────────────",
            "",
            "• [x] done",
            "• [ ] open",
            "",
            "last gone soft",
        ]
    );
}

#[test]
fn text_that_grows_is_rendered_as_if_it_had_come_at_once() {
    for width in [8, 20, 60] {
        let mut growing = Markdown::default();
        for (at, _) in ALL.char_indices() {
            growing.update(&ALL[..at], width);
        }
        growing.update(ALL, width);
        let lines: Vec<String> = growing.lines().iter().map(ToString::to_string).collect();
        assert_eq!(lines, shown(ALL, width), "width {width}");
    }
}

#[test]
fn finished_blocks_are_not_rendered_again() {
    let mut markdown = Markdown::default();
    markdown.update("one\n\ntwo\n\nthr", 40);
    assert_eq!(markdown.stable, (5, 1), "the last line may still change what it belongs to");
    markdown.update("one\n\ntwo\n\nthree", 40);
    assert_eq!(markdown.lines().last().unwrap().to_string(), "three");
    markdown.update("replaced", 40);
    assert_eq!(markdown.lines().len(), 1);
}

#[test]
fn no_line_is_wider_than_the_window() {
    for width in 6..40 {
        let long = format!("{ALL}\n\n| {} | x |\n|---|---|\n| y | {} |", "wide ".repeat(20), "z".repeat(30));
        for line in shown(&long, width) {
            let columns = unicode_width::UnicodeWidthStr::width(line.as_str());
            assert!(columns <= width, "{columns} > {width}: {line:?}");
        }
    }
}

#[test]
fn control_characters_in_every_place_are_shown() {
    let text = "a\u{1b}[2Jb `c\u{7}` \n\n```\nx\u{1b}]0;t\u{7}\n```\n\n| \u{9b}1m | b |\n|-|-|\n| c | d |\n";
    let lines = shown(text, 60).join("\n");
    assert!(!lines.chars().any(|c| c != '\n' && super::super::clean::is_harmful(c)), "{lines:?}");
    assert!(lines.contains("a␛[2Jb c␇") && lines.contains("x␛]0;t␇"), "{lines}");
}
