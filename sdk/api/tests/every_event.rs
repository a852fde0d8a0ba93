//! Every kind of event in the interface document, with a payload made from its schema, once with all fields and once
//! with the required ones only.
use opencode_api::v1::{EVENTS, Envelope, Event};
use opencode_api::{EventHead, Map, Value};

const DOCUMENT: &str = include_str!("../spec/openapi-1.18.33.json");

/// Makes values from schemas.
struct Sampler<'a> {
    schemas: &'a Map<String, Value>,
    optional: bool,
}

impl Sampler<'_> {
    fn resolve<'s>(&'s self, schema: &'s Value) -> &'s Value {
        match schema.get("$ref").and_then(Value::as_str).and_then(|path| path.rsplit('/').next()) {
            Some(name) => &self.schemas[name],
            None => schema,
        }
    }

    /// All values worth trying: one for each member of a union.
    fn samples(&self, schema: &Value) -> Vec<Value> {
        let schema = self.resolve(schema);
        if let Some(members) = schema.get("anyOf").or_else(|| schema.get("oneOf")) {
            return members
                .as_array()
                .expect("members")
                .iter()
                .flat_map(|member| self.samples(member))
                .collect();
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

#[test]
fn every_event_of_the_document_decodes_and_encodes_to_itself() {
    let document: Value = serde_json::from_str(DOCUMENT).expect("the interface document");
    let schemas = document["components"]["schemas"].as_object().expect("schemas");
    let mut kinds = 0;
    for optional in [true, false] {
        let sampler = Sampler { schemas, optional };
        for member in schemas["Event"]["anyOf"].as_array().expect("events") {
            kinds += 1;
            for sample in sampler.samples(member) {
                let frame = sample.to_string();
                let head = EventHead::parse(frame.as_bytes()).expect("a head");
                let event = Event::decode(&head).unwrap_or_else(|error| panic!("{error}\n{frame}"));
                let shown = format!("{event:?}");
                assert!(
                    !shown.contains("Unknown(") && !shown.contains("Unknown { kind"),
                    "not typed: {frame}\n{shown}"
                );
                assert!(EVENTS.contains(&event.kind()));
                let envelope = Envelope::from_slice(frame.as_bytes()).expect("an envelope");
                assert_eq!(serde_json::to_value(&envelope).expect("encodes"), sample);
            }
        }
    }
    assert_eq!(kinds, 2 * 89);
}

#[test]
fn the_kinds_are_those_of_the_document_and_the_overlay() {
    assert_eq!(EVENTS.len(), 91);
    for kind in ["server.heartbeat", "lsp.client.diagnostics"] {
        assert!(EVENTS.contains(&kind));
    }
}
