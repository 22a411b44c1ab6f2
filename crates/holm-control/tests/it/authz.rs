//! Every operation, as everybody who may not and as everybody who may; and what does not depend on who.

use holm_api::{Method, OPERATIONS, Operation, Permission, Policy};
use serde_json::json;

use crate::client::{Answer, Ask};
use crate::deploy::text_of;
use crate::server::TestServer;
use crate::team::Team;

fn ask(operation: &Operation) -> Ask {
    let method = match operation.method {
        Method::Get => "GET",
        Method::Post => "POST",
        Method::Put => "PUT",
        Method::Patch => "PATCH",
        Method::Delete => "DELETE",
    };
    // What is in braces beside a project and a deployment are ids of things that are not there.
    let segments = operation.path.split('/').map(|segment| match segment {
        "{project}" => "blog",
        "{deployment}" => "0123456789ab",
        "{variable}" => "KEY",
        other if other.starts_with('{') => "none_00000000000000000000000000",
        other => other,
    });
    let path: Vec<&str> = segments.collect();
    Ask::new(method, &format!("/v1{}", path.join("/")))
}

fn code(answer: &Answer) -> String {
    if answer.status < 400 {
        return "let in".to_owned();
    }
    text_of(&answer.json()["code"])
}

/// Someone who calls, and what the declared policies say about them.
struct Caller {
    name: &'static str,
    shown: Shown,
    expected: fn(&Operation, Permission) -> &'static str,
}

enum Shown {
    Nothing,
    Token(String),
    Cookie(&'static str),
}

const LET_IN: &str = "let in";

fn unless(is_allowed: bool) -> &'static str {
    if is_allowed { LET_IN } else { "auth/forbidden" }
}

/// Everybody there is.
fn callers(team: &Team) -> Vec<Caller> {
    let expired = {
        let ask = json!({ "name": "short", "expires_in_seconds": 60 });
        let made = team.send(&team.owner, Ask::post("/v1/tokens").json(&ask));
        text_of(&made.expect(201)["secret"])
    };
    team.server
        .clock
        .advance(std::time::Duration::from_secs(61));
    let revoked = team.token(&team.owner, &["*:*"]);
    let me = Ask::get("/v1/me")
        .bearer(&revoked)
        .send(team.server.address);
    let target = format!("/v1/tokens/{}", text_of(&me.expect(200)["token_id"]));
    let revoke = team.send(&team.owner, Ask::new("DELETE", &target));
    assert_eq!(revoke.status, 204);
    let forged = "holm_session=aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
    let token = |token: String| Shown::Token(token);
    vec![
        Caller {
            name: "nobody",
            shown: Shown::Nothing,
            expected: |_, _| "auth/required",
        },
        Caller {
            name: "a forged session",
            shown: Shown::Cookie(forged),
            expected: |_, _| "auth/required",
        },
        Caller {
            name: "an unknown token",
            shown: token(format!("holm_{}", "a".repeat(52))),
            expected: |_, _| "auth/unknown-token",
        },
        Caller {
            name: "an expired token",
            shown: token(expired),
            expected: |_, _| "auth/unknown-token",
        },
        Caller {
            name: "a revoked token",
            shown: token(revoked),
            expected: |_, _| "auth/unknown-token",
        },
        Caller {
            name: "a stranger, whose token is for another project",
            shown: token(team.token(&team.developer, &["shop:*"])),
            expected: |operation, permission| {
                if operation.path.contains("{project}") {
                    "project/not-found"
                } else {
                    unless(permission == Permission::Read)
                }
            },
        },
        Caller {
            name: "an owner's token that may only read",
            shown: token(team.token(&team.owner, &["*:read"])),
            expected: |_, permission| unless(permission == Permission::Read),
        },
        Caller {
            name: "a viewer",
            shown: token(team.viewer.token.clone()),
            expected: |_, permission| {
                unless(matches!(
                    permission,
                    Permission::Read | Permission::Identity
                ))
            },
        },
        Caller {
            name: "a developer",
            shown: token(team.developer.token.clone()),
            expected: |_, permission| unless(permission != Permission::Own),
        },
        Caller {
            name: "the owner",
            shown: token(team.owner.token.clone()),
            expected: |_, _| LET_IN,
        },
    ]
}

