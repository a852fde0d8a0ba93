//! Values made from the schemas of an interface document.
use opencode_api::{Map, Value};

/// Makes values from schemas.
pub struct Sampler<'a> {
    /// The named schemas.
    pub schemas: &'a Map<String, Value>,
    /// Whether fields that are not required are there.
    pub optional: bool,
}

impl Sampler<'_> {
    fn resolve<'s>(&'s self, schema: &'s Value) -> &'s Value {
        match schema.get("$ref").and_then(Value::as_str).and_then(|path| path.rsplit('/').next()) {
            Some(name) => &self.schemas[name],
            None => schema,
        }
    }

    /// All values worth trying: one for each member of a union.
    pub fn samples(&self, schema: &Value) -> Vec<Value> {
        let schema = self.resolve(schema);
        if let Some(members) = schema.get("anyOf").or_else(|| schema.get("oneOf")) {
            return members
                .as_array()
                .expect("members")
                .iter()
                .flat_map(|member| self.samples(member))
                .collect();
        }
        if let Some(value) = schema.get("const") {
            return vec![value.clone()];
        }
        if let Some(values) = schema.get("enum") {
            return values.as_array().expect("values").clone();
        }
        match schema.get("type").and_then(Value::as_str) {
            Some("string") => vec!["text".into()],
            Some("number") => vec![1.5.into()],
            Some("integer") => vec![7.into()],
            Some("boolean") => vec![true.into()],
            Some("null") => vec![Value::Null],
            Some("array") => {
                vec![Value::Array(schema.get("items").map(|items| self.samples(items)).unwrap_or_default())]
            }
            Some("object") => self.objects(schema),
            _ => vec![serde_json::json!({ "any": [1, null] })],
        }
    }

    fn objects(&self, schema: &Value) -> Vec<Value> {
        let required: Vec<&str> = schema
            .get("required")
            .and_then(Value::as_array)
            .map(|names| names.iter().filter_map(Value::as_str).collect())
            .unwrap_or_default();
        let mut object = Map::new();
        let mut variants = Vec::new();
        for (name, property) in schema.get("properties").and_then(Value::as_object).into_iter().flatten() {
            if self.optional || required.contains(&name.as_str()) {
                let samples = self.samples(property);
                object.insert(name.clone(), samples[0].clone());
                variants.extend(samples.into_iter().skip(1).map(|sample| (name.clone(), sample)));
            }
        }
        if let Some(values) = schema.get("additionalProperties").filter(|values| values.is_object()) {
            object.insert("key".to_owned(), self.samples(values)[0].clone());
        }
        let mut all = vec![Value::Object(object.clone())];
        for (name, sample) in variants {
            let mut variant = object.clone();
            variant.insert(name, sample);
            all.push(Value::Object(variant));
        }
        all
    }
}
