//! Protection and access rules over the API: what is kept, what reaches the edge, what is never shown.

use holm_site::guard::{
    Guard, ProjectGuard, ProtectionDecision, RefusalForm, TICKET_SECONDS, Visit,
};
use holm_site::{HostEntry, Scheme};
use holm_types::Environment;
use http::{HeaderMap, Method};
use serde_json::{Value, json};

use crate::client::{Answer, Ask};
use crate::deploy::{Upload, text_of};
use crate::server::TestServer;
use crate::team::Team;

const PROTECTION: &str = "/v1/projects/blog/protection";
const RULES: &str = "/v1/projects/blog/access-rules";
const PASSWORD: &str = "open sesame";

fn protect(server: &TestServer, change: &Value) -> Answer {
    server.send(Ask::new("PATCH", PROTECTION).json(change))
}

fn put_rules(server: &TestServer, rules: &Value) -> Answer {
    server.send(Ask::new("PUT", RULES).json(rules))
}

fn share(server: &TestServer, ask: &Value) -> Value {
    server.post_json("/v1/projects/blog/share", ask).expect(200)
}

/// What the edge goes by.
fn guard(server: &TestServer) -> Option<ProjectGuard> {
    server.snapshot().guards.into_iter().next()
}

/// What the edge would say to a GET for a URL of this server.
fn asked(server: &TestServer, url: &str) -> ProtectionDecision {
    let uri: http::Uri = url.parse().unwrap();
    let snapshot = server.snapshot();
    let host = uri.host().unwrap();
    let entry: &HostEntry = snapshot
        .hosts
        .iter()
        .find(|entry| entry.host == host)
        .unwrap();
    let guard = Guard::new(snapshot.guard(entry.project_id).unwrap().clone());
    guard.protection(&Visit {
        client: None,
        host,
        is_production: entry.environment == Environment::Production,
        is_custom_domain: false,
        scheme: Scheme::Http,
        method: &Method::GET,
        path: uri.path(),
        raw_path: uri.path(),
        query: uri.query(),
        headers: &HeaderMap::new(),
        now_seconds: holm_types::Clock::now(&*server.clock).unix_seconds(),
    })
}

#[test]
fn a_project_is_public_until_it_is_protected() {
    let server = TestServer::start();
    server
        .deploy("blog", &Upload::new(&[("/a", "a")]))
        .expect(200);
    let view = server.get(PROTECTION).expect(200);
    let want = json!({ "mode": "public", "covers": "previews", "refusal": "unauthorized", "key_made_at": null });
    assert_eq!(view, want);
    assert_eq!(guard(&server), None);

    let view = protect(&server, &json!({ "mode": "signed" })).expect(200);
    assert_eq!(view["mode"], "signed");
    assert!(view["key_made_at"].is_string());
    let first = guard(&server).unwrap().protection.unwrap();

    protect(&server, &json!({ "covers": "all", "refusal": "not_found" })).expect(200);
    let second = guard(&server).unwrap().protection.unwrap();
    assert_eq!(second.refusal, RefusalForm::NotFound);
    assert_eq!(first.signing_key, second.signing_key);

    protect(&server, &json!({ "rotate_key": true })).expect(200);
    let third = guard(&server).unwrap().protection.unwrap();
    assert_ne!(second.signing_key, third.signing_key);

    protect(&server, &json!({ "mode": "public" })).expect(200);
    assert_eq!(guard(&server), None);
    let server = server.restart();
    assert_eq!(server.get(PROTECTION).expect(200)["covers"], "all");
}

