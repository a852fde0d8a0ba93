//! Cases in TOML files: a world, and what a plugin is to say in it.
//!
//! Every file `tests/*.toml` of a project is one world with one plugin in it, whose cases run in their order:
//!
//! ```toml
//! settings = { repository = "acme/shop", server = "{server}" }
//!
//! [files]
//! "src/cart.rs" = "// TODO: round\n"
//!
//! [[http]]
//! path = "/repos/acme/shop/issues/7"
//! json = { number = 7, title = "Rounding" }
//!
//! [[case]]
//! name = "an issue is found by its number"
//! provide = "issue:7"
//! titles = ["issue #7: Rounding"]
//! ```
//!
//! A case calls one of `provide`, `suggest`, `run`, `complete`, `before-send`, or says what `happens` in a conversation that a
//! frontend listens to (`asked bash`, `answered`, `ended`, `aborted`, `failed REASON`). It expects any of: `titles` (of items, labels of
//! suggestions, completions: all of them, in their order), `contains` and `lacks` (texts in whatever came), `error` (its code, such
//! as `user.not_found`), `verdict` (`keep`, `replace`, `block`), `outcome` (`prompt`, `show`, `nothing`), `asks` (what was asked of
//! the server: `GET /path`, all of it, in its order), `notices` (texts in what the person was told).

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use opencode_nexus::chat::PromptPart;
use opencode_nexus::context::ItemKind;
use opencode_nexus::extension::{CommandOutcome, Verdict};
use opencode_nexus::{Error, ErrorKind, Result};
use serde::Deserialize;
use serde_json::Value;

use super::{Answer, Commit, Happening, Harness, Script};
use crate::engine::Engine;
use crate::manifest::Manifest;

/// So long a frontend has to ask what it is expected to ask.
const REACTS: Duration = Duration::from_secs(20);

/// How a case went.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CaseResult {
    /// `file: name`
    pub name: String,
    /// What was wrong; `None` when nothing was.
    pub problem: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct CaseFile {
    #[serde(default)]
    settings: Value,
    #[serde(default)]
    secrets: BTreeMap<String, String>,
    #[serde(default)]
    files: BTreeMap<String, String>,
    #[serde(default)]
    commits: Vec<CommitEntry>,
    #[serde(default)]
    http: Vec<AnswerEntry>,
    #[serde(default)]
    denied: Vec<String>,
    case: Vec<Case>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct CommitEntry {
    message: String,
    #[serde(default = "nobody")]
    author: String,
    date: Option<String>,
    #[serde(default)]
    files: BTreeMap<String, String>,
}

fn nobody() -> String {
    "Nobody <nobody@example.org>".to_owned()
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct AnswerEntry {
    #[serde(default = "get")]
    method: String,
    path: String,
    #[serde(default = "fine")]
    status: u16,
    #[serde(default)]
    headers: BTreeMap<String, String>,
    body: Option<String>,
    json: Option<Value>,
    times: Option<u32>,
}

fn get() -> String {
    "GET".to_owned()
}

fn fine() -> u16 {
    200
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Case {
    name: String,
    provide: Option<String>,
    suggest: Option<String>,
    run: Option<String>,
    complete: Option<String>,
    before_send: Option<String>,
    happens: Option<Vec<String>>,
    #[serde(flatten)]
    expected: Expected,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "kebab-case", default)]
struct Expected {
    titles: Option<Vec<String>>,
    contains: Vec<String>,
    lacks: Vec<String>,
    error: Option<String>,
    verdict: Option<String>,
    outcome: Option<String>,
    asks: Option<Vec<String>>,
    notices: Vec<String>,
}

/// What came of a call.
#[derive(Debug, Default)]
struct Came {
    titles: Vec<String>,
    text: String,
    /// `keep`, `show`, …
    word: Option<&'static str>,
}

/// Runs the cases of a project (all files `tests/*.toml` of it, by name) with a component.
///
/// # Errors
/// `user.not_found` when there are none; `user.invalid_input` when a file is no script. What the plugin does wrong is no error
/// here, but a [problem](CaseResult::problem) of its case.
pub async fn run(
    engine: &Engine,
    folder: &Path,
    wasm: &[u8],
    manifest: &Manifest,
) -> Result<Vec<CaseResult>> {
    let files = files(&folder.join("tests"))?;
    let mut results = Vec::new();
    for path in files {
        let file = read(&path)?;
        let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        results.extend(run_file(engine, &name, file, wasm, manifest).await);
    }
    Ok(results)
}

fn files(folder: &Path) -> Result<Vec<PathBuf>> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path());
    let mut files: Vec<PathBuf> =
        entries.filter(|path| path.extension().is_some_and(|end| end == "toml")).collect();
    files.sort();
    if files.is_empty() {
        return Err(Error::new(ErrorKind::NotFound, format!("there are no cases in {}", folder.display()))
            .with_hint("write one, tests/first.toml; `nexus plugin new` shows how"));
    }
    Ok(files)
}

