//! HTTP/2 as nobody should speak it: malformed fields, floods, and clients that take nothing (S-16).

use std::time::Duration;

use holm_edge::EdgeLimits;
use holm_telemetry::{Protocol, SendOutcome, ServedBy};

use crate::frames::{
    CONTINUATION, DATA, END_HEADERS, END_STREAM, ENHANCE_YOUR_CALM, Frame, GET, GOAWAY, HEADERS,
    PING, PROTOCOL_ERROR, REFUSED_STREAM, RST_STREAM, Raw, block, request,
};
use crate::scene::{FILES, Scene};

/// `:status` 200, 400 and 405 as they begin a block of fields (RFC 7541 appendix A).
const STATUS_200: u8 = 0x88;
const STATUS_400: u8 = 0x8c;

/// The usual fields with others added.
fn with<'a>(more: &[(&'a str, &'a str)]) -> Vec<(&'a str, &'a str)> {
    let mut fields = GET.to_vec();
    fields.extend(more);
    fields
}

/// The usual fields without one, and with others added.
fn without<'a>(name: &str, more: &[(&'a str, &'a str)]) -> Vec<(&'a str, &'a str)> {
    let mut fields = GET.to_vec();
    fields.retain(|(known, _)| *known != name);
    fields.extend(more);
    fields
}

#[tokio::test]
async fn malformed_fields_are_never_answered() {
    let scene = Scene::usual().await;
    let cases = [
        with(&[("x-a", "1\r\nx-b: 2")]),
        with(&[("x-a", "1\nx-b: 2")]),
        with(&[("x-a", "1\0")]),
        with(&[("x a", "1")]),
        with(&[("x-a\r\nx-b", "1")]),
        with(&[("X-Upper", "1")]),
        with(&[("connection", "close")]),
        with(&[("keep-alive", "1")]),
        with(&[("proxy-connection", "1")]),
        with(&[("transfer-encoding", "chunked")]),
        with(&[("upgrade", "h2c")]),
        with(&[("te", "gzip")]),
        with(&[(":authority", "site.test")]),
        with(&[(":path", "/")]),
        with(&[(":status", "200")]),
        with(&[(":unknown", "1")]),
        with(&[("content-length", "5")]),
        without(":method", &[]),
        without(":path", &[]),
        without(":path", &[(":path", "")]),
        without(":scheme", &[]),
        without(":authority", &[("x-a", "1"), (":authority", "site.test")]),
        without(":authority", &[(":authority", "a b")]),
    ];
    for fields in cases {
        let mut raw = Raw::connect(scene.address, &[]).await;
        raw.send(&request(1, &fields)).await;
        let frame = raw.next_of(&[RST_STREAM, HEADERS, GOAWAY]).await;
        let frame = frame.unwrap_or_else(|| panic!("nothing came for {fields:?}"));
        // Bytes that no field may have end the connection, the rest ends the request.
        assert!(
            [RST_STREAM, GOAWAY].contains(&frame.kind),
            "{fields:?}: {frame:?}"
        );
        assert_eq!(frame.error_code(), PROTOCOL_ERROR, "{fields:?}");
        if frame.kind == RST_STREAM {
            raw.send(&request(3, &GET)).await;
            let answer = raw.next_of(&[HEADERS]).await.expect("the next is answered");
            assert_eq!(
                (answer.stream, answer.payload[0]),
                (3, STATUS_200),
                "{fields:?}"
            );
        }
    }
    let mut other = Raw::connect(scene.address, &[]).await;
    other.send(&request(1, &GET)).await;
    let answer = other.next_of(&[HEADERS]).await.expect("others are served");
    assert_eq!(answer.payload[0], STATUS_200);
}

