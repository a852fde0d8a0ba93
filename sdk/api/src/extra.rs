//! What a server sent beyond the fields that this crate knows. It is kept for the round trip and for callers that know
//! a newer server; it is not a place to look for known fields.
use serde::ser::SerializeMap;
use serde_json::{Map, Value};

/// Unknown fields of an object, and which known ones were `null` or missing. One pointer wide; allocates only when
/// there is something to keep.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Extra(Option<Box<Kept>>);

#[derive(Debug, Clone, PartialEq, Default)]
struct Kept {
    fields: Map<String, Value>,
    /// Known fields that were not sent as their type says, so that encoding gives the same bytes.
    notes: Vec<(&'static str, Note)>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Note {
    Null,
    Absent,
}

impl Extra {
    /// The value of an unknown field.
    #[must_use]
    pub fn get(&self, field: &str) -> Option<&Value> {
        self.0.as_ref()?.fields.get(field)
    }

    /// Adds or replaces a field, and returns what it replaced. Encoding writes it beside the known fields.
    pub fn insert(&mut self, field: impl Into<String>, value: Value) -> Option<Value> {
        self.0.get_or_insert_default().fields.insert(field.into(), value)
    }

    /// Takes a field out.
    pub fn remove(&mut self, field: &str) -> Option<Value> {
        // `Map::remove` alone would disturb the order of the rest when the map keeps insertion order.
        let fields = &mut self.0.as_mut()?.fields;
        let value = fields.get_mut(field)?.take();
        fields.retain(|name, _| name != field);
        Some(value)
    }

    /// All unknown fields, in the order in which they came.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Value)> {
        self.0.iter().flat_map(|kept| kept.fields.iter()).map(|(name, value)| (name.as_str(), value))
    }

    /// Whether there is no unknown field.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.as_ref().is_none_or(|kept| kept.fields.is_empty())
    }

    #[cold]
    pub(crate) fn note_null(&mut self, field: &'static str) {
        self.0.get_or_insert_default().notes.push((field, Note::Null));
    }

    #[cold]
    pub(crate) fn note_absent(&mut self, field: &'static str) {
        self.0.get_or_insert_default().notes.push((field, Note::Absent));
    }

    /// Drops what was kept about a known field: JSON may name a field twice, and the last one counts.
    pub(crate) fn forget(&mut self, field: &str) {
        let Some(kept) = &mut self.0 else { return };
        kept.fields.retain(|name, _| name != field);
        kept.notes.retain(|(name, _)| *name != field);
        if kept.fields.is_empty() && kept.notes.is_empty() {
            self.0 = None;
        }
    }

    fn has(&self, field: &str, note: Note) -> bool {
        self.0
            .as_ref()
            .is_some_and(|kept| kept.notes.iter().any(|(name, kind)| *name == field && *kind == note))
    }

    pub(crate) fn was_null(&self, field: &str) -> bool {
        self.has(field, Note::Null)
    }

    pub(crate) fn was_absent(&self, field: &str) -> bool {
        self.has(field, Note::Absent)
    }

    /// Whether encoding writes a constant field: not when the server left it out or sent another value.
    pub(crate) fn writes_constant(&self, field: &str) -> bool {
        self.0.is_none() || !(self.was_absent(field) || self.get(field).is_some())
    }

    pub(crate) fn write<M: SerializeMap>(&self, map: &mut M) -> Result<(), M::Error> {
        self.iter().try_for_each(|(name, value)| map.serialize_entry(name, value))
    }
}

#[cfg(test)]
mod tests {
    use super::Extra;

    #[test]
    fn nothing_kept_is_one_pointer() {
        assert_eq!(size_of::<Extra>(), size_of::<usize>());
        assert!(Extra::default().is_empty());
    }

    #[test]
    fn a_removed_field_leaves_the_others_in_order() {
        let mut extra = Extra::default();
        for name in ["a", "b", "c"] {
            extra.insert(name, name.into());
        }
        assert_eq!(extra.remove("a"), Some("a".into()));
        assert_eq!(extra.iter().map(|(name, _)| name).collect::<Vec<_>>(), ["b", "c"]);
    }
}
