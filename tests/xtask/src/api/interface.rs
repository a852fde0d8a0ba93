//! What bindings for other languages are given of a line: each operation as one method, and the types that stand in them.
//! Nothing here is about one language.
use std::collections::{BTreeMap, BTreeSet};

use super::lower::Lowering;
use super::model::{Definition, EventItem, Field, File, Item, Mode, OperationItem, Place, Slot, Type};
use super::naming::words;

/// A line of servers.
pub struct Interface<'a> {
    /// `v1` or `v2`.
    pub line: &'static str,
    /// The documents behind it.
    pub source: String,
    pub methods: Vec<Method<'a>>,
    /// The types that stand in methods, in the order of the document, with names that are told apart.
    pub types: Vec<(String, &'a Definition)>,
    pub events: &'a [EventItem],
    names: BTreeMap<(&'static str, &'a str), String>,
    definitions: BTreeMap<(&'static str, &'a str), &'a Definition>,
}

/// A method for an operation.
pub struct Method<'a> {
    pub operation: &'a OperationItem,
    /// Required ones first.
    pub arguments: Vec<Argument<'a>>,
    pub body: Body,
}

/// An argument of a method.
pub struct Argument<'a> {
    /// The name on the wire; that of the rest of a path is `path`.
    pub wire: &'a str,
    pub of: Slot,
    pub required: bool,
    pub part: Part,
}

/// Where an argument goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    Path,
    Query,
    /// A property of the JSON body.
    Property,
    /// The body as a whole.
    Body,
    /// The body, which is bytes.
    Bytes,
}

/// What the body of a method is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Body {
    None,
    /// Its properties are arguments.
    Properties,
    /// It is one argument.
    Whole,
    Bytes,
}

impl<'a> Interface<'a> {
    pub fn new(
        line: &'static str,
        source: String,
        lowering: &'a Lowering<'_>,
        events: &'a [EventItem],
        operations: &'a [OperationItem],
    ) -> Result<Self, String> {
        let definitions = lowering
            .definitions
            .iter()
            .map(|found| ((found.file.module(), found.name.as_str()), found))
            .collect();
        let mut interface = Self {
            line,
            source,
            methods: Vec::new(),
            types: Vec::new(),
            events,
            names: BTreeMap::new(),
            definitions,
        };
        let mut seen = BTreeSet::new();
        for operation in operations {
            if !seen.insert(plain(&operation.id)) {
                return Err(format!("{} has the name of another operation in some language", operation.id));
            }
            let method = interface.method(operation)?;
            interface.methods.push(method);
        }
        interface.collect_types(lowering);
        Ok(interface)
    }

    fn method(&self, operation: &'a OperationItem) -> Result<Method<'a>, String> {
        let (mut arguments, mut body) = (Vec::new(), Body::None);
        let all = operation.required.iter().map(|parameter| (parameter, true));
        let all =
            all.chain(operation.filled.iter().chain(&operation.optional).map(|parameter| (parameter, false)));
        for (parameter, required) in all {
            let mut push = |part, wire| {
                arguments.push(Argument { wire, of: parameter.of.clone().into(), required, part });
            };
            match parameter.place {
                Place::Path => push(Part::Path, parameter.wire.as_str()),
                Place::Tail => push(Part::Path, "path"),
                Place::Query => push(Part::Query, parameter.wire.as_str()),
                Place::Bytes => {
                    push(Part::Bytes, "body");
                    body = Body::Bytes;
                }
                Place::Body => match self.fields(&parameter.of) {
                    Some(fields) => {
                        arguments.extend(fields.iter().map(property));
                        body = Body::Properties;
                    }
                    None => {
                        push(Part::Body, "body");
                        body = Body::Whole;
                    }
                },
            }
        }
        arguments.sort_by_key(|argument| !argument.required);
        let mut seen = BTreeSet::new();
        match arguments.iter().find(|argument| !seen.insert(plain(argument.wire))) {
            // None has this yet. Decide then how the second is called.
            Some(twice) => {
                Err(format!("{}: `{}` is in the path or the query and in the body", operation.id, twice.wire))
            }
            None => Ok(Method { operation, arguments, body }),
        }
    }

    /// The fields of a type that is nothing but fields, through aliases.
    fn fields(&self, of: &Type) -> Option<&'a [Field]> {
        let Type::Named(file, name) = of else { return None };
        match &self.definition(*file, name)?.item {
            Item::Struct { fields, constants } if constants.is_empty() => Some(fields),
            Item::Alias(of) => self.fields(of),
            _ => None,
        }
    }