#[tokio::test]
async fn one_host_is_named_and_only_one() {
    let scene = Scene::usual().await;
    let cases = [
        (with(&[("host", "site.test")]), STATUS_200),
        (with(&[("host", "SITE.test")]), STATUS_200),
        (without(":authority", &[("host", "site.test")]), STATUS_200),
        (with(&[("host", "other.test")]), STATUS_400),
        (
            with(&[("host", "site.test"), ("host", "site.test")]),
            STATUS_400,
        ),
        (without(":authority", &[]), STATUS_400),
        (
            without(":authority", &[("host", "a"), ("host", "b")]),
            STATUS_400,
        ),
        (
            without(":authority", &[(":authority", "user@site.test")]),
            STATUS_400,
        ),
    ];
    let count = cases.len();
    for (fields, status) in cases {
        let mut raw = Raw::connect(scene.address, &[]).await;
        raw.send(&request(1, &fields)).await;
        let answer = raw.next_of(&[HEADERS, RST_STREAM, GOAWAY]).await;
        let answer = answer.unwrap_or_else(|| panic!("nothing came for {fields:?}"));
        assert_eq!(
            (answer.kind, answer.payload[0]),
            (HEADERS, status),
            "{fields:?}"
        );
    }
    for record in scene.records(count).await {
        assert_eq!(record.protocol, Some(Protocol::Http2));
    }
}

#[tokio::test]
async fn requests_taken_back_at_once_end_the_connection() {
    let scene = Scene::usual().await;
    let mut raw = Raw::connect(scene.address, &[]).await;
    let cancel = 8_u32.to_be_bytes();
    let mut flood = Vec::new();
    for number in 0..500 {
        let stream = 2 * number + 1;
        flood.extend(request(stream, &GET));
        flood.extend(Frame::new(RST_STREAM, 0, stream, &cancel).bytes());
    }
    raw.send(&flood).await;
    let end = raw.next_of(&[GOAWAY]).await.expect("it is told to stop");
    assert_eq!(end.error_code(), ENHANCE_YOUR_CALM);
    // Whoever was looked at has a record, and there is one about the connection.
    scene
        .until("the connection is closed", || {
            scene.edge.counts().connections_open == 0
        })
        .await;
    let records = scene.records.take();
    let about_connection =
        |record: &&holm_telemetry::AccessRecord| record.served_by == ServedBy::Connection;
    assert_eq!(records.iter().filter(about_connection).count(), 1);
    assert!(records.len() < 500, "{} were answered", records.len());
    assert_eq!(scene.edge.counts().requests_in_flight, 0);
}

#[tokio::test]
async fn a_head_without_end_is_cut_off() {
    let scene = Scene::usual().await;
    let mut raw = Raw::connect(scene.address, &[]).await;
    raw.send(&Frame::new(HEADERS, END_STREAM, 1, &block(&GET)).bytes())
        .await;
    let more = block(&[("x-fill", &"x".repeat(100))]).repeat(100);
    let more = Frame::new(CONTINUATION, 0, 1, &more).bytes();
    let mut sent_bytes = 0;
    while raw.try_send(&more).await.is_ok() {
        sent_bytes += more.len();
        assert!(sent_bytes < 20 << 20, "it goes on for ever");
    }
    scene
        .until("the connection is closed", || {
            scene.edge.counts().connections_open == 0
        })
        .await;
}

#[tokio::test]
async fn heads_that_are_too_large_are_told_so() {
    let scene = Scene::usual().await;
    let mut raw = Raw::connect(scene.address, &[]).await;
    // Over our limit of 32 KiB, under the library's.
    let many: Vec<(String, String)> = (0..90)
        .map(|index| (format!("x-{index}"), "y".repeat(126)))
        .collect();
    let mut fields = GET.to_vec();
    fields.extend(
        many.iter()
            .map(|(name, value)| (name.as_str(), value.as_str())),
    );
    let wide: Vec<u8> = [
        block(&fields),
        block(&[("x-wide", &"z".repeat(126))]).repeat(170),
    ]
    .concat();
    let mut frames = Vec::new();
    let pieces: Vec<&[u8]> = wide.chunks(16_000).collect();
    for (index, piece) in pieces.iter().enumerate() {
        let kind = if index == 0 { HEADERS } else { CONTINUATION };
        let mut flags = if index == 0 { END_STREAM } else { 0 };
        if index + 1 == pieces.len() {
            flags |= END_HEADERS;
        }
        frames.extend(Frame::new(kind, flags, 1, piece).bytes());
    }
    raw.send(&frames).await;
    raw.next_of(&[HEADERS]).await.expect("an answer comes");
    let record = scene.records(1).await.remove(0);
    assert_eq!((record.status, record.served_by), (431, ServedBy::Page));
}

