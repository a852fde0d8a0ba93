//! Who may do what while nobody watches: `--permission`, `--allow` and `--deny` in the order in which they were given,
//! and `--answer` for questions.

use clap::{ArgAction, ArgMatches, Command, Error, FromArgMatches};
use opencode_nexus::chat::{AskPolicy, Decision};
use opencode_nexus::model::{Permission, QuestionItem};

/// What becomes of a permission that no rule speaks of.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum Otherwise {
    /// It is given.
    Allow,
    /// It is refused, the agent is told, and goes on without.
    #[default]
    Deny,
    /// It is refused, and the run ends with exit code 7.
    Fail,
}

/// The rules of a run.
#[derive(Clone, Debug, Default)]
pub(super) struct Rules {
    otherwise: Otherwise,
    /// Whether `--permission` was given.
    named: bool,
    policy: AskPolicy,
    answers: Vec<String>,
}

impl Rules {
    /// The same with the rules of the person's settings before them: those of the call win, as what is said later.
    /// `permission.default` counts where `--permission` was not given, and `ask` is no where nobody can be asked.
    pub(super) fn over(mut self, settings: &AskPolicy) -> Self {
        let mut rules = settings.rules.clone();
        rules.append(&mut self.policy.rules);
        self.policy.rules = rules;
        if !self.named && settings.otherwise == Decision::Allow {
            (self.otherwise, self.policy.otherwise) = (Otherwise::Allow, Decision::Allow);
        }
        self
    }

    /// Whether the agent may. Nobody can be asked, so there is no third answer.
    pub(super) fn allow(&self, permission: &Permission) -> bool {
        self.policy.decide(permission) == Decision::Allow
    }

    /// Whether a refusal ends the run.
    pub(super) fn refusal_ends(&self) -> bool {
        self.otherwise == Otherwise::Fail
    }

    /// The answers to questions that are asked together; `None` when one of them has none.
    pub(super) fn answer(&self, items: &[QuestionItem]) -> Option<Vec<Vec<String>>> {
        items.iter().map(|item| self.answer_one(item)).collect()
    }

    fn answer_one(&self, item: &QuestionItem) -> Option<Vec<String>> {
        let offered = |answer: &&String| item.options.iter().any(|option| option.label == **answer);
        let mut chosen: Vec<String> = self.answers.iter().filter(offered).cloned().collect();
        if !item.multiple {
            chosen.truncate(1);
        }
        if chosen.is_empty() && item.custom {
            chosen.extend(self.answers.first().cloned());
        }
        (!chosen.is_empty()).then_some(chosen)
    }

    fn from_words(
        otherwise: Otherwise,
        mut words: Vec<(usize, &str, Decision)>,
        answers: Vec<String>,
    ) -> Self {
        let rest = if otherwise == Otherwise::Allow { Decision::Allow } else { Decision::Deny };
        words.sort_by_key(|(place, ..)| *place);
        let policy = words.into_iter().fold(
            AskPolicy { otherwise: rest, ..AskPolicy::deny_all() },
            |policy, (_, word, decision)| {
                let (action, pattern) = word.split_once(':').unwrap_or((word, "*"));
                policy.with_rule(action, pattern, decision)
            },
        );
        Self { otherwise, named: false, policy, answers }
    }
}

