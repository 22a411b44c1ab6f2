//! The pages: who sees what, and that nothing in them is alive.

use std::time::Duration;

use serde_json::json;

use crate::client::{Answer, Ask};
use crate::deploy::{Upload, text_of};
use crate::server::TestServer;

const FORM: &str = "application/x-www-form-urlencoded";

fn code(server: &TestServer) -> String {
    let link = server.control.owner_link().unwrap();
    link.split_once("code=").unwrap().1.to_owned()
}

fn cookie(answer: &Answer) -> String {
    let set = answer.field("set-cookie").unwrap();
    assert!(
        set.contains("HttpOnly") && set.contains("SameSite=Strict"),
        "{set}"
    );
    set.split(';').next().unwrap().to_owned()
}

#[test]
fn looking_at_the_owner_link_claims_nothing_and_pressing_the_button_does() {
    let server = TestServer::start();
    let code = code(&server);
    let target = format!("/claim?code={code}");
    for _ in 0..2 {
        let page = Ask::get(&target).send(server.address);
        assert_eq!(page.status, 200);
        assert!(page.text().contains("<button>") && page.text().contains(&code));
        assert_eq!(page.field("set-cookie"), None);
    }
    let wrong = Ask::post("/claim")
        .body(FORM, "code=wrong")
        .send(server.address);
    assert_eq!(wrong.status, 403);
    let foreign = Ask::post("/claim").body(FORM, format!("code={code}"));
    assert_eq!(
        foreign
            .field("Origin", "http://evil.test")
            .send(server.address)
            .status,
        403
    );
    let claimed = Ask::post("/claim")
        .body(FORM, format!("code={code}"))
        .send(server.address);
    assert_eq!(claimed.status, 200);
    assert!(claimed.text().contains("holm login --api"));
    let status = Ask::get("/")
        .field("Cookie", &cookie(&claimed))
        .send(server.address);
    assert!(
        status.text().contains("Newest deployments"),
        "{}",
        status.text()
    );
    assert!(
        Ask::get(&target)
            .send(server.address)
            .text()
            .contains("an owner already")
    );
}

#[test]
fn the_status_page_is_for_the_owner() {
    let server = TestServer::start();
    let mut upload = Upload::new(&[("/index.html", "hello")]);
    upload.head["source"] = json!({ "message": "<script>alert(1)</script>" });
    server.deploy("secret-project", &upload).expect(200);
    let open = Ask::get("/").send(server.address);
    assert!(!open.text().contains("secret-project"));
    assert!(open.text().contains("no owner yet"));
    let csp = open.field("content-security-policy").unwrap();
    assert!(csp.starts_with("default-src 'none'"), "{csp}");

    let claim = Ask::post("/v1/claim").json(&json!({ "code": code(&server) }));
    let secret = claim.send(server.address).expect(201)["secret"].clone();
    assert!(
        !Ask::get("/")
            .send(server.address)
            .text()
            .contains("secret-project")
    );
    // A bearer token is for the API; pages want the cookie.
    assert!(!server.get("/").text().contains("secret-project"));

    let sign_in = |token: &str| Ask::post("/login").body(FORM, format!("token={token}"));
    assert_eq!(sign_in("holm_wrong").send(server.address).status, 401);
    assert_eq!(sign_in("").send(server.address).status, 401);
    let signed_in = sign_in(secret.as_str().unwrap()).send(server.address);
    assert_eq!(
        (signed_in.status, signed_in.field("location")),
        (303, Some("/"))
    );
    let session = cookie(&signed_in);
    let page = Ask::get("/")
        .field("Cookie", &session)
        .send(server.address)
        .text();
    assert!(
        page.contains("secret-project") && page.contains("sealed, live"),
        "{page}"
    );
    assert!(
        page.contains("&lt;script&gt;") && !page.contains("<script"),
        "{page}"
    );
    let me = Ask::get("/v1/me")
        .field("Cookie", &session)
        .send(server.address)
        .expect(200);
    assert_eq!(me["authenticated_by"], "session");

    Ask::post("/logout")
        .field("Cookie", &session)
        .send(server.address);
    let page = Ask::get("/")
        .field("Cookie", &session)
        .send(server.address)
        .text();
    assert!(!page.contains("secret-project"));
}

