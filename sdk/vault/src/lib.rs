//! Keys, sealed envelopes and the encrypted database of OpenCode Nexus.
//!
//! This is only the face of the crate: it fixes where encryption lives, so that no other crate grows its own.
//! What will live here: password and keyring key slots, versioned sealed envelopes (AES-256-GCM), and the
//! encrypted message database. What never will: network access, OpenCode types, tokio.
#![deny(missing_docs)]
#![forbid(unsafe_code)]
