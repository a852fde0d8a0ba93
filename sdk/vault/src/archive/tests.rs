//! What comes out of archives that are whole, and of those that are not.

use proptest::prelude::*;

use super::*;

const PASSPHRASE: &str = "made-up passphrase";

fn passphrase() -> SecretString {
    SecretString::from(PASSPHRASE)
}

fn key() -> Key {
    Key::from_slice(&[7; 32]).expect("a key")
}

/// Argon2 is not what these tests are about: they begin behind the header.
fn seal(plain: &[u8]) -> Vec<u8> {
    let block = Zeroizing::new(Vec::new());
    let mut writer =
        SealedWriter { to: Vec::new(), stream: stream(&key()), position: 0, block, is_broken: false };
    writer.write_all(plain).expect("written");
    writer.finish().expect("finished")
}

fn reader<R: Read>(from: R) -> SealedReader<R> {
    SealedReader {
        from,
        stream: stream(&key()),
        position: 0,
        sealed: Vec::new(),
        plain: Zeroizing::new(Vec::new()),
        given: 0,
        state: State::More,
    }
}

/// What comes out, and the error at the end.
fn open(sealed: &[u8]) -> (Vec<u8>, Option<ErrorKind>) {
    let mut plain = Vec::new();
    let mut reader = reader(sealed);
    let error = reader.read_to_end(&mut plain).err().map(|error| Error::from(error).kind());
    if error.is_some() {
        let again = reader.read(&mut [0]).expect_err("it stays damaged");
        assert_eq!(Error::from(again).kind(), ErrorKind::Damaged);
    }
    (plain, error)
}

fn text(length: usize) -> Vec<u8> {
    (0..length).map(|number| (number * 31 % 251) as u8).collect()
}

const SEALED: usize = BLOCK + TAG;

#[test]
fn what_was_sealed_comes_out_whatever_its_length() {
    for length in [0, 1, BLOCK - 1, BLOCK, BLOCK + 1, 3 * BLOCK, 3 * BLOCK + 5] {
        let sealed = seal(&text(length));
        let blocks = length.div_ceil(BLOCK).max(1);
        assert_eq!(sealed.len(), length + blocks * TAG);
        assert_eq!(open(&sealed), (text(length), None));
    }
}

#[test]
fn a_cut_archive_gives_whole_blocks_and_an_error() {
    let plain = text(2 * BLOCK + 100);
    let sealed = seal(&plain);
    let near = |at: usize| at.saturating_sub(20)..=(at + 20);
    let cuts = near(0).chain(near(SEALED)).chain(near(2 * SEALED)).chain(near(sealed.len() - 20));
    for cut in cuts.filter(|cut| *cut < sealed.len()) {
        let (out, error) = open(&sealed[..cut]);
        assert_eq!(error, Some(ErrorKind::Damaged), "cut at {cut}");
        assert!(plain.starts_with(&out) && out.len() % BLOCK == 0 && out.len() <= cut);
    }
}

#[test]
fn blocks_that_are_moved_doubled_left_out_or_foreign_are_errors() {
    let sealed = seal(&text(3 * BLOCK + 9));
    let blocks = sealed.chunks(SEALED).collect::<Vec<_>>();
    let mut foreign = stream(&Key::from_slice(&[8; 32]).expect("a key"));
    let mut other = text(BLOCK);
    foreign.as_mut().encrypt_in_place(1, false, &[], &mut other).expect("sealed");
    let orders: [&[&[u8]]; 7] = [
        &[blocks[1], blocks[0], blocks[2], blocks[3]],
        &[blocks[0], blocks[0], blocks[1], blocks[2], blocks[3]],
        &[blocks[0], blocks[2], blocks[3]],
        &[blocks[0], &other, blocks[2], blocks[3]],
        &[blocks[0], blocks[1], blocks[2], blocks[3], blocks[3]],
        &[blocks[0], blocks[1], blocks[2], blocks[3], &[0]],
        &[blocks[3]],
    ];
    for (number, order) in orders.iter().enumerate() {
        let (out, error) = open(&order.concat());
        assert_eq!(error, Some(ErrorKind::Damaged), "order {number}");
        assert!(text(3 * BLOCK).starts_with(&out));
    }
}

#[test]
fn an_empty_last_block_behind_others_is_refused() {
    let stream = stream(&key());
    let (mut first, mut last) = (text(BLOCK), Vec::new());
    stream.encrypt_in_place(0, false, &[], &mut first).expect("sealed");
    stream.encrypt_in_place(1, true, &[], &mut last).expect("sealed");
    first.extend_from_slice(&last);
    assert_eq!(open(&first).1, Some(ErrorKind::Damaged));
}

#[test]
fn a_flipped_bit_anywhere_is_an_error() {
    let sealed = seal(&text(200));
    for at in 0..sealed.len() {
        for bit in 0..8 {
            let mut flipped = sealed.clone();
            flipped[at] ^= 1 << bit;
            assert_eq!(open(&flipped), (Vec::new(), Some(ErrorKind::Damaged)));
        }
    }
}

