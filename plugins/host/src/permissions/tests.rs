use proptest::prelude::*;

use super::*;

fn permissions(text: &str) -> Permissions {
    toml::from_str(text).unwrap()
}

const EVERYTHING: &str = r#"
http = [{ host = "api.example.org", reason = "reads tickets" }, { host = "*.example.net", methods = ["POST"], plain = true, reason = "tells" }]
workspace-read = [{ glob = "docs/**", reason = "quotes the handbook" }]
git = { reason = "names commits" }
session = ["read", "reply-permission"]
session-reason = "shows them"
prompts = { reason = "takes secrets out" }
editor = { reason = "knows where you are" }
web = { reason = "has a page" }
terminal = { reason = "has a screen" }
secrets = ["TOKEN"]
"#;

#[test]
fn each_request_is_a_line_with_its_reason_and_what_they_come_to_is_said_once() {
    let all = permissions(EVERYTHING);
    all.validate().unwrap();
    let lines: Vec<String> = all.lines().iter().map(ToString::to_string).collect();
    assert_eq!(
        lines,
        [
            "asks api.example.org (GET, HEAD): reads tickets",
            "asks *.example.net (POST, also without encryption): tells",
            "reads docs/** in the folder that you work in: quotes the handbook",
            "reads the history of the folder: commits, their authors and changes: names commits",
            "reads and changes every prompt, and reads every answer: takes secrets out",
            "learns what is selected in the editor: knows where you are",
            "shows pages at an address of this machine: has a page",
            "draws on the terminal and gets its keys: has a screen",
            "reads all sessions and their messages: shows them",
            "allows or rejects what the agent asks to do (never for always): shows them",
            "reads the secret TOKEN",
        ]
    );
    assert_eq!(
        all.warning().unwrap(),
        "together: it can read prompts and answers, sessions, files of the folder, its history, what is selected \
         and send them to api.example.org, *.example.net"
    );
    for harmless in [
        "http = [{ host = \"a.example\", reason = \"r\" }]",
        "git = { reason = \"r\" }",
        "",
        "secrets = [\"A\"]",
    ] {
        assert_eq!(permissions(harmless).warning(), None, "{harmless}");
    }
}

#[test]
fn a_request_without_a_reason_or_that_cannot_be_used_is_refused() {
    for bad in [
        "http = [{ host = \"a.example\", reason = \"\" }]",
        "http = [{ host = \"a.example\", reason = \"two\\nlines\" }]",
        "http = [{ host = \"a.example\", reason = \"turned \\u202e\" }]",
        "http = [{ host = \"https://a.example\", reason = \"r\" }]",
        "http = [{ host = \"a.example\", methods = [], reason = \"r\" }]",
        "http = [{ host = \"a.example\", methods = [\"get\"], reason = \"r\" }]",
        "http = [{ host = \"a.example\", methods = [\"CONNECT\"], reason = \"r\" }]",
        "workspace-read = [{ glob = \"../**\", reason = \"r\" }]",
        "workspace-read = [{ glob = \"a/../../b\", reason = \"r\" }]",
        "workspace-read = [{ glob = \"!a\", reason = \"r\" }]",
        "workspace-read = [{ glob = \"# a\", reason = \"r\" }]",
        "workspace-read = [{ glob = \"C:/**\", reason = \"r\" }]",
        "workspace-read = [{ glob = \"a\\\\b\", reason = \"r\" }]",
        "workspace-read = [{ glob = \"\", reason = \"r\" }]",
        "workspace-read = [{ glob = \"/\", reason = \"r\" }]",
        "workspace-read = [{ glob = \"**\", reason = \" \" }]",
        "git = { reason = \"\" }",
        "session = [\"read\"]",
        "secrets = [\"token\"]",
        "secrets = [\"../A\"]",
    ] {
        let error = permissions(bad).validate().unwrap_err();
        assert!(error.hint().is_some() && !error.to_string().contains('\n'), "{bad}: {error}");
    }
    let many = format!("secrets = [{}]", "\"A\",".repeat(65));
    assert!(permissions(&many).validate().is_err());
}

#[test]
fn an_update_widens_when_it_asks_for_anything_that_the_old_one_did_not() {
    let http = |rest: &str| permissions(&format!("http = [{{ {rest}, reason = \"r\" }}]"));
    let old = http("host = \"*.example.org\", methods = [\"GET\", \"POST\"]");
    for (new, widens) in [
        (old.clone(), false),
        (Permissions::default(), false),
        (http("host = \"a.example.org\""), true), // HEAD was not there
        (http("host = \"a.example.org\", methods = [\"GET\"]"), false),
        (http("host = \"a.example.org\", methods = [\"GET\", \"DELETE\"]"), true),
        (http("host = \"a.example.org\", methods = [\"GET\"], plain = true"), true),
        (http("host = \"a.example.org:8443\", methods = [\"GET\"]"), true),
        (http("host = \"example.org\", methods = [\"GET\"]"), true),
        (permissions("git = { reason = \"r\" }"), true),
        (permissions("session = [\"read\"]\nsession-reason = \"r\""), true),
        (permissions("secrets = [\"A\"]"), true),
        (permissions("workspace-read = [{ glob = \"a\", reason = \"r\" }]"), true),
    ] {
        assert_eq!(!old.widening(&new).is_empty(), widens, "{new:?}");
    }
    let all = permissions("workspace-read = [{ glob = \"**\", reason = \"r\" }]");
    assert!(
        all.widening(&permissions("workspace-read = [{ glob = \"docs/**\", reason = \"r\" }]")).is_empty()
    );
}

