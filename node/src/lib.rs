//! The native half of the npm package `opencode-nexus`. It converts between JavaScript and the SDK and decides nothing; what a person
//! sees is the other half, in `ts`.
//!
//! JavaScript calls with a number and JSON, and is answered by that number when the work is done: the [`port`]. All of a thread's
//! answers come by one threadsafe function, which holds no event loop. Whatever a thread of JavaScript has begun ends with it.
#![deny(missing_docs)]

mod camel;
