//! Tokens of known shapes: how they begin, which characters follow, and how many at least.

/// A token of somebody.
pub struct Shape {
    pub kind: &'static str,
    pub begins: &'static str,
    /// So many characters follow at least.
    pub length: usize,
    pub allowed: fn(u8) -> bool,
}

fn word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}

fn dashed(byte: u8) -> bool {
    word(byte) || byte == b'-'
}

fn capital(byte: u8) -> bool {
    byte.is_ascii_uppercase() || byte.is_ascii_digit()
}

fn dotted(byte: u8) -> bool {
    dashed(byte) || byte == b'.'
}

/// The longer beginnings first where one is the beginning of another.
pub const SHAPES: &[Shape] = &[
    Shape { kind: "AWS key", begins: "AKIA", length: 16, allowed: capital },
    Shape { kind: "AWS key", begins: "ASIA", length: 16, allowed: capital },
    Shape { kind: "GitHub token", begins: "github_pat_", length: 22, allowed: word },
    Shape { kind: "GitHub token", begins: "ghp_", length: 36, allowed: word },
    Shape { kind: "GitHub token", begins: "gho_", length: 36, allowed: word },
    Shape { kind: "GitHub token", begins: "ghu_", length: 36, allowed: word },
    Shape { kind: "GitHub token", begins: "ghs_", length: 36, allowed: word },
    Shape { kind: "GitHub token", begins: "ghr_", length: 36, allowed: word },
    Shape { kind: "GitLab token", begins: "glpat-", length: 20, allowed: dashed },
    Shape { kind: "Slack token", begins: "xoxb-", length: 20, allowed: dashed },
    Shape { kind: "Slack token", begins: "xoxp-", length: 20, allowed: dashed },
    Shape { kind: "Slack token", begins: "xoxa-", length: 20, allowed: dashed },
    Shape { kind: "Slack token", begins: "xoxs-", length: 20, allowed: dashed },
    Shape { kind: "Slack token", begins: "xapp-", length: 20, allowed: dashed },
    Shape { kind: "Anthropic key", begins: "sk-ant-", length: 24, allowed: dashed },
    Shape { kind: "OpenAI key", begins: "sk-proj-", length: 20, allowed: dashed },
    Shape { kind: "OpenAI key", begins: "sk-", length: 32, allowed: word },
    Shape { kind: "Stripe key", begins: "sk_live_", length: 16, allowed: word },
    Shape { kind: "Stripe key", begins: "rk_live_", length: 16, allowed: word },
    Shape { kind: "Google key", begins: "AIza", length: 35, allowed: dashed },
    Shape { kind: "npm token", begins: "npm_", length: 36, allowed: word },
    Shape { kind: "PyPI token", begins: "pypi-", length: 50, allowed: dashed },
];

/// Whether any token begins like this: most words do not, and are not looked at.
pub fn may_begin(character: char) -> bool {
    matches!(character, 'A' | 'e' | 'g' | 'n' | 'p' | 'r' | 's' | 'x')
}

/// The length of a token that begins here.
pub fn known(text: &str) -> Option<(&'static str, usize)> {
    SHAPES.iter().find_map(|shape| {
        let rest = text.strip_prefix(shape.begins)?;
        let length = rest.bytes().take_while(|byte| (shape.allowed)(*byte)).count();
        (length >= shape.length).then(|| (shape.kind, shape.begins.len() + length))
    })
}

/// The length of a JSON Web Token that begins here: three pieces of Base64 with dots between them, of which the first two
/// are objects (RFC 7519 §3).
pub fn web_token(text: &str) -> Option<usize> {
    if !text.starts_with("eyJ") {
        return None;
    }
    let length = text.bytes().take_while(|byte| dotted(*byte)).count();
    let token = text[..length].trim_end_matches('.');
    let pieces: Vec<&str> = token.split('.').collect();
    let is_one =
        pieces.len() == 3 && pieces[1].starts_with("eyJ") && pieces.iter().all(|piece| piece.len() >= 10);
    is_one.then_some(token.len())
}
