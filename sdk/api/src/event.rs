//! Event frames in two steps. The head borrows the frame's bytes: kind, id, and the payload as text. The payload is
//! decoded only when somebody wants it, by the event type of the server's line. Not here: SSE framing.
use std::borrow::Cow;

use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, Visitor};
use serde::ser::{Serialize, SerializeMap, Serializer};
use serde_json::Value;
use serde_json::value::RawValue;

use crate::{DecodeError, EventId, Extra, JsonObject, Number, WorkspaceId};

mod envelope;
mod head;

pub use envelope::{Envelope, GlobalEnvelope, GlobalPayload, SyncEvent};
pub(crate) use head::unversioned;
pub use head::{EventHead, GlobalHead, SyncHead};

/// The field that carries the payload.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Form {
    /// `properties`: `/event` and `/global/event`.
    #[default]
    Properties,
    /// `data`: `/api/event`.
    Data,
    /// None: the frame itself is the payload (`log.synced` of OpenCode 2).
    Frame,
    /// `syncEvent`: the durable twin of an event, sent on `/global/event` beside it.
    Sync,
}

impl Form {
    /// The field's name on the wire; empty when there is none.
    #[must_use]
    pub const fn field(self) -> &'static str {
        match self {
            Self::Properties => "properties",
            Self::Data => "data",
            Self::Frame => "",
            Self::Sync => "syncEvent",
        }
    }
}

/// The events of one line of servers: an enum with a variant for each kind, and one for the unknown.
pub trait EventPayload: Sized {
    /// Decodes a payload by the event's kind.
    ///
    /// # Errors
    /// When the kind is known and the payload does not have its shape. An unknown kind is no error.
    fn decode_payload(kind: &str, payload: &RawValue) -> Result<Self, DecodeError>;

    /// Keeps a payload as text.
    fn keep(kind: &str, payload: &RawValue) -> Self;

    /// The event's kind on the wire.
    fn kind(&self) -> &str;

    /// Writes the payload.
    ///
    /// # Errors
    /// What the serializer fails with.
    fn serialize_payload<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error>;
}

wire_struct! {
    /// Position of an event in the durable log.
    pub struct Durable {
        0 need aggregate_id: String = "aggregateID",
        1 need #[doc = "Counts up by one within an aggregate."] seq: Number = "seq",
        2 need version: Number = "version",
    }

    /// Where an event happened.
    pub struct EventLocation {
        0 need directory: String = "directory",
        1 opt workspace_id: WorkspaceId = "workspaceID",
    }
}

/// A payload as something to serialize.
struct Payload<'a, E>(&'a E);

impl<E: EventPayload> Serialize for Payload<'_, E> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize_payload(serializer)
    }
}

/// Text that is borrowed when the input allows it.
struct Text<'a>(Cow<'a, str>);

impl<'de> Deserialize<'de> for Text<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct AnyText;
        impl<'de> Visitor<'de> for AnyText {
            type Value = Text<'de>;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("a string")
            }

            fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Text<'de>, E> {
                Ok(Text(Cow::Borrowed(text)))
            }

            fn visit_str<E>(self, text: &str) -> Result<Text<'de>, E> {
                Ok(Text(Cow::Owned(text.to_owned())))
            }
        }
        deserializer.deserialize_str(AnyText)
    }
}

/// The event enum of a line. Large payloads are boxed by the generator, so that moving an event stays cheap.
macro_rules! events {
    ($($(#[$meta:meta])* $wire:literal => $variant:ident($payload:ty): $of:ty,)*) => {
        /// An event of this line, by its kind.
        #[derive(Debug, Clone, PartialEq)]
        #[non_exhaustive]
        pub enum Event {
            $(
                #[doc = concat!("`", $wire, "`")]
                $(#[$meta])*
                $variant($payload),
            )*
            /// A kind that this version does not know, or a payload that was kept because it does not have the shape of
            /// its kind.
            Unknown {
                /// The kind on the wire.
                kind: Box<str>,
                /// The payload.
                raw: $crate::Raw,
            },
        }

        /// The kinds of all events that this version knows.
        pub const EVENTS: &[&str] = &[$($wire,)*];

        impl Event {
            /// Decodes the payload of a head.
            ///
            /// # Errors
            /// When the kind is known and the payload does not have its shape. An unknown kind is no error.
            pub fn decode(head: &$crate::EventHead<'_>) -> Result<Self, $crate::DecodeError> {
                Self::decode_kind(&head.kind, head.properties)
            }

            /// Decodes the payload of a head, and keeps it as [`Event::Unknown`] when it does not have the shape of its
            /// kind.
            #[must_use]
            pub fn decode_or_keep(head: &$crate::EventHead<'_>) -> Self {
                Self::decode(head).unwrap_or_else(|_| $crate::EventPayload::keep(&head.kind, head.properties))
            }

            /// Decodes a payload by its kind, for events that come without frame (a durable log).
            ///
            /// # Errors
            /// When the kind is known and the payload does not have its shape.
            pub fn decode_kind(
                kind: &str,
                payload: &serde_json::value::RawValue,
            ) -> Result<Self, $crate::DecodeError> {
                Self::decode_text(kind, payload.get())
                    .unwrap_or_else(|| Ok($crate::EventPayload::keep(kind, payload)))
            }

            /// Decodes the text of a payload by its kind, whether it is JSON or not; `None` when the kind is unknown.
            ///
            /// # Errors
            /// When the text is no JSON, has something behind it, or does not have the shape of its kind.
            pub fn decode_text(kind: &str, payload: &str) -> Option<Result<Self, $crate::DecodeError>> {
                let decoded = match kind {
                    $($wire => $crate::lenient::decode(payload).map(Self::$variant),)*
                    _ => return None,
                };
                Some(decoded.map_err(|error| $crate::DecodeError::json(kind.to_owned(), &error)))
            }

            /// Both steps: the data of a frame of `/event` or `/api/event`.
            ///
            /// # Errors
            /// When the bytes are no event, or the payload does not have the shape of its kind.
            pub fn from_slice(frame: &[u8]) -> Result<Self, $crate::DecodeError> {
                Self::decode(&$crate::EventHead::parse(frame)?)
            }

            /// The kind on the wire.
            #[must_use]
            pub fn kind(&self) -> &str {
                match self {
                    $(Self::$variant(_) => $wire,)*
                    Self::Unknown { kind, .. } => kind,
                }
            }
        }

        impl $crate::EventPayload for Event {
            fn decode_payload(
                kind: &str,
                payload: &serde_json::value::RawValue,
            ) -> Result<Self, $crate::DecodeError> {
                Self::decode_kind(kind, payload)
            }

            fn keep(kind: &str, payload: &serde_json::value::RawValue) -> Self {
                Self::Unknown { kind: kind.into(), raw: $crate::Raw::new(payload.to_owned()) }
            }

            fn kind(&self) -> &str {
                Event::kind(self)
            }

            fn serialize_payload<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                match self {
                    $(Self::$variant(payload) => serde::Serialize::serialize(payload, serializer),)*
                    Self::Unknown { raw, .. } => serde::Serialize::serialize(raw, serializer),
                }
            }
        }

        impl serde::Serialize for Event {
            /// Writes the payload alone; the frame around it is an [`Envelope`]($crate::Envelope).
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                $crate::EventPayload::serialize_payload(self, serializer)
            }
        }
    };
}
