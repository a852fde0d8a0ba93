//! Wire types, operations and events of OpenCode servers, without any I/O: requests are built as values,
//! responses and event frames are decoded from bytes. Deliberately not here: HTTP, retries, streams, and the neutral
//! model that hides which line of servers one talks to. Those live in `opencode-nexus`.
//!
//! The modules of a server line (`v1`, `v2`) are generated from the interface documents under `spec/` by `cargo xtask api`;
//! what is beside them is written by hand. A newer or older server must not break a client, so unknown fields are
//! kept in [`Extra`], unknown enum values and kinds in `Unknown` variants, and encoding writes them back.
//!
//! ```
//! use opencode_api::{Operation, v1::operations::session};
//!
//! let request = session::Get::new("ses_1").request();
//! assert_eq!(request.path, "/session/ses_1");
//! ```
#![deny(missing_docs)]
#![forbid(unsafe_code)]

// The macros stand before the modules that use them.
#[macro_use]
mod object;
#[macro_use]
mod open_enum;
#[macro_use]
mod operation;
#[macro_use]
mod tagged_union;
#[macro_use]
mod event;

mod error;
mod extra;
mod id;
mod lenient;
mod number;
mod raw;
mod tag;

pub mod v1;
pub mod v2;

pub use error::{DecodeError, DecodeErrorKind};
pub use event::{
    Durable, Envelope, EventHead, EventLocation, EventPayload, Form, GlobalEnvelope, GlobalHead,
    GlobalPayload, SyncEvent, SyncHead,
};
pub use extra::Extra;
pub use id::*;
pub use number::Number;
pub use operation::{
    ArgumentError, Location, LocationStyle, Method, Operation, OperationInfo, ParameterInfo, ParameterPlace,
    Request, ResponseKind,
};
pub use raw::Raw;
pub use serde_json::value::RawValue;
pub use serde_json::{Map, Value};

/// A JSON object whose shape the interface document leaves open.
pub type JsonObject = Map<String, Value>;
