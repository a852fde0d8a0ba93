//! The rest of `nexus/*`: sessions and what the server offers.

use opencode_nexus_testkit::language_client::address;
use opencode_nexus_testkit::server::{TestServer, TestServerOptions};
use serde_json::{Value, json};

use super::{Desk, allowing, refused, say};

#[tokio::test]
async fn sessions_are_made_named_found_forked_and_deleted() {
    let server = TestServer::start(allowing()).await.unwrap();
    let client = Desk::beside(&server).chat(&server.directory).await;
    let root = address(&server.directory);
    let made =
        client.request("nexus/session/create", json!({"root": root, "title": "A session"})).await.unwrap();
    assert_eq!(
        (made["title"].as_str(), made["directory"].as_str()),
        (Some("A session"), server.directory.to_str())
    );
    let id = made["id"].as_str().unwrap();
    say(&client, &server.directory, Some(id), "one").await;
    let (_, two) = say(&client, &server.directory, Some(id), "two").await;

    let named = json!({"sessionId": id, "root": root, "title": "Another name"});
    client.request("nexus/session/rename", named).await.unwrap();
    let found =
        client.request("nexus/session/list", json!({"root": root, "search": "Another"})).await.unwrap();
    assert_eq!(found["sessions"][0]["id"], id, "{found}");
    let nothing =
        client.request("nexus/session/list", json!({"root": root, "search": "zebra"})).await.unwrap();
    assert_eq!(nothing["sessions"], json!([]));

    let forked = client.request("nexus/session/fork", json!({"sessionId": id, "root": root})).await.unwrap();
    assert_ne!(forked["id"], id);
    let replay = json!({"sessionId": forked["id"], "root": root});
    let told = client.request("nexus/chat/replay", replay).await.unwrap();
    assert!(told["events"].to_string().contains("Echo: two"), "{told}");
    assert_eq!(two.texts("text"), ["Echo: two"]);

    client.request("nexus/session/delete", json!({"sessionId": id, "root": root})).await.unwrap();
    let left = client.request("nexus/session/list", json!({ "root": root })).await.unwrap();
    assert!(left["sessions"].as_array().unwrap().iter().all(|session| session["id"] != id), "{left}");
    let gone = refused(&client, "nexus/session/delete", json!({"sessionId": id, "root": root})).await;
    assert_eq!(gone.stable_code(), "user.not_found", "{gone}");
    client.finish().await.unwrap();
}

#[tokio::test]
async fn a_prompt_is_taken_back_and_comes_again() {
    let server = TestServer::start(TestServerOptions { snapshot: true, ..allowing() }).await.unwrap();
    let client = Desk::beside(&server).chat(&server.directory).await;
    let root = address(&server.directory);
    let (session, _) = say(&client, &server.directory, None, "WRITE it").await;
    assert!(server.directory.join("new.txt").exists());
    let told =
        client.request("nexus/chat/replay", json!({"sessionId": session, "root": root})).await.unwrap();
    let user = |event: &&Value| event["kind"] == "message" && event["role"] == "user";
    let prompt = &told["events"].as_array().unwrap().iter().find(user).unwrap()["messageId"];
    let revert = json!({"sessionId": session, "root": root, "messageId": prompt});
    client.request("nexus/session/revert", revert).await.unwrap();
    assert!(!server.directory.join("new.txt").exists(), "what was written is taken back");
    let back = json!({"sessionId": session, "root": root});
    client.request("nexus/session/revert", back).await.unwrap();
    assert!(server.directory.join("new.txt").exists(), "and is there again");
    client.finish().await.unwrap();
}

#[tokio::test]
async fn what_the_server_offers_is_told() {
    let server = TestServer::start(allowing()).await.unwrap();
    let client = Desk::beside(&server).chat(&server.directory).await;
    let root = json!({"root": address(&server.directory)});
    let models = client.request("nexus/models", root.clone()).await.unwrap();
    let ids: Vec<&str> =
        models["models"].as_array().unwrap().iter().filter_map(|m| m["id"].as_str()).collect();
    assert!(ids.contains(&"scripted/scripted"), "{models}");
    let names = |list: &Value| -> Vec<String> {
        list["items"]
            .as_array()
            .unwrap()
            .iter()
            .map(|item| item["name"].as_str().unwrap().to_owned())
            .collect()
    };
    let agents = client.request("nexus/agents", root.clone()).await.unwrap();
    assert!(names(&agents).contains(&"build".to_owned()), "{agents}");
    let commands = client.request("nexus/commands", root.clone()).await.unwrap();
    assert!(names(&commands).contains(&"init".to_owned()), "{commands}");
    let status = client.request("nexus/status", json!({})).await.unwrap();
    let state = &status["roots"][0];
    assert_eq!((&state["state"], &state["server"]["ours"]), (&json!("ready"), &json!(false)), "{status}");
    assert!(state["server"]["address"].as_str().is_some_and(|address| !address.contains('@')), "{status}");
    client.finish().await.unwrap();
}
