//! What a server of OpenCode 2 needs that one of 1.x does not: a configuration of another form, in a file, a password,
//! and care, because the only build that can be installed is a fork by third parties. It gets an empty environment, a
//! home of its own and, where the tests run as root, the identity of nobody.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use opencode_nexus::server::{Home, Package, ServerOptions};
use opencode_nexus::{Error, ErrorKind, Result};
use serde_json::{Value, json};

use crate::scripted::ScriptedModel;

/// The version that is tested, of the fork's numbering: 2.0.14 of OpenCode.
pub const SECOND: &str = "2.0.14-shuv.1";

/// The password of test servers that are given none; this line always asks for one.
pub const PASSWORD: &str = "scripted-password";

/// Nobody, on every Unix.
#[cfg(unix)]
const NOBODY: u32 = 65534;

/// Whether a version is of OpenCode 2. Only tests choose by version: they are the ones who install it.
pub fn is_second(version: &str) -> bool {
    version.starts_with("2.")
}

/// The package that holds a version; `None` is the official one.
pub fn package(version: &str) -> Option<Package> {
    is_second(version)
        .then(|| Package { name: "shuvcode-linux-x64-baseline".into(), binary: "shuvcode".into() })
}

/// The configuration: the model as provider, and who may do what (in the words of 1.x).
fn config(model: &ScriptedModel, permission: &Value) -> Value {
    let models: serde_json::Map<String, Value> = (model.models().iter())
        .map(|name| {
            let description = json!({
                "name": format!("Scripted model {name}"),
                "modelID": name,
                "capabilities": {"tools": true, "input": ["text"], "output": ["text"]},
                "limit": {"context": 200_000, "output": 32_000},
                "cost": {"input": 1, "output": 2},
            });
            (name.clone(), description)
        })
        .collect();
    let rules: Vec<Value> = (permission.as_object().into_iter().flatten())
        .map(|(action, effect)| {
            let action = if action == "bash" { "shell" } else { action };
            json!({"action": action, "resource": "*", "effect": effect})
        })
        .collect();
    let first = model.models().first().map_or("scripted", String::as_str);
    json!({
        "$schema": "https://opencode.ai/config.json",
        "model": format!("scripted/{first}"),
        "providers": {"scripted": {
            "name": "Scripted",
            "package": "aisdk:@ai-sdk/openai-compatible",
            "settings": {"baseURL": model.url(), "apiKey": "scripted-key"},
            "models": models,
        }},
        "permissions": rules,
        "share": "disabled",
        "autoupdate": false,
    })
}

/// Makes the home below `root` and hands all of `root` to whom the server runs as.
pub(super) fn prepare(
    options: &mut ServerOptions,
    root: &Path,
    model: &ScriptedModel,
    permission: &Value,
) -> Result<()> {
    let home = root.join("home");
    let folder = home.join(".config/shuvcode");
    std::fs::create_dir_all(&folder)?;
    std::fs::write(folder.join("opencode.json"), config(model, permission).to_string())?;
    options.home = Home::At(home);
    options.inherit_environment = false;
    options.password.get_or_insert_with(|| PASSWORD.to_owned());
    #[cfg(unix)]
    if is_root() {
        options.binary = reachable(&options.binary, root)?;
        options.wrapper = unprivileged()?;
        hand_over(root)?;
    }
    Ok(())
}

#[cfg(unix)]
fn is_root() -> bool {
    use std::os::unix::fs::MetadataExt as _;
    // What we make is ours: the owner of a new file tells who we are.
    tempfile::tempfile().and_then(|file| file.metadata()).is_ok_and(|meta| meta.uid() == 0)
}

/// The cache may lie in a folder that only root may enter.
#[cfg(unix)]
fn reachable(binary: &Path, root: &Path) -> Result<PathBuf> {
    let target = root.join("server");
    if std::fs::hard_link(binary, &target).is_err() {
        std::fs::copy(binary, &target)?;
    }
    Ok(target)
}

#[cfg(unix)]
fn unprivileged() -> Result<Vec<OsString>> {
    let program = "/usr/bin/setpriv";
    if !Path::new(program).exists() {
        return Err(Error::new(
            ErrorKind::Configuration,
            "setpriv is missing, which takes privileges from a test server",
        )
        .with_hint("install it: apt-get install util-linux"));
    }
    let (user, group) = (format!("--reuid={NOBODY}"), format!("--regid={NOBODY}"));
    let words = [program, &user, &group, "--clear-groups", "--no-new-privs", "--"];
    Ok(words.map(OsString::from).into())
}

#[cfg(unix)]
fn hand_over(path: &Path) -> Result<()> {
    let meta = std::fs::symlink_metadata(path)?;
    // The binary is a link to the one in the cache, which stays root's.
    if path.file_name().is_none_or(|name| name != "server") {
        std::os::unix::fs::lchown(path, Some(NOBODY), Some(NOBODY))?;
    }
    if meta.is_dir() {
        for entry in std::fs::read_dir(path)? {
            hand_over(&entry?.path())?;
        }
    }
    Ok(())
}
