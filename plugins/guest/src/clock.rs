//! What time it is.

/// Milliseconds since 1970-01-01T00:00:00Z.
pub fn now_ms() -> u64 {
    #[cfg(target_family = "wasm")]
    {
        let now = crate::bindings::clock::wasi::clocks::wall_clock::now();
        now.seconds * 1_000 + u64::from(now.nanoseconds / 1_000_000)
    }
    #[cfg(not(target_family = "wasm"))]
    {
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
        now.map_or(0, |now| u64::try_from(now.as_millis()).unwrap_or(u64::MAX))
    }
}

/// A day of the calendar in UTC, as year, month and day, from [`now_ms`] or a time of the host's.
pub fn date(ms: u64) -> (i64, u32, u32) {
    // Days are counted from the first of March of the year 0, so that the leap day is the last of its year; 400 years have
    // 146,097 days. <https://howardhinnant.github.io/date_algorithms.html#civil_from_days>
    let days = i64::try_from(ms / 86_400_000).unwrap_or(0) + 719_468;
    let era = days.div_euclid(146_097);
    let day_of_era = days.rem_euclid(146_097);
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted + 2) / 5 + 1;
    let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    (year, u32::try_from(month).unwrap_or(1), u32::try_from(day).unwrap_or(1))
}

/// [`date`] as `2026-11-26`.
pub fn iso_date(ms: u64) -> String {
    let (year, month, day) = date(ms);
    format!("{year:04}-{month:02}-{day:02}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_are_those_of_the_calendar() {
        for (seconds, text) in [
            (0, "1970-01-01"),
            (951_782_400, "2000-02-29"),
            (951_868_800, "2000-03-01"),
            (1_735_689_599, "2024-12-31"),
            (1_735_689_600, "2025-01-01"),
            (4_107_542_400, "2100-03-01"),
        ] {
            assert_eq!(iso_date(seconds * 1_000), text);
        }
    }
}
