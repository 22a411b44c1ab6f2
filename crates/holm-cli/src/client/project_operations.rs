//! The operations about a project's settings, variables, aliases and retention, and the limits.

use holm_api::{
    AliasView, DeploymentVariables, DeploymentView, LimitList, Page, ProjectUpdate, ProjectView,
    VariableList, VariableSet,
};
use holm_types::{Environment, ProjectName};

use super::operations::encode;
use super::{Again, Call, Client, ClientError, PageAsked, Payload};

/// `?environment=...`, or nothing for both.
fn query(environment: Option<Environment>) -> String {
    environment.map_or(String::new(), |environment| {
        format!("?environment={environment}")
    })
}

impl Client {
    /// Changes a project's settings.
    pub(crate) fn project_update(
        &self,
        project: &ProjectName,
        update: &ProjectUpdate,
    ) -> Result<ProjectView, ClientError> {
        // Writing our own record to memory cannot fail.
        let body = serde_json::to_vec(update).unwrap_or_default();
        let payload = Payload::Bytes("application/json", &body);
        let path = format!("/projects/{project}");
        self.call(&Call::send("PATCH", path, payload, Again::Harmless))
    }

    /// Deletes a project. When the answer was lost, the second attempt finds nothing any more.
    pub(crate) fn project_delete(&self, project: &ProjectName) -> Result<(), ClientError> {
        let path = format!("/projects/{project}");
        self.call_bytes(&Call::send("DELETE", path, Payload::Empty, Again::IfUnseen))
            .map(drop)
    }

    /// A project's variables.
    pub(crate) fn variable_list(
        &self,
        project: &ProjectName,
        environment: Option<Environment>,
    ) -> Result<VariableList, ClientError> {
        let query = query(environment);
        self.call(&Call::get(format!("/projects/{project}/variables{query}")))
    }

    /// Sets variables, all of them or none.
    pub(crate) fn variable_set(
        &self,
        project: &ProjectName,
        variables: &VariableSet,
    ) -> Result<VariableList, ClientError> {
        let body = serde_json::to_vec(variables).unwrap_or_default();
        let payload = Payload::Bytes("application/json", &body);
        let path = format!("/projects/{project}/variables");
        self.call(&Call::send("POST", path, payload, Again::Harmless))
    }

    /// Deletes a variable.
    pub(crate) fn variable_delete(
        &self,
        project: &ProjectName,
        name: &str,
        environment: Option<Environment>,
    ) -> Result<(), ClientError> {
        let (name, query) = (encode(name), query(environment));
        let path = format!("/projects/{project}/variables/{name}{query}");
        self.call_bytes(&Call::send("DELETE", path, Payload::Empty, Again::IfUnseen))
            .map(drop)
    }

    /// One page of a project's aliases.
    pub(crate) fn alias_list(
        &self,
        project: &ProjectName,
        page: &PageAsked,
    ) -> Result<Page<AliasView>, ClientError> {
        let query = page.query();
        self.call(&Call::get(format!("/projects/{project}/aliases{query}")))
    }

    /// Makes a deployment again. Twice makes two.
    pub(crate) fn deployment_redeploy(
        &self,
        project: &ProjectName,
        deployment: &str,
        environment: Option<Environment>,
    ) -> Result<DeploymentView, ClientError> {
        let (deployment, query) = (encode(deployment), query(environment));
        let path = format!("/projects/{project}/deployments/{deployment}/redeploy{query}");
        self.call(&Call::send("POST", path, Payload::Empty, Again::IfUnseen))
    }

    /// Pins a deployment, or leaves it to retention again.
    pub(crate) fn deployment_pin(
        &self,
        project: &ProjectName,
        deployment: &str,
        is_pinned: bool,
    ) -> Result<DeploymentView, ClientError> {
        let word = if is_pinned { "pin" } else { "unpin" };
        let path = format!(
            "/projects/{project}/deployments/{}/{word}",
            encode(deployment)
        );
        self.call(&Call::send("POST", path, Payload::Empty, Again::Harmless))
    }

    /// What a deployment was made with.
    pub(crate) fn deployment_variables(
        &self,
        project: &ProjectName,
        deployment: &str,
    ) -> Result<DeploymentVariables, ClientError> {
        let deployment = encode(deployment);
        let path = format!("/projects/{project}/deployments/{deployment}/variables");
        self.call(&Call::get(path))
    }

    /// Deletes a deployment. One that was deleted before stays so.
    pub(crate) fn deployment_delete(
        &self,
        project: &ProjectName,
        deployment: &str,
    ) -> Result<(), ClientError> {
        let path = format!("/projects/{project}/deployments/{}", encode(deployment));
        self.call_bytes(&Call::send("DELETE", path, Payload::Empty, Again::Harmless))
            .map(drop)
    }

    /// Every maximum of the server.
    pub(crate) fn limit_list(&self) -> Result<LimitList, ClientError> {
        self.call(&Call::get("/limits".into()))
    }
}
