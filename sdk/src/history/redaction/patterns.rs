//! The table of forms. Each has texts that it must find and texts that it must leave alone; the tests read them here.
//!
//! Sources are what the makers of the tokens document about them (prefix, length, alphabet). Lengths are lower bounds
//! wherever a maker has changed them before. Letters are ASCII: none of these has others.

/// One form of a secret.
#[derive(Debug)]
pub(super) struct Form {
    /// The word that stands where the secret stood.
    pub kind: &'static str,
    /// What it looks like; a group `secret` when only a piece of it is secret.
    pub pattern: &'static str,
    /// What a pattern cannot say.
    pub check: fn(&str) -> bool,
    /// Texts with exactly one secret each, which stands between `«` and `»`.
    #[cfg_attr(not(test), allow(dead_code))]
    pub finds: &'static [&'static str],
    /// Texts that look similar and hold none.
    #[cfg_attr(not(test), allow(dead_code))]
    pub leaves: &'static [&'static str],
}

fn always(_: &str) -> bool {
    true
}

macro_rules! form {
    ($kind:literal, $pattern:expr, $check:expr, finds $finds:expr, leaves $leaves:expr) => {
        Form { kind: $kind, pattern: $pattern, check: $check, finds: &$finds, leaves: &$leaves }
    };
}

