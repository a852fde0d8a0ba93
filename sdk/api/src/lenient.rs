//! A second try for objects in which something optional has another type than the interface document says. It costs
//! one copy of each optional value, so it is only made after the fast way has failed.
use std::cell::Cell;

use serde::de::{DeserializeOwned, MapAccess};
use serde_json::value::RawValue;

use crate::Extra;

thread_local! {
    // Deserialize has no room for a parameter.
    static LENIENT: Cell<bool> = const { Cell::new(false) };
}

/// Whether this is the second try.
pub(crate) fn is_lenient() -> bool {
    LENIENT.get()
}

/// Decodes strictly, then leniently.
pub(crate) fn decode<T: DeserializeOwned>(json: &str) -> Result<T, serde_json::Error> {
    let strict = serde_json::from_str(json);
    match strict {
        Err(error) if error.is_data() && !is_lenient() => {
            LENIENT.set(true);
            let second = serde_json::from_str(json);
            LENIENT.set(false);
            // The first error is the one that says what was odd.
            second.map_err(|_| error)
        }
        done => done,
    }
}

/// Reads an optional value; one of another type is kept among the unknown fields.
pub(crate) fn read<'de, T: DeserializeOwned, A: MapAccess<'de>>(
    map: &mut A,
    extra: &mut Extra,
    name: &'static str,
) -> Result<Option<T>, A::Error> {
    let raw: Box<RawValue> = map.next_value()?;
    extra.forget(name);
    match serde_json::from_str(raw.get()) {
        Ok(Some(value)) => return Ok(Some(value)),
        Ok(None) => extra.note_null(name),
        Err(_) => {
            extra.insert(name, serde_json::from_str(raw.get()).unwrap_or_default());
        }
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    use crate::v1::TextPart;

    /// Found by the fuzzer: the odd value stayed beside the good one, and encoding wrote the field twice.
    #[test]
    fn of_a_field_that_is_named_twice_the_last_one_counts() {
        for (first, last) in [
            (r#""""#, r#"{"start":1}"#),
            ("null", r#"{"start":1}"#),
            (r#"{"start":1}"#, r#""""#),
            (r#""""#, "null"),
        ] {
            let text = format!(
                r#"{{"id":"p","sessionID":"s","messageID":"m","type":"text","text":"","time":{first},"time":{last}}}"#
            );
            let part: TextPart = super::decode(&text).unwrap();
            let written = serde_json::to_string(&part).unwrap();
            assert_eq!(written.matches("\"time\"").count(), 1, "{text} gave {written}");
            assert_eq!(super::decode::<TextPart>(&written).unwrap(), part, "{text}");
        }
    }
}
