//! Identifiers as types, so that a message id cannot be passed where a session id belongs. They are not validated:
//! the server owns their form, and a newer server may change it.
use std::borrow::Borrow;
use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

macro_rules! ids {
    ($($(#[$meta:meta])* $name:ident)*) => {$(
        $(#[$meta])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
        pub struct $name(Box<str>);

        impl $name {
            /// The id as text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Debug::fmt(&*self.0, f)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(&self.0)
            }
        }

        impl From<&str> for $name {
            fn from(text: &str) -> Self {
                Self(text.into())
            }
        }

        impl From<String> for $name {
            fn from(text: String) -> Self {
                Self(text.into_boxed_str())
            }
        }

        impl From<&$name> for $name {
            fn from(id: &$name) -> Self {
                id.clone()
            }
        }

        impl From<$name> for String {
            fn from(id: $name) -> Self {
                id.0.into_string()
            }
        }

        impl AsRef<str> for $name {
            fn as_ref(&self) -> &str {
                &self.0
            }
        }

        impl Borrow<str> for $name {
            fn borrow(&self) -> &str {
                &self.0
            }
        }

        impl PartialEq<str> for $name {
            fn eq(&self, other: &str) -> bool {
                &*self.0 == other
            }
        }

        impl PartialEq<&str> for $name {
            fn eq(&self, other: &&str) -> bool {
                &*self.0 == *other
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(&self.0)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                Box::<str>::deserialize(deserializer).map(Self)
            }
        }
    )*};
}

ids! {
    /// A session (`ses…`).
    SessionId
    /// A message (`msg…`).
    MessageId
    /// A part of a message (`prt…`).
    PartId
    /// A permission request (`per…`).
    PermissionId
    /// A question request (`que…`).
    QuestionId
    /// An event (`evt…`). Not monotone: a heartbeat's id can be lower than that of an earlier event.
    EventId
    /// A pseudo-terminal (`pty…`).
    PtyId
    /// A workspace (`wrk…`).
    WorkspaceId
    /// A tool call, in the form that the model's provider chose.
    CallId
    /// A project.
    ProjectId
    /// A provider of models.
    ProviderId
    /// A model, unique within its provider.
    ModelId
    /// An integration.
    IntegrationId
    /// A stored credential.
    CredentialId
    /// An attempt to connect an integration.
    AttemptId
    /// A form that waits for a person (`frm…`), which OpenCode 2 has in place of questions.
    FormId
    /// A shell command that the server runs (`sh…`).
    ShellId
}