#[test]
fn a_password_is_kept_as_a_hash_and_never_shown() {
    let server = TestServer::start();
    server.make_project("blog");
    let refused = |change: &Value, pointer: &str| {
        let problem = protect(&server, change).expect_problem("request/invalid");
        assert_eq!(problem["errors"][0]["pointer"], pointer, "{change}");
    };
    refused(&json!({ "mode": "password" }), "/password");
    refused(
        &json!({ "mode": "password", "password": "short" }),
        "/password",
    );
    refused(
        &json!({ "mode": "password", "password": "x".repeat(257) }),
        "/password",
    );
    refused(
        &json!({ "mode": "signed", "password": PASSWORD }),
        "/password",
    );
    refused(&json!({ "password": PASSWORD }), "/password");
    let hidden = json!({ "mode": "password", "password": PASSWORD, "refusal": "not_found" });
    refused(&hidden, "/refusal");
    protect(&server, &json!({ "mode": "secret" })).expect_problem("request/invalid");
    assert_eq!(guard(&server), None);

    let change = json!({ "mode": "password", "password": PASSWORD });
    let answer = protect(&server, &change);
    answer.expect(200);
    let hash = |server: &TestServer| {
        guard(server)
            .unwrap()
            .protection
            .unwrap()
            .password()
            .cloned()
    };
    let kept = hash(&server).unwrap();
    assert!(kept.fits(PASSWORD));
    for text in [
        answer.text(),
        server.get(PROTECTION).text(),
        format!("{:?}", guard(&server)),
    ] {
        assert!(
            !text.contains("argon2") && !text.contains(PASSWORD),
            "{text}"
        );
    }
    protect(&server, &json!({ "password": "another one" })).expect(200);
    assert_ne!(hash(&server).unwrap(), kept);
    // Changing the mode forgets it.
    protect(&server, &json!({ "mode": "signed" })).expect(200);
    refused(&json!({ "mode": "password" }), "/password");
}

#[test]
fn a_share_link_opens_what_is_protected() {
    let server = TestServer::start();
    let upload = Upload::new(&[("/a", "a")]).branch("dev");
    let deployment = server.deploy("blog", &upload).expect(200);
    let label = text_of(&deployment["label"]);
    let open = share(&server, &json!({ "deployment": label }));
    let url = format!("http://blog--{label}.localhost:8088/");
    assert_eq!(open, json!({ "url": url, "expires_at": null }));

    protect(&server, &json!({ "mode": "signed" })).expect(200);
    let production = share(&server, &json!({}));
    assert_eq!(
        production["expires_at"],
        Value::Null,
        "production is not covered"
    );
    for (ask, want) in [
        (
            json!({ "deployment": deployment["id"], "path": "/docs/?a=1" }),
            "/docs/?a=1",
        ),
        (json!({ "branch": "dev" }), "/"),
    ] {
        let link = share(&server, &ask);
        let ProtectionDecision::Exchange(exchange) = asked(&server, &text_of(&link["url"])) else {
            panic!("{link}");
        };
        assert_eq!(exchange.location, want);
        let expires = holm_types::Clock::now(&*server.clock).unix_seconds() + TICKET_SECONDS;
        let expires_at: time_text::Seconds = text_of(&link["expires_at"]).parse().unwrap();
        assert!(expires.abs_diff(expires_at.0) <= 1, "{link}");
    }
    protect(&server, &json!({ "covers": "all" })).expect(200);
    let link = text_of(&share(&server, &json!({}))["url"]);
    assert!(matches!(
        asked(&server, &link),
        ProtectionDecision::Exchange(_)
    ));
    protect(&server, &json!({ "rotate_key": true })).expect(200);
    assert!(matches!(
        asked(&server, &link),
        ProtectionDecision::Unauthorized(_)
    ));

    let ask = |body: &Value| server.post_json("/v1/projects/blog/share", body);
    ask(&json!({ "deployment": "none" })).expect_problem("deployment/not-found");
    ask(&json!({ "branch": "none" })).expect_problem("deployment/not-found");
    ask(&json!({ "branch": "dev", "deployment": label })).expect_problem("request/invalid");
    for path in ["a", "//x y", "/a#b", "/é", ""] {
        ask(&json!({ "path": path })).expect_problem("request/invalid");
    }
}

