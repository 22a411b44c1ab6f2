//! Connections: kept, pipelined, slow, too many, drained.

use std::time::Duration;

use holm_edge::EdgeLimits;
use holm_telemetry::{SendOutcome, ServedBy};

use crate::scene::{FILES, Scene};

const GET: &str = "GET / HTTP/1.1\r\nhost: site.test\r\n\r\n";

#[tokio::test]
async fn requests_in_one_go_are_answered_in_order() {
    let scene = Scene::usual().await;
    let mut client = scene.connect().await;
    let lost = "GET /nothing HTTP/1.1\r\nhost: site.test\r\n\r\n";
    let head = "HEAD / HTTP/1.1\r\nhost: site.test\r\n\r\n";
    client
        .send([GET, lost, head, GET].concat().repeat(20))
        .await;
    for _ in 0..20 {
        for (method, status) in [("GET", 200), ("GET", 404), ("HEAD", 200), ("GET", 200)] {
            let reply = client.reply_to(method).await.expect("each has its answer");
            assert_eq!(reply.status, status);
        }
    }
    let records = scene.records(80).await;
    let ids: std::collections::BTreeSet<_> =
        records.iter().map(|record| record.request_id).collect();
    assert_eq!(ids.len(), 80);
}

#[tokio::test]
async fn old_clients_and_those_that_say_close_are_let_go() {
    let scene = Scene::usual().await;
    for raw in [
        "GET / HTTP/1.0\r\nhost: site.test\r\n\r\n",
        "GET / HTTP/1.1\r\nhost: site.test\r\nconnection: close\r\n\r\n",
    ] {
        let mut client = scene.connect().await;
        client.send(raw).await;
        assert_eq!(client.reply().await.status, 200);
        assert!(client.rest().await.is_empty());
    }
    let mut kept = scene.connect().await;
    for _ in 0..2 {
        kept.send("GET / HTTP/1.0\r\nhost: site.test\r\nconnection: keep-alive\r\n\r\n")
            .await;
        assert_eq!(kept.reply().await.status, 200);
    }
}

#[tokio::test]
async fn a_slow_head_gets_408_and_a_record() {
    let scene = Scene::usual().await;
    let mut client = scene.connect().await;
    client
        .send([GET, "GET / HTTP/1.1\r\nhost: si"].concat())
        .await;
    assert_eq!(client.reply().await.status, 200);
    scene.records(1).await;
    client.send("te.te").await;
    // Time goes by slowly enough that the rest is read long before an idle connection would be closed.
    scene
        .until("the slow client is let go", || {
            scene.clock.advance(Duration::from_millis(20));
            scene.edge.counts().connections_shed_total == 1
        })
        .await;
    let answer = String::from_utf8(client.rest().await).unwrap();
    assert!(answer.starts_with("HTTP/1.1 408 "), "{answer}");
    assert!(answer.contains("REQUEST_TIMEOUT"));
    let record = scene.records(1).await.remove(0);
    assert_eq!(
        (record.status, record.served_by),
        (408, ServedBy::Connection)
    );
}

#[tokio::test]
async fn idle_connections_are_closed_later_and_without_a_word() {
    let scene = Scene::usual().await;
    let mut client = scene.connect().await;
    client.send(GET).await;
    client.reply().await;
    scene.records(1).await;
    scene.clock.advance(Duration::from_mins(1));
    client.send(GET).await;
    assert_eq!(client.reply().await.status, 200, "60 s are not too long");
    scene.records(1).await;
    scene.clock.advance(Duration::from_mins(2));
    assert!(client.rest().await.is_empty());
    scene
        .until("it is closed", || scene.edge.counts().connections_open == 0)
        .await;
    scene.records(0).await;
}

#[tokio::test]
async fn a_client_that_takes_nothing_is_shed_and_others_are_served() {
    let large = vec![b'x'; 40 << 20];
    let mut files = FILES.to_vec();
    files.push(("/large.bin", &large));
    let scene = Scene::with(EdgeLimits::default(), &files).await;
    let mut slow = scene.connect().await;
    slow.send("GET /large.bin HTTP/1.1\r\nhost: site.test\r\n\r\n")
        .await;
    slow.nibble().await;
    scene
        .until("it is in flight", || {
            scene.edge.counts().requests_in_flight == 1
        })
        .await;
    assert_eq!(scene.get("/", "").await.status, 200);
    scene.records(1).await;
    // Time goes by until the sweep has seen the socket blocked for long enough.
    scene
        .until("the slow client is shed", || {
            scene.clock.advance(Duration::from_millis(200));
            scene.edge.counts().connections_shed_total == 1
        })
        .await;
    let record = scene.records(1).await.remove(0);
    assert_eq!(record.outcome, SendOutcome::ClientGone);
    assert_eq!(record.status, 200);
    assert!(record.sent_bytes < large.len() as u64);
    assert_eq!(scene.edge.counts().requests_in_flight, 0);
}

