//! Changing the configuration file: comments, order and everything else in it stay as they are, and a crash leaves either
//! the old file or the new one.

use std::fs::File;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use toml_edit::{DocumentMut, Item, Table, TableLike};

use super::file::{Contents, PROFILES};
use super::setting::Setting;
use super::value::Value;
use crate::{Error, ErrorKind, Result};

/// Another process needs milliseconds to write the file.
const LOCK_BOUND: Duration = Duration::from_secs(5);
const LOCK_PAUSE: Duration = Duration::from_millis(10);

/// Sets a value, for all or in a profile; `None` removes it. The file and its folder are made when they are missing,
/// readable by their owner only (an address may hold a password). A file behind a symbolic link is changed itself.
/// Waits up to 5 s for another process that does the same.
///
/// # Errors
/// `user.configuration` when the file is no TOML, or has something else where the setting belongs; `system.io` when it
/// cannot be written. The file is then unchanged.
pub fn set(path: &Path, profile: Option<&str>, setting: &Setting, value: Option<&Value>) -> Result<()> {
    let path = path.canonicalize().unwrap_or_else(|_| path.to_owned());
    let folder = path.parent().filter(|f| !f.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let failed = |error: std::io::Error| {
        Error::new(ErrorKind::Io, format!("cannot write the configuration {}: {error}", path.display()))
            .with_hint("make the folder writable, or name another file in NEXUS_CONFIG")
            .with_source(error)
    };
    make_folder(folder).map_err(failed)?;
    let _lock = lock(folder, &path).map_err(failed)?;
    let before = super::read(&path)?;
    let after = edited(before.as_deref().unwrap_or_default(), profile, setting, value).map_err(|why| {
        Error::new(ErrorKind::Configuration, format!("{}{why}", path.display()))
            .with_hint("mend the file by hand; `nexus config check` says what is wrong")
    })?;
    if before.as_deref() == Some(after.as_str()) || before.is_none() && after.is_empty() {
        return Ok(());
    }
    replace(folder, &path, &after).map_err(failed)
}

/// The text of the file with the value in it.
fn edited(
    text: &str,
    profile: Option<&str>,
    setting: &Setting,
    value: Option<&Value>,
) -> std::result::Result<String, String> {
    let mut document: DocumentMut = text.parse().map_err(|_| {
        let problem = Contents::read(text).problems.into_iter().next();
        problem.map_or_else(String::new, |p| format!(":{}:{}: {}", p.place.line, p.place.column, p.message))
    })?;
    let mut path: Vec<&str> = profile.map(|name| vec![PROFILES, name]).unwrap_or_default();
    path.extend(setting.key.split('.'));
    let Some((last, tables)) = path.split_last() else { return Ok(text.to_owned()) };
    let mut table: &mut dyn TableLike = document.as_table_mut();
    for name in tables {
        if value.is_none() && !table.contains_key(name) {
            return Ok(text.to_owned());
        }
        let item = table.entry(name).or_insert_with(|| {
            let mut new = Table::new();
            // Shown only when something stands in it directly.
            new.set_implicit(true);
            Item::Table(new)
        });
        table = item.as_table_like_mut().ok_or_else(|| format!(": `{name}` is not a table"))?;
    }
    match (value, table.get_mut(last)) {
        (None, _) => {
            table.remove(last);
        }
        (Some(value), Some(Item::Value(present))) => {
            let decor = present.decor().clone();
            *present = value.to_toml();
            *present.decor_mut() = decor;
        }
        (Some(value), _) => {
            table.insert(last, Item::Value(value.to_toml()));
        }
    }
    Ok(document.to_string())
}

fn make_folder(folder: &Path) -> std::io::Result<()> {
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::DirBuilderExt as _;
        builder.mode(0o700);
    }
    builder.create(folder)
}

/// The lock is a file of its own, because the configuration itself is replaced.
fn lock(folder: &Path, path: &Path) -> std::io::Result<File> {
    let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let lock = File::options().create(true).append(true).open(folder.join(format!(".{name}.lock")))?;
    let deadline = Instant::now() + LOCK_BOUND;
    loop {
        match lock.try_lock() {
            Ok(()) => return Ok(lock),
            Err(std::fs::TryLockError::Error(error)) => return Err(error),
            Err(std::fs::TryLockError::WouldBlock) if Instant::now() > deadline => {
                return Err(std::io::Error::other("another process is changing it"));
            }
            Err(std::fs::TryLockError::WouldBlock) => std::thread::sleep(LOCK_PAUSE),
        }
    }
}

