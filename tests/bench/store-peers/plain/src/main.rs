//! SQLite with FTS5 and without encryption, for `cargo xtask bench store`.

#[path = "../../../src/memory.rs"]
mod memory;
#[path = "../../../src/sqlite.rs"]
mod sqlite;
#[path = "../../../src/store/mod.rs"]
mod store;

use memory::memory;
use sqlite::Sqlite;
use store::work;

fn main() -> work::Done {
    work::run::<Sqlite<false>>()
}
