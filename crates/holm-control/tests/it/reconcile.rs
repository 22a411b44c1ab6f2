//! What runs by itself: snapshots after a crash, variants, sweeping; and the doctor.

use std::time::Duration;

use holm_control::{Control, OpenControlError, check_database};
use holm_storage::{BlobStore as _, PublishedChange, SnapshotStore};
use holm_types::BlobDigest;
use serde_json::json;

use crate::client::Ask;
use crate::deploy::Upload;
use crate::server::{TestServer, setup, wait_until};

#[test]
fn variants_follow_a_deployment_and_a_second_run_finds_nothing_to_do() {
    let server = TestServer::start();
    let text = "body { color: red }\n".repeat(500);
    let upload = Upload::new(&[
        ("/index.html", &text),
        ("/copy.css", &text),
        ("/a.png", &text),
    ]);
    server.deploy("blog", &upload).expect(200);
    let source = BlobDigest::of(text.as_bytes());
    wait_until("there are the best variants", || {
        let variants = server.variants.get(&source);
        variants.is_some_and(|variants| variants.is_best)
    });
    let variants = server.variants.get(&source).unwrap();
    let forms = [variants.br, variants.gzip, variants.zstd];
    for variant in forms.map(Option::unwrap) {
        assert_eq!(
            server.blobs.size_bytes(&variant.digest),
            Some(variant.size_bytes)
        );
        assert!(variant.size_bytes < text.len() as u64 / 2);
    }
    let totals = server.blobs.totals();
    let server = server.restart();
    server.deploy("blog", &upload).expect(200);
    assert_eq!(server.blobs.totals(), totals);
}

#[test]
fn lost_variants_are_made_again_after_a_restart() {
    let server = TestServer::start();
    let text = "text ".repeat(500);
    server.deploy_text("blog", &text);
    let source = BlobDigest::of(text.as_bytes());
    wait_until("there are variants", || {
        server.variants.get(&source).is_some()
    });
    let file = server.db_file().with_file_name("variants");
    std::fs::remove_file(file).unwrap();
    let server = server.restart();
    wait_until("there are variants again", || {
        server.variants.get(&source).is_some()
    });
}

#[test]
fn a_lost_snapshot_is_published_again_with_a_higher_version() {
    let server = TestServer::start();
    let id = server.deploy_text("blog", "1");
    let before = server.snapshot();
    let folder = server.db_file().with_file_name("snapshots");
    std::fs::remove_dir_all(folder).unwrap();
    let server = server.restart();
    assert_eq!(server.shown("blog"), id);
    assert_eq!(server.snapshot().hosts, before.hosts);
    assert!(server.snapshot().version > before.version);
}

#[test]
fn a_stop_leaves_one_whole_snapshot_and_a_second_stop_writes_nothing() {
    let server = TestServer::start();
    server.deploy_text("blog", "1");
    let before = server.snapshot();
    assert!(!server.snapshots.newest().unwrap().parts().1.is_empty());
    server.control.clone().close();
    let folder = server.db_file().with_file_name("snapshots");
    let next = SnapshotStore::open(&folder).unwrap();
    assert!(next.newest().unwrap().parts().1.is_empty());
    assert_eq!(server.snapshot(), before);
    // The folder is the next server's, which has published since; this one stops for good only now.
    let change = |since: u64| PublishedChange {
        since,
        version: since + 1,
        bytes: "next".into(),
    };
    assert!(next.publish_change(change(before.version)).unwrap());
    assert!(
        server
            .snapshots
            .publish_change(change(before.version))
            .unwrap()
    );
    server.control.clone().close();
    let found = SnapshotStore::open(&folder).unwrap().newest().unwrap();
    assert_eq!(found.version, before.version + 1);
    assert_eq!(
        found.parts().1.len(),
        1,
        "nobody folds it but its own server"
    );
}