/// S-38: nobody lays a page of ours under their own, and none runs what was smuggled into it.
#[test]
fn every_page_refuses_frames_and_scripts() {
    let server = TestServer::start();
    let form = |target: &str| Ask::post(target).body(FORM, "x=1");
    for ask in [
        Ask::get("/"),
        Ask::get("/claim?code=x"),
        Ask::get("/join?code=x"),
        form("/claim"),
        form("/join"),
        form("/login"),
    ] {
        let what = format!("{ask:?}");
        let page = ask.send(server.address);
        let policy = page.field("content-security-policy").unwrap_or_default();
        for part in [
            "default-src 'none'",
            "frame-ancestors 'none'",
            "base-uri 'none'",
            "form-action 'self'",
        ] {
            assert!(policy.contains(part), "{what}: {policy}");
        }
        assert!(!policy.contains("script-src"), "{what}: {policy}");
        assert_eq!(page.field("x-frame-options"), Some("DENY"), "{what}");
        assert_eq!(page.field("x-content-type-options"), Some("nosniff"));
    }
    // Nor is an answer of the API shown in a frame.
    let api = server.get("/v1/me");
    assert_eq!(api.field("x-frame-options"), Some("DENY"));
}

/// S-28: a session that somebody else put into the browser is not the one that signing in makes.
#[test]
fn signing_in_begins_a_session_of_its_own() {
    let server = TestServer::start();
    let claim = Ask::post("/v1/claim").json(&json!({ "code": code(&server) }));
    let secret = text_of(&claim.send(server.address).expect(201)["secret"]);
    let planted = format!("holm_session={}", "a".repeat(52));
    let form = format!("token={secret}");
    let sign_in = |cookie: &str| {
        let ask = Ask::post("/login").body(FORM, form.clone());
        let answer = ask.field("Cookie", cookie).send(server.address);
        assert_eq!(answer.status, 303);
        crate::pages::cookie(&answer)
    };
    let first = sign_in(&planted);
    let second = sign_in(&first);
    assert!(first != planted && second != first);
    let me = |cookie: &str| {
        let ask = Ask::get("/v1/me").field("Cookie", cookie);
        ask.send(server.address).status
    };
    assert_eq!((me(&planted), me(&second)), (401, 200));
}

#[test]
fn an_unknown_code_is_shown_inert() {
    let server = TestServer::start();
    let page = Ask::get("/claim?code=%22%3E\"'<b>")
        .send(server.address)
        .text();
    assert!(!page.contains("<b>"), "{page}");
}

#[test]
fn a_session_ends_with_its_token() {
    let server = TestServer::start();
    let claim = Ask::post("/v1/claim").json(&json!({ "code": code(&server) }));
    let owner = text_of(&claim.send(server.address).expect(201)["secret"]);
    let make = |seconds: u64| {
        let ask = json!({ "name": "browser", "expires_in_seconds": seconds });
        let made = Ask::post("/v1/tokens").json(&ask).bearer(&owner);
        made.send(server.address).expect(201)
    };
    let sign_in = |token: &serde_json::Value| {
        let form = format!("token={}", text_of(&token["secret"]));
        Ask::post("/login").body(FORM, form).send(server.address)
    };
    let me = |session: &str| {
        let ask = Ask::get("/v1/me").field("Cookie", session);
        ask.send(server.address).status
    };
    let (revoked, short) = (make(3600), make(60));
    let (of_revoked, of_short) = (sign_in(&revoked), sign_in(&short));
    let set = of_short.field("set-cookie").unwrap();
    assert!(set.ends_with("Max-Age=59"), "{set}");
    let (of_revoked, of_short) = (cookie(&of_revoked), cookie(&of_short));
    assert_eq!((me(&of_revoked), me(&of_short)), (200, 200));
    let target = format!("/v1/tokens/{}", text_of(&revoked["token"]["id"]));
    let delete = Ask::new("DELETE", &target).bearer(&owner);
    assert_eq!(delete.send(server.address).status, 204);
    assert_eq!((me(&of_revoked), me(&of_short)), (401, 200));
    server.clock.advance(Duration::from_secs(61));
    assert_eq!(me(&of_short), 401);
}

#[test]
fn a_token_of_nobody_signs_nobody_in_and_says_why() {
    let server = TestServer::start();
    let sign_in = || {
        let form = format!("token={}", server.token);
        Ask::post("/login").body(FORM, form).send(server.address)
    };
    let unclaimed = sign_in();
    assert_eq!(unclaimed.status, 403);
    assert!(unclaimed.text().contains("has no owner yet"));
    let claim = Ask::post("/v1/claim").json(&json!({ "code": code(&server) }));
    claim.send(server.address).expect(201);
    let claimed = sign_in();
    assert_eq!((claimed.status, claimed.field("set-cookie")), (403, None));
    let text = claimed.text();
    assert!(text.contains("before the server had an owner"), "{text}");
    assert!(!text.contains("has no owner yet"), "{text}");
}
