//! Exactly one record per request, and what it says.

use holm_edge::EdgeLimits;
use holm_telemetry::{CacheStatus, FaultSource, SendOutcome, ServedBy};
use holm_types::{DeploymentId, VisitorCode};

use crate::scene::{Host, PROJECT, SEALED_AT, Scene};

#[tokio::test]
async fn every_kind_of_request_leaves_one_record() {
    use ServedBy::{Asset, Page};
    let scene = Scene::usual().await;
    let document = scene.deploy(crate::scene::FILES).await;
    scene
        .publish(
            2,
            vec![
                Host::site("site.test", document),
                Host::gate("gone.test", VisitorCode::Deleted),
            ],
        )
        .await;
    let client = Some(FaultSource::Client);
    let cases = [
        ("GET", "site.test", "/", "", 200, Asset, None),
        ("HEAD", "site.test", "/", "", 200, Asset, None),
        (
            "GET",
            "site.test",
            "/",
            "if-none-match: *\r\n",
            304,
            Asset,
            None,
        ),
        (
            "GET",
            "site.test",
            "/data.bin",
            "range: bytes=1-2\r\n",
            206,
            Asset,
            None,
        ),
        (
            "GET",
            "site.test",
            "/data.bin",
            "range: bytes=99-\r\n",
            416,
            Asset,
            client,
        ),
        ("GET", "site.test", "/lost", "", 404, Asset, client),
        (
            "POST",
            "site.test",
            "/",
            "content-length: 0\r\n",
            405,
            Page,
            client,
        ),
        ("OPTIONS", "site.test", "/", "", 204, Asset, None),
        ("GET", "site.test", "/%", "", 400, Page, client),
        ("GET", "other.test", "/", "", 404, Page, client),
        (
            "GET",
            "gone.test",
            "/",
            "",
            410,
            Page,
            Some(FaultSource::Site),
        ),
        ("GET", "site.test", "/", "expect: x\r\n", 417, Page, client),
    ];
    for (method, host, path, fields, status, served_by, fault) in cases {
        let reply = scene.ask(method, host, path, fields).await;
        let record = scene.records(1).await.remove(0);
        let what = format!("{method} {host}{path}");
        assert_eq!(reply.status, status, "{what}");
        assert_eq!(record.status, status, "{what}");
        assert_eq!(record.served_by, served_by, "{what}");
        assert_eq!(record.fault, fault, "{what}");
        assert_eq!(record.outcome, SendOutcome::Sent, "{what}");
        assert_eq!(
            record.request_id.to_string(),
            reply.header("eo-log-uuid"),
            "{what}"
        );
        let sent = if method == "HEAD" {
            0
        } else {
            reply.body.len() as u64
        };
        assert_eq!(record.sent_bytes, sent, "{what}");
        assert_eq!(&*record.target, path, "{what}");
        assert_eq!(&*record.method, method, "{what}");
        assert_eq!(record.at, SEALED_AT);
    }
}

#[tokio::test]
async fn a_record_says_who_what_and_from_where() {
    let scene = Scene::usual().await;
    let fields = "user-agent: test/1\r\nreferer: https://a.test/x?secret=1\r\ncookie: secret\r\nauthorization: Bearer secret\r\n";
    scene.get("/about?q=1", fields).await;
    scene.get("/about?q=1", "").await;
    let records = scene.records(2).await;
    let record = &records[0];
    assert_eq!(record.project_id, Some(PROJECT));
    assert_eq!(
        record.deployment_id,
        Some(DeploymentId::from_bytes([2; 16]))
    );
    assert_eq!(&*record.host, "site.test");
    assert_eq!(record.peer, std::net::IpAddr::from([127, 0, 0, 1]));
    assert_eq!(&*record.target, "/about?q=1");
    assert_eq!(record.user_agent.as_deref(), Some("test/1"));
    assert_eq!(record.referer.as_deref(), Some("https://a.test/x"));
    let caches: Vec<_> = records.iter().map(|record| record.cache).collect();
    assert_eq!(caches, [CacheStatus::Miss, CacheStatus::Hit]);
    assert!(!format!("{records:?}").contains("secret"));
}

#[tokio::test]
async fn of_a_visitors_address_only_the_network_is_kept_if_so_wished() {
    let scene = Scene::shortening_addresses();
    let document = scene.deploy(crate::scene::FILES).await;
    let hosts = vec![Host::site("site.test", document)];
    scene.publish(1, hosts).await;
    for (forwarded, kept) in [
        ("203.0.113.9", "203.0.113.0"),
        ("2001:db9:1:2:3::4", "2001:db9:1::"),
    ] {
        let fields = format!("x-forwarded-for: {forwarded}\r\n");
        assert_eq!(scene.get("/about", &fields).await.status, 200);
        let record = scene.records(1).await.remove(0);
        assert_eq!(record.peer.to_string(), kept);
        assert!(!format!("{record:?}").contains(forwarded));
    }
    // Nor is it in the record of a connection that came to no request.
    let mut client = scene.connect().await;
    client.send("GET / HT").await;
    client.end_sending().await;
    client.rest().await;
    let record = scene.records(1).await.remove(0);
    assert_eq!(record.served_by, ServedBy::Connection);
    assert_eq!(record.peer.to_string(), "127.0.0.0");
}

#[tokio::test]
async fn what_a_client_sends_is_shortened() {
    let scene = Scene::usual().await;
    let long = "u".repeat(5000);
    scene
        .get(&format!("/{long}"), &format!("user-agent: {long}\r\n"))
        .await;
    let record = scene.records(1).await.remove(0);
    assert_eq!(
        record.target.len(),
        EdgeLimits::default().record_target_chars_max
    );
    let text_max = EdgeLimits::default().record_text_chars_max;
    assert_eq!(record.user_agent.unwrap().len(), text_max);
}

#[tokio::test]
async fn a_connection_that_ends_in_the_middle_of_a_head_leaves_one_too() {
    let scene = Scene::usual().await;
    let mut client = scene.connect().await;
    client.send("GET / HT").await;
    client.end_sending().await;
    client.rest().await;
    let record = scene.records(1).await.remove(0);
    assert_eq!(record.served_by, ServedBy::Connection);

    let mut silent = scene.connect().await;
    silent.end_sending().await;
    silent.rest().await;
    scene.records(0).await;
}