#[test]
fn a_lost_database_takes_no_sites_down() {
    let server = TestServer::start();
    server.deploy_text("blog", "1");
    let before = server.snapshot();
    server.control.clone().close();
    let file = server.db_file().with_file_name("gone.db");
    let open = |snapshots: &SnapshotStore| {
        let (config, parts) = setup(
            &server.blobs,
            &server.variants,
            snapshots,
            &server.clock,
            "http://127.0.0.1:8089",
        );
        Control::open(&file, config, parts)
    };
    let error = open(&server.snapshots).unwrap_err();
    assert!(
        matches!(&error, OpenControlError::DatabaseLost { snapshot_version, .. }
            if *snapshot_version == before.version),
        "{error}"
    );
    assert!(error.to_string().contains("back-up"), "{error}");
    assert!(!file.exists());
    assert_eq!(server.snapshot(), before);
    // To begin anew is a decision: the snapshots are moved away.
    let empty = tempfile::tempdir().unwrap();
    let snapshots = SnapshotStore::open(empty.path()).unwrap();
    open(&snapshots).unwrap().close();
    // Published without hosts: there is nothing to lose.
    std::fs::remove_file(&file).unwrap();
    open(&snapshots).unwrap().close();
}

#[test]
fn unfinished_uploads_time_out() {
    let server = TestServer::start();
    let created = server
        .announce("blog", &Upload::new(&[("/a", "a")]))
        .expect(201);
    server.clock.advance(Duration::from_hours(25));
    let young = server.announce_as_new_token();
    // The sweeper runs at start.
    let server = server.restart();
    wait_until("the old upload has timed out", || {
        server.state_of(&created["deployment"]) == "timed_out"
    });
    assert_eq!(server.state_of(&young["deployment"]), "uploading");
    server
        .commit(&created["deployment"], Vec::new())
        .expect_problem("deployment/ended");
    let frames = Upload::new(&[("/b", "b")]).frames(&young["missing"]);
    server.commit(&young["deployment"], frames).expect(200);
}

impl TestServer {
    /// The local token has expired when the clock was moved by a day.
    fn announce_as_new_token(&self) -> serde_json::Value {
        let token = self
            .control
            .issue_local_token("new", Duration::from_hours(1))
            .unwrap();
        let upload = Upload::new(&[("/b", "b")]);
        Ask::post("/v1/projects/shop/deployments")
            .body(holm_api::MANIFEST_MEDIA_TYPE, upload.manifest())
            .bearer(&token)
            .send(self.address)
            .expect(201)
    }
}

#[test]
fn the_doctor_finds_nothing_in_a_sound_house_and_something_in_a_broken_one() {
    let server = TestServer::start();
    server
        .deploy("blog", &Upload::new(&[("/index.html", "1"), ("/a", "a")]))
        .expect(200);
    server
        .deploy("blog", &Upload::new(&[("/index.html", "2")]).branch("main"))
        .expect(200);
    server
        .announce("blog", &Upload::new(&[("/b", "b")]))
        .expect(201);
    let findings = check_database(&server.db_file(), &server.blobs);
    assert_eq!(findings.problems, []);
    assert_eq!(
        (
            findings.project_count,
            findings.deployment_count,
            findings.alias_count
        ),
        (1, 3, 2)
    );
    assert_eq!(findings.blob_count, 5, "two documents, three files");
    // From within a runtime as well, and when the server has stopped.
    let inside = server.block_on(async { check_database(&server.db_file(), &server.blobs) });
    assert_eq!(inside, findings);
    server.control.clone().close();
    assert_eq!(check_database(&server.db_file(), &server.blobs), findings);

    let empty = tempfile::tempdir().unwrap();
    let nothing = holm_storage::LocalBlobStore::open(empty.path()).unwrap();
    let broken = check_database(&server.db_file(), &nothing);
    assert_eq!(broken.problems.len(), 2, "{broken:?}");
    let absent = check_database(&empty.path().join("none.db"), &nothing);
    assert_eq!(absent.problems.len(), 1, "{absent:?}");
    assert!(!empty.path().join("none.db").exists());
}

#[test]
fn public_facts_need_no_owner() {
    let server = TestServer::start();
    let document = Ask::get("/v1/openapi.json")
        .send(server.address)
        .expect(200);
    assert_eq!(document["openapi"], json!("3.1.0"));
}
