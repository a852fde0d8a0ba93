//! Notices, pages, the terminal and timers.

use std::sync::Arc;
use std::time::Duration;

use opencode_nexus::extension::Notice;
use wasmtime::Result;

use super::HostState;
use super::failure::{Answer, failure, failure_with};
use super::session::bounded;
use super::wit::types::ErrorCode;
use super::wit::ui::{Host, Notification};
use crate::plain::one_line;
use crate::stage::{Bounded, Stage};
use crate::web::PushError;

/// How much of a notice is shown.
const TITLE: usize = 100;
const BODY: usize = 500;

impl Host for HostState {
    async fn notify(&mut self, notification: Notification) -> Result<Answer<()>> {
        Ok(self.ui_notice(&notification))
    }

    async fn web_push(&mut self, client: Option<u32>, channel: String, json: String) -> Result<Answer<()>> {
        Ok(self.ui_push(client, &channel, &json))
    }

    async fn term_render(&mut self, rows: Vec<String>) -> Result<Answer<()>> {
        Ok(self.ui_render(&rows))
    }

    async fn set_timer(&mut self, delay_ms: u32, token: u32) -> Result<Answer<()>> {
        Ok(self.ui_timer(Duration::from_millis(delay_ms.into()), token))
    }
}

impl HostState {
    fn shown(&self) -> Answer<Arc<Stage>> {
        self.stage.clone().ok_or_else(|| failure(ErrorCode::Unavailable, "nobody looks at this plugin here"))
    }

    fn ui_notice(&self, notification: &Notification) -> Answer<()> {
        let stage = self.shown()?;
        bounded(&stage, Bounded::Notice, "notices")?;
        let (title, body) = (one_line(&notification.title, TITLE), one_line(&notification.body, BODY));
        let words: Vec<&str> =
            [title.trim(), body.trim()].into_iter().filter(|text| !text.is_empty()).collect();
        if words.is_empty() {
            return Err(failure(ErrorCode::Invalid, "a notice without words"));
        }
        self.allowed("ui.notify", &title);
        let notice = Notice::info(&self.caller.plugin, words.join(": "));
        self.caller.access.ground.notices.tell(notice);
        Ok(())
    }

    fn ui_push(&self, client: Option<u32>, channel: &str, json: &str) -> Answer<()> {
        if self.caller.rights.granted().web.is_none() {
            return Err(self.denied("ui.web-push", "web", channel));
        }
        self.shown()?.pages.push(client, channel, json).map_err(|error| match error {
            PushError::Invalid => failure_with(
                ErrorCode::Invalid,
                "that is no JSON, or no channel",
                "a channel has lower case letters, digits and hyphens, and is not called `nexus`",
            ),
            PushError::TooLong => failure(ErrorCode::Quota, "at most 256 KiB are sent at once"),
            PushError::NotFound => failure(ErrorCode::NotFound, "that page is not open any more"),
        })
    }

    fn ui_render(&self, rows: &[String]) -> Answer<()> {
        if self.caller.rights.granted().terminal.is_none() {
            return Err(self.denied("ui.term-render", "terminal", "to draw on the terminal"));
        }
        self.shown()?.screen.render(rows);
        Ok(())
    }

    fn ui_timer(&self, delay: Duration, token: u32) -> Answer<()> {
        match self.shown()?.timers.set(delay, token) {
            true => Ok(()),
            false => {
                Err(failure_with(ErrorCode::Quota, "16 timers wait already", "use one of their tokens again"))
            }
        }
    }
}
