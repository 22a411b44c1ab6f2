//! `Idempotency-Key`: once, and the same answer again; and how often one may ask.

use std::time::Duration;

use holm_control::ControlLimits;
use serde_json::json;

use crate::client::{Answer, Ask};
use crate::deploy::Upload;
use crate::server::{TestServer, wait_until};
use crate::team::{Team, quick};

fn keyed(ask: Ask, key: &str) -> Ask {
    ask.field("Idempotency-Key", key)
}

fn make_project(server: &TestServer, key: &str, name: &str) -> Answer {
    let ask = Ask::post("/v1/projects").json(&json!({ "name": name }));
    server.send(keyed(ask, key))
}

#[test]
fn the_same_request_is_done_once() {
    let server = TestServer::start();
    let first = make_project(&server, "k1", "blog");
    assert_eq!(first.field("idempotency-replayed"), None);
    let again = make_project(&server, "k1", "blog");
    assert_eq!(again.field("idempotency-replayed"), Some("true"));
    assert_eq!(again.expect(201), first.expect(201));
    assert_eq!(again.field("content-type"), Some("application/json"));
    make_project(&server, "k1", "other").expect_problem("request/idempotency-reused");
    server
        .send(keyed(Ask::new("DELETE", "/v1/projects/blog"), "k1"))
        .expect_problem("request/idempotency-reused");
    // Another key is another request, and a failure may be tried again.
    make_project(&server, "k2", "blog").expect_problem("project/name-taken");
    assert_eq!(server.delete("/v1/projects/blog").status, 204);
    make_project(&server, "k2", "blog").expect(201);
    // It outlives the server, for a day. The key is that of the one who sent it, here of the token.
    let token = server.token.clone();
    let mut server = server.restart();
    server.token = token;
    make_project(&server, "k2", "blog").expect(201);
    server.clock.advance(Duration::from_hours(24));
    server.token = server
        .control
        .issue_local_token("next day", Duration::from_hours(1))
        .unwrap();
    make_project(&server, "k2", "blog").expect_problem("project/name-taken");
}

#[test]
fn a_roll_back_is_not_rolled_back_twice() {
    let server = TestServer::start();
    for text in ["one", "two", "three"] {
        server.deploy_text("blog", text);
    }
    let roll_back = || server.send(keyed(Ask::post("/v1/projects/blog/rollback"), "k"));
    let first = roll_back().expect(200);
    assert_eq!(roll_back().expect(200)["id"], first["id"]);
}

#[test]
fn a_streamed_body_counts_as_a_whole() {
    let server = TestServer::start();
    server.make_project("blog");
    let announce = |text: &str| {
        let upload = Upload::new(&[("/index.html", text)]);
        let ask = Ask::post("/v1/projects/blog/deployments");
        server.send(keyed(
            ask.body("application/x-ndjson", upload.manifest()),
            "k",
        ))
    };
    let first = announce("one").expect(201);
    assert_eq!(announce("one").expect(201), first);
    announce("two").expect_problem("request/idempotency-reused");
    let list = server.get("/v1/projects/blog/deployments").expect(200);
    assert_eq!(list["data"].as_array().unwrap().len(), 1);
}

#[test]
fn keys_belong_to_who_sends_them_and_bad_ones_are_refused() {
    let team = Team::start();
    let make = |who, name: &str, key: &str| {
        let ask = Ask::post("/v1/projects").json(&json!({ "name": name }));
        team.send(who, keyed(ask, key))
    };
    make(&team.owner, "a", "k").expect(201);
    make(&team.developer, "b", "k").expect(201);
    // Who may not, is not told what was answered to who may.
    let lower = Ask::new("PATCH", &format!("/v1/members/{}", team.developer.id));
    team.send(&team.owner, lower.json(&json!({ "role": "viewer" })))
        .expect(200);
    make(&team.developer, "b", "k").expect_problem("auth/forbidden");
    for bad in ["", "a b", &"x".repeat(256)] {
        make(&team.owner, "c", bad).expect_problem("request/idempotency-key");
    }
}

