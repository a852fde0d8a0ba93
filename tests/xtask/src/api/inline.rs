//! Inline schemas and unions: which of them are one type, and what that type is called.
use std::collections::BTreeSet;

use serde_json::Value;

use super::lower::{Lowering, Place, constant, has_properties, is_distinctive, members, reference, text};
use super::model::{Definition, File, Item, Slot, Type};
use super::naming::pascal;

/// Fields that tell the members of a union apart, in the order of preference.
const TAGS: &[&str] = &["type", "_tag", "role", "status", "name", "mode"];

impl Lowering<'_> {
    /// The type of an inline object, enumeration or union; makes it when there is none of this shape.
    pub(super) fn inline(&mut self, schema: &Value, place: &Place<'_>) -> Result<Type, String> {
        let shape = self.shape(schema);
        // Small objects look alike by chance: {start, end} is a range here and a time there.
        let key = if is_distinctive(schema) { shape } else { format!("{} {shape}", place.property) };
        if let Some(done) = self.shapes.get(&key) {
            return Ok(done.clone());
        }
        let name = self.name(&place.hint, place.file);
        let of = Type::Named(place.file, name.clone());
        self.shapes.insert(key, of.clone());
        let item = self.item(schema, &name, place.file)?;
        let doc = format!("Inline schema `{}`.", place.hint);
        self.definitions.push(Definition { file: place.file, name, doc, item });
        Ok(of)
    }

    /// A free name near the wished one.
    pub(super) fn name(&mut self, hint: &str, file: File) -> String {
        let wished = self.overlay.names.get(hint).cloned().unwrap_or_else(|| hint.to_owned());
        let mut name = wished.clone();
        let mut count = 1;
        while !self.taken.insert((file.module(), name.clone())) {
            count += 1;
            name = format!("{wished}{count}");
        }
        name
    }

    /// A schema's text with references replaced and keys sorted: equal for schemas that look alike.
    pub(super) fn shape(&self, schema: &Value) -> String {
        fn walk(lowering: &Lowering<'_>, value: &Value, depth: usize) -> Value {
            match value {
                Value::Object(map) => {
                    // Deep enough for every schema that is not recursive.
                    if let (Some(name), true) = (reference(value), depth < 12)
                        && let Some(target) = lowering.schemas.get(name)
                    {
                        return walk(lowering, target, depth + 1);
                    }
                    let mut sorted: Vec<_> = map.iter().collect();
                    sorted.sort_by_key(|(key, _)| key.as_str());
                    let cosmetic =
                        ["additionalProperties", "description", "maximum", "minimum", "exclusiveMinimum"];
                    let kept = sorted.into_iter().filter(|(key, value)| {
                        !cosmetic.contains(&key.as_str())
                            || (*key == "additionalProperties" && value.is_object())
                    });
                    Value::Object(
                        kept.map(|(key, value)| (key.clone(), walk(lowering, value, depth))).collect(),
                    )
                }
                Value::Array(items) => {
                    Value::Array(items.iter().map(|item| walk(lowering, item, depth)).collect())
                }
                other => other.clone(),
            }
        }
        walk(self, schema, 0).to_string()
    }

    pub(super) fn resolve<'a>(&'a self, schema: &'a Value) -> &'a Value {
        reference(schema).and_then(|name| self.schemas.get(name)).unwrap_or(schema)
    }

    /// `anyOf` and `oneOf`.
    pub(super) fn any_of(
        &mut self,
        schema: &Value,
        all: &[Value],
        place: &Place<'_>,
    ) -> Result<Slot, String> {
        let is_null = |member: &Value| member.get("type").and_then(Value::as_str) == Some("null");
        let nullable = all.iter().any(is_null);
        let mut members: Vec<Value> = all.iter().filter(|member| !is_null(member)).cloned().collect();
        members.dedup();
        if let [only] = members.as_slice() {
            let slot = self.slot(only, place)?;
            return Ok(Slot { nullable: nullable || slot.nullable, of: slot.of });
        }
        let of = if self.are_strings(&members) {
            if self.text_values(&members).is_empty() { Type::String } else { self.inline(schema, place)? }
        } else if self.tag(&members).is_some() {
            self.inline(schema, place)?
        } else if let Some(merged) = self.outcome(&members) {
            self.inline(&merged, place)?
        } else {
            self.mixed(&members)
        };
        Ok(Slot { of, nullable })
    }

    /// A union whose members nothing tells apart, if all of them are simple or have names.
    fn mixed(&self, members: &[Value]) -> Type {
        let mut types = Vec::new();
        for member in members {
            let of = match (reference(member), member.get("type").and_then(Value::as_str)) {
                (Some(name), _) => self.known(name),
                (None, Some("string")) => Some(Type::String),
                (None, Some("boolean")) => Some(Type::Bool),
                (None, Some("number" | "integer")) => Some(Type::Number),
                (None, Some("array")) => {
                    match self.mixed(member.get("items").map_or(&[], std::slice::from_ref)) {
                        Type::Mixed(only) => only.first().cloned().map(|of| Type::List(Box::new(of))),
                        _ => None,
                    }
                }
                _ => None,
            };
            match of {
                Some(of) if types.contains(&of) => {}
                Some(of) => types.push(of),
                None => return Type::Value,
            }
        }
        if types.is_empty() { Type::Value } else { Type::Mixed(types) }
    }

    pub(super) fn are_strings(&self, members: &[Value]) -> bool {
        members
            .iter()
            .all(|member| self.resolve(member).get("type").and_then(Value::as_str) == Some("string"))
    }

    /// All values that the strings of a union name.
    pub(super) fn text_values(&self, members: &[Value]) -> Vec<String> {
        let mut values = Vec::new();
        for member in members {
            for value in self.resolve(member).get("enum").and_then(Value::as_array).into_iter().flatten() {
                values.extend(text(value).filter(|value| !values.contains(value)));
            }
        }
        values
    }

    /// The field whose value tells the members apart.
    pub(super) fn tag(&self, members: &[Value]) -> Option<&'static str> {
        TAGS.iter().copied().find(|tag| {
            let values: Option<BTreeSet<String>> =
                members.iter().map(|member| self.tag_value(member, tag)).collect();
            values.is_some_and(|values| values.len() == members.len())
        })
    }

    /// The value of the tag that a member of a union has. A member may be a union itself, which has one value when all
    /// of its members have that (three kinds of `compaction` among the messages of OpenCode 2, told apart by `status`).
    fn tag_value(&self, member: &Value, tag: &str) -> Option<String> {
        let schema = self.resolve(member);
        let Some(inner) = members(schema) else {
            return constant(schema.get("properties")?.get(tag)?);
        };
        let values: Option<BTreeSet<String>> =
            inner.iter().map(|member| self.tag_value(member, tag)).collect();
        values.filter(|values| values.len() == 1)?.pop_first()
    }

    /// A union told apart by a boolean (`success`): one object in which only the common fields are required.
    fn outcome(&self, members: &[Value]) -> Option<Value> {
        let schemas: Vec<&Value> = members.iter().map(|member| self.resolve(member)).collect();
        let has_switch = |schema: &&Value| {
            let properties = schema.get("properties").and_then(Value::as_object);
            properties.is_some_and(|all| {
                all.values().any(|property| {
                    property.get("type").and_then(Value::as_str) == Some("boolean")
                        && property.get("enum").is_some()
                })
            })
        };
        if !schemas.iter().all(has_switch) {
            return None;
        }
        let mut properties = serde_json::Map::new();
        let mut required: Option<BTreeSet<String>> = None;
        for schema in schemas {
            for (name, property) in schema.get("properties")?.as_object()? {
                properties.entry(name.clone()).or_insert_with(|| property.clone());
            }
            let names: BTreeSet<String> =
                schema.get("required")?.as_array()?.iter().filter_map(text).collect();
            required =
                Some(required.map_or(names.clone(), |common| common.intersection(&names).cloned().collect()));
        }
        Some(serde_json::json!({ "type": "object", "properties": properties, "required": required }))
    }

    /// A union with a tag.
    pub(super) fn union(&mut self, all: &[Value], tag: &str, name: &str, file: File) -> Result<Item, String> {
        let mut members = Vec::new();
        for member in all {
            let value = self.tag_value(member, tag);
            let value = value.ok_or_else(|| format!("{name}: a member without {tag}"))?;
            let of = if reference(member).is_some() {
                let place = Place { file, hint: name.to_owned(), property: "" };
                self.slot(member, &place)?.of
            } else if has_properties(member) || super::lower::members(member).is_some() {
                let place = Place { file, hint: format!("{name}{}", pascal(&value)), property: tag };
                self.inline(member, &place)?
            } else {
                return Err(format!("{name}: a member without properties"));
            };
            members.push((value, of));
        }
        Ok(Item::Union { tag: tag.to_owned(), members })
    }
}
