//! What is written can be read; what is damaged, newer or something else is refused.

use holm_types::{DeploymentId, Environment, ProjectId, Timestamp, VisitorCode};
use proptest::prelude::*;

use super::*;
use crate::strategies::{Words, document};
use crate::{FileEntry, HostEntry, HostTarget, Manifest};

fn any_document() -> impl Strategy<Value = DeploymentDocument> {
    document(&Words::any())
}

fn list<S: Strategy>(of: S) -> impl Strategy<Value = Vec<S::Value>> {
    prop::collection::vec(of, 0..4)
}

fn snapshot() -> impl Strategy<Value = EdgeSnapshot> {
    let site = any::<([u8; 16], [u8; 32], i64)>().prop_map(|(id, document, at)| HostTarget::Site {
        deployment_id: DeploymentId::from_bytes(id),
        document: BlobDigest::from_bytes(document),
        sealed_at: Timestamp::from_unix_ms(at),
    });
    let codes: Vec<VisitorCode> = VisitorCode::all().collect();
    let gate = (prop::sample::select(codes), any::<Option<[u8; 16]>>()).prop_map(|(code, id)| {
        HostTarget::Gate {
            code,
            deployment_id: id.map(DeploymentId::from_bytes),
        }
    });
    let environment = prop::sample::select(vec![Environment::Production, Environment::Preview]);
    let host = (
        ".{0,12}",
        any::<[u8; 16]>(),
        environment,
        any::<bool>(),
        prop_oneof![site, gate],
    )
        .prop_map(
            |(host, project, environment, is_custom_domain, target)| HostEntry {
                host,
                project_id: ProjectId::from_bytes(project),
                environment,
                is_custom_domain,
                target,
            },
        );
    (any::<u64>(), list(host)).prop_map(|(version, hosts)| EdgeSnapshot { version, hosts })
}

/// Hosts of four projects, sorted, each once and each always of the same project.
fn few_projects() -> impl Strategy<Value = EdgeSnapshot> {
    snapshot().prop_map(|mut snapshot| {
        for (index, entry) in (0_u8..).zip(&mut snapshot.hosts) {
            let project = index % 4;
            entry.project_id = ProjectId::from_bytes([project; 16]);
            entry.host = format!("{project}-{}-{index}", entry.host);
        }
        snapshot
            .hosts
            .sort_by(|one, other| one.host.cmp(&other.host));
        snapshot
    })
}

proptest! {
    #[test]
    fn a_document_comes_back(document in any_document()) {
        let bytes = encode_document(&document);
        prop_assert_eq!(decode_document(&bytes), Ok(document));
    }

    #[test]
    fn a_snapshot_comes_back(snapshot in snapshot()) {
        let bytes = encode_snapshot(&snapshot);
        prop_assert_eq!(decode_snapshot(&bytes), Ok(snapshot));
    }

    #[test]
    fn a_change_comes_back_and_makes_the_newer_version(
        (older, newer) in (few_projects(), few_projects()),
        changed in prop::collection::btree_set(0..4_u8, 0..4),
    ) {
        let id = |number: u8| ProjectId::from_bytes([number; 16]);
        let is_changed = |entry: &HostEntry| changed.iter().any(|number| id(*number) == entry.project_id);
        // The later version: what has changed from `newer`, the rest as it was.
        let kept = older.hosts.iter().filter(|entry| !is_changed(entry)).cloned();
        let new: Vec<HostEntry> = newer.hosts.into_iter().filter(is_changed).collect();
        let mut hosts: Vec<HostEntry> = kept.chain(new.iter().cloned()).collect();
        hosts.sort_by(|one, other| one.host.cmp(&other.host));
        let wanted = EdgeSnapshot { version: 7, hosts };
        let change = SnapshotChange {
            projects: changed.iter().map(|number| id(*number)).collect(),
            snapshot: EdgeSnapshot { version: 7, hosts: new },
        };
        let bytes = encode_change(&change);
        prop_assert_eq!(decode_change(&bytes), Ok(change));
        let whole = encode_snapshot(&older);
        // Once or twice: replacing is idempotent.
        for times in 1..3 {
            let changes = std::iter::repeat_n(bytes.as_slice(), times);
            prop_assert_eq!(decode_snapshot_with(&whole, changes), Ok(wanted.clone()));
        }
        prop_assert!(decode_change(&bytes[..bytes.len() - 1]).is_err());
    }

    #[test]
    fn any_bytes_are_an_answer(payload in prop::collection::vec(any::<u8>(), 0..200)) {
        prop_assert!(decode_document(&payload).is_err());
        prop_assert!(decode_snapshot(&payload).is_err());
        prop_assert!(decode_change(&payload).is_err());
        let framed_payload = framed(&DOCUMENT, &[&payload]);
        if let Ok(document) = decode_document(&framed_payload) {
            prop_assert!(decode_document(&encode_document(&document)) == Ok(document));
        }
        let checksum = BlobDigest::of(&payload);
        let framed_payload = framed(&SNAPSHOT, &[checksum.as_bytes(), &payload]);
        if let Ok(snapshot) = decode_snapshot(&framed_payload) {
            prop_assert!(decode_snapshot(&encode_snapshot(&snapshot)) == Ok(snapshot));
        }
    }

    #[test]
    fn one_changed_byte_never_panics(document in any_document(), at in any::<prop::sample::Index>(), xor in 1_u8..) {
        let mut bytes = encode_document(&document);
        let at = at.index(bytes.len());
        bytes[at] ^= xor;
        if let Ok(other) = decode_document(&bytes) {
            prop_assert!(other.manifest.entries().iter().is_sorted_by(|a, b| a.path < b.path));
        }
    }

    #[test]
    fn a_damaged_snapshot_is_refused(snapshot in snapshot(), at in any::<prop::sample::Index>(), xor in 1_u8..) {
        let mut bytes = encode_snapshot(&snapshot);
        let at = at.index(bytes.len());
        bytes[at] ^= xor;
        prop_assert!(decode_snapshot(&bytes).is_err());
        prop_assert!(decode_snapshot(&bytes[..at]).is_err());
    }
}

