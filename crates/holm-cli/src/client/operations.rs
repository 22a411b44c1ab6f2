//! The operations of the API that the commands use, one method each, named as in the table of operations.

use std::io::Read;

use holm_api::{
    ARCHIVE_MEDIA_TYPE, BackupCreate, ClaimRequest, ClaimResult, CollectionView,
    DeploymentCreateQuery, DeploymentCreated, DeploymentPlan, DeploymentView, ExplainReport,
    FRAME_MEDIA_TYPE, InstanceView, MANIFEST_MEDIA_TYPE, MeView, Page, ProjectView, StorageCollect,
    StorageView,
};
use holm_types::{DeploymentId, ProjectName};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

use super::{Again, Call, Client, ClientError, Payload};

/// A streamed manifest: lines of JSON.
#[derive(Debug)]
pub(crate) struct Manifest(pub Vec<u8>);

/// Blobs on their way: how many bytes with their frame headers, and how to make them.
pub(crate) struct Frames<'a> {
    pub size_bytes: u64,
    pub open: &'a dyn Fn() -> Box<dyn Read + 'a>,
}

impl<'a> Frames<'a> {
    fn payload(&self) -> Payload<'a> {
        Payload::Stream {
            media_type: FRAME_MEDIA_TYPE,
            size_bytes: self.size_bytes,
            open: self.open,
        }
    }
}

impl Client {
    /// What the server is.
    pub(crate) fn instance_view(&self) -> Result<InstanceView, ClientError> {
        self.call(&Call::get("/instance".into()))
    }

    /// Becomes the owner. The code works once.
    pub(crate) fn instance_claim(&self, code: &str) -> Result<ClaimResult, ClientError> {
        let request = ClaimRequest {
            code: code.to_owned(),
            ..ClaimRequest::default()
        };
        // Writing our own record to memory cannot fail.
        let body = serde_json::to_vec(&request).unwrap_or_default();
        let payload = Payload::Bytes("application/json", &body);
        self.call(&Call::send(
            "POST",
            "/claim".into(),
            payload,
            Again::IfUnseen,
        ))
    }

    /// Who the token stands for.
    pub(crate) fn me_view(&self) -> Result<MeView, ClientError> {
        self.call(&Call::get("/me".into()))
    }

    /// One page of the projects.
    pub(crate) fn project_list(&self, page: &PageAsked) -> Result<Page<ProjectView>, ClientError> {
        self.call(&Call::get(format!("/projects{}", page.query())))
    }

    /// One project.
    pub(crate) fn project_view(&self, project: &ProjectName) -> Result<ProjectView, ClientError> {
        self.call(&Call::get(format!("/projects/{project}")))
    }

    /// Points production at what it pointed at before. Twice is not the same as once.
    pub(crate) fn project_rollback(
        &self,
        project: &ProjectName,
    ) -> Result<DeploymentView, ClientError> {
        let path = format!("/projects/{project}/rollback");
        self.call(&Call::send("POST", path, Payload::Empty, Again::IfUnseen))
    }

    /// One page of a project's deployments.
    pub(crate) fn deployment_list(
        &self,
        project: &ProjectName,
        page: &PageAsked,
    ) -> Result<Page<DeploymentView>, ClientError> {
        self.call(&Call::get(format!(
            "/projects/{project}/deployments{}",
            page.query()
        )))
    }

    /// Announces a deployment. An answer that was lost leaves an unfinished deployment to the sweeper.
    pub(crate) fn deployment_create(
        &self,
        project: &ProjectName,
        manifest: &Manifest,
    ) -> Result<DeploymentCreated, ClientError> {
        let path = format!("/projects/{project}/deployments");
        let payload = Payload::Bytes(MANIFEST_MEDIA_TYPE, &manifest.0);
        self.call(&Call::send("POST", path, payload, Again::Harmless))
    }

    /// One deployment.
    pub(crate) fn deployment_view(
        &self,
        project: &ProjectName,
        deployment: &str,
    ) -> Result<DeploymentView, ClientError> {
        self.call(&Call::get(format!(
            "/projects/{project}/deployments/{}",
            encode(deployment)
        )))
    }

    /// Stores missing blobs.
    pub(crate) fn blob_upload(
        &self,
        project: &ProjectName,
        deployment: &DeploymentId,
        frames: &Frames<'_>,
    ) -> Result<(), ClientError> {
        let path = format!("/projects/{project}/deployments/{deployment}/blobs");
        self.call_bytes(&Call::send("PUT", path, frames.payload(), Again::Harmless))
            .map(drop)
    }