#[tokio::test]
async fn one_connection_too_many_is_closed() {
    let limits = EdgeLimits {
        connections_max: 2,
        ..EdgeLimits::default()
    };
    let scene = Scene::with(limits, FILES).await;
    let (mut one, mut two) = (scene.connect().await, scene.connect().await);
    for client in [&mut one, &mut two] {
        client.send(GET).await;
        assert_eq!(client.reply().await.status, 200);
    }
    assert!(scene.connect().await.rest().await.is_empty());
    assert_eq!(scene.edge.counts().connections_refused_total, 1);
    drop(one);
    scene
        .until("a place is free", || {
            scene.edge.counts().connections_open == 1
        })
        .await;
    assert_eq!(scene.get("/", "").await.status, 200);
}

#[tokio::test]
async fn one_request_too_many_is_told_to_come_back() {
    let large = vec![b'x'; 40 << 20];
    let mut files = FILES.to_vec();
    files.push(("/large.bin", &large));
    let limits = EdgeLimits {
        requests_in_flight_max: 1,
        ..EdgeLimits::default()
    };
    let scene = Scene::with(limits, &files).await;
    let mut slow = scene.connect().await;
    slow.send("GET /large.bin HTTP/1.1\r\nhost: site.test\r\n\r\n")
        .await;
    slow.nibble().await;
    let reply = scene.get("/", "").await;
    assert_eq!((reply.status, reply.header("retry-after")), (503, "1"));
    drop(slow);
    scene
        .until("it has ended", || {
            scene.edge.counts().requests_in_flight == 0
        })
        .await;
    assert_eq!(scene.get("/", "").await.status, 200);
}

#[tokio::test]
async fn draining_lets_requests_end_and_idle_connections_go() {
    let large = vec![b'x'; 20 << 20];
    let mut files = FILES.to_vec();
    files.push(("/large.bin", &large));
    let scene = Scene::with(EdgeLimits::default(), &files).await;
    let mut idle = scene.connect().await;
    idle.send(GET).await;
    idle.reply().await;
    let mut busy = scene.connect().await;
    busy.send("GET /large.bin HTTP/1.1\r\nhost: site.test\r\n\r\n")
        .await;
    busy.nibble().await;
    scene.records(1).await;

    scene.begin_stop();
    assert!(idle.rest().await.is_empty());
    let rest = busy.rest().await;
    assert!(rest.len() > large.len() - 100, "{} bytes came", rest.len());
    let address = scene.address;
    let (report, records) = scene.stop().await;
    assert_eq!((report.open_count, report.cut_count), (2, 0));
    assert!(tokio::net::TcpStream::connect(address).await.is_err());
    let record = records.take().remove(0);
    assert_eq!(
        (record.outcome, record.sent_bytes),
        (SendOutcome::Sent, 20 << 20)
    );
}

#[tokio::test]
async fn draining_ends_even_if_a_client_does_not() {
    let large = vec![b'x'; 40 << 20];
    let mut files = FILES.to_vec();
    files.push(("/large.bin", &large));
    let limits = EdgeLimits {
        drain_max: Duration::from_millis(50),
        ..EdgeLimits::default()
    };
    let scene = Scene::with(limits, &files).await;
    let mut slow = scene.connect().await;
    slow.send("GET /large.bin HTTP/1.1\r\nhost: site.test\r\n\r\n")
        .await;
    slow.nibble().await;
    let (report, records) = scene.stop().await;
    assert_eq!((report.open_count, report.cut_count), (1, 1));
    assert_eq!(records.take().remove(0).outcome, SendOutcome::ClientGone);
}

#[tokio::test]
async fn handing_over_gives_every_connection_one_more_answer() {
    let scene = Scene::usual().await;
    let mut idle = scene.connect().await;
    idle.send(GET).await;
    assert_eq!(idle.reply().await.header("connection"), "");
    let mut fresh = scene.connect().await;
    let mut begun = scene.connect().await;
    begun.send("GET / HTTP/1.1\r\nhost: si").await;
    scene
        .until("all are taken", || {
            scene.edge.counts().connections_open == 3
        })
        .await;

    scene.edge.hand_over();
    scene.begin_stop();
    // The listener is gone, so draining has begun.
    scene
        .until("nobody accepts", || {
            std::net::TcpStream::connect(scene.address).is_err()
        })
        .await;
    begun.send("te.test\r\n\r\n").await;
    for client in [&mut idle, &mut fresh] {
        client.send([GET, GET].concat()).await;
    }
    for mut client in [idle, fresh, begun] {
        let reply = client.reply().await;
        assert_eq!(reply.status, 200);
        assert_eq!(reply.header("connection"), "close");
        assert!(client.rest().await.is_empty());
    }
    let (report, _) = scene.stop().await;
    assert_eq!(report.cut_count, 0);
}
