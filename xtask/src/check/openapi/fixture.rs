//! What is there before schemathesis begins, so that its calls get past "there is no such thing": an
//! owner, a second member, an invitation, a project with a site and a variable.

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};

use crate::lab::{HolmProcess, Request, fetch};

const OWNER_EMAIL: &str = "owner@example.org";
const MEMBER_EMAIL: &str = "member@example.org";
const INVITED_EMAIL: &str = "invited@example.org";
const PASSWORD: &str = "a long pass phrase of the check";

/// What the hooks are told.
#[derive(Debug)]
pub(super) struct Fixture {
    /// The owner's token, which all calls show.
    pub(super) token: String,
    /// Path parameters by name, of things that exist.
    pub(super) known: Value,
    /// Ids of what the run itself stands on: nothing may end it.
    pub(super) kept: Vec<String>,
}

/// Calls the API with a token and JSON.
struct Api<'a> {
    server: &'a HolmProcess,
    token: String,
}

impl Api<'_> {
    fn send(&self, method: &str, path: &str, body: &Value) -> Result<Value> {
        let address = self.server.control();
        let mut request = Request::new(method, &address.to_string(), path)
            .header("authorization", &format!("Bearer {}", self.token));
        if !body.is_null() {
            request = request.header("content-type", "application/json");
            request.body = serde_json::to_vec(body)?;
        }
        let answer = fetch(address, &request)?;
        ensure!(
            answer.status < 300,
            "{method} {path} answered {}: {}",
            answer.status,
            answer.text()
        );
        serde_json::from_slice(&answer.body).with_context(|| format!("read {method} {path}"))
    }

    /// The ids of a list.
    fn ids(&self, path: &str) -> Result<Vec<String>> {
        let list = self.send("GET", path, &Value::Null)?;
        let rows = list["data"].as_array().context("the list has no items")?;
        rows.iter().map(|row| text(&row["id"])).collect()
    }
}

fn text(value: &Value) -> Result<String> {
    let text = value.as_str().map(str::to_owned);
    text.with_context(|| format!("`{value}` is no text"))
}

impl Fixture {
    /// Makes all of it on a server that has no owner yet but a site in `project`.
    pub(super) fn make(server: &HolmProcess, project: &str, deployment: &str) -> Result<Self> {
        let link = server.owner_link()?;
        let (_, code) = link
            .split_once("code=")
            .context("the owner link has no code")?;
        let mut api = Api {
            server,
            token: server.token()?.to_owned(),
        };
        let claim = json!({ "code": code, "email": OWNER_EMAIL, "password": PASSWORD });
        api.token = text(&api.send("POST", "/v1/claim", &claim)?["secret"])?;
        let mut kept = api.ids("/v1/members")?;
        kept.extend(api.ids("/v1/tokens")?);
        let member = add_member(&api)?;
        let invited = json!({ "email": INVITED_EMAIL, "role": "viewer" });
        let invited = api.send("POST", "/v1/invitations", &invited)?;
        let path = format!("/v1/projects/{project}");
        let project = text(&api.send("GET", &path, &Value::Null)?["id"])?;
        set_variable(&api, &path)?;
        kept.extend([project.clone(), deployment.to_owned()]);
        let known = json!({
            "project": project, "deployment": deployment, "variable": "KEY", "member": member,
            "invitation": text(&invited["invitation"]["id"])?,
        });
        Ok(Self {
            token: api.token,
            known,
            kept,
        })
    }
}

/// Invites a second member and accepts for them; gives their id.
fn add_member(api: &Api<'_>) -> Result<String> {
    let invite = json!({ "email": MEMBER_EMAIL, "role": "developer" });
    let made = api.send("POST", "/v1/invitations", &invite)?;
    let accept = json!({ "secret": made["secret"], "email": MEMBER_EMAIL, "password": PASSWORD });
    api.send("POST", "/v1/invitations/accept", &accept)?;
    let newest = api.ids("/v1/members")?.into_iter().next();
    newest.context("the server has no members")
}

fn set_variable(api: &Api<'_>, project: &str) -> Result<()> {
    let set = json!({ "variables": [{ "name": "KEY", "value": "value" }] });
    api.send("POST", &format!("{project}/variables"), &set)?;
    Ok(())
}
