//! Every operation, as everybody who may not and as one who may.

use std::time::Duration;

use holm_api::{Method, OPERATIONS, Operation, Policy};
use serde_json::json;

use crate::client::{Answer, Ask};
use crate::deploy::text_of;
use crate::server::TestServer;

fn ask(operation: &Operation) -> Ask {
    let method = match operation.method {
        Method::Get => "GET",
        Method::Post => "POST",
        Method::Put => "PUT",
        Method::Patch => "PATCH",
        Method::Delete => "DELETE",
    };
    let path = operation
        .path
        .replace("{project}", "blog")
        .replace("{deployment}", "0123456789ab")
        .replace("{variable}", "KEY")
        .replace("{token}", "tok_00000000000000000000000000");
    Ask::new(method, &format!("/v1{path}"))
}

fn code(answer: &Answer) -> String {
    if answer.status < 400 {
        return "fine".to_owned();
    }
    text_of(&answer.json()["code"])
}

#[test]
fn every_operation_refuses_nobody_strangers_and_the_expired() {
    let server = TestServer::start();
    let expired = server
        .control
        .issue_local_token("short", Duration::from_mins(1))
        .unwrap();
    Ask::get("/v1/me")
        .bearer(&expired)
        .send(server.address)
        .expect(200);
    server.clock.advance(Duration::from_secs(61));
    for operation in OPERATIONS {
        let id = operation.id;
        let nobody = code(&ask(operation).send(server.address));
        let unknown = format!("holm_{}", "a".repeat(52));
        let stranger = code(&ask(operation).bearer(&unknown).send(server.address));
        let late = code(&ask(operation).bearer(&expired).send(server.address));
        let session = "holm_session=aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
        let forged = code(&ask(operation).field("Cookie", session).send(server.address));
        let owner = code(&server.send(ask(operation)));
        match operation.policy {
            Policy::Needs(_) => {
                assert_eq!(nobody, "auth/required", "{id}");
                assert_eq!(stranger, "auth/unknown-token", "{id}");
                assert_eq!(late, "auth/unknown-token", "{id}");
                assert_eq!(forged, "auth/required", "{id}");
                assert!(!owner.starts_with("auth/"), "{id}: {owner}");
            }
            Policy::Public => assert_eq!(nobody, "fine", "{id}"),
            // An empty body: the gate is the code itself, tried in `instance`.
            Policy::OwnerCode => assert_eq!(nobody, "request/invalid", "{id}"),
        }
        assert_ne!(owner, "request/unknown-operation", "{id}");
    }
}

#[test]
fn a_revoked_token_is_refused_at_once() {
    let server = TestServer::start();
    let made = server
        .post_json(
            "/v1/tokens",
            &json!({ "name": "ci", "expires_in_seconds": 3600 }),
        )
        .expect(201);
    let secret = text_of(&made["secret"]);
    let mine = || Ask::get("/v1/me").bearer(&secret).send(server.address);
    mine().expect(200);
    let target = format!("/v1/tokens/{}", text_of(&made["token"]["id"]));
    assert_eq!(server.delete(&target).status, 204);
    mine().expect_problem("auth/unknown-token");
    server.delete(&target).expect_problem("token/not-found");
    server
        .delete("/v1/tokens/nonsense")
        .expect_problem("token/not-found");
    for bad in [
        json!({ "name": "", "expires_in_seconds": 3600 }),
        json!({ "name": "x", "expires_in_seconds": 59 }),
        json!({ "name": "x", "expires_in_seconds": 31_536_001 }),
        json!({ "name": "x" }),
    ] {
        let problem = server
            .post_json("/v1/tokens", &bad)
            .expect_problem("request/invalid");
        assert_eq!(problem["errors"].as_array().unwrap().len(), 1, "{bad}");
    }
}

#[test]
fn other_sites_and_other_names_are_refused() {
    let server = TestServer::start();
    let me = || Ask::get("/v1/me");
    server
        .send(me().field("Host", "evil.test"))
        .expect_problem("request/foreign-origin");
    server
        .send(me().field("Host", "blog.localhost"))
        .expect_problem("request/foreign-origin");
    server.send(me().field("Host", "localhost:1")).expect(200);
    for second in ["localhost:1", "evil.test"] {
        let both = me().field("Host", "localhost:1").field("Host", second);
        let answer = server.send(both);
        answer.expect_problem("request/invalid");
        assert_eq!(answer.status, 400);
    }
    let make = |origin: &str| {
        server.send(
            Ask::post("/v1/projects")
                .json(&json!({ "name": "a" }))
                .field("Origin", origin),
        )
    };
    make("http://evil.test").expect_problem("request/foreign-origin");
    make("null").expect_problem("request/foreign-origin");
    make("http://blog.localhost:8088").expect_problem("request/foreign-origin");
    make(&format!("http://{}", server.address)).expect(201);
}

#[test]
fn what_does_not_exist_is_a_problem_too() {
    let server = TestServer::start();
    server
        .get("/v1/nothing")
        .expect_problem("request/unknown-operation");
    server
        .get("/nothing")
        .expect_problem("request/unknown-operation");
    let answer = server.delete("/v1/projects");
    answer.expect_problem("request/method-not-allowed");
    let allow = answer.field("allow").unwrap();
    assert!(allow.contains("GET") && allow.contains("POST"), "{allow}");
    let answer = server.get("/v1/me");
    assert_eq!(answer.field("x-request-id"), answer.field("eo-log-uuid"));
    assert_eq!(answer.field("cache-control"), Some("no-store"));
    let refused = Ask::get("/v1/me").send(server.address);
    assert_eq!(
        refused.field("www-authenticate"),
        Some("Bearer realm=\"holm\"")
    );
}

#[test]
fn bodies_that_cannot_be_read_are_refused() {
    let server = TestServer::start();
    let post = |body: &str| server.send(Ask::post("/v1/projects").body("application/json", body));
    post("{").expect_problem("request/invalid");
    post("{\"name\":\"a\",\"more\":1}").expect_problem("request/invalid");
    post("{\"name\":\"A\"}").expect_problem("project/name-invalid");
    post(&format!("{{\"name\":\"{}\"}}", "a".repeat(70_000))).expect_problem("request/too-large");
    server
        .send(Ask::post("/v1/projects").body("text/plain", "{}"))
        .expect_problem("request/media-type");
    post("{\"name\":\"a\"}").expect(201);
    post("{\"name\":\"a\"}").expect_problem("project/name-taken");
}

#[test]
fn a_refused_client_that_is_still_sending_sees_the_answer() {
    let server = TestServer::start();
    let large = vec![b'x'; 5_000_000];
    let answer = Ask::post("/v1/projects/blog/deployments")
        .body("application/x-ndjson", large)
        .send(server.address);
    answer.expect_problem("auth/required");
}
