//! Keys in memory: there while a vault is open (or we would be looking in the wrong way), gone when it is locked.
//!
//! What is looked at is everything that a core dump would hold: all that can be read of a process through `/proc`. The
//! keys are made here from the file of key slots and the passphrase, as the formats say and without the code under test.

use std::io::{Read as _, Seek as _, SeekFrom};
use std::path::Path;

use aes_gcm::aead::{Aead as _, Payload};
use aes_gcm::{Aes256Gcm, KeyInit as _};
use hkdf::Hkdf;
use nexus_vault::{ExposeSecret as _, NewSlot, Vault};
use serde_json::Value;
use sha2::Sha256;

use super::process::Worker;
use super::report::{Report, because};
use super::story::{CHEAP, options};
use super::worker::numbered;

pub fn run(report: &mut Report) {
    let (open, locked) = match look() {
        Ok(found) => found,
        Err(why) => {
            report.told("keys in memory", Err(why));
            return;
        }
    };
    let control: Vec<&str> = open.iter().filter(|(_, count)| *count > 0).map(|(name, _)| *name).collect();
    let well = control.contains(&"master key") && control.contains(&"database key");
    let shown = control.join(", ");
    report.told(
        &format!("positive control: an open vault has in memory: {shown}"),
        if well { Ok(()) } else { Err("the keys that must be there were not found".to_owned()) },
    );
    for (name, count) in locked {
        let done = if count == 0 { Ok(()) } else { Err(format!("{count} times")) };
        report.told(&format!("a locked vault has nothing in memory of: {name}"), done);
    }
}

