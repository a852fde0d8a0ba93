//! From JSON schemas to types. Named schemas keep their names; inline ones that look alike become one type.
use std::collections::{BTreeMap, BTreeSet, HashMap};

use serde_json::{Map, Value};

use super::model::{Definition, Field, File, Item, Mode, Slot, Type};
use super::naming::{id_by_name, id_of_pattern, id_of_property, pascal, snake};
use super::overlay::Overlay;

/// Where a schema stands, which names an inline type.
#[derive(Clone)]
pub struct Place<'a> {
    pub file: File,
    /// The name an inline type would get.
    pub hint: String,
    /// The property's name, which tells ids apart and which inline types may be the same.
    pub property: &'a str,
}

/// The document, and what has been made of it so far.
pub struct Lowering<'d> {
    pub schemas: &'d Map<String, Value>,
    pub paths: &'d Map<String, Value>,
    pub overlay: Overlay,
    pub definitions: Vec<Definition>,
    /// What a named schema is.
    named: HashMap<String, Type>,
    /// Names that are taken, per file.
    pub(super) taken: BTreeSet<(&'static str, String)>,
    /// Inline shapes that have a type.
    pub(super) shapes: HashMap<String, Type>,
    /// Payloads of events stand in frames; these schemas are frames.
    frames: BTreeMap<String, Type>,
}

impl<'d> Lowering<'d> {
    pub fn new(document: &'d Value, overlay: Overlay) -> Result<Self, String> {
        let schemas =
            document.pointer("/components/schemas").and_then(Value::as_object).ok_or("no schemas")?;
        let paths = document.get("paths").and_then(Value::as_object).ok_or("no paths")?;
        let mut frames: BTreeMap<String, Type> = BTreeMap::new();
        for (name, schema) in schemas {
            if is_frame(schema) {
                frames.insert(name.clone(), Type::Envelope);
            }
        }
        // What stands only in frames has a type of the crate (`durable`), or is the payload of one kind.
        let parts: Vec<String> =
            frames.keys().flat_map(|name| [format!("{name}Data"), format!("{name}Durable")]).collect();
        for part in parts.into_iter().filter(|part| schemas.contains_key(part)) {
            frames.insert(part, Type::Envelope);
        }
        for name in ["Event", "V2Event", "SessionDurableEvent"] {
            frames.insert(name.to_owned(), Type::Envelope);
        }
        frames.insert("GlobalEvent".to_owned(), Type::GlobalEnvelope);
        Ok(Self {
            schemas,
            paths,
            overlay,
            definitions: Vec::new(),
            named: HashMap::new(),
            taken: BTreeSet::new(),
            shapes: HashMap::new(),
            frames,
        })
    }

    /// Whether a named schema is a frame, or stands in frames only.
    pub fn is_frame_part(&self, name: &str) -> bool {
        self.frames.contains_key(name)
    }

    /// Lowers every named schema that is not the frame of an event.
    pub fn named_schemas(&mut self) -> Result<(), String> {
        let names: Vec<&String> =
            self.schemas.keys().filter(|name| !self.frames.contains_key(*name)).collect();
        // Names first: an inline schema that looks like a later named one becomes that one.
        for name in &names {
            let schema = &self.schemas[*name];
            let rust = pascal(name);
            if self.is_definition(schema) {
                if !self.taken.insert((File::Types.module(), rust.clone())) {
                    return Err(format!("two schemas are called {rust}"));
                }
                self.named.insert((*name).clone(), Type::Named(File::Types, rust.clone()));
                if is_distinctive(schema) {
                    let shape = self.shape(schema);
                    self.shapes.entry(shape).or_insert(Type::Named(File::Types, rust));
                }
            }
        }
        for name in names {
            self.named_schema(name)?;
        }
        Ok(())
    }

    /// What a named schema is, if it has been lowered or has a name of its own.
    pub(super) fn known(&self, name: &str) -> Option<Type> {
        self.named.get(name).cloned()
    }

    /// Whether a named schema becomes an item of its own rather than an alias.
    fn is_definition(&self, schema: &Value) -> bool {
        match members(schema) {
            Some(members) => {
                self.tag(&members).is_some()
                    || (self.are_strings(&members) && !self.text_values(&members).is_empty())
            }
            None => {
                let values = schema.get("enum").and_then(Value::as_array);
                has_properties(schema) || values.is_some_and(|all| all.iter().all(Value::is_string))
            }
        }
    }

