//! Requests as sets: what one asks for beyond another, what both allow, and parts of one by name.

use opencode_nexus::{Error, ErrorKind, Result};
use sha2::{Digest as _, Sha256};

use super::{HostPattern, HttpRule, PathRule, PermissionLine, Permissions, Reason};

/// Names of what can be granted. A colon and a rule behind one (`http:api.example.org`) means that rule alone.
pub const WORDS: &[&str] =
    &["all", "http", "workspace-read", "git", "prompts", "editor", "web", "terminal", "session", "secrets"];

impl Permissions {
    /// Whether nothing is asked for.
    pub fn is_empty(&self) -> bool {
        self.lines().is_empty()
    }

    /// What `new` asks for and this does not give: what a person has to decide about before an update.
    pub fn widening(&self, new: &Self) -> Vec<PermissionLine> {
        new.without(&self.intersect_lists(new)).lines()
    }

    /// Rules of `new` that this gives in full.
    fn intersect_lists(&self, new: &Self) -> Vec<String> {
        let shared = new.intersect(self);
        new.lines()
            .into_iter()
            .map(|line| line.word)
            .filter(|word| {
                let (name, rule) = word.split_once(':').unwrap_or((word, ""));
                match name {
                    // Methods and encryption count as well.
                    "http" => new.http.iter().filter(|new| new.host == rule).all(|new| {
                        new.methods.iter().all(|method| shared.http.iter().any(|had| gives(had, new, method)))
                    }),
                    _ => shared.lines().iter().any(|line| line.word == *word),
                }
            })
            .collect()
    }

    /// Both this **and** `granted`: what a plugin may do that declares this. Reasons are those of this.
    #[must_use]
    pub fn intersect(&self, granted: &Self) -> Self {
        let both = |own: &Option<Reason>, other: &Option<Reason>| own.clone().filter(|_| other.is_some());
        let session: Vec<_> =
            self.session.iter().copied().filter(|right| granted.session.contains(right)).collect();
        Self {
            http: hosts_of_both(&self.http, &granted.http),
            workspace_read: paths_of_both(&self.workspace_read, &granted.workspace_read),
            git: both(&self.git, &granted.git),
            session_reason: self.session_reason.clone().filter(|_| !session.is_empty()),
            session,
            prompts: both(&self.prompts, &granted.prompts),
            editor: both(&self.editor, &granted.editor),
            web: both(&self.web, &granted.web),
            terminal: both(&self.terminal, &granted.terminal),
            secrets: self.secrets.iter().filter(|name| granted.secrets.contains(name)).cloned().collect(),
        }
    }

    /// This and that. What both have is there once, with the reason of this.
    #[must_use]
    pub fn union(&self, other: &Self) -> Self {
        let mut all = self.clone();
        let either = |own: &Option<Reason>, other: &Option<Reason>| own.clone().or_else(|| other.clone());
        all.http.extend(other.http.iter().filter(|rule| !self.http.contains(rule)).cloned());
        let is_new = |rule: &&PathRule| self.workspace_read.iter().all(|own| own.glob != rule.glob);
        all.workspace_read.extend(other.workspace_read.iter().filter(is_new).cloned());
        all.session.extend(other.session.iter().filter(|right| !self.session.contains(right)));
        all.secrets.extend(other.secrets.iter().filter(|name| !self.secrets.contains(name)).cloned());
        all.session_reason = self.session_reason.clone().or_else(|| other.session_reason.clone());
        all.git = either(&self.git, &other.git);
        all.prompts = either(&self.prompts, &other.prompts);
        all.editor = either(&self.editor, &other.editor);
        all.web = either(&self.web, &other.web);
        all.terminal = either(&self.terminal, &other.terminal);
        all
    }

    /// What these words name of it: see [`WORDS`].
    ///
    /// # Errors
    /// `user.invalid_input` for a word that names nothing of it.
    pub fn select(&self, words: &[String]) -> Result<Self> {
        self.check_words(words)?;
        Ok(self.keeping(|word| is_named(words, word)))
    }

    /// What is left of it without what these words name; words that name nothing take nothing away.
    #[must_use]
    pub fn without(&self, words: &[String]) -> Self {
        self.keeping(|word| !is_named(words, word))
    }

