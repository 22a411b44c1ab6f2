//! Clients that take large files slowly or not at all: they cost others nothing, and little memory.

use std::ops::Range;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use holm_edge::EdgeLimits;
use holm_storage::{BlobFuture, BlobStore, BlobUpload, LocalBlobStore};
use holm_telemetry::SendOutcome;
use holm_types::BlobDigest;

use crate::client::Client;
use crate::scene::{Host, Scene};

/// More than may read at once, and more than are ever waiting for a turn together.
const SLOW_COUNT: usize = 12;
const GET_LARGE: &str = "GET /large.bin HTTP/1.1\r\nhost: site.test\r\n\r\n";
const SMALL_CHUNK: u64 = EdgeLimits::SMALL_CHUNK_BYTES;

/// What was read, in order.
type Reads = Arc<Mutex<Vec<(BlobDigest, Range<u64>)>>>;

/// A store that keeps a list of what was read.
#[derive(Clone, Debug)]
struct Listed {
    blobs: LocalBlobStore,
    reads: Reads,
}

impl BlobStore for Listed {
    fn missing(&self, digests: &[BlobDigest]) -> Vec<BlobDigest> {
        self.blobs.missing(digests)
    }
    fn size_bytes(&self, digest: &BlobDigest) -> Option<u64> {
        self.blobs.size_bytes(digest)
    }
    fn read(&self, digest: BlobDigest, range: Range<u64>) -> BlobFuture<'_, Bytes> {
        self.reads.lock().unwrap().push((digest, range.clone()));
        self.blobs.read(digest, range)
    }
    fn read_verified(&self, digest: BlobDigest) -> BlobFuture<'_, Bytes> {
        self.blobs.read_verified(digest)
    }
    fn upload(&self) -> Box<dyn BlobUpload> {
        self.blobs.upload()
    }
}

struct Crowd {
    scene: Scene,
    reads: Reads,
    /// 2 MB that differ from place to place.
    medium: Vec<u8>,
}

impl Crowd {
    async fn new(limits: EdgeLimits) -> Self {
        let reads = Arc::default();
        let scene = Scene::empty_over(limits, |blobs| {
            let reads = Arc::clone(&reads);
            Arc::new(Listed { blobs, reads })
        });
        let large = vec![b'x'; 40 << 20];
        let medium: Vec<u8> = (0..500_000_u32).flat_map(u32::to_le_bytes).collect();
        let files: [(&str, &[u8]); 3] = [
            ("/index.html", b"home"),
            ("/large.bin", &large),
            ("/medium.bin", &medium),
        ];
        let document = scene.deploy(&files).await;
        let hosts = vec![Host::site("site.test", document)];
        scene.publish(1, hosts).await;
        Self {
            scene,
            reads,
            medium,
        }
    }

    /// Clients that have taken a little, once the edge has nothing more to do for them.
    async fn slow_clients(&self) -> Vec<Client> {
        let mut clients = Vec::new();
        for _ in 0..SLOW_COUNT {
            let mut client = self.scene.connect().await;
            client.send(GET_LARGE).await;
            clients.push(client);
        }
        for client in &mut clients {
            client.nibble().await;
        }
        let (mut seen, mut quiet_rounds) = (0, 0);
        self.scene
            .until("nothing is read any more", || {
                let now = self.reads.lock().unwrap().len();
                quiet_rounds = if now == seen { quiet_rounds + 1 } else { 0 };
                seen = now;
                quiet_rounds == 50
            })
            .await;
        clients
    }

    async fn assert_medium_comes(&self) {
        let reply = self.scene.get("/medium.bin", "").await;
        assert_eq!(reply.status, 200);
        assert!(reply.body == self.medium);
    }

    fn longest_read_of_medium(&self) -> u64 {
        let digest = BlobDigest::of(&self.medium);
        let reads = self.reads.lock().unwrap();
        let of_medium = reads.iter().filter(|(of, _)| *of == digest);
        let lengths = of_medium.map(|(_, range)| range.end - range.start);
        lengths.max().expect("it was read")
    }
}

