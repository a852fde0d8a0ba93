//! The macro behind every generated union whose members differ by the value of one field (`type`, `role`, `status`…).
//!
//! Decoding takes the value as text, finds the tag in it, and decodes the one member from the text. Serde's own tagged
//! enums copy the value into a tree first, and that tree cannot hold raw text. A value of an unknown kind, or one that
//! does not have the shape of its kind, becomes `Unknown` with its text: one odd part must not lose a conversation.

macro_rules! tagged_union {
    ($(
        $(#[$meta:meta])*
        pub enum $name:ident by $tag:literal { $($wire:literal => $variant:ident($payload:ty): $of:ty,)* }
    )*) => {$(
        $(#[$meta])*
        #[derive(Debug, Clone, PartialEq)]
        #[non_exhaustive]
        pub enum $name {
            $(
                #[doc = concat!("`", $tag, "` is `", $wire, "`")]
                $variant($payload),
            )*
            /// A kind that this version does not know, or a value that does not have the shape of its kind.
            Unknown($crate::Raw),
        }

        impl $name {
            /// The field that tells the kinds apart.
            pub const TAG: &'static str = $tag;

            /// The kind on the wire; empty for an unknown value without one.
            #[must_use]
            pub fn kind(&self) -> std::borrow::Cow<'_, str> {
                match self {
                    $(Self::$variant(_) => std::borrow::Cow::Borrowed($wire),)*
                    Self::Unknown(raw) => raw.text($tag).unwrap_or_default().into(),
                }
            }

            /// Decodes a value from its text; never fails, because what cannot be decoded is kept.
            #[must_use]
            pub fn from_raw(raw: Box<serde_json::value::RawValue>) -> Self {
                let decoded = match $crate::tag::text(raw.get(), $tag).as_deref() {
                    $(Some($wire) => $crate::lenient::decode(raw.get()).map(Self::$variant),)*
                    _ => return Self::Unknown($crate::Raw::new(raw)),
                };
                decoded.unwrap_or_else(|error| Self::Unknown($crate::Raw::mismatched(raw, &error)))
            }
        }

        impl Default for $name {
            /// Nothing: `null` on the wire.
            fn default() -> Self {
                Self::Unknown($crate::Raw::default())
            }
        }

        $(
            impl From<$of> for $name {
                fn from(value: $of) -> Self {
                    Self::$variant(value.into())
                }
            }
        )*

        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                match self {
                    $(Self::$variant(value) => value.serialize(serializer),)*
                    Self::Unknown(raw) => raw.serialize(serializer),
                }
            }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                Box::<serde_json::value::RawValue>::deserialize(deserializer).map(Self::from_raw)
            }
        }
    )*};
}