    fn named_schema(&mut self, name: &str) -> Result<Type, String> {
        let schema = self.schemas.get(name).ok_or_else(|| format!("no schema {name}"))?;
        let rust = pascal(name);
        let doc = format!("Schema `{name}`.");
        if self.is_definition(schema) {
            let item = self.item(schema, &rust, File::Types)?;
            self.definitions.push(Definition { file: File::Types, name: rust.clone(), doc, item });
            return Ok(Type::Named(File::Types, rust));
        }
        if let Some(done) = self.named.get(name) {
            return Ok(done.clone());
        }
        let place = Place { file: File::Types, hint: format!("{rust}Item"), property: "" };
        let of = self.slot(schema, &place)?.of;
        self.named.insert(name.to_owned(), of.clone());
        // Two schemas may differ only in how a name is written (`ToolIDs`, `toolIds`).
        if self.taken.insert((File::Types.module(), rust.clone())) {
            let item = Item::Alias(of.clone());
            self.definitions.push(Definition { file: File::Types, name: rust, doc, item });
        }
        Ok(of)
    }

    /// The type of a schema.
    pub fn slot(&mut self, schema: &Value, place: &Place<'_>) -> Result<Slot, String> {
        if let Some(reference) = reference(schema) {
            if let Some(frame) = self.frames.get(reference) {
                return Ok(frame.clone().into());
            }
            return match self.named.get(reference) {
                Some(done) => Ok(done.clone().into()),
                None => self.named_schema(reference).map(Into::into),
            };
        }
        if let Some(members) = members(schema) {
            return self.any_of(schema, &members, place);
        }
        let of = match schema.get("type").and_then(Value::as_str) {
            Some("string") => self.string(schema, place)?,
            Some("boolean") => Type::Bool,
            Some("number" | "integer") => Type::Number,
            Some("array") => match schema.get("items") {
                Some(items) => {
                    let hint = format!("{}Item", place.hint);
                    let of = self.slot(items, &Place { hint, ..place.clone() })?;
                    Type::List(Box::new(if of.nullable { Type::Value } else { of.of }))
                }
                None => Type::List(Box::new(Type::Value)),
            },
            Some("object") => self.object(schema, place)?,
            _ => Type::Value,
        };
        Ok(of.into())
    }

    fn string(&mut self, schema: &Value, place: &Place<'_>) -> Result<Type, String> {
        if schema.get("enum").is_some() {
            return self.inline(schema, place);
        }
        let pattern = schema.get("pattern").and_then(Value::as_str).and_then(id_of_pattern);
        Ok(match pattern.or_else(|| id_of_property(place.property)) {
            Some(id) => Type::Id(id),
            None => Type::String,
        })
    }

    fn object(&mut self, schema: &Value, place: &Place<'_>) -> Result<Type, String> {
        if has_properties(schema) {
            return self.inline(schema, place);
        }
        let patterns = schema.get("patternProperties").and_then(Value::as_object);
        let values = schema.get("additionalProperties").filter(|values| values.is_object());
        match values.or_else(|| patterns.and_then(|patterns| patterns.values().next())) {
            Some(values) => {
                let hint = format!("{}Value", place.hint);
                let of = self.slot(values, &Place { hint, ..place.clone() })?;
                Ok(Type::Map(Box::new(if of.nullable { Type::Value } else { of.of })))
            }
            None => Ok(Type::Object),
        }
    }

    /// The definition behind a schema that needs one.
    pub(super) fn item(&mut self, schema: &Value, name: &str, file: File) -> Result<Item, String> {
        if let Some(members) = members(schema) {
            return match self.tag(&members) {
                Some(tag) => self.union(&members, tag, name, file),
                None => Ok(Item::Enum { values: self.text_values(&members) }),
            };
        }
        if let Some(values) = schema.get("enum").and_then(Value::as_array) {
            return Ok(Item::Enum { values: values.iter().filter_map(text).collect() });
        }
        self.structure(schema, name, file)
    }

