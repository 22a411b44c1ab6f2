//! Tokens: what they may do, how long, and when they were used.

use std::time::Duration;

use holm_control::ControlLimits;
use serde_json::json;

use crate::client::Ask;
use crate::deploy::text_of;
use crate::server::wait_until;
use crate::team::{Person, Team, quick};

fn make(team: &Team, who: &Person, body: &serde_json::Value) -> crate::client::Answer {
    team.send(who, Ask::post("/v1/tokens").json(body))
}

#[test]
fn a_token_that_never_ends_is_asked_for_by_name_and_for_owners() {
    let team = Team::start();
    let forever = json!({ "name": "x", "never_expires": true });
    make(&team, &team.developer, &forever).expect_problem("auth/forbidden");
    let made = make(&team, &team.owner, &forever).expect(201);
    assert_eq!(made["token"]["expires_at"], json!(null));
    let both = json!({ "name": "x", "never_expires": true, "expires_in_seconds": 60 });
    make(&team, &team.owner, &both).expect_problem("request/invalid");
    team.server
        .clock
        .advance(Duration::from_hours(24 * 365 * 50));
    let me = Ask::get("/v1/me").bearer(&text_of(&made["secret"]));
    me.send(team.server.address).expect(200);
}

#[test]
fn scopes_are_read_precisely_and_shown_by_name() {
    let team = Team::start();
    team.server.make_project("shop");
    let ask = |scopes: &[&str]| {
        let body = json!({ "name": "ci", "expires_in_seconds": 60, "scopes": scopes });
        make(&team, &team.owner, &body)
    };
    let made = ask(&["shop:deploy", "*:read"]).expect(201);
    assert_eq!(made["token"]["scopes"], json!(["shop:deploy", "*:read"]));
    let me = Ask::get("/v1/me").bearer(&text_of(&made["secret"]));
    let me = me.send(team.server.address).expect(200);
    assert_eq!(me["scopes"], json!(["shop:deploy", "*:read"]));
    assert_eq!(me["token_id"], made["token"]["id"]);
    for bad in ["shop", "shop:own", "shop:", ":read", "*", "*:READ"] {
        let problem = ask(&["*:read", bad]).expect_problem("request/invalid");
        assert_eq!(problem["errors"][0]["pointer"], "/scopes/1", "{bad}");
    }
    ask(&[]).expect_problem("request/invalid");
    ask(&["none:read"]).expect_problem("project/not-found");
}

#[test]
fn a_token_does_not_follow_a_name_to_another_project() {
    let team = Team::start();
    team.server.make_project("shop");
    let token = team.token(&team.owner, &["shop:*"]);
    let view = || {
        Ask::get("/v1/projects/shop")
            .bearer(&token)
            .send(team.server.address)
    };
    view().expect(200);
    assert_eq!(team.server.delete("/v1/projects/shop").status, 204);
    team.server.make_project("shop");
    view().expect_problem("project/not-found");
}

#[test]
fn a_deploy_token_deploys_its_project_and_makes_none() {
    let team = Team::start();
    team.server.make_project("shop");
    let token = team.token(&team.developer, &["shop:deploy"]);
    let announce = |project: &str, token: &str| {
        let manifest = r#"{"environment":"preview","create_project":true,"file_count":0}"#;
        let ask = Ask::post(&format!("/v1/projects/{project}/deployments"));
        ask.body("application/x-ndjson", manifest)
            .bearer(token)
            .send(team.server.address)
    };
    announce("shop", &token).expect(201);
    announce("other", &token).expect_problem("project/not-found");
    let everywhere = team.token(&team.developer, &["*:deploy"]);
    announce("shop", &everywhere).expect(201);
    announce("other", &everywhere).expect_problem("auth/forbidden");
    announce("other", &team.developer.token).expect(201);
    // A lesser role takes it from the token too.
    let lower = Ask::new("PATCH", &format!("/v1/members/{}", team.developer.id));
    team.send(&team.owner, lower.json(&json!({ "role": "viewer" })))
        .expect(200);
    announce("shop", &token).expect_problem("auth/forbidden");
}

#[test]
fn everybody_looks_after_their_own_tokens_and_the_owner_after_all() {
    let team = Team::start();
    let made = make(
        &team,
        &team.developer,
        &json!({ "name": "d", "expires_in_seconds": 60 }),
    );
    let target = format!("/v1/tokens/{}", text_of(&made.expect(201)["token"]["id"]));
    let delete = |who: &Person| team.send(who, Ask::new("DELETE", &target));
    delete(&team.viewer).expect_problem("token/not-found");
    let count = |who: &Person| {
        let list = team.send(who, Ask::get("/v1/tokens")).expect(200);
        list["data"].as_array().unwrap().len()
    };
    assert_eq!((count(&team.viewer), count(&team.developer)), (1, 2));
    // With the local one of the test server.
    assert_eq!(count(&team.owner), 5);
    assert_eq!(delete(&team.owner).status, 204);
    assert_eq!(count(&team.developer), 1);
    // A small token revokes itself and no other.
    let (small, other) = (
        team.token(&team.developer, &["*:read"]),
        team.token(&team.developer, &["*:read"]),
    );
    let id = |token: &str| {
        let me = Ask::get("/v1/me").bearer(token).send(team.server.address);
        text_of(&me.expect(200)["token_id"])
    };
    let revoke = |id: &str| {
        let ask = Ask::new("DELETE", &format!("/v1/tokens/{id}"));
        ask.bearer(&small).send(team.server.address)
    };
    revoke(&id(&other)).expect_problem("auth/forbidden");
    assert_eq!(revoke(&id(&small)).status, 204);
    revoke(&id(&other)).expect_problem("auth/unknown-token");
}

#[test]
fn the_last_use_is_written_down_to_the_minute() {
    let team = Team::start();
    let token = team.token(&team.owner, &["*:read"]);
    let used = || {
        let list = team.send(&team.owner, Ask::get("/v1/tokens")).expect(200);
        let newest = list["data"][0].clone();
        assert_eq!(newest["name"], "t");
        newest["last_used_at"].clone()
    };
    let show = || {
        let me = Ask::get("/v1/me").bearer(&token);
        me.send(team.server.address).expect(200);
    };
    assert!(used().is_null());
    show();
    wait_until("the first use is written down", || !used().is_null());
    let first = used();
    show();
    team.server.clock.advance(Duration::from_mins(2));
    assert_eq!(used(), first, "at most once a minute");
    show();
    wait_until("the next use is written down", || used() != first);
}

#[test]
fn a_user_has_so_many_tokens() {
    let limits = ControlLimits {
        user_tokens_max: 2,
        ..quick()
    };
    let team = Team::start_with(limits);
    let ask = json!({ "name": "x", "expires_in_seconds": 60 });
    make(&team, &team.viewer, &ask).expect(201);
    let problem = make(&team, &team.viewer, &ask).expect_problem("token/limit");
    assert_eq!(problem["setting"], "control.user_tokens_max");
    make(&team, &team.developer, &ask).expect(201);
}