fn read(path: &Path) -> Result<CaseFile> {
    let text = std::fs::read_to_string(path)?;
    toml::from_str(&text).map_err(|error| {
        let message = format!("{}: {}", path.display(), error.message());
        Error::new(ErrorKind::InvalidInput, message).with_source(error)
    })
}

async fn run_file(
    engine: &Engine,
    name: &str,
    file: CaseFile,
    wasm: &[u8],
    manifest: &Manifest,
) -> Vec<CaseResult> {
    let (script, cases) = file.into_script();
    let harness = match Harness::open(engine, wasm.to_vec(), manifest, script).await {
        Ok(harness) => harness,
        // No case of the file could be played; each of them has failed.
        Err(error) => {
            let failed = |case: Case| {
                let problem = judge(&case.expected, Err(error.duplicate()), None);
                CaseResult { name: format!("{name}: {}", case.name), problem }
            };
            return cases.into_iter().map(failed).collect();
        }
    };
    let mut results = Vec::new();
    for case in cases {
        let before = (harness.asked().len(), harness.notices().len());
        let came = play(&harness, &case).await;
        let problem = judge(&case.expected, came, Some((&harness, before)));
        results.push(CaseResult { name: format!("{name}: {}", case.name), problem });
    }
    harness.close().await;
    results
}

impl CaseFile {
    fn into_script(self) -> (Script, Vec<Case>) {
        let pairs = |map: BTreeMap<String, String>| map.into_iter().collect::<Vec<_>>();
        let commits = self.commits.into_iter().map(|commit| {
            let CommitEntry { message, author, date, files } = commit;
            Commit { message, author, date, files: pairs(files) }
        });
        let answers = self.http.into_iter().map(|answer| {
            let body = match answer.json {
                Some(json) => json.to_string().into_bytes(),
                None => answer.body.unwrap_or_default().into_bytes(),
            };
            let AnswerEntry { method, path, status, headers, times, .. } = answer;
            Answer { method, path, status, headers: pairs(headers), body, times }
        });
        let script = Script {
            settings: self.settings,
            commits: commits.collect(),
            answers: answers.collect(),
            denied: self.denied,
            secrets: pairs(self.secrets),
            files: pairs(self.files),
        };
        (script, self.case)
    }
}

async fn play(harness: &Harness, case: &Case) -> Result<Came> {
    if let Some(mention) = &case.provide {
        return Ok(items(harness.provide(mention).await?));
    }
    if let Some(typed) = &case.suggest {
        let found = harness.suggest(typed).await?;
        let line = |one: &opencode_nexus::context::Suggestion| {
            format!("{} {} {}", one.mention, one.label, one.detail.as_deref().unwrap_or_default())
        };
        let text = found.iter().map(line).collect::<Vec<_>>().join("\n");
        return Ok(Came { titles: found.into_iter().map(|one| one.label).collect(), text, word: None });
    }
    if let Some(line) = &case.run {
        return Ok(outcome(harness.run(line).await?));
    }
    if let Some(line) = &case.complete {
        let titles = harness.complete(line).await?;
        return Ok(Came { text: titles.join("\n"), titles, word: None });
    }
    if let Some(text) = &case.before_send {
        return Ok(verdict(harness.before_send(vec![PromptPart::Text(text.clone())]).await?));
    }
    if let Some(happenings) = &case.happens {
        return happened(harness, happenings, case.expected.asks.as_ref().map_or(0, Vec::len)).await;
    }
    Err(Error::new(ErrorKind::InvalidInput, "the case calls nothing")
        .with_hint("give it one of provide, suggest, run, complete, before-send, happens"))
}

/// Lets it happen, and waits for as many requests as are expected; what came are their bodies.
async fn happened(harness: &Harness, happenings: &[String], expected: usize) -> Result<Came> {
    let before = harness.asked().len();
    for happening in happenings {
        harness.happens(&Happening::parse(happening)?);
    }
    harness.wait_for_requests(before + expected, REACTS).await;
    let bodies = harness.asked().split_off(before).into_iter();
    let bodies: Vec<String> = bodies.map(|asked| String::from_utf8_lossy(&asked.body).into_owned()).collect();
    Ok(Came { text: bodies.join("\n"), ..Came::default() })
}

fn items(items: Vec<opencode_nexus::context::ContextItem>) -> Came {
    let mut came = Came::default();
    for item in items {
        match item.kind {
            ItemKind::Text { text, .. } => came.text.push_str(&text),
            ItemKind::File { path, .. } | ItemKind::Image { path, .. } => {
                came.text.push_str(&path.display().to_string());
            }
            ItemKind::Agent { name } => came.text.push_str(&name),
        }
        came.text.push('\n');
        came.titles.push(item.title);
    }
    came
}

