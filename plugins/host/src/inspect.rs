//! Reads from a component's bytes what it asks for and offers, before anything of it is compiled. Sans-I/O.
//!
//! What is refused here is refused with the reason that a person needs: it is no component, it is damaged, it is made for a newer
//! interface, it wants something that no plugin gets, it lacks what its manifest promises, or it is built to keep the compiler busy.

use std::collections::BTreeSet;

use opencode_nexus::{Error, ErrorKind, Result};
use wasmparser::{Encoding, Parser, Payload, Validator, WasmFeatures};

use crate::manifest::World;

/// The interface that this host speaks, as major and minor.
pub const API: (u64, u64) = (0, 1);

/// Bytes of a component.
pub const COMPONENT_BYTES: usize = 32 << 20;

/// What a compiler needs grows faster than the function that it compiles. The largest that script engines bring (the loop of an
/// interpreter) have a fifth of this.
const FUNCTION_BYTES: usize = 1 << 20;

/// Functions of all modules together. An engine of 12 MB has 20,000.
const FUNCTIONS: usize = 200_000;

/// Modules and components inside.
const NESTED: usize = 128;

/// Interfaces of ours that a plugin may import; `types` has no functions.
const IMPORTS: &[&str] = &["types", "log", "config", "kv", "http", "workspace", "git", "session", "ui"];

/// What of WASI there is, with nothing behind it.
const WASI: &[&str] = &["cli", "clocks", "filesystem", "io", "random", "sockets"];

const PACKAGE: &str = "nexus:plugin/";

/// What a component is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Inspection {
    /// Major and minor version of the plugin interface that it was built for.
    pub api: (u64, u64),
    /// Interfaces that it imports, as it names them.
    pub imports: BTreeSet<String>,
    /// Interfaces and functions that it exports, as it names them. Toolchains add some of their own.
    pub exports: BTreeSet<String>,
}

/// Looks at a component that shall be these worlds.
///
/// # Errors
/// `user.invalid_input` when it is no component, is damaged, imports what no plugin gets, or lacks an export;
/// `system.newer_format` when it needs a newer host; `system.too_large` when it is too large, or one of its functions is.
pub fn inspect(wasm: &[u8], worlds: &[World]) -> Result<Inspection> {
    if wasm.len() > COMPONENT_BYTES {
        let (size, most) = (wasm.len() >> 10, COMPONENT_BYTES >> 20);
        return Err(Error::new(ErrorKind::TooLarge, format!("the component has {size} KiB")).with_hint(
            format!("a component may have {most} MiB; build it for size, without debug information"),
        ));
    }
    check_kind(wasm)?;
    let found = read(wasm)?;
    Validator::new_with_features(features()).validate_all(wasm).map_err(damaged)?;
    let api = check_imports(&found)?;
    check_exports(&found, worlds)?;
    Ok(Inspection { api, imports: found.imports, exports: found.exports })
}

/// What is not a component at all.
fn check_kind(wasm: &[u8]) -> Result<()> {
    let said = |what: &str, hint: &'static str| Err(invalid(what).with_hint(hint));
    if wasm.starts_with(b"\x7fELF") {
        return said(
            "this is compiled code (a .cwasm file), which is never accepted",
            "give the WebAssembly component that it was made of",
        );
    }
    if !wasm.starts_with(b"\0asm") {
        return said("this is no WebAssembly", "build the component again with `nexus plugin build`");
    }
    if wasm.get(4..8) == Some(&[1, 0, 0, 0]) {
        return said(
            "this is a WebAssembly module and no component",
            "build it with `nexus plugin build`, or make a component of it with `wasm-tools component new`",
        );
    }
    Ok(())
}

/// What the host's engine accepts: the settled parts of the component model, and of WebAssembly without shared memory.
fn features() -> WasmFeatures {
    WasmFeatures::default()
        .difference(WasmFeatures::THREADS | WasmFeatures::CM_ASYNC | WasmFeatures::MEMORY64)
        .union(WasmFeatures::COMPONENT_MODEL)
}

#[derive(Default)]
struct Found {
    imports: BTreeSet<String>,
    exports: BTreeSet<String>,
}

fn read(wasm: &[u8]) -> Result<Found> {
    let (mut found, mut depth, mut nested, mut functions) = (Found::default(), 0_usize, 0_usize, 0_usize);
    for payload in Parser::new(0).parse_all(wasm) {
        match payload.map_err(damaged)? {
            Payload::Version { encoding, .. } => {
                if depth == 0 && encoding != Encoding::Component {
                    return Err(invalid("this is no component"));
                }
                depth += 1;
                nested += 1;
                if nested > NESTED {
                    return Err(bomb(format!("it holds more than {NESTED} modules")));
                }
            }
            Payload::End(_) => depth = depth.saturating_sub(1),
            Payload::ComponentImportSection(section) if depth == 1 => {
                for import in section {
                    found.imports.insert(import.map_err(damaged)?.name.name.to_owned());
                }
            }
            Payload::ComponentExportSection(section) if depth == 1 => {
                for export in section {
                    found.exports.insert(export.map_err(damaged)?.name.name.to_owned());
                }
            }
            Payload::CodeSectionStart { count, .. } => {
                functions = functions.saturating_add(count as usize);
                if functions > FUNCTIONS {
                    return Err(bomb(format!("it has more than {FUNCTIONS} functions")));
                }
            }
            Payload::CodeSectionEntry(body) if body.range().len() > FUNCTION_BYTES => {
                return Err(bomb(format!("one function has {} KiB", body.range().len() >> 10)));
            }
            _ => {}
        }
    }
    Ok(found)
}

