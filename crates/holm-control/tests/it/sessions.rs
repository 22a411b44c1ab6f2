//! Signing in with a password: what is told, how often one may try, when it ends.

use std::time::Duration;

use holm_control::ControlLimits;
use serde_json::json;

use crate::client::Ask;
use crate::server::TestServer;
use crate::team::{PASSWORD, Team, cookie, quick, sign_in};

#[test]
fn a_password_signs_in_and_the_session_ends() {
    let team = Team::start();
    let answer = sign_in(&team.server, " Dev@Example.ORG ", PASSWORD);
    let view = answer.expect(201);
    assert_eq!(
        (&view["role"], &view["user_id"]),
        (&json!("developer"), &json!(team.developer.id))
    );
    let set = answer.field("set-cookie").unwrap();
    assert!(
        set.contains("HttpOnly; SameSite=Strict; Max-Age=1209600"),
        "{set}"
    );
    let session = cookie(&answer);
    let me = || {
        Ask::get("/v1/me")
            .field("Cookie", &session)
            .send(team.server.address)
    };
    let view = me().expect(200);
    assert_eq!(view["authenticated_by"], "session");
    assert_eq!(view["email"], "dev@example.org");
    let out = Ask::new("DELETE", "/v1/session").field("Cookie", &session);
    let out = out.send(team.server.address);
    assert_eq!(out.status, 204);
    assert!(out.field("set-cookie").unwrap().contains("Max-Age=0"));
    me().expect_problem("auth/required");
    // The other one of the same person goes on, for its time.
    let other = || team.browse(&team.developer, Ask::get("/v1/me")).status;
    assert_eq!(other(), 200);
    team.server.clock.advance(Duration::from_hours(14 * 24));
    assert_eq!(other(), 401);
}

#[test]
fn nobody_learns_which_accounts_there_are() {
    let team = Team::start();
    let told = |email: &str, password: &str| {
        let problem = sign_in(&team.server, email, password).expect_problem("auth/bad-credentials");
        let mut problem = problem.as_object().unwrap().clone();
        problem.remove("request_id");
        problem
    };
    let wrong = told("dev@example.org", "not the password");
    assert_eq!(wrong, told("nobody@example.org", "not the password"));
    assert_eq!(wrong, told("no address", ""));
}

#[test]
fn failed_attempts_are_few_for_an_account_that_is_there_or_not() {
    let team = Team::start();
    for email in ["dev@example.org", "nobody@example.org"] {
        for _ in 0..10 {
            sign_in(&team.server, email, "wrong wrong wrong")
                .expect_problem("auth/bad-credentials");
        }
        let refused = sign_in(&team.server, email, PASSWORD);
        let problem = refused.expect_problem("request/rate-limited");
        assert_eq!(problem["setting"], "control.account_sign_ins_max");
        let wait: u64 = refused.field("retry-after").unwrap().parse().unwrap();
        assert!((1..=90).contains(&wait), "{wait}");
    }
    sign_in(&team.server, "view@example.org", PASSWORD).expect(201);
    team.server.clock.advance(Duration::from_secs(91));
    sign_in(&team.server, "dev@example.org", PASSWORD).expect(201);
    // A success forgives what came before it.
    for _ in 0..10 {
        sign_in(&team.server, "dev@example.org", "wrong wrong wrong")
            .expect_problem("auth/bad-credentials");
    }
}

#[test]
fn failed_attempts_from_one_address_are_few_whoever_is_tried() {
    let limits = ControlLimits {
        address_sign_ins_max: 5,
        ..quick()
    };
    let server = TestServer::start_with(limits);
    for n in 0..5 {
        sign_in(&server, &format!("{n}@example.org"), "wrong wrong wrong")
            .expect_problem("auth/bad-credentials");
    }
    let problem =
        sign_in(&server, "5@example.org", PASSWORD).expect_problem("request/rate-limited");
    assert_eq!(problem["setting"], "control.address_sign_ins_max");
}

#[test]
fn behind_a_trusted_proxy_everybody_is_counted_by_their_own_address() {
    let limits = ControlLimits {
        address_sign_ins_max: 2,
        ..quick()
    };
    let team = Team::start_with(limits);
    let sign_in_from = |address: &str| {
        let ask = json!({ "email": "dev@example.org", "password": "wrong wrong wrong" });
        let ask = Ask::post("/v1/session").json(&ask);
        let ask = ask.field("X-Forwarded-For", &format!("1.1.1.1, {address}"));
        ask.send(team.server.address)
    };
    for _ in 0..2 {
        sign_in_from("203.0.113.9").expect_problem("auth/bad-credentials");
    }
    let refused = sign_in_from("203.0.113.9").expect_problem("request/rate-limited");
    assert_eq!(refused["setting"], "control.address_sign_ins_max");
    sign_in_from("203.0.113.10").expect_problem("auth/bad-credentials");
    // The log says who it was, not which proxy.
    let log = team.send(&team.owner, Ask::get("/v1/audit")).expect(200);
    assert_eq!(log["data"][0]["address"], "203.0.113.10", "{log}");
}

#[test]
fn before_there_is_an_owner_a_proxy_opens_the_server_to_nobody_else() {
    let server = TestServer::start();
    let from = |address: &str| {
        let ask = Ask::get("/v1/me").field("X-Forwarded-For", address);
        server.send(ask)
    };
    from("203.0.113.9").expect_problem("claim/required");
    from("127.0.0.1").expect(200);
}