    /// A struct with the schema's properties.
    pub fn structure(&mut self, schema: &Value, name: &str, file: File) -> Result<Item, String> {
        let required: BTreeSet<&str> = schema
            .get("required")
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
            .filter_map(Value::as_str)
            .collect();
        let (mut fields, mut constants) = (Vec::new(), Vec::new());
        let mut properties = schema.get("properties").and_then(Value::as_object).cloned().unwrap_or_default();
        for (path, property) in &self.overlay.fields {
            if let Some((_, wire)) = path.split_once('.').filter(|(parent, _)| *parent == name) {
                properties.insert(wire.to_owned(), property.clone());
            }
        }
        for (wire, property) in &properties {
            let path = format!("{name}.{wire}");
            let is_required = required.contains(wire.as_str()) && !self.overlay.optional.contains(&path);
            if let (true, Some(value)) = (is_required, constant(property)) {
                constants.push((wire.clone(), value));
                continue;
            }
            let place = Place { file, hint: format!("{name}{}", pascal(wire)), property: wire };
            let slot = self.slot(property, &place)?;
            let of = match self.overlay.ids.get(&path) {
                Some(id) => Type::Id(id_by_name(id).ok_or_else(|| format!("unknown id type {id}"))?),
                None => slot.of,
            };
            let mode = match (is_required, slot.nullable) {
                (false, _) => Mode::Opt,
                (true, true) => Mode::Null,
                (true, false) if self.may_be_missing(&of) => Mode::Fill,
                (true, false) => Mode::Need,
            };
            fields.push(Field {
                wire: wire.clone(),
                name: snake(wire),
                mode,
                doc: unit(name, wire, &of),
                nullable: slot.nullable,
                of,
            });
        }
        if fields.len() + constants.len() > 64 {
            return Err(format!("{name} has more fields than the decoder can count"));
        }
        Ok(Item::Struct { fields, constants })
    }

    /// Whether a required field has a natural value when an older server leaves it out.
    fn may_be_missing(&self, of: &Type) -> bool {
        match of {
            Type::Bool | Type::Object | Type::Map(_) | Type::List(_) => true,
            Type::Named(file, name) => self
                .definitions
                .iter()
                .find(|found| found.file == *file && found.name == *name)
                .is_some_and(|found| match &found.item {
                    // Counters and times read as zero; a struct with ids or text would be made up.
                    Item::Struct { fields, constants } => {
                        constants.is_empty()
                            && fields.iter().all(|field| field.mode != Mode::Need || field.of == Type::Number)
                    }
                    _ => false,
                }),
            _ => false,
        }
    }
}

/// Units that the names tell.
fn unit(parent: &str, wire: &str, of: &Type) -> Option<&'static str> {
    let is_time = matches!(
        wire,
        "created"
            | "updated"
            | "completed"
            | "initialized"
            | "compacting"
            | "archived"
            | "timestamp"
            | "compacted"
    ) || (parent.ends_with("Time") && matches!(wire, "start" | "end"));
    (is_time && *of == Type::Number).then_some("Unix milliseconds.")
}

/// The name behind a `$ref`.
pub fn reference(schema: &Value) -> Option<&str> {
    schema.get("$ref")?.as_str()?.rsplit('/').next()
}

/// The members of a union.
pub fn members(schema: &Value) -> Option<Vec<Value>> {
    ["anyOf", "oneOf"].iter().find_map(|key| schema.get(key)?.as_array().cloned())
}

pub fn has_properties(schema: &Value) -> bool {
    schema.get("properties").and_then(Value::as_object).is_some_and(|properties| !properties.is_empty())
}

/// The only value of a string.
pub fn constant(schema: &Value) -> Option<String> {
    match schema.get("enum").and_then(Value::as_array).map(Vec::as_slice) {
        Some([only]) => text(only),
        _ => None,
    }
}

pub fn text(value: &Value) -> Option<String> {
    value.as_str().map(str::to_owned)
}

/// Whether two schemas that look like this mean the same.
pub fn is_distinctive(schema: &Value) -> bool {
    let properties = schema.get("properties").and_then(Value::as_object).map_or(0, Map::len);
    let values = schema.get("enum").and_then(Value::as_array).map_or(0, Vec::len);
    members(schema).is_some() || properties >= 3 || values >= 2
}

/// Whether a schema is the frame of an event: a constant `type` beside `properties`, `data` or `syncEvent`.
fn is_frame(schema: &Value) -> bool {
    let properties = schema.get("properties");
    let has = |name: &str| properties.and_then(|all| all.get(name)).is_some();
    let kind = properties.and_then(|all| all.get("type")).and_then(constant);
    kind.is_some() && has("id") && (has("syncEvent") || has("properties") || (has("data") && has("metadata")))
}
