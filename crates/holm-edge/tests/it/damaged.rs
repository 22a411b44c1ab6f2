//! Blobs whose bytes have changed on the disk, or that are collected: never wrong bytes, and what fails is
//! one answer.

use std::fs;
use std::path::{Path, PathBuf};

use holm_edge::EdgeLimits;
use holm_storage::{BlobStore as _, Collection};
use holm_telemetry::{FaultSource, SendOutcome};
use holm_types::BlobDigest;

use crate::scene::Scene;

/// The file of a large blob.
fn file_of(scene: &Scene, digest: &BlobDigest) -> PathBuf {
    let hex = digest.to_string();
    let (fan, rest) = hex.split_at(2);
    let folder = scene.folder.path().join("blobs/large").join(fan);
    let mut files = fs::read_dir(folder)
        .unwrap()
        .map(|file| file.unwrap().path());
    let name = |path: &PathBuf| path.file_name().unwrap().to_string_lossy().into_owned();
    files.find(|path| name(path).starts_with(rest)).unwrap()
}

fn flip(path: &Path, at: usize) {
    let mut bytes = fs::read(path).unwrap();
    bytes[at] ^= 1;
    fs::write(path, bytes).unwrap();
}

/// Text that is a file of its own, differs all along, and compresses.
fn text(length: usize) -> Vec<u8> {
    let words = (0_u32..)
        .flat_map(|number| format!("{} ", number.wrapping_mul(2_654_435_761)).into_bytes());
    words.take(length).collect()
}

#[tokio::test]
async fn a_damaged_file_is_a_500_and_the_record_names_the_blob() {
    let bytes = text(100_000);
    let files: &[(&str, &[u8])] = &[("/index.html", b"home"), ("/a.txt", &bytes)];
    let scene = Scene::with(EdgeLimits::default(), files).await;
    let digest = BlobDigest::of(&bytes);
    flip(&file_of(&scene, &digest), 50_000);
    for _ in 0..2 {
        let reply = scene.get("/a.txt", "").await;
        assert_eq!(reply.status, 500);
        assert!(reply.text().contains("INTERNAL_ERROR"));
        let record = scene.records(1).await.remove(0);
        assert_eq!(record.fault, Some(FaultSource::Platform));
        assert!(record.reason.unwrap().contains(&digest.to_string()));
    }
    assert_eq!(scene.get("/", "").await.text(), "home");
}

#[tokio::test]
async fn a_damaged_large_file_is_cut_before_the_damage_and_then_a_500() {
    let bytes = text(2_000_000);
    let files: &[(&str, &[u8])] = &[("/index.html", b"home"), ("/a.bin", &bytes)];
    let scene = Scene::with(EdgeLimits::default(), files).await;
    let digest = BlobDigest::of(&bytes);
    flip(&file_of(&scene, &digest), 1_500_000);
    let mut client = scene.connect().await;
    client
        .send("GET /a.bin HTTP/1.1\r\nhost: site.test\r\n\r\n")
        .await;
    let sent = client.rest().await;
    let body_at = sent
        .windows(4)
        .position(|window| window == b"\r\n\r\n")
        .unwrap()
        + 4;
    let body = &sent[body_at..];
    assert!(
        body.len() < 1_500_001 && bytes.starts_with(body),
        "{}",
        body.len()
    );
    let record = scene.records(1).await.remove(0);
    assert_eq!(record.outcome, SendOutcome::Failed);
    assert!(record.reason.unwrap().contains(&digest.to_string()));

    let reply = scene.get("/a.bin", "").await;
    assert_eq!(reply.status, 500, "it is known now");
    let record = scene.records(1).await.remove(0);
    assert!(record.reason.unwrap().contains(&digest.to_string()));
    assert_eq!(scene.get("/", "").await.text(), "home");
}

#[tokio::test]
async fn damaged_encoded_forms_are_passed_by() {
    for length in [300_000, 1_500_000] {
        let bytes = text(length);
        let scene = Scene::with(EdgeLimits::default(), &[("/a.txt", &bytes)]).await;
        let br = scene.add_variants(&bytes).await.br.unwrap();
        // A file of its own; the longer one is also larger than memory takes.
        assert!(br.size_bytes > 65_536, "{}", br.size_bytes);
        flip(&file_of(&scene, &br.digest), 20);
        let asked = "accept-encoding: br\r\n";
        // The first to stream it finds out.
        scene.ask("GET", "site.test", "/a.txt", "").await;
        let digest = br.digest;
        scene
            .blobs
            .read(digest, 0..br.size_bytes)
            .await
            .unwrap_err();
        let reply = scene.get("/a.txt", asked).await;
        assert_eq!((reply.status, reply.header("content-encoding")), (200, ""));
        assert_eq!(reply.body, bytes);
    }
}

#[tokio::test]
async fn a_download_goes_on_while_its_file_is_collected() {
    let bytes = text(3_000_000);
    let limits = EdgeLimits {
        chunk_bytes_max: 64 * 1024,
        ..EdgeLimits::default()
    };
    let scene = Scene::with(limits, &[("/a.bin", &bytes)]).await;
    let mut client = scene.connect().await;
    client
        .send("GET /a.bin HTTP/1.1\r\nhost: site.test\r\n\r\n")
        .await;
    client.take(1000).await;
    let swept = async || {
        let collection = Collection::begin(scene.blobs.collector().unwrap()).unwrap();
        let mut removed_count = 0;
        loop {
            let step = collection.sweep().await.unwrap();
            removed_count += step.removed_count;
            if step.is_done {
                return removed_count;
            }
        }
    };
    let digest = BlobDigest::of(&bytes);
    swept().await;
    assert!(
        scene.blobs.size_bytes(&digest).is_some(),
        "it is being read"
    );
    client.end_sending().await;
    let rest = client.rest().await;
    assert!(rest.ends_with(&bytes[bytes.len() - 1_000_000..]));
    scene.records(1).await;
    swept().await;
    assert!(scene.blobs.size_bytes(&digest).is_none());
    assert_eq!(scene.get("/a.bin", "").await.status, 500);
}
