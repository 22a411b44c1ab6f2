//! Which host answers with what, for every state a deployment can be in.

use holm_types::{BlobDigest, Timestamp};

use super::*;

fn project() -> ProjectHost {
    ProjectHost {
        id: ProjectId::from_bytes([1; 16]),
        name: "blog".parse().unwrap(),
    }
}

fn deployment(number: u8, state: DeploymentState) -> HostRow {
    let is_sealed = state == DeploymentState::Sealed;
    HostRow {
        id: DeploymentId::from_bytes([number; 16]),
        project_id: project().id,
        label: format!("label{number}"),
        state,
        environment: Environment::Production,
        document: is_sealed.then(|| BlobDigest::of(b"document")),
        sealed_at: is_sealed.then(Timestamp::default),
    }
}

fn alias(to: u8) -> AliasRow {
    AliasRow {
        branch: None,
        project_id: project().id,
        kind: AliasKind::Production,
        label: "blog".to_owned(),
        deployment_id: DeploymentId::from_bytes([to; 16]),
        move_id: 1,
    }
}

/// What each host answers with: a status for a gate, 200 for a site.
fn check(deployments: &[HostRow], aliases: &[AliasRow], want: &[(&str, u16)]) {
    let mut got: Vec<(String, u16)> = hosts(&[project()], deployments, aliases)
        .into_iter()
        .map(|entry| match entry.target {
            HostTarget::Site { .. } => (entry.host, 200),
            HostTarget::Gate { code, .. } => (entry.host, code.status()),
        })
        .collect();
    got.sort();
    let got: Vec<(&str, u16)> = got
        .iter()
        .map(|(host, code)| (host.as_str(), *code))
        .collect();
    assert_eq!(got, want);
}

#[test]
fn every_state_has_its_host() {
    use DeploymentState as S;
    check(&[], &[], &[]);
    let uploading = deployment(2, S::Uploading);
    check(&[uploading], &[], &[("blog", 423), ("blog--label2", 423)]);
    let failed = deployment(2, S::Failed);
    check(
        std::slice::from_ref(&failed),
        &[],
        &[("blog", 424), ("blog--label2", 424)],
    );
    check(
        &[
            failed,
            deployment(3, S::Uploading),
            deployment(4, S::TimedOut),
        ],
        &[],
        &[
            ("blog", 423),
            ("blog--label2", 424),
            ("blog--label3", 423),
            ("blog--label4", 424),
        ],
    );
    check(&[deployment(2, S::Deleted)], &[], &[("blog--label2", 410)]);
    check(
        &[
            deployment(2, S::Sealed),
            deployment(3, S::Failed),
            deployment(4, S::Expired),
        ],
        &[alias(2)],
        &[
            ("blog", 200),
            ("blog--label2", 200),
            ("blog--label3", 424),
            ("blog--label4", 401),
        ],
    );
}

#[test]
fn a_preview_says_nothing_about_production() {
    let mut preview = deployment(2, DeploymentState::Uploading);
    preview.environment = Environment::Preview;
    check(&[preview], &[], &[("blog--label2", 423)]);
}
