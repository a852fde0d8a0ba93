//! Tells a chat room or a mail gateway when a turn ends, asks or fails.
//!
//! Three parts that know nothing of each other: `watch` makes messages of events, `queue` says which message is due and
//! when it is tried again, `deliver` makes a request of a message. This file joins them with the host's timers.

mod deliver;
mod queue;
mod watch;

use deliver::{Delivery, Target};
use opencode_nexus_plugin::{
    Event, Frontend, Plugin, Result, StopReason, clock, error, info, plugin, session, settings, ui,
};
use queue::Queue;
use serde::{Deserialize, Serialize};
use watch::{Kind, Watch};

/// The one timer: it runs down when the next message is due.
const DUE: u32 = 1;

#[derive(Default)]
struct WebhookNotify {
    settings: Settings,
    target: Option<Target>,
    held: Held,
}

/// What survives a reload.
#[derive(Default, Serialize, Deserialize)]
#[serde(default)]
struct Held {
    watch: Watch,
    queue: Queue,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case", default)]
struct Settings {
    on: Vec<Kind>,
    mail: Option<deliver::Mail>,
    escalate_after_seconds: u64,
    attempts: u32,
}

impl Default for Settings {
    fn default() -> Self {
        let on = vec![Kind::Ended, Kind::Asked, Kind::Failed];
        Self { on, mail: None, escalate_after_seconds: 300, attempts: 6 }
    }
}

impl Plugin for WebhookNotify {
    fn start(&mut self, state: Option<Vec<u8>>) -> Result<()> {
        self.settings = settings::read()?;
        self.target = Some(match &self.settings.mail {
            Some(mail) => Target::Mail { mail: mail.clone(), token: settings::secret("MAIL_TOKEN")? },
            None => Target::Room { url: settings::secret("WEBHOOK_URL")? },
        });
        // What an older build has left may look different; then it is left out.
        self.held = state.and_then(|state| serde_json::from_slice(&state).ok()).unwrap_or_default();
        use session::EventKind::{Failure, Permission, Question, Session, TurnEnded};
        session::subscribe(&[Session, Permission, Question, TurnEnded, Failure], None)?;
        self.wind();
        Ok(())
    }

    fn stop(&mut self, _reason: StopReason) -> Option<Vec<u8>> {
        serde_json::to_vec(&self.held).ok()
    }
}

impl Frontend for WebhookNotify {
    fn on_events(&mut self, batch: Vec<Event>) {
        let now = clock::now_ms();
        for event in batch {
            let said = self.held.watch.see(event.body, now, self.settings.escalate_after_seconds * 1_000);
            for message in said.into_iter().filter(|message| self.settings.on.contains(&message.kind)) {
                if !self.held.queue.add(message, now) {
                    error!("too many messages wait; one is left out");
                }
            }
        }
        // Delivery has the time of a timer's call, events have 50 ms.
        self.wind();
    }

    fn on_timer(&mut self, token: u32) {
        if token != DUE {
            return;
        }
        let now = clock::now_ms();
        for message in self.held.watch.due(now) {
            self.held.queue.add(message, now);
        }
        if let (Some(waiting), Some(target)) = (self.held.queue.due(now), &self.target) {
            let delivery = target.deliver(&waiting.message);
            let message = waiting.message.title.clone();
            match delivery {
                Delivery::Done => info!("told after {} attempts", waiting.attempts + 1),
                Delivery::Again { ref why, .. } => info!("not told: {why}"),
                Delivery::Never { ref why } => error!("not told, and not tried again: {why}"),
            }
            if let Some(why) = self.held.queue.tried(delivery, clock::now_ms(), self.settings.attempts) {
                let body = format!("{message}: {why}");
                let notice =
                    ui::Notification { title: "A message was not delivered".to_owned(), body, session: None };
                if let Err(failure) = ui::notify(&notice) {
                    error!("and no notice: {}", failure.message);
                }
            }
        }
        self.wind();
    }
}

impl WebhookNotify {
    /// Sets the timer for what is due next.
    fn wind(&self) {
        let next = [self.held.queue.next(), self.held.watch.next()].into_iter().flatten().min();
        let Some(next) = next else { return };
        let delay = next.saturating_sub(clock::now_ms()).clamp(50, u64::from(u32::MAX));
        if let Err(failure) = ui::set_timer(u32::try_from(delay).unwrap_or(u32::MAX), DUE) {
            error!("no timer: {}", failure.message);
        }
    }
}

plugin!(WebhookNotify: frontend);