type Found = Vec<(&'static str, usize)>;

fn look() -> Result<(Found, Found), String> {
    let folder = tempfile::tempdir().map_err(because("a folder"))?;
    let folder = folder.path().join("vault");
    let slot = NewSlot::Passphrase(numbered(0), CHEAP);
    Vault::create(&folder, slot, options()).map_err(because("creating"))?.vault.lock();
    let secrets = secrets(&folder)?;
    let mut worker = Worker::start("hold", &folder, &[])?;
    worker.expect("unlocked")?;
    let open = search(worker.pid(), &secrets)?;
    worker.say("lock")?;
    worker.expect("locked true")?;
    let locked = search(worker.pid(), &secrets)?;
    worker.kill()?;
    Ok((open, locked))
}

/// Each key of the vault with its name.
fn secrets(folder: &Path) -> Result<Vec<(&'static str, Vec<u8>)>, String> {
    let text = std::fs::read(folder.join("keys.json")).map_err(because("the slots"))?;
    let file: Value = serde_json::from_slice(&text).map_err(because("the slots"))?;
    let vault = hex(&file["vault"])?;
    let slots = file["slots"].as_array().ok_or("no slots")?;
    let slot = slots.iter().find(|slot| slot["about"]["kind"] == "passphrase").ok_or("no such slot")?;
    let about = &slot["about"];
    let number =
        |name: &str| about["kdf"][name].as_u64().and_then(|n| u32::try_from(n).ok()).ok_or("no number");
    let (memory, passes, lanes) = (number("memory")?, number("passes")?, number("lanes")?);
    let (salt, id) = (hex(&about["salt"])?, hex(&about["id"])?);

    let mut root = [0; 32];
    let parameters = argon2::Params::new(memory, passes, lanes, Some(32)).map_err(because("parameters"))?;
    argon2::Argon2::new(argon2::Algorithm::Argon2id, argon2::Version::V0x13, parameters)
        .hash_password_into(numbered(0).expose_secret().as_bytes(), &salt, &mut root)
        .map_err(because("argon2"))?;
    let kek = derive(&root, b"nexus-vault/1/slot-kek", &id)?;

    let created = about["created"].as_u64().ok_or("no time")?.to_be_bytes().to_vec();
    let costs = [memory, passes, lanes].iter().flat_map(|n| n.to_be_bytes()).collect();
    let fields: [Vec<u8>; 8] =
        [b"nexus-vault/1/slot".to_vec(), vault, id, b"passphrase".to_vec(), created, costs, salt, Vec::new()];
    let wrapped = hex(&slot["wrapped"])?;
    let mut aad: Vec<u8> =
        fields.iter().flat_map(|field| [&(field.len() as u32).to_be_bytes()[..], field].concat()).collect();
    aad.extend(&wrapped[..6]);
    let cipher = Aes256Gcm::new_from_slice(&kek).map_err(because("a key"))?;
    let nonce: [u8; 12] = wrapped[6..18].try_into().map_err(because("a nonce"))?;
    let master = cipher
        .decrypt(&nonce.into(), Payload { msg: &wrapped[18..], aad: &aad })
        .map_err(|_| "the master key does not unwrap as the format says")?;
    let master: [u8; 32] = master.try_into().map_err(|_| "a master key of another length")?;
    let database = file["database"].as_str().ok_or("no database")?;
    let database_key = derive(&master, b"nexus-vault/1/database", database.as_bytes())?;
    Ok(vec![
        ("database key as text", database_key.iter().flat_map(|b| format!("{b:02x}").into_bytes()).collect()),
        ("master key", master.to_vec()),
        ("database key", database_key),
        ("record key-encryption key", derive(&master, b"nexus-vault/1/record-kek", b"")?),
        ("key of the sums", derive(&master, b"nexus-vault/1/sum", b"")?),
        ("key of the slots' sum", derive(&master, b"nexus-vault/1/slots", b"")?),
        ("slot's key-encryption key", kek),
        ("root of the passphrase", root.to_vec()),
        ("passphrase", numbered(0).expose_secret().as_bytes().to_vec()),
    ])
}

fn derive(key: &[u8; 32], label: &[u8], context: &[u8]) -> Result<Vec<u8>, String> {
    let mut out = vec![0; 32];
    let hkdf = Hkdf::<Sha256>::from_prk(key).map_err(because("hkdf"))?;
    hkdf.expand_multi_info(&[label, &[0], context], &mut out).map_err(because("hkdf"))?;
    Ok(out)
}

fn hex(value: &Value) -> Result<Vec<u8>, String> {
    let text = value.as_str().ok_or("no text")?;
    (0..text.len())
        .step_by(2)
        .map(|at| u8::from_str_radix(&text[at..at + 2], 16).map_err(because("hex")))
        .collect()
}

/// How often each secret stands in the memory of a process.
fn search(pid: u32, secrets: &[(&'static str, Vec<u8>)]) -> Result<Found, String> {
    let maps = std::fs::read_to_string(format!("/proc/{pid}/maps")).map_err(because("the maps"))?;
    let mut memory = std::fs::File::open(format!("/proc/{pid}/mem")).map_err(because("the memory"))?;
    let mut counts: Found = secrets.iter().map(|(name, _)| (*name, 0)).collect();
    let (mut regions, mut bytes) = (0, 0);
    for line in maps.lines() {
        let mut words = line.split_whitespace();
        let (Some(range), Some(rights)) = (words.next(), words.next()) else { continue };
        // What nobody wrote to since it came from a file holds no key; the kernel's own pages cannot be read.
        if !rights.starts_with("rw") || line.contains("[vvar") {
            continue;
        }
        let Some((start, end)) = range.split_once('-') else { continue };
        let address = |text| u64::from_str_radix(text, 16).map_err(because("an address"));
        let (start, end) = (address(start)?, address(end)?);
        let mut region = vec![0; (end - start) as usize];
        memory.seek(SeekFrom::Start(start)).map_err(because("the memory"))?;
        if memory.read_exact(&mut region).is_err() {
            continue;
        }
        regions += 1;
        bytes += region.len();
        for ((_, secret), (_, count)) in secrets.iter().zip(&mut counts) {
            *count += region.windows(secret.len()).filter(|window| window == secret).count();
        }
    }
    if regions < 4 || bytes < 1 << 20 {
        return Err(format!("only {bytes} bytes of {pid} could be read"));
    }
    Ok(counts)
}
