//! How much a plugin may take: memory, and time for each of its functions.

use std::time::Duration;

use wasmtime::ResourceLimiter;

use crate::manifest::LimitRequests;

/// One MiB, in bytes.
const MIB: usize = 1 << 20;

/// What one table entry takes: a pointer.
const TABLE_ENTRY: usize = size_of::<usize>();

/// Instances, memories and tables of one plugin. A component of a script engine has about ten.
const PARTS: usize = 64;

/// So many bytes may cross in one call from the plugin to the host, or as its answer.
pub(crate) const CROSSING: usize = 4 * MIB;

/// The person's caps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// All memories and tables of a plugin together, in bytes. Default 64 MiB.
    pub memory: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { memory: 64 * MIB }
    }
}

impl Limits {
    /// What a manifest asks for, under the person's cap (default: 256 MiB, for those who ask).
    pub fn requested(asked: &LimitRequests, cap: Option<Limits>) -> Self {
        let cap = cap.map_or(256 * MIB, |cap| cap.memory);
        let wanted =
            asked.memory_mib.map_or(Self::default().memory, |mib| (mib as usize).saturating_mul(MIB));
        Self { memory: wanted.min(cap) }
    }
}

/// Counts all memories and tables of a store together: the library's own limit is for each one.
pub(crate) struct MemoryLimit {
    limit: usize,
    taken: usize,
    refused: bool,
}

impl MemoryLimit {
    pub fn new(limits: Limits) -> Self {
        Self { limit: limits.memory, taken: 0, refused: false }
    }

    /// Whether the plugin was refused memory; said with its trap, because that is why most of them trap.
    pub fn was_refused(&self) -> bool {
        self.refused
    }

    /// What it has, in bytes.
    pub fn taken(&self) -> usize {
        self.taken
    }

    fn grow(&mut self, current: usize, desired: usize) -> bool {
        let wanted = self.taken.saturating_add(desired.saturating_sub(current));
        if wanted > self.limit {
            self.refused = true;
            return false;
        }
        self.taken = wanted;
        true
    }
}

impl ResourceLimiter for MemoryLimit {
    fn memory_growing(
        &mut self,
        current: usize,
        desired: usize,
        maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        // What the memory's own maximum forbids is not counted: it fails in any case.
        Ok(maximum.is_none_or(|maximum| desired <= maximum) && self.grow(current, desired))
    }

    fn table_growing(
        &mut self,
        current: usize,
        desired: usize,
        maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        let fits = maximum.is_none_or(|maximum| desired <= maximum);
        Ok(fits && self.grow(current.saturating_mul(TABLE_ENTRY), desired.saturating_mul(TABLE_ENTRY)))
    }

    fn instances(&self) -> usize {
        PARTS
    }

    fn tables(&self) -> usize {
        PARTS
    }

    fn memories(&self) -> usize {
        PARTS
    }
}

/// How long a call may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Budget {
    /// From its beginning in the plugin to its end, calls to the host included.
    pub run: Duration,
    /// Before that, while the plugin is busy with other calls or is being started again.
    pub wait: Duration,
}

impl Budget {
    /// `lifecycle.start`, together with making the instance.
    pub const START: Self = Self::of(2_000).waiting(Duration::from_secs(120));
    /// `lifecycle.stop`.
    pub const STOP: Self = Self::of(500);
    /// `describe` and `commands`: the first calls, which wait for the compiler.
    pub const DESCRIBE: Self = Self::of(50).waiting(Duration::from_secs(120));
    /// `suggest` and `complete`: somebody types.
    pub const SUGGEST: Self = Self::of(300);
    /// `provide`.
    pub const PROVIDE: Self = Self::of(2_000);
    /// `command-guest.run`.
    pub const RUN: Self = Self::of(10_000);
    /// `before-send`. The prompt waits, also while the plugin is compiled for the first time.
    pub const BEFORE_SEND: Self = Self::of(200).waiting(Duration::from_secs(10));
    /// `after-message`.
    pub const AFTER_MESSAGE: Self = Self::of(200);
    /// `on-events`.
    pub const ON_EVENTS: Self = Self::of(50);
    /// `on-input`.
    pub const ON_INPUT: Self = Self::of(50);
    /// `on-timer`. A timer is where a frontend does what takes longer, such as asking a host.
    pub const ON_TIMER: Self = Self::of(10_000);
    /// `on-web`.
    pub const ON_WEB: Self = Self::of(2_000);

    const fn of(milliseconds: u64) -> Self {
        // Short calls wait for the start of their plugin, which has two seconds, and for a first restart.
        let wait = if milliseconds < 3_000 { 3_000 } else { milliseconds };
        Self { run: Duration::from_millis(milliseconds), wait: Duration::from_millis(wait) }
    }

    /// The same with another wait for the plugin to be free.
    #[must_use]
    pub const fn waiting(mut self, wait: Duration) -> Self {
        self.wait = wait;
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memories_and_tables_are_counted_together() {
        let mut limit = MemoryLimit::new(Limits { memory: 4 * MIB });
        assert!(limit.memory_growing(0, 2 * MIB, None).unwrap());
        assert!(limit.memory_growing(0, MIB, None).unwrap());
        assert!(limit.table_growing(0, MIB / TABLE_ENTRY, None).unwrap());
        assert!(!limit.was_refused());
        assert!(!limit.table_growing(0, 1, None).unwrap());
        assert!(!limit.memory_growing(2 * MIB, 2 * MIB + 65_536, None).unwrap());
        assert!(limit.was_refused() && limit.taken() == 4 * MIB);
    }

    #[test]
    fn a_growth_beyond_all_numbers_is_refused_and_not_counted() {
        let mut limit = MemoryLimit::new(Limits::default());
        assert!(!limit.table_growing(0, usize::MAX, None).unwrap());
        assert!(!limit.memory_growing(MIB, usize::MAX, None).unwrap());
        assert!(!limit.memory_growing(0, 2 * MIB, Some(MIB)).unwrap());
        assert_eq!(limit.taken(), 0);
    }

    #[test]
    fn a_manifest_gets_what_it_asks_for_below_the_cap() {
        let asks = |mib| LimitRequests { memory_mib: mib };
        assert_eq!(Limits::requested(&asks(None), None).memory, 64 * MIB);
        assert_eq!(Limits::requested(&asks(Some(128)), None).memory, 128 * MIB);
        assert_eq!(Limits::requested(&asks(Some(u32::MAX)), None).memory, 256 * MIB);
        assert_eq!(Limits::requested(&asks(Some(128)), Some(Limits { memory: MIB })).memory, MIB);
    }
}