    fn definition(&self, file: File, name: &str) -> Option<&'a Definition> {
        // The keys live as long as the definitions, the name that is looked for does not.
        self.definitions.iter().find(|(key, _)| **key == (file.module(), name)).map(|(_, found)| *found)
    }

    /// A type without aliases.
    pub fn resolved(&self, of: &Type) -> Type {
        match of {
            Type::Named(file, name) => match self.definition(*file, name).map(|found| &found.item) {
                Some(Item::Alias(of)) => self.resolved(of),
                _ => of.clone(),
            },
            other => other.clone(),
        }
    }

    /// The name under which bindings know a type.
    pub fn name(&self, file: File, name: &str) -> String {
        let found = self.names.iter().find(|(key, _)| **key == (file.module(), name));
        found.map_or_else(|| name.to_owned(), |(_, name)| name.clone())
    }

    fn collect_types(&mut self, lowering: &'a Lowering<'_>) {
        let mut wanted: BTreeSet<(&'static str, String)> = BTreeSet::new();
        let mut waiting: Vec<Type> = self.events.iter().map(|event| event.payload.clone()).collect();
        for method in &self.methods {
            waiting.push(method.operation.answer.of.clone());
            waiting.extend(method.arguments.iter().map(|argument| argument.of.of.clone()));
        }
        while let Some(of) = waiting.pop() {
            match of {
                Type::List(of) | Type::Map(of) => waiting.push(*of),
                Type::Mixed(all) => waiting.extend(all),
                Type::Named(file, name) => {
                    let Some(found) = self.definition(file, &name) else { continue };
                    if wanted.insert((file.module(), name)) {
                        match &found.item {
                            Item::Struct { fields, .. } => {
                                waiting.extend(fields.iter().map(|f| f.of.clone()))
                            }
                            Item::Union { members, .. } => {
                                waiting.extend(members.iter().map(|m| m.1.clone()))
                            }
                            Item::Alias(of) => waiting.push(of.clone()),
                            Item::Enum { .. } => {}
                        }
                    }
                }
                _ => {}
            }
        }
        let mut taken: BTreeSet<String> = OWN.iter().map(|name| (*name).to_owned()).collect();
        for found in &lowering.definitions {
            let key = (found.file.module(), found.name.clone());
            if !wanted.contains(&key) || matches!(found.item, Item::Alias(_)) {
                continue;
            }
            // Each file of the Rust crate has names of its own; here all stand in one.
            let mut name = match found.file {
                File::Events => format!("{}Payload", found.name),
                _ => found.name.clone(),
            };
            while !taken.insert(name.clone()) {
                name.push('_');
            }
            self.names.insert((found.file.module(), found.name.as_str()), name.clone());
            self.types.push((name, found));
        }
    }
}

/// A name without what languages write differently: two that are the same so would be one method or one argument.
fn plain(name: &str) -> String {
    words(name).join("_").to_lowercase()
}

/// Names that the generators write themselves.
const OWN: &[&str] = &[
    "Event",
    "GlobalEvent",
    "WebSocketTarget",
    "Any",
    "Dict",
    "List",
    "Literal",
    "NotRequired",
    "Optional",
    "Union",
];

fn property(field: &Field) -> Argument<'_> {
    let required = field.mode != Mode::Opt;
    let nullable = field.nullable;
    Argument {
        wire: &field.wire,
        of: Slot { of: field.of.clone(), nullable },
        required,
        part: Part::Property,
    }
}

/// The type of the events of a stream.
pub fn event_type(interface: &Interface<'_>, operation: &OperationItem) -> &'static str {
    match operation.answer.of {
        Type::GlobalEnvelope => "GlobalEvent",
        // What 1.x has of OpenCode 2 sends the frames of that.
        _ if interface.line == "v1" && operation.path.starts_with("/api/") => "DataEvent",
        _ => "Event",
    }
}

/// The first lines of a generated file: a mark that tells tools and people, behind the language's sign for comments.
pub fn mark(comment: &str, source: &str) -> String {
    format!("{comment} @generated by cargo xtask api from {source}; do not edit.\n")
}

/// What a method does, from what the document says: it has no prose.
pub fn summary(method: &Method<'_>) -> String {
    let operation = method.operation;
    let deprecated = if operation.deprecated { " Deprecated by the server." } else { "" };
    let what = match operation.response_kind {
        "EventStream" => " Answers with a stream of events.",
        "WebSocket" => " Answers with what a WebSocket is opened with.",
        "Bytes" => " Answers with bytes.",
        "Text" => " Answers with text.",
        "Empty" => " Answers with nothing.",
        _ => "",
    };
    format!("`{} {}`.{what}{deprecated}", operation.method.to_uppercase(), operation.path)
}
