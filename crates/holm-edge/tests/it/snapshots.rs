//! What is served changes without a request being dropped.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use holm_edge::EdgeLimits;

use crate::scene::{Host, Scene};

#[tokio::test]
async fn before_the_first_snapshot_nothing_is_found() {
    let scene = Scene::empty(EdgeLimits::default());
    assert_eq!(scene.edge.version(), 0);
    assert_eq!(scene.get("/", "").await.status, 404);
}

#[tokio::test]
async fn a_new_edge_takes_up_what_is_there() {
    let scene = Scene::usual().await;
    assert_eq!(scene.edge.version(), 1);
    let (edge, snapshots) = (scene.edge.clone(), scene.snapshots.clone());
    drop(scene);
    assert_eq!(snapshots.newest().unwrap().version, edge.version());
}

#[tokio::test]
async fn a_newer_snapshot_replaces_and_a_damaged_one_does_not() {
    let scene = Scene::usual().await;
    assert_eq!(scene.get("/", "").await.text(), "<h1>home</h1>");
    let second = scene.deploy(&[("/index.html", b"second")]).await;
    scene
        .publish(2, vec![Host::site("site.test", second)])
        .await;
    assert_eq!(scene.get("/", "").await.text(), "second");
    assert_eq!(scene.edge.version(), 2);

    scene
        .snapshots
        .publish(3, (&b"not a snapshot"[..]).into())
        .unwrap();
    scene
        .until("it is refused", || {
            scene.edge.counts().snapshots_refused_total == 1
        })
        .await;
    assert_eq!(scene.edge.version(), 2);
    assert_eq!(scene.get("/", "").await.text(), "second");
    scene.publish(4, vec![]).await;
    assert_eq!(scene.get("/", "").await.status, 404);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn switching_under_load_drops_nothing() {
    let scene = Arc::new(Scene::usual().await);
    let bodies: Vec<String> = (0..4)
        .map(|n| format!("deployment {n}").repeat(n + 1))
        .collect();
    let mut documents = Vec::new();
    for body in &bodies {
        documents.push(scene.deploy(&[("/index.html", body.as_bytes())]).await);
    }
    scene
        .publish(2, vec![Host::site("site.test", documents[0])])
        .await;
    let is_over = Arc::new(AtomicBool::new(false));
    let answered = Arc::new(AtomicUsize::new(0));
    let clients: Vec<_> = (0..4)
        .map(|_| {
            let (scene, is_over, answered) = (
                Arc::clone(&scene),
                Arc::clone(&is_over),
                Arc::clone(&answered),
            );
            let bodies = bodies.clone();
            tokio::spawn(async move {
                let mut client = scene.connect().await;
                while !is_over.load(Ordering::Relaxed) {
                    client
                        .send("GET / HTTP/1.1\r\nhost: site.test\r\n\r\n")
                        .await;
                    let reply = client.reply().await;
                    assert_eq!(reply.status, 200);
                    assert!(bodies.contains(&reply.text()), "{}", reply.text());
                    let tag = format!("\"{}\"", holm_types::BlobDigest::of(&reply.body));
                    assert_eq!(
                        reply.header("etag"),
                        tag,
                        "head and body are of one deployment"
                    );
                    answered.fetch_add(1, Ordering::Relaxed);
                }
            })
        })
        .collect();
    for version in 3..40 {
        let document = documents[usize::try_from(version).unwrap() % documents.len()];
        scene
            .publish(version, vec![Host::site("site.test", document)])
            .await;
        let before = answered.load(Ordering::Relaxed);
        scene
            .until("requests go on", || {
                answered.load(Ordering::Relaxed) > before + 4
            })
            .await;
    }
    is_over.store(true, Ordering::Relaxed);
    for client in clients {
        client.await.unwrap();
    }
    let count = answered.load(Ordering::Relaxed);
    scene.records(count).await;
}

#[tokio::test]
async fn a_table_too_small_for_two_sites_serves_both() {
    let limits = EdgeLimits {
        site_table_bytes_max: 1,
        ..EdgeLimits::default()
    };
    let scene = Scene::with(limits, &[("/index.html", b"one")]).await;
    let one = scene.deploy(&[("/index.html", b"one")]).await;
    let two = scene.deploy(&[("/index.html", b"two")]).await;
    scene
        .publish(
            2,
            vec![Host::site("one.test", one), Host::site("two.test", two)],
        )
        .await;
    for _ in 0..3 {
        for (host, body) in [("one.test", "one"), ("two.test", "two")] {
            assert_eq!(scene.ask("GET", host, "/", "").await.text(), body);
        }
    }
}

#[tokio::test]
async fn what_is_in_memory_outlives_the_folder_and_what_is_not_is_our_fault() {
    let scene = Scene::usual().await;
    assert_eq!(scene.get("/", "").await.status, 200);
    std::fs::remove_dir_all(scene.folder.path().join("blobs")).unwrap();
    assert_eq!(scene.get("/", "").await.text(), "<h1>home</h1>");
}
