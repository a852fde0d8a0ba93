//! JSON that is carried through as text because its kind is not known.
use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::value::RawValue;

use crate::{DecodeError, tag};

/// One JSON value, kept byte for byte.
#[derive(Clone)]
pub struct Raw {
    json: Box<RawValue>,
    mismatch: Option<Box<str>>,
}

impl Raw {
    /// Keeps a value of an unknown kind.
    #[must_use]
    pub fn new(json: Box<RawValue>) -> Self {
        Self { json, mismatch: None }
    }

    /// Keeps a value whose kind is known but which did not fit it.
    pub(crate) fn mismatched(json: Box<RawValue>, error: &serde_json::Error) -> Self {
        Self { json, mismatch: Some(error.to_string().into()) }
    }

    /// The JSON text as the server sent it.
    #[must_use]
    pub fn json(&self) -> &str {
        self.json.get()
    }

    /// The text of a string field of this object, such as `type`.
    #[must_use]
    pub fn text(&self, field: &str) -> Option<String> {
        tag::text(self.json.get(), field).map(Into::into)
    }

    /// Why a value of a known kind is here: it did not have the shape of its kind. `None` for an unknown kind.
    #[must_use]
    pub fn mismatch(&self) -> Option<&str> {
        self.mismatch.as_deref()
    }

    /// Decodes the value as something that the caller knows.
    ///
    /// # Errors
    /// When the JSON does not have the shape of `T`.
    pub fn decode<'a, T: Deserialize<'a>>(&'a self) -> Result<T, DecodeError> {
        serde_json::from_str(self.json.get()).map_err(|error| DecodeError::json("a kept value", &error))
    }
}

impl Default for Raw {
    fn default() -> Self {
        Self::new(RawValue::NULL.to_owned())
    }
}

impl PartialEq for Raw {
    fn eq(&self, other: &Self) -> bool {
        self.json() == other.json()
    }
}

impl fmt::Debug for Raw {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.json())
    }
}

impl Serialize for Raw {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.json.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Raw {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Box::<RawValue>::deserialize(deserializer).map(Self::new)
    }
}
