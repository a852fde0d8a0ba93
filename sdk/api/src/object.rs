//! The macro behind every generated struct: decoding in one pass without buffering, unknown fields into `extra`.
//! `#[serde(flatten)]` would buffer each object once more, which on a stream of deltas is half of the time.
//!
//! A field's mode says what its absence means:
//! - `need`: the object is not decodable without it;
//! - `opt`: `None` when it is missing or `null`;
//! - `null`: `None` when it is `null`, and written as `null`;
//! - `fill`: the type's default when it is missing or `null`.
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, MapAccess, Visitor};
use serde_json::Value;

use crate::Extra;

/// A key of an object: the position of a known field, or the name of an unknown one.
pub(crate) enum Key {
    Known(usize),
    Other(String),
}

/// Looks a key up among `names`, first where the next one is expected: servers write fields in a constant order.
pub(crate) struct KeySeed {
    pub(crate) names: &'static [&'static str],
    pub(crate) next: usize,
}

impl KeySeed {
    fn known(&self, key: &str) -> Option<usize> {
        if self.names.get(self.next).is_some_and(|name| *name == key) {
            return Some(self.next);
        }
        self.names.iter().position(|name| *name == key)
    }
}

impl<'de> DeserializeSeed<'de> for KeySeed {
    type Value = Key;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Key, D::Error> {
        deserializer.deserialize_identifier(self)
    }
}

impl Visitor<'_> for KeySeed {
    type Value = Key;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a field name")
    }

    fn visit_str<E>(self, key: &str) -> Result<Key, E> {
        Ok(self.known(key).map_or_else(|| Key::Other(key.to_owned()), Key::Known))
    }
}

/// Reads a constant field: the expected value is dropped, because encoding writes it again; another one is kept.
pub(crate) fn read_constant<'de, A: MapAccess<'de>>(
    map: &mut A,
    extra: &mut Extra,
    name: &'static str,
    expected: &'static str,
) -> Result<(), A::Error> {
    let value: Value = map.next_value()?;
    if value.as_str() != Some(expected) {
        extra.insert(name, value);
    }
    Ok(())
}

/// How a field that has a default is written.
pub(crate) enum LeftOut {
    No,
    Null,
    Absent,
}

/// Whether a field was left out by the server, or kept because of its type, and has not been filled since.
pub(crate) fn left_out<T: Default + PartialEq>(extra: &Extra, name: &str, value: &T) -> LeftOut {
    if (extra.was_absent(name) || extra.get(name).is_some()) && *value == T::default() {
        LeftOut::Absent
    } else if extra.was_null(name) && *value == T::default() {
        LeftOut::Null
    } else {
        LeftOut::No
    }
}

macro_rules! field_type {
    (opt $type:ty) => { Option<$type> };
    (null $type:ty) => { Option<$type> };
    ($mode:ident $type:ty) => { $type };
}

macro_rules! field_doc {
    (need $wire:literal) => {
        concat!("`", $wire, "`")
    };
    (opt $wire:literal) => {
        concat!("`", $wire, "`, optional")
    };
    (null $wire:literal) => {
        concat!("`", $wire, "`, may be null")
    };
    (fill $wire:literal) => {
        concat!("`", $wire, "`")
    };
}

macro_rules! field_read {
    (need $lenient:ident $map:ident $extra:ident $wire:literal) => {
        Some($map.next_value()?)
    };
    (null $lenient:ident $map:ident $extra:ident $wire:literal) => {
        $map.next_value()?
    };
    ($mode:ident $lenient:ident $map:ident $extra:ident $wire:literal) => {
        if $lenient {
            $crate::lenient::read(&mut $map, &mut $extra, $wire)?
        } else {
            let value = $map.next_value()?;
            $extra.forget($wire);
            if Option::is_none(&value) {
                $extra.note_null($wire);
            }
            value
        }
    };
}

macro_rules! field_finish {
    (need $value:ident $seen:expr, $extra:ident $wire:literal) => {
        match $value {
            Some(value) => value,
            None => return Err(serde::de::Error::missing_field($wire)),
        }
    };
    (opt $value:ident $seen:expr, $extra:ident $wire:literal) => {
        $value
    };
    (null $value:ident $seen:expr, $extra:ident $wire:literal) => {{
        if !$seen {
            $extra.note_absent($wire);
        }
        $value
    }};
    (fill $value:ident $seen:expr, $extra:ident $wire:literal) => {{
        if !$seen {
            $extra.note_absent($wire);
        }
        $value.unwrap_or_default()
    }};
}

