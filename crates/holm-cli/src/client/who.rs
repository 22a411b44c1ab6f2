//! The operations about who may: tokens, members, the audit log, signing in.

use holm_api::{
    API_PREFIX, AuditQuery, AuditView, InvitationCreate, InvitationCreated, MemberUpdate,
    MemberView, Page, SessionCreate, TokenCreate, TokenCreated, TokenView,
};
use holm_types::{TokenId, UserId};
use serde::Serialize;
use serde::de::DeserializeOwned;
use ureq::http::{Request, header};

use super::operations::{encode, query};
use super::{Again, Call, Client, ClientError, PageAsked, Payload};

impl Client {
    /// One page of the tokens.
    pub(crate) fn token_list(&self, page: &PageAsked) -> Result<Page<TokenView>, ClientError> {
        self.call(&Call::get(format!("/tokens{}", page.query())))
    }

    /// Makes a token. An answer that was lost leaves a token that nobody has.
    pub(crate) fn token_create(&self, ask: &TokenCreate) -> Result<TokenCreated, ClientError> {
        self.send("POST", "/tokens".into(), ask)
    }

    /// Revokes a token.
    pub(crate) fn token_delete(&self, token: &str) -> Result<(), ClientError> {
        let path = format!("/tokens/{}", encode(token));
        self.call_bytes(&Call::send("DELETE", path, Payload::Empty, Again::IfUnseen))
            .map(drop)
    }

    /// One page of the members.
    pub(crate) fn member_list(&self, page: &PageAsked) -> Result<Page<MemberView>, ClientError> {
        self.call(&Call::get(format!("/members{}", page.query())))
    }

    /// Changes a member's role.
    pub(crate) fn member_update(
        &self,
        member: UserId,
        ask: &MemberUpdate,
    ) -> Result<MemberView, ClientError> {
        self.send("PATCH", format!("/members/{member}"), ask)
    }

    /// Removes a member.
    pub(crate) fn member_delete(&self, member: UserId) -> Result<(), ClientError> {
        let path = format!("/members/{member}");
        self.call_bytes(&Call::send("DELETE", path, Payload::Empty, Again::IfUnseen))
            .map(drop)
    }

    /// Invites somebody.
    pub(crate) fn invitation_create(
        &self,
        ask: &InvitationCreate,
    ) -> Result<InvitationCreated, ClientError> {
        self.send("POST", "/invitations".into(), ask)
    }

    /// One page of the audit log.
    pub(crate) fn audit_list(&self, asked: &AuditQuery) -> Result<Page<AuditView>, ClientError> {
        let limit = asked.limit.map(|limit| limit.to_string());
        let parts = [
            ("limit", &limit),
            ("cursor", &asked.cursor),
            ("user", &asked.user),
            ("project", &asked.project),
            ("operation", &asked.operation),
            ("since", &asked.since),
        ];
        self.call(&Call::get(format!("/audit{}", query(&parts))))
    }

    /// Signs in, makes a token, signs out: the session lives as long as this takes.
    pub(crate) fn token_by_password(
        &self,
        proof: &SessionCreate,
        ask: &TokenCreate,
    ) -> Result<TokenCreated, ClientError> {
        let (cookie, _) = self.exchange("POST", "/session", None, Some(&json(proof)))?;
        let cookie = cookie.ok_or_else(|| ClientError::NotHolm {
            api: self.api().clone(),
            status: 201,
        })?;
        let made = self.exchange("POST", "/tokens", Some(&cookie), Some(&json(ask)));
        // It ends by itself, too; the token counts.
        drop(self.exchange("DELETE", "/session", Some(&cookie), None));
        self.read(&made?.1)
    }

    /// The token that was shown is revoked.
    pub(crate) fn token_revoke_own(&self, token: TokenId) -> Result<(), ClientError> {
        self.token_delete(&token.to_string())
    }

    fn send<A: Serialize, T: DeserializeOwned>(
        &self,
        method: &'static str,
        path: String,
        ask: &A,
    ) -> Result<T, ClientError> {
        let body = json(ask);
        let payload = Payload::Bytes("application/json", &body);
        self.call(&Call::send(method, path, payload, Again::IfUnseen))
    }

    /// One request as a browser would send it, with a cookie: the cookie that is set, and the body.
    fn exchange(
        &self,
        method: &'static str,
        path: &str,
        cookie: Option<&str>,
        body: Option<&[u8]>,
    ) -> Result<(Option<String>, Vec<u8>), ClientError> {
        let mut request = Request::builder()
            .method(method)
            .uri(format!("{}{API_PREFIX}{path}", self.access.api))
            .header(header::CONTENT_TYPE, "application/json");
        if let Some(cookie) = cookie {
            request = request.header(header::COOKIE, cookie);
        }
        let fail = |error: ureq::Error| ClientError::of_transport(&self.access.api, error);
        let request = request.body(body.unwrap_or_default());
        let response = self
            .agent
            .run(request.map_err(|error| fail(error.into()))?)
            .map_err(fail)?;
        let set = response.headers().get(header::SET_COOKIE);
        let set = set.and_then(|value| value.to_str().ok()).map(|value| {
            let pair = value.split(';').next().unwrap_or_default();
            pair.to_owned()
        });
        Ok((set, self.read_answer(response)?))
    }
}

/// Writing our own records to memory cannot fail.
fn json<T: Serialize>(value: &T) -> Vec<u8> {
    serde_json::to_vec(value).unwrap_or_default()
}
