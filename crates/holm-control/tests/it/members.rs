//! Members: invited once, by e-mail, as no more than who invites; and the last owner stays.

use std::time::Duration;

use serde_json::json;

use crate::client::Ask;
use crate::deploy::text_of;
use crate::team::{Team, accept, invite, join, sign_in};

fn set_role(team: &Team, by: &str, id: &str, role: &str) -> crate::client::Answer {
    Ask::new("PATCH", &format!("/v1/members/{id}"))
        .json(&json!({ "role": role }))
        .bearer(by)
        .send(team.server.address)
}

#[test]
fn an_invitation_works_once_for_its_e_mail_in_its_time() {
    let team = Team::start();
    let (server, email) = (&team.server, "new@example.org");
    let secret = invite(server, &team.owner, "New@Example.org", "developer");
    accept(server, &secret, "other@example.org").expect_problem("invitation/invalid");
    accept(server, "guess", email).expect_problem("invitation/invalid");
    let weak = json!({ "secret": secret, "email": email, "password": "short" });
    let weak = Ask::post("/v1/invitations/accept").json(&weak);
    weak.send(server.address)
        .expect_problem("auth/password-unfit");
    let joined = accept(server, &secret, email);
    assert_eq!(joined.expect(201)["role"], "developer");
    accept(server, &secret, email).expect_problem("invitation/invalid");
    // Who is a member is not invited again.
    let again = Ask::post("/v1/invitations").json(&json!({ "email": email, "role": "viewer" }));
    team.send(&team.owner, again)
        .expect_problem("member/email-taken");

    let late = invite(server, &team.owner, "late@example.org", "viewer");
    server.clock.advance(Duration::from_hours(7 * 24));
    accept(server, &late, "late@example.org").expect_problem("invitation/invalid");
}

#[test]
fn many_may_try_an_invitation_and_one_joins() {
    let team = Team::start();
    let email = "new@example.org";
    let secret = invite(&team.server, &team.owner, email, "developer");
    let statuses: Vec<u16> = std::thread::scope(|scope| {
        let tries: Vec<_> = (0..8)
            .map(|_| scope.spawn(|| accept(&team.server, &secret, email).status))
            .collect();
        tries.into_iter().map(|it| it.join().unwrap()).collect()
    });
    let count = |status: u16| statuses.iter().filter(|it| **it == status).count();
    assert_eq!((count(201), count(403)), (1, 7), "{statuses:?}");
}

#[test]
fn an_invitation_ends_when_it_is_withdrawn_replaced_or_its_inviter_goes() {
    let team = Team::start();
    let (server, email) = (&team.server, "new@example.org");
    let first = invite(server, &team.owner, email, "viewer");
    let second = invite(server, &team.owner, email, "viewer");
    accept(server, &first, email).expect_problem("invitation/invalid");
    let list = team.send(&team.owner, Ask::get("/v1/invitations"));
    let list = list.expect(200);
    assert_eq!(list["data"].as_array().unwrap().len(), 1);
    assert!(
        !list.to_string().contains(&second),
        "the secret is shown once"
    );
    let target = format!("/v1/invitations/{}", text_of(&list["data"][0]["id"]));
    let withdraw = || team.send(&team.owner, Ask::new("DELETE", &target));
    assert_eq!(withdraw().status, 204);
    withdraw().expect_problem("invitation/not-found");
    accept(server, &second, email).expect_problem("invitation/invalid");

    let other = join(server, &team.owner, "boss@example.org", "owner");
    let of_other = invite(server, &other, email, "owner");
    set_role(&team, &team.owner.token, &other.id, "developer").expect(200);
    accept(server, &of_other, email).expect_problem("invitation/invalid");
}

#[test]
fn a_member_who_is_no_owner_comes_near_no_invitation() {
    let team = Team::start();
    invite(&team.server, &team.owner, "boss@example.org", "owner");
    for person in [&team.developer, &team.viewer] {
        let list = team.send(person, Ask::get("/v1/invitations"));
        list.expect_problem("auth/forbidden");
        let ask = json!({ "email": "me2@example.org", "role": "owner" });
        team.send(person, Ask::post("/v1/invitations").json(&ask))
            .expect_problem("auth/forbidden");
        set_role(&team, &person.token, &person.id, "owner").expect_problem("auth/forbidden");
        let by_browser = Ask::new("PATCH", &format!("/v1/members/{}", person.id));
        team.browse(person, by_browser.json(&json!({ "role": "owner" })))
            .expect_problem("auth/forbidden");
    }
}

#[test]
fn the_last_owner_stays() {
    let team = Team::start();
    let remove = |id: &str| {
        let ask = Ask::new("DELETE", &format!("/v1/members/{id}"));
        team.send(&team.owner, ask)
    };
    set_role(&team, &team.owner.token, &team.owner.id, "viewer")
        .expect_problem("member/last-owner");
    remove(&team.owner.id).expect_problem("member/last-owner");
    remove("usr_00000000000000000000000000").expect_problem("member/not-found");
    let second = join(&team.server, &team.owner, "boss@example.org", "owner");
    set_role(&team, &team.owner.token, &team.owner.id, "viewer").expect(200);
    // It counts at once.
    remove(&second.id).expect_problem("auth/forbidden");
    set_role(&team, &second.token, &second.id, "viewer").expect_problem("member/last-owner");
    // The server is still claimed, and its own tokens are the new owner's.
    assert_eq!(team.server.control.owner_link(), None);
    let local = team
        .server
        .control
        .issue_local_token("up", Duration::from_hours(1));
    let me = Ask::get("/v1/me").bearer(&local.unwrap());
    let me = me.send(team.server.address).expect(200);
    assert_eq!(me["email"], "boss@example.org");
}

#[test]
fn who_is_removed_is_out_at_once() {
    let team = Team::start();
    let me = || {
        let by_token = team.send(&team.developer, Ask::get("/v1/me")).status;
        (
            by_token,
            team.browse(&team.developer, Ask::get("/v1/me")).status,
        )
    };
    assert_eq!(me(), (200, 200));
    let target = format!("/v1/members/{}", team.developer.id);
    let removed = team.send(&team.owner, Ask::new("DELETE", &target));
    assert_eq!(removed.status, 204);
    assert_eq!(me(), (401, 401));
    sign_in(&team.server, &team.developer.email, crate::team::PASSWORD)
        .expect_problem("auth/bad-credentials");
    let members = team.send(&team.owner, Ask::get("/v1/members")).expect(200);
    assert_eq!(members["data"].as_array().unwrap().len(), 2);
}
