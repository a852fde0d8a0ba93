//! Tests of splitting, queries and snippets, in many scripts.

use proptest::prelude::*;
use unicode_segmentation::UnicodeSegmentation as _;

use super::tokens::{TOKEN_CHARS, each_token};
use super::*;

fn tokens(text: &str) -> Vec<String> {
    let mut tokens = Vec::new();
    each_token(text, |token, _| tokens.push(token.to_owned()));
    tokens
}

/// Texts of every kind that can come: pieces of many scripts, marks without a base, emoji, code, and any character.
pub(crate) fn texts() -> impl Strategy<Value = String> {
    const PIECES: &[&str] = &[
        "naïve",
        "NAÏVE",
        "naive",
        "Straße",
        "Đặng",
        "İstanbul",
        "ı",
        "fi",
        "Ⅷ",
        "½",
        "x²",
        "foo_bar",
        "don't",
        "3.14",
        "--flag",
        "a",
        "an",
        "and",
        "OR",
        "NOT",
        "NEAR(",
        "\"",
        "*",
        "-",
        "(",
        ")",
        ":",
        "text",
        "labels",
        "^",
        "'",
        "Ёлка",
        "елка",
        "мой",
        "мои",
        "Київ",
        "за́мок",
        "ΣΊΣΥΦΟΣ",
        "σίσυφος",
        "κόσμε",
        "العربية",
        "إسلام",
        "كِتَاب",
        "كتاب",
        "می\u{200c}خواهم",
        "שָׁלוֹם",
        "שלום",
        "हिन्दी",
        "नमस्ते",
        "日本語",
        "日本",
        "本",
        "テキスト",
        "ﾃｷｽﾄ",
        "が",
        "か\u{3099}",
        "検索する",
        "中文分词",
        "ภาษาไทย",
        "กำ",
        "ไทย",
        "ລາວ",
        "မြန်မာ",
        "ខ្មែរ",
        "한국어",
        "한",
        "\u{1112}\u{1161}\u{11ab}",
        "🎉",
        "👍🏽",
        "👍",
        "👨\u{200d}👩\u{200d}👧",
        "🇩🇪",
        "1\u{fe0f}\u{20e3}",
        "e\u{301}",
        "\u{301}",
        "é",
        "\u{0}",
        "\n",
        "\t",
        " ",
        " ",
        " ",
        ", ",
        "abc日本",
        "ﬁn",
        "㈱",
        "①",
        "𝔘𝔫𝔦",
        "ÅNGSTRÖM",
        "\u{212b}ngstrom",
    ];
    let piece = prop_oneof![
        8 => prop::sample::select(PIECES).prop_map(str::to_owned),
        1 => any::<char>().prop_map(String::from),
        2 => "[a-c]{1,3}",
    ];
    prop::collection::vec(piece, 0..24).prop_map(|pieces| pieces.concat())
}

#[test]
fn tokens_are_what_people_mean_by_words() {
    let cases: &[(&str, &[&str])] = &[
        ("Hello, World!", &["hello", "world"]),
        ("foo_bar don't 3.14", &["foo", "bar", "don", "t", "3", "14"]),
        ("naïve Đặng ﬁn Ⅷ", &["naive", "đang", "fin", "viii"]),
        ("İSTANBUL", &["istanbul"]),
        ("ΣΊΣΥΦΟΣ σίσυφος", &["σισυφοσ", "σισυφοσ"]),
        ("Ёлка мой мои Київ за́мок", &["елка", "мой", "мои", "київ", "замок"]),
        ("כִּתָּה كِتَاب إسلام", &["כתה", "كتاب", "اسلام"]),
        ("हिन्दी", &["हिन्दी"]),
        ("日本語abc", &["日", "本", "語", "abc"]),
        ("ﾃﾞｰﾀ データ", &["デ", "ー", "タ", "デ", "ー", "タ"]),
        ("กำ นํา", &["กํ", "า", "นํ", "า"]),
        ("한국어 \u{1112}\u{1161}\u{11ab}", &["한", "국", "어", "한"]),
        ("ok👍🏽👍", &["ok", "👍", "👍"]),
        ("👨\u{200d}👩\u{200d}👧", &["👨", "👩", "👧"]),
        ("x½y ㈱", &["x1", "2y", "株"]),
        ("\u{301}\u{fe0f} \u{0}", &[]),
        ("می\u{200c}خواهم", &["میخواهم"]),
    ];
    for (text, expected) in cases {
        assert_eq!(tokens(text), *expected, "{text}");
    }
}

#[test]
fn long_tokens_are_cut_in_texts_and_queries_alike() {
    let long = "x".repeat(500);
    assert_eq!(tokens(&long)[0].len(), TOKEN_CHARS);
    assert!(TextQuery::parse(&long).matches(&format!("a {long}yyy b")));
    assert!(TextQuery::parse(&format!("{}*", &long[..10])).matches(&long));
    assert!(!TextQuery::parse(&long[..10]).matches(&long));
}

#[test]
fn queries_are_read_as_people_type_them() {
    let yes: &[(&str, &str)] = &[
        ("", "anything"),
        ("sort vec", "a Vec that can sort"),
        ("\"sort a vec\"", "how to sort a Vec?"),
        ("sor*", "sorting"),
        ("\"sort a v\"*", "how to sort a Vec?"),
        ("foo_bar", "call foo.bar now"),
        ("-sort", "nothing here"),
        ("--flag", "use flag here"),
        ("a -\"b c\"", "a c b"),
        ("\"open ended", "an open ended phrase"),
        ("検索", "日本語を検索する"),
        ("本語", "日本語"),
        ("AND OR NOT", "not this or and that"),
        ("***", "anything"),
        ("\"\" - *", "anything"),
        ("e\u{301}te", "ÉTÉ été Ete"),
    ];
    for (query, text) in yes {
        assert!(TextQuery::parse(query).matches(text), "{query} in {text}");
    }
    let no: &[(&str, &str)] = &[
        ("sort vec", "sort only"),
        ("\"sort vec\"", "sort a vec"),
        ("sor", "sorting"),
        ("-sort", "to sort"),
        ("a -\"b c\"", "a b c"),
        ("日語", "日本語"),
        ("foo_bar", "bar foo"),
        ("й", "и"),
    ];
    for (query, text) in no {
        assert!(!TextQuery::parse(query).matches(text), "{query} in {text}");
    }
    assert!(TextQuery::parse(" * \"\" - !").is_empty());
}

