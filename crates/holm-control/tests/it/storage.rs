//! Blobs that nobody wants any more: what goes, what stays, and what is said about it.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use holm_control::ControlLimits;
use holm_storage::BlobStore as _;
use holm_types::BlobDigest;
use serde_json::{Value, json};

use crate::deploy::{Upload, path_of};
use crate::server::{TestServer, wait_until};

fn start() -> TestServer {
    TestServer::start_with(ControlLimits {
        collect_settle_time: Duration::ZERO,
        // Nothing is made better meanwhile: what is there is counted.
        best_variant_source_bytes_max: 0,
        take_up_wait_max: Duration::from_millis(200),
        ..ControlLimits::default()
    })
}

impl TestServer {
    #[track_caller]
    fn collect(&self) -> Value {
        self.post_json("/v1/storage/collect", &json!({}))
            .expect(200)
    }

    fn has(&self, text: &str) -> bool {
        let digest = BlobDigest::of(text.as_bytes());
        self.blobs.missing(&[digest]).is_empty()
    }
}

/// Large enough to be a file of its own, compressible enough to have variants.
fn large(word: &str) -> String {
    format!("{word} ").repeat(20_000)
}

fn deploy(server: &TestServer, project: &str, files: &[(&str, &str)]) -> Value {
    let upload = Upload::new(files).preview();
    server.deploy(project, &upload).expect(200)
}

#[test]
fn a_deleted_deployment_gives_back_its_space_and_nothing_else() {
    let server = start();
    let (old, new, both) = (large("old"), large("new"), large("both"));
    let first = deploy(&server, "blog", &[("/a.txt", &old), ("/both.txt", &both)]);
    deploy(&server, "blog", &[("/a.txt", &new), ("/both.txt", &both)]);
    let source = |text: &str| BlobDigest::of(text.as_bytes());
    wait_until("there are variants", || {
        [&old, &new, &both]
            .iter()
            .all(|text| server.variants.get(&source(text)).is_some())
    });
    assert_eq!(server.collect()["dead_count"], 0);
    let before = server.get("/v1/storage").expect(200);

    server.delete(&path_of(&first)).expect(204);
    let look = server.post_json("/v1/storage/collect", &json!({ "dry_run": true }));
    let look = look.expect(200);
    assert!(server.has(&old), "it only looked");
    let done = server.collect();
    // The file, its two forms, the document.
    assert_eq!(done["dead_count"], 4, "{done}");
    for field in ["dead_count", "dead_bytes", "live_count", "live_bytes"] {
        assert_eq!(look[field], done[field], "{field}");
    }
    assert!(done["freed_bytes"].as_u64().unwrap() >= old.len() as u64);
    assert!(!server.has(&old) && server.has(&new) && server.has(&both));
    assert_eq!(server.variants.get(&source(&old)), None);
    for text in [&new, &both] {
        let forms = server.variants.get(&source(text)).unwrap();
        for form in forms.iter() {
            assert_eq!(server.blobs.size_bytes(&form.digest), Some(form.size_bytes));
        }
    }
    let after = server.get("/v1/storage").expect(200);
    assert_eq!(after["last_collection"], done);
    assert_eq!(
        before["blob_count"].as_u64().unwrap() - 4,
        after["blob_count"].as_u64().unwrap()
    );
    assert!(after["free_bytes"].as_u64().unwrap() > 0);
    assert!(server.blobs.verify().unwrap().damaged.is_empty());

    let server = server.restart();
    let again = deploy(&server, "blog", &[("/a.txt", &old), ("/both.txt", &both)]);
    assert_eq!(server.state_of(&again), "sealed");
    wait_until("its forms are made again", || {
        server.variants.get(&source(&old)).is_some()
    });
}

/// Whoever has seen the end of a back-up can begin the next one.
#[test]
fn a_back_up_that_has_ended_is_in_nobodys_way() {
    let server = start();
    deploy(&server, "blog", &[("/a.txt", &large("old"))]);
    for round in 0..40 {
        let head = back_up(&server);
        assert!(head.starts_with("HTTP/1.1 200 "), "round {round}: {head}");
    }
}

/// The beginning of a back-up's answer, once the last chunk of it has been seen.
fn back_up(server: &TestServer) -> String {
    let mut stream = TcpStream::connect(server.address).unwrap();
    let (address, token) = (server.address, &server.token);
    write!(
        stream,
        "POST /v1/backup HTTP/1.1\r\nHost: {address}\r\nAuthorization: Bearer {token}\r\n\
         Content-Type: application/json\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{{}}"
    )
    .unwrap();
    let mut bytes = Vec::new();
    let mut piece = [0; 4096];
    while !bytes.ends_with(b"\r\n0\r\n\r\n") {
        match stream.read(&mut piece).unwrap() {
            0 => break,
            count => bytes.extend_from_slice(&piece[..count]),
        }
    }
    String::from_utf8_lossy(&bytes[..bytes.len().min(200)]).into_owned()
}

#[test]
fn a_deleted_project_gives_back_its_space() {
    let server = start();
    let (gone, kept) = (large("gone"), large("kept"));
    deploy(&server, "gone", &[("/a.txt", &gone)]);
    deploy(&server, "kept", &[("/a.txt", &kept)]);
    server.delete("/v1/projects/gone").expect(204);
    server.collect();
    assert!(!server.has(&gone) && server.has(&kept));
}

