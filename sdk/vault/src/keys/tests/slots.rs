//! Slots, what they are made of, and their file.

use proptest::prelude::*;
use secrecy::{ExposeSecret, SecretString};

use super::{FROZEN, bytes, passphrase};
use crate::keys::slot::{About, Slot, joined};
use crate::keys::slot_file::{SlotFile, is_database_name};
use crate::keys::{KdfParameters, Key, MasterKey, RecoveryKey, SlotKind, hex, kdf};
use crate::{Backend, ErrorKind};

const PAPER: &str = "C9H6-4RK2-C9H6-4RK2-C9H6-4RK2-C9H6-4RK2-C9H6-4RK2-C9H6-4RK2-C9H6-6XFZ";

fn kind_of<T: std::fmt::Debug>(result: crate::Result<T>) -> ErrorKind {
    result.expect_err("an error").kind()
}

fn frozen() -> SlotFile {
    SlotFile::decode(FROZEN).expect("the frozen file")
}

fn root_of(slot: &Slot) -> Key {
    let secret = Key::from_slice(&[0x61; 32]).expect("a key");
    let typed = || slot.about.passphrase_key(&passphrase()).expect("a key");
    match slot.about.kind {
        SlotKind::Passphrase => typed(),
        SlotKind::Keyring => secret,
        SlotKind::Recovery => RecoveryKey::parse(&SecretString::from(PAPER)).expect("a key"),
        SlotKind::Both => joined(&secret, &typed()),
    }
}

#[test]
fn the_slots_of_the_first_version_open_in_every_way() {
    let file = frozen();
    let master = (100..132).collect::<Vec<u8>>();
    for slot in &file.slots {
        let opened = slot.unwrap(&file.vault, &root_of(slot)).expect("whole").expect("the right key");
        assert_eq!(opened.0[..], master, "{:?}", slot.about.kind);
        file.verify(&opened).expect("as it was signed");
        let other = Key::from_slice(&[9; 32]).expect("a key");
        assert!(slot.unwrap(&file.vault, &other).expect("whole").is_none());
        // The same slot in another vault.
        assert_eq!(kind_of(slot.unwrap(&[9; 16], &root_of(slot))), ErrorKind::Damaged);
    }
    assert_eq!((file.generation, file.database.as_str(), file.slots.len()), (9, "history-0badcafe.db", 4));
}

#[test]
fn what_is_written_is_read_again() {
    let file = frozen();
    let text = file.encode().expect("text");
    assert_eq!(SlotFile::decode(&text).expect("read"), file);
    assert!(serde_json::from_slice::<serde_json::Value>(&text).is_ok(), "it is JSON");
    let text = String::from_utf8(text).expect("text");
    assert!(!text.contains("made-up") && !text.contains("C9H6"));
}

#[test]
fn a_slot_that_says_something_else_of_itself_does_not_open() {
    let file = frozen();
    for slot in &file.slots {
        let root = root_of(slot);
        let changes: [fn(&mut About); 6] = [
            |about| about.created += 1,
            |about| {
                about.kind =
                    if about.kind == SlotKind::Recovery { SlotKind::Keyring } else { SlotKind::Recovery }
            },
            |about| about.kdf = Some(KdfParameters { memory: 20_000, ..about.kdf.unwrap_or_default() }),
            |about| about.salt = Some(hex::Hex([1; 16])),
            |about| about.backend = Some(Backend::Kernel),
            |about| about.id = hex::Hex([8; 4]),
        ];
        for (number, change) in changes.iter().enumerate() {
            let mut slot = slot.clone();
            change(&mut slot.about);
            let opened = slot.unwrap(&file.vault, &root);
            assert!(!matches!(opened, Ok(Some(_))), "change {number}");
        }
    }
}

#[test]
fn whoever_changes_the_file_without_the_key_is_found_out() {
    let file = frozen();
    let master = MasterKey::from_slice(&(100..132).collect::<Vec<u8>>()).expect("a key");
    let changes: [fn(&mut SlotFile); 6] = [
        |file| file.slots.truncate(3),
        |file| file.slots.swap(0, 1),
        |file| file.generation += 1,
        |file| file.database = "history-00000000.db".into(),
        |file| file.slots[0].about.created += 1,
        |file| {
            let mut more = file.slots[1].clone();
            more.about.id = hex::Hex([9; 4]);
            file.slots.push(more);
        },
    ];
    for (number, change) in changes.iter().enumerate() {
        let mut changed = file.clone();
        change(&mut changed);
        // The checksum is no secret: who writes the file makes a new one.
        let changed = SlotFile::decode(&changed.encode().expect("text")).expect("a file that can be read");
        assert_eq!(kind_of(changed.verify(&master)), ErrorKind::Damaged, "change {number}");
    }
}

