use super::*;

fn manifest(permissions: &str, sha256: Option<&str>) -> Manifest {
    Manifest {
        schema: 1,
        id: "acme.jira".to_owned(),
        version: "1.0.0".to_owned(),
        api: "0.1".to_owned(),
        summary: "Tickets".to_owned(),
        worlds: Vec::new(),
        wasm: "plugin.wasm".to_owned(),
        sha256: sha256.map(str::to_owned),
        frontend: crate::manifest::FrontendRules::default(),
        limits: crate::manifest::LimitRequests::default(),
        permissions: toml::from_str(permissions).unwrap(),
        settings: crate::manifest::Settings::default(),
        about: std::collections::BTreeMap::default(),
    }
}

const HTTP: &str = "http = [{ host = \"api.example.org\", reason = \"r\" }]\nsecrets = [\"TOKEN\"]\n";
const MORE: &str = "http = [{ host = \"api.example.org\", reason = \"r\" }, { host = \"evil.example.org\", reason = \"r\" }]\nsecrets = [\"TOKEN\"]\n";

fn words(rights: &Rights) -> Vec<String> {
    rights.granted().lines().into_iter().map(|line| line.word).collect()
}

#[test]
fn a_plugin_may_what_it_declares_and_was_granted() {
    let folder = tempfile::tempdir().unwrap();
    let (grants, asked) = (Grants::open(folder.path()), manifest(HTTP, Some("aa")));
    assert!(words(&grants.effective(&asked, "key", &[]).unwrap()).is_empty());
    // More is granted than declared, and that is not given.
    let wide: Permissions = toml::from_str(MORE).unwrap();
    grants.grant(&asked, "key", &wide).unwrap();
    assert_eq!(
        words(&grants.effective(&asked, "key", &[]).unwrap()),
        ["http:api.example.org", "secrets:TOKEN"]
    );
    // Another publisher with the same name, and another component, are strangers.
    assert!(words(&grants.effective(&asked, "other", &[]).unwrap()).is_empty());
    assert!(words(&grants.effective(&manifest(HTTP, Some("bb")), "key", &[]).unwrap()).is_empty());
    assert!(words(&grants.effective(&manifest(HTTP, None), "key", &[]).unwrap()).is_empty());
    // Whatever else it declares later has to be granted.
    assert_eq!(words(&grants.effective(&manifest(MORE, Some("AA")), "key", &[]).unwrap()).len(), 2);
    grants.revoke("acme.jira", &["http".to_owned()]).unwrap();
    assert_eq!(words(&grants.effective(&asked, "key", &[]).unwrap()), ["secrets:TOKEN"]);
    assert!(grants.forget("acme.jira").unwrap() && !grants.forget("acme.jira").unwrap());
    assert!(!grants.revoke("acme.jira", &["all".to_owned()]).unwrap());
}

#[test]
fn an_update_that_asks_for_more_waits_and_another_takes_the_grant_along() {
    let folder = tempfile::tempdir().unwrap();
    let grants = Grants::open(folder.path());
    let (old, wider) = (manifest(HTTP, Some("aa")), manifest(MORE, Some("bb")));
    grants.grant(&old, "key", &old.permissions.select(&["http".to_owned()]).unwrap()).unwrap();
    let more = grants.carry_over(&old, &wider, "key").unwrap();
    assert_eq!(more.iter().map(|line| line.word.as_str()).collect::<Vec<_>>(), ["http:evil.example.org"]);
    assert!(words(&grants.effective(&wider, "key", &[]).unwrap()).is_empty());
    assert_eq!(words(&grants.effective(&old, "key", &[]).unwrap()).len(), 1);
    // Less, or the same with other reasons.
    let same = manifest("http = [{ host = \"api.example.org\", reason = \"other\" }]", Some("cc"));
    assert!(grants.carry_over(&old, &same, "key").unwrap().is_empty());
    assert_eq!(words(&grants.effective(&same, "key", &[]).unwrap()), ["http:api.example.org"]);
    assert!(words(&grants.effective(&old, "key", &[]).unwrap()).is_empty());
    // What was revoked stays revoked.
    grants.revoke("acme.jira", &["all".to_owned()]).unwrap();
    let again = manifest(HTTP, Some("dd"));
    assert!(grants.carry_over(&same, &again, "key").unwrap().len() == 1);
    assert!(words(&grants.effective(&again, "key", &[]).unwrap()).is_empty());
}

#[test]
fn the_configuration_can_grant_where_nobody_can_be_asked() {
    let folder = tempfile::tempdir().unwrap();
    let (grants, asked) = (Grants::open(folder.path()), manifest(HTTP, None));
    let configured = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>();
    let given = |list: &[&str]| words(&grants.effective(&asked, UNSIGNED, &configured(list)).unwrap());
    assert_eq!(given(&["all"]), ["http:api.example.org", "secrets:TOKEN"]);
    assert_eq!(given(&["http"]), ["http:api.example.org"]);
    assert_eq!(given(&["secrets:TOKEN"]), ["secrets:TOKEN"]);
    assert_eq!(given(&["git"]), [""; 0]);
    let error = grants.effective(&asked, UNSIGNED, &configured(&["http:evil.example.org"])).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Configuration);
    assert!(
        error.hint().unwrap().contains("http:api.example.org") && error.message().contains("acme.jira"),
        "{error}"
    );
    assert!(!folder.path().join("grants.toml").exists());
}

#[test]
fn a_damaged_newer_or_shared_file_grants_nothing_and_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let (grants, asked) = (Grants::open(folder.path()), manifest(HTTP, None));
    grants.grant(&asked, UNSIGNED, &asked.permissions).unwrap();
    let file = folder.path().join("grants.toml");
    let text = std::fs::read_to_string(&file).unwrap();
    for (changed, kind) in [
        ("nonsense".to_owned(), ErrorKind::Damaged),
        (text.replace("[[grant]]", "[[grant]]\nunknown = 1"), ErrorKind::Damaged),
        (text.replace("schema = 1", "schema = 2"), ErrorKind::NewerFormat),
    ] {
        std::fs::write(&file, changed).unwrap();
        let error = grants.effective(&asked, UNSIGNED, &[]).unwrap_err();
        assert!(error.kind() == kind && error.hint().is_some(), "{error}");
    }
    std::fs::write(&file, text).unwrap();
    assert!(grants.effective(&asked, UNSIGNED, &[]).is_ok());
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o666)).unwrap();
        assert_eq!(grants.all().unwrap_err().kind(), ErrorKind::Forbidden);
    }
}

#[test]
fn many_who_write_at_once_lose_nothing() {
    let folder = tempfile::tempdir().unwrap();
    std::thread::scope(|scope| {
        for number in 0..8 {
            let grants = Grants::open(folder.path());
            scope.spawn(move || {
                let mut asked = manifest(HTTP, None);
                asked.id = format!("acme.p{number}");
                grants.grant(&asked, UNSIGNED, &asked.permissions).unwrap();
            });
        }
    });
    assert_eq!(Grants::open(folder.path()).all().unwrap().len(), 8);
}
