//! The interface for tools that want it as files: the packages as they are released, and one world for the plugin at hand.

use std::fmt::Write as _;
use std::path::Path;

use opencode_nexus::Result;

use crate::manifest::World;

/// The world that is written for a plugin.
pub const WORLD: &str = "plugin";

/// The interface, version 0.1, file by file.
const FILES: &[(&str, &str)] = &[
    ("types.wit", include_str!("../../../wit/v0.1/types.wit")),
    ("host.wit", include_str!("../../../wit/v0.1/host.wit")),
    ("guest.wit", include_str!("../../../wit/v0.1/guest.wit")),
    ("session.wit", include_str!("../../../wit/v0.1/session.wit")),
    ("worlds.wit", include_str!("../../../wit/v0.1/worlds.wit")),
];

/// Writes the interface into a folder, with a world that has what these worlds have.
///
/// # Errors
/// `system.io`.
pub fn write(folder: &Path, worlds: &[World]) -> Result<()> {
    std::fs::create_dir_all(folder)?;
    for (name, text) in FILES {
        std::fs::write(folder.join(name), text)?;
    }
    std::fs::write(folder.join("plugin.wit"), world(worlds))?;
    Ok(())
}

fn world(worlds: &[World]) -> String {
    let mut text = format!("package nexus:plugin@0.1.0;\n\nworld {WORLD} {{\n");
    for world in worlds {
        let name = match world {
            World::ContextProvider => "context-provider",
            World::Command => "command",
            World::Hook => "hook",
            World::Frontend => "frontend",
        };
        let _ = writeln!(text, "  include {name};");
    }
    text.push_str("}\n");
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_world_of_a_plugin_has_what_its_manifest_names() {
        assert_eq!(
            world(&[World::Command, World::Hook]),
            "package nexus:plugin@0.1.0;\n\nworld plugin {\n  include command;\n  include hook;\n}\n"
        );
    }

    #[test]
    fn no_file_of_the_interface_is_forgotten() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../wit/v0.1");
        let mut there: Vec<String> = std::fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        there.sort();
        let mut written: Vec<&str> = FILES.iter().map(|(name, _)| *name).collect();
        written.sort_unstable();
        assert_eq!(there, written);
    }
}