    /// Stores the rest, seals and releases. Whether it happened is asked by `deployment_view` when the
    /// answer is lost.
    pub(crate) fn deployment_commit(
        &self,
        project: &ProjectName,
        deployment: &DeploymentId,
        frames: &Frames<'_>,
    ) -> Result<DeploymentView, ClientError> {
        let path = format!("/projects/{project}/deployments/{deployment}/commit");
        self.call(&Call::send("POST", path, frames.payload(), Again::IfUnseen))
    }

    /// As [`Client::deployment_commit`], but the answer may come as soon as everything has arrived.
    pub(crate) fn deployment_commit_async(
        &self,
        project: &ProjectName,
        deployment: &DeploymentId,
        frames: &Frames<'_>,
    ) -> Result<DeploymentView, ClientError> {
        let path = format!("/projects/{project}/deployments/{deployment}/commit");
        let call = Call::send("POST", path, frames.payload(), Again::IfUnseen);
        self.call(&Call {
            may_go_on: true,
            ..call
        })
    }

    /// Deploys an archive as far as the commit. An answer that was lost leaves an unfinished deployment
    /// to the sweeper.
    pub(crate) fn deployment_create_archive(
        &self,
        project: &ProjectName,
        query: &DeploymentCreateQuery,
        bytes: &Frames<'_>,
    ) -> Result<DeploymentCreated, ClientError> {
        self.call(&archive_call(project, query, bytes))
    }

    /// What an archive would become.
    pub(crate) fn deployment_plan_archive(
        &self,
        project: &ProjectName,
        query: &DeploymentCreateQuery,
        bytes: &Frames<'_>,
    ) -> Result<DeploymentPlan, ClientError> {
        self.call(&archive_call(project, query, bytes))
    }

    /// What the files of a manifest would become.
    pub(crate) fn deployment_plan(
        &self,
        project: &ProjectName,
        manifest: &Manifest,
    ) -> Result<DeploymentPlan, ClientError> {
        let path = format!("/projects/{project}/deployments?dry_run=true");
        let payload = Payload::Bytes(MANIFEST_MEDIA_TYPE, &manifest.0);
        self.call(&Call::send("POST", path, payload, Again::Harmless))
    }

    /// Gives up an unfinished deployment.
    pub(crate) fn deployment_cancel(
        &self,
        project: &ProjectName,
        deployment: &DeploymentId,
    ) -> Result<(), ClientError> {
        let path = format!("/projects/{project}/deployments/{deployment}/cancel");
        self.call_bytes(&Call::send("POST", path, Payload::Empty, Again::Harmless))
            .map(drop)
    }

    /// Points production at a deployment.
    pub(crate) fn deployment_promote(
        &self,
        project: &ProjectName,
        deployment: &str,
    ) -> Result<DeploymentView, ClientError> {
        let path = format!(
            "/projects/{project}/deployments/{}/promote",
            encode(deployment)
        );
        self.call(&Call::send("POST", path, Payload::Empty, Again::Harmless))
    }

    /// How full the blob store is.
    pub(crate) fn storage_view(&self) -> Result<StorageView, ClientError> {
        self.call(&Call::get("/storage".into()))
    }

    /// Removes the blobs that nobody wants, or only looks.
    pub(crate) fn storage_collect(&self, dry_run: bool) -> Result<CollectionView, ClientError> {
        // Writing our own record to memory cannot fail.
        let body = serde_json::to_vec(&StorageCollect { dry_run }).unwrap_or_default();
        let payload = Payload::Bytes("application/json", &body);
        let path = "/storage/collect".into();
        self.call(&Call::send("POST", path, payload, Again::Harmless))
    }

    /// Everything in one file, handed over piece by piece as it arrives. Not tried again.
    pub(crate) fn backup_create(
        &self,
        with_keys: bool,
        take: &mut dyn FnMut(&[u8]) -> std::io::Result<()>,
    ) -> Result<(), ClientError> {
        let body = serde_json::to_vec(&BackupCreate { with_keys }).unwrap_or_default();
        let payload = Payload::Bytes("application/json", &body);
        let call = Call::send("POST", "/backup".into(), payload, Again::IfUnseen);
        self.receive(&call, take)
    }

    /// Why a URL answers as it does.
    pub(crate) fn explain_view(
        &self,
        url: &str,
        asked: &ExplainAsked,
    ) -> Result<ExplainReport, ClientError> {
        self.call(&Call::get(format!(
            "/explain?url={}{}",
            encode(url),
            asked.query()
        )))
    }
}

