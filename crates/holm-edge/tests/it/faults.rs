//! A store that fails or panics: one request suffers, is answered and recorded, the rest goes on.

use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;
use holm_edge::EdgeLimits;
use holm_storage::{BlobError, BlobFuture, BlobStore, BlobUpload, LocalBlobStore};
use holm_telemetry::{FaultSource, SendOutcome};
use holm_types::BlobDigest;

use crate::scene::{Host, Scene};

const PANICS: &[u8] = b"reading this panics";

/// A store that panics over one blob, and loses each large one in the middle.
#[derive(Debug)]
struct Faulty(LocalBlobStore);

impl BlobStore for Faulty {
    fn missing(&self, digests: &[BlobDigest]) -> Vec<BlobDigest> {
        self.0.missing(digests)
    }
    fn size_bytes(&self, digest: &BlobDigest) -> Option<u64> {
        self.0.size_bytes(digest)
    }
    fn read(&self, digest: BlobDigest, range: Range<u64>) -> BlobFuture<'_, Bytes> {
        if range.start > 0 {
            return Box::pin(async move { Err(BlobError::Damaged { digest }) });
        }
        self.0.read(digest, range)
    }
    fn read_verified(&self, digest: BlobDigest) -> BlobFuture<'_, Bytes> {
        assert!(digest != BlobDigest::of(PANICS), "a bug in the store");
        self.0.read_verified(digest)
    }
    fn upload(&self) -> Box<dyn BlobUpload> {
        self.0.upload()
    }
}

async fn scene() -> Scene {
    let large = vec![b'x'; 1 << 20];
    let scene = Scene::empty_over(EdgeLimits::default(), |blobs| Arc::new(Faulty(blobs)));
    let document = scene
        .deploy(&[
            ("/index.html", b"home"),
            ("/panics.html", PANICS),
            ("/large.bin", &large),
        ])
        .await;
    scene
        .publish(1, vec![Host::site("site.test", document)])
        .await;
    scene
}

#[tokio::test]
async fn a_panic_is_answered_500_counted_and_recorded_once() {
    let scene = scene().await;
    let reply = scene.get("/panics.html", "").await;
    assert_eq!((reply.status, reply.header("connection")), (500, "close"));
    assert!(reply.text().contains("INTERNAL_ERROR"));
    let record = scene.records(1).await.remove(0);
    assert_eq!(
        (record.status, record.fault),
        (500, Some(FaultSource::Platform))
    );
    assert_eq!(record.request_id.to_string(), reply.header("eo-log-uuid"));
    assert_eq!(scene.edge.counts().panics_total, 1);
    assert_eq!(scene.edge.counts().requests_in_flight, 0);
    assert_eq!(scene.get("/", "").await.text(), "home");
}

#[tokio::test]
async fn a_body_that_breaks_off_cuts_the_connection_and_says_so() {
    let scene = scene().await;
    let mut client = scene.connect().await;
    client
        .send("GET /large.bin HTTP/1.1\r\nhost: site.test\r\n\r\n")
        .await;
    assert_eq!(
        client.reply_to("GET").await,
        None,
        "not to be taken for a whole answer"
    );
    let record = scene.records(1).await.remove(0);
    assert_eq!((record.status, record.outcome), (200, SendOutcome::Failed));
    assert_eq!(record.fault, Some(FaultSource::Platform));
    assert!(record.sent_bytes < 1 << 20);
    assert!(record.reason.unwrap().contains("damaged"));
    assert_eq!(scene.get("/", "").await.text(), "home");
}
