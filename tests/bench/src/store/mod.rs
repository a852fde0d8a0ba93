//! What `cargo xtask bench store` measures: the same messages and the same questions for every store.
//!
//! The peers that link another SQLite than ours cannot be in one build with it. They include these files by path, so
//! nothing here knows any crate but `std`.

pub mod corpus;
pub mod work;
