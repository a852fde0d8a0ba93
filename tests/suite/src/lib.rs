//! Tests that cross crates. The examples of the README are tested here too.

#[cfg(doctest)]
#[doc = include_str!("../../../README.md")]
pub struct Readme;
