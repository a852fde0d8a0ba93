//! The plugin interface, version 0.1, as Rust types and functions; made from `plugins/wit/v0.1`.
//!
//! One set of imports for all plugins (what is not called is not in the component), and for each world the exports alone, so
//! that `plugin!` can put any of them together.

#![allow(missing_docs, clippy::all)]

pub mod imports {
    wit_bindgen::generate!({
        path: "../wit/v0.1",
        inline: "
            package nexus:guest;
            world imports {
                import nexus:plugin/types@0.1.0;
                import nexus:plugin/log@0.1.0;
                import nexus:plugin/config@0.1.0;
                import nexus:plugin/kv@0.1.0;
                import nexus:plugin/http@0.1.0;
                import nexus:plugin/workspace@0.1.0;
                import nexus:plugin/git@0.1.0;
                import nexus:plugin/session@0.1.0;
                import nexus:plugin/ui@0.1.0;
            }
        ",
        world: "nexus:guest/imports",
        generate_all,
        generate_unused_types: true,
        additional_derives: [PartialEq, Eq],
    });
}

pub mod clock {
    // The host's clock, as every system of WASI 0.2 has it. Rust's own is of no use on `wasm32-unknown-unknown`.
    wit_bindgen::generate!({
        inline: "
            package nexus:guest-clock;
            world clock { import wasi:clocks/wall-clock@0.2.0; }
            package wasi:clocks@0.2.0 {
                interface wall-clock {
                    record datetime { seconds: u64, nanoseconds: u32 }
                    now: func() -> datetime;
                    resolution: func() -> datetime;
                }
            }
        ",
        world: "nexus:guest-clock/clock",
        generate_all,
    });
}

/// The exports of one interface, as a module.
macro_rules! exports {
    ($module:ident, $world:literal, $inline:literal $(, $with:literal: $path:path)*) => {
        pub mod $module {
            wit_bindgen::generate!({
                path: "../wit/v0.1",
                inline: $inline,
                world: $world,
                with: { "nexus:plugin/types@0.1.0": crate::bindings::imports::nexus::plugin::types $(, $with: $path)* },
                generate_all,
                generate_unused_types: true,
                additional_derives: [PartialEq, Eq],
                pub_export_macro: true,
                export_macro_name: "export",
            });
        }
    };
}

exports!(
    lifecycle,
    "nexus:guest-lifecycle/only-lifecycle",
    "package nexus:guest-lifecycle; world only-lifecycle { export nexus:plugin/lifecycle@0.1.0; }"
);
exports!(
    context,
    "nexus:guest-context/only-context",
    "package nexus:guest-context; world only-context { export nexus:plugin/context-guest@0.1.0; }"
);
exports!(
    command,
    "nexus:guest-command/only-command",
    "package nexus:guest-command; world only-command { export nexus:plugin/command-guest@0.1.0; }"
);
exports!(
    hook,
    "nexus:guest-hook/only-hook",
    "package nexus:guest-hook; world only-hook { export nexus:plugin/hook-guest@0.1.0; }"
);
exports!(
    frontend,
    "nexus:guest-frontend/only-frontend",
    "package nexus:guest-frontend; world only-frontend { export nexus:plugin/frontend-guest@0.1.0; }",
    "nexus:plugin/session@0.1.0": crate::bindings::imports::nexus::plugin::session
);