/// Reading RFC 3339 as the API writes it.
mod time_text {
    pub(super) struct Seconds(pub(super) u64);

    impl std::str::FromStr for Seconds {
        type Err = String;

        fn from_str(text: &str) -> Result<Self, String> {
            let time: holm_types::Timestamp =
                serde_json::from_value(text.into()).map_err(|error| error.to_string())?;
            Ok(Self(time.unix_seconds()))
        }
    }
}

#[test]
fn who_may_only_look_hands_no_link_out() {
    let team = Team::start();
    team.server.deploy_text("blog", "hello");
    let ask = || Ask::post("/v1/projects/blog/share").json(&json!({}));
    team.send(&team.viewer, ask())
        .expect_problem("auth/forbidden");
    let reader = team.token(&team.developer, &["blog:read"]);
    let read_only = ask().bearer(&reader).send(team.server.address);
    read_only.expect_problem("auth/forbidden");
    team.send(&team.developer, ask()).expect(200);
}

#[test]
fn access_rules_are_replaced_whole_and_checked() {
    let server = TestServer::start();
    server.make_project("blog");
    let none = server.get(RULES).expect(200);
    assert_eq!(none["ip_block"], json!([]));
    let rules = json!({
        "ip_allow": ["10.0.0.0/8", "2001:db8::/32"],
        "referer_block": ["*.evil.test"],
        "user_agent_block": ["*BadBot*"],
        "rate_limits": [{ "path": "/api/*", "requests": 10, "window_seconds": 60 }],
    });
    let kept = put_rules(&server, &rules).expect(200);
    assert_eq!(kept["rate_limits"][0]["action"], "block");
    assert_eq!(server.get(RULES).expect(200), kept);
    let access = guard(&server).unwrap().access;
    assert_eq!(access.ip_allow[0].to_string(), "10.0.0.0/8");
    assert_eq!(access.rate_limits[0].requests, 10);

    let refused = |rules: &Value, pointer: &str| {
        let problem = put_rules(&server, rules).expect_problem("request/invalid");
        assert_eq!(problem["errors"][0]["pointer"], pointer, "{problem}");
    };
    refused(
        &json!({ "ip_block": ["10.0.0.0/8", "10.0.0.1/8"] }),
        "/ip_block/1",
    );
    refused(
        &json!({ "referer_block": ["https://a"] }),
        "/referer_block/0",
    );
    refused(&json!({ "user_agent_allow": [""] }), "/user_agent_allow/0");
    let rate = json!({ "path": "/", "requests": 0, "window_seconds": 1 });
    refused(&json!({ "rate_limits": [rate] }), "/rate_limits/0/requests");
    refused(&json!({ "ip_allow": vec!["10.0.0.1"; 1001] }), "/ip_allow");
    put_rules(&server, &json!({ "ip_deny": [] })).expect_problem("request/invalid");
    assert_eq!(
        server.get(RULES).expect(200),
        kept,
        "a refusal changes nothing"
    );

    put_rules(&server, &json!({})).expect(200);
    assert_eq!(guard(&server), None);
}

#[test]
fn a_deleted_project_leaves_no_guard_and_its_name_starts_anew() {
    let server = TestServer::start();
    server.make_project("blog");
    protect(&server, &json!({ "mode": "signed" })).expect(200);
    assert_eq!(server.delete("/v1/projects/blog").status, 204);
    assert_eq!(server.snapshot().guards, []);
    server.make_project("blog");
    assert_eq!(server.get(PROTECTION).expect(200)["mode"], "public");
}

#[test]
fn the_edge_has_it_before_the_call_returns_and_after_a_restart() {
    let server = TestServer::start();
    server.make_project("blog");
    protect(&server, &json!({ "mode": "signed" })).expect(200);
    let before = guard(&server);
    let version = server.snapshot().version;
    let server = server.restart();
    assert_eq!(
        (guard(&server), server.snapshot().version),
        (before, version)
    );
    server.edge.send_replace(false);
    protect(&server, &json!({ "covers": "all" })).expect_problem("edge/not-taken-up");
}