/// What is to be supposed when a URL is explained.
#[derive(Clone, Debug, Default)]
pub(crate) struct ExplainAsked {
    /// Instead of the deployment that the host shows.
    pub deployment: Option<String>,
    /// The visitor's address.
    pub ip: Option<std::net::IpAddr>,
    /// The visitor's `Referer`.
    pub referer: Option<String>,
    /// The visitor's `User-Agent`.
    pub user_agent: Option<String>,
    /// Go on behind the gate.
    pub past_gate: bool,
}

impl ExplainAsked {
    fn query(&self) -> String {
        let ip = self.ip.map(|ip| ip.to_string());
        let past_gate = self.past_gate.then(|| "true".to_owned());
        let parts = [
            ("deployment", &self.deployment),
            ("ip", &ip),
            ("referer", &self.referer),
            ("user_agent", &self.user_agent),
            ("past_gate", &past_gate),
        ];
        let given = parts
            .into_iter()
            .filter_map(|(name, value)| Some((name, value.as_ref()?)));
        given.fold(String::new(), |query, (name, value)| {
            query + "&" + name + "=" + &encode(value)
        })
    }
}

fn archive_call<'a>(
    project: &ProjectName,
    query: &DeploymentCreateQuery,
    bytes: &Frames<'a>,
) -> Call<'a> {
    let environment = query.environment.map(|environment| environment.to_string());
    let parts = [
        ("dry_run", query.dry_run.then(|| "true".to_owned())),
        ("environment", environment),
        (
            "create_project",
            query.create_project.map(|make| make.to_string()),
        ),
        ("branch", query.branch.clone()),
        ("commit", query.commit.clone()),
        ("message", query.message.clone()),
    ];
    let parts: Vec<String> = parts
        .into_iter()
        .filter_map(|(name, value)| Some(format!("{name}={}", encode(&value?))))
        .collect();
    let path = format!("/projects/{project}/deployments?{}", parts.join("&"));
    let payload = Payload::Stream {
        media_type: ARCHIVE_MEDIA_TYPE,
        size_bytes: bytes.size_bytes,
        open: bytes.open,
    };
    Call::send("POST", path, payload, Again::Harmless)
}

/// Which page of a list.
#[derive(Clone, Debug, Default)]
pub(crate) struct PageAsked {
    /// Items a page. `None`: as the server likes.
    pub limit: Option<u32>,
    /// The cursor of the page before. `None`: the first page.
    pub cursor: Option<String>,
}

impl PageAsked {
    pub(super) fn query(&self) -> String {
        let limit = self.limit.map(|limit| limit.to_string());
        query(&[("limit", &limit), ("cursor", &self.cursor)])
    }
}

/// A query of the parameters that have a value, with its question mark; empty when none has.
pub(super) fn query(parameters: &[(&str, &Option<String>)]) -> String {
    let said = parameters
        .iter()
        .filter_map(|(name, value)| Some((name, value.as_ref()?)));
    let parts: Vec<String> = said
        .map(|(name, value)| format!("{name}={}", encode(value)))
        .collect();
    if parts.is_empty() {
        String::new()
    } else {
        format!("?{}", parts.join("&"))
    }
}

/// Text as part of a path or query. Ids and names stay as they are.
pub(super) fn encode(text: &str) -> String {
    const KEEP: &percent_encoding::AsciiSet = &NON_ALPHANUMERIC
        .remove(b'-')
        .remove(b'_')
        .remove(b'.')
        .remove(b'~');
    // A path of dots alone would be taken for a step up.
    if text.bytes().all(|byte| byte == b'.') {
        return text.replace('.', "%2E");
    }
    utf8_percent_encode(text, KEEP).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_user_types_cannot_leave_its_place_in_the_path() {
        assert_eq!(encode("dpl_01h"), "dpl_01h");
        assert_eq!(encode("../../x?y"), "..%2F..%2Fx%3Fy");
        assert_eq!(encode(".."), "%2E%2E");
    }

    #[test]
    fn what_is_supposed_of_a_visitor_is_part_of_the_query() {
        assert_eq!(ExplainAsked::default().query(), "");
        let asked = ExplainAsked {
            ip: Some("::1".parse().unwrap()),
            user_agent: Some("a b".into()),
            past_gate: true,
            ..ExplainAsked::default()
        };
        assert_eq!(asked.query(), "&ip=%3A%3A1&user_agent=a%20b&past_gate=true");
    }

    #[test]
    fn pages_are_asked_for_by_limit_and_cursor() {
        assert_eq!(PageAsked::default().query(), "");
        let page = PageAsked {
            limit: Some(100),
            cursor: Some("a=b".into()),
        };
        assert_eq!(page.query(), "?limit=100&cursor=a%3Db");
    }
}
