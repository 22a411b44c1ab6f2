//! How long memory holds: the `caches` of `edgeone.json` (decision D10.18).

use std::time::Duration;

use holm_edge::EdgeLimits;
use holm_telemetry::CacheStatus;

use crate::scene::Scene;

const RULES: &[u8] = br#"{"caches":[
    {"source":"/never.txt","cacheTtl":0},
    {"source":"/minute.txt","cacheTtl":60}
]}"#;

#[tokio::test]
async fn memory_holds_as_long_as_the_rule_says() {
    let scene = Scene::with(
        EdgeLimits::default(),
        &[
            ("/edgeone.json", RULES),
            ("/always.txt", b"always"),
            ("/never.txt", b"never"),
            ("/minute.txt", b"minute"),
        ],
    )
    .await;
    let check = async |path: &str, want: &str| {
        let reply = scene.get(path, "").await;
        assert_eq!(reply.header("eo-cache-status"), want, "{path}");
        assert_eq!(
            reply.text(),
            path.trim_matches('/').trim_end_matches(".txt")
        );
    };
    for path in ["/always.txt", "/never.txt", "/minute.txt"] {
        check(path, "MISS").await;
    }
    check("/always.txt", "HIT").await;
    check("/never.txt", "MISS").await;
    check("/minute.txt", "HIT").await;
    scene.clock.advance(Duration::from_mins(1));
    check("/minute.txt", "HIT").await;
    scene.clock.advance(Duration::from_secs(1));
    check("/minute.txt", "RefreshHit").await;
    check("/minute.txt", "HIT").await;
    check("/always.txt", "HIT").await;
    let records = scene.records(10).await;
    let refreshed =
        |record: &&holm_telemetry::AccessRecord| record.cache == CacheStatus::RefreshHit;
    assert_eq!(records.iter().filter(refreshed).count(), 1);
}