fn replace(folder: &Path, path: &PathBuf, text: &str) -> std::io::Result<()> {
    // Made readable for the owner only; an older file keeps who may read it.
    let mut new = tempfile::Builder::new().prefix(".config-").tempfile_in(folder)?;
    new.write_all(text.as_bytes())?;
    if let Ok(meta) = std::fs::metadata(path) {
        new.as_file().set_permissions(meta.permissions())?;
    }
    new.as_file().sync_all()?;
    new.persist(path).map_err(|error| error.error)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn setting(key: &str) -> &'static Setting {
        Setting::find(key).unwrap()
    }

    fn with(text: &str, profile: Option<&str>, key: &str, value: Option<&str>) -> String {
        let value = value.map(|text| setting(key).kind.parse(text).unwrap());
        edited(text, profile, setting(key), value.as_ref()).unwrap()
    }

    #[test]
    fn comments_and_order_stay() {
        let text = "# mine\nmodel = 'a/b' # the cheap one\n\n[server]\n# where\nurl = \"http://x\"\n";
        assert_eq!(
            with(text, None, "model", Some("c/d")),
            "# mine\nmodel = \"c/d\" # the cheap one\n\n[server]\n# where\nurl = \"http://x\"\n"
        );
        assert_eq!(with(text, None, "server.url", None), text.replace("# where\nurl = \"http://x\"\n", ""));
        let added = with(text, None, "server.start", Some("no"));
        assert!(added.starts_with(text) && added.ends_with("start = false\n"), "{added}");
    }

    #[test]
    fn a_new_setting_makes_only_the_tables_that_it_needs() {
        assert_eq!(with("", None, "server.url", Some("http://x")), "[server]\nurl = \"http://x\"\n");
        assert_eq!(
            with("", Some("work"), "server.url", Some("http://x")),
            "[profiles.work.server]\nurl = \"http://x\"\n"
        );
        assert_eq!(with("", Some("work"), "model", Some("a/b")), "[profiles.work]\nmodel = \"a/b\"\n");
        assert_eq!(with("a = 1\n", Some("work"), "model", None), "a = 1\n");
        let list = with("", None, "permission.allow", Some("bash:git *, edit:*"));
        assert_eq!(list, "[permission]\nallow = [\"bash:git *\", \"edit:*\"]\n");
    }

    #[test]
    fn a_file_that_is_no_toml_is_left_alone_and_its_place_is_told() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("config.toml");
        std::fs::write(&path, "model = \"a/b\"\n[broken\n").unwrap();
        let value = setting("model").kind.parse("c/d").unwrap();
        let error = set(&path, None, setting("model"), Some(&value)).unwrap_err();
        assert!(error.message().contains("config.toml:2:"), "{error}");
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "model = \"a/b\"\n[broken\n");
        let other =
            edited("server = 5\n", None, setting("server.url"), Some(&Value::Text("http://x".into())));
        assert_eq!(other, Err(": `server` is not a table".to_owned()));
    }

    #[cfg(unix)]
    #[test]
    fn a_new_file_is_for_its_owner_only_and_an_old_one_keeps_its_link_and_mode() {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("new/config.toml");
        let value = setting("model").kind.parse("c/d").unwrap();
        set(&path, None, setting("model"), Some(&value)).unwrap();
        let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!((mode(&path), mode(path.parent().unwrap())), (0o600, 0o700));
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o640)).unwrap();
        let link = folder.path().join("link.toml");
        std::os::unix::fs::symlink(&path, &link).unwrap();
        set(&link, None, setting("agent"), Some(&Value::Text("plan".into()))).unwrap();
        assert!(link.is_symlink());
        assert_eq!(mode(&path), 0o640);
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "model = \"c/d\"\nagent = \"plan\"\n");
    }

    #[test]
    fn many_at_once_lose_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("config.toml");
        std::thread::scope(|scope| {
            for i in 0..8 {
                let path = &path;
                scope.spawn(move || {
                    let value = Value::Text(format!("a/{i}"));
                    set(path, Some(&format!("p{i}")), setting("model"), Some(&value)).unwrap();
                });
            }
        });
        let contents = Contents::read(&std::fs::read_to_string(&path).unwrap());
        assert_eq!((contents.entries.len(), contents.problems.len()), (8, 0));
    }
}
