//! Each fault does what it says, and no fault changes no byte. The server behind the proxy is a few lines of TCP,
//! because the test must know every byte that it sends.
mod plain;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use opencode_nexus_testkit::fault_proxy::{
    Answer, At, End, Fault, FaultKind, FaultPlan, FaultProxy, LineEnds, Split,
};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

const FRAMES: [&str; 4] = ["data: one\n\n", "data: zwölf 🙂\n\n", ": beat\n\n", "data: x\ndata: y\n\n"];

/// Serves `/event` chunked (frames cut in the middle of a character) and anything else with a length.
async fn origin() -> (String, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let served = Arc::new(AtomicUsize::new(0));
    let counter = served.clone();
    tokio::spawn(async move {
        while let Ok((socket, _)) = listener.accept().await {
            tokio::spawn(serve(socket, counter.clone()));
        }
    });
    (url, served)
}

async fn serve(mut socket: TcpStream, served: Arc<AtomicUsize>) {
    let mut request = Vec::new();
    while let Ok(n) = socket.read_buf(&mut request).await {
        if n == 0 {
            return;
        }
        let text = String::from_utf8_lossy(&request).into_owned();
        let Some((head, body)) = text.split_once("\r\n\r\n") else { continue };
        let lower = head.to_ascii_lowercase();
        let length = lower
            .split_once("content-length: ")
            .map_or(0, |(_, l)| l.lines().next().unwrap().parse().unwrap());
        if body.len() < length {
            continue;
        }
        served.fetch_add(1, Ordering::SeqCst);
        let answer = if head.contains("/event") { event_answer() } else { plain_answer(body) };
        request.clear();
        if socket.write_all(&answer).await.is_err() {
            return;
        }
    }
}

fn plain_answer(body: &str) -> Vec<u8> {
    format!("HTTP/1.1 200 OK\r\nX-Odd:  spaced\r\ncontent-length: {}\r\n\r\ngot {body}", body.len() + 4)
        .into_bytes()
}

fn event_answer() -> Vec<u8> {
    let mut answer =
        b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n".to_vec();
    let body = FRAMES.concat().into_bytes();
    for piece in [&body[..20], &body[20..]] {
        answer.extend(format!("{:X};ext=1\r\n", piece.len()).bytes());
        answer.extend(piece);
        answer.extend(b"\r\n");
    }
    answer.extend(b"0\r\nTrailer-Of: mine\r\n\r\n");
    answer
}

async fn proxy(plan: FaultPlan) -> (FaultProxy, Arc<AtomicUsize>) {
    let (url, served) = origin().await;
    (FaultProxy::start(&url, plan).await.unwrap(), served)
}

/// What an event stream gives through this fault: the bytes and whether it ended well.
async fn stream(fault: Fault) -> (String, bool, FaultProxy) {
    let (proxy, _) = proxy(FaultPlan::events(move |_| fault.clone())).await;
    let (bytes, clean) = plain::drain(plain::send(&proxy.url(), "GET", "/event", None).await).await;
    (String::from_utf8_lossy(&bytes).into_owned(), clean, proxy)
}

/// Sends bytes and reads until the end or a reset.
async fn raw(url: &str, request: &str) -> (Vec<u8>, Result<(), std::io::ErrorKind>) {
    let mut socket = TcpStream::connect(url.strip_prefix("http://").unwrap()).await.unwrap();
    socket.write_all(request.as_bytes()).await.unwrap();
    let mut all = Vec::new();
    let end = tokio::time::timeout(plain::BOUND, socket.read_to_end(&mut all)).await.unwrap();
    (all, end.map(drop).map_err(|e| e.kind()))
}

#[tokio::test]
async fn without_a_fault_every_byte_passes_and_the_connection_is_kept() {
    let (proxy, served) = proxy(FaultPlan::none()).await;
    let request = "GET /event HTTP/1.1\r\nhost: x\r\n\r\nPOST /p HTTP/1.1\r\nhost: x\r\ncontent-length: 5\r\n\r\nhello\
                   GET /last HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n";
    let (bytes, end) = raw(&proxy.url(), request).await;
    let expected = [event_answer(), plain_answer("hello"), plain_answer("")].concat();
    assert_eq!(String::from_utf8_lossy(&bytes), String::from_utf8_lossy(&expected));
    assert_eq!((end, served.load(Ordering::SeqCst)), (Ok(()), 3));
    assert_eq!((proxy.injected_total(), proxy.connections(), proxy.event_streams()), (0, 1, 1));
}

