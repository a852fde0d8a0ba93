//! What JavaScript is answered, and how it becomes a value of its own.

use std::ptr;

use napi::bindgen_prelude::{Buffer, ToNapiValue, Uint32Array};
use napi::sys;
use opencode_nexus::Called;
use opencode_nexus::{Error, Result};
use serde::Serialize;

use crate::conversation::Conversation;
use crate::events::{Events, RawAnswer};
use crate::history::History;
use crate::nexus::Nexus;
use crate::turn::Turn;
use crate::{camel, failure};

/// An answer.
pub enum Answer {
    /// `undefined`: it was done.
    Done,
    /// `null`: there is none.
    Nothing,
    /// JSON.
    Json(String),
    /// `[text]`: text that is no JSON.
    Text(String),
    /// Bytes.
    Bytes(Vec<u8>),
    /// `[number, JSON]`: a call of a function of JavaScript.
    Call(u32, String),
    Nexus(Box<Nexus>),
    Conversation(Box<Conversation>),
    Turn(Box<Turn>),
    Events(Box<Events>),
    History(Box<History>),
    /// `[bytes, places, new types]`.
    Raw(RawAnswer),
}

impl Answer {
    /// JSON with names as JavaScript has them.
    ///
    /// # Errors
    /// A defect.
    pub fn json<T: Serialize + ?Sized>(value: &T) -> Result<Self> {
        camel::to_json(value).map(Self::Json).map_err(|error| {
            Error::new(opencode_nexus::ErrorKind::Internal, "an answer could not be written")
                .with_source(error)
        })
    }
}

/// Bytes of which JavaScript gets a copy in memory of its own. Memory of ours it lets go of late: when there are 64 MB of it.
struct Copied(Vec<u8>);

impl ToNapiValue for Copied {
    unsafe fn to_napi_value(env: sys::napi_env, Self(bytes): Self) -> napi::Result<sys::napi_value> {
        let mut made = ptr::null_mut();
        // SAFETY: `env` is the environment in which this very function is called; the bytes live until they were copied.
        let status = unsafe {
            sys::napi_create_buffer_copy(env, bytes.len(), bytes.as_ptr().cast(), ptr::null_mut(), &mut made)
        };
        napi::check_status!(status, "a buffer could not be made")?;
        Ok(made)
    }
}

impl TryFrom<Called> for Answer {
    type Error = Error;

    fn try_from(called: Called) -> Result<Self> {
        Ok(match called {
            Called::Json(json) => match String::from_utf8(json.to_vec()) {
                Ok(json) => Self::Json(json),
                Err(error) => return Err(failure::not_utf8(error)),
            },
            Called::Text(text) => Self::Text(text),
            Called::Bytes(bytes) => Self::Bytes(bytes.to_vec()),
            Called::Empty => Self::Done,
        })
    }
}

impl ToNapiValue for Answer {
    unsafe fn to_napi_value(env: sys::napi_env, answer: Self) -> napi::Result<sys::napi_value> {
        // SAFETY: `env` is the environment in which this very function is called.
        unsafe {
            match answer {
                Self::Done => <()>::to_napi_value(env, ()),
                Self::Nothing => napi::bindgen_prelude::Null::to_napi_value(env, napi::bindgen_prelude::Null),
                Self::Json(json) => String::to_napi_value(env, json),
                Self::Text(text) => Vec::to_napi_value(env, vec![text]),
                Self::Bytes(bytes) => Buffer::to_napi_value(env, bytes.into()),
                Self::Call(number, json) => <(u32, String)>::to_napi_value(env, (number, json)),
                Self::Nexus(nexus) => Nexus::to_napi_value(env, *nexus),
                Self::Conversation(conversation) => Conversation::to_napi_value(env, *conversation),
                Self::Turn(turn) => Turn::to_napi_value(env, *turn),
                Self::Events(events) => Events::to_napi_value(env, *events),
                Self::History(history) => History::to_napi_value(env, *history),
                Self::Raw(raw) => <(Copied, Uint32Array, Vec<String>)>::to_napi_value(
                    env,
                    (Copied(raw.data), raw.places.into(), raw.kinds),
                ),
            }
        }
    }
}
