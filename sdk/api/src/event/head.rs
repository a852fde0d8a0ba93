//! The borrowed first step of decoding a frame.
use super::{
    Cow, DecodeError, Deserialize, Deserializer, Durable, EventLocation, Extra, Form, IgnoredAny, MapAccess,
    Number, RawValue, Text, Value, Visitor,
};
use crate::object::{Key, KeySeed};
use crate::operation::text;
use serde::de::Error as _;

/// Kind and undecoded payload of an event; borrows the frame.
#[derive(Debug, Clone)]
pub struct EventHead<'a> {
    /// The event's id. Not monotone.
    pub id: Option<Cow<'a, str>>,
    /// The kind, such as `message.part.delta`.
    pub kind: Cow<'a, str>,
    /// The payload's text. A frame without a payload field is its own payload ([`Form::Frame`]); inside a frame of
    /// `/global/event`, where its text is not at hand, the payload is then `null`.
    pub properties: &'a RawValue,
    /// Which field carried the payload.
    pub form: Form,
    /// Position in the durable log (`/api/event`).
    pub durable: Option<&'a RawValue>,
    /// Where it happened (`/api/event`).
    pub location: Option<&'a RawValue>,
    /// When it happened (OpenCode 2; its `server.connected` has none).
    pub created: Option<&'a RawValue>,
    /// What the server adds to some events (OpenCode 2).
    pub metadata: Option<&'a RawValue>,
    /// Whether the frame had a payload field.
    pub(super) has_payload: bool,
    /// Fields of the frame that this version does not know.
    pub extra: Extra,
}

impl<'a> EventHead<'a> {
    /// Reads the data of a frame of `/event` or `/api/event`.
    ///
    /// # Errors
    /// When the bytes are not a JSON object with a `type`.
    pub fn parse(frame: &'a [u8]) -> Result<Self, DecodeError> {
        let text = text("an event", frame)?;
        let fail = |error| DecodeError::json("an event", &error);
        let mut head: Self = serde_json::from_str(text).map_err(fail)?;
        if !head.has_payload {
            // `log.synced` of OpenCode 2 has its fields where other frames have `data`. Everything that stands in the
            // payload is not told twice.
            head.properties = serde_json::from_str(text).map_err(fail)?;
            head.form = Form::Frame;
            (head.durable, head.location, head.created, head.metadata) = (None, None, None, None);
            head.extra = Extra::default();
        }
        Ok(head)
    }

    /// The durable twin of an event, when this is one. `None` for ordinary events.
    #[must_use]
    pub fn sync(&self) -> Option<Result<SyncHead<'a>, DecodeError>> {
        (self.form == Form::Sync).then(|| SyncHead::parse(self.properties))
    }

    /// Position in the durable log, decoded.
    #[must_use]
    pub fn durable(&self) -> Option<Durable> {
        serde_json::from_str(self.durable?.get()).ok()
    }

    /// When it happened, in Unix milliseconds.
    #[must_use]
    pub fn created(&self) -> Option<Number> {
        serde_json::from_str(self.created?.get()).ok()
    }

    /// Where it happened, decoded.
    #[must_use]
    pub fn location(&self) -> Option<EventLocation> {
        serde_json::from_str(self.location?.get()).ok()
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for EventHead<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(HeadVisitor)
    }
}

struct HeadVisitor;

impl<'de> Visitor<'de> for HeadVisitor {
    type Value = EventHead<'de>;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("an event")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<EventHead<'de>, A::Error> {
        const NAMES: &[&str] =
            &["id", "type", "properties", "data", "syncEvent", "durable", "location", "created", "metadata"];
        let (mut id, mut kind, mut payload, mut form) = (None, None, None, Form::Properties);
        let (mut durable, mut location, mut created, mut metadata) = (None, None, None, None);
        let mut extra = Extra::default();
        let mut next = 0;
        while let Some(key) = map.next_key_seed(KeySeed { names: NAMES, next })? {
            match key {
                Key::Known(index) => {
                    next = index + 1;
                    match index {
                        0 => id = read_id(&mut map, &mut extra)?,
                        1 => kind = Some(map.next_value::<Text<'de>>()?.0),
                        5 => durable = Some(map.next_value::<&RawValue>()?),
                        6 => location = Some(map.next_value::<&RawValue>()?),
                        7 => created = Some(map.next_value::<&RawValue>()?),
                        8 => metadata = Some(map.next_value::<&RawValue>()?),
                        _ => {
                            payload = Some(map.next_value::<&RawValue>()?);
                            form = match index {
                                2 => Form::Properties,
                                3 => Form::Data,
                                _ => Form::Sync,
                            };
                        }
                    }
                }
                Key::Other(name) => {
                    extra.insert(name, map.next_value::<Value>()?);
                }
            }
        }
        Ok(EventHead {
            id,
            kind: kind.ok_or_else(|| A::Error::missing_field("type"))?,
            properties: payload.unwrap_or(RawValue::NULL),
            form,
            durable,
            location,
            created,
            metadata,
            has_payload: payload.is_some(),
            extra,
        })
    }
}

/// An id that may be null.
fn read_id<'de, A: MapAccess<'de>>(
    map: &mut A,
    extra: &mut Extra,
) -> Result<Option<Cow<'de, str>>, A::Error> {
    let id = map.next_value::<Option<Text<'de>>>()?;
    if id.is_none() {
        extra.note_null("id");
    }
    Ok(id.map(|text| text.0))
}