#[test]
fn a_newer_file_is_told_from_a_damaged_one() {
    let text = String::from_utf8(FROZEN.to_vec()).expect("text");
    let (_, rest) = text.split_once('\n').expect("lines");
    let summed = |rest: &str| {
        use sha2::Digest;
        format!("{{\"checksum\":\"{}\",\n{rest}", hex::encode(&sha2::Sha256::digest(rest)))
    };
    let newer = summed("\"format\": 2, \"anything\": [\"else\"]}\n");
    assert_eq!(kind_of(SlotFile::decode(newer.as_bytes())), ErrorKind::Newer);
    let contradicting = [
        rest.replace("\"format\": 1", "\"format\": 0"),
        rest.replace("history-0badcafe.db", "../history-0badcafe.db"),
        rest.replace("02020202", "01010101"),
        rest.replace("\"keyring\"", "\"recovery\""),
        rest.replace("\"generation\": 9,", "\"generation\": 9, \"more\": 1,"),
        rest.replace("0badcafe", "0BADCAFE"),
    ];
    for (number, rest) in contradicting.iter().enumerate() {
        assert_eq!(kind_of(SlotFile::decode(summed(rest).as_bytes())), ErrorKind::Damaged, "case {number}");
    }
    assert_eq!(kind_of(SlotFile::decode(b"SQLite format 3\0")), ErrorKind::Foreign);
    assert_eq!(kind_of(SlotFile::decode(br#"{"name":"package"}"#)), ErrorKind::Foreign);
    for lost in [&b""[..], &[0; 4096]] {
        assert_eq!(kind_of(SlotFile::decode(lost)), ErrorKind::Damaged);
    }
}

#[test]
fn a_database_has_no_name_that_leads_elsewhere() {
    assert!(is_database_name("history-0badcafe.db"));
    for name in [
        "",
        "history-.db",
        "history-0badcafe",
        "history-../../..db",
        "history-0badcaf\u{e9}.db",
        "/etc/passwd",
    ] {
        assert!(!is_database_name(name), "{name}");
    }
}

/// RFC 9106, section 5.3. It has a secret and associated data, which slots do not use.
#[test]
fn argon2id_is_the_one_of_rfc_9106() {
    use argon2::{Algorithm, Argon2, AssociatedData, ParamsBuilder, Version};
    let params = ParamsBuilder::new()
        .m_cost(32)
        .t_cost(3)
        .p_cost(4)
        .data(AssociatedData::new(&[4; 12]).expect("data"))
        .build()
        .expect("parameters");
    let argon2 =
        Argon2::new_with_secret(&[3; 8], Algorithm::Argon2id, Version::V0x13, params).expect("argon2");
    let mut tag = [0; 32];
    argon2.hash_password_into(&[1; 32], &[2; 16], &mut tag).expect("hashed");
    assert_eq!(tag[..], bytes("0d640df58d78766c08c037a34a8b53c9d01ef0452d75b65eb52520e96b01e659"));
}

#[test]
fn parameters_out_of_bounds_are_refused_before_anything_is_allocated() {
    let (least, most) = (KdfParameters::LEAST, KdfParameters::MOST);
    let outside = [
        KdfParameters { memory: least.memory - 1, ..least },
        KdfParameters { passes: 1, ..least },
        KdfParameters { lanes: 0, ..least },
        KdfParameters { memory: most.memory + 1, ..most },
        KdfParameters { memory: u32::MAX, passes: u32::MAX, lanes: u32::MAX },
        KdfParameters { passes: 17, ..least },
        KdfParameters { lanes: 17, ..least },
    ];
    for parameters in outside {
        assert_eq!(kind_of(kdf::derive(&passphrase(), &[0; 16], parameters)), ErrorKind::Parameters);
    }
    least.check().and_then(|()| most.check()).expect("the bounds themselves are accepted");
}

#[test]
fn a_passphrase_is_the_same_however_its_letters_are_composed() {
    let key = |text: &str| {
        let key = kdf::derive(&SecretString::from(text), &[1; 16], KdfParameters::LEAST).expect("a key");
        *key.bytes()
    };
    assert_eq!(key("made-up \u{e9}\u{1e69}\u{ac00}"), key("made-up e\u{301}s\u{323}\u{307}\u{1100}\u{1161}"));
    assert!(key("made-up a") != key("made-up A"));
    assert_eq!(kind_of(kdf::check_passphrase(&SecretString::from(""))), ErrorKind::InvalidInput);
    assert_eq!(
        kind_of(kdf::check_passphrase(&SecretString::from("x".repeat(4097)))),
        ErrorKind::InvalidInput
    );
}

#[test]
fn every_slip_of_one_digit_in_a_recovery_key_is_caught() {
    let digits = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
    let plain = PAPER.replace('-', "");
    for at in 0..plain.len() {
        for digit in digits.chars().filter(|digit| !plain[at..].starts_with(*digit)) {
            let slipped = format!("{}{digit}{}", &plain[..at], &plain[at + 1..]);
            assert_eq!(kind_of(RecoveryKey::parse(&slipped.into())), ErrorKind::InvalidInput);
        }
        let missing = format!("{}{}", &plain[..at], &plain[at + 1..]);
        assert_eq!(kind_of(RecoveryKey::parse(&missing.into())), ErrorKind::InvalidInput);
    }
}

proptest! {
    #[test]
    fn a_recovery_key_is_read_however_it_is_typed(
        raw in any::<[u8; 32]>(),
        low in any::<bool>(),
        letters in any::<bool>(),
        separator in prop::sample::select(vec!["-", "", " ", "\n", " \u{2013} ", "--"]),
    ) {
        let key = Key::from_slice(&raw).expect("a key");
        let printed = RecoveryKey::of(&key);
        prop_assert_eq!(printed.expose().len(), 56 + 13);
        let mut typed = printed.expose().replace('-', separator);
        if letters {
            typed = typed.replace('0', "O").replace('1', if low { "l" } else { "I" });
        }
        if low {
            typed = typed.to_lowercase();
        }
        let read = RecoveryKey::parse(&SecretString::from(typed)).expect("read");
        prop_assert_eq!(read.bytes(), key.bytes());
        let shown = format!("{printed:?}");
        prop_assert!(!shown.contains(&printed.0.expose_secret()[..4]));
    }

    #[test]
    fn any_text_is_no_recovery_key_and_no_panic(text in ".{0,80}") {
        prop_assert!(RecoveryKey::parse(&SecretString::from(text)).is_err());
    }

    #[test]
    fn any_bytes_are_no_slot_file_and_no_panic(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        prop_assert!(SlotFile::decode(&bytes).is_err());
    }
}