#[tokio::test]
async fn clients_that_take_nothing_do_not_stop_others() {
    let crowd = Crowd::new(EdgeLimits::default()).await;
    let mut slow = crowd.slow_clients().await;
    for _ in 0..3 {
        crowd.assert_medium_comes().await;
        for client in &mut slow {
            client.nibble().await;
        }
    }
    assert_eq!(crowd.longest_read_of_medium(), 256 * 1024);
    crowd
        .scene
        .until("only the slow ones are left", || {
            crowd.scene.edge.counts().requests_in_flight == SLOW_COUNT
        })
        .await;
}

#[tokio::test]
async fn one_turn_for_all_is_enough() {
    let limits = EdgeLimits {
        store_reads_max: 1,
        ..EdgeLimits::default()
    };
    let crowd = Crowd::new(limits).await;
    let _slow = crowd.slow_clients().await;
    crowd.assert_medium_comes().await;
}

#[tokio::test]
async fn without_room_files_come_in_small_pieces() {
    let limits = EdgeLimits {
        stream_bytes_max: 0,
        ..EdgeLimits::default()
    };
    let crowd = Crowd::new(limits).await;
    let _slow = crowd.slow_clients().await;
    crowd.assert_medium_comes().await;
    assert_eq!(crowd.longest_read_of_medium(), SMALL_CHUNK);
}

#[tokio::test]
async fn room_comes_back_when_clients_go() {
    // Room for one piece: whoever has it keeps it until it was sent, or the client is gone.
    let limits = EdgeLimits {
        stream_bytes_max: 256 * 1024,
        ..EdgeLimits::default()
    };
    let crowd = Crowd::new(limits).await;
    drop(crowd.slow_clients().await);
    let records = crowd.scene.records(SLOW_COUNT).await;
    assert!(
        records
            .iter()
            .all(|record| record.outcome == SendOutcome::ClientGone)
    );
    crowd.assert_medium_comes().await;
    assert_eq!(crowd.longest_read_of_medium(), 256 * 1024);
}

#[tokio::test]
async fn who_is_shed_is_recorded_with_the_reason() {
    let crowd = Crowd::new(EdgeLimits::default()).await;
    let _slow = crowd.slow_clients().await;
    crowd
        .scene
        .until("all are shed", || {
            crowd.scene.clock.advance(Duration::from_millis(200));
            crowd.scene.edge.counts().connections_shed_total == SLOW_COUNT as u64
        })
        .await;
    for record in crowd.scene.records(SLOW_COUNT).await {
        assert_eq!(record.outcome, SendOutcome::ClientGone);
        let reason = record.reason.expect("it says why");
        assert!(reason.contains("edge.write_stall_max"), "{reason}");
    }
    crowd.assert_medium_comes().await;
}

#[tokio::test]
async fn a_client_that_takes_steadily_and_too_little_is_shed() {
    let limits = EdgeLimits {
        // More than this client can take in the time that the clock here says.
        send_rate_min_bytes: 100 << 20,
        // So that the sweep comes often; no head is waited for here.
        header_read_max: Duration::from_millis(20),
        ..EdgeLimits::default()
    };
    let crowd = Crowd::new(limits).await;
    let mut client = crowd.scene.connect().await;
    client.send(GET_LARGE).await;
    // Too little for the file to end before, enough for the socket to take something now and then.
    for _ in 0..100 {
        client.take(256 * 1024).await;
        crowd.scene.clock.advance(Duration::from_secs(1));
        tokio::time::sleep(Duration::from_millis(10)).await;
        if crowd.scene.edge.counts().connections_shed_total == 1 {
            break;
        }
    }
    let record = crowd.scene.records(1).await.remove(0);
    assert_eq!(record.outcome, SendOutcome::ClientGone);
    let reason = record.reason.expect("it says why");
    assert!(reason.contains("edge.send_rate_min_bytes"), "{reason}");
}