#[tokio::test]
async fn a_stream_can_break_at_every_byte_in_every_way() {
    let body = FRAMES.concat();
    for at in 0..body.len() as u64 {
        for (end, clean, kind) in [
            (End::CleanEof, true, FaultKind::CleanEof),
            (End::Fin, false, FaultKind::Fin),
            (End::Reset, false, FaultKind::Reset),
        ] {
            let (proxy, _) = proxy(FaultPlan::events(move |_| Fault::cut(At::Byte(at), end))).await;
            let response = plain::send(&proxy.url(), "GET", "/event", None).await;
            let (bytes, ended_well) = plain::drain(response).await;
            // A reset may overtake what was sent before it.
            if end == End::Reset {
                assert!(body.as_bytes()[..at as usize].starts_with(&bytes), "{at}");
            } else {
                assert_eq!(bytes, &body.as_bytes()[..at as usize], "{at} {end:?}");
            }
            assert_eq!(ended_well, clean, "{at} {end:?}");
            assert_eq!((proxy.injected(kind), proxy.injected_total()), (1, 1));
        }
    }
}

#[tokio::test]
async fn a_stream_can_break_between_frames() {
    for count in 0..FRAMES.len() {
        let (text, clean, _) = stream(Fault::cut(At::Frame(count as u64), End::Fin)).await;
        assert_eq!((text, clean), (FRAMES[..count].concat(), false));
    }
}

#[tokio::test]
async fn splitting_rewriting_and_repeating_change_only_what_they_say() {
    let body = FRAMES.concat();
    for split in [Split::Every(1), Split::Every(3), Split::Random { max: 5, seed: 9 }] {
        let (text, clean, proxy) = stream(Fault { split, ..Fault::default() }).await;
        assert_eq!((&text, clean, proxy.injected(FaultKind::Split)), (&body, true, 1), "{split:?}");
    }
    let (text, ..) =
        stream(Fault { line_ends: LineEnds::CrLf, split: Split::Every(1), ..Fault::default() }).await;
    assert_eq!(text, body.replace('\n', "\r\n"));
    let (text, ..) = stream(Fault { line_ends: LineEnds::Cr, ..Fault::default() }).await;
    assert_eq!(text, body.replace('\n', "\r"));
    let (text, _, proxy) = stream(Fault { duplicate_every: Some(2), ..Fault::default() }).await;
    let [a, b, c, d] = FRAMES;
    assert_eq!(text, [a, b, b, c, d, d].concat());
    assert_eq!(proxy.injected(FaultKind::Duplicate), 2);
}

#[tokio::test]
async fn one_byte_writes_are_chunks_of_their_own() {
    let (proxy, _) = proxy(FaultPlan::events(|_| Fault { split: Split::Every(1), ..Fault::default() })).await;
    let (bytes, _) = raw(&proxy.url(), "GET /event HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").await;
    let text = String::from_utf8_lossy(&bytes);
    assert_eq!(text.matches("\r\n1\r\n").count(), FRAMES.concat().len());
}

#[tokio::test]
async fn a_stall_ends_by_itself_or_lasts() {
    let pause = End::Stall(Some(Duration::from_millis(5)));
    let (text, clean, proxy) = stream(Fault::cut(At::Byte(4), pause)).await;
    assert_eq!((text, clean, proxy.injected(FaultKind::Stall)), (FRAMES.concat(), true, 1));

    let (proxy, _) = self::proxy(FaultPlan::events(|_| Fault::cut(At::Frame(1), End::Stall(None)))).await;
    let response = plain::send(&proxy.url(), "GET", "/event", None).await;
    let reading = tokio::spawn(plain::drain(response));
    while proxy.injected(FaultKind::Stall) == 0 {
        tokio::task::yield_now().await;
    }
    assert!(!reading.is_finished());
    proxy.reset_all();
    let (bytes, clean) = reading.await.unwrap();
    assert!(FRAMES[0].as_bytes().starts_with(&bytes) && !clean);
}

