//! SQLCipher alone, for `cargo xtask bench store`.

use opencode_nexus_bench::sqlite::Sqlite;
use opencode_nexus_bench::store::work;

fn main() -> work::Done {
    work::run::<Sqlite<true>>()
}
