//! Records of servers whose supervisor lives, has died, or never was.

use super::*;

fn record(name: &str) -> InstanceRecord {
    InstanceRecord {
        name: name.to_owned(),
        supervisor: ProcessIdentity::current(),
        health: Health::Ready,
        pid: Some(1),
        group: Some(1),
        url: "http://127.0.0.1:1".to_owned(),
        password: Secret::from("hunter2"),
        version: "1.18.33".to_owned(),
        warning: None,
        home: None,
        fresh_home: false,
        directory: "/project".into(),
        log_file: "/log".into(),
        started: 1,
        restarts: 0,
    }
}

/// As if the number had been used again.
fn of_another_start(mut record: InstanceRecord) -> InstanceRecord {
    record.supervisor.started.push('x');
    record
}

#[tokio::test]
async fn a_record_is_private_and_read_as_it_was_written() {
    let folder = tempfile::tempdir().unwrap();
    let instances = Instances::at(folder.path().join("state"));
    assert_eq!(instances.read("default").unwrap(), None);
    assert!(instances.all().unwrap().is_empty());
    instances.write(&record("default")).unwrap();
    instances.write(&record("other")).unwrap();
    assert_eq!(instances.running("default").unwrap(), Some(record("default")));
    assert_eq!(instances.all().unwrap().len(), 2);
    assert!(!format!("{:?}", record("default")).contains("hunter2"));
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
        let file = instances.record_file("default");
        assert_eq!((mode(&file), mode(file.parent().unwrap())), (0o600, 0o700));
    }
}

#[tokio::test]
async fn a_number_that_is_used_again_is_not_taken_for_the_supervisor_and_what_it_had_is_removed() {
    let folder = tempfile::tempdir().unwrap();
    let instances = Instances::at(folder.path());
    let home = folder.path().join("fresh");
    std::fs::create_dir(&home).unwrap();
    let mut dead = of_another_start(record("dead"));
    (dead.home, dead.fresh_home) = (Some(home.clone()), true);
    instances.write(&dead).unwrap();
    instances.write(&record("alive")).unwrap();
    let reason = "five crashes".to_owned();
    let given_up =
        InstanceRecord { health: Health::Failed { reason }, ..of_another_start(record("given-up")) };
    instances.write(&given_up).unwrap();
    assert_eq!(instances.running("dead").unwrap(), None);
    assert_eq!(instances.sweep().await.unwrap().instances, ["dead"]);
    assert!(!home.exists());
    let names: Vec<String> = instances.all().unwrap().into_iter().map(|r| r.name).collect();
    assert_eq!(names, ["alive", "given-up"]);
    instances.stop("given-up").await.unwrap();
    assert_eq!(instances.stop("given-up").await.unwrap_err().kind(), ErrorKind::NotFound);
}

#[tokio::test]
async fn a_damaged_record_is_removed_and_a_bad_name_refused() {
    let folder = tempfile::tempdir().unwrap();
    let instances = Instances::at(folder.path());
    instances.write(&record("default")).unwrap();
    for damage in ["", "{", "{\"password\":\"hunter2\"}"] {
        std::fs::write(instances.record_file("default"), damage).unwrap();
        assert_eq!(instances.read("default").unwrap(), None);
        assert!(!instances.record_file("default").exists());
    }
    for name in ["", "..", "a/b", ".hidden", "ä", &"x".repeat(65)] {
        assert_eq!(instances.read(name).unwrap_err().kind(), ErrorKind::InvalidInput, "{name}");
        assert!(instances.lock(name).await.is_err(), "{name}");
    }
}

#[tokio::test]
async fn only_one_at_a_time_starts_a_server_of_a_name() {
    let folder = tempfile::tempdir().unwrap();
    let instances = Instances::at(folder.path());
    let first = instances.lock("default").await.unwrap();
    let other = instances.lock("other").await.unwrap();
    let waiting = tokio::spawn({
        let instances = instances.clone();
        async move { instances.lock("default").await.map(drop) }
    });
    tokio::task::yield_now().await;
    assert!(!waiting.is_finished());
    drop((first, other));
    waiting.await.unwrap().unwrap();
}
