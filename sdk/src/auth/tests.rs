//! Accounts in folders of their own, without a keyring: `cargo xtask vault-check` has the tests with a real one.

use super::*;
use crate::error::{ErrorKind, Retry};
use crate::transport::{Credentials, Secret};

struct Home {
    folder: tempfile::TempDir,
    accounts: Accounts,
}

fn home() -> Home {
    let folder = tempfile::tempdir().unwrap();
    let accounts = Accounts::at(&folder.path().join("data"), Keyring::new(Backend::None, "test"));
    Home { folder, accounts }
}

fn name(text: &str) -> AccountName {
    AccountName::new(text).unwrap()
}

fn secret(text: &str) -> SecretString {
    SecretString::from(text)
}

fn new(account: &str) -> NewAccount {
    NewAccount {
        name: name(account),
        passphrase: secret("made up"),
        kdf: KdfParameters { memory: 19 * 1024, passes: 2, lanes: 1 },
        both: false,
        remember: false,
    }
}

fn kind<T: std::fmt::Debug>(result: crate::Result<T>) -> ErrorKind {
    result.unwrap_err().kind()
}

#[tokio::test]
async fn an_account_is_made_listed_opened_and_destroyed() {
    let Home { folder, accounts } = home();
    assert!(accounts.list().await.unwrap().is_empty());
    assert_eq!(accounts.current().unwrap(), None);
    assert_eq!(kind(accounts.login(None, secret("x"), false).await), ErrorKind::NotFound);
    assert!(accounts.remembered(None).await.unwrap().is_none());

    let me = accounts.create(new("me")).await.unwrap();
    assert!(me.not_remembered.is_none());
    assert_eq!(kind(accounts.create(new("me")).await), ErrorKind::Conflict);
    let other = accounts.create(new("other")).await.unwrap();
    assert_eq!(accounts.current().unwrap(), Some(name("other")));
    let list = accounts.list().await.unwrap();
    assert_eq!(
        list.iter().map(|a| (a.name.as_str(), a.current)).collect::<Vec<_>>(),
        [("me", false), ("other", true)]
    );
    assert!(list.iter().all(|a| !a.logged_in && a.slots.len() == 2 && a.bytes > 0 && a.created > 0));

    assert_eq!(kind(accounts.remove(&name("me")).await), ErrorKind::Busy);
    me.account.lock();
    let me = accounts.login(Some(&name("me")), secret("made up"), false).await.unwrap();
    assert_eq!(accounts.current().unwrap(), Some(name("me")));
    me.lock();
    let by_paper = secret(other.recovery.expose());
    other.account.lock();
    let other = accounts.unlock(Some(&name("other")), Unlock::Recovery(by_paper)).await.unwrap();
    other.lock();

    accounts.remove(&name("me")).await.unwrap();
    assert!(!folder.path().join("data/accounts/me").exists());
    assert_eq!(kind(accounts.remove(&name("me")).await), ErrorKind::NotFound);
    // The only one that is left.
    assert_eq!(accounts.current().unwrap(), Some(name("other")));
}

#[tokio::test]
async fn guessing_has_to_wait_and_keys_that_cannot_be_guessed_need_not() {
    let Home { accounts, .. } = home();
    let made = accounts.create(new("me")).await.unwrap();
    let recovery = secret(made.recovery.expose());
    assert_eq!(kind(accounts.login(None, secret(""), false).await), ErrorKind::InvalidInput);
    assert_eq!(accounts.list().await.unwrap()[0].lockout.failures, 0);
    for failures in 1..=4 {
        assert_eq!(kind(accounts.login(None, secret("wrong"), false).await), ErrorKind::WrongPassphrase);
        assert_eq!(accounts.list().await.unwrap()[0].lockout.failures, failures);
    }
    accounts.login(None, secret("made up"), false).await.unwrap();
    assert_eq!(accounts.list().await.unwrap()[0].lockout.failures, 0);
    for _ in 0..5 {
        assert_eq!(
            kind(accounts.unlock(None, Unlock::Passphrase(secret("wrong"))).await),
            ErrorKind::WrongPassphrase
        );
    }
    let refused = accounts.login(None, secret("made up"), false).await.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::LockedOut);
    assert!(matches!(refused.retry(), Retry::After(wait) if wait.as_secs() <= 30), "{refused:?}");
    assert!(accounts.list().await.unwrap()[0].lockout.wait.is_some());
    accounts.unlock(None, Unlock::Recovery(recovery)).await.unwrap();
}

#[tokio::test]
async fn what_lies_beside_a_vault_may_be_damaged_and_stops_nothing() {
    let Home { folder, accounts } = home();
    accounts.create(new("me")).await.unwrap();
    accounts.create(new("other")).await.unwrap();
    let data = folder.path().join("data/accounts");
    for text in ["", "nobody\n", "../me", "\u{0}", "CON"] {
        std::fs::write(data.join(".current"), text).unwrap();
        assert_eq!(accounts.current().unwrap(), None, "{text:?}");
        let error = accounts.login(None, secret("made up"), false).await.unwrap_err();
        assert!(error.kind() == ErrorKind::NotFound && error.hint().is_some(), "{error}");
    }
    std::fs::write(data.join(".current"), [0xff, 0xfe]).unwrap();
    std::fs::write(data.join("me/account.json"), "{").unwrap();
    std::fs::write(data.join("a file"), "x").unwrap();
    std::fs::create_dir(data.join("empty")).unwrap();
    let list = accounts.list().await.unwrap();
    assert_eq!(list.len(), 2);
    assert!(list.iter().all(|account| account.created > 0 && !account.current));
    // An account whose slots are damaged is there, can be seen, and can be removed.
    for copy in ["keys.json", "keys.json.2"] {
        std::fs::write(data.join("other/vault").join(copy), "{}").unwrap();
    }
    let list = accounts.list().await.unwrap();
    assert_eq!(list.len(), 2);
    assert!(list[1].slots.is_empty());
    let error = accounts.login(Some(&name("other")), secret("made up"), false).await.unwrap_err();
    assert_ne!(error.kind(), ErrorKind::WrongPassphrase, "{error}");
    assert_eq!(kind(accounts.create(new("other")).await), ErrorKind::Conflict);
    accounts.remove(&name("other")).await.unwrap();
    assert_eq!(accounts.list().await.unwrap().len(), 1);
}

