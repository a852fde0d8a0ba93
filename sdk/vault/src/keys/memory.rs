//! What the type system cannot clear: copies that moves and library code leave on the stack.

use zeroize::Zeroize;

/// Overwrites the stack below the caller, where functions that have returned kept copies of keys. Enough for the key
/// schedule of AES and for the states of HMAC.
#[inline(never)]
pub(crate) fn clear_stack() {
    let mut below = [0u64; 1024];
    below.zeroize();
    std::hint::black_box(&below);
}

/// The same for Argon2, which works with several blocks of 1 KiB on the stack.
#[inline(never)]
pub(crate) fn clear_stack_after_argon2() {
    let mut below = [0u64; 8192];
    below.zeroize();
    std::hint::black_box(&below);
}