#[test]
fn an_unfinished_upload_keeps_what_it_was_told_is_there() {
    let server = start();
    let text = large("text");
    let first = deploy(&server, "blog", &[("/a.txt", &text)]);
    let second = Upload::new(&[("/a.txt", &text), ("/b.txt", "new")]);
    let announced = server.announce("blog", &second).expect(201);
    assert_eq!(announced["missing"].as_array().unwrap().len(), 1);
    server.delete(&path_of(&first)).expect(204);
    server.collect();
    let frames = second.frames(&announced["missing"]);
    server
        .put_blobs(&announced["deployment"], frames)
        .expect(200);
    server.collect();
    server
        .commit(&announced["deployment"], Vec::new())
        .expect(200);
    server.collect();
    assert!(server.has(&text) && server.has("new"));

    let given_up = server.announce("blog", &Upload::new(&[("/c.txt", "given up")]));
    let given_up = given_up.expect(201)["deployment"].clone();
    let frames = Upload::new(&[("/c.txt", "given up")]);
    let digest = json!([BlobDigest::of(b"given up").to_string()]);
    server
        .put_blobs(&given_up, frames.frames(&digest))
        .expect(200);
    assert!(server.has("given up"));
    server
        .post(&format!("{}/cancel", path_of(&given_up)))
        .expect(200);
    server.collect();
    assert!(!server.has("given up"));
}

#[test]
fn an_edge_that_lags_behind_keeps_its_blobs() {
    let server = start();
    let text = large("text");
    let first = deploy(&server, "blog", &[("/a.txt", &text)]);
    server.edge.send_replace(false);
    server
        .delete(&path_of(&first))
        .expect_problem("edge/not-taken-up");
    let refused = server.post_json("/v1/storage/collect", &json!({}));
    refused.expect_problem("edge/not-taken-up");
    assert!(server.has(&text));
    server.edge.send_replace(true);
    wait_until("the edge has caught up", || {
        server.post_json("/v1/storage/collect", &json!({})).status == 200
    });
    assert!(!server.has(&text));
}

#[test]
fn a_document_that_cannot_be_read_ends_the_collection() {
    let server = start();
    let text = large("text");
    let first = deploy(&server, "blog", &[("/a.txt", &text)]);
    deploy(&server, "blog", &[("/b.txt", "small")]);
    server.delete(&path_of(&first)).expect(204);
    let packs = server.db_file().with_file_name("blobs").join("packs");
    for pack in std::fs::read_dir(packs).unwrap() {
        let path = pack.unwrap().path();
        let mut bytes = std::fs::read(&path).unwrap();
        // Blobs begin behind the header; the documents have a pack each.
        bytes[20] ^= 1;
        std::fs::write(&path, bytes).unwrap();
    }
    let refused = server.post_json("/v1/storage/collect", &json!({}));
    assert_eq!(refused.status, 503, "{}", refused.text());
    assert!(
        server.has(&text),
        "what a damaged document wants is not known"
    );
}

#[test]
fn deploys_and_deletions_beside_a_collector_lose_nothing() {
    let server = start();
    let stop = AtomicBool::new(false);
    let collected = AtomicU64::new(0);
    std::thread::scope(|scope| {
        let collector = scope.spawn(|| {
            while !stop.load(Ordering::SeqCst) {
                let answer = server.post_json("/v1/storage/collect", &json!({}));
                match answer.status {
                    200 => {
                        let dead_count = answer.json()["dead_count"].as_u64().unwrap();
                        collected.fetch_add(dead_count, Ordering::SeqCst);
                    }
                    // The reconciler has its turn.
                    503 => {}
                    _ => panic!("{}", answer.text()),
                }
            }
        });
        let (server, collected) = (&server, &collected);
        let deployers: Vec<_> = (0..3)
            .map(|number| scope.spawn(move || deploy_and_delete(server, number, collected)))
            .collect();
        for deployer in deployers {
            deployer.join().unwrap();
        }
        stop.store(true, Ordering::SeqCst);
        collector.join().unwrap();
    });
    assert!(collected.into_inner() > 0);
}

/// Deploys sites that share files, deletes the one before, and looks that all of the newest is there.
/// Goes on until something was collected beside it.
fn deploy_and_delete(server: &TestServer, number: usize, collected: &AtomicU64) {
    let mut before: Option<Value> = None;
    for round in 0..200 {
        if round >= 12 && collected.load(Ordering::SeqCst) > 0 {
            break;
        }
        let texts: Vec<String> = (0..4)
            .map(|position| large(&format!("text {}", (number + round + position * 5) % 9)))
            .collect();
        let paths: Vec<String> = (0..4).map(|position| format!("/{position}.txt")).collect();
        let files: Vec<(&str, &str)> = paths
            .iter()
            .zip(&texts)
            .map(|(path, text)| (path.as_str(), text.as_str()))
            .collect();
        let deployment = deploy(server, &format!("site{number}"), &files);
        for text in &texts {
            let digest = BlobDigest::of(text.as_bytes());
            let read = server.blobs.read_verified_sync(digest).unwrap();
            assert_eq!(read, text.as_bytes());
        }
        if let Some(before) = before.replace(deployment) {
            server.delete(&path_of(&before)).expect(204);
        }
    }
}
