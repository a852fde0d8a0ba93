//! How well a name fits what was typed: all its letters in order, better when they stand together, at the beginning of
//! words and in the name of the file itself. Pure.

/// A score, higher is better; `None` when a letter is missing. The empty pattern fits everything.
pub fn score(pattern: &str, name: &str) -> Option<i64> {
    if pattern.is_empty() {
        return Some(0);
    }
    let name: Vec<char> = name.chars().collect();
    let wanted: Vec<char> = pattern.chars().flat_map(char::to_lowercase).collect();
    let lower = |c: char| c.to_lowercase().next().unwrap_or(c);
    let file = name.iter().rposition(|c| *c == '/').map_or(0, |at| at + 1);
    // From the file's name first: `main` means `src/main.rs` and not `maintainers/in.txt`.
    let starts = [file, 0];
    starts.iter().filter_map(|start| walk(&wanted, &name, *start, file, lower)).max()
}

fn walk(
    wanted: &[char],
    name: &[char],
    start: usize,
    file: usize,
    lower: impl Fn(char) -> char,
) -> Option<i64> {
    let (mut at, mut total, mut before) = (start, 0_i64, None);
    for letter in wanted {
        let found = (at..name.len()).find(|n| lower(name[*n]) == *letter)?;
        total += 10;
        if before.is_some_and(|before: usize| before + 1 == found) {
            total += 15;
        }
        if found == 0 || matches!(name[found - 1], '/' | '_' | '-' | '.' | ' ') {
            total += 10;
        }
        if found >= file {
            total += 5;
        }
        before = Some(found);
        at = found + 1;
    }
    Some(total - i64::try_from(name.len()).unwrap_or(i64::MAX) / 4)
}

/// The best names, best first, at most `limit`; of equals the first given stays first.
pub fn best<'a, T>(
    pattern: &str,
    items: impl Iterator<Item = &'a T>,
    name: impl Fn(&T) -> &str,
    limit: usize,
) -> Vec<&'a T> {
    let mut scored: Vec<(i64, &T)> =
        items.filter_map(|item| Some((score(pattern, name(item))?, item))).collect();
    scored.sort_by_key(|(score, _)| std::cmp::Reverse(*score));
    scored.into_iter().take(limit).map(|(_, item)| item).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn first<'a>(pattern: &str, names: &'a [&'a str]) -> Option<&'a str> {
        best(pattern, names.iter(), |name| name, 1).first().map(|name| **name)
    }

    #[test]
    fn the_name_of_the_file_counts_more_than_its_folders() {
        assert_eq!(first("main", &["maintainers/in.txt", "src/main.rs"]), Some("src/main.rs"));
        assert_eq!(first("sm", &["assembly.txt", "src/main.rs"]), Some("src/main.rs"));
    }

    #[test]
    fn letters_must_all_be_there_in_order() {
        assert_eq!(first("xyz", &["zyx"]), None);
        assert_eq!(first("ÉT", &["été.md"]), Some("été.md"));
        assert_eq!(first("", &["b", "a"]), Some("b"));
    }
}
