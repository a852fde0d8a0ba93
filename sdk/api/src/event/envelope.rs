//! Owned, completely decoded frames; they encode to what they were decoded from. A stream that only routes events is
//! better served by the borrowed heads.
use super::head::unversioned;
use super::{
    DecodeError, Deserialize, Deserializer, Durable, EventHead, EventId, EventLocation, EventPayload, Extra,
    Form, GlobalHead, JsonObject, Number, Payload, Serialize, SerializeMap, Serializer, SyncHead,
    WorkspaceId,
};
use serde::de::Error as _;
use serde_json::value::RawValue;

/// Decodes a payload; one that does not have the shape of its kind is kept as text.
fn decode_or_keep<E: EventPayload>(kind: &str, payload: &RawValue) -> E {
    E::decode_payload(kind, payload).unwrap_or_else(|_| E::keep(kind, payload))
}

/// A part of the frame beside the payload; one of another shape stays among the unknown fields.
fn part<'de, T: Deserialize<'de>>(name: &str, raw: Option<&'de RawValue>, extra: &mut Extra) -> Option<T> {
    let text = raw?.get();
    let decoded = serde_json::from_str(text).ok();
    if decoded.is_none() {
        extra.insert(name, serde_json::from_str(text).unwrap_or_default());
    }
    decoded
}

/// Writes an id, or the null that the server sent in its place.
fn write_id<M: SerializeMap>(map: &mut M, id: Option<&EventId>, extra: &Extra) -> Result<(), M::Error> {
    match id {
        Some(id) => map.serialize_entry("id", id),
        None if extra.was_null("id") => map.serialize_entry("id", &()),
        None => Ok(()),
    }
}

/// An event with the frame's other fields.
#[derive(Debug, Clone, PartialEq)]
pub struct Envelope<E> {
    /// The event's id. Not monotone.
    pub id: Option<EventId>,
    /// The event. A payload that does not have the shape of its kind is kept as an unknown one.
    pub event: E,
    /// Position in the durable log.
    pub durable: Option<Durable>,
    /// Where it happened.
    pub location: Option<EventLocation>,
    /// When it happened, in Unix milliseconds (OpenCode 2).
    pub created: Option<Number>,
    /// What the server adds to some events (OpenCode 2).
    pub metadata: Option<JsonObject>,
    /// Fields of the frame that this version does not know.
    pub extra: Extra,
    form: Form,
    has_payload: bool,
}

impl<E: EventPayload> Envelope<E> {
    /// An event in the form of `/event`.
    pub fn new(id: impl Into<EventId>, event: E) -> Self {
        Self {
            id: Some(id.into()),
            event,
            durable: None,
            location: None,
            created: None,
            metadata: None,
            extra: Extra::default(),
            form: Form::Properties,
            has_payload: true,
        }
    }

    /// Decodes the rest of a head. What does not have the expected shape is kept.
    #[must_use]
    pub fn from_head(head: EventHead<'_>) -> Self {
        let mut extra = head.extra;
        Self {
            event: decode_or_keep(&head.kind, head.properties),
            id: head.id.as_deref().map(EventId::from),
            durable: part("durable", head.durable, &mut extra),
            location: part("location", head.location, &mut extra),
            created: part("created", head.created, &mut extra),
            metadata: part("metadata", head.metadata, &mut extra),
            extra,
            form: head.form,
            has_payload: head.has_payload,
        }
    }

    /// Decodes the data of a frame of `/event` or `/api/event`.
    ///
    /// # Errors
    /// When the bytes are not an event.
    pub fn from_slice(frame: &[u8]) -> Result<Self, DecodeError> {
        EventHead::parse(frame).map(Self::from_head)
    }

    /// Which field carries the payload.
    #[must_use]
    pub fn form(&self) -> Form {
        self.form
    }
}

impl<'de, E: EventPayload> Deserialize<'de> for Envelope<E> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let raw = Box::<RawValue>::deserialize(deserializer)?;
        Self::from_slice(raw.get().as_bytes()).map_err(D::Error::custom)
    }
}

impl<E: EventPayload> Serialize for Envelope<E> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if self.form == Form::Frame {
            return self.event.serialize_payload(serializer);
        }
        let mut map = serializer.serialize_map(None)?;
        write_id(&mut map, self.id.as_ref(), &self.extra)?;
        if let Some(created) = &self.created {
            map.serialize_entry("created", created)?;
        }
        if let Some(metadata) = &self.metadata {
            map.serialize_entry("metadata", metadata)?;
        }
        map.serialize_entry("type", self.event.kind())?;
        if let Some(durable) = &self.durable {
            map.serialize_entry("durable", durable)?;
        }
        if let Some(location) = &self.location {
            map.serialize_entry("location", location)?;
        }
        if self.has_payload {
            map.serialize_entry(self.form.field(), &Payload(&self.event))?;
        }
        self.extra.write(&mut map)?;
        map.end()
    }
}

