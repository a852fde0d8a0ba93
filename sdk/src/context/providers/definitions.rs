//! Definitions of common languages, found line by line: for projects that no language server looks after. It knows no grammar;
//! it finds what begins like a definition, and where a block that begins there ends. Pure.

use std::sync::LazyLock;

use regex::Regex;

/// A block is never longer.
const BLOCK: usize = 400;

/// One definition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::context) struct Definition {
    pub name: String,
    pub kind: &'static str,
    /// From 1, both ends included.
    pub lines: (u32, u32),
}

/// What a word before a name means: the kind of what is defined.
const WORDS: &[(&str, &str)] = &[
    ("fn", "function"),
    ("func", "function"),
    ("function", "function"),
    ("def", "function"),
    ("fun", "function"),
    ("sub", "function"),
    ("struct", "struct"),
    ("class", "class"),
    ("enum", "enum"),
    ("trait", "trait"),
    ("interface", "interface"),
    ("type", "type"),
    ("union", "union"),
    ("protocol", "interface"),
    ("module", "module"),
    ("mod", "module"),
    ("namespace", "module"),
    ("object", "object"),
    ("record", "record"),
    ("macro_rules!", "macro"),
    ("const", "constant"),
    ("static", "constant"),
    ("let", "constant"),
    ("var", "constant"),
];

static DEFINITION: LazyLock<Option<Regex>> = LazyLock::new(|| {
    let words: Vec<String> = WORDS.iter().map(|(word, _)| regex::escape(word)).collect();
    let before = "(?:pub(?:\\([a-z: ]+\\))?|export|default|public|private|protected|internal|abstract|final|static|async|unsafe|extern|override|virtual|sealed|open|data|partial|inline|declare|const)";
    // Go has the receiver between the word and the name.
    let pattern = format!(
        "^\\s*(?:{before}\\s+|\"C\"\\s+)*({})\\*?\\s+(?:\\([^)]*\\)\\s*)?(?:mut\\s+)?(?:self\\.)?([[^\\W\\d]$][\\w$]*[!?]?)",
        words.join("|")
    );
    Regex::new(&pattern).ok()
});

/// The definitions of a text, in order.
pub(in crate::context) fn definitions(text: &str) -> Vec<Definition> {
    let lines: Vec<&str> = text.lines().collect();
    let Some(pattern) = &*DEFINITION else { return Vec::new() };
    let found = lines.iter().enumerate().filter_map(|(at, line)| {
        // Minified and generated lines are none that a person means.
        let captures = pattern.captures(line.get(..line.len().min(300)).unwrap_or(line))?;
        let (word, name) = (captures.get(1)?.as_str(), captures.get(2)?.as_str());
        let kind = WORDS.iter().find(|(known, _)| *known == word)?.1;
        // Within a function every other line is such a one.
        if kind == "constant" && line.starts_with([' ', '\t']) {
            return None;
        }
        Some(Definition { name: name.to_owned(), kind, lines: (number(at), number(block_end(&lines, at))) })
    });
    found.collect()
}

/// The lines of the block that begins in a line (from 1).
pub(super) fn block(text: &str, first: u32) -> (u32, u32) {
    let lines: Vec<&str> = text.lines().collect();
    let at = usize::try_from(first.max(1) - 1).unwrap_or(usize::MAX);
    if at < lines.len() { (number(at), number(block_end(&lines, at))) } else { (first, first) }
}

fn number(at: usize) -> u32 {
    u32::try_from(at).unwrap_or(u32::MAX - 1) + 1
}

/// The last line of the block that begins in line `at` (from 0): to the bracket that closes it, or, behind a head that ends with
/// a colon or without brackets, as long as lines are indented more. Brackets in texts and comments are counted as well, which is
/// why the indentation decides when they disagree.
fn block_end(lines: &[&str], at: usize) -> usize {
    let indent = |line: &str| line.len() - line.trim_start().len();
    let (own, mut end, mut open, mut opened) = (indent(lines[at]), at, 0_i64, false);
    // Whether the head has ended, and with a colon.
    let (mut head, mut colon) = (true, false);
    for (n, line) in lines.iter().enumerate().skip(at).take(BLOCK) {
        let word = line.trim();
        let closes = word.starts_with(['}', ')', ']']) && (!colon || open > 0);
        let belongs = closes || word == "{" || (word == "end" && !colon);
        if n > at && !word.is_empty() && indent(line) <= own && !belongs {
            break;
        }
        for c in line.chars() {
            match c {
                '{' | '(' | '[' => (open, opened) = (open + 1, true),
                '}' | ')' | ']' => open -= 1,
                _ => {}
            }
        }
        if !word.is_empty() {
            end = n;
        }
        if head && open <= 0 {
            (head, colon) = (false, word.ends_with(':'));
        }
        let closed = opened && open <= 0 && word.ends_with([';', '}']);
        let is_statement = n == at && !opened && word.ends_with(';');
        let is_end = n > at && indent(line) <= own && open <= 0 && (closes || word == "end");
        if !colon && (closed || is_statement || is_end) {
            break;
        }
    }
    end
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn found(text: &str) -> Vec<String> {
        let shown = |d: Definition| format!("{} {} {}-{}", d.kind, d.name, d.lines.0, d.lines.1);
        definitions(text).into_iter().map(shown).collect()
    }

    #[test]
    fn definitions_of_many_languages_are_found_with_their_blocks() {
        let rust = "pub(crate) struct A {\n    x: u8,\n}\n\nimpl A {\n    pub async fn run(\n        &self,\n    ) -> u8 {\n        let y = 1;\n        y\n    }\n}\nconst N: u8 = 1;\n";
        assert_eq!(found(rust), ["struct A 1-3", "function run 6-11", "constant N 13-13"]);
        let python = "class A:\n    def run(self):\n        x = {\n        }\n        return x\n\n    async def other(self): pass\n\ndef last():\n    pass\n";
        assert_eq!(
            found(python),
            ["class A 1-7", "function run 2-5", "function other 7-7", "function last 9-10"]
        );
        let script = "export default async function main() {\n  return `}`\n}\nexport const f = () => {\n  g()\n}\ninterface I { a: string }\n";
        assert_eq!(found(script), ["function main 1-3", "constant f 4-6", "interface I 7-7"]);
        let go = "func (s *Server) Serve(x int) error {\n\treturn nil\n}\n\ntype T struct {\n\tA int\n}\n";
        assert_eq!(found(go), ["function Serve 1-3", "type T 5-7"]);
        let ruby = "module M\n  def call(x)\n    x\n  end\nend\n";
        assert_eq!(found(ruby), ["module M 1-5", "function call 2-4"]);
        assert_eq!(block(rust, 6), (6, 11));
        assert_eq!(block(rust, 99), (99, 99));
    }

    #[test]
    fn every_word_is_part_of_a_pattern_that_is_good() {
        assert!(DEFINITION.is_some());
        for (word, kind) in WORDS {
            assert_eq!(definitions(&format!("{word} name"))[0].kind, *kind);
        }
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text in "((fn|class|def|\\{|\\}|\n|  |end|;|x)[ \n]?|\\PC){0,60}") {
            for one in definitions(&text) {
                prop_assert!(one.lines.0 >= 1 && one.lines.0 <= one.lines.1);
                prop_assert!(usize::try_from(one.lines.1).unwrap() <= text.lines().count());
            }
        }
    }
}
