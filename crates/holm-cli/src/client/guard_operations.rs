//! The operations on what stands before a project's hosts.

use holm_api::{AccessRulesView, ProtectionUpdate, ProtectionView, ShareCreate, ShareLink};
use holm_types::ProjectName;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::{Again, Call, Client, ClientError, Payload};

impl Client {
    /// A project's protection.
    pub(crate) fn protection_view(
        &self,
        project: &ProjectName,
    ) -> Result<ProtectionView, ClientError> {
        self.call(&Call::get(format!("/projects/{project}/protection")))
    }

    /// Changes a project's protection. A new key made twice is as good as one.
    pub(crate) fn protection_update(
        &self,
        project: &ProjectName,
        update: &ProtectionUpdate,
    ) -> Result<ProtectionView, ClientError> {
        let path = format!("/projects/{project}/protection");
        self.send_json("PATCH", path, update)
    }

    /// A project's access rules.
    pub(crate) fn access_rules_view(
        &self,
        project: &ProjectName,
    ) -> Result<AccessRulesView, ClientError> {
        self.call(&Call::get(format!("/projects/{project}/access-rules")))
    }

    /// Replaces a project's access rules.
    pub(crate) fn access_rules_update(
        &self,
        project: &ProjectName,
        rules: &AccessRulesView,
    ) -> Result<AccessRulesView, ClientError> {
        let path = format!("/projects/{project}/access-rules");
        self.send_json("PUT", path, rules)
    }

    /// A link to a host of a project.
    pub(crate) fn project_share(
        &self,
        project: &ProjectName,
        ask: &ShareCreate,
    ) -> Result<ShareLink, ClientError> {
        self.send_json("POST", format!("/projects/{project}/share"), ask)
    }

    fn send_json<T: DeserializeOwned>(
        &self,
        method: &'static str,
        path: String,
        body: &impl Serialize,
    ) -> Result<T, ClientError> {
        // Writing our own record to memory cannot fail.
        let body = serde_json::to_vec(body).unwrap_or_default();
        let payload = Payload::Bytes("application/json", &body);
        self.call(&Call::send(method, path, payload, Again::Harmless))
    }
}
