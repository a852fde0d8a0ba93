//! Which line of OpenCode answers at an address.
//!
//! Unknown routes answer 200 with a web page on both lines, so only a JSON answer of the right shape counts. Every
//! probe is bounded: a server that is starting may accept a connection and never answer it.

use std::sync::Arc;
use std::time::Duration;

use opencode_api::{LocationStyle, Method, Request};
use serde_json::Value;

use super::{Dialect, v1, v2};
use crate::error::{Error, ErrorKind, Result};
use crate::transport::Transport;

/// One probe takes at most this long.
const PROBE: Duration = Duration::from_secs(5);

/// The two incompatible lines of OpenCode.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Line {
    /// OpenCode 1.x.
    V1,
    /// OpenCode 2.
    V2,
}

/// What a server says about itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServerInfo {
    /// What it speaks.
    pub line: Line,
    /// Its version, for people: nothing is decided by it.
    pub version: String,
}

pub(crate) async fn detect(transport: &Transport) -> Result<(ServerInfo, Arc<dyn Dialect>)> {
    let v1_probe = probe(transport, "global.health", "/global/health").await?;
    if let Some(version) = v1_probe.as_ref().and_then(|v| v.get("version")?.as_str()) {
        let info = ServerInfo { line: Line::V1, version: version.to_owned() };
        return Ok((info, Arc::new(v1::V1::new(transport.clone()))));
    }
    let v2_probe = probe(transport, "info", "/api/info").await?;
    if let Some(version) = v2_probe.as_ref().and_then(|v| v.get("version")?.as_str()) {
        let info = ServerInfo { line: Line::V2, version: version.to_owned() };
        return Ok((info, Arc::new(v2::V2::new(transport.clone()))));
    }
    Err(Error::new(ErrorKind::Incompatible, format!("{} is not an OpenCode server", transport.address()))
        .with_hint("check the address and the port; start a server with `opencode serve`"))
}

/// The answer if it is a JSON object; `None` for a page, an unknown route or other JSON.
async fn probe(transport: &Transport, operation: &'static str, path: &str) -> Result<Option<Value>> {
    let request = Request {
        method: Method::Get,
        path: path.into(),
        query: Vec::new(),
        headers: Vec::new(),
        body: None,
        content_type: None,
        location_style: LocationStyle::None,
    };
    let answer = match tokio::time::timeout(PROBE, transport.send(operation, &request, true)).await {
        Err(_) => {
            return Err(Error::new(
                ErrorKind::Timeout,
                format!("{} accepts connections but does not answer", transport.address()),
            )
            .with_hint("the server may be half-dead or still starting; restart it, or try again in a moment")
            .with_operation(operation));
        }
        Ok(Err(error)) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Ok(answer) => answer?,
    };
    let is_json = answer.content_type().is_some_and(|t| t.starts_with("application/json"));
    if !is_json {
        return Ok(None);
    }
    match serde_json::from_slice::<Value>(&answer.body) {
        Ok(value) => Ok(value.is_object().then_some(value)),
        Err(error) => Err(Error::new(ErrorKind::Protocol, "the server's answer is cut short or no JSON")
            .with_hint("a proxy in between may cut answers short; connect to the server directly")
            .with_operation(operation)
            .with_source(error)),
    }
}
