//! Sees in which sessions of a server something happens, and has them followed.

use std::sync::{Arc, Weak};
use std::time::Duration;

use opencode_nexus::Client;
use opencode_nexus::model::{Event, SessionId};
use opencode_nexus::stream::StreamItem;
use tokio::sync::mpsc;

use super::follow::deliver;
use super::{Sessions, now_ms, options};
use crate::bindings::nexus::plugin::session::EventBody;
use crate::events::{failure, info};

/// How long after its end the stream of events is asked for again; twice as long each time, up to the last.
const AGAIN: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(60));

/// So many sessions may wait to be followed; more are noticed by their next event.
const WAITING: usize = 64;

/// The clock of a server may be so much behind ours, in milliseconds; an event is as old at most when it comes.
const CLOCKS: u64 = 30_000;

/// Watches until the sessions are gone.
pub(super) async fn watch(sessions: Weak<Sessions>, client: Client) {
    let (wanted, opening) = mpsc::channel(WAITING);
    let follow = follow(sessions.clone(), client.clone(), opening);
    let events = async {
        let mut wait = AGAIN.0;
        while sessions.strong_count() > 0 {
            let worked = events(&sessions, &client, &wanted).await;
            wait = if worked { AGAIN.0 } else { (wait * 2).min(AGAIN.1) };
            tokio::time::sleep(wait).await;
        }
    };
    tokio::select! {
        () = follow => {}
        () = events => {}
    }
}

/// One stream of events to its end; whether it has ever been open.
async fn events(sessions: &Weak<Sessions>, client: &Client, wanted: &mpsc::Sender<Wanted>) -> bool {
    let (mut stream, mut opened) = (client.events(), false);
    while let Some(item) = stream.next().await {
        let Some(sessions) = sessions.upgrade() else { return opened };
        match item {
            StreamItem::Opened | StreamItem::Lagged(_) => {
                opened = true;
                // Full: then those that wait are looked at first, and the others at their next event.
                let _ = wanted.try_send(Wanted::Running);
            }
            StreamItem::Event(event) => seen(&sessions, &event, wanted),
            StreamItem::Closed(_) => {}
            StreamItem::Failed(error) => {
                deliver(&sessions.open_inboxes(), &failure(None, &error.to_string()));
                return opened;
            }
        }
    }
    opened
}

enum Wanted {
    /// This one: something happens in it, since about this time (Unix milliseconds).
    Session(SessionId, u64),
    /// All in which something runs.
    Running,
}

fn seen(sessions: &Arc<Sessions>, event: &Event, wanted: &mpsc::Sender<Wanted>) {
    let Some(session) = event.session_id() else { return };
    if sessions.is_followed(session) || !sessions.has_listeners() {
        return;
    }
    match event {
        Event::Session(new) => {
            let known = new.parent_id.as_ref().is_some_and(|parent| sessions.is_followed(parent));
            if !known && sessions.find(session).is_none() {
                deliver(&sessions.open_inboxes(), &EventBody::Session(info(new, false)).into());
            }
        }
        Event::Status { status, .. } if status.is_idle() => {}
        Event::SessionRemoved(_) | Event::Todos { .. } | Event::Diff { .. } | Event::Other { .. } => {}
        _ => {
            let _ = wanted.try_send(Wanted::Session(session.clone(), now_ms().saturating_sub(CLOCKS)));
        }
    }
}

/// Follows what is wanted, one after the other.
async fn follow(sessions: Weak<Sessions>, client: Client, mut opening: mpsc::Receiver<Wanted>) {
    while let Some(wanted) = opening.recv().await {
        let (wanted, active) = match wanted {
            Wanted::Session(session, at) => (vec![session], Some(at)),
            Wanted::Running => match client.running().await {
                Ok(running) => (running, None),
                Err(error) => {
                    tracing::debug!(%error, "nobody knows which sessions are at work");
                    continue;
                }
            },
        };
        for session in wanted {
            let Some(all) = sessions.upgrade() else { return };
            if all.find(&session).is_some() {
                continue;
            }
            match client.open(session.clone(), options()).await {
                Ok(conversation) => drop(all.add(conversation, active)),
                Err(error) => tracing::debug!(%session, %error, "a session cannot be followed"),
            }
        }
    }
}
