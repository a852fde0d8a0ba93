//! Argon2id (RFC 9106) with bounds that are checked before anything is allocated.

use std::sync::{Condvar, Mutex, PoisonError};

use argon2::{Algorithm, Argon2, Block, Params, Version};
use secrecy::{ExposeSecret, SecretString};
use unicode_normalization::UnicodeNormalization;
use zeroize::{Zeroize, Zeroizing};

use super::master::Key;
use super::memory;
use crate::error::{Error, ErrorKind, Result};

/// How many bytes a passphrase may have.
const LONGEST: usize = 4096;

/// How much work a passphrase costs. Default 64 MiB, 3 passes, 4 lanes; accepted from 19 MiB and 2 passes to 1 GiB, 16
/// passes and 16 lanes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KdfParameters {
    /// Memory in KiB.
    pub memory: u32,
    /// Passes.
    pub passes: u32,
    /// Lanes.
    pub lanes: u32,
}

impl Default for KdfParameters {
    fn default() -> Self {
        Self { memory: 64 * 1024, passes: 3, lanes: 4 }
    }
}

impl KdfParameters {
    /// The least that is accepted (the weaker of OWASP's two equal recommendations for Argon2id).
    pub const LEAST: Self = Self { memory: 19 * 1024, passes: 2, lanes: 1 };
    /// The most that is accepted: what a hostile file may cost.
    pub const MOST: Self = Self { memory: 1024 * 1024, passes: 16, lanes: 16 };

    /// Whether they are within the bounds.
    pub(crate) fn check(&self) -> Result<()> {
        let within = |value: u32, least: u32, most: u32| (least..=most).contains(&value);
        if within(self.memory, Self::LEAST.memory, Self::MOST.memory)
            && within(self.passes, Self::LEAST.passes, Self::MOST.passes)
            && within(self.lanes, Self::LEAST.lanes, Self::MOST.lanes)
        {
            return Ok(());
        }
        let Self { memory, passes, lanes } = self;
        Err(Error::new(
            ErrorKind::Parameters,
            format!("{memory} KiB, {passes} passes and {lanes} lanes are not accepted for a passphrase"),
        )
        .with_hint("from 19456 KiB and 2 passes to 1048576 KiB, 16 passes and 16 lanes are"))
    }

    /// As they are authenticated: three numbers of four bytes, big endian.
    pub(crate) fn bytes(&self) -> [u8; 12] {
        let mut bytes = [0; 12];
        bytes[..4].copy_from_slice(&self.memory.to_be_bytes());
        bytes[4..8].copy_from_slice(&self.passes.to_be_bytes());
        bytes[8..].copy_from_slice(&self.lanes.to_be_bytes());
        bytes
    }

    /// The other way round.
    pub(crate) fn from_bytes(bytes: &[u8; 12]) -> Self {
        let [a, b, c, d, e, f, g, h, i, j, k, l] = *bytes;
        Self {
            memory: u32::from_be_bytes([a, b, c, d]),
            passes: u32::from_be_bytes([e, f, g, h]),
            lanes: u32::from_be_bytes([i, j, k, l]),
        }
    }
}

/// Whether a passphrase can be used for something new.
pub(crate) fn check_passphrase(passphrase: &SecretString) -> Result<()> {
    match passphrase.expose_secret().len() {
        0 => Err(Error::new(ErrorKind::InvalidInput, "the passphrase is empty")),
        1..=LONGEST => Ok(()),
        _ => Err(Error::new(ErrorKind::InvalidInput, "the passphrase is longer than 4096 bytes")),
    }
}

/// The key of a passphrase. The text is brought to Unicode's form NFC first, so that the same letters typed on another
/// system are the same passphrase (as RFC 8265 §4.2 asks of passwords).
pub(crate) fn derive(passphrase: &SecretString, salt: &[u8], parameters: KdfParameters) -> Result<Key> {
    parameters.check()?;
    check_passphrase(passphrase)?;
    // NFC makes UTF-8 at most three times longer. A buffer that grew would leave pieces behind.
    let mut normal = Zeroizing::new(String::with_capacity(3 * passphrase.expose_secret().len()));
    normal.extend(passphrase.expose_secret().nfc());
    let _turn = Turn::wait();
    let mut key = Key::zeroed();
    argon2id(normal.as_bytes(), salt, parameters, key.bytes_mut())?;
    memory::clear_stack_after_argon2();
    Ok(key)
}

fn argon2id(passphrase: &[u8], salt: &[u8], parameters: KdfParameters, out: &mut [u8; 32]) -> Result<()> {
    let failed = |error: argon2::Error| {
        Error::new(ErrorKind::Parameters, "a passphrase cannot be turned into a key")
            .with_source(error.to_string())
    };
    let params = Params::new(parameters.memory, parameters.passes, parameters.lanes, Some(out.len()))
        .map_err(failed)?;
    let mut blocks = Vec::new();
    blocks.try_reserve_exact(params.block_count()).map_err(|error| {
        Error::new(ErrorKind::Full, format!("{} KiB of memory are not to be had", parameters.memory))
            .with_hint("the passphrase needs that much; close something and try again")
            .with_source(error)
    })?;
    blocks.resize(params.block_count(), Block::default());
    let done = Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
        .hash_password_into_with_memory(passphrase, salt, out, &mut blocks)
        .map_err(failed);
    for block in &mut blocks {
        block.zeroize();
    }
    done
}

/// Two derivations at a time in a process: each takes as much memory as its parameters say.
struct Turn;

static RUNNING: Mutex<usize> = Mutex::new(0);
static ENDED: Condvar = Condvar::new();
const AT_ONCE: usize = 2;

impl Turn {
    fn wait() -> Self {
        let running = RUNNING.lock().unwrap_or_else(PoisonError::into_inner);
        let mut running =
            ENDED.wait_while(running, |running| *running >= AT_ONCE).unwrap_or_else(PoisonError::into_inner);
        *running += 1;
        Self
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        *RUNNING.lock().unwrap_or_else(PoisonError::into_inner) -= 1;
        ENDED.notify_one();
    }
}
