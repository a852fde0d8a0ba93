//! The items of `POST /sync/history` as events.
use super::Event;
use super::bodies::HistoryEvent;
use crate::EventPayload as _;
use crate::event::unversioned;

impl HistoryEvent {
    /// The event that the item repeats. One that does not have the shape of its kind is kept as [`Event::Unknown`].
    ///
    /// # Errors
    /// Only when the payload cannot be written as JSON, which a decoded one can.
    pub fn event(&self) -> Result<Event, serde_json::Error> {
        let payload = serde_json::value::to_raw_value(&self.data)?;
        let kind = unversioned(&self.kind);
        Ok(Event::decode_kind(kind, &payload).unwrap_or_else(|_| Event::keep(kind, &payload)))
    }
}

#[cfg(test)]
mod tests {
    use super::{Event, HistoryEvent};

    #[test]
    fn an_item_of_the_history_is_an_event() {
        let item: HistoryEvent = serde_json::from_str(
            r#"{"id":"evt_1","aggregate_id":"ses_1","seq":3,"type":"message.removed.1","data":{"sessionID":"ses_1","messageID":"msg_1"}}"#,
        )
        .expect("an item");
        let Ok(Event::MessageRemoved(removed)) = item.event() else { panic!("another event") };
        assert_eq!(removed.message_id, "msg_1");
    }
}
