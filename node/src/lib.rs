//! The native half of the npm package `opencode-nexus`. It converts between JavaScript and the SDK and decides nothing; what a person
//! sees is the other half, in `ts`.
//!
//! JavaScript calls with a number and JSON, and is answered by that number when the work is done: `port`. All of a thread's
//! answers come by one threadsafe function, which holds no event loop. Whatever a thread of JavaScript has begun ends with it.
//! `nexus`, `conversation`, `turn`, `feed`, `events` and `history` are the handles that JavaScript holds; `accounts` stands beside them; `answer` and `failure` what it is
//! told; `providers` context that is written in JavaScript.
#![deny(missing_docs)]

mod accounts;
mod answer;
mod batch;
mod camel;
mod conversation;
mod events;
mod failure;
mod feed;
mod history;
mod model;
mod nexus;
mod port;
mod providers;
mod runtime;
mod turn;
