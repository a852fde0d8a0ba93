//! One connection of a client: requests in turn, each with its fault.

use std::io;
use std::net::SocketAddr;

use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::TcpStream;
use tokio::net::tcp::{ReadHalf, WriteHalf};

use super::Shared;
use super::count::FaultKind;
use super::http::{Body, Head, Length};
use super::out::{Flow, Out};
use super::plan::{Answer, ConnectionInfo, End, Fault, LineEnds};
use super::shape::{Frames, with_line_ends};

/// How to leave the client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Leave {
    Close,
    Reset,
}

type Upstream = BufReader<TcpStream>;

/// Serves a client until one side ends it or a fault does.
pub(super) async fn run(client: &mut TcpStream, shared: &Shared, server: SocketAddr) -> io::Result<Leave> {
    let (reader, writer) = client.split();
    let mut relay = Relay { shared, server, client: BufReader::new(reader), writer, upstream: None };
    loop {
        if let Some(leave) = relay.exchange().await? {
            return Ok(leave);
        }
    }
}

struct Relay<'a> {
    shared: &'a Shared,
    server: SocketAddr,
    client: BufReader<ReadHalf<'a>>,
    writer: WriteHalf<'a>,
    /// Kept for the next request: the client sees the connections of the server as they are.
    upstream: Option<Upstream>,
}

impl Relay<'_> {
    /// One request and its answer; `None` when the connection can take another one.
    async fn exchange(&mut self) -> io::Result<Option<Leave>> {
        let request = tokio::select! {
            request = Head::read(&mut self.client) => request?,
            () = ended(&mut self.upstream) => None,
        };
        let Some(request) = request else { return Ok(Some(Leave::Close)) };
        let info = self.shared.info(&request);
        let fault = self.shared.choose(&info);
        match &fault.answer {
            Answer::Ignore => {
                self.shared.counts.add(FaultKind::Ignored);
                self.wait_for_the_end().await;
                return Ok(Some(Leave::Close));
            }
            Answer::Refuse => {
                self.shared.counts.add(FaultKind::Refused);
                return Ok(Some(Leave::Reset));
            }
            Answer::Status(status) => {
                let mut body = Body::new(request.request_body());
                while body.next(&mut self.client).await?.is_some() {}
                return self.canned(*status).await;
            }
            Answer::Forward | Answer::Lose(_) | Answer::Replace(_) => {}
        }
        self.pass_on(&request).await?;
        self.answer(&request, &info, &fault).await
    }

    async fn pass_on(&mut self, request: &Head) -> io::Result<()> {
        let upstream = match &mut self.upstream {
            Some(upstream) => upstream,
            none => {
                let stream = TcpStream::connect(self.server).await?;
                stream.set_nodelay(true)?;
                none.insert(BufReader::new(stream))
            }
        };
        upstream.write_all(&request.raw).await?;
        let mut body = Body::new(request.request_body());
        while let Some(piece) = body.next(&mut self.client).await? {
            upstream.write_all(&piece.raw).await?;
        }
        Ok(())
    }

    async fn answer(
        &mut self,
        request: &Head,
        info: &ConnectionInfo,
        fault: &Fault,
    ) -> io::Result<Option<Leave>> {
        let Some(upstream) = &mut self.upstream else { return Ok(Some(Leave::Close)) };
        let head = loop {
            let head = tokio::select! {
                head = Head::read(upstream) => head?,
                () = gone(&mut self.client) => None,
            };
            match head {
                None => return Ok(Some(Leave::Close)),
                Some(head) if head.word(1) == "100" => self.writer.write_all(&head.raw).await?,
                Some(head) => break head,
            }
        };
        if head.word(1) == "101" {
            return self.tunnel(&head).await;
        }
        let length = head.response_body(&info.method);
        let last = length == Length::ToTheEnd
            || head.says("connection", "close")
            || request.says("connection", "close");
        let mut body = Body::new(length);
        if matches!(fault.answer, Answer::Lose(_) | Answer::Replace(_)) {
            // An event stream never ends; its head is answer enough.
            while !info.is_event_stream && body.next(upstream).await?.is_some() {}
        }
        match fault.answer {
            Answer::Lose(end) => {
                self.shared.counts.add(FaultKind::Lost);
                return Ok(Some(self.lose(end).await));
            }
            Answer::Replace(status) => {
                self.upstream = None;
                return self.canned(status).await;
            }
            _ => {}
        }
        self.writer.write_all(&head.raw).await?;
        let is_stream = head.says("content-type", "text/event-stream");
        let out = Out::new(&mut self.writer, self.shared, fault, length);
        let relayed = tokio::select! {
            relayed = relay_body(upstream, body, out, fault, is_stream) => relayed?,
            () = gone(&mut self.client) => return Ok(Some(Leave::Close)),
        };
        match relayed {
            Flow::Go if last => Ok(Some(Leave::Close)),
            Flow::Go => Ok(None),
            Flow::Break(end) => Ok(Some(self.leave(end).await)),
        }
    }

    /// Carries out an end that was decided (and counted) in the middle of a body.
    async fn leave(&mut self, end: End) -> Leave {
        match end {
            End::Reset => return Leave::Reset,
            End::Stall(_) => self.wait_for_the_end().await,
            End::CleanEof | End::Fin => {}
        }
        Leave::Close
    }

    async fn lose(&mut self, end: End) -> Leave {
        if let End::Stall(Some(time)) = end {
            tokio::time::sleep(time).await;
            return Leave::Close;
        }
        self.leave(end).await
    }

    async fn canned(&mut self, status: u16) -> io::Result<Option<Leave>> {
        self.shared.counts.add(FaultKind::Status);
        // RFC 9110, section 15.3.5: 204 has neither a body nor a length.
        let answer = match status {
            204 => "HTTP/1.1 204 Injected\r\n\r\n".to_owned(),
            _ => {
                let body = format!("<html><body>{status} from the fault proxy</body></html>");
                let length = body.len();
                format!(
                    "HTTP/1.1 {status} Injected\r\ncontent-type: text/html\r\ncontent-length: {length}\r\n\r\n{body}"
                )
            }
        };
        self.writer.write_all(answer.as_bytes()).await?;
        Ok(None)
    }

    /// After an upgrade the bytes are nobody's business.
    async fn tunnel(&mut self, head: &Head) -> io::Result<Option<Leave>> {
        self.writer.write_all(&head.raw).await?;
        let Some(upstream) = &mut self.upstream else { return Ok(Some(Leave::Close)) };
        let mut client = tokio::io::join(&mut self.client, &mut self.writer);
        tokio::io::copy_bidirectional(&mut client, upstream).await?;
        Ok(Some(Leave::Close))
    }

    /// Keeps the connection until the client gives up.
    async fn wait_for_the_end(&mut self) {
        loop {
            match self.client.fill_buf().await.map(<[u8]>::len) {
                Ok(0) | Err(_) => return,
                Ok(count) => self.client.consume(count),
            }
        }
    }
}

