//! A claimed server with an owner, a developer and a viewer, each with a token and a browser.

use holm_control::ControlLimits;
use serde_json::{Value, json};

use crate::client::{Answer, Ask};
use crate::deploy::text_of;
use crate::server::TestServer;

/// What everybody's password is.
pub(crate) const PASSWORD: &str = "correct horse battery";

/// A member as the test knows them.
#[derive(Clone, Debug)]
pub(crate) struct Person {
    pub(crate) id: String,
    pub(crate) email: String,
    /// `name=value`, as the browser sends it.
    pub(crate) cookie: String,
    /// A token of `*:*`.
    pub(crate) token: String,
}

/// The server and its people.
pub(crate) struct Team {
    pub(crate) server: TestServer,
    pub(crate) owner: Person,
    pub(crate) developer: Person,
    pub(crate) viewer: Person,
}

/// Limits with which hashing a password takes no time.
pub(crate) fn quick() -> ControlLimits {
    ControlLimits {
        password_memory_bytes: 64 * 1024,
        password_passes: 1,
        ..ControlLimits::default()
    }
}

/// The cookie that an answer sets.
#[track_caller]
pub(crate) fn cookie(answer: &Answer) -> String {
    let set = answer.field("set-cookie").unwrap();
    set.split(';').next().unwrap().to_owned()
}

impl Team {
    pub(crate) fn start() -> Self {
        Self::start_with(quick())
    }

    pub(crate) fn start_with(limits: ControlLimits) -> Self {
        let server = TestServer::start_with(limits);
        let owner = claim(&server);
        let developer = join(&server, &owner, "dev@example.org", "developer");
        let viewer = join(&server, &owner, "view@example.org", "viewer");
        Self {
            server,
            owner,
            developer,
            viewer,
        }
    }

    /// Asks as this person, with their token.
    pub(crate) fn send(&self, who: &Person, ask: Ask) -> Answer {
        ask.bearer(&who.token).send(self.server.address)
    }

    /// Asks as this person, with their browser.
    pub(crate) fn browse(&self, who: &Person, ask: Ask) -> Answer {
        ask.field("Cookie", &who.cookie).send(self.server.address)
    }

    /// The secret of a new token of this person.
    #[track_caller]
    pub(crate) fn token(&self, who: &Person, scopes: &[&str]) -> String {
        let ask = json!({ "name": "t", "expires_in_seconds": 3600, "scopes": scopes });
        let made = self.send(who, Ask::post("/v1/tokens").json(&ask));
        text_of(&made.expect(201)["secret"])
    }

    /// The newest rows of the audit log.
    pub(crate) fn audit(&self) -> Vec<Value> {
        let page = self.send(&self.owner, Ask::get("/v1/audit?limit=100"));
        page.expect(200)["data"].as_array().unwrap().clone()
    }
}

fn claim(server: &TestServer) -> Person {
    let link = server.control.owner_link().unwrap();
    let code = link.split_once("code=").unwrap().1;
    let email = "owner@example.org";
    let ask = json!({ "code": code, "email": email, "password": PASSWORD });
    let claimed = Ask::post("/v1/claim").json(&ask).send(server.address);
    let token = text_of(&claimed.expect(201)["secret"]);
    let signed_in = sign_in(server, email, PASSWORD);
    Person {
        id: text_of(&signed_in.expect(201)["user_id"]),
        email: email.to_owned(),
        cookie: cookie(&signed_in),
        token,
    }
}

pub(crate) fn sign_in(server: &TestServer, email: &str, password: &str) -> Answer {
    let ask = json!({ "email": email, "password": password });
    Ask::post("/v1/session").json(&ask).send(server.address)
}

/// The secret of a new invitation.
#[track_caller]
pub(crate) fn invite(server: &TestServer, by: &Person, email: &str, role: &str) -> String {
    let ask = json!({ "email": email, "role": role });
    let made = Ask::post("/v1/invitations").json(&ask).bearer(&by.token);
    text_of(&made.send(server.address).expect(201)["secret"])
}

pub(crate) fn accept(server: &TestServer, secret: &str, email: &str) -> Answer {
    let ask = json!({ "secret": secret, "email": email, "password": PASSWORD });
    let accept = Ask::post("/v1/invitations/accept").json(&ask);
    accept.send(server.address)
}

pub(crate) fn join(server: &TestServer, owner: &Person, email: &str, role: &str) -> Person {
    let joined = accept(server, &invite(server, owner, email, role), email);
    let cookie = cookie(&joined);
    let ask = json!({ "name": "mine", "expires_in_seconds": 86_400 });
    let made = Ask::post("/v1/tokens").json(&ask).field("Cookie", &cookie);
    Person {
        id: text_of(&joined.expect(201)["user_id"]),
        email: email.to_owned(),
        token: text_of(&made.send(server.address).expect(201)["secret"]),
        cookie,
    }
}
