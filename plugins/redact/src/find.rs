//! Where in a text secrets are.

use std::ops::Range;

use crate::tokens;

/// A secret and what kind of one it is.
#[derive(Debug, PartialEq, Eq)]
pub struct Found {
    pub at: Range<usize>,
    pub kind: &'static str,
}

/// All secrets in the order of the text; none lies in another.
pub fn find(text: &str, allow: &[String]) -> Vec<Found> {
    let mut found = Vec::new();
    private_keys(text, &mut found);
    let mut before = None;
    for (at, character) in text.char_indices() {
        // A token begins where no word goes on.
        if tokens::may_begin(character) && !before.is_some_and(|c: char| c.is_alphanumeric() || c == '_') {
            beginning_at(text, at, &mut found);
        }
        if character == '=' || character == ':' {
            if text[at..].starts_with("://") {
                password_of_url(text, at + 3, &mut found);
            }
            assignment(text, at, &mut found);
        }
        before = Some(character);
    }
    found.retain(|found| !allow.iter().any(|allowed| text[found.at.clone()] == **allowed));
    found.sort_by_key(|found| (found.at.start, std::cmp::Reverse(found.at.end)));
    let mut end = 0;
    found.retain(|found| {
        let is_new = found.at.start >= end;
        end = end.max(found.at.end);
        is_new
    });
    found
}

/// Blocks as RFC 7468 has them. Where the end is missing, everything behind the beginning that can belong to it goes.
fn private_keys(text: &str, found: &mut Vec<Found>) {
    let mut from = 0;
    while let Some(begin) = text[from..].find("-----BEGIN ").map(|at| at + from) {
        let label = &text[begin + 11..];
        let Some(label) = label.find("-----").map(|end| &label[..end]).filter(|label| label.len() < 64)
        else {
            from = begin + 11;
            continue;
        };
        let body = begin + 11 + label.len() + 5;
        from = body;
        if !label.contains("PRIVATE KEY") {
            continue;
        }
        let last = format!("-----END {label}-----");
        let end = match text[body..].find(&last) {
            Some(at) => body + at + last.len(),
            None => body + text[body..].bytes().take_while(|byte| in_block(*byte)).count(),
        };
        found.push(Found { at: begin..end, kind: "private key" });
        from = end;
    }
}

fn in_block(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"+/=:,- \r\n".contains(&byte)
}

fn beginning_at(text: &str, at: usize, found: &mut Vec<Found>) {
    if let Some((kind, length)) = tokens::known(&text[at..]) {
        found.push(Found { at: at..at + length, kind });
    } else if let Some(length) = tokens::web_token(&text[at..]) {
        found.push(Found { at: at..at + length, kind: "JSON Web Token" });
    }
}

/// `name:password@host`, as RFC 3986 §3.2.1 warns of it.
fn password_of_url(text: &str, authority: usize, found: &mut Vec<Found>) {
    let rest = &text[authority..];
    let end = rest.find(|c: char| c.is_whitespace() || "/?#\"'`<>".contains(c)).unwrap_or(rest.len());
    let Some(at) = rest[..end].rfind('@') else { return };
    let Some(colon) = rest[..at].find(':') else { return };
    let password = &rest[colon + 1..at];
    if !password.is_empty() && !is_reference(password) {
        found.push(Found { at: authority + colon + 1..authority + at, kind: "password in a URL" });
    }
}

/// Names that say that what is assigned to them is secret.
const SECRET_NAMES: &[&[u8]] = &[
    b"password",
    b"passwd",
    b"passphrase",
    b"secret",
    b"token",
    b"apikey",
    b"accesskey",
    b"privatekey",
    b"credential",
];

/// The longest value that is taken for a key.
const LONGEST: usize = 4096;

/// So far in front of a sign its name may begin, a type between them included.
const NAME_BYTES: usize = 120;

/// `API_TOKEN = "…"`, `"password": "…"`, `secret=…`, `let key: &str = "…"`: a name in front of the sign, and behind it a value
/// that looks random.
fn assignment(text: &str, sign: usize, found: &mut Vec<Found>) {
    let mut from = sign.saturating_sub(NAME_BYTES);
    while !text.is_char_boundary(from) {
        from += 1;
    }
    // Only what belongs to the same line, statement or entry.
    let name = text[from..sign].rsplit(['\n', ';', ',', '{', '(', '?']).next().unwrap_or_default();
    if !names_a_secret(name) {
        return;
    }
    let rest = &text[sign + 1..];
    let before = rest.len() - rest.trim_start_matches(['=', '>', ' ', '\t', '"', '\'', '`']).len();
    let start = sign + 1 + before;
    let quote = text[..start].chars().next_back().filter(|c| "\"'`".contains(*c));
    let ends = |c: char| {
        quote.map_or_else(|| c.is_whitespace() || "\"'`,;)}]".contains(c), |quote| c == quote || c == '\n')
    };
    // A longer value is no key, and a long line is not gone through for each of its signs.
    let rest = &text[start..];
    let end = rest.char_indices().take(LONGEST + 1).find(|(_, character)| ends(*character));
    let length = end.map_or(rest.len(), |(at, _)| at);
    let value = &text[start..start + length];
    if looks_random(value) {
        found.push(Found { at: start..start + length, kind: "value of a secret name" });
    }
}

