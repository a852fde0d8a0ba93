use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;
use crate::history::record::MessageRecord;
use crate::history::sample::{any_conversations, history, message, session, store, wait};
use crate::model::{PartBody, SessionId, ToolStatus};

type Name = (String, SessionId, String);

fn any_query() -> impl Strategy<Value = HistoryQuery> {
    const TEXTS: &[&str] =
        &["", "alpha", "beta gamma", "\"alpha beta\"", "gam*", "alpha -beta", "ключ", "鍵", "naive", "-end"];
    let some = |words: &'static [&'static str]| prop::option::weighted(0.2, prop::sample::select(words));
    let places = (
        some(&["local", "http://a:1", "other"]),
        some(&["/p", "/p/", "/p/q", "/", "/pq", "/x"]),
        some(&["ses_0", "ses_1", "ses_9"]),
    );
    let people = (
        some(&["user", "Assistant"]),
        some(&["anthropic/claude", "openrouter/anthropic/claude", "gpt"]),
        some(&["build", "PLAN"]),
        some(&["bash", "Edit"]),
    );
    let amounts = (prop::option::weighted(0.2, 0_u32..4), prop::option::weighted(0.2, 0_u32..4));
    let times = (prop::option::weighted(0.2, 0_u64..5_000), prop::option::weighted(0.2, 0_u64..5_000));
    let flags = (prop::option::weighted(0.2, any::<bool>()), prop::option::weighted(0.2, any::<bool>()));
    (prop::sample::select(TEXTS), places, people, amounts, times, flags, any::<bool>()).prop_map(
        |(
            text,
            (server, directory, session),
            (role, model, agent, tool),
            (least, most),
            (since, until),
            flags,
            newest,
        )| {
            HistoryQuery {
                text: text.to_owned(),
                server: server.map(str::to_owned),
                directory: directory.map(str::to_owned),
                session: session.map(SessionId::from),
                role: role.map(str::to_owned),
                model: model.map(str::to_owned),
                agent: agent.map(str::to_owned),
                tool: tool.map(str::to_owned),
                cost_at_least: least.map(|cents| f64::from(cents) / 64.0),
                cost_at_most: most.map(|cents| f64::from(cents) / 64.0),
                since,
                until,
                has_error: flags.0,
                has_file: flags.1,
                order: if newest { HistoryOrder::Newest } else { HistoryOrder::Relevance },
                limit: 1_000,
                offset: 0,
            }
        },
    )
}

/// The same question, answered by looking at everything.
fn is_found(query: &HistoryQuery, stored: &StoredSession, message: &Message, text: &str) -> bool {
    let same = |wanted: &Option<String>, is: Option<&str>| {
        wanted.as_ref().is_none_or(|wanted| is.is_some_and(|is| is.to_lowercase() == wanted.to_lowercase()))
    };
    let directory = stored.session.directory.trim_end_matches('/');
    let below = query.directory.as_ref().is_none_or(|above| {
        let above = above.trim_end_matches('/');
        directory == above || directory.starts_with(&format!("{above}/"))
    });
    let model = query.model.as_ref().is_none_or(|wanted| {
        let wanted = wanted.to_lowercase();
        let is = message.model.as_ref();
        is.is_some_and(|m| m.model.to_lowercase() == wanted || m.to_string().to_lowercase() == wanted)
    });
    let calls: Vec<_> = message.parts.iter().filter_map(|part| part.tool()).collect();
    let tool = query.tool.as_ref().is_none_or(|t| calls.iter().any(|call| call.tool.eq_ignore_ascii_case(t)));
    let failed = message.error.as_ref().is_some_and(|e| !e.aborted)
        || calls.iter().any(|call| call.status == ToolStatus::Error);
    let file = message.parts.iter().any(|part| matches!(part.body, PartBody::File { .. }));
    let cost = message.usage.map_or(0.0, |usage| usage.cost);
    let words = TextQuery::parse(&query.text);
    (words.is_empty() || words.matches(text))
        && query.server.as_ref().is_none_or(|server| *server == stored.server)
        && below
        && query.session.as_ref().is_none_or(|session| *session == stored.session.id)
        && same(&query.role, Some(message.role.word()))
        && model
        && same(&query.agent, message.agent.as_deref())
        && tool
        && query.cost_at_least.is_none_or(|least| cost >= least)
        && query.cost_at_most.is_none_or(|most| cost <= most)
        && query.since.is_none_or(|since| message.created >= since)
        && query.until.is_none_or(|until| message.created < until)
        && query.has_error.is_none_or(|wanted| wanted == failed)
        && query.has_file.is_none_or(|wanted| wanted == file)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_search_finds_what_a_look_at_everything_finds(
        conversations in any_conversations(),
        queries in prop::collection::vec(any_query(), 60),
    ) {
        let (_folder, history) = history();
        store(&history, &conversations);
        for query in queries {
            let found = wait(history.search(&query)).unwrap();
            prop_assert!(!found.more);
            let is: BTreeSet<Name> = (found.messages.iter())
                .map(|f| (f.session.server.clone(), f.session.session.id.clone(), f.message.id.to_string()))
                .collect();
            prop_assert_eq!(is.len(), found.messages.len());
            let mut wanted: BTreeSet<Name> = BTreeSet::new();
            for (stored, messages) in &conversations {
                for (index, message) in messages.iter().enumerate() {
                    let record = MessageRecord::new(&stored.server, &stored.session, index == 0, message.clone());
                    let text = History::indexer().index(&serde_json::to_vec(&record).unwrap()).text;
                    if is_found(&query, stored, message, &text) {
                        wanted.insert((stored.server.clone(), stored.session.id.clone(), message.id.to_string()));
                    }
                }
            }
            prop_assert_eq!(is, wanted, "{:?}", query);
            if query.order == HistoryOrder::Newest {
                let times: Vec<u64> = found.messages.iter().map(|f| f.message.created).collect();
                prop_assert!(times.windows(2).all(|pair| pair[0] >= pair[1]), "{:?}", times);
            }
        }
    }
}

#[tokio::test]
async fn a_hit_shows_its_session_the_whole_message_and_why_and_pages_meet() {
    let (_folder, history) = history();
    let stored =
        StoredSession { server: "local".into(), session: session("ses_1", "A title", "/p", 5), stored: 1 };
    let messages: Vec<Message> = (0..5).map(|n| message("ses_1", &format!("msg_{n}"))).collect();
    store(&history, &[(stored, messages.clone())]);
    let mut seen = Vec::new();
    for offset in [0, 2, 4] {
        let query =
            HistoryQuery { text: "\"an output\"".into(), limit: 2, offset, ..HistoryQuery::default() };
        let found = history.search(&query).await.unwrap();
        assert_eq!(found.more, offset < 4);
        for hit in found.messages {
            assert_eq!(hit.session.session.title, "A title");
            assert!(
                hit.snippet.pieces.iter().any(|(text, is_hit)| *is_hit && text.contains("output")),
                "{hit:?}"
            );
            assert!(messages.contains(&hit.message));
            seen.push(hit.message.id);
        }
    }
    seen.sort();
    seen.dedup();
    assert_eq!(seen.len(), 5);
    let by_title = HistoryQuery { text: "title".into(), ..HistoryQuery::default() };
    assert_eq!(history.search(&by_title).await.unwrap().messages.len(), 1);
    let wrong = HistoryQuery { cost_at_least: Some(f64::NAN), ..HistoryQuery::default() };
    assert_eq!(history.search(&wrong).await.unwrap_err().kind(), ErrorKind::InvalidInput);
}
