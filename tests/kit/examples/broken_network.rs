//! A client behind a network that breaks the event stream after its third frame, and doubles every second one after that:
//! whatever happens on the way, the answer is told whole and once.
#![allow(clippy::print_stdout)]

use opencode_nexus::Client;
use opencode_nexus::chat::{ChatEvent, TextKind};
use opencode_nexus_testkit::fault_proxy::{At, End, Fault, FaultPlan, FaultProxy};
use opencode_nexus_testkit::scripted::{Action, Behaviour, Conversation};
use opencode_nexus_testkit::server::{TestServer, TestServerOptions};

/// Public because the tests of this crate run it as well.
#[tokio::main]
pub async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let words = Behaviour::new(vec![Conversation::new("", vec![vec![Action::tokens(60, 7).at(200.0)]])]);
    let server = TestServer::start(TestServerOptions::with(words)).await?;
    let plan = FaultPlan::events(|nth| match nth {
        0 => Fault::cut(At::Frame(3), End::Reset),
        _ => Fault { duplicate_every: Some(2), ..Fault::none() },
    });
    let network = FaultProxy::start(&server.url, plan).await?;
    let client =
        Client::builder(network.url()).directory(server.directory.to_string_lossy()).connect().await?;
    let conversation = client.create(None).await?;
    let mut turn = conversation.prompt("Speak").await?;
    let (mut prompt, mut told) = (String::new(), String::new());
    while let Some(event) = turn.next().await {
        if let ChatEvent::Text { delta, kind: TextKind::Text, message_id, .. } = event? {
            let own = message_id == *turn.message_id();
            if own { &mut prompt } else { &mut told }.push_str(&delta);
        }
    }
    let messages = conversation.read_messages().await?;
    let on_server: String = messages[1].parts.iter().filter_map(|part| part.text()).collect();
    assert_eq!(told, on_server);
    println!("{} faults injected; {} characters told whole and once", network.injected_total(), told.len());
    Ok(())
}