#[tokio::test]
async fn a_request_too_many_is_refused_and_the_others_go_on() {
    let large = vec![b'x'; 4 << 20];
    let mut files = FILES.to_vec();
    files.push(("/large.bin", &large));
    let limits = EdgeLimits {
        http2_streams_max: 5,
        ..EdgeLimits::default()
    };
    let scene = Scene::with(limits, &files).await;
    let mut raw = Raw::connect(scene.address, &[]).await;
    let fields = without(":path", &[(":path", "/large.bin")]);
    for number in 0..6 {
        raw.send(&request(2 * number + 1, &fields)).await;
    }
    let refused = raw.next_of(&[RST_STREAM]).await.expect("one is refused");
    assert_eq!((refused.stream, refused.error_code()), (11, REFUSED_STREAM));
    assert_eq!(scene.edge.counts().requests_in_flight, 5);
}

#[tokio::test]
async fn pings_are_answered_and_make_nobody_busy() {
    let scene = Scene::usual().await;
    let mut raw = Raw::connect(scene.address, &[]).await;
    raw.send(&request(1, &GET)).await;
    raw.next_of(&[HEADERS]).await.expect("an answer comes");
    scene.records(1).await;
    let ping = Frame::new(PING, 0, 0, b"12345678").bytes();
    for _ in 0..50 {
        raw.send(&ping).await;
        let pong = raw.next_of(&[PING]).await.expect("a ping is answered");
        assert_eq!((pong.flags, pong.payload.as_slice()), (1, &b"12345678"[..]));
        scene.clock.advance(Duration::from_secs(1));
    }
    scene.clock.advance(Duration::from_mins(1));
    let end = raw
        .next_of(&[GOAWAY])
        .await
        .expect("it is told that it ends");
    assert_eq!(end.error_code(), 0);
    scene
        .until("it is closed", || scene.edge.counts().connections_open == 0)
        .await;
    scene.records(0).await;
}

#[tokio::test]
async fn who_makes_no_room_is_shed() {
    const INITIAL_WINDOW_SIZE: u16 = 4;
    let large = vec![b'x'; 4 << 20];
    let mut files = FILES.to_vec();
    files.push(("/large.bin", &large));
    let scene = Scene::with(EdgeLimits::default(), &files).await;
    // No room at all for either answer, although the socket would take them.
    let mut raw = Raw::connect(scene.address, &[(INITIAL_WINDOW_SIZE, 0)]).await;
    let fields = without(":path", &[(":path", "/large.bin")]);
    raw.send(&request(1, &fields)).await;
    raw.send(&request(3, &GET)).await;
    for _ in 0..2 {
        raw.next_of(&[HEADERS]).await.expect("heads need no room");
    }
    assert_eq!(scene.edge.counts().requests_in_flight, 2);
    scene
        .until("it is shed", || {
            scene.clock.advance(Duration::from_millis(200));
            scene.edge.counts().connections_shed_total == 1
        })
        .await;
    let records = scene.records(2).await;
    let large = records
        .iter()
        .find(|record| &*record.target == "/large.bin");
    let large = large.expect("both have a record");
    assert_eq!(large.outcome, SendOutcome::ClientGone);
    let reason = large.reason.as_deref().expect("it says why");
    assert!(reason.contains("edge.send_rate_min_bytes"), "{reason}");
    assert!(
        large.sent_bytes <= 16 * 1024,
        "{} bytes were handed over",
        large.sent_bytes
    );
}

#[tokio::test]
async fn a_body_that_nobody_wants_ends_its_stream_only() {
    let scene = Scene::usual().await;
    let mut raw = Raw::connect(scene.address, &[]).await;
    let fields = without(
        ":method",
        &[(":method", "POST"), ("content-length", "1000000")],
    );
    raw.send(&Frame::new(HEADERS, END_HEADERS, 1, &block(&fields)).bytes())
        .await;
    raw.send(&Frame::new(DATA, 0, 1, &[b'x'; 16_000]).bytes())
        .await;
    let answer = raw.next_of(&[HEADERS]).await.expect("an answer comes");
    assert_eq!(answer.stream, 1);
    raw.send(&request(3, &GET)).await;
    let answer = raw
        .next_of(&[HEADERS, GOAWAY])
        .await
        .expect("the next is answered");
    assert_eq!((answer.stream, answer.payload[0]), (3, STATUS_200));
    let statuses: Vec<u16> = scene
        .records(2)
        .await
        .iter()
        .map(|record| record.status)
        .collect();
    assert_eq!(statuses, [405, 200]);
}
