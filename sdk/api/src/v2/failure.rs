//! How a stream of OpenCode 2 says that it failed: a named frame whose data is no event. Which frames are named is
//! known to who reads the stream; here is what the name and the data mean.
use crate::{DecodeError, Number, Raw, Value, lenient};

wire_struct! {
    /// The stream failed with an error that it knows.
    pub struct Failed {
        0 opt error: Value = "error",
        const 1 "_tag" = "Fail",
    }

    /// The stream failed with a defect of the server.
    pub struct Died {
        0 opt defect: Value = "defect",
        const 1 "_tag" = "Die",
    }

    /// The stream was interrupted, as when the server stops.
    pub struct Interrupted {
        0 opt fiber_id: Number = "fiberId",
        const 1 "_tag" = "Interrupt",
    }
}

tagged_union! {
    /// One reason of a failure.
    pub enum Cause by "_tag" {
        "Fail" => Fail(Failed): Failed,
        "Die" => Die(Died): Died,
        "Interrupt" => Interrupt(Interrupted): Interrupted,
    }
}

/// Why a stream failed. After it comes nothing more: who wants events has to subscribe again.
#[derive(Debug, Clone, PartialEq)]
pub enum StreamFailure {
    /// The reasons, as the interface document of 2.0.14 describes them.
    Causes(Vec<Cause>),
    /// Data of another shape.
    Unknown(Raw),
}

impl StreamFailure {
    /// The names that frames with a failure have; the first one is in the document of 2.0.14, the other one is newer.
    pub const NAMES: [&str; 2] = ["effect/httpapi/stream/failure", "effect/http-api/stream/failure"];

    /// Whether a frame of this name (the `event` field) tells a failure.
    #[must_use]
    pub fn is_name(name: &str) -> bool {
        Self::NAMES.contains(&name)
    }

    /// Reads the data of such a frame. Another shape than the documented one is kept, because a failure is one
    /// whatever it says about itself.
    ///
    /// # Errors
    /// When the data is not JSON.
    pub fn parse(data: &[u8]) -> Result<Self, DecodeError> {
        let text = crate::operation::text("a failure of a stream", data)?;
        if let Ok(causes) = lenient::decode(text) {
            return Ok(Self::Causes(causes));
        }
        let raw = serde_json::from_str(text);
        raw.map(Self::Unknown).map_err(|error| DecodeError::json("a failure of a stream", &error))
    }
}

#[cfg(test)]
mod tests {
    use super::{Cause, StreamFailure};

    #[test]
    fn a_failure_says_why() {
        assert!(StreamFailure::NAMES.iter().all(|name| StreamFailure::is_name(name)));
        assert!(!StreamFailure::is_name("message"));
        let data = br#"[{"_tag":"Die","defect":"the queue is full"},{"_tag":"Interrupt","fiberId":null}]"#;
        let Ok(StreamFailure::Causes(causes)) = StreamFailure::parse(data) else { panic!("not understood") };
        assert!(matches!(&causes[..], [Cause::Die(died), Cause::Interrupt(_)]
            if died.defect.as_ref().is_some_and(|defect| defect == "the queue is full")));
        assert_eq!(serde_json::to_vec(&causes).expect("encodes").len(), data.len());
    }

    #[test]
    fn a_failure_of_another_shape_is_kept() {
        let kept = StreamFailure::parse(br#"{"message":"gone"}"#);
        assert!(
            matches!(kept, Ok(StreamFailure::Unknown(raw)) if raw.text("message").as_deref() == Some("gone"))
        );
        assert!(StreamFailure::parse(b"gone").is_err());
    }
}
