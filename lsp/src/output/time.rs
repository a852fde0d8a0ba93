//! Moments as people read and write them. Days are those of UTC: nothing here knows the person's time zone.

use std::time::{SystemTime, UNIX_EPOCH};

use opencode_nexus::{Error, ErrorKind, Result};

const MINUTE: u64 = 60_000;
const HOUR: u64 = 60 * MINUTE;
const DAY: u64 = 24 * HOUR;

/// Now, in Unix milliseconds.
pub(crate) fn now() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

/// How long ago, in the largest unit that fits.
pub(crate) fn age(milliseconds: u64) -> String {
    let passed = now().saturating_sub(milliseconds);
    match passed {
        0..MINUTE => "now".to_owned(),
        MINUTE..HOUR => format!("{} min", passed / MINUTE),
        HOUR..DAY => format!("{} h", passed / HOUR),
        _ => format!("{} d", passed / DAY),
    }
}

/// `2026-01-31 12:00`, UTC.
pub(crate) fn date(milliseconds: u64) -> String {
    let (year, month, day) = civil(milliseconds / DAY);
    let minutes = milliseconds % DAY / MINUTE;
    format!("{year:04}-{month:02}-{day:02} {:02}:{:02}", minutes / 60, minutes % 60)
}

/// A moment as people write it: a day (`2026-01-31`), or how long before `now` (`30min`, `12h`, `7d`, `2w`). In Unix
/// milliseconds.
///
/// # Errors
/// `user.invalid_input` for anything else.
pub(crate) fn moment(text: &str, now: u64) -> Result<u64> {
    let wrong = || {
        Error::new(ErrorKind::InvalidInput, format!("`{}` is no moment", text.escape_debug()))
            .with_hint("write a day like 2026-01-31, or how long ago, like 30min, 12h, 7d, 2w")
    };
    if let Some(start) = day(text) {
        return Ok(start);
    }
    let split = text.find(|c: char| !c.is_ascii_digit()).ok_or_else(wrong)?;
    let (number, unit) = text.split_at(split);
    let number: u64 = number.parse().map_err(|_| wrong())?;
    let unit = match unit {
        "min" => MINUTE,
        "h" => HOUR,
        "d" => DAY,
        "w" => 7 * DAY,
        _ => return Err(wrong()),
    };
    Ok(now.saturating_sub(number.saturating_mul(unit)))
}

/// The beginning of a day; `None` for what is none.
fn day(text: &str) -> Option<u64> {
    let mut parts = text.split('-').map(|part| part.parse::<u64>().ok());
    let (year, month, day) = (parts.next()??, parts.next()??, parts.next()??);
    if parts.next().is_some() || !(1970..=9999).contains(&year) || !(1..=12).contains(&month) {
        return None;
    }
    let before = days_before(year, month) + day.checked_sub(1)?;
    // A day that the month does not have is one of the next month.
    (civil(before) == (year, month, day)).then_some(before * DAY)
}

fn is_leap(year: u64) -> bool {
    year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400))
}

fn days_of(year: u64, month: u64) -> u64 {
    match month {
        2 => 28 + u64::from(is_leap(year)),
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Days from 1970 to the first of a month.
fn days_before(year: u64, month: u64) -> u64 {
    let leaps = |year: u64| (year - 1) / 4 - (year - 1) / 100 + (year - 1) / 400;
    let years = (year - 1970) * 365 + leaps(year) - leaps(1970);
    years + (1..month).map(|month| days_of(year, month)).sum::<u64>()
}

/// Year, month and day of a number of days since 1970.
fn civil(days: u64) -> (u64, u64, u64) {
    // 146,097 days are 400 years; the estimate is at most a year off.
    let mut year = 1970 + days * 400 / 146_097;
    while days_before(year, 1) > days {
        year -= 1;
    }
    while days_before(year + 1, 1) <= days {
        year += 1;
    }
    let mut month = 1;
    while month < 12 && days_before(year, month + 1) <= days {
        month += 1;
    }
    (year, month, days - days_before(year, month) + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_day_of_a_thousand_years_is_read_as_it_is_written() {
        let (mut year, mut month, mut of_month) = (1970, 1, 1);
        for days in 0..365_250 {
            assert_eq!(civil(days), (year, month, of_month), "{days}");
            let text = format!("{year:04}-{month:02}-{of_month:02}");
            assert_eq!(day(&text), Some(days * DAY), "{text}");
            assert_eq!(date(days * DAY), format!("{text} 00:00"));
            of_month += 1;
            if of_month > days_of(year, month) {
                (month, of_month) = (month + 1, 1);
            }
            if month > 12 {
                (year, month) = (year + 1, 1);
            }
        }
    }

    #[test]
    fn moments_are_days_or_distances() {
        let now = 1_767_225_600_000; // 2026-01-01
        assert_eq!(moment("2026-01-01", 0).unwrap(), now);
        assert_eq!(moment("7d", now).unwrap(), now - 7 * DAY);
        assert_eq!(moment("30min", now).unwrap(), now - 30 * MINUTE);
        assert_eq!(moment("99999999999999999w", now).unwrap(), 0);
        for wrong in
            ["", "2026-02-29", "2026-13-01", "2026-01-00", "1-1-1", "7", "d", "7y", "-7d", "2026-01-01-1"]
        {
            assert!(moment(wrong, now).is_err_and(|error| error.hint().is_some()), "{wrong}");
        }
    }
}
