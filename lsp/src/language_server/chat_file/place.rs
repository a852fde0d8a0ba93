//! Places in a text: lines, and columns in UTF-16 code units, as the protocol counts them by default (LSP 3.18, Position). Pure.

/// Line and column, from 0.
pub(super) type Place = (u32, u32);

/// The place of a byte.
pub(super) fn place_of(text: &str, byte: usize) -> Place {
    let before = &text[..byte];
    let line = before.bytes().filter(|byte| *byte == b'\n').count();
    let start = before.rfind('\n').map_or(0, |at| at + 1);
    let column = before[start..].encode_utf16().count();
    (u32::try_from(line).unwrap_or(u32::MAX), u32::try_from(column).unwrap_or(u32::MAX))
}

/// The byte at a place; the nearest one where there is no such place.
pub(super) fn byte_at(text: &str, (line, column): Place) -> usize {
    let mut start = 0;
    for _ in 0..line {
        match text[start..].find('\n') {
            Some(at) => start += at + 1,
            None => return text.len(),
        }
    }
    let mut units = 0;
    for (at, char) in text[start..].char_indices() {
        let ends = char == '\n' || text[start + at..].starts_with("\r\n");
        if ends || units >= column {
            return start + at;
        }
        units += u32::try_from(char.len_utf16()).unwrap_or(1);
    }
    text.len()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_place_leads_back_to_its_byte(text in "[ab😀ü\n]{0,40}") {
            for (byte, _) in text.char_indices() {
                prop_assert_eq!(byte_at(&text, place_of(&text, byte)), byte);
            }
            prop_assert_eq!(byte_at(&text, place_of(&text, text.len())), text.len());
        }
    }

    #[test]
    fn a_place_outside_is_the_nearest_one() {
        assert_eq!(byte_at("ab\r\ncd", (0, 9)), 2);
        assert_eq!(byte_at("ab\r\ncd", (1, 9)), 6);
        assert_eq!(byte_at("ab\r\ncd", (7, 0)), 6);
    }
}
