//! The output of a command as text: without escape sequences (ECMA-48), and lines that were written over as they were last.
//! Pure.

/// The text that a person would read.
pub(super) fn plain(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for line in without_escapes(text).split_inclusive('\n') {
        let (line, end) = match line.strip_suffix('\n') {
            Some(line) => (line.strip_suffix('\r').unwrap_or(line), "\n"),
            None => (line, ""),
        };
        // A progress bar writes its line again and again.
        let last = line.rsplit('\r').find(|piece| !piece.is_empty()).unwrap_or_default();
        for c in last.chars() {
            match c {
                '\u{8}' => {
                    if !out.ends_with('\n') {
                        out.pop();
                    }
                }
                '\t' => out.push(c),
                c if c.is_control() => {}
                c => out.push(c),
            }
        }
        out.push_str(end);
    }
    out
}

fn without_escapes(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '\u{1b}' => match chars.next() {
                Some('[') => skip_to_final(&mut chars),
                Some(']' | 'P' | 'X' | '^' | '_') => skip_to_terminator(&mut chars),
                // With intermediate characters: a choice of a character set.
                Some(' '..='/') => {
                    while chars.next_if(|c| matches!(c, ' '..='/')).is_some() {}
                    chars.next();
                }
                // What follows a lone escape and is no sequence is text.
                Some(c @ '\n') => out.push(c),
                _ => {}
            },
            '\u{9b}' => skip_to_final(&mut chars),
            '\u{90}' | '\u{98}' | '\u{9d}'..='\u{9f}' => skip_to_terminator(&mut chars),
            c => out.push(c),
        }
    }
    out
}

type Chars<'a> = std::iter::Peekable<std::str::Chars<'a>>;

/// The rest of a control sequence. One that is broken off ends before what cannot belong to it.
fn skip_to_final(chars: &mut Chars<'_>) {
    while chars.next_if(|c| matches!(c, '\u{20}'..='\u{3f}')).is_some() {}
    chars.next_if(|c| matches!(c, '\u{40}'..='\u{7e}'));
}

/// The rest of a control string. One without an end ends with its line.
fn skip_to_terminator(chars: &mut Chars<'_>) {
    while let Some(c) = chars.next_if(|c| *c != '\n') {
        match c {
            '\u{7}' | '\u{9c}' => return,
            '\u{1b}' => {
                chars.next_if_eq(&'\\');
                return;
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::plain;

    #[test]
    fn only_what_is_read_stays() {
        for (text, expected) in [
            ("\u{1b}[1;31merror\u{1b}[0m: no\n", "error: no\n"),
            ("10%\r50%\r100%\nnext\r\n", "100%\nnext\n"),
            ("\u{1b}]8;;http://x\u{1b}\\link\u{1b}]8;;\u{7}.", "link."),
            ("a\u{8}b\u{1b}(Bc", "bc"),
            ("\u{1b}[31", ""),
            ("\u{1b}]open\nrest", "\nrest"),
            ("tab\there\u{0}", "tab\there"),
        ] {
            assert_eq!(plain(text), expected, "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn no_control_character_is_left(text in "([\u{1b}\u{9b}\\[\\]0-9;m\r\n\u{7}\u{8}]|\\PC){0,80}") {
            let plain = plain(&text);
            prop_assert!(!plain.contains(|c: char| c.is_control() && !matches!(c, '\n' | '\t')));
            prop_assert!(plain.matches('\n').count() <= text.matches('\n').count());
        }
    }
}
