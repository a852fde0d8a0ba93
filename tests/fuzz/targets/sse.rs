//! The SSE decoder: however a stream is cut into chunks, the frames are the same, and no frame is above the limit.
//!
//! Input: a byte for the limit, a byte for the number of cuts, the cuts (two bytes each), then the stream.
#![no_main]

use libfuzzer_sys::fuzz_target;
use opencode_nexus::stream::sse::SseDecoder;

type Owned = (String, Vec<u8>, String);

/// What came out, whether the limit ended it, and what was left at the end.
#[derive(Debug, PartialEq)]
struct Outcome {
    frames: Vec<Owned>,
    too_large: bool,
    tail: Option<Vec<u8>>,
}

fn decode<'a>(chunks: impl IntoIterator<Item = &'a [u8]>, limit: usize) -> Outcome {
    let mut decoder = SseDecoder::new(limit);
    let mut frames: Vec<Owned> = Vec::new();
    let too_large = chunks
        .into_iter()
        .try_for_each(|chunk| {
            decoder.feed(chunk, |frame| {
                assert!(frame.data.len() <= limit, "{} bytes above the limit {limit}", frame.data.len());
                frames.push((frame.event.into(), frame.data.to_vec(), frame.last_event_id.into()));
            })
        })
        .is_err();
    Outcome { frames, too_large, tail: if too_large { None } else { decoder.finish() } }
}

fn pieces<'a>(stream: &'a [u8], cuts: &[u8]) -> Vec<&'a [u8]> {
    let mut at: Vec<usize> = (cuts.chunks_exact(2))
        .map(|pair| usize::from(u16::from_le_bytes([pair[0], pair[1]])) % (stream.len() + 1))
        .chain([0, stream.len()])
        .collect();
    at.sort_unstable();
    at.windows(2).map(|ends| &stream[ends[0]..ends[1]]).collect()
}

fuzz_target!(|input: &[u8]| {
    let [limit, count, rest @ ..] = input else { return };
    let cuts = (usize::from(*count) % 16 * 2).min(rest.len());
    let (cuts, stream) = rest.split_at(cuts);

    let whole = decode([stream], usize::MAX);
    assert!(!whole.too_large);
    assert_eq!(decode(pieces(stream, cuts), usize::MAX), whole, "cut");
    assert_eq!(decode(stream.chunks(1), usize::MAX), whole, "cut at every byte");

    // With a limit the frames are a beginning of all frames; without a violation they are all of them.
    let limited = decode(pieces(stream, cuts), usize::from(*limit) * 4 + 1);
    assert!(whole.frames.starts_with(&limited.frames));
    if !limited.too_large {
        assert_eq!(limited, whole, "limit");
    }
});