/// Checks what is imported; gives the version of the interface.
fn check_imports(found: &Found) -> Result<(u64, u64)> {
    let mut api = API;
    for name in found.imports.iter().chain(&found.exports) {
        if let Some((_, version)) = ours(name) {
            api = api_of(name, version)?;
        }
    }
    for name in &found.imports {
        if let Some((interface, _)) = ours(name) {
            if IMPORTS.contains(&interface) {
                continue;
            }
            return Err(invalid(format!("the component imports {PACKAGE}{interface}, which does not exist"))
                .with_hint("build it with the interface files of this version"));
        }
        if !is_wasi(name) {
            return Err(invalid(format!("the component imports {}, which no plugin gets", shown(name)))
                .with_hint("a plugin may import the interfaces of nexus:plugin and of WASI 0.2"));
        }
    }
    Ok(api)
}

fn check_exports(found: &Found, worlds: &[World]) -> Result<()> {
    let has = |interface: &str| found.exports.iter().any(|e| ours(e).is_some_and(|(i, _)| i == interface));
    let needed = worlds.iter().map(|world| (guest_interface(*world), world_name(*world)));
    let lifecycle = [("lifecycle", "every plugin")];
    for (interface, world) in lifecycle.into_iter().chain(needed) {
        if !has(interface) {
            let what = format!("the component does not export {interface}, which {world} needs");
            return Err(
                invalid(what).with_hint("export it, or take the world out of `worlds` in plugin.toml")
            );
        }
    }
    Ok(())
}

/// The interface that a world is about.
pub(crate) fn guest_interface(world: World) -> &'static str {
    match world {
        World::ContextProvider => "context-guest",
        World::Command => "command-guest",
        World::Hook => "hook-guest",
        World::Frontend => "frontend-guest",
    }
}

fn world_name(world: World) -> &'static str {
    match world {
        World::ContextProvider => "the world context-provider",
        World::Command => "the world command",
        World::Hook => "the world hook",
        World::Frontend => "the world frontend",
    }
}

/// Interface and version of a name of our package.
fn ours(name: &str) -> Option<(&str, &str)> {
    let rest = name.strip_prefix(PACKAGE)?;
    Some(rest.split_once('@').unwrap_or((rest, "")))
}

/// Checks the version that a name of our package has.
fn api_of(name: &str, version: &str) -> Result<(u64, u64)> {
    let Ok(version) = semver::Version::parse(version) else {
        return Err(invalid(format!("the component names {} without a version", shown(name)))
            .with_hint("build it with the interface files of nexus:plugin@0.1.0"));
    };
    let api = (version.major, version.minor);
    if api > API {
        // An interface X.Y comes with OpenCode Nexus X.Y.0: their versions grow together.
        let (major, minor) = api;
        return Err(Error::new(
            ErrorKind::NewerFormat,
            format!(
                "the component is made for plugin interface {major}.{minor}, and this is OpenCode Nexus {} with {}.{}",
                env!("CARGO_PKG_VERSION"),
                API.0,
                API.1
            ),
        )
        .with_hint(format!("install OpenCode Nexus {major}.{minor}.0 or newer, or an older version of the plugin")));
    }
    if api < API {
        return Err(Error::new(
            ErrorKind::Incompatible,
            format!(
                "the component is made for plugin interface {}.{}, which is older than all that run here",
                api.0, api.1
            ),
        )
        .with_hint("install a newer version of the plugin"));
    }
    Ok(api)
}

/// `wasi:cli/environment@0.2.3` and its like.
fn is_wasi(name: &str) -> bool {
    let Some((package, rest)) = name.strip_prefix("wasi:").and_then(|rest| rest.split_once('/')) else {
        return false;
    };
    let version = rest.split_once('@').map_or("", |(_, version)| version);
    WASI.contains(&package) && version.starts_with("0.2.")
}

fn invalid(message: impl Into<String>) -> Error {
    Error::new(ErrorKind::InvalidInput, message)
}

fn damaged(error: wasmparser::BinaryReaderError) -> Error {
    invalid(format!("the component is damaged: {} at byte {}", shown(error.message()), error.offset()))
        .with_hint("get the plugin again, or build it again with `nexus plugin build`")
}

fn bomb(what: String) -> Error {
    Error::new(ErrorKind::TooLarge, format!("the component would keep the compiler busy: {what}"))
        .with_hint("split what is so large; generated tables belong into data")
}

/// A text from the component for a message: one line, and not too long.
fn shown(name: &str) -> String {
    crate::foreign::line(name, 120)
}