#[tokio::test]
async fn answers_are_lost_after_the_server_did_the_work() {
    for end in [End::Fin, End::Reset] {
        let (proxy, served) = proxy(FaultPlan::new(move |_| Fault::answer(Answer::Lose(end)))).await;
        let (bytes, ended) =
            raw(&proxy.url(), "POST /p HTTP/1.1\r\nhost: x\r\ncontent-length: 2\r\n\r\nhi").await;
        assert_eq!((bytes.len(), served.load(Ordering::SeqCst)), (0, 1));
        let expected = if end == End::Reset { Err(std::io::ErrorKind::ConnectionReset) } else { Ok(()) };
        assert_eq!((ended, proxy.injected(FaultKind::Lost)), (expected, 1));
    }
    let (proxy, served) = proxy(FaultPlan::new(|_| Fault::answer(Answer::Replace(502)))).await;
    assert_eq!(plain::ask(&proxy.url(), "POST", "/p", Some(&serde_json::json!(1))).await.0, 502);
    assert_eq!(served.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn requests_are_kept_from_the_server() {
    let (proxy, served) = proxy(FaultPlan::new(|info| match info.nth {
        0 => Fault::answer(Answer::Status(503)),
        1 => Fault::answer(Answer::Refuse),
        2 => Fault::answer(Answer::Ignore),
        _ => Fault::none(),
    }))
    .await;
    assert_eq!(plain::ask(&proxy.url(), "GET", "/a", None).await.0, 503);
    let request = "GET /a HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n";
    assert_eq!(raw(&proxy.url(), request).await, (Vec::new(), Err(std::io::ErrorKind::ConnectionReset)));
    let url = proxy.url();
    let ignored = tokio::spawn(async move { raw(&url, request).await });
    while proxy.injected(FaultKind::Ignored) == 0 {
        tokio::task::yield_now().await;
    }
    assert!(!ignored.is_finished());
    assert_eq!(served.load(Ordering::SeqCst), 0);
    proxy.reset_all();
    assert_eq!(ignored.await.unwrap().1, Err(std::io::ErrorKind::ConnectionReset));
    assert_eq!(raw(&proxy.url(), request).await.0, plain_answer(""));
}

#[tokio::test]
async fn a_refusing_proxy_refuses_and_comes_back_on_the_same_port() {
    let (proxy, _) = proxy(FaultPlan::none()).await;
    let address = proxy.url().strip_prefix("http://").unwrap().to_owned();
    for _ in 0..3 {
        proxy.set_refusing(true);
        // The order is carried out by another task: until then a connection may still be accepted.
        let refused = async {
            while TcpStream::connect(&address).await.is_ok() {
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(plain::BOUND, refused).await.unwrap();
        let error = TcpStream::connect(&address).await.unwrap_err();
        assert_eq!(error.kind(), std::io::ErrorKind::ConnectionRefused);
        proxy.set_refusing(false);
        let back = async {
            while TcpStream::connect(&address).await.is_err() {
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(plain::BOUND, back).await.unwrap();
    }
    assert_eq!(plain::ask(&proxy.url(), "GET", "/a", None).await.0, 200);
}

#[tokio::test]
async fn a_cut_answer_of_known_length_is_recognised_as_cut() {
    let (proxy, _) = proxy(FaultPlan::new(|_| Fault::cut(At::Byte(3), End::Fin))).await;
    let (bytes, clean) = plain::drain(plain::send(&proxy.url(), "GET", "/a", None).await).await;
    assert_eq!((&bytes[..], clean), (&b"got"[..], false));
    proxy.pass_through();
    assert_eq!(plain::ask(&proxy.url(), "GET", "/a", None).await.0, 200);
    assert_eq!(proxy.injected_total(), 1);
}

#[tokio::test]
async fn the_same_seed_gives_the_same_faults() {
    let mut seen = Vec::new();
    for _ in 0..2 {
        let (proxy, _) = proxy(FaultPlan::random(11, 60)).await;
        let mut all = Vec::new();
        for _ in 0..12 {
            let response = plain::send(&proxy.url(), "GET", "/event", None).await;
            all.push(plain::drain(response).await.1);
        }
        let counts = FaultKind::ALL.map(|kind| proxy.injected(kind));
        seen.push((all, counts));
    }
    assert_eq!(seen[0], seen[1]);
    assert!(seen[0].1.iter().sum::<u64>() > 5);
}
