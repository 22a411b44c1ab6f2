//! What is written can be read; what is damaged, newer or something else is refused.

use holm_types::{DeploymentId, Environment, ProjectId, Timestamp, VisitorCode};
use proptest::prelude::*;

use super::*;
use crate::guard::{
    AccessRules, Coverage, PasswordHash, ProjectGuard, Protection, ProtectionMode, RateAction,
    RateLimit, RefusalForm, SigningKey,
};
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
    (any::<u64>(), list(host), guards()).prop_map(|(version, hosts, guards)| EdgeSnapshot {
        version,
        hosts,
        guards,
    })
}

fn text() -> impl Strategy<Value = String> {
    ".{0,12}"
}

fn guards() -> impl Strategy<Value = Vec<ProjectGuard>> {
    let password = prop_oneof![
        Just(ProtectionMode::Signed),
        text().prop_map(|text| ProtectionMode::Password(PasswordHash::from_text(text))),
    ];
    let protection = (password, any::<bool>(), any::<bool>(), any::<[u8; 32]>()).prop_map(
        |(mode, covers_all, hides, key)| Protection {
            mode,
            coverage: if covers_all {
                Coverage::All
            } else {
                Coverage::Previews
            },
            refusal: if hides {
                RefusalForm::NotFound
            } else {
                RefusalForm::Unauthorized
            },
            signing_key: SigningKey::from_bytes(key),
        },
    );
    let network = prop::sample::select(vec!["10.0.0.0/8", "192.0.2.1", "2001:db8::/32", "::/0"])
        .prop_map(|text| text.parse().unwrap());
    let texts = || list(text());
    let rate = (text(), any::<u32>(), any::<u32>(), any::<bool>()).prop_map(
        |(path, requests, window_seconds, observes)| RateLimit {
            path,
            requests,
            window_seconds,
            action: if observes {
                RateAction::Observe
            } else {
                RateAction::Block
            },
        },
    );
    let access = (list(network), texts(), texts(), list(rate)).prop_map(
        |(networks, referers, agents, rate_limits)| AccessRules {
            ip_allow: networks.clone(),
            ip_block: networks,
            referer_block: referers,
            user_agent_allow: agents.clone(),
            user_agent_block: agents,
            rate_limits,
        },
    );
    prop::collection::btree_map(
        any::<[u8; 16]>(),
        (prop::option::of(protection), access),
        0..4,
    )
    .prop_map(|guards| {
        let guards = guards.into_iter();
        let guard = |(id, (protection, access))| ProjectGuard {
            project_id: ProjectId::from_bytes(id),
            protection,
            access,
        };
        guards.map(guard).collect()
    })
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
        for (index, guard) in (0_u8..).zip(&mut snapshot.guards) {
            guard.project_id = ProjectId::from_bytes([index; 16]);
        }
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
        let replaced: Vec<ProjectId> = changed.iter().map(|number| id(*number)).collect();
        let is_changed = |entry: &HostEntry| replaced.contains(&entry.project_id);
        let is_guard_changed = |guard: &ProjectGuard| replaced.contains(&guard.project_id);
        // The later version: what has changed from `newer`, the rest as it was.
        let kept = older.hosts.iter().filter(|entry| !is_changed(entry)).cloned();
        let new: Vec<HostEntry> = newer.hosts.into_iter().filter(is_changed).collect();
        let mut hosts: Vec<HostEntry> = kept.chain(new.iter().cloned()).collect();
        hosts.sort_by(|one, other| one.host.cmp(&other.host));
        let kept = older.guards.iter().filter(|guard| !is_guard_changed(guard)).cloned();
        let new_guards: Vec<_> = newer.guards.into_iter().filter(is_guard_changed).collect();
        let mut guards: Vec<_> = kept.chain(new_guards.iter().cloned()).collect();
        guards.sort_by_key(|guard| guard.project_id);
        let wanted = EdgeSnapshot { version: 7, hosts, guards };
        let change = SnapshotChange {
            snapshot: EdgeSnapshot { version: 7, hosts: new, guards: new_guards },
            projects: replaced,
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
        let framed_payload = framed(&CHANGE, &[checksum.as_bytes(), &payload]);
        if let Ok(change) = decode_change(&framed_payload) {
            prop_assert!(decode_change(&encode_change(&change)) == Ok(change));
        }
    }

    #[test]
    fn a_change_says_nothing_of_other_projects(
        snapshot in few_projects(),
        projects in prop::collection::vec(0..6_u8, 0..6),
    ) {
        // Any projects in any order, with hosts of any projects, in the frame of a change.
        let ids: Vec<[u8; 16]> = projects.iter().map(|number| [*number; 16]).collect();
        let mut payload = to_bytes(&ids);
        payload.extend(encode_snapshot(&snapshot));
        let bytes = framed(&CHANGE, &[BlobDigest::of(&payload).as_bytes(), &payload]);
        let named = snapshot.hosts.iter().map(|entry| entry.project_id);
        let named = named.chain(snapshot.guards.iter().map(|guard| guard.project_id));
        let is_sound = projects.is_sorted_by(|one, other| one < other)
            && named.into_iter().all(|id| ids.contains(id.as_bytes()));
        prop_assert_eq!(decode_change(&bytes).is_ok(), is_sound);
    }

    #[test]
    fn a_damaged_change_is_refused(snapshot in few_projects(), at in any::<prop::sample::Index>(), xor in 1_u8..) {
        let projects = (0..4).map(|number| ProjectId::from_bytes([number; 16])).collect();
        let mut bytes = encode_change(&SnapshotChange { projects, snapshot });
        let at = at.index(bytes.len());
        bytes[at] ^= xor;
        prop_assert!(decode_change(&bytes).is_err());
        prop_assert!(decode_change(&bytes[..at]).is_err());
    }

    #[test]
    fn many_changes_come_to_the_same_as_one_after_the_other(
        older in few_projects(),
        steps in prop::collection::vec((few_projects(), prop::collection::btree_set(0..4_u8, 0..4)), 0..6),
    ) {
        let changes = (2..).zip(steps).map(|(version, (mut snapshot, changed))| {
            let projects: Vec<_> = changed.iter().map(|number| ProjectId::from_bytes([*number; 16])).collect();
            snapshot.version = version;
            snapshot.hosts.retain(|entry| projects.contains(&entry.project_id));
            snapshot.guards.retain(|guard| projects.contains(&guard.project_id));
            SnapshotChange { projects, snapshot }
        });
        let changes: Vec<SnapshotChange> = changes.collect();
        let mut one_by_one = older.clone();
        for change in changes.clone() {
            one_by_one.apply(vec![change]);
        }
        let mut together = older;
        together.apply(changes);
        prop_assert_eq!(together, one_by_one);
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

/// How long reading a snapshot of many hosts with this many changes takes, at best.
fn time_with_changes(whole: &[u8], changes: &[Vec<u8>]) -> std::time::Duration {
    let times = (0..3).map(|_| {
        #[expect(clippy::disallowed_methods, reason = "the test measures real time")]
        let now = std::time::Instant::now;
        let start = now();
        let read = decode_snapshot_with(whole, changes.iter().map(Vec::as_slice));
        assert_eq!(read.unwrap().hosts.len(), 20_000);
        now() - start
    });
    times.min().unwrap()
}

#[test]
fn many_changes_cost_not_much_more_than_one() {
    let hosts = |project: u16| {
        let entry = move |number| HostEntry {
            host: format!("site-{project:04}-{number:02}.localhost"),
            project_id: id_of(project),
            environment: Environment::Preview,
            is_custom_domain: false,
            target: HostTarget::Gate {
                code: VisitorCode::Deleted,
                deployment_id: None,
            },
        };
        (0..20).map(entry)
    };
    let snapshot = |version, hosts| EdgeSnapshot {
        version,
        hosts,
        guards: Vec::new(),
    };
    let whole = encode_snapshot(&snapshot(1, (0..1000).flat_map(hosts).collect()));
    let change = |project| {
        encode_change(&SnapshotChange {
            projects: vec![id_of(project)],
            snapshot: snapshot(u64::from(project) + 2, hosts(project).collect()),
        })
    };
    let changes: Vec<_> = (0..512).map(change).collect();
    let one = time_with_changes(&whole, &changes[..1]);
    let many = time_with_changes(&whole, &changes);
    assert!(many < one * 10, "{many:?}, one {one:?}");
}

fn id_of(project: u16) -> ProjectId {
    let mut bytes = [0; 16];
    bytes[..2].copy_from_slice(&project.to_be_bytes());
    ProjectId::from_bytes(bytes)
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
    newer[8] = 4;
    let error = decode_document(&newer).expect_err("format 4 is not known");
    assert_eq!(
        error.to_string(),
        "this deployment document has format 4, this Holm reads up to 3"
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
    assert_eq!(bytes, b"HOLMDOC\0\x03\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0");
    let format_2 = b"HOLMDOC\0\x02\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0";
    assert_eq!(decode_document(format_2), Ok(DeploymentDocument::default()));
    let format_1 = b"HOLMDOC\0\x01\0\0\0\0\0\0\0\0\0\0\0\0\0";
    assert_eq!(decode_document(format_1), Ok(DeploymentDocument::default()));
    // What format 2 added is no part of format 1.
    let longer = [&format_1[..], b"\0\0"].concat();
    assert_eq!(decode_document(&longer), Err(DOCUMENT.damaged()));
    // Nor does it hold functions, for which it has two empty lists.
    for at in [18, 19] {
        let mut filled = format_1.to_vec();
        filled[at] = 1;
        assert_eq!(decode_document(&filled), Err(DOCUMENT.damaged()), "{at}");
    }
}

/// A snapshot as the program wrote it that knew no guards; the checksum is that program's.
fn format_1() -> Vec<u8> {
    let checksum = unhex("664d7474350b0785f9313b7272bb8de65a29a9e6bde268ca9d01abe564ae664c");
    let mut bytes = b"HOLMSNAP\x01\0".to_vec();
    bytes.extend(checksum);
    bytes.extend(b"\x07\x02\x06a.test");
    bytes.extend([1; 16]);
    bytes.extend(b"\x01\0\0");
    bytes.extend([2; 16]);
    bytes.extend(BlobDigest::of(b"document").as_bytes());
    bytes.extend(b"\x80\xa0\xab\xfe\xf9\x62\x06b.test");
    bytes.extend([1; 16]);
    bytes.extend(b"\0\x01\x01\x07DELETED\0");
    bytes
}

#[test]
fn a_snapshot_of_format_1_is_read_and_has_no_guards() {
    let bytes = format_1();
    let snapshot = decode_snapshot(&bytes).unwrap();
    assert_eq!((snapshot.version, snapshot.hosts.len()), (7, 2));
    assert_eq!(snapshot.hosts[0].host, "a.test");
    assert!(matches!(
        snapshot.hosts[1].target,
        HostTarget::Gate {
            code: VisitorCode::Deleted,
            deployment_id: None
        }
    ));
    assert_eq!(snapshot.guards, []);
    // What follows the hosts is read by format 2 alone.
    let hosts = &bytes[10 + CHECKSUM_BYTES..];
    let both = [hosts, b"\0"].concat();
    let framed_as = |format: u16| {
        let kind = Kind { format, ..SNAPSHOT };
        framed(&kind, &[BlobDigest::of(&both).as_bytes(), &both])
    };
    assert_eq!(decode_snapshot(&framed_as(1)), Err(SNAPSHOT.damaged()));
    assert_eq!(decode_snapshot(&framed_as(2)), Ok(snapshot));
    assert_eq!(
        decode_snapshot(&framed_as(3)),
        Err(DecodeError::TooNew {
            what: "edge snapshot",
            found: 3,
            newest: 2
        })
    );
}

fn unhex(text: &str) -> Vec<u8> {
    let byte = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap();
    text.as_bytes().chunks(2).map(byte).collect()
}

#[test]
fn guards_out_of_order_are_refused() {
    let guard = |id| ProjectGuard {
        project_id: ProjectId::from_bytes([id; 16]),
        protection: None,
        access: AccessRules::default(),
    };
    let decode = |guards| {
        let snapshot = EdgeSnapshot {
            guards,
            ..EdgeSnapshot::default()
        };
        decode_snapshot(&encode_snapshot(&snapshot)).is_ok()
    };
    assert!(decode(vec![guard(1), guard(2)]));
    assert!(!decode(vec![guard(2), guard(1)]));
    assert!(!decode(vec![guard(1), guard(1)]));
}
