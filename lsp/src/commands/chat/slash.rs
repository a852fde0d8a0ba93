//! The commands that begin with a slash. Ours are here and win; then those of the server, then those of plugins. Pure.

/// What one of our commands does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Own {
    Help,
    New,
    Sessions,
    Model,
    Agent,
    Compact,
    Undo,
    Redo,
    Share,
    Unshare,
    Fork,
    Diff,
    Rename,
    Quit,
}

/// The word, what it does, and whether it takes something behind it.
pub(crate) const OWN: &[(&str, Own, &str)] = &[
    ("help", Own::Help, "keys and commands"),
    ("new", Own::New, "begin a new session"),
    ("sessions", Own::Sessions, "go to another session"),
    ("model", Own::Model, "choose the model"),
    ("agent", Own::Agent, "choose the agent"),
    ("compact", Own::Compact, "make the history shorter"),
    ("undo", Own::Undo, "take the last prompt back, with its changes to files"),
    ("redo", Own::Redo, "bring back what was taken back"),
    ("share", Own::Share, "publish the session"),
    ("unshare", Own::Unshare, "take the publication back"),
    ("fork", Own::Fork, "go on in a copy of the session"),
    ("diff", Own::Diff, "show what was changed in files"),
    ("rename", Own::Rename, "give the session a title: /rename TITLE"),
    ("quit", Own::Quit, "end nexus"),
];

/// What a line that was sent means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Line {
    Own(Own, String),
    /// A command of the server.
    Server(String, String),
    /// A command of a plugin.
    Added(String, String),
    /// A command line for the shell.
    Shell(String),
    Prompt,
}

/// `of_server` and `added` say whether the server or a plugin has a command; a slash before anything else is text, for example a
/// path.
pub(crate) fn parse(text: &str, of_server: impl Fn(&str) -> bool, added: impl Fn(&str) -> bool) -> Line {
    if let Some(command) = text.strip_prefix('!').map(str::trim).filter(|command| !command.is_empty()) {
        return Line::Shell(command.to_owned());
    }
    let Some(rest) = text.strip_prefix('/') else { return Line::Prompt };
    let (name, arguments) = rest.split_once(char::is_whitespace).unwrap_or((rest, ""));
    let arguments = arguments.trim().to_owned();
    if let Some((_, own, _)) = OWN.iter().find(|(word, ..)| *word == name) {
        return Line::Own(*own, arguments);
    }
    match () {
        () if of_server(name) => Line::Server(name.to_owned(), arguments),
        () if added(name) => Line::Added(name.to_owned(), arguments),
        () => Line::Prompt,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slash_means_a_command_only_when_there_is_one() {
        let parse = |text| parse(text, |name| name == "init", |name| matches!(name, "init" | "acme.a:init"));
        assert_eq!(parse("/help"), Line::Own(Own::Help, String::new()));
        assert_eq!(parse("/model a/b "), Line::Own(Own::Model, "a/b".into()));
        assert_eq!(parse("/init the rest"), Line::Server("init".into(), "the rest".into()));
        assert_eq!(parse("/acme.a:init now"), Line::Added("acme.a:init".into(), "now".into()));
        assert_eq!(parse("/etc/passwd is a file"), Line::Prompt);
        assert_eq!(parse("! ls -l"), Line::Shell("ls -l".into()));
        assert_eq!(parse("!"), Line::Prompt);
    }
}
