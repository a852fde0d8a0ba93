//! What comes on one token, value by value.

use std::sync::Arc;
use std::time::Instant;

use serde_json::Value;
use tokio::sync::mpsc;

use super::screen::ChatScreen;
use super::wire::Shared;
use super::{BOUND, Failure};

/// A value that came.
#[derive(Clone, Debug)]
pub struct Told {
    /// The value of the `$/progress`.
    pub value: Value,
    /// When its message had been read completely.
    pub at: Instant,
    /// Bytes of its message, header and all.
    pub bytes: usize,
}

/// The values of one token, in order.
pub struct Watch {
    pub(super) token: String,
    pub(super) values: mpsc::UnboundedReceiver<Told>,
    pub(super) shared: Arc<Shared>,
}

impl Watch {
    /// The next value.
    ///
    /// # Errors
    /// That none comes in time; that the server is gone.
    pub async fn next(&mut self) -> Result<Told, Failure> {
        let what = || format!("progress on {}", self.token);
        match tokio::time::timeout(BOUND, self.values.recv()).await {
            Ok(Some(told)) => Ok(told),
            Ok(None) => Err(Failure::Gone { what: what(), log: self.shared.log() }),
            Err(_) => Err(Failure::Late { what: what(), log: self.shared.log() }),
        }
    }

    /// What came already and was not looked at.
    pub fn try_next(&mut self) -> Option<Told> {
        self.values.try_recv().ok()
    }

    /// Shows values until one is as wanted, and gives that.
    ///
    /// # Errors
    /// Those of [`next`](Self::next).
    pub async fn until(
        &mut self,
        screen: &mut ChatScreen,
        mut wanted: impl FnMut(&Value, &ChatScreen) -> bool,
    ) -> Result<Value, Failure> {
        loop {
            let told = self.next().await?;
            screen.show(&told.value);
            if wanted(&told.value, screen) {
                return Ok(told.value);
            }
        }
    }

    /// Everything until a turn ends.
    ///
    /// # Errors
    /// Those of [`next`](Self::next).
    pub async fn until_end(&mut self) -> Result<ChatScreen, Failure> {
        let mut screen = ChatScreen::default();
        self.until(&mut screen, is_end).await?;
        Ok(screen)
    }
}

/// Whether a value ends a turn of the session itself.
fn is_end(value: &Value, _: &ChatScreen) -> bool {
    value["kind"] == "end" && value["child"].is_null()
}
