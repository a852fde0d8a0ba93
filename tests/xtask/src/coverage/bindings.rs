//! Which operations the generated code of each language has. The files are read and nothing of them is run: neither Python
//! nor Node is needed, and a method that is gone is missed.
use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use opencode_api::OperationInfo;

/// Compares every language with the documents of a line, prints one line for all of them, and then what is missing; returns
/// how much that is. `line` is `v1` or `v2`.
pub fn compare(root: &Path, line: &str, rust: &[OperationInfo]) -> Result<usize, String> {
    let wanted = crate::api::operation_ids(root, line)?;
    let read = |path: String| {
        let path = root.join(path);
        fs::read_to_string(&path).map_err(|error| format!("cannot read {}: {error}", path.display()))
    };
    let python = read(format!("python/opencode_nexus/api/{line}.py"))?;
    let node = read(format!("node/ts/api/{line}.ts"))?;
    Ok(count(
        line,
        &wanted,
        &[
            ("rust", rust.iter().map(|row| row.id.to_owned()).collect()),
            ("python", in_python(&python, line)),
            ("node", called(&node, &format!("('{line}', '"), '\'')),
        ],
    ))
}

fn count(line: &str, wanted: &BTreeSet<String>, languages: &[(&str, BTreeSet<String>)]) -> usize {
    let (mut told, mut missing) = (Vec::new(), Vec::new());
    for (language, has) in languages {
        let lacks: Vec<&String> = wanted.difference(has).collect();
        told.push(format!("{language} {}/{}", wanted.len() - lacks.len(), wanted.len()));
        missing.extend(lacks.into_iter().map(|id| format!("  missing from {language} for {line}: {id}")));
    }
    println!("{line}: {}", told.join(" "));
    for line in &missing {
        println!("{line}");
    }
    missing.len()
}

/// The operations that both classes of a module have: that which waits, and that which is awaited.
fn in_python(text: &str, line: &str) -> BTreeSet<String> {
    let begin = format!("(\"{line}\", \"");
    let (waits, awaited) = text.split_once("\nclass AsyncApi").unwrap_or((text, ""));
    called(waits, &begin, '"').intersection(&called(awaited, &begin, '"')).cloned().collect()
}

/// The ids that are called: what stands between `begin` and the next `end`.
fn called(text: &str, begin: &str, end: char) -> BTreeSet<String> {
    let calls = text.match_indices(begin).filter(|(at, _)| {
        // What is behind the name of a method and not only mentioned.
        let before = &text[..*at];
        ["_call", "_stream", "#call", "#stream"].iter().any(|name| before.ends_with(name))
    });
    calls.filter_map(|(at, _)| text[at + begin.len()..].split(end).next()).map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_language_has_every_operation() {
        for (line, rust) in [("v1", opencode_api::v1::OPERATIONS), ("v2", opencode_api::v2::OPERATIONS)] {
            assert_eq!(compare(&crate::root(), line, rust), Ok(0));
        }
    }

    #[test]
    fn a_method_that_is_gone_is_missed() {
        let both = "class Api:\n self._call(\"v1\", \"a\", {})\n self._stream(\"v1\", \"b\", {})\n\
                    \nclass AsyncApi:\n self._call(\"v1\", \"a\", {})\n # (\"v1\", \"b\"\n";
        assert_eq!(in_python(both, "v1"), BTreeSet::from(["a".to_owned()]));
        let wanted = BTreeSet::from(["a".to_owned(), "b".to_owned()]);
        assert_eq!(count("v1", &wanted, &[("python", in_python(both, "v1")), ("rust", wanted.clone())]), 1);
        assert_eq!(called("this.#call('v1', 'a.b', args)", "('v1', '", '\'').len(), 1);
    }
}
