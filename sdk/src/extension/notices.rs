//! What extensions tell the person: a refused permission, a hook that failed. Whoever has a screen shows it.

use tokio::sync::broadcast;

/// So many wait for one who reads slowly; what is older is let go.
const WAITING: usize = 64;

/// A longer text is cut, in characters.
const LONGEST: usize = 500;

/// How much it matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoticeLevel {
    /// Good to know.
    Info,
    /// Something does not work as the person expects.
    Warning,
}

/// One thing that the person should know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notice {
    /// Who says it: a plugin, a hook.
    pub source: String,
    /// How much it matters.
    pub level: NoticeLevel,
    /// One line.
    pub text: String,
}

impl Notice {
    /// Something good to know. Control characters are taken out, and what is longer than 500 characters is cut.
    pub fn info(source: impl Into<String>, text: impl AsRef<str>) -> Self {
        Self::new(source.into(), NoticeLevel::Info, text.as_ref())
    }

    /// Something that does not work as the person expects; cleaned as [`info`](Self::info) is.
    pub fn warning(source: impl Into<String>, text: impl AsRef<str>) -> Self {
        Self::new(source.into(), NoticeLevel::Warning, text.as_ref())
    }

    fn new(source: String, level: NoticeLevel, text: &str) -> Self {
        Self { source: one_line(&source), level, text: one_line(text) }
    }
}

/// `acme.jira: what it says`.
impl std::fmt::Display for Notice {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {}", self.source, self.text)
    }
}

/// Takes notices, and hands them to everybody who listens. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Notices(broadcast::Sender<Notice>);

impl Default for Notices {
    fn default() -> Self {
        Self(broadcast::channel(WAITING).0)
    }
}

impl Notices {
    /// Tells it to everybody who listens now, and to the log.
    pub fn tell(&self, notice: Notice) {
        tracing::info!(source = notice.source, "{}", notice.text);
        // Nobody may listen.
        let _ = self.0.send(notice);
    }

    /// Everything that is told from now on.
    pub fn subscribe(&self) -> NoticeFeed {
        NoticeFeed(self.0.subscribe())
    }
}

/// What is told to one who listens.
#[derive(Debug)]
pub struct NoticeFeed(broadcast::Receiver<Notice>);

impl NoticeFeed {
    /// The next notice; `None` when none will come any more. One who is slow misses the oldest. Cancel-safe.
    pub async fn next(&mut self) -> Option<Notice> {
        loop {
            match self.0.recv().await {
                Ok(notice) => return Some(notice),
                Err(broadcast::error::RecvError::Lagged(missed)) => {
                    tracing::debug!(missed, "notices were not shown");
                }
                Err(broadcast::error::RecvError::Closed) => return None,
            }
        }
    }

    /// The next notice if one waits already.
    pub fn try_next(&mut self) -> Option<Notice> {
        loop {
            match self.0.try_recv() {
                Ok(notice) => return Some(notice),
                Err(broadcast::error::TryRecvError::Lagged(_)) => {}
                Err(_) => return None,
            }
        }
    }
}

/// Without control characters and what turns the direction of writing, on one line, and not too long.
fn one_line(text: &str) -> String {
    let plain = text.chars().map(|c| if c.is_control() || is_invisible(c) { ' ' } else { c });
    let words: String = plain.collect();
    let joined = words.split_whitespace().collect::<Vec<_>>().join(" ");
    match joined.char_indices().nth(LONGEST) {
        Some((at, _)) => format!("{}…", &joined[..at]),
        None => joined,
    }
}

/// Marks that turn the direction of writing (Unicode UAX 9), and that join or separate without being seen.
fn is_invisible(c: char) -> bool {
    matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_notice_is_one_line_whatever_is_in_it() {
        let notice = Notice::warning("acme.\u{1b}[31mjira", "a\r\nb\u{202e}c\u{7}");
        assert_eq!(notice.to_string(), "acme. [31mjira: a b c");
        assert_eq!(Notice::info("x", "é".repeat(600)).text.chars().count(), 501);
    }

    #[test]
    fn everybody_who_listens_is_told_and_who_is_slow_misses_the_oldest() {
        let notices = Notices::default();
        notices.tell(Notice::info("x", "nobody listens"));
        let (mut first, mut second) = (notices.subscribe(), notices.subscribe());
        for n in 0..WAITING + 3 {
            notices.tell(Notice::info("x", n.to_string()));
        }
        let all: Vec<String> = std::iter::from_fn(|| first.try_next()).map(|notice| notice.text).collect();
        assert_eq!((all.len(), all[0].as_str()), (WAITING, "3"));
        assert!(second.try_next().is_some());
    }
}
