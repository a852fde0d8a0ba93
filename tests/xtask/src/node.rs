//! `cargo xtask node`: the npm package is built, tested on real servers, packed, and used from the packed files.
//!
//! In this order: the native library and the TypeScript around it ([`build`]); types as strict programs of others see them, and the
//! tests of the package and its examples in Node's test runner ([`suite`]); the packages as they are published, installed without
//! network in an empty folder and used from there ([`npm`]); the same first lines in Bun ([`bun`]).

mod build;
mod bun;
pub(crate) mod npm;
mod suite;

use std::ops::AddAssign;
use std::path::{Path, PathBuf};

#[derive(clap::Args)]
pub struct Arguments {
    /// Only tests whose name holds this; nothing is packed then.
    #[arg(short = 'k', value_name = "NAME")]
    name: Option<String>,
    /// Where the packages are put.
    #[arg(long, value_name = "FOLDER", default_value = "target/npm")]
    to: PathBuf,
    /// Packs the optimised library, as it is published.
    #[arg(long)]
    release: bool,
}

/// How many tests there were.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Counts {
    passed: usize,
    failed: usize,
}

impl Counts {
    /// One step that went well or did not, with what it said.
    fn of(name: &str, done: Result<String, String>) -> Self {
        match done {
            Ok(said) => {
                println!("node {name}: {said}");
                Self { passed: 1, failed: 0 }
            }
            Err(why) => {
                println!("node {name}: FAILED: {why}");
                Self { passed: 0, failed: 1 }
            }
        }
    }
}

impl AddAssign for Counts {
    fn add_assign(&mut self, other: Self) {
        self.passed += other.passed;
        self.failed += other.failed;
    }
}

/// Builds the package as it stands, so that programs in its folder can import it.
///
/// # Errors
/// Those of building it.
pub fn built(root: &Path) -> Result<(), String> {
    build::package(root).map(drop)
}

/// Packs what is published for a target of the compiler into a folder; gives a line about it.
///
/// # Errors
/// Those of building and packing it.
pub fn published(root: &Path, target: &str, to: &Path) -> Result<String, String> {
    let package = build::javascript(root)?;
    let library = release_library(root, &["--target", target])?;
    Ok(npm::pack_library(root, &package, &build::platform_of(target)?, &library, to)?.sizes())
}

/// The package as it is released, laid out in a folder as an installation has it.
///
/// # Errors
/// Those of building it.
pub fn released(root: &Path, folder: &Path) -> Result<PathBuf, String> {
    let package = build::package(root)?;
    let library = release_library(root, &[])?;
    npm::laid_out(root, &package, &library, folder)?;
    Ok(folder.to_owned())
}

/// The native library as it is released.
fn release_library(root: &Path, more: &[&str]) -> Result<PathBuf, String> {
    let arguments = [&["build", "--release", "--lib", "-p", "opencode-nexus-node"], more].concat();
    crate::cargo::library(root, &arguments, "opencode_nexus_node")
}

pub fn run(root: &Path, arguments: &Arguments) -> Result<(), String> {
    let package = build::package(root)?;
    let world = suite::World::new(root)?;
    let mut counts = Counts::default();
    if arguments.name.is_none() {
        counts += Counts::of("types", suite::types(&package));
    }
    counts += suite::tests(&package, &world, arguments.name.as_deref())?;
    if arguments.name.is_none() {
        let to = root.join(&arguments.to);
        let packed = npm::pack(root, &package, &to, arguments.release);
        counts += Counts::of("pack", packed.as_ref().map(npm::Packed::sizes).map_err(Clone::clone));
        if let Ok(packed) = &packed {
            counts += Counts::of("install", npm::install_and_use(root, packed, &world));
        }
        counts += Counts::of("bun", bun::quickstart(root, &package, &world));
    }
    println!("node: {} passed, {} failed", counts.passed, counts.failed);
    if counts.failed == 0 && counts.passed > 0 {
        Ok(())
    } else {
        Err("node: something went wrong".to_owned())
    }
}
