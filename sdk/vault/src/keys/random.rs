//! Random bytes of the operating system.

use crate::error::{Error, ErrorKind, Result};

/// Fills a buffer with random bytes.
///
/// No pool of our own stands in between: one that is copied by `fork` or by a snapshot of the machine would give the
/// same nonce twice, and a call costs less than sealing 1 KB.
pub(crate) fn fill(bytes: &mut [u8]) -> Result<()> {
    getrandom::fill(bytes).map_err(|error| {
        Error::new(ErrorKind::Io, "the operating system gives no random bytes").with_source(error)
    })
}

/// An array of random bytes.
pub(crate) fn array<const N: usize>() -> Result<[u8; N]> {
    let mut bytes = [0; N];
    fill(&mut bytes)?;
    Ok(bytes)
}