#[tokio::test]
async fn without_a_keyring_an_account_works_and_is_not_remembered() {
    let Home { accounts, .. } = home();
    let made = accounts.create(NewAccount { remember: true, ..new("me") }).await.unwrap();
    assert_eq!(made.not_remembered.unwrap().kind(), ErrorKind::Keyring);
    assert_eq!(kind(accounts.login(None, secret("made up"), true).await), ErrorKind::Keyring);
    assert!(!accounts.list().await.unwrap()[0].logged_in);
    assert!(accounts.remembered(None).await.unwrap().is_none());
    assert!(!accounts.logout(None).await.unwrap());
    assert_eq!(kind(accounts.remembered(Some(&name("nobody"))).await), ErrorKind::NotFound);
    let both = accounts.create(NewAccount { both: true, ..new("both") }).await;
    assert_eq!(both.unwrap_err().kind(), ErrorKind::Keyring);
    // What could not be made is not there, and its name is free.
    assert_eq!(accounts.list().await.unwrap().len(), 1);
    accounts.create(new("both")).await.unwrap();
}

#[tokio::test]
async fn a_backup_comes_back_with_the_keys_that_it_had() {
    let Home { folder, accounts } = home();
    let made = accounts.create(new("me")).await.unwrap();
    let credentials = Credentials { user: "u".into(), password: Secret::new("made-up") };
    made.account.credentials().set("http://a.test", &credentials).await.unwrap();
    let backup = folder.path().join("backup");
    made.account.backup(&backup, |_, _| ()).await.unwrap();
    let kdf = KdfParameters { memory: 19 * 1024, passes: 2, lanes: 1 };
    made.account.change_passphrase(secret("newer"), kdf).await.unwrap();

    assert_eq!(kind(accounts.restore(&name("me"), &backup).await), ErrorKind::Conflict);
    let nothing = accounts.restore(&name("empty"), folder.path()).await;
    assert!(nothing.is_err() && accounts.list().await.unwrap().len() == 1);
    accounts.restore(&name("then"), &backup).await.unwrap();
    assert_eq!(
        kind(accounts.login(Some(&name("then")), secret("newer"), false).await),
        ErrorKind::WrongPassphrase
    );
    let then = accounts.login(Some(&name("then")), secret("made up"), false).await.unwrap();
    assert_eq!(then.credentials().get("http://a.test/").await.unwrap(), Some(credentials));
    assert_eq!(
        kind(accounts.login(Some(&name("me")), secret("made up"), false).await),
        ErrorKind::WrongPassphrase
    );
}

#[tokio::test]
async fn a_new_master_key_leaves_passphrase_and_content() {
    let Home { accounts, .. } = home();
    let made = accounts.create(new("me")).await.unwrap();
    let credentials = Credentials { user: "u".into(), password: Secret::new("made-up") };
    made.account.credentials().set("http://a.test", &credentials).await.unwrap();
    let with = || Unlock::Passphrase(secret("made up"));
    assert_eq!(kind(accounts.rekey(None, with(), |_, _| ()).await), ErrorKind::Busy);
    made.account.lock();
    let after = accounts.rekey(None, with(), |_, _| ()).await.unwrap();
    assert_ne!(after.recovery.expose(), made.recovery.expose());
    assert_eq!(after.account.credentials().get("http://a.test").await.unwrap(), Some(credentials));
    after.account.lock();
    accounts.login(None, secret("made up"), false).await.unwrap();
}

#[tokio::test]
async fn credentials_belong_to_an_origin_and_are_shown_nowhere() {
    let Home { folder, accounts } = home();
    let account = accounts.create(new("me")).await.unwrap().account;
    let store = account.credentials();
    let of = |password: &str| Credentials { user: "u".into(), password: Secret::new(password) };
    store.set("https://A.test/path", &of("made-up-1")).await.unwrap();
    store.set("https://a.test:443", &of("made-up-2")).await.unwrap();
    store.set("http://a.test", &of("made-up-3")).await.unwrap();
    assert_eq!(store.get("https://x@a.test").await.unwrap(), Some(of("made-up-2")));
    assert_eq!(store.get("https://a.test:4096").await.unwrap(), None);
    let list = store.list().await.unwrap();
    assert_eq!(
        list.iter().map(|i| i.origin.as_str()).collect::<Vec<_>>(),
        ["http://a.test", "https://a.test"]
    );
    assert!(!format!("{store:?}{list:?}{account:?}{accounts:?}").contains("made"));
    assert!(store.remove("https://a.test").await.unwrap());
    assert!(!store.remove("https://a.test").await.unwrap());
    account.lock();
    assert_eq!(kind(store.get("http://a.test").await), ErrorKind::Locked);
    for entry in std::fs::read_dir(folder.path().join("data/accounts/me/vault")).unwrap() {
        let bytes = std::fs::read(entry.unwrap().path()).unwrap();
        assert!(!bytes.windows(8).any(|window| window == b"made-up-" || window == b"a.test\":"));
    }
}