#[test]
fn words_name_parts_and_unknown_ones_are_an_error() {
    let all = permissions(EVERYTHING);
    let select =
        |words: &[&str]| all.select(&words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>());
    assert_eq!(select(&["all"]).unwrap(), all);
    assert_eq!(select(&["http:api.example.org", "session:read"]).unwrap().lines().len(), 2);
    assert_eq!(select(&["session"]).unwrap().session.len(), 2);
    assert!(select(&[]).unwrap().is_empty());
    for wrong in ["htp", "http:other.example", "session:send", "", "git:x"] {
        let error = select(&[wrong]).unwrap_err();
        assert!(error.hint().unwrap().contains("http:api.example.org"), "{error}");
    }
    let left = all.without(&["http".to_owned(), "prompts".to_owned(), "nonsense".to_owned()]);
    assert!(left.http.is_empty() && left.prompts.is_none() && left.lines().len() == 8);
    for line in all.lines() {
        assert_eq!(select(&[&line.word]).unwrap().lines(), [line]);
    }
}

#[test]
fn the_fingerprint_is_of_what_is_asked_for_and_not_of_its_order_or_reasons() {
    let one = permissions(
        "http = [{ host = \"a.example\", reason = \"r\" }, { host = \"b.example\", reason = \"r\" }]",
    );
    let two = permissions(
        "http = [{ host = \"b.example\", reason = \"x\" }, { host = \"a.example\", reason = \"y\" }]",
    );
    assert_eq!(one.fingerprint(), two.fingerprint());
    let more = permissions(
        "http = [{ host = \"a.example\", methods = [\"POST\"], reason = \"r\" }, { host = \"b.example\", reason = \"r\" }]",
    );
    assert_ne!(one.fingerprint(), more.fingerprint());
}

fn a_set() -> impl Strategy<Value = Permissions> {
    let host = prop::sample::select(vec![
        "a.example.org",
        "*.example.org",
        "*.a.example.org",
        "example.org:1",
        "127.0.0.1",
    ]);
    let method = prop::sample::subsequence(vec!["GET", "HEAD", "POST"], 1..=3);
    let rule = (host, method, any::<bool>()).prop_map(|(host, methods, plain)| HttpRule {
        host: host.to_owned(),
        methods: methods.into_iter().map(str::to_owned).collect(),
        plain,
        reason: "r".to_owned(),
    });
    let glob = prop::sample::select(vec!["**", "docs/**", "*.md"]);
    let path = glob.prop_map(|glob| PathRule { glob: glob.to_owned(), reason: "r".to_owned() });
    let rights = vec![SessionRight::Read, SessionRight::Send];
    let reason = || prop::option::of(Just(Reason { reason: "r".to_owned() }));
    let lists = (prop::collection::vec(rule, 0..4), prop::collection::vec(path, 0..3));
    let session = prop::sample::subsequence(rights, 0..=2);
    (lists, session, reason(), reason(), prop::sample::subsequence(vec!["A", "B"], 0..=2)).prop_map(
        |((http, workspace_read), session, git, prompts, secrets)| Permissions {
            http,
            workspace_read,
            session,
            git,
            prompts,
            secrets: secrets.into_iter().map(str::to_owned).collect(),
            ..Permissions::default()
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn what_both_allow_is_never_more_than_either(declared in a_set(), granted in a_set()) {
        let both = declared.intersect(&granted);
        prop_assert!(declared.widening(&both).is_empty(), "{both:?}");
        prop_assert!(granted.widening(&both).is_empty(), "{both:?}");
        prop_assert!(declared.widening(&declared).is_empty());
        prop_assert!(declared.intersect(&Permissions::default()).is_empty());
    }

    #[test]
    fn no_request_goes_through_that_only_one_allows(declared in a_set(), granted in a_set(), name in "[ab]{1,2}", post in any::<bool>(), plain in any::<bool>()) {
        let scheme = if plain { "http" } else { "https" };
        let url = url::Url::parse(&format!("{scheme}://{name}.example.org/")).unwrap();
        let allows = |set: &Permissions| set.http.iter().any(|rule| {
            let method = if post { "POST" } else { "GET" };
            (rule.plain || !plain)
                && rule.methods.iter().any(|own| own == method)
                && HostPattern::parse(&rule.host).unwrap().matches(&url)
        });
        let both = declared.intersect(&granted);
        prop_assert_eq!(allows(&both), allows(&declared) && allows(&granted));
    }
}