#[test]
fn a_query_of_any_length_is_bounded() {
    let many = (0..10_000).map(|n| format!("w{n} ")).collect::<String>();
    let query = TextQuery::parse(&many);
    assert_eq!(query.wanted().len(), 64);
    let phrase = TextQuery::parse(&format!("\"{many}\" more -less"));
    assert_eq!(phrase.wanted().iter().map(|phrase| phrase.tokens.len()).sum::<usize>(), 256);
    assert!(phrase.unwanted().is_empty());
}

#[test]
fn a_snippet_shows_the_place_with_the_most_words() {
    let filler = "nothing of interest stands in this long sentence at all ".repeat(40);
    let text = format!("alpha {filler} alpha and beta meet here {filler} beta");
    let snippet = Snippet::of(&text, &TextQuery::parse("alpha beta"), 80);
    let found: Vec<_> =
        snippet.pieces.iter().filter(|(_, found)| *found).map(|(text, _)| text.as_str()).collect();
    assert_eq!(found, ["alpha", "beta"]);
    assert!(snippet.cut_before && snippet.cut_after);
    let joined: String = snippet.pieces.iter().map(|(text, _)| text.as_str()).collect();
    assert!(joined.contains("alpha and beta meet here") && joined.chars().count() <= 80, "{joined}");
    assert!(text.split(' ').any(|word| joined.starts_with(word)), "{joined}");
}

#[test]
fn a_snippet_of_a_short_text_is_the_text() {
    let snippet = Snippet::of("Größe zählt", &TextQuery::parse("zahlt"), 160);
    assert_eq!(snippet.pieces, [("Größe ".to_owned(), false), ("zählt".to_owned(), true)]);
    assert!(!snippet.cut_before && !snippet.cut_after);
    assert_eq!(Snippet::of("", &TextQuery::parse("x"), 160), Snippet::default());
}

#[test]
fn a_snippet_of_one_endless_word_is_bounded() {
    let text = format!("see {} end", "YWJj".repeat(100_000));
    let snippet = Snippet::of(&text, &TextQuery::parse("ywjjywjj*"), 100);
    let length: usize = snippet.pieces.iter().map(|(text, _)| text.chars().count()).sum();
    assert!(length <= 400 && snippet.cut_after, "{length}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_500))]

    #[test]
    fn tokens_stand_where_they_say_and_split_again_into_themselves(text in texts()) {
        let mut last = 0;
        each_token(&text, |token, range| {
            assert!(last <= range.start && range.start < range.end && range.end <= text.len());
            assert!(text.is_char_boundary(range.start) && text.is_char_boundary(range.end));
            last = range.start;
            assert!(!token.is_empty() && token.chars().count() <= TOKEN_CHARS);
            assert!(token.chars().all(|c| !c.is_whitespace() && c != '"' && (!c.is_ascii() || c.is_ascii_alphanumeric())));
        });
        prop_assert_eq!(spaced(&text).split(' ').filter(|t| !t.is_empty()).map(str::to_owned).collect::<Vec<_>>(), tokens(&text));
    }

    #[test]
    fn case_and_composition_do_not_matter(text in texts()) {
        use unicode_normalization::UnicodeNormalization as _;
        let composed: String = text.nfc().collect();
        let apart: String = text.nfd().collect();
        prop_assert_eq!(tokens(&composed), tokens(&apart));
    }

    #[test]
    fn parsing_never_fails_and_means_something(query in texts(), text in texts()) {
        let parsed = TextQuery::parse(&query);
        let _ = parsed.matches(&text);
        for phrase in parsed.wanted().iter().chain(parsed.unwanted()) {
            prop_assert!(!phrase.tokens.is_empty());
        }
    }

    #[test]
    fn every_word_of_a_text_finds_it(text in texts()) {
        for token in tokens(&text) {
            prop_assert!(TextQuery::parse(&format!("\"{token}\"")).matches(&text), "{:?} in {:?}", token, text);
        }
    }

    #[test]
    fn a_snippet_is_a_piece_of_the_text_cut_between_characters(
        texts in prop::collection::vec(texts(), 1..12), query in texts(), width in 1usize..60,
    ) {
        let text = texts.join(" ");
        let query = TextQuery::parse(&query);
        let snippet = Snippet::of(&text, &query, width);
        let joined: String = snippet.pieces.iter().map(|(piece, _)| piece.as_str()).collect();
        let borders: Vec<usize> = text.grapheme_indices(true).map(|(at, _)| at).chain([text.len()]).collect();
        let stands = text.match_indices(joined.as_str())
            .any(|(at, _)| borders.binary_search(&at).is_ok() && borders.binary_search(&(at + joined.len())).is_ok());
        prop_assert!(joined.is_empty() || stands, "{:?} of {:?}", joined, text);
        let shown = snippet.pieces.iter().any(|(_, found)| *found);
        let wanted = query.wanted().iter().any(|phrase| TextQuery::only(phrase).matches(&text));
        prop_assert_eq!(shown, wanted);
    }
}