pub(super) const FORMS: &[Form] = &[
    form!(
        "private-key",
        r"-----BEGIN (?:[A-Z0-9]+ )*PRIVATE KEY(?: BLOCK)?-----[A-Za-z0-9+/= \t\r\n\\:,.()@<>_-]*?-----END (?:[A-Z0-9]+ )*PRIVATE KEY(?: BLOCK)?-----",
        always,
        finds [
            "«-----BEGIN RSA PRIVATE KEY-----\nMIIEmadeup+made/up==\n-----END RSA PRIVATE KEY-----» rest",
            "x «-----BEGIN OPENSSH PRIVATE KEY-----\\nb3BlbnNzaC1tYWRldXA=\\n-----END OPENSSH PRIVATE KEY-----»\\n",
            "«-----BEGIN PGP PRIVATE KEY BLOCK-----\nVersion: made up 1.0 (none)\n\nlQOYmadeup=\n=abcd\n-----END PGP PRIVATE KEY BLOCK-----»",
            "«-----BEGIN EC PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-128-CBC,00FF\n\nbWFkZSB1cA==\n-----END EC PRIVATE KEY-----»",
        ],
        leaves [
            "-----BEGIN PUBLIC KEY-----\nMIIBmadeup\n-----END PUBLIC KEY-----",
            "a line of `-----BEGIN PRIVATE KEY-----` begins such a file",
        ]
    ),
    // One that is cut: its end is not in the text.
    form!(
        "private-key",
        r"-----BEGIN (?:[A-Z0-9]+ )*PRIVATE KEY(?: BLOCK)?-----(?:[ \t\r\n]|\\n|\\r)*[A-Za-z0-9+/=:,-]{24}[A-Za-z0-9+/= \t\r\n\\:,-]*",
        always,
        finds["«-----BEGIN PRIVATE KEY-----\nMIIEvQIBADANBgkqhkiG9w0BAQEFmadeup\nAAAAB3Nz»… (cut)"],
        leaves["-----BEGIN PRIVATE KEY----- is what it begins with"]
    ),
    form!(
        "anthropic-key",
        r"(?-u:\b)sk-ant-[A-Za-z0-9_-]{20,}",
        always,
        finds ["key «sk-ant-api03-madeupmadeup_madeup-madeup00AA»."],
        leaves ["sk-ant-short", "task-ants-everywhere"]
    ),
    form!(
        "openai-key",
        r"(?-u:\b)sk-[A-Za-z0-9_-]{20,256}",
        is_mixed,
        finds [
            "OpenAI: «sk-proj-Madeup0Madeup1Madeup2Madeup3»",
            "old: «sk-Made0upMade1upMade2upT3BlbkFJ»",
            "router: «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»",
        ],
        leaves ["sk-learn-is-a-library-with-a-long-name", "disk-Made0upMade1upMade2up", "sk-1234"]
    ),
    form!(
        "google-key",
        r"(?-u:\b)AIza[A-Za-z0-9_-]{35}",
        always,
        finds["https://example.test/?key=«AIzaMadeUp0MadeUp1MadeUp2MadeUp3MadeUp4»&x=1"],
        leaves["AIzaTooShort"]
    ),
    form!(
        "google-oauth",
        r"(?-u:\b)(?:ya29\.[A-Za-z0-9_-]{20,}|GOCSPX-[A-Za-z0-9_-]{20,})",
        always,
        finds ["«ya29.madeupmadeupmadeupmadeup»", "«GOCSPX-madeupmadeupmadeupmade»"],
        leaves ["ya29.x"]
    ),
    form!(
        "github-token",
        r"(?-u:\b)(?:gh[pousr]_[A-Za-z0-9]{36,}|github_pat_[A-Za-z0-9_]{22,})",
        always,
        finds [
            "«ghp_MadeUpMadeUpMadeUpMadeUpMadeUpMadeUp00»",
            "«gho_MadeUpMadeUpMadeUpMadeUpMadeUpMadeUp00»",
            "git clone https://x-access-token:«ghs_MadeUpMadeUpMadeUpMadeUpMadeUpMadeUp00»@example.test/a",
            "«github_pat_11MADEUP0madeupmadeup_madeupmadeupmadeup»",
        ],
        leaves ["ghp_short", "high_MadeUpMadeUpMadeUpMadeUpMadeUpMadeUp00"]
    ),
    form!(
        "gitlab-token",
        r"(?-u:\b)gl(?:pat|dt|rt|rtr|cbt|ptt|ft|imt|agent|oas|soat|ffct)-[A-Za-z0-9_-]{20,}",
        always,
        finds ["«glpat-madeup-MADEUP_madeup00»", "«gldt-madeupmadeupmadeup00»"],
        leaves ["glpat-short", "single-page-application-template"]
    ),
    form!(
        "slack-token",
        r"(?-u:\b)(?:xox[abceoprs](?:\.[a-z])?-[A-Za-z0-9-]{10,}|xapp-[0-9]-[A-Za-z0-9-]{10,})",
        always,
        finds ["«xoxb-000000000000-madeupmadeup»", "«xapp-1-A000-000-madeupmadeup»"],
        leaves ["xoxb-", "foxox-1234567890ab"]
    ),
    form!(
        "slack-webhook",
        r"https://hooks\.slack\.com/(?:services|workflows)/(?P<secret>[A-Za-z0-9_/]{20,})",
        always,
        finds["https://hooks.slack.com/services/«T00000000/B00000000/madeupmadeupmadeup»"],
        leaves["https://hooks.slack.com/services/"]
    ),
    form!(
        "aws-key-id",
        r"(?-u:\b)(?:AKIA|ASIA|ABIA|ACCA)[A-Z2-7]{16}(?-u:\b)",
        always,
        finds ["«AKIAMADEUPMADEUPMADE»", "id=«ASIAMADEUPMADEUPMADE»;"],
        leaves ["AKIAMADEUP", "AKIAMADEUPMADEUPMADEUPMADEUPMADEUP", "xAKIAMADEUPMADEUPMADE"]
    ),
    form!(
        "aws-secret",
        r#"(?i-u)aws[a-z0-9_. -]{0,24}secret[a-z0-9_. -]{0,24}\\?["']?[ \t\r\n]*(?:=>|:=|=|:)[ \t\r\n]*\\?["']?(?P<secret>[a-z0-9/+]{40})"#,
        always,
        finds [
            "aws_secret_access_key = «Made0Up/Made1Up+Made2Up/Made3Up+Made4Up/M»",
            r#"{\"AWS_SECRET_ACCESS_KEY\": \"«Made0Up/Made1Up+Made2Up/Made3Up+Made4Up/M»\"}"#,
        ],
        leaves ["aws_secret_access_key = $SECRET"]
    ),
    form!(
        "npm-token",
        r"(?-u:\b)npm_[A-Za-z0-9]{36}",
        always,
        finds ["//registry.example.test/:_authToken=«npm_MadeUpMadeUpMadeUpMadeUpMadeUpMadeUp»"],
        leaves ["npm_config_registry", "npm_lifecycle_event"]
    ),
    form!(
        "pypi-token",
        r"(?-u:\b)pypi-[A-Za-z0-9_-]{50,}",
        always,
        finds["«pypi-AgEIcHlwaS5vcmcMadeUpMadeUpMadeUpMadeUpMadeUpMadeUpMadeUp»"],
        leaves["pypi-server-for-tests"]
    ),
    form!(
        "cargo-token",
        r"(?-u:\b)cio[A-Za-z0-9]{32}(?-u:\b)",
        is_mixed,
        finds["token = \"«cioMadeUp0MadeUp1MadeUp2MadeUp3Made»\""],
        leaves["ciolongwordlongwordlongwordlongword"]
    ),
    form!(
        "stripe-key",
        r"(?-u:\b)(?:[sr]k_(?:live|test)_[A-Za-z0-9]{16,}|whsec_[A-Za-z0-9+/=]{24,})",
        always,
        finds ["«sk_live_MadeUpMadeUpMadeUp»", "«rk_test_MadeUpMadeUpMadeUp»", "«whsec_MadeUpMadeUpMadeUpMadeUp»"],
        leaves ["pk_live_MadeUpMadeUpMadeUp", "risk_test_MadeUpMadeUpMadeUp"]
    ),
    // Makers whose keys have a prefix of their own and nothing else to say.
    form!(
        "provider-key",
        r"(?-u:\b)(?:hf_[A-Za-z0-9]{30,}|gsk_[A-Za-z0-9]{40,}|xai-[A-Za-z0-9]{40,}|pplx-[A-Za-z0-9]{40,}|r8_[A-Za-z0-9]{37}|nvapi-[A-Za-z0-9_-]{40,}|fw_[A-Za-z0-9]{22,}|tvly-[A-Za-z0-9-]{20,}|csk-[a-z0-9]{40,})",
        is_mixed,
        finds [
            "«hf_MadeUp0MadeUp1MadeUp2MadeUp3Made»",
            "«gsk_MadeUp0MadeUp1MadeUp2MadeUp3MadeUp4MadeUp5»",
            "«xai-MadeUp0MadeUp1MadeUp2MadeUp3MadeUp4MadeUp5»",
            "«pplx-MadeUp0MadeUp1MadeUp2MadeUp3MadeUp4MadeUp5»",
            "«nvapi-MadeUp0MadeUp1MadeUp2MadeUp3MadeUp4MadeUp5»",
        ],
        leaves ["hf_hub_download", "fw_onlylettersonlylettersx", "tvly-demo"]
    ),
    form!(
        "service-token",
        r"(?-u:\b)(?:do[opr]_v1_[a-f0-9]{64}|dckr_(?:pat|oat)_[A-Za-z0-9_-]{20,}|SG\.[A-Za-z0-9_-]{22}\.[A-Za-z0-9_-]{43}|hv[sb]\.[A-Za-z0-9_-]{24,}|dop_v1_[a-f0-9]{64}|lin_(?:api|oauth)_[A-Za-z0-9]{32,}|ntn_[A-Za-z0-9]{40,}|shp(?:at|ca|pa|ss)_[a-fA-F0-9]{32}|sntry[su]_[A-Za-z0-9+/=_-]{30,}|PMAK-[a-f0-9]{24}-[a-f0-9]{34}|AGE-SECRET-KEY-1[A-Z0-9]{58})",
        always,
        finds [
            "«dckr_pat_madeupmadeupmadeup00»",
            "«SG.madeupmadeupmadeupmade.madeupmadeupmadeupmadeupmadeupmadeupmadeupm»",
            "«hvs.madeupmadeupmadeupmadeup»",
            "«shpat_0123456789abcdef0123456789abcdef»",
            "«AGE-SECRET-KEY-1MADEUPMADEUPMADEUPMADEUPMADEUPMADEUPMADEUPMADEUPMADEUPMADE»",
        ],
        leaves ["SG.short.words", "AGE-SECRET-KEY-1"]
    ),
    form!(
        "telegram-token",
        r"(?:(?-u:\b)|bot)(?P<secret>[0-9]{8,10}:AA[A-Za-z0-9_-]{33})",
        always,
        finds ["https://api.example.test/bot«1234567890:AAMadeUp0MadeUp1MadeUp2MadeUp3MadeU»/x"],
        leaves ["12345678:AA", "10:AAMadeUp0MadeUp1MadeUp2MadeUp3MadeU"]
    ),
    // RFC 7519; the head of one is JSON, so its base64 begins with `eyJ`. Five pieces are an encrypted one (RFC 7516).
    form!(
        "jwt",
        r"(?-u:\b)eyJ[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]{2,}(?:\.[A-Za-z0-9_-]*){1,3}",
        always,
        finds ["Bearer-less «eyJhbGciOiJub25lIn0.eyJzdWIiOiJtYWRlLXVwIn0.bWFkZXVw» end"],
        leaves ["eyJhbGciOiJub25lIn0", "eyJ.a.b"]
    ),
    form!(
        "bearer-token",
        r"(?-u:\b)(?i-u:bearer)[ \t\r\n]+(?P<secret>[A-Za-z0-9._~+/=-]{16,256})",
        is_mixed,
        finds ["Authorization: Bearer «madeup-0-madeup-1-madeup»", "bearer «MadeUp0MadeUp1MadeUp2»\n"],
        leaves ["bearer authentication-is-used", "Bearer $TOKEN", "forbearer Made0upMade1upMade2up"]
    ),
    // RFC 7617.
    form!(
        "basic-credentials",
        r"(?-u:\b)(?i-u:basic)[ \t\r\n]+(?P<secret>[A-Za-z0-9+/]{6,256}={0,2})",
        is_basic,
        finds ["Authorization: Basic «bWFkZTp1cA==»"],
        leaves ["basic authentication", "Basic principles", "basic bWFkZXVw"]
    ),
    form!(
        "authorization",
        r#"(?i-u:authorization)\\?["']?[ \t\r\n]*[:=][ \t\r\n]*\\?["']?(?:(?i-u:token|digest|apikey)[ \t\r\n]+)?(?P<secret>[A-Za-z0-9._~+/=-]{8,256})"#,
        is_mixed,
        finds ["Authorization: token «made0up1made2up3»", r#"\"authorization\": \"«made0up1»\""#],
        leaves ["authorization: required", "Authorization: $HEADER"]
    ),
    form!(
        "password",
        r#"[A-Za-z][A-Za-z0-9+.-]{1,30}://[^ \t\r\n/:@"'`<>\\?#]*:(?P<secret>[^ \t\r\n/@"'`<>\\?#]+)@"#,
        is_no_placeholder,
        finds [
            "postgres://made:«up»@db.example.test:5432/x",
            "https://user:«madeup%40madeup»@example.test/",
            "redis://:«made-up»@localhost",
        ],
        leaves [
            "https://example.test:8080/@scope/name",
            "http://example.test/a:b@c",
            "https://user@example.test",
            "postgres://made:$PASSWORD@db",
            "postgres://made:<password>@db",
            "see http://a.test: write to b@c.test",
        ]
    ),
    form!(
        "password",
        r#"(?i-u:passw(?:or)?d|passphrase|pwd)\\?["']?[ \t\r\n]*(?:=>|:=|=|:)[ \t\r\n]*\\?["'`](?P<secret>[^ \t\r\n"'`\\]{4,256})\\?["'`]"#,
        is_password,
        finds [
            "password = \"«made-up-1»\"",
            "db_passwd: '«madeup1»'",
            r#"{\"password\":\"«made:up»\"}"#,
            "PASSPHRASE=\"«made_up_2»\"",
        ],
        leaves [
            "password: \"string\"",
            "password = \"\"",
            "password: \"${DB_PASSWORD}\"",
            "password = \"<your-password-1>\"",
            "$PWD: \"here\"",
            "the password: it is 'short'",
        ]
    ),
    form!(
        "password",
        r#"(?-u:\b)[A-Z0-9_]{0,64}(?:PASSWORD|PASSWD|PASSPHRASE)=(?P<secret>[^ \t\r\n"'`;&|<>()\\]{4,256})"#,
        is_password,
        finds ["export DB_PASSWORD=«made-up-1» && run", "PASSWORD=«madeup1»\n"],
        leaves ["PASSWORD=$OTHER", "PASSWORD=secret", "PASSWORD=***", "PWD=/home/me/1"]
    ),
    // Whatever the name promises, the value must look random: `token: string` and `maxTokens = 4096` are no secrets.
    form!(
        "secret",
        r#"(?i-u:api[_-]?key|access[_-]?key|private[_-]?key|signing[_-]?key|encryption[_-]?key|secret|token|credential|[_-]auth)s?(?i-u:[_-]?(?:key|base|value|string|hex|b64|base64)){0,2}\\?["']?[ \t\r\n]*(?:=>|:=|=|:)[ \t\r\n]*\\?["'`]?(?P<secret>[A-Za-z0-9_.+/=~-]{16,256})"#,
        is_random,
        finds [
            "api_key = \"«m4d3up-9f8e7d6c5b4a3210»\"",
            "SECRET_KEY_BASE=«0f1e2d3c4b5a69788796a5b4c3d2e1f0»",
            "https://example.test/?access_token=«Zm9vYmFyMTIzNDU2Nzg5»&x=1",
            r#"{\"clientSecret\": \"«q8W2e5R7t9Y1u3I5o7»\"}"#,
            "apiKey: '«Qw3rTy9uI0pAs5dF7gH»',",
        ],
        leaves [
            "maxTokens = 4096",
            "token: string",
            "apiKey: process.env.OPENAI_API_KEY",
            "secret = \"your-secret-key-goes-here-1\"",
            "token = aaaaaaaaaaaaaaaaaaaa1",
            "tokenizer = MadeUp0MadeUp1MadeUp2",
        ]
    ),
];

/// Letters and digits both: words that are joined with dashes have letters alone.
pub(super) fn is_mixed(text: &str) -> bool {
    let has = |is: fn(&u8) -> bool| text.as_bytes().iter().any(is);
    has(u8::is_ascii_alphabetic) && has(u8::is_ascii_digit)
}

/// What stands where a secret would be written.
pub(super) fn is_no_placeholder(text: &str) -> bool {
    let lower = text.to_ascii_lowercase();
    let begins =
        ["$", "<", "{", "%s", "%(", "*", "[", "your", "xxx", "example", "changeme", "placeholder", "..."];
    !begins.iter().any(|begin| lower.starts_with(begin))
        && !["null", "none", "undefined", "true", "false", "password", "secret"].contains(&lower.as_str())
        && !lower.contains("process.env")
}

/// A password that somebody chose: anything but a single word.
pub(super) fn is_password(text: &str) -> bool {
    is_no_placeholder(text)
        && text.chars().any(char::is_alphanumeric)
        && !text.chars().all(char::is_alphabetic)
}

/// As no person writes: letters and digits, and at least 3.2 bits a character (Shannon, by the text's own counts; random
/// hexadecimal text has about 3.6 at 24 characters, English words have less than 3 at this length, paths more).
pub(super) fn is_random(text: &str) -> bool {
    is_mixed(text) && is_no_placeholder(text) && bits_a_character(text) >= 3.2
}

fn bits_a_character(text: &str) -> f64 {
    let mut counts = [0_u32; 256];
    for byte in text.bytes() {
        counts[usize::from(byte)] += 1;
    }
    #[allow(clippy::cast_precision_loss)]
    let all = text.len().max(1) as f64;
    counts
        .iter()
        .filter(|count| **count > 0)
        .map(|count| f64::from(*count) / all)
        .map(|p| -p * p.log2())
        .sum()
}

/// Whether it is base64 of `USER:PASSWORD`.
fn is_basic(text: &str) -> bool {
    use base64::Engine as _;
    let engine = base64::engine::general_purpose::GeneralPurpose::new(
        &base64::alphabet::STANDARD,
        base64::engine::GeneralPurposeConfig::new()
            .with_decode_padding_mode(base64::engine::DecodePaddingMode::Indifferent),
    );
    engine
        .decode(text)
        .ok()
        .and_then(|bytes| String::from_utf8(bytes).ok())
        .is_some_and(|pair| pair.contains(':'))
}