#[test]
fn every_operation_keeps_its_policy_to_everybody() {
    let team = Team::start();
    let address = team.server.address;
    team.server.make_project("shop");
    let callers = callers(&team);
    let mut seen = std::collections::BTreeSet::new();
    for operation in OPERATIONS {
        for caller in &callers {
            // An operation before this one may have deleted it.
            team.server
                .post_json("/v1/projects", &json!({ "name": "blog" }));
            let ask = match &caller.shown {
                Shown::Nothing => ask(operation),
                Shown::Token(token) => ask(operation).bearer(token),
                Shown::Cookie(cookie) => ask(operation).field("Cookie", cookie),
            };
            let found = code(&ask.send(address));
            let expected = match operation.policy {
                Policy::Needs(permission) => (caller.expected)(operation, permission),
                Policy::Public | Policy::OwnerCode | Policy::Proof => LET_IN,
            };
            let is_as_expected = match expected {
                // What it is refused for then is its own affair: there is no body, no deployment.
                LET_IN => !found.starts_with("auth/"),
                refusal => found == refusal,
            };
            let (id, name) = (operation.id, caller.name);
            assert!(is_as_expected, "{id} as {name}: {found}, not {expected}");
            assert_ne!(found, "request/unknown-operation", "{id}");
            seen.insert(expected);
        }
    }
    // All kinds of answers were there to be seen.
    assert_eq!(seen.len(), 5, "{seen:?}");
}

#[test]
fn what_a_stranger_may_not_see_is_as_what_is_not_there() {
    let team = Team::start();
    for name in ["shop", "blog"] {
        team.server.deploy_text(name, "hello");
    }
    let stranger = team.token(&team.developer, &["shop:*"]);
    let ask = |method: &str, target: &str| {
        let ask = Ask::new(method, target).bearer(&stranger);
        ask.send(team.server.address)
    };
    for (method, path) in [
        ("GET", "/v1/projects/@"),
        ("DELETE", "/v1/projects/@"),
        ("GET", "/v1/projects/@/deployments"),
        ("POST", "/v1/projects/@/rollback"),
    ] {
        let there = ask(method, &path.replace('@', "blog"));
        let absent = ask(method, &path.replace('@', "none"));
        assert_eq!((there.status, absent.status), (404, 404), "{path}");
        let text = |answer: &Answer| text_of(&answer.json()["detail"]);
        assert_eq!(
            text(&there).replace("blog", "none"),
            text(&absent),
            "{path}"
        );
    }
    let list = ask("GET", "/v1/projects").expect(200);
    let names: Vec<&str> = list["data"]
        .as_array()
        .unwrap()
        .iter()
        .map(|project| project["name"].as_str().unwrap())
        .collect();
    assert_eq!(names, ["shop"]);
    ask("GET", "/v1/explain?url=http://blog.localhost/").expect_problem("explain/unknown-host");
    assert_eq!(
        ask("GET", "/v1/explain?url=http://shop.localhost/").status,
        200
    );
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

/// A page of another site makes the owner's browser send whatever changes something (S-38).
#[test]
fn no_operation_is_carried_out_for_a_page_of_another_site() {
    let team = Team::start();
    team.server.deploy_text("blog", "hello");
    let mut changing = 0;
    for operation in OPERATIONS {
        if operation.method == Method::Get {
            continue;
        }
        changing += 1;
        for (name, value) in [
            ("Origin", "http://evil.test"),
            ("Origin", "http://blog.localhost:8088"),
            ("Origin", "null"),
            ("Sec-Fetch-Site", "cross-site"),
            ("Sec-Fetch-Site", "same-site"),
        ] {
            let foreign = ask(operation).field(name, value);
            let refused = team.browse(&team.owner, foreign);
            assert_eq!(
                code(&refused),
                "request/foreign-origin",
                "{} with {name}: {value}",
                operation.id
            );
        }
    }
    assert!(changing > 20, "{changing}");
    // All is as it was, the owner's session included.
    team.browse(&team.owner, Ask::get("/v1/me")).expect(200);
    team.browse(&team.owner, Ask::get("/v1/projects/blog"))
        .expect(200);
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
