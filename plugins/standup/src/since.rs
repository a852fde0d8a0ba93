//! What stands behind `/standup`: how far back, and whether the model is to write it up.

use opencode_nexus_plugin::{Error, Result};

const DAY: u64 = 86_400_000;

/// What the person has asked for.
#[derive(Debug, PartialEq, Eq)]
pub struct Request {
    /// So many days before today; as many as were not worked when none are said.
    days: Option<u64>,
    pub ask: bool,
}

impl Request {
    pub fn parse(arguments: &str) -> Result<Self> {
        let mut request = Self { days: None, ask: false };
        for word in arguments.split_whitespace() {
            match word {
                "ask" => request.ask = true,
                "week" => request.days = Some(7),
                number => match number.parse() {
                    Ok(days @ 1..=90) => request.days = Some(days),
                    _ => {
                        return Err(Error::invalid(format!("`{number}` is no number of days"))
                            .with_hint("write `/standup`, `/standup 3`, `/standup week` or `/standup ask`"));
                    }
                },
            }
        }
        Ok(request)
    }

    /// The beginning of that day.
    pub fn since(&self, now: u64) -> u64 {
        let today = now / DAY;
        // 1970-01-01 was a Thursday: 0 is a Monday here.
        let weekday = (today + 3) % 7;
        let days = self.days.unwrap_or(match weekday {
            0 => 3,
            6 => 2,
            _ => 1,
        });
        today.saturating_sub(days) * DAY
    }
}

/// What the last word may go on with.
pub fn completions(arguments: &str) -> Vec<String> {
    let (before, typed) = arguments.rsplit_once(' ').unwrap_or(("", arguments));
    let is_new =
        |word: &&str| word.starts_with(typed) && !before.split_whitespace().any(|known| known == *word);
    ["week", "ask"].into_iter().filter(is_new).map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn on_a_monday_the_last_day_of_work_was_friday() {
        let since = |day: u64| Request::parse("").unwrap().since(day * DAY + 5) / DAY;
        // 1970-01-05 was a Monday.
        assert_eq!(since(4), 1);
        assert_eq!(since(5), 4);
        assert_eq!(since(10), 8);
        assert_eq!(since(9), 8);
        assert_eq!(Request::parse("week ask").unwrap(), Request { days: Some(7), ask: true });
    }

    #[test]
    fn what_is_no_number_of_days_is_refused_with_what_would_be() {
        for wrong in ["soon", "0", "91", "-1"] {
            assert!(Request::parse(wrong).unwrap_err().hint.is_some(), "{wrong}");
        }
    }

    #[test]
    fn words_are_offered_once() {
        assert_eq!(completions(""), ["week", "ask"]);
        assert_eq!(completions("week "), ["ask"]);
        assert_eq!(completions("a"), ["ask"]);
    }
}