#[test]
fn every_byte_of_the_header_counts() {
    let kdf = KdfParameters::LEAST;
    let mut writer = SealedWriter::new(Vec::new(), &passphrase(), kdf).expect("writer");
    writer.write_all(b"made up").expect("written");
    let sealed = writer.finish().expect("finished");
    let mut plain = String::new();
    SealedReader::new(&*sealed, &passphrase()).expect("opens").read_to_string(&mut plain).expect("read");
    assert_eq!(plain, "made up");
    assert!(SealedReader::<&[u8]>::recognizes(&sealed));

    let wrong = SealedReader::new(&*sealed, &SecretString::from("made-up other")).expect_err("wrong");
    assert_eq!(wrong.kind(), ErrorKind::WrongKey);
    for at in 0..54 {
        let mut flipped = sealed.clone();
        flipped[at] ^= if (10..22).contains(&at) { 0x80 } else { 1 };
        let kind = SealedReader::new(&*flipped, &passphrase()).expect_err("changed").kind();
        let expected: &[ErrorKind] = match at {
            0..8 => &[ErrorKind::Foreign],
            8..10 => &[ErrorKind::Newer],
            10..22 => &[ErrorKind::Parameters, ErrorKind::WrongKey],
            _ => &[ErrorKind::WrongKey],
        };
        assert!(expected.contains(&kind), "byte {at}: {kind:?}");
        let cut = SealedReader::new(&sealed[..at], &passphrase()).expect_err("cut").kind();
        assert_eq!(cut, ErrorKind::Damaged, "cut at {at}");
    }
}

/// Sealed by the first version of this format; must open for ever. Passphrase as above, salt of 0x53.
const FROZEN: &str = include_str!("../../tests/frozen/archive-1.hex");

fn frozen() -> Vec<u8> {
    let digits = FROZEN.trim().as_bytes();
    let byte = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).expect("text"), 16).expect("hex");
    digits.chunks(2).map(byte).collect()
}

#[test]
fn an_archive_of_the_first_version_opens_and_is_made_in_the_same_way() {
    let mut plain = String::new();
    let frozen = frozen();
    let opened = SealedReader::new(&*frozen, &passphrase());
    opened.expect("opens").read_to_string(&mut plain).expect("read");
    assert_eq!(plain, "What was sealed once opens for ever.");

    let (header, key) = Header::with_salt(&passphrase(), KdfParameters::LEAST, [0x53; 16]).expect("header");
    let block = Zeroizing::new(Vec::new());
    let mut writer =
        SealedWriter { to: header.to_vec(), stream: stream(&key), position: 0, block, is_broken: false };
    writer.write_all(plain.as_bytes()).expect("written");
    assert_eq!(crate::keys::hex::encode(&writer.finish().expect("finished")), FROZEN.trim());
}

struct Failing(Vec<u8>, usize);

impl Write for Failing {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let taken = bytes.len().min(self.1);
        if taken == 0 && !bytes.is_empty() {
            return Err(io::ErrorKind::StorageFull.into());
        }
        self.1 -= taken;
        self.0.extend_from_slice(&bytes[..taken]);
        Ok(taken)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn a_full_disk_is_an_error_and_stays_one() {
    let block = Zeroizing::new(Vec::new());
    let to = Failing(Vec::new(), SEALED + 10);
    let mut writer = SealedWriter { to, stream: stream(&key()), position: 0, block, is_broken: false };
    let error = writer.write_all(&text(3 * BLOCK)).expect_err("full");
    assert_eq!(Error::from(error).kind(), ErrorKind::Full);
    writer.to.1 = usize::MAX;
    assert!(writer.write_all(&text(BLOCK)).is_err() || writer.finish().is_err());
}

/// Gives as few bytes as it is told, and is interrupted in between.
struct Slow<'a>(&'a [u8], usize, bool);

impl Read for Slow<'_> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        self.2 = !self.2;
        if self.2 {
            return Err(io::ErrorKind::Interrupted.into());
        }
        let given = into.len().min(self.1).min(self.0.len());
        into[..given].copy_from_slice(&self.0[..given]);
        self.0 = &self.0[given..];
        Ok(given)
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn how_it_is_cut_into_reads_and_writes_does_not_matter(
        length in 0..4 * BLOCK,
        pieces in prop::collection::vec(1..70_000usize, 1..8),
        step in 1..90_000usize,
    ) {
        let plain = text(length);
        let block = Zeroizing::new(Vec::new());
        let mut writer =
            SealedWriter { to: Vec::new(), stream: stream(&key()), position: 0, block, is_broken: false };
        let (mut rest, mut turn) = (&plain[..], 0);
        while !rest.is_empty() {
            let (piece, behind) = rest.split_at(pieces[turn % pieces.len()].min(rest.len()));
            writer.write_all(piece).expect("written");
            (rest, turn) = (behind, turn + 1);
        }
        let sealed = writer.finish().expect("finished");
        prop_assert_eq!(&sealed, &seal(&plain));
        let mut out = Vec::new();
        reader(Slow(&sealed, step, false)).read_to_end(&mut out).expect("read");
        prop_assert_eq!(out, plain);
    }
}