fn outcome(outcome: CommandOutcome) -> Came {
    let (word, text) = match outcome {
        CommandOutcome::Prompt(parts) => ("prompt", written(&parts)),
        CommandOutcome::Show(text) => ("show", text),
        CommandOutcome::Nothing => ("nothing", String::new()),
    };
    Came { titles: Vec::new(), text, word: Some(word) }
}

fn verdict(verdict: Verdict) -> Came {
    let (word, text) = match verdict {
        Verdict::Keep => ("keep", String::new()),
        Verdict::Replace(parts) => ("replace", written(&parts)),
        Verdict::Block(reason) => ("block", reason),
    };
    Came { titles: Vec::new(), text, word: Some(word) }
}

/// The texts of parts.
fn written(parts: &[PromptPart]) -> String {
    let texts = parts.iter().filter_map(|part| match part {
        PromptPart::Text(text) | PromptPart::Context(text) => Some(text.as_str()),
        _ => None,
    });
    texts.collect::<Vec<_>>().join("\n")
}

/// What is wrong with what came, when something is.
fn judge(
    expected: &Expected,
    came: Result<Came>,
    world: Option<(&Harness, (usize, usize))>,
) -> Option<String> {
    let came = match (came, &expected.error) {
        (Ok(_), Some(code)) => return Some(format!("it went well, where {code} was expected")),
        (Ok(came), None) => came,
        (Err(error), Some(code)) if error.code() == code => {
            Came { text: error.to_string(), ..Came::default() }
        }
        (Err(error), Some(code)) => return Some(format!("{error}, where {code} was expected")),
        (Err(error), None) => return Some(error.to_string()),
    };
    if let Some(titles) = expected.titles.as_ref().filter(|titles| **titles != came.titles) {
        return Some(format!("titles are {:?}, where {titles:?} were expected", came.titles));
    }
    let word = expected.verdict.as_deref().or(expected.outcome.as_deref());
    if word.is_some() && word != came.word {
        return Some(format!("it says {:?}, where {word:?} was expected", came.word));
    }
    if let Some(missing) = expected.contains.iter().find(|text| !came.text.contains(*text)) {
        return Some(format!("{missing:?} is not in: {}", came.text));
    }
    if let Some(found) = expected.lacks.iter().find(|text| came.text.contains(*text)) {
        return Some(format!("{found:?} is in: {}", came.text));
    }
    let (harness, (asked, told)) = world?;
    let asks =
        harness.asked().split_off(asked).into_iter().map(|asked| format!("{} {}", asked.method, asked.path));
    let asks: Vec<String> = asks.collect();
    if let Some(wanted) = expected.asks.as_ref().filter(|wanted| **wanted != asks) {
        return Some(format!("the server was asked {asks:?}, where {wanted:?} was expected"));
    }
    let notices = harness.notices().split_off(told);
    let missing =
        expected.notices.iter().find(|text| !notices.iter().any(|notice| notice.text.contains(*text)));
    missing.map(|text| format!("{text:?} was not told; told was: {notices:?}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_misspelt_word_is_refused() {
        let file = "[[case]]\nname = \"a\"\nprovide = \"b\"\n";
        assert!(toml::from_str::<CaseFile>(file).is_ok());
        assert!(toml::from_str::<CaseFile>(&format!("{file}title = [\"c\"]\n")).is_err());
        assert!(toml::from_str::<CaseFile>(&format!("[[htp]]\n{file}")).is_err());
    }

    #[test]
    fn what_was_not_expected_is_said() {
        let came = || Ok(Came { titles: vec!["a".into()], text: "some text".into(), word: Some("show") });
        let expected = |text: &str| toml::from_str::<Expected>(text).unwrap();
        for right in
            ["titles = [\"a\"]", "contains = [\"some\"]", "lacks = [\"other\"]", "outcome = \"show\""]
        {
            assert_eq!(judge(&expected(right), came(), None), None, "{right}");
        }
        for wrong in [
            "titles = []",
            "contains = [\"other\"]",
            "lacks = [\"text\"]",
            "outcome = \"prompt\"",
            "error = \"user.not_found\"",
        ] {
            assert!(judge(&expected(wrong), came(), None).is_some(), "{wrong}");
        }
        let failed = || Err(Error::new(ErrorKind::NotFound, "not there"));
        assert_eq!(judge(&expected("error = \"user.not_found\""), failed(), None), None);
        assert!(judge(&expected("error = \"user.busy\""), failed(), None).is_some());
        assert!(judge(&expected(""), failed(), None).is_some());
    }
}
