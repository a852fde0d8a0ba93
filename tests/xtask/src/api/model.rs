//! What the generator knows about the generated code: types, and the items that define them.

/// A file of the generated code; types of another file are written with its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum File {
    Types,
    Bodies,
    Events,
}

impl File {
    pub fn module(self) -> &'static str {
        match self {
            Self::Types => "types",
            Self::Bodies => "bodies",
            Self::Events => "events",
        }
    }
}

/// The type of a value.
#[derive(Debug, Clone, PartialEq)]
pub enum Type {
    String,
    Bool,
    Number,
    /// Anything.
    Value,
    /// One of these, which nothing tells apart; for Rust it is anything.
    Mixed(Vec<Type>),
    /// An object whose fields are open.
    Object,
    Map(Box<Type>),
    List(Box<Type>),
    Id(&'static str),
    Named(File, String),
    Envelope,
    GlobalEnvelope,
    Unit,
}

/// A type, and whether `null` may stand in its place.
#[derive(Debug, Clone)]
pub struct Slot {
    pub of: Type,
    pub nullable: bool,
}

impl From<Type> for Slot {
    fn from(of: Type) -> Self {
        Self { of, nullable: false }
    }
}

/// What the absence of a field means; the macros in the crate's `object.rs` explain the words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    Need,
    Opt,
    Null,
    Fill,
}

impl Mode {
    pub fn word(self) -> &'static str {
        match self {
            Self::Need => "need",
            Self::Opt => "opt",
            Self::Null => "null",
            Self::Fill => "fill",
        }
    }
}

#[derive(Debug, Clone)]
pub struct Field {
    pub wire: String,
    pub name: String,
    pub mode: Mode,
    pub of: Type,
    /// Whether `null` may stand in its place.
    pub nullable: bool,
    pub doc: Option<&'static str>,
}

#[derive(Debug, Clone)]
pub enum Item {
    Struct { fields: Vec<Field>, constants: Vec<(String, String)> },
    Enum { values: Vec<String> },
    Union { tag: String, members: Vec<(String, Type)> },
    Alias(Type),
}

/// An item with its name and where it came from.
#[derive(Debug, Clone)]
pub struct Definition {
    pub file: File,
    pub name: String,
    pub doc: String,
    pub item: Item,
}

/// Where a value of an operation goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    Path,
    Tail,
    Query,
    /// A JSON body.
    Body,
    /// A body of bytes.
    Bytes,
}

impl Place {
    pub fn word(self) -> &'static str {
        match self {
            Self::Path => "path",
            Self::Tail => "tail",
            Self::Query => "query",
            Self::Body => "body",
            Self::Bytes => "bytes",
        }
    }
}

#[derive(Debug, Clone)]
pub struct Parameter {
    pub place: Place,
    pub wire: String,
    pub name: String,
    pub of: Type,
    /// As Rust writes it, which is simpler where we choose what is sent.
    pub rust: String,
}

#[derive(Debug, Clone)]
pub struct OperationItem {
    pub id: String,
    pub modules: Vec<String>,
    pub name: String,
    pub method: String,
    pub path: String,
    pub location: &'static str,
    pub response_kind: &'static str,
    pub response: Type,
    /// What the document says of a response of JSON, where `response` gives up a type because it may be `null`.
    pub answer: Slot,
    pub required: Vec<Parameter>,
    pub filled: Vec<Parameter>,
    pub optional: Vec<Parameter>,
    /// Headers that are always sent, with their values.
    pub headers: Vec<(String, String)>,
    pub deprecated: bool,
}

#[derive(Debug, Clone)]
pub struct EventItem {
    pub kind: String,
    pub variant: String,
    pub payload: Type,
    /// The field of the frame that holds the payload; without one the frame is the payload.
    pub field: Option<&'static str>,
}