#[test]
fn each_refusal_has_its_reason() {
    let bytes = encode_document(&DeploymentDocument::default());
    assert_eq!(
        decode_snapshot(&bytes),
        Err(DecodeError::NotThis {
            what: "edge snapshot"
        })
    );
    let mut newer = bytes.clone();
    newer[8] = 3;
    let error = decode_document(&newer).expect_err("format 3 is not known");
    assert_eq!(
        error.to_string(),
        "this deployment document has format 3, this Holm reads up to 2"
    );
    let mut longer = bytes.clone();
    longer.push(0);
    assert_eq!(decode_document(&longer), Err(DOCUMENT.damaged()));
    assert_eq!(decode_document(&bytes[..9]), Err(DOCUMENT.damaged()));
    assert_eq!(
        decode_document(b""),
        Err(DecodeError::NotThis {
            what: "deployment document"
        })
    );
}

#[test]
fn a_manifest_out_of_order_is_refused() {
    let file = |path: &str| FileEntry {
        path: path.to_owned(),
        digest: BlobDigest::of(b""),
        size_bytes: 0,
    };
    let document = DeploymentDocument {
        manifest: Manifest::build(vec![file("/a"), file("/b")]).value,
        ..DeploymentDocument::default()
    };
    let bytes = encode_document(&document);
    assert_eq!(decode_document(&bytes), Ok(document));
    let (first, second) = (position(&bytes, b"/a"), position(&bytes, b"/b"));
    let mut swapped = bytes.clone();
    swapped.swap(first + 1, second + 1);
    assert_eq!(decode_document(&swapped), Err(DOCUMENT.damaged()));
    let mut twice = bytes.clone();
    twice[second + 1] = b'a';
    assert_eq!(decode_document(&twice), Err(DOCUMENT.damaged()));
    // The media type of the last file, which is behind its size.
    let mut unknown = bytes;
    unknown[second + 2 + 32 + 1] = 1;
    assert_eq!(decode_document(&unknown), Err(DOCUMENT.damaged()));
}

fn position(bytes: &[u8], wanted: &[u8]) -> usize {
    let mut windows = bytes.windows(wanted.len());
    windows
        .position(|window| window == wanted)
        .expect("the bytes are there")
}

#[test]
fn a_length_that_lies_reserves_no_memory() {
    // A list of 2^60 entries, of which none follows.
    let mut payload = vec![0xff; 8];
    payload.push(0x0f);
    let bytes = framed(&DOCUMENT, &[&payload]);
    assert_eq!(decode_document(&bytes), Err(DOCUMENT.damaged()));
}

#[test]
fn the_bytes_of_each_format_stay_what_they_are() {
    let bytes = encode_document(&DeploymentDocument::default());
    assert_eq!(bytes, b"HOLMDOC\0\x02\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0");
    let format_1 = b"HOLMDOC\0\x01\0\0\0\0\0\0\0\0\0\0\0\0\0";
    assert_eq!(decode_document(format_1), Ok(DeploymentDocument::default()));
    // What format 2 added is no part of format 1.
    let longer = [&format_1[..], b"\0\0"].concat();
    assert_eq!(decode_document(&longer), Err(DOCUMENT.damaged()));
}