/// The durable twin of an event.
#[derive(Debug, Clone, PartialEq)]
pub struct SyncEvent<E> {
    /// The id of the event that it repeats.
    pub id: Option<EventId>,
    /// The kind with the version of its payload, such as `session.created.1`.
    pub versioned_kind: String,
    /// Counts up by one within an aggregate.
    pub seq: Number,
    /// Whose history it belongs to: a session's id.
    pub aggregate_id: String,
    /// The event that it repeats.
    pub event: E,
    /// Fields that this version does not know.
    pub extra: Extra,
}

impl<E: EventPayload> SyncEvent<E> {
    /// Decodes the rest of a head.
    #[must_use]
    pub fn from_head(head: SyncHead<'_>) -> Self {
        Self {
            event: decode_or_keep(unversioned(&head.versioned_kind), head.data),
            id: head.id.as_deref().map(EventId::from),
            versioned_kind: head.versioned_kind.into_owned(),
            seq: head.seq,
            aggregate_id: head.aggregate_id.into_owned(),
            extra: head.extra,
        }
    }
}

impl<E: EventPayload> Serialize for SyncEvent<E> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        write_id(&mut map, self.id.as_ref(), &self.extra)?;
        map.serialize_entry("type", &self.versioned_kind)?;
        map.serialize_entry("seq", &self.seq)?;
        map.serialize_entry("aggregateID", &self.aggregate_id)?;
        map.serialize_entry("data", &Payload(&self.event))?;
        self.extra.write(&mut map)?;
        map.end()
    }
}

/// What a frame of `/global/event` carries.
#[derive(Debug, Clone, PartialEq)]
pub enum GlobalPayload<E> {
    /// An event.
    Event(Envelope<E>),
    /// The durable twin of an event, which comes beside the event itself.
    Sync {
        /// The frame's own id, which is that of the event.
        id: Option<EventId>,
        /// The twin.
        sync: SyncEvent<E>,
        /// Fields that this version does not know.
        extra: Extra,
    },
}

/// A frame of `/global/event`.
#[derive(Debug, Clone, PartialEq)]
pub struct GlobalEnvelope<E> {
    /// The directory in which it happened; `None` for events of the server itself.
    pub directory: Option<String>,
    /// The project.
    pub project: Option<String>,
    /// The workspace.
    pub workspace: Option<WorkspaceId>,
    /// The event.
    pub payload: GlobalPayload<E>,
    /// Fields of the frame that this version does not know.
    pub extra: Extra,
}

impl<E: EventPayload> GlobalEnvelope<E> {
    /// Decodes the rest of a head.
    ///
    /// # Errors
    /// When a durable twin lacks a field.
    pub fn from_head(head: GlobalHead<'_>) -> Result<Self, DecodeError> {
        let payload = match head.payload.sync().transpose()? {
            Some(sync) => GlobalPayload::Sync {
                id: head.payload.id.as_deref().map(EventId::from),
                sync: SyncEvent::from_head(sync),
                extra: head.payload.extra,
            },
            None => GlobalPayload::Event(Envelope::from_head(head.payload)),
        };
        Ok(Self {
            directory: head.directory.map(Into::into),
            project: head.project.map(Into::into),
            workspace: head.workspace.as_deref().map(WorkspaceId::from),
            payload,
            extra: head.extra,
        })
    }

    /// Decodes the data of a frame.
    ///
    /// # Errors
    /// When the bytes are not an event of `/global/event`.
    pub fn from_slice(frame: &[u8]) -> Result<Self, DecodeError> {
        Self::from_head(GlobalHead::parse(frame)?)
    }
}

impl<'de, E: EventPayload> Deserialize<'de> for GlobalEnvelope<E> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let raw = Box::<RawValue>::deserialize(deserializer)?;
        Self::from_slice(raw.get().as_bytes()).map_err(D::Error::custom)
    }
}

impl<E: EventPayload> Serialize for GlobalPayload<E> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let (id, sync, extra) = match self {
            Self::Event(event) => return event.serialize(serializer),
            Self::Sync { id, sync, extra } => (id, sync, extra),
        };
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("type", "sync")?;
        map.serialize_entry("syncEvent", sync)?;
        write_id(&mut map, id.as_ref(), extra)?;
        extra.write(&mut map)?;
        map.end()
    }
}

impl<E: EventPayload> Serialize for GlobalEnvelope<E> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        for (name, value) in [("directory", &self.directory), ("project", &self.project)] {
            match value {
                Some(value) => map.serialize_entry(name, value)?,
                None if self.extra.was_null(name) => map.serialize_entry(name, &())?,
                None => {}
            }
        }
        match &self.workspace {
            Some(value) => map.serialize_entry("workspace", value)?,
            None if self.extra.was_null("workspace") => map.serialize_entry("workspace", &())?,
            None => {}
        }
        map.serialize_entry("payload", &self.payload)?;
        self.extra.write(&mut map)?;
        map.end()
    }
}