/// By hand and not derived, because the order among different arguments counts.
impl clap::Args for Rules {
    fn augment_args(command: Command) -> Command {
        let rule = |name: &'static str, help: &'static str| {
            clap::Arg::new(name)
                .long(name)
                .value_name("ACTION[:PATTERN]")
                .action(ArgAction::Append)
                .help_heading("Permissions")
                .help(help)
        };
        command
            .arg(
                clap::Arg::new("permission")
                    .long("permission")
                    .value_name("WHAT")
                    .value_parser(clap::builder::EnumValueParser::<Otherwise>::new())
                    .default_value("deny")
                    .help_heading("Permissions")
                    .help("What becomes of a permission that the agent asks for and no rule speaks of"),
            )
            .arg(rule("allow", "Give this permission, like 'bash:git *' or 'edit:src/*'; of several rules the later wins"))
            .arg(rule("deny", "Refuse this permission; of several rules the later wins"))
            .arg(
                clap::Arg::new("answer")
                    .long("answer")
                    .value_name("LABEL")
                    .action(ArgAction::Append)
                    .help_heading("Permissions")
                    .help("Choose this answer when the agent asks a question that offers it; otherwise questions are refused"),
            )
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

impl FromArgMatches for Rules {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, Error> {
        let mut words = Vec::new();
        for (name, decision) in [("allow", Decision::Allow), ("deny", Decision::Deny)] {
            let places = matches.indices_of(name).into_iter().flatten();
            let values = matches.get_many::<String>(name).into_iter().flatten();
            words.extend(places.zip(values).map(|(place, word)| (place, word.as_str(), decision)));
        }
        let otherwise = matches.get_one::<Otherwise>("permission").copied().unwrap_or_default();
        let answers = matches.get_many::<String>("answer").into_iter().flatten().cloned().collect();
        let named = matches.value_source("permission") == Some(clap::parser::ValueSource::CommandLine);
        Ok(Self { named, ..Self::from_words(otherwise, words, answers) })
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use opencode_nexus::model::QuestionOption;

    use super::*;

    fn rules(line: &[&str]) -> Rules {
        let command = <Rules as clap::Args>::augment_args(Command::new("run"));
        let matches = command.try_get_matches_from([&["run"], line].concat()).unwrap();
        Rules::from_arg_matches(&matches).unwrap()
    }

    fn ask(action: &str, pattern: &str) -> Permission {
        Permission {
            id: "per_1".into(),
            session_id: "ses_1".into(),
            action: action.into(),
            patterns: vec![pattern.into()],
            always: Vec::new(),
            tool: None,
            metadata: Default::default(),
        }
    }

    #[test]
    fn settings_come_before_what_the_call_says() {
        let settings = AskPolicy { otherwise: Decision::Allow, ..AskPolicy::default() }.with_rule(
            "bash",
            "git *",
            Decision::Deny,
        );
        let plain = rules(&[]).over(&settings);
        assert!(plain.allow(&ask("edit", "x")) && !plain.allow(&ask("bash", "git log")));
        let called = rules(&["--permission", "fail", "--allow", "bash:git log"]).over(&settings);
        assert!(called.allow(&ask("bash", "git log")) && !called.allow(&ask("bash", "git push")));
        assert!(!called.allow(&ask("edit", "x")) && called.refusal_ends());
    }

    #[test]
    fn of_several_rules_the_later_wins_whichever_kind_it_is() {
        let first = rules(&["--allow", "bash:git *", "--deny", "bash:git push*"]);
        assert!(first.allow(&ask("bash", "git status")) && !first.allow(&ask("bash", "git push -f")));
        let second = rules(&["--deny", "bash:git push*", "--allow", "bash:git *"]);
        assert!(second.allow(&ask("bash", "git push -f")));
        assert!(!second.allow(&ask("edit", "x")), "what no rule speaks of is refused");
        assert!(second.allow(&ask("shell", "git log")), "the shell has another name on OpenCode 2");
        let all = rules(&["--permission", "allow", "--deny", "edit"]);
        assert!(all.allow(&ask("bash", "ls")) && !all.allow(&ask("edit", "x")));
        assert!(rules(&["--permission", "fail"]).refusal_ends() && !first.refusal_ends());
    }

    #[test]
    fn a_question_is_answered_only_by_what_it_offers_or_in_ones_own_words_where_these_are_welcome() {
        let option = |label: &str| QuestionOption { label: label.into(), description: String::new() };
        let item = |custom, multiple| QuestionItem {
            header: "Colour".into(),
            question: "Which?".into(),
            options: vec![option("Red"), option("Blue")],
            multiple,
            custom,
        };
        let blue = rules(&["--answer", "Blue", "--answer", "Red"]);
        assert_eq!(blue.answer(&[item(false, false)]), Some(vec![vec!["Blue".to_owned()]]));
        assert_eq!(blue.answer(&[item(false, true)]).unwrap()[0].len(), 2);
        let green = rules(&["--answer", "Green"]);
        assert_eq!(green.answer(&[item(false, false)]), None);
        assert_eq!(green.answer(&[item(true, false)]), Some(vec![vec!["Green".to_owned()]]));
        assert_eq!(rules(&[]).answer(&[item(true, false)]), None);
    }
}
