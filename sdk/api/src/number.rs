//! JSON numbers as the server wrote them: `0` and `0.0` stay apart, and nothing fails because an integer arrived as a
//! fraction.
use std::fmt;

use serde::{Deserialize, Serialize};

/// A JSON number. Times are Unix milliseconds unless a field says otherwise.
#[derive(Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Number(serde_json::Number);

impl Number {
    /// The nearest floating point value; NaN only for numbers that have none.
    #[must_use]
    pub fn as_f64(&self) -> f64 {
        self.0.as_f64().unwrap_or(f64::NAN)
    }

    /// The value when it is a whole number that fits; also for `3.0`.
    #[must_use]
    pub fn as_u64(&self) -> Option<u64> {
        self.0.as_u64().or_else(|| whole(self.as_f64()).and_then(|value| u64::try_from(value).ok()))
    }

    /// The value when it is a whole number that fits; also for `-3.0`.
    #[must_use]
    pub fn as_i64(&self) -> Option<i64> {
        self.0.as_i64().or_else(|| whole(self.as_f64()))
    }

    /// A number from a float; `None` for NaN and the infinities, which JSON cannot carry.
    #[must_use]
    pub fn from_f64(value: f64) -> Option<Self> {
        serde_json::Number::from_f64(value).map(Self)
    }

    /// The number as `serde_json` has it.
    #[must_use]
    pub fn as_json(&self) -> &serde_json::Number {
        &self.0
    }
}

/// Beyond 2^53 a float no longer names one integer.
fn whole(value: f64) -> Option<i64> {
    const EXACT: f64 = 9_007_199_254_740_992.0;
    #[allow(clippy::cast_possible_truncation)]
    (value.fract() == 0.0 && value.abs() <= EXACT).then_some(value as i64)
}

impl Default for Number {
    fn default() -> Self {
        Self(0.into())
    }
}

impl fmt::Debug for Number {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

impl fmt::Display for Number {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

macro_rules! from_integers {
    ($($integer:ty)*) => {$(
        impl From<$integer> for Number {
            fn from(value: $integer) -> Self {
                Self(value.into())
            }
        }
    )*};
}

from_integers!(u8 u16 u32 u64 usize i8 i16 i32 i64 isize);

#[cfg(test)]
mod tests {
    use super::Number;

    #[test]
    fn zero_and_zero_point_zero_stay_apart() {
        for text in ["0", "0.0", "-1", "1.5", "1795329631122", "18446744073709551615", "1e300"] {
            let number: Number = serde_json::from_str(text).expect("a number");
            let value: serde_json::Value = serde_json::from_str(text).expect("a value");
            assert_eq!(serde_json::to_string(&number).expect("text"), value.to_string());
        }
    }

    #[test]
    fn whole_floats_count_as_integers() {
        let three: Number = serde_json::from_str("3.0").expect("a number");
        assert_eq!((three.as_u64(), three.as_i64()), (Some(3), Some(3)));
        let half: Number = serde_json::from_str("0.5").expect("a number");
        assert_eq!((half.as_u64(), half.as_i64()), (None, None));
    }
}
