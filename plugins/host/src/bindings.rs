//! The plugin interface, version 0.1, as Rust types and traits; made from `plugins/wit/v0.1`.
//!
//! One world with everything: a plugin exports the interfaces of the worlds in its manifest, and each is looked up by itself.

#![allow(missing_docs)]

wasmtime::component::bindgen!({
    path: "../wit/v0.1",
    world: "all",
    imports: { default: async | trappable },
    exports: { default: async },
    require_store_data_send: true,
});
