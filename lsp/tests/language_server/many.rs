//! Many turns with random cancellation. `cargo xtask bench lsp` runs a thousand.

use opencode_nexus_testkit::language_client::many_turns::{ManyTurns, behaviour};
use opencode_nexus_testkit::server::{TestServer, TestServerOptions};

use super::{Desk, direct};

#[tokio::test]
async fn of_many_turns_that_are_stopped_at_random_none_loses_a_word_or_its_end() {
    let options = TestServerOptions { snapshot: false, ..TestServerOptions::with(behaviour()) };
    let server = TestServer::start(options).await.unwrap();
    let client = Desk::beside(&server).chat(&server.directory).await;
    let turns = ManyTurns { turns: 60, at_once: 4, seed: 6 };
    let report = turns.run(&client, &direct(&server).await, &server.directory).await.unwrap();
    assert!(report.is_clean(), "{report}\n{:#?}", report.why);
    assert_eq!(report.turns, 60);
    assert!(report.aborted > 10, "{report}");
    client.finish().await.unwrap();
}