#[test]
fn an_answer_with_a_secret_is_kept_nowhere() {
    let team = Team::start();
    let ask = || {
        let body = json!({ "name": "ci", "expires_in_seconds": 60 });
        team.send(&team.owner, keyed(Ask::post("/v1/tokens").json(&body), "k"))
    };
    let secret = ask().expect(201)["secret"].as_str().unwrap().to_owned();
    ask().expect_problem("request/idempotency-not-kept");
    let invite = || {
        let body = json!({ "email": "x@example.org", "role": "viewer" });
        let ask = Ask::post("/v1/invitations").json(&body);
        team.send(&team.owner, keyed(ask, "k2"))
    };
    let invitation = invite().expect(201)["secret"].as_str().unwrap().to_owned();
    invite().expect_problem("request/idempotency-not-kept");
    let folder = team.server.db_file().parent().unwrap().to_owned();
    for name in ["control.db", "control.db-wal"] {
        let bytes = std::fs::read(folder.join(name)).unwrap_or_default();
        for hidden in [&secret, &invitation] {
            assert!(
                !bytes
                    .windows(hidden.len())
                    .any(|window| window == hidden.as_bytes())
            );
        }
    }
}

#[test]
fn the_oldest_keys_are_forgotten_first() {
    let limits = ControlLimits {
        idempotency_keys_max: 3,
        ..ControlLimits::default()
    };
    let server = TestServer::start_with(limits);
    for n in 0..5 {
        make_project(&server, &format!("k{n}"), &format!("p{n}")).expect(201);
    }
    make_project(&server, "k4", "p4").expect(201);
    make_project(&server, "k2", "p2").expect(201);
    make_project(&server, "k1", "p1").expect_problem("project/name-taken");
}

#[test]
fn an_answer_that_is_too_long_is_done_and_not_kept() {
    let limits = ControlLimits {
        idempotency_answer_bytes_max: 10,
        ..ControlLimits::default()
    };
    let server = TestServer::start_with(limits);
    make_project(&server, "k", "blog").expect(201);
    make_project(&server, "k", "blog").expect_problem("request/idempotency-not-kept");
}

#[test]
fn a_second_request_waits_for_the_first() {
    let limits = ControlLimits {
        take_up_wait_max: Duration::from_secs(20),
        ..ControlLimits::default()
    };
    let server = TestServer::start_with(limits);
    server.deploy_text("blog", "one");
    server.edge.send_replace(false);
    let delete = || server.send(keyed(Ask::new("DELETE", "/v1/projects/blog"), "k"));
    std::thread::scope(|scope| {
        let first = scope.spawn(delete);
        // The first has deleted it and waits for the edge.
        wait_until("the project is gone", || {
            server.get("/v1/projects/blog").status == 404
        });
        delete().expect_problem("request/idempotency-running");
        server.edge.send_replace(true);
        assert_eq!(first.join().unwrap().status, 204);
    });
    let again = delete();
    assert_eq!(
        (again.status, again.field("idempotency-replayed")),
        (204, Some("true"))
    );
}

#[test]
fn whoever_asks_too_often_waits() {
    let limits = ControlLimits {
        actor_requests_max: 6,
        address_requests_max: 40,
        requests_window: Duration::from_mins(1),
        ..quick()
    };
    let team = Team::start_with(limits);
    let me = || team.send(&team.viewer, Ask::get("/v1/me"));
    let first = me();
    assert_eq!(first.field("ratelimit-policy"), Some("\"actor\";q=6;w=60"));
    assert_eq!(first.field("x-ratelimit-limit"), Some("6"));
    let left: u64 = first
        .field("x-ratelimit-remaining")
        .unwrap()
        .parse()
        .unwrap();
    assert_eq!(
        first.field("ratelimit").unwrap().split(';').nth(1),
        Some(format!("r={left}").as_str())
    );
    let refused = (0..10)
        .map(|_| me())
        .find(|answer| answer.status == 429)
        .unwrap();
    let problem = refused.expect_problem("request/rate-limited");
    assert_eq!(problem["setting"], "control.actor_requests_max");
    assert_eq!(refused.field("retry-after"), Some("10"));
    assert_eq!(refused.field("ratelimit"), Some("\"actor\";r=0;t=60"));
    // Others go on; after a while so does this one.
    team.send(&team.developer, Ask::get("/v1/me")).expect(200);
    team.server.clock.advance(Duration::from_secs(10));
    me().expect(200);
    // An address is counted with all who come from it, known or not.
    let nobody = || Ask::get("/v1/instance").send(team.server.address);
    let refused = (0..50)
        .map(|_| nobody())
        .find(|answer| answer.status == 429)
        .unwrap();
    let problem = refused.expect_problem("request/rate-limited");
    assert_eq!(problem["setting"], "control.address_requests_max");
    assert_eq!(
        refused.field("ratelimit-policy"),
        Some("\"address\";q=40;w=60")
    );
}
