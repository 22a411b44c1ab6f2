//! First run: nobody's, then somebody's, once.

use serde_json::json;

use crate::client::Ask;
use crate::deploy::text_of;
use crate::server::TestServer;
use crate::team::{PASSWORD, Team, accept, invite, quick};

fn code_in(link: &str) -> String {
    link.split_once("code=").unwrap().1.to_owned()
}

#[test]
fn a_fresh_server_has_no_owner_and_no_way_in_but_its_token() {
    let server = TestServer::start();
    let view = Ask::get("/v1/instance").send(server.address).expect(200);
    assert_eq!(view["is_claimed"], false);
    assert_eq!(view["base_domain"], "localhost");
    Ask::get("/v1/projects")
        .send(server.address)
        .expect_problem("auth/required");
    let me = server.get("/v1/me").expect(200);
    assert_eq!(
        me,
        json!({
            "user_id": null, "email": null, "role": "owner", "authenticated_by": "token",
            "token_id": me["token_id"], "scopes": ["*:*"],
        })
    );
}

#[test]
fn the_owner_link_works_once() {
    let server = TestServer::start();
    let claim = |code: &str| {
        Ask::post("/v1/claim")
            .json(&json!({ "code": code }))
            .send(server.address)
    };
    let old = server.control.owner_link().unwrap();
    let link = server.control.owner_link().unwrap();
    assert!(
        link.starts_with(&format!("http://{}/claim?code=", server.address)),
        "{link}"
    );
    claim(&code_in(&old)).expect_problem("claim/invalid");
    claim("").expect_problem("claim/invalid");
    let secret = text_of(&claim(&code_in(&link)).expect(201)["secret"]);
    assert!(secret.starts_with("holm_"));
    claim(&code_in(&link)).expect_problem("claim/done");
    assert_eq!(server.control.owner_link(), None);

    let me = Ask::get("/v1/me")
        .bearer(&secret)
        .send(server.address)
        .expect(200);
    assert!(text_of(&me["user_id"]).starts_with("usr_"));
    let view = Ask::get("/v1/instance").send(server.address).expect(200);
    assert_eq!(view["is_claimed"], true);
    // Claimed is claimed, also after a restart.
    let server = server.restart();
    assert_eq!(server.control.owner_link(), None);
    Ask::get("/v1/me")
        .bearer(&secret)
        .send(server.address)
        .expect(200);
}

#[test]
fn many_may_try_to_claim_and_one_does() {
    let server = TestServer::start();
    let code = code_in(&server.control.owner_link().unwrap());
    let body = json!({ "code": code });
    let claimed = std::thread::scope(|scope| {
        let claims: Vec<_> = (0..8)
            .map(|_| {
                scope.spawn(|| {
                    Ask::post("/v1/claim")
                        .json(&body)
                        .send(server.address)
                        .status
                })
            })
            .collect();
        claims
            .into_iter()
            .filter(|_| true)
            .map(|claim| claim.join().unwrap())
            .collect::<Vec<_>>()
    });
    assert_eq!(
        claimed.iter().filter(|status| **status == 201).count(),
        1,
        "{claimed:?}"
    );
    assert_eq!(
        claimed.iter().filter(|status| **status == 409).count(),
        7,
        "{claimed:?}"
    );
}

#[test]
fn secrets_are_kept_only_as_hashes() {
    let server = TestServer::start_with(quick());
    let code = code_in(&server.control.owner_link().unwrap());
    let people = {
        let other = Team::start();
        let email = "new@example.org";
        let invitation = invite(&other.server, &other.owner, email, "viewer");
        // One that was accepted is hashed as well.
        let accepted = invite(&other.server, &other.owner, "in@example.org", "viewer");
        assert_eq!(
            accept(&other.server, &accepted, "in@example.org").status,
            201
        );
        let session = other.owner.cookie.split_once('=').unwrap().1.to_owned();
        let token = other.owner.token.clone();
        let hidden = [invitation, accepted, session, token, PASSWORD.to_owned()];
        no_file_holds(&other.server, &hidden.each_ref().map(String::as_str))
    };
    assert!(people > 4096);
    let made = server.post_json(
        "/v1/tokens",
        &json!({ "name": "ci", "expires_in_seconds": 60 }),
    );
    let secret = text_of(&made.expect(201)["secret"]);
    assert!(no_file_holds(&server, &[&code, &secret, &server.token]) > 4096);
}

/// Fails when the database has one of these texts; gives how many bytes were looked at.
fn no_file_holds(server: &TestServer, hidden: &[&str]) -> usize {
    let folder = server.db_file().parent().unwrap().to_owned();
    let mut seen = 0;
    for name in ["control.db", "control.db-wal"] {
        let bytes = std::fs::read(folder.join(name)).unwrap_or_default();
        seen += bytes.len();
        for hidden in hidden {
            assert!(hidden.len() >= 20, "long enough to be there by design only");
            let found = bytes
                .windows(hidden.len())
                .any(|window| window == hidden.as_bytes());
            assert!(!found, "{name} holds a secret");
        }
    }
    seen
}