#[test]
fn previews_by_branch_and_by_deployment_are_marked_as_previews() {
    let server = TestServer::start();
    let upload = Upload::new(&[("/a", "a")]).branch("dev");
    server.deploy("blog", &upload).expect(200);
    for entry in server.snapshot().hosts {
        let is_preview = entry.environment == Environment::Preview;
        assert_eq!(is_preview, entry.host != "blog.localhost", "{}", entry.host);
    }
}

fn explain(server: &TestServer, query: &str) -> Value {
    server.get(&format!("/v1/explain?{query}")).expect(200)
}

fn steps(report: &Value) -> Vec<(String, String)> {
    let considered = report["considered"].as_array().unwrap().iter();
    let step = |rule: &Value| (text_of(&rule["step"]), text_of(&rule["outcome"]));
    considered.map(step).collect()
}

#[test]
fn the_gate_is_explained_by_its_own_decisions() {
    let server = TestServer::start();
    let deployment = server
        .deploy("blog", &Upload::new(&[("/a.html", "a")]))
        .expect(200);
    let label = text_of(&deployment["label"]);
    protect(&server, &json!({ "mode": "signed" })).expect(200);
    let rules = json!({
        "ip_block": ["203.0.113.0/24"],
        "rate_limits": [{ "path": "/*", "requests": 10, "window_seconds": 60 }],
    });
    put_rules(&server, &rules).expect(200);
    let url = format!("url=http://blog--{label}.localhost:8088/a");

    let refused = explain(&server, &url);
    assert_eq!(
        (&refused["decision"], &refused["status"]),
        (&json!("gate"), &json!(401))
    );
    assert_eq!(refused["deployment_id"], deployment["id"]);
    assert_eq!(
        text_of(&refused["summary"]),
        "UNAUTHORIZED: eo_time missing"
    );
    let want = [
        ("access_rules", "not_matched"),
        ("rate_limits", "matched"),
        ("protection", "matched"),
    ];
    let want = want.map(|(step, outcome)| (step.to_owned(), outcome.to_owned()));
    assert_eq!(steps(&refused), want);

    let blocked = explain(&server, &format!("{url}&ip=203.0.113.9"));
    assert_eq!(blocked["status"], 403);
    assert_eq!(steps(&blocked).len(), 1);

    let behind = explain(&server, &format!("{url}&past_gate=true"));
    assert_eq!(
        (&behind["decision"], &behind["summary"]),
        (&json!("asset"), &json!("/a.html"))
    );
    let headers = behind["headers"].as_array().unwrap();
    assert!(
        headers.contains(&json!(["cache-control", "private, no-cache"])),
        "{headers:?}"
    );
    assert_eq!(steps(&behind)[..3], want);

    let link = text_of(&share(&server, &json!({ "deployment": label, "path": "/a" }))["url"]);
    let secret = link
        .split("eo_token=")
        .nth(1)
        .unwrap()
        .split('&')
        .next()
        .unwrap();
    let encoded = link
        .replace('?', "%3F")
        .replace('&', "%26")
        .replace('=', "%3D");
    let answer = server.get(&format!("/v1/explain?url={encoded}"));
    let report = answer.expect(200);
    assert_eq!(
        (
            &report["status"],
            text_of(&report["summary"]).split(',').next()
        ),
        (&json!(302), Some("/a"))
    );
    assert!(!answer.text().contains(secret), "{report}");

    let production = explain(&server, "url=http://blog.localhost/a");
    assert_eq!(production["decision"], "asset");
    let bad = server.get(&format!("/v1/explain?{url}&ip=nonsense"));
    bad.expect_problem("request/invalid");
}
