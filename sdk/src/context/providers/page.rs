//! A page of the web as text that a model reads. Pure.

use htmd::HtmlToMarkdown;

/// Deeper pages are read without their structure: the converter walks down by calling itself.
const DEPTH: usize = 400;

/// What the converter has for that, 160 KiB for each step; a page of 390 took more than 2 MiB (htmd 0.5, seen).
const STACK: usize = 64 * 1024 * 1024;

/// What is in a page and is no text of it.
const SKIPPED: &[&str] = &["script", "style", "noscript", "svg", "iframe", "template", "head"];

/// Elements that have no end, or whose end people leave out.
const UNENDED: &[&str] = &[
    "area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track", "wbr",
    "p", "li", "dt", "dd", "tr", "td", "th", "option", "thead", "tbody", "tfoot", "!doctype",
];

/// The text, and its language for a fence; `None` when it is none.
pub(super) fn text(content_type: &str, body: Vec<u8>) -> Option<(String, &'static str)> {
    let kind = content_type.split(';').next().unwrap_or_default().trim();
    let language = match kind {
        "text/html" | "application/xhtml+xml" => "markdown",
        "application/json" => "json",
        "application/xml" | "text/xml" => "xml",
        "" if !body.contains(&0) => "text",
        kind if kind.starts_with("text/") || kind.ends_with("+json") || kind.ends_with("+xml") => "text",
        "application/javascript" | "application/yaml" | "application/toml" => "text",
        _ => return None,
    };
    let text = match String::from_utf8(body) {
        Ok(text) => text,
        Err(error) => String::from_utf8_lossy(error.as_bytes()).into_owned(),
    };
    Some((if language == "markdown" { markdown(&text) } else { text }, language))
}

/// Blocks while it works.
fn markdown(html: &str) -> String {
    if depth(html) > DEPTH {
        return without_tags(html);
    }
    let convert = || HtmlToMarkdown::builder().skip_tags(SKIPPED.to_vec()).build().convert(html).ok();
    let converted = std::thread::scope(|scope| {
        let thread = std::thread::Builder::new().stack_size(STACK).spawn_scoped(scope, convert).ok()?;
        thread.join().ok()?
    });
    converted.unwrap_or_else(|| without_tags(html))
}

/// How deep elements may stand in each other, at most: end tags that are missing count as if nothing ended.
fn depth(html: &str) -> usize {
    let (mut now, mut deepest) = (0_usize, 0);
    for (at, _) in html.match_indices('<') {
        let rest = &html[at + 1..];
        let (ends, rest) = rest.strip_prefix('/').map_or((false, rest), |rest| (true, rest));
        let name: String =
            rest.chars().take_while(|c| c.is_ascii_alphanumeric() || *c == '!').take(12).collect();
        let name = name.to_ascii_lowercase();
        if name.is_empty() || UNENDED.contains(&name.as_str()) {
            continue;
        }
        now = if ends { now.saturating_sub(1) } else { now + 1 };
        deepest = deepest.max(now);
    }
    deepest
}

fn without_tags(html: &str) -> String {
    let (mut out, mut rest) = (String::new(), html);
    while let Some(at) = rest.find('<') {
        out.push_str(&rest[..at]);
        rest = rest[at..].find('>').map_or("", |end| &rest[at + end + 1..]);
        if !out.ends_with(['\n', ' ']) {
            out.push(' ');
        }
    }
    out.push_str(rest);
    out
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_page_of_any_depth_is_read() {
        for tag in
            ["div", "b", "ul><li", "table><tr><td", "blockquote", "p><b", "font", "li", "p", "svg", "select"]
        {
            for count in [100, 390, 401, 100_000] {
                let name = tag.split('>').next_back().unwrap();
                let html = format!("{}word", format!("<{tag}>").repeat(count));
                let (text, _) = text("text/html; charset=utf-8", html.into_bytes()).unwrap();
                assert!(text.contains("word") || name == "svg", "{tag} {count}");
            }
        }
    }

    #[test]
    fn what_is_no_text_is_none() {
        assert!(text("image/png", b"x".to_vec()).is_none());
        assert!(text("application/octet-stream", b"x".to_vec()).is_none());
        assert_eq!(text("application/json", b"{}".to_vec()), Some(("{}".to_owned(), "json")));
    }

    proptest! {
        #[test]
        fn no_page_makes_it_panic(html in "([<>/a-z \"=&;!-]|</?(div|p|b|table|tr|td|pre|code|a href=\"x\")>|\\PC){0,120}") {
            let _ = text("text/html", html.into_bytes());
        }
    }
}