/// A frame of `/global/event`; borrows it.
#[derive(Debug, Clone)]
pub struct GlobalHead<'a> {
    /// The directory in which it happened; `None` for events of the server itself.
    pub directory: Option<Cow<'a, str>>,
    /// The project.
    pub project: Option<Cow<'a, str>>,
    /// The workspace.
    pub workspace: Option<Cow<'a, str>>,
    /// The event, or its durable twin ([`EventHead::sync`]).
    pub payload: EventHead<'a>,
    /// Fields of the frame that this version does not know.
    pub extra: Extra,
}

impl<'a> GlobalHead<'a> {
    /// Reads the data of a frame of `/global/event`.
    ///
    /// # Errors
    /// When the bytes are not a JSON object with a `payload` that is an event.
    pub fn parse(frame: &'a [u8]) -> Result<Self, DecodeError> {
        serde_json::from_str(text("a global event", frame)?)
            .map_err(|error| DecodeError::json("a global event", &error))
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for GlobalHead<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(GlobalVisitor)
    }
}

struct GlobalVisitor;

impl<'de> Visitor<'de> for GlobalVisitor {
    type Value = GlobalHead<'de>;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a global event")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<GlobalHead<'de>, A::Error> {
        const NAMES: &[&str] = &["directory", "project", "workspace", "payload"];
        let mut texts = [None, None, None];
        let mut payload = None;
        let mut extra = Extra::default();
        let mut next = 0;
        while let Some(key) = map.next_key_seed(KeySeed { names: NAMES, next })? {
            match key {
                Key::Known(3) => payload = Some(map.next_value()?),
                Key::Known(index) => {
                    next = index + 1;
                    match (map.next_value::<Option<Text<'de>>>()?, texts.get_mut(index)) {
                        (Some(text), Some(slot)) => *slot = Some(text.0),
                        (None, _) => extra.note_null(NAMES[index]),
                        (Some(_), None) => {}
                    }
                }
                Key::Other(name) => {
                    extra.insert(name, map.next_value::<Value>()?);
                }
            }
        }
        let [directory, project, workspace] = texts;
        let payload = payload.ok_or_else(|| A::Error::missing_field("payload"))?;
        Ok(GlobalHead { directory, project, workspace, payload, extra })
    }
}

/// The durable twin of an event; borrows the frame.
#[derive(Debug, Clone)]
pub struct SyncHead<'a> {
    /// The id of the event that it repeats.
    pub id: Option<Cow<'a, str>>,
    /// The kind with the version of its payload, such as `session.created.1`.
    pub versioned_kind: Cow<'a, str>,
    /// Counts up by one within an aggregate.
    pub seq: Number,
    /// Whose history it belongs to: a session's id.
    pub aggregate_id: Cow<'a, str>,
    /// The payload's text.
    pub data: &'a RawValue,
    /// Fields that this version does not know.
    pub extra: Extra,
}

impl<'a> SyncHead<'a> {
    /// Reads the value of `syncEvent`, or an item of the answer of `/sync/history`.
    ///
    /// # Errors
    /// When a field is missing.
    pub fn parse(raw: &'a RawValue) -> Result<Self, DecodeError> {
        serde_json::from_str(raw.get()).map_err(|error| DecodeError::json("a sync event", &error))
    }

    /// The kind without the version of its payload.
    #[must_use]
    pub fn kind(&self) -> &str {
        unversioned(&self.versioned_kind)
    }
}

/// `session.created.1` → `session.created`.
pub(crate) fn unversioned(kind: &str) -> &str {
    match kind.rsplit_once('.') {
        Some((name, version)) if !version.is_empty() && version.bytes().all(|byte| byte.is_ascii_digit()) => {
            name
        }
        _ => kind,
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for SyncHead<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(SyncVisitor)
    }
}

struct SyncVisitor;

impl<'de> Visitor<'de> for SyncVisitor {
    type Value = SyncHead<'de>;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a sync event")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<SyncHead<'de>, A::Error> {
        // `/sync/history` writes the aggregate's id in snake case, the stream in camel case.
        const NAMES: &[&str] = &["id", "type", "seq", "aggregateID", "data", "aggregate_id"];
        let (mut id, mut kind, mut seq, mut aggregate, mut data) = (None, None, None, None, None);
        let mut extra = Extra::default();
        let mut next = 0;
        while let Some(key) = map.next_key_seed(KeySeed { names: NAMES, next })? {
            match key {
                Key::Known(index) => {
                    next = index + 1;
                    match index {
                        0 => id = read_id(&mut map, &mut extra)?,
                        1 => kind = Some(map.next_value::<Text<'de>>()?.0),
                        2 => seq = Some(map.next_value()?),
                        3 | 5 => aggregate = Some(map.next_value::<Text<'de>>()?.0),
                        4 => data = Some(map.next_value::<&RawValue>()?),
                        _ => {
                            map.next_value::<IgnoredAny>()?;
                        }
                    }
                }
                Key::Other(name) => {
                    extra.insert(name, map.next_value::<Value>()?);
                }
            }
        }
        Ok(SyncHead {
            id,
            versioned_kind: kind.ok_or_else(|| A::Error::missing_field("type"))?,
            seq: seq.ok_or_else(|| A::Error::missing_field("seq"))?,
            aggregate_id: aggregate.ok_or_else(|| A::Error::missing_field("aggregateID"))?,
            data: data.ok_or_else(|| A::Error::missing_field("data"))?,
            extra,
        })
    }
}
