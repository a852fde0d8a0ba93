//! The stream that is measured: recorded turns over and over, every time with new ids, and with tool outputs as large as
//! those of real work. The same on every machine.

use std::collections::HashMap;
use std::fs::{self, File};
use std::io::{self, BufWriter, Write as _};
use std::path::Path;

use opencode_nexus_testkit::cases;
use rand::rngs::StdRng;
use rand::seq::SliceRandom as _;
use rand::{Rng as _, SeedableRng as _};
use serde_json::Value;

/// What an agent does in a while: one long answer, and many small steps around it.
const WORK: &[(&str, usize)] = &[
    ("long-2000", 1),
    ("reasoning", 3),
    ("paced-50tps", 2),
    ("bash-once", 4),
    ("read", 6),
    ("edit-ask", 4),
    ("todo", 2),
    ("question-reply", 1),
];

/// Tools print sources more than anything else.
const OUTPUT: &str = include_str!("corpus.rs");

/// Writes `events` events to a file; says how many bytes and how many deltas these are.
pub fn write(path: &Path, events: usize) -> io::Result<(u64, usize)> {
    let mut random = StdRng::seed_from_u64(7);
    let mut turns: HashMap<&str, Vec<Value>> = HashMap::new();
    for (name, _) in WORK {
        turns.insert(name, frames(&cases::case("v1", name)?.stream)?);
    }
    let mut order: Vec<&str> =
        WORK.iter().flat_map(|(name, times)| std::iter::repeat_n(*name, *times)).collect();
    let partial = path.with_extension("partial");
    let mut file = BufWriter::new(File::create(&partial)?);
    let (mut written, mut bytes, mut deltas, mut turn) = (1, 0, 0, 0_u64);
    file.write_all(b"data: {\"id\":\"evt_100000000000corpusstarts\",\"type\":\"server.connected\",\"properties\":{}}\n\n")?;
    'all: loop {
        order.shuffle(&mut random);
        for name in &order {
            turn += 1;
            let output = tool_output(&mut random);
            for frame in &turns[name] {
                if written == events {
                    break 'all;
                }
                let text = rename(&padded(frame, &output).to_string(), turn);
                file.write_all(format!("data: {text}\n\n").as_bytes())?;
                bytes += text.len() as u64 + 8;
                deltas += usize::from(frame["type"] == "message.part.delta");
                written += 1;
            }
        }
    }
    file.into_inner().map_err(io::IntoInnerError::into_error)?.sync_all()?;
    fs::rename(partial, path)?;
    Ok((bytes, deltas))
}

/// The events of a recorded turn without the one that opens the connection.
fn frames(stream: &[u8]) -> io::Result<Vec<Value>> {
    let text = String::from_utf8_lossy(stream);
    let frames = text.lines().filter_map(|line| line.strip_prefix("data: "));
    let values: Result<Vec<Value>, _> = frames.map(serde_json::from_str).collect();
    Ok(values?.into_iter().filter(|event| event["type"] != "server.connected").collect())
}

/// Some pieces of source text, 2 to 14 KB.
fn tool_output(random: &mut StdRng) -> String {
    let mut output = String::new();
    for _ in 0..random.random_range(2..7) {
        let from = random.random_range(0..OUTPUT.len() / 2);
        let text: String = OUTPUT.chars().skip(from).take(random.random_range(1_000..2_400)).collect();
        output.push_str(&text);
    }
    output
}

/// A finished tool call gets the output; everything else stays as it was recorded.
fn padded(frame: &Value, output: &str) -> Value {
    let mut frame = frame.clone();
    for place in ["/properties/part/state/output", "/properties/part/state/metadata/output"] {
        if let Some(Value::String(text)) = frame.pointer_mut(place) {
            text.push_str(output);
        }
    }
    frame
}

/// Gives every id a new end, the same one for the same id within a turn. An id is a prefix, 12 digits, and 14 letters.
fn rename(text: &str, turn: u64) -> String {
    const PREFIXES: [&str; 6] = ["evt_", "ses_", "msg_", "prt_", "per_", "que_"];
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('_') {
        let start = at.saturating_sub(3);
        let id = rest.get(start..start + 30);
        match id.filter(|id| {
            PREFIXES.iter().any(|p| id.starts_with(p)) && id[4..].bytes().all(|b| b.is_ascii_alphanumeric())
        }) {
            Some(id) => {
                out.push_str(&rest[..start + 16]);
                out.push_str(&tail(&id[4..], turn));
                rest = &rest[start + 30..];
            }
            None => {
                out.push_str(&rest[..=at]);
                rest = &rest[at + 1..];
            }
        }
    }
    out.push_str(rest);
    out
}

/// 14 letters that depend on the id and the turn alone.
fn tail(id: &str, turn: u64) -> String {
    const LETTERS: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    // FNV-1a over the id, then the turn mixed in (the finalizer of splitmix64).
    let hash =
        id.bytes().fold(0xCBF2_9CE4_8422_2325_u64, |h, b| (h ^ u64::from(b)).wrapping_mul(0x0100_0000_01B3));
    let mut state = hash ^ turn.wrapping_mul(0x9E37_79B9_7F4A_7C15);
    let mut letters = String::with_capacity(14);
    for _ in 0..14 {
        state = (state ^ (state >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        state = (state ^ (state >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB) ^ (state >> 31);
        letters.push(char::from(LETTERS[(state % 62) as usize]));
    }
    letters
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_renamed_alike_within_a_turn_and_differently_in_the_next() {
        let text =
            r#"{"id":"ses_201f33c61001Ghf46djJlfa0fC","b":"ses_201f33c61001Ghf46djJlfa0fC","no_id":"é_x"}"#;
        let (first, second) = (rename(text, 1), rename(text, 2));
        let ids = |t: &str| -> Vec<String> {
            t.split('"').filter(|p| p.starts_with("ses_")).map(str::to_owned).collect()
        };
        assert_eq!(ids(&first)[0], ids(&first)[1]);
        assert_ne!(ids(&first), ids(&second));
        assert!(first.len() == text.len() && first.ends_with(r#""no_id":"é_x"}"#), "{first}");
    }
}
