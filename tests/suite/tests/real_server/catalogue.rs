//! What a server offers: models and agents, on both lines, and never a key.

use opencode_nexus::Client;
use opencode_nexus::model::{Agent, Catalogue, ModelRef, Price};
use opencode_nexus_testkit::server::{SECOND, TestServer, TestServerOptions, isolated_test};

use super::{allowed, client, quick};

async fn offered(client: &Client) -> (Catalogue, Vec<Agent>) {
    let offer = (client.models().await.unwrap(), client.agents().await.unwrap());
    let told = format!("{offer:?}{}", serde_json::to_string(&offer).unwrap());
    assert!(!told.contains("scripted-key"), "{told}");
    offer
}

fn assert_scripted(catalogue: &Catalogue) {
    let model = catalogue.find("scripted/scripted").unwrap();
    assert_eq!((model.name.as_str(), model.status.as_str()), ("Scripted model scripted", "active"));
    assert_eq!((model.context, model.output), (200_000, 32_000));
    assert_eq!(model.price, Some(Price { input: 1.0, output: 2.0, ..Price::default() }));
    assert!(model.usable && model.tools && !model.images, "{model:?}");
    let provider = catalogue.providers.iter().find(|p| p.id == "scripted").unwrap();
    assert!(provider.usable && provider.name == "Scripted", "{provider:?}");
    let wanted = ModelRef { provider: "scripted".into(), model: "scripted".into(), variant: None };
    assert_eq!(catalogue.default, Some(wanted));
    assert!(catalogue.find("scripted/other").is_none() && catalogue.find("scripted").is_none());
}

fn assert_usual(agents: &[Agent]) {
    let people: Vec<&str> = agents.iter().filter(|a| a.answers_people()).map(|a| a.name.as_str()).collect();
    assert!(people.contains(&"build") && people.contains(&"plan"), "{agents:?}");
    let general = agents.iter().find(|a| a.name == "general").unwrap();
    assert!(general.mode == "subagent" && !general.answers_people() && general.description.is_some());
    assert!(agents.iter().any(|a| a.hidden), "{agents:?}");
}

/// Both lines bring commands of their own, and take the project's.
async fn assert_commands(server: &TestServer, folder: &str) {
    let folder = server.directory.join(folder);
    std::fs::create_dir_all(&folder).unwrap();
    let text = "---\ndescription: Greet somebody\n---\nSay hello to $ARGUMENTS";
    std::fs::write(folder.join("greet.md"), text).unwrap();
    let commands = client(server).await.commands().await.unwrap();
    assert!(commands.iter().any(|command| command.name == "init"), "{commands:?}");
    let greet = commands.iter().find(|command| command.name == "greet").unwrap();
    assert_eq!(greet.description.as_deref(), Some("Greet somebody"));
}

#[tokio::test]
async fn slash_commands_of_1_x_are_listed_with_those_of_the_project() {
    for version in ["1.18.33", "1.17.19", "1.14.48"] {
        let options = TestServerOptions { version: version.into(), ..quick() };
        let server = TestServer::start(options).await.unwrap();
        assert_commands(&server, ".opencode/command").await;
    }
}

#[tokio::test]
async fn models_and_agents_of_1_x_are_listed_without_keys() {
    for version in ["1.18.33", "1.17.19", "1.14.48"] {
        let options = TestServerOptions { version: version.into(), ..quick() };
        let server = TestServer::start(options).await.unwrap();
        let (catalogue, agents) = offered(&client(&server).await).await;
        assert_scripted(&catalogue);
        assert_usual(&agents);
    }
}

#[tokio::test]
async fn providers_without_a_key_are_listed_and_cannot_be_used() {
    let options = TestServerOptions { catalogue: true, ..allowed() };
    let server = TestServer::start(options).await.unwrap();
    let (catalogue, _) = offered(&client(&server).await).await;
    assert_scripted(&catalogue);
    let known = catalogue.providers.iter().find(|p| p.id == "anthropic").unwrap();
    assert!(!known.usable && known.models.iter().all(|m| !m.usable && m.context > 0), "{known:?}");
    assert!(catalogue.models().count() > 100, "{}", catalogue.models().count());
}

#[test]
fn models_and_agents_of_2_are_listed_without_keys() {
    isolated_test(SECOND, || async {
        let options = TestServerOptions { version: SECOND.to_owned(), ..TestServerOptions::default() };
        let server = TestServer::start(options).await.unwrap();
        let (catalogue, agents) = offered(&client(&server).await).await;
        assert_scripted(&catalogue);
        assert_usual(&agents);
    });
}
