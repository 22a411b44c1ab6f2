//! Deploying, as a client does it.

use holm_api::{FRAME_MEDIA_TYPE, MANIFEST_MEDIA_TYPE, frame_header};
use holm_types::BlobDigest;
use serde_json::{Value, json};

use crate::client::{Answer, Ask};
use crate::server::TestServer;

/// A folder to deploy.
#[derive(Clone, Debug)]
pub(crate) struct Upload {
    pub(crate) head: Value,
    pub(crate) files: Vec<(String, Vec<u8>)>,
}

impl Upload {
    /// A production deployment of these files; the project is made if need be.
    pub(crate) fn new(files: &[(&str, &str)]) -> Self {
        Self {
            head: json!({ "environment": "production", "create_project": true }),
            files: files
                .iter()
                .map(|(path, text)| ((*path).to_owned(), text.as_bytes().to_vec()))
                .collect(),
        }
    }

    pub(crate) fn preview(mut self) -> Self {
        self.head["environment"] = json!("preview");
        self
    }

    pub(crate) fn branch(mut self, branch: &str) -> Self {
        self.head["source"] = json!({ "branch": branch });
        self
    }

    pub(crate) fn manifest(&self) -> String {
        let mut head = self.head.clone();
        head["file_count"] = json!(self.files.len());
        let mut lines = vec![head.to_string()];
        lines.extend(self.files.iter().map(|(path, bytes)| {
            let digest = BlobDigest::of(bytes);
            json!({ "path": path, "digest": digest, "size_bytes": bytes.len() }).to_string()
        }));
        lines.join("\n")
    }

    /// The frames of the blobs with these digests.
    pub(crate) fn frames(&self, missing: &Value) -> Vec<u8> {
        let missing: Vec<&str> = missing
            .as_array()
            .unwrap()
            .iter()
            .map(|digest| digest.as_str().unwrap())
            .collect();
        let mut sent = std::collections::HashSet::new();
        let mut body = Vec::new();
        for (_, bytes) in &self.files {
            let digest = BlobDigest::of(bytes);
            if missing.contains(&digest.to_string().as_str()) && sent.insert(digest) {
                body.extend_from_slice(&frame_header(&digest, bytes.len() as u64));
                body.extend_from_slice(bytes);
            }
        }
        body
    }
}

impl TestServer {
    pub(crate) fn announce(&self, project: &str, upload: &Upload) -> Answer {
        let target = format!("/v1/projects/{project}/deployments");
        self.send(Ask::post(&target).body(MANIFEST_MEDIA_TYPE, upload.manifest()))
    }

    pub(crate) fn put_blobs(&self, deployment: &Value, frames: Vec<u8>) -> Answer {
        let target = format!("{}/blobs", path_of(deployment));
        self.send(Ask::new("PUT", &target).body(FRAME_MEDIA_TYPE, frames))
    }

    pub(crate) fn commit(&self, deployment: &Value, frames: Vec<u8>) -> Answer {
        let target = format!("{}/commit", path_of(deployment));
        self.send(Ask::post(&target).body(FRAME_MEDIA_TYPE, frames))
    }

    /// Announces and commits with everything that is missing.
    pub(crate) fn deploy(&self, project: &str, upload: &Upload) -> Answer {
        let created = self.announce(project, upload).expect(201);
        let frames = upload.frames(&created["missing"]);
        self.commit(&created["deployment"], frames)
    }

    /// Deploys a page with this text to production. The deployment's id.
    pub(crate) fn deploy_text(&self, project: &str, text: &str) -> String {
        let upload = Upload::new(&[("/index.html", text)]);
        text_of(&self.deploy(project, &upload).expect(200)["id"])
    }

    pub(crate) fn state_of(&self, deployment: &Value) -> String {
        text_of(&self.get(&path_of(deployment)).expect(200)["state"])
    }
}

/// The API path of a deployment.
pub(crate) fn path_of(deployment: &Value) -> String {
    format!(
        "/v1/projects/{}/deployments/{}",
        deployment["project_id"].as_str().unwrap(),
        deployment["id"].as_str().unwrap()
    )
}

pub(crate) fn text_of(value: &Value) -> String {
    value
        .as_str()
        .unwrap_or_else(|| panic!("{value} is not text"))
        .to_owned()
}