    fn keeping(&self, keep: impl Fn(&str) -> bool) -> Self {
        let kept = |reason: &Option<Reason>, word: &str| reason.clone().filter(|_| keep(word));
        let session: Vec<_> =
            self.session.iter().copied().filter(|right| keep(&format!("session:{}", right.word()))).collect();
        let is_path = |rule: &&PathRule| keep(&format!("workspace-read:{}", rule.glob));
        Self {
            http: self.http.iter().filter(|rule| keep(&format!("http:{}", rule.host))).cloned().collect(),
            workspace_read: self.workspace_read.iter().filter(is_path).cloned().collect(),
            git: kept(&self.git, "git"),
            session_reason: self.session_reason.clone().filter(|_| !session.is_empty()),
            session,
            prompts: kept(&self.prompts, "prompts"),
            editor: kept(&self.editor, "editor"),
            web: kept(&self.web, "web"),
            terminal: kept(&self.terminal, "terminal"),
            secrets: self.secrets.iter().filter(|name| keep(&format!("secrets:{name}"))).cloned().collect(),
        }
    }

    fn check_words(&self, words: &[String]) -> Result<()> {
        let lines = self.lines();
        for word in words {
            let known = WORDS.contains(&word.as_str());
            if !known && !lines.iter().any(|line| line.word == *word) {
                let asked: Vec<&str> = lines.iter().map(|line| line.word.as_str()).collect();
                let asked = if asked.is_empty() { "nothing".to_owned() } else { asked.join(", ") };
                return Err(Error::new(
                    ErrorKind::InvalidInput,
                    format!("the plugin does not ask for \"{}\"", word.escape_debug()),
                )
                .with_hint(format!("it asks for {asked}")));
            }
        }
        Ok(())
    }

    /// SHA-256 of what is asked for, in hexadecimal, whatever the order and the reasons.
    pub fn fingerprint(&self) -> String {
        let mut lines: Vec<String> = self
            .lines()
            .into_iter()
            .map(|line| match line.word.strip_prefix("http:") {
                Some(_) => format!("{} {}", line.word, line.what),
                None => line.word,
            })
            .collect();
        lines.sort();
        let digest = Sha256::digest(lines.join("\n"));
        digest.iter().map(|byte| format!("{byte:02x}")).collect()
    }
}

/// Whether one of the words names a line: `all`, `http`, or `http:api.example.org` itself.
fn is_named(words: &[String], line: &str) -> bool {
    let name = line.split_once(':').map_or(line, |(name, _)| name);
    words.iter().any(|word| word == "all" || word == name || word == line)
}

fn gives(had: &HttpRule, new: &HttpRule, method: &String) -> bool {
    (had.plain || !new.plain)
        && had.methods.contains(method)
        && matches!(
            (HostPattern::parse(&had.host), HostPattern::parse(&new.host)),
            (Ok(had), Ok(new)) if had.covers(&new)
        )
}

/// For each pair the narrower of both.
fn hosts_of_both(declared: &[HttpRule], granted: &[HttpRule]) -> Vec<HttpRule> {
    let mut both: Vec<HttpRule> = Vec::new();
    for own in declared {
        for other in granted {
            let (Ok(wide), Ok(narrow)) = (HostPattern::parse(&own.host), HostPattern::parse(&other.host))
            else {
                continue;
            };
            let host = match (wide.covers(&narrow), narrow.covers(&wide)) {
                (_, true) => &own.host,
                (true, false) => &other.host,
                (false, false) => continue,
            };
            let methods: Vec<_> =
                own.methods.iter().filter(|method| other.methods.contains(method)).cloned().collect();
            let rule = HttpRule {
                host: host.clone(),
                plain: own.plain && other.plain,
                reason: own.reason.clone(),
                methods,
            };
            if !rule.methods.is_empty() && !both.contains(&rule) {
                both.push(rule);
            }
        }
    }
    both
}

/// Patterns are compared by their words, and `**` is everything.
fn paths_of_both(declared: &[PathRule], granted: &[PathRule]) -> Vec<PathRule> {
    let is_all = |glob: &str| matches!(glob, "**" | "*" | "/**" | "/*");
    let mut both: Vec<PathRule> = Vec::new();
    for own in declared {
        for other in granted {
            let glob = match () {
                () if own.glob == other.glob || is_all(&other.glob) => &own.glob,
                () if is_all(&own.glob) => &other.glob,
                () => continue,
            };
            if both.iter().all(|rule| rule.glob != *glob) {
                both.push(PathRule { glob: glob.clone(), reason: own.reason.clone() });
            }
        }
    }
    both
}