/// Whether one of them is in a name of at most [`NAME_BYTES`], however it is written: `API_KEY`, `api-key`, `apiKey`. A prompt has
/// thousands of signs, so nothing is allocated here.
fn names_a_secret(name: &str) -> bool {
    let mut plain = [0; NAME_BYTES];
    let mut length = 0;
    for byte in name.bytes().filter(u8::is_ascii_alphanumeric).take(NAME_BYTES) {
        plain[length] = byte.to_ascii_lowercase();
        length += 1;
    }
    let plain = &plain[..length];
    let begins = |at: usize| {
        matches!(plain[at], b'p' | b's' | b't' | b'a' | b'c')
            && SECRET_NAMES.iter().any(|secret| plain[at..].starts_with(secret))
    };
    (0..length).any(begins)
}

/// Whether a value is named rather than given: `${TOKEN}`, `$TOKEN`, `<token>`, `{{ token }}`, `%TOKEN%`, `***`.
fn is_reference(value: &str) -> bool {
    value.starts_with(['$', '<', '{', '%', '*'])
}

/// At least 12 characters, no words of a language and no code, and as mixed as keys are.
fn looks_random(value: &str) -> bool {
    let token = value.bytes().all(|byte| byte.is_ascii_graphic());
    let code = value.contains(['(', '<', '[']) || value.contains("::") || value.contains("->");
    if value.len() < 12 || value.len() > LONGEST || !token || code || is_reference(value) {
        return false;
    }
    // `process.env.API_TOKEN`, `self.next_token`: a path of names has no digits among its letters.
    let has_digit = value.bytes().any(|byte| byte.is_ascii_digit());
    let has_letter = value.bytes().any(|byte| byte.is_ascii_alphabetic());
    has_digit && has_letter && entropy(value) >= 3.0
}

/// Bits in a character, by how often each is there (Shannon).
fn entropy(value: &str) -> f64 {
    let mut counts = [0_u32; 256];
    value.bytes().for_each(|byte| counts[usize::from(byte)] += 1);
    let all = value.len() as f64;
    let shares = counts.iter().filter(|count| **count > 0).map(|count| f64::from(*count) / all);
    shares.map(|share| -share * share.log2()).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kinds(text: &str) -> Vec<(&str, &'static str)> {
        find(text, &[]).into_iter().map(|found| (&text[found.at], found.kind)).collect()
    }

    #[test]
    fn private_keys_go_whole_also_without_their_end() {
        let key = "-----BEGIN OPENSSH PRIVATE KEY-----\nb3BlbnNz\nAAAA==\n-----END OPENSSH PRIVATE KEY-----";
        assert_eq!(kinds(&format!("a\n{key}\nb")), [(key, "private key")]);
        let cut = "-----BEGIN RSA PRIVATE KEY-----\nMIIEow\nAAAA";
        assert_eq!(kinds(cut), [(cut, "private key")]);
        assert_eq!(kinds("-----BEGIN CERTIFICATE-----\nMIIE\n-----END CERTIFICATE-----"), []);
    }

    #[test]
    fn tokens_of_every_known_shape_are_found_and_words_around_them_stay() {
        for shape in tokens::SHAPES {
            let rest = if shape.begins.ends_with("IA") { "ABCDEFGH01234567" } else { "aB3dE6gH" };
            let token = format!("{}{}", shape.begins, rest.repeat(60 / rest.len() + 1));
            let text = format!("key `{token}`, please");
            assert_eq!(kinds(&text), [(&*token, shape.kind)], "{}", shape.begins);
            assert!(shape.begins.starts_with(tokens::may_begin));
            let inside = format!("x{token}");
            assert_eq!(kinds(&inside), [], "{}", shape.begins);
        }
    }

    #[test]
    fn web_tokens_have_three_pieces() {
        let token = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.c2lnbmF0dXJlLW1hZGUtdXA";
        assert_eq!(kinds(&format!("Authorization {token}.")), [(token, "JSON Web Token")]);
        assert_eq!(kinds("eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0"), []);
    }

    #[test]
    fn passwords_of_urls_are_found_and_references_are_not() {
        assert_eq!(kinds("postgres://me:hunter2@db/x"), [("hunter2", "password in a URL")]);
        for fine in ["https://example.org:8080/a@b", "ssh://git@example.org/x", "https://u:$PASS@h/", "a://b"]
        {
            assert_eq!(kinds(fine), [], "{fine}");
        }
    }

    #[test]
    fn random_values_of_secret_names_are_found_in_every_notation() {
        let value = "hY7z-qq81.Xp0_wMZr";
        for text in [
            format!("API_TOKEN={value}"),
            format!("export DB_PASSWORD='{value}'"),
            format!("{{\"client-secret\": \"{value}\"}}"),
            format!("let api_key: &str = \"{value}\";"),
            format!("password => \"{value}\""),
        ] {
            assert_eq!(kinds(&text), [(value, "value of a secret name")], "{text}");
        }
    }

    #[test]
    fn code_and_names_are_no_secrets() {
        for fine in [
            "token = next_token(input1)",
            "const token = process.env.API_TOKEN;",
            "password: String,",
            "secret = \"${SECRET_1234567}\"",
            "the token: a word of twelve or more letters",
            "tokens = 12345678901234",
            "commit 0123456789abcdef0123456789abcdef01234567",
            "naïve: ünïcödé → ok",
        ] {
            assert_eq!(kinds(fine), [], "{fine}");
        }
    }

    #[test]
    fn what_is_allowed_stays() {
        assert_eq!(find("AKIAIOSFODNN7EXAMPLE", &["AKIAIOSFODNN7EXAMPLE".to_owned()]), []);
    }

    #[test]
    fn places_are_on_the_borders_of_characters() {
        let text = "ü password = \"ü7z-qq81.Xp0_wMZr\" ü://ü:ü@ü -----BEGIN PRIVATE KEY-----ü";
        for found in find(text, &[]) {
            assert!(text.get(found.at).is_some());
        }
    }
}
