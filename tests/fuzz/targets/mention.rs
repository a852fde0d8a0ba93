//! What a person types into a prompt: mentions in it, and nothing else, wherever they stand.
//!
//! Whatever the text is, mentions are pieces of it, in order, each with its `@`, and reading one alone gives the same again.
#![no_main]

use libfuzzer_sys::fuzz_target;
use opencode_nexus::context::mentions;

fuzz_target!(|input: &[u8]| {
    let text = String::from_utf8_lossy(input);
    let found = mentions(&text);
    let mut end = 0;
    for mention in &found {
        let range = mention.range.clone();
        assert!(end <= range.start && range.start < range.end, "{range:?} behind {end}");
        end = range.end;
        let Some(piece) = text.get(range.clone()) else { panic!("{range:?} is no piece of the text") };
        assert!(piece.starts_with('@'), "{piece:?}");
        assert!(mention.provider.is_some() || mention.argument.is_some(), "{piece:?} names nothing");
        let alone = mentions(piece);
        assert!(
            alone.len() == 1
                && alone[0].provider == mention.provider
                && alone[0].argument == mention.argument,
            "{piece:?} alone is {alone:?}, in its place {mention:?}"
        );
    }
});
