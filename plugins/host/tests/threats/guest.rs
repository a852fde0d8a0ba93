//! Plugins as text. A test says what one function does, in WebAssembly; everything else is there and does nothing.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;

use opencode_nexus_plugins::manifest::World;
use wit_component::{ComponentEncoder, StringEncoding, embed_component_metadata};
use wit_parser::Resolve;

/// What each export has for parameters and result, as core types; `p` is a pointer to memory that is zero, which means: nothing,
/// and no error.
const EXPORTS: &[(&str, &str, &str, &str)] = &[
    ("lifecycle", "start", "i32 i32 i32", "p"),
    ("lifecycle", "stop", "i32", "p"),
    ("context-guest", "describe", "", "p"),
    ("context-guest", "suggest", "i32 i32 i32 i32 i32", "p"),
    ("context-guest", "provide", "i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32", "p"),
    ("command-guest", "commands", "", "p"),
    ("command-guest", "complete", "i32 i32 i32 i32", "p"),
    ("command-guest", "run", "i32 i32 i32 i32 i32 i32 i32", "p"),
    ("hook-guest", "before-send", "i32 i32 i32 i32", "p"),
    ("hook-guest", "after-message", "i32 i32 i32 i32 i32 i32", ""),
    ("frontend-guest", "on-events", "i32 i32", ""),
    ("frontend-guest", "on-input", "i32 i32 i32 i32 i32 i32", ""),
    ("frontend-guest", "on-timer", "i32", ""),
    ("frontend-guest", "on-web", "i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32", "p"),
];

/// Memory that no guest writes to: results that say nothing point there.
pub const NOTHING: u32 = 64;

/// A plugin that is being written.
#[derive(Clone)]
pub struct Guest {
    worlds: Vec<World>,
    bodies: BTreeMap<&'static str, String>,
    imports: String,
    module: String,
    memory: String,
    replaced: Option<String>,
}

impl Guest {
    /// One that is these worlds and does nothing.
    pub fn new(worlds: &[World]) -> Self {
        Self {
            worlds: worlds.to_vec(),
            bodies: BTreeMap::new(),
            imports: String::new(),
            module: String::new(),
            memory: "2".to_owned(),
            replaced: None,
        }
    }

    /// One that is everything.
    pub fn whole() -> Self {
        Self::new(&[World::ContextProvider, World::Command, World::Hook, World::Frontend])
    }

    /// What a function does. Parameters are `(local.get 0)` and so on; a function with a result leaves a pointer to it.
    pub fn does(mut self, function: &'static str, body: &str) -> Self {
        assert!(EXPORTS.iter().any(|export| export.1 == function), "there is no {function}");
        self.bodies.insert(function, body.to_owned());
        self
    }

    /// A function of the host: `("log", "write", "$write", "(param i32 i32 i32)")`.
    pub fn imports(mut self, interface: &str, function: &str, name: &str, signature: &str) -> Self {
        let _ = writeln!(
            self.imports,
            "(import \"nexus:plugin/{interface}@0.1.0\" \"{function}\" (func {name} {signature}))"
        );
        self
    }

    /// More of the module: globals, functions, data.
    pub fn module(mut self, text: &str) -> Self {
        self.module.push_str(text);
        self
    }

    /// The limits of its memory, in pages of 64 KiB: `2`, or `1000 2000`.
    pub fn memory(mut self, limits: &str) -> Self {
        self.memory = limits.to_owned();
        self
    }

    /// Another text in place of what [`text`](Self::text) gives.
    pub fn replaced(mut self, text: String) -> Self {
        self.replaced = Some(text);
        self
    }

    /// The worlds that it is.
    pub fn worlds(&self) -> &[World] {
        &self.worlds
    }

    /// The core module as text.
    pub fn text(&self) -> String {
        let mut text = format!(
            "(module {} (memory (export \"memory\") {})
             (global $free (mut i32) (i32.const 1024))
             (func (export \"cabi_realloc\") (param i32 i32 i32 i32) (result i32)
               (local $at i32)
               (local.set $at (i32.and (i32.add (global.get $free) (i32.const 7)) (i32.const -8)))
               (global.set $free (i32.add (local.get $at) (local.get 3)))
               (block $fits
                 (br_if $fits (i32.le_u (global.get $free) (i32.mul (memory.size) (i32.const 65536))))
                 (br_if $fits (i32.ne (i32.const -1)
                   (memory.grow (i32.add (i32.const 1) (i32.shr_u (local.get 3) (i32.const 16))))))
                 (unreachable))
               (local.get $at))\n",
            self.imports, self.memory
        );
        for (interface, function, parameters, result) in EXPORTS {
            if !self.exports(interface) {
                continue;
            }
            let nothing = if *result == "p" { format!("(i32.const {NOTHING})") } else { String::new() };
            let body = self.bodies.get(function).unwrap_or(&nothing);
            let result = if *result == "p" { "(result i32)" } else { "" };
            let _ = writeln!(
                text,
                "(func (export \"nexus:plugin/{interface}@0.1.0#{function}\") (param {parameters}) {result} {body})"
            );
        }
        text.push_str(&self.module);
        text.push(')');
        text
    }

    fn exports(&self, interface: &str) -> bool {
        let of = |world| match world {
            World::ContextProvider => "context-guest",
            World::Command => "command-guest",
            World::Hook => "hook-guest",
            World::Frontend => "frontend-guest",
        };
        interface == "lifecycle" || self.worlds.iter().any(|world| of(*world) == interface)
    }

    /// The component.
    pub fn build(&self) -> Vec<u8> {
        let text = self.replaced.clone().unwrap_or_else(|| self.text());
        let mut module = wat::parse_str(text).expect("the guest's text is WebAssembly");
        let mut resolve = Resolve::default();
        let wit = Path::new(env!("CARGO_MANIFEST_DIR")).join("../wit/v0.1");
        let (package, _) = resolve.push_dir(wit).unwrap();
        let world = match self.worlds.as_slice() {
            [World::ContextProvider] => "context-provider",
            [World::Command] => "command",
            [World::Hook] => "hook",
            [World::Frontend] => "frontend",
            [] => "base",
            [_, _, _, _] => "all",
            _ => panic!("one world, or all of them"),
        };
        let world = resolve.select_world(&[package], Some(world)).unwrap();
        embed_component_metadata(&mut module, &resolve, world, StringEncoding::UTF8).unwrap();
        ComponentEncoder::default().module(&module).unwrap().encode().unwrap()
    }
}
