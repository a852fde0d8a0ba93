//! Making a vault: a new one, or a copy.
//!
//! A folder in the making has a file `creating` in it. When there are no key slots beside that, it is what a killed
//! process has left, and is made anew.

use std::path::{Path, PathBuf};
use std::time::Duration;

use super::slots::{Made, recovery};
use super::unlock::shared_lock;
use super::{Created, Options, Progress, Vault, store_keys};
use crate::error::{Error, ErrorKind, Result};
use crate::files::{self, Hold, Lock};
use crate::keys::slot_disk::{self, COPIES, Found, SlotDisk};
use crate::keys::slot_file::{self, SlotFile};
use crate::keys::{MasterKey, NewSlot, random};
use crate::store::Store;

const MARK: &str = "creating";

impl Vault {
    /// Makes a vault in a folder, which must be empty or not exist. There is always a recovery key.
    ///
    /// # Errors
    /// `Exists`, `InvalidInput` (empty passphrase), `Parameters`, those of the keyring, those of files.
    pub fn create(folder: &Path, first: NewSlot, options: Options) -> Result<Created> {
        let vault = random::array()?;
        let master = MasterKey::generate()?;
        let database = slot_file::new_database_name()?;
        let place = Place::prepare(folder, options.busy_bound)?;
        // What a person gave is looked at before anything is made of it, the database last: it takes longest to undo.
        let made = Made::new(&vault, &first, &options.keyring, &master)?;
        let (paper, recovery) = recovery(&vault, &master)?;
        let keys = store_keys(vault, &database, &master);
        Store::create(&folder.join(&database), keys, &options)?.close();
        let mut file = SlotFile::new(vault, 1, database, vec![made.slot.clone(), paper]);
        file.sign(&master);
        let lock = place.complete(&file);
        made.keep_if_written(&SlotDisk::new(folder));
        let lock = lock?;
        let found = Found { file, is_incomplete: false };
        Ok(Created { vault: Self::open(folder, lock, found, master, options)?, recovery })
    }

    /// A copy of the whole vault in a new folder, with the same keys. Consistent while others write.
    ///
    /// # Errors
    /// `Locked`, `Exists`, those of files.
    pub fn backup(&self, to: &Path, progress: Progress<'_>) -> Result<()> {
        let file = self.shared.file()?;
        let place = Place::prepare(to, self.shared.busy_bound)?;
        self.store.copy(&to.join(&file.database), progress)?;
        // The slots of now, not those of before: one that was removed meanwhile must not live on in the copy.
        place.complete(&self.shared.file()?).map(drop)
    }
}

/// A folder in which a vault is being made. Emptied again when that fails.
struct Place {
    folder: PathBuf,
    existed: bool,
    /// Held together with others, as by whoever has a vault open. Given on when the vault is complete.
    open: Option<Lock>,
    /// Held alone: two that make a vault in one folder.
    _making: Lock,
}

impl Place {
    fn prepare(folder: &Path, bound: Duration) -> Result<Self> {
        let existed = folder.exists();
        if !existed {
            files::create_folder(folder)?;
        }
        // Looked at before there are lock files of ours in it, and again when nobody else can be making a vault here.
        check_free(folder)?;
        let making = Lock::take(&folder.join(slot_disk::LOCK), Hold::Exclusive, Duration::ZERO)?
            .ok_or_else(|| Error::new(ErrorKind::Busy, "another process makes a vault in this folder"))?;
        let open = shared_lock(folder, bound)?;
        check_free(folder)?;
        let place = Self { folder: folder.to_owned(), existed, open: Some(open), _making: making };
        place.clear()?;
        files::replace(&folder.join(MARK), &[])?;
        Ok(place)
    }

    /// Everything else is there: writes the slots, with which it is a vault.
    fn complete(mut self, file: &SlotFile) -> Result<Lock> {
        files::sync_file(&self.folder.join(&file.database))?;
        SlotDisk::new(&self.folder).write(file)?;
        finish(&self.folder)?;
        self.open.take().ok_or_else(|| Error::new(ErrorKind::Internal, "a vault was completed twice"))
    }

    /// Removes what belongs to a vault that is not complete. The slots go first and the mark last: in between it is a
    /// vault, or it can be made anew.
    fn clear(&self) -> Result<()> {
        let mut names = names_in(&self.folder)?.into_iter().filter(|name| is_ours(name)).collect::<Vec<_>>();
        names.sort_by_key(|name| (name == MARK, !COPIES.contains(&name.as_str())));
        names.iter().try_for_each(|name| files::remove(&self.folder.join(name)).map(drop))
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if self.open.is_none() {
            return;
        }
        // What cannot be removed now is removed when a vault is made here again.
        let cleared = self.clear().and_then(|()| {
            files::remove(&self.folder.join(super::LOCK))?;
            files::remove(&self.folder.join(slot_disk::LOCK))
        });
        if cleared.is_ok() && !self.existed {
            let _ = std::fs::remove_dir(&self.folder);
        }
    }
}

/// The vault is complete: takes the mark away, where it still is.
pub(super) fn finish(folder: &Path) -> Result<()> {
    match files::remove(&folder.join(MARK))? {
        true => files::sync_folder(folder),
        false => Ok(()),
    }
}

/// Whether a vault can be made in a folder: it is empty, or has the rest of a vault that was never complete.
fn check_free(folder: &Path) -> Result<()> {
    let names = names_in(folder)?;
    let has = |name: &str| names.iter().any(|other| other == name);
    let is_vault = COPIES.iter().any(|copy| has(copy));
    let is_rest = has(MARK) && !is_vault;
    let is_free = names.iter().all(|name| {
        let is_lock = name == super::LOCK || name == slot_disk::LOCK;
        is_lock || *name == unfinished_mark() || (is_rest && is_ours(name))
    });
    match (is_free, is_vault) {
        (true, _) => Ok(()),
        (false, true) => Err(Error::new(ErrorKind::Exists, "there is a vault in this folder already")
            .with_hint("unlock it, or choose another folder")),
        (false, false) => Err(Error::new(ErrorKind::Exists, "the folder for the vault is not empty")
            .with_hint("choose another folder")),
    }
}

fn unfinished_mark() -> String {
    format!("{MARK}.new")
}

fn is_ours(name: &str) -> bool {
    let is_slots = COPIES.iter().any(|copy| name == *copy || name.strip_suffix(".new") == Some(copy));
    let is_database = name.get(..NAME_LENGTH).is_some_and(slot_file::is_database_name);
    name == MARK || name == unfinished_mark() || is_slots || is_database
}

/// Bytes in the name of a database; what SQLite puts beside it has a longer one.
const NAME_LENGTH: usize = "history-00000000.db".len();

fn names_in(folder: &Path) -> Result<Vec<String>> {
    let entries = std::fs::read_dir(folder)?;
    entries.map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned())).collect()
}
