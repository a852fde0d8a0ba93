//! Numbers as people read them. Pure.

/// `1.0 MB`, `12 kB`, `7 bytes`.
pub(crate) fn bytes(count: usize) -> String {
    match count {
        0..1_000 => format!("{count} bytes"),
        1_000..1_000_000 => format!("{} kB", count / 1_000),
        _ => format!("{:.1} MB", count as f64 / 1e6),
    }
}

/// `1 line`, `12,345 lines`.
pub(crate) fn lines(count: usize) -> String {
    if count == 1 { "1 line".to_owned() } else { format!("{} lines", grouped(count)) }
}

/// With a comma between thousands.
pub(crate) fn grouped(count: usize) -> String {
    let digits = count.to_string();
    let mut out = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// `950`, `1.2k`, `3.4M`.
pub(crate) fn short(count: f64) -> String {
    match count {
        n if n < 1_000.0 => format!("{n:.0}"),
        n if n < 1_000_000.0 => format!("{:.1}k", n / 1e3),
        n => format!("{:.1}M", n / 1e6),
    }
}

/// Of milliseconds: `0.3 s`, `12 s`, `3 min 4 s`.
pub(crate) fn duration(milliseconds: u64) -> String {
    match milliseconds / 1_000 {
        0..10 => format!("{:.1} s", milliseconds as f64 / 1e3),
        seconds @ 10..60 => format!("{seconds} s"),
        seconds => format!("{} min {} s", seconds / 60, seconds % 60),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_short() {
        assert_eq!(
            (bytes(7), bytes(12_345), bytes(1_048_576)),
            ("7 bytes".into(), "12 kB".into(), "1.0 MB".into())
        );
        assert_eq!((lines(1), lines(12_345)), ("1 line".into(), "12,345 lines".into()));
        assert_eq!(
            (grouped(999), grouped(1_000), grouped(1_234_567)),
            ("999".into(), "1,000".into(), "1,234,567".into())
        );
        assert_eq!((short(12.0), short(1_234.0)), ("12".into(), "1.2k".into()));
        assert_eq!(
            (duration(340), duration(12_000), duration(184_000)),
            ("0.3 s".into(), "12 s".into(), "3 min 4 s".into())
        );
    }
}