#[test]
fn a_new_password_needs_the_old_one_and_ends_other_sessions() {
    let team = Team::start();
    let change = |body| {
        let ask = Ask::new("PATCH", "/v1/me").json(&body);
        team.browse(&team.developer, ask)
    };
    let new = "a whole new battery";
    change(json!({ "password": new })).expect_problem("auth/bad-credentials");
    change(json!({ "password": new, "current_password": "wrong wrong" }))
        .expect_problem("auth/bad-credentials");
    change(json!({ "password": "dev@example.org", "current_password": PASSWORD }))
        .expect_problem("auth/password-unfit");
    change(json!({ "email": "owner@example.org", "current_password": PASSWORD }))
        .expect_problem("member/email-taken");
    let other = cookie(&sign_in(&team.server, "dev@example.org", PASSWORD));
    change(json!({ "password": new, "current_password": PASSWORD })).expect(200);
    let me = |session: &str| {
        let ask = Ask::get("/v1/me").field("Cookie", session);
        ask.send(team.server.address).status
    };
    assert_eq!((me(&other), me(&team.developer.cookie)), (401, 200));
    sign_in(&team.server, "dev@example.org", PASSWORD).expect_problem("auth/bad-credentials");
    sign_in(&team.server, "dev@example.org", new).expect(201);
}

#[test]
fn an_owner_without_a_password_may_set_one_later() {
    let server = TestServer::start_with(quick());
    let link = server.control.owner_link().unwrap();
    let code = link.split_once("code=").unwrap().1;
    let claim = |body| Ask::post("/v1/claim").json(&body).send(server.address);
    claim(json!({ "code": code, "email": "a@b.c" })).expect_problem("request/invalid");
    claim(json!({ "code": code, "email": "a@b.c", "password": "short" }))
        .expect_problem("auth/password-unfit");
    let secret = claim(json!({ "code": code })).expect(201)["secret"].clone();
    let secret = secret.as_str().unwrap();
    sign_in(&server, "", "").expect_problem("auth/bad-credentials");
    let ask = json!({ "email": "Ada@Example.org", "password": PASSWORD });
    let set = Ask::new("PATCH", "/v1/me").json(&ask).bearer(secret);
    assert_eq!(
        set.send(server.address).expect(200)["email"],
        "ada@example.org"
    );
    sign_in(&server, "ada@example.org", PASSWORD).expect(201);
    // The password is kept as a costly hash only.
    let folder = server.db_file().parent().unwrap().to_owned();
    let bytes: Vec<u8> = ["control.db", "control.db-wal"]
        .iter()
        .flat_map(|name| std::fs::read(folder.join(name)).unwrap_or_default())
        .collect();
    let holds = |text: &str| {
        bytes
            .windows(text.len())
            .any(|window| window == text.as_bytes())
    };
    assert!(!holds(PASSWORD) && holds("$argon2id$v=19$m=64,t=1,p=1$"));
}

#[test]
fn a_session_has_no_more_than_the_token_that_it_was_signed_in_with() {
    let team = Team::start();
    for name in ["shop", "blog"] {
        team.server.deploy_text(name, "hello");
    }
    let token = team.token(&team.owner, &["shop:read"]);
    let form = format!("token={token}");
    let login = Ask::post("/login").body("application/x-www-form-urlencoded", form);
    let session = cookie(&login.send(team.server.address));
    let ask = |ask: Ask| ask.field("Cookie", &session).send(team.server.address);
    ask(Ask::get("/v1/projects/shop")).expect(200);
    ask(Ask::get("/v1/projects/blog")).expect_problem("project/not-found");
    ask(Ask::get("/v1/tokens")).expect_problem("auth/forbidden");
    let page = ask(Ask::get("/")).text();
    assert!(
        page.contains("shop.localhost") && !page.contains("blog"),
        "{page}"
    );
}

#[test]
fn a_dearer_hash_takes_the_place_of_a_cheap_one() {
    let team = Team::start();
    let server = team.server.restart_with(ControlLimits {
        password_memory_bytes: 128 * 1024,
        ..quick()
    });
    sign_in(&server, "dev@example.org", PASSWORD).expect(201);
    sign_in(&server, "dev@example.org", PASSWORD).expect(201);
    let bytes = ["control.db", "control.db-wal"].map(|name| {
        let folder = server.db_file().parent().unwrap().to_owned();
        std::fs::read(folder.join(name)).unwrap_or_default()
    });
    let text = "$argon2id$v=19$m=128,t=1,p=1$";
    let holds = |bytes: &Vec<u8>| {
        bytes
            .windows(text.len())
            .any(|window| window == text.as_bytes())
    };
    assert!(bytes.iter().any(holds));
}

#[test]
fn a_page_signs_in_and_joins() {
    const FORM: &str = "application/x-www-form-urlencoded";
    let team = Team::start();
    let post = |target: &str, form: &str| {
        let ask = Ask::post(target).body(FORM, form);
        ask.send(team.server.address)
    };
    let wrong = post("/login", "email=dev%40example.org&password=wrong");
    assert_eq!((wrong.status, wrong.field("set-cookie")), (401, None));
    let signed_in = post(
        "/login",
        "email=dev%40example.org&password=correct+horse+battery",
    );
    assert_eq!(signed_in.status, 303, "{}", signed_in.text());
    let secret = crate::team::invite(&team.server, &team.owner, "new@example.org", "viewer");
    let page = Ask::get(&format!("/join?code={secret}")).send(team.server.address);
    assert!(page.text().contains(&secret) && page.text().contains("Join"));
    let joined = post(
        "/join",
        &format!("code={secret}&email=new%40example.org&password=a+long+enough+one"),
    );
    assert_eq!(joined.status, 303, "{}", joined.text());
    let me = Ask::get("/v1/me").field("Cookie", &cookie(&joined));
    assert_eq!(me.send(team.server.address).expect(200)["role"], "viewer");
}