async fn relay_body(
    upstream: &mut Upstream,
    mut body: Body,
    mut out: Out<'_, '_>,
    fault: &Fault,
    is_stream: bool,
) -> io::Result<Flow> {
    let (mut frames, mut number) = (Frames::default(), 0_usize);
    if let Flow::Break(end) = out.at_frame(0).await? {
        return Ok(Flow::Break(end));
    }
    while let Some(piece) = body.next(upstream).await? {
        if !out.is_shaping() {
            out.raw(&piece.raw).await?;
            continue;
        }
        let parts = if is_stream { frames.push(&piece.payload) } else { vec![piece.payload] };
        for part in parts {
            number += 1;
            let repeated =
                is_stream && fault.duplicate_every.is_some_and(|k| number.is_multiple_of(k.max(1)));
            let ends = if is_stream { fault.line_ends } else { LineEnds::Keep };
            let part = with_line_ends(part, ends);
            for again in 0..1 + usize::from(repeated) {
                if again == 1 {
                    out.count(FaultKind::Duplicate);
                }
                if let Flow::Break(end) = out.payload(&part).await? {
                    return Ok(Flow::Break(end));
                }
            }
            if let Flow::Break(end) = out.at_frame(number as u64).await? {
                return Ok(Flow::Break(end));
            }
        }
    }
    if out.is_shaping() {
        let rest = frames.rest();
        if let Flow::Break(end) = out.payload(&rest).await? {
            return Ok(Flow::Break(end));
        }
        out.last_chunk().await?;
    }
    Ok(Flow::Go)
}

/// Completes when the idle server connection ends.
async fn ended(upstream: &mut Option<Upstream>) {
    match upstream {
        Some(upstream) => {
            // Bytes between two answers would be an error of the server; the next request will show it.
            if upstream.fill_buf().await.is_ok_and(|b| !b.is_empty()) {
                std::future::pending().await
            }
        }
        None => std::future::pending().await,
    }
}

/// Completes when the client has closed or reset the connection.
async fn gone(client: &mut BufReader<ReadHalf<'_>>) {
    if client.buffer().is_empty() && matches!(client.get_mut().peek(&mut [0]).await, Ok(0) | Err(_)) {
        return;
    }
    // It already sent its next request, which can wait.
    std::future::pending().await
}
