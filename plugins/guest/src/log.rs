//! Lines for the plugin's log, which `nexus plugin logs ID` shows.
//!
//! The macros [`trace!`](crate::trace), [`debug!`](crate::debug), [`info!`](crate::info), [`warn!`](crate::warn) and
//! [`error!`](crate::error!) take what `format!` takes. The host puts the time in front, cuts a line at 8 KiB and lets 200
//! lines a second through. Never write a secret or a person's text.

pub use crate::bindings::imports::nexus::plugin::log::Level;

/// Writes a line.
pub fn write(level: Level, message: &str) {
    #[cfg(target_family = "wasm")]
    crate::bindings::imports::nexus::plugin::log::write(level, message);
    #[cfg(not(target_family = "wasm"))]
    eprintln!("{level:?}: {message}");
}

/// Writes a line that only somebody who looks for a fault wants to see, very often.
#[macro_export]
macro_rules! trace { ($($text:tt)*) => { $crate::log::write($crate::log::Level::Trace, &::std::format!($($text)*)) } }
/// Writes a line that only somebody who looks for a fault wants to see.
#[macro_export]
macro_rules! debug { ($($text:tt)*) => { $crate::log::write($crate::log::Level::Debug, &::std::format!($($text)*)) } }
/// Writes a line that says what was done.
#[macro_export]
macro_rules! info { ($($text:tt)*) => { $crate::log::write($crate::log::Level::Info, &::std::format!($($text)*)) } }
/// Writes a line about something that went wrong, and was dealt with.
#[macro_export]
macro_rules! warn { ($($text:tt)*) => { $crate::log::write($crate::log::Level::Warn, &::std::format!($($text)*)) } }
/// Writes a line about something that went wrong.
#[macro_export]
macro_rules! error { ($($text:tt)*) => { $crate::log::write($crate::log::Level::Error, &::std::format!($($text)*)) } }