macro_rules! field_write {
    (need $map:ident $extra:expr, $value:expr, $wire:literal) => {
        $map.serialize_entry($wire, $value)?;
    };
    (opt $map:ident $extra:expr, $value:expr, $wire:literal) => {
        match $value {
            Some(value) => $map.serialize_entry($wire, value)?,
            None if $extra.was_null($wire) => $map.serialize_entry($wire, &())?,
            None => {}
        }
    };
    (null $map:ident $extra:expr, $value:expr, $wire:literal) => {
        if $value.is_some() || !$extra.was_absent($wire) {
            $map.serialize_entry($wire, $value)?;
        }
    };
    (fill $map:ident $extra:expr, $value:expr, $wire:literal) => {
        // What was missing stays missing unless somebody has filled it since.
        match $crate::object::left_out(&$extra, $wire, $value) {
            $crate::object::LeftOut::No => $map.serialize_entry($wire, $value)?,
            $crate::object::LeftOut::Null => $map.serialize_entry($wire, &())?,
            $crate::object::LeftOut::Absent => {}
        }
    };
}

macro_rules! wire_struct {
    ($(
        $(#[$meta:meta])*
        pub struct $name:ident {
            $($index:literal $mode:ident $(#[$field_meta:meta])* $field:ident: $type:ty = $wire:literal,)*
            $(const $const_index:literal $const_wire:literal = $const_value:literal,)*
        }
    )*) => {$(
        $(#[$meta])*
        #[derive(Debug, Clone, PartialEq, Default)]
        pub struct $name {
            $(
                #[doc = field_doc!($mode $wire)]
                $(#[$field_meta])*
                pub $field: field_type!($mode $type),
            )*
            /// Fields that this version does not know.
            pub extra: $crate::Extra,
        }

        impl<'de> serde::Deserialize<'de> for $name {
            #[allow(unused_mut, unused_variables, unused_assignments)]
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                struct Fields;
                impl<'de> serde::de::Visitor<'de> for Fields {
                    type Value = $name;

                    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                        f.write_str(concat!("an object (", stringify!($name), ")"))
                    }

                    fn visit_map<A: serde::de::MapAccess<'de>>(self, mut map: A) -> Result<$name, A::Error> {
                        const NAMES: &[&str] = &[$($wire,)* $($const_wire,)*];
                        $(let mut $field: Option<$type> = None;)*
                        let mut extra = $crate::Extra::default();
                        let lenient = $crate::lenient::is_lenient();
                        let mut seen = 0_u64;
                        let mut next = 0;
                        while let Some(key) = map.next_key_seed($crate::object::KeySeed { names: NAMES, next })? {
                            match key {
                                $crate::object::Key::Known(index) => {
                                    next = index + 1;
                                    seen |= 1 << index;
                                    match index {
                                        $($index => $field = field_read!($mode lenient map extra $wire),)*
                                        $($const_index => $crate::object::read_constant(
                                            &mut map, &mut extra, $const_wire, $const_value,
                                        )?,)*
                                        _ => {
                                            map.next_value::<serde::de::IgnoredAny>()?;
                                        }
                                    }
                                }
                                $crate::object::Key::Other(name) => {
                                    let value: serde_json::Value = map.next_value()?;
                                    extra.insert(name, value);
                                }
                            }
                        }
                        $(
                            let $field = field_finish!($mode $field seen & (1 << $index) != 0, extra $wire);
                        )*
                        $(
                            if seen & (1 << $const_index) == 0 {
                                extra.note_absent($const_wire);
                            }
                        )*
                        Ok($name { $($field,)* extra })
                    }
                }
                deserializer.deserialize_map(Fields)
            }
        }

        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                #[allow(unused_imports)]
                use serde::ser::SerializeMap as _;
                let mut map = serializer.serialize_map(None)?;
                $(
                    if self.extra.writes_constant($const_wire) {
                        map.serialize_entry($const_wire, $const_value)?;
                    }
                )*
                $(field_write!($mode map self.extra, &self.$field, $wire);)*
                self.extra.write(&mut map)?;
                map.end()
            }
        }
    )*};
}
