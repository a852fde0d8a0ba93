//! Messages that look like conversations about code: words as often as words are (Zipf), paths, and some lines of code.
//! The same seed gives the same messages in every program.

/// How many messages a conversation has.
pub const CONVERSATION: usize = 50;
/// A word of every fifth message.
pub const COMMON: &str = "parser";
/// A word of five messages, however many there are.
pub const RARE: &str = "zanzibar";

const WORDS: usize = 30_000;

/// One message.
#[derive(Clone, Debug)]
pub struct Message {
    /// The number of its conversation.
    pub session: usize,
    /// Its name, which is unique and sorts by age.
    pub name: String,
    /// `user` or `assistant`.
    pub role: &'static str,
    /// Unix milliseconds.
    pub time: i64,
    /// What was said, about 1 KB.
    pub text: String,
}

/// Makes messages.
pub struct Corpus {
    words: Vec<String>,
    /// Of each word, how often it or one before it comes, of 2^32.
    cumulative: Vec<u32>,
    count: usize,
}

impl Corpus {
    /// A corpus in which the rare word is spread over `count` messages.
    pub fn new(count: usize) -> Self {
        const STARTS: &[&str] =
            &["b", "st", "k", "d", "pr", "f", "gr", "l", "m", "n", "tr", "s", "v", "cl", "h", "w"];
        const MIDDLES: &[&str] = &["a", "e", "i", "o", "u", "ea", "io", "ou"];
        const ENDS: &[&str] = &["", "n", "r", "st", "l", "ck", "m", "t"];
        let mut random = Random(7);
        let mut words: Vec<String> = Vec::with_capacity(WORDS);
        let mut seen = std::collections::HashSet::new();
        while words.len() < WORDS {
            // What is often said is short.
            let syllables = 1 + random.below(1 + (words.len() / 200).min(3) + 1);
            let word: String = (0..syllables)
                .flat_map(|_| [random.of(STARTS), random.of(MIDDLES), random.of(ENDS)])
                .collect();
            // A short word may be used up: then it is made longer.
            let word = if seen.contains(&word) {
                format!("{word}{}{}", random.of(STARTS), random.of(MIDDLES))
            } else {
                word
            };
            if seen.insert(word.clone()) {
                words.push(word);
            }
        }
        let weights: Vec<f64> = (1..=WORDS).map(|rank| 1.0 / (rank as f64 + 2.7)).collect();
        let sum: f64 = weights.iter().sum();
        let mut so_far = 0.0;
        let cumulative = weights.iter().map(|weight| {
            so_far += weight;
            (so_far / sum * f64::from(u32::MAX)) as u32
        });
        Self { cumulative: cumulative.collect(), words, count }
    }

    /// The message with this number.
    pub fn message(&self, number: usize) -> Message {
        let mut random = Random(number as u64 ^ 0x5EED_0000_0000);
        // 300 to 1,700 bytes, now and then a long one: 1 KB in the middle.
        let length = if random.below(20) == 0 { 3_000 } else { 300 + random.below(1_200) };
        let mut text = String::with_capacity(length + 64);
        let common_at = number.is_multiple_of(5).then(|| random.below(length));
        let rare_at =
            (number < self.count && number % (self.count / 5).max(1) == 3).then(|| random.below(length));
        let (mut common_at, mut rare_at) = (common_at, rare_at);
        while text.len() < length {
            for (at, word) in [(&mut common_at, COMMON), (&mut rare_at, RARE)] {
                if at.is_some_and(|at| at <= text.len()) {
                    *at = None;
                    text.push_str(word);
                    text.push(' ');
                }
            }
            match random.below(60) {
                0 => self.code(&mut random, &mut text),
                1 => text.push_str(&format!(
                    "src/{}/{}.rs:{} ",
                    self.word(&mut random),
                    self.word(&mut random),
                    random.below(900)
                )),
                2 => text.push_str(".\n\n"),
                3..=6 => text.push_str(", "),
                _ => {
                    text.push_str(self.word(&mut random));
                    text.push(' ');
                }
            }
        }
        for (at, word) in [(common_at, COMMON), (rare_at, RARE)] {
            if at.is_some() {
                text.push_str(word);
            }
        }
        Message {
            session: number / CONVERSATION,
            name: format!("msg_{number:012}"),
            role: if number.is_multiple_of(2) { "user" } else { "assistant" },
            time: 1_795_000_000_000 + number as i64 * 20_000,
            text,
        }
    }

    fn word(&self, random: &mut Random) -> &str {
        let at = random.number() as u32;
        &self.words[self.cumulative.partition_point(|limit| *limit < at).min(WORDS - 1)]
    }

    fn code(&self, random: &mut Random, text: &mut String) {
        let (a, b) = (self.word(random), self.word(random));
        text.push_str(&format!(
            "\n```rust\nlet {a}_{b} = {a}::{b}({}, \"{b}\");\n```\n",
            random.below(10_000)
        ));
    }
}

/// SplitMix64: enough for text, and the same everywhere.
pub struct Random(pub u64);

impl Random {
    /// The next one.
    pub fn number(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// A number below `limit`.
    pub fn below(&mut self, limit: usize) -> usize {
        (self.number() % limit.max(1) as u64) as usize
    }

    fn of<'a>(&mut self, all: &[&'a str]) -> &'a str {
        all[self.below(all.len())]
    }
}
