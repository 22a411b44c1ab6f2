//! Requests that break HTTP, or try to make two parties read it differently.

use std::fmt::Write as _;

use crate::scene::Scene;

/// What a raw exchange came to: the statuses sent, and that the connection ended.
async fn statuses(scene: &Scene, raw: &[u8]) -> Vec<u16> {
    let mut client = scene.connect().await;
    client.send(raw).await;
    client.end_sending().await;
    let answer = String::from_utf8_lossy(&client.rest().await).into_owned();
    answer
        .split("HTTP/1.1 ")
        .skip(1)
        .map(|part| part.split(' ').next().unwrap().parse().unwrap())
        .collect()
}

#[tokio::test]
async fn one_table_of_bad_requests() {
    let scene = Scene::usual().await;
    let smuggled = "GET /SMUGGLED HTTP/1.1\r\nHost: site.test\r\n\r\n";
    let post = "POST / HTTP/1.1\r\nHost: site.test\r\n";
    let cases: Vec<(String, Vec<u16>)> = vec![
        ("GET / HTTP/1.1\r\n\r\n".into(), vec![400]),
        (
            "GET / HTTP/1.1\r\nHost: site.test\r\nHost: site.test\r\n\r\n".into(),
            vec![400],
        ),
        ("GET / HTTP/1.1\r\nHost: a b\r\n\r\n".into(), vec![400]),
        (
            "GET / HTTP/1.1\r\nHost: u@site.test\r\n\r\n".into(),
            vec![400],
        ),
        ("GET / HTTP/1.1\r\nHost: \r\n\r\n".into(), vec![400]),
        (
            "GET http://u@site.test/ HTTP/1.1\r\nHost: site.test\r\n\r\n".into(),
            vec![400],
        ),
        (
            "GET http://other.test/ HTTP/1.1\r\nHost: site.test\r\n\r\n".into(),
            vec![404],
        ),
        (
            "GET http://site.test/ HTTP/1.1\r\nHost: a b\r\n\r\n".into(),
            vec![400],
        ),
        (
            "GET / HTTP/1.1\r\nHost: site.test\r\nExpect: x\r\n\r\n".into(),
            vec![417],
        ),
        (
            "CONNECT a:80 HTTP/1.1\r\nHost: a:80\r\n\r\n".into(),
            vec![405],
        ),
        (
            "GET /%zz HTTP/1.1\r\nHost: site.test\r\n\r\n".into(),
            vec![400],
        ),
        (
            "GET /a/../b HTTP/1.1\r\nHost: site.test\r\n\r\n".into(),
            vec![400],
        ),
        (
            "GET /%252e HTTP/1.1\r\nHost: site.test\r\n\r\n".into(),
            vec![400],
        ),
        (
            "GET / HTTP/2.0\r\nHost: site.test\r\n\r\n".into(),
            vec![400],
        ),
        (
            format!("{post}Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n{smuggled}"),
            vec![400],
        ),
        (
            format!("{post}Transfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n{smuggled}"),
            vec![400],
        ),
        (
            format!(
                "{post}Transfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n0\r\n\r\n{smuggled}"
            ),
            vec![405],
        ),
        (
            format!(
                "{post}Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n{smuggled}"
            ),
            vec![405],
        ),
        (
            format!("{post}Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n{smuggled}"),
            vec![405],
        ),
        (
            format!("{post}Transfer-Encoding: chunked\r\n\r\n5\nhello\r\n0\r\n\r\n"),
            vec![400],
        ),
        (
            format!("{post}Transfer-Encoding: chunked\r\n\r\n+5\r\nhello\r\n0\r\n\r\n"),
            vec![400],
        ),
        (format!("{post}Content-Length: 5\r\n\r\nhel"), vec![400]),
        (
            format!("{post}Content-Length: 5\r\n\r\nhello{smuggled}"),
            vec![405, 404],
        ),
        (
            format!("{post}Expect: 100-continue\r\nContent-Length: 5\r\n\r\nhello{smuggled}"),
            vec![405],
        ),
        (
            "GET / HTTP/1.1\r\nHost: site.test\r\nContent-Length: 2\r\n\r\nhi".into(),
            vec![200],
        ),
    ];
    for (raw, want) in &cases {
        assert_eq!(&statuses(&scene, raw.as_bytes()).await, want, "{raw}");
    }
    let wanted: usize = cases.iter().map(|(_, statuses)| statuses.len()).sum();
    // The library's own refusals (`HTTP/2.0`, and the two Transfer-Encodings) are recorded too.
    scene.records(wanted).await;
}

/// Heads that two servers in a row would read differently: never more than one answer, and never the
/// smuggled request's.
#[tokio::test]
async fn what_could_be_read_in_two_ways_is_read_in_none() {
    let scene = Scene::usual().await;
    let smuggled = "GET /about HTTP/1.1\r\nHost: site.test\r\n\r\n";
    for field in [
        // Both lengths, in every disguise of the second.
        "Content-Length: 0\r\nContent-Length: 53",
        "Content-Length: 53\r\nContent-Length: 0",
        "Content-Length: 0, 53",
        "Content-Length: +53",
        "Content-Length: -1",
        "Content-Length: 0x35",
        "Content-Length: 5 3",
        "Content-Length: 99999999999999999999",
        "Content-Length:",
        "Content-Length : 0",
        "Transfer-Encoding : chunked",
        " Transfer-Encoding: chunked",
        "X: y\r\n Transfer-Encoding: chunked",
        "Transfer-Encoding:\r\n chunked",
        "Transfer-Encoding: xchunked",
        "Transfer-Encoding: \x0bchunked",
        "Transfer-Encoding: \"chunked\"",
        "Transfer-Encoding: chunked;q=1",
        "Transfer-Encoding: identity",
        "Transfer-Encoding: chunked\r\nTransfer-Encoding: x",
        "Transfer-Encoding: x\r\nTransfer-Encoding: chunked",
        "Transfer-Encoding: chunked, identity",
        "Transfer-Encoding:",
        "X: y\nTransfer-Encoding: chunked",
        "X: y\rTransfer-Encoding: chunked",
        "X\0: y",
        "X Y: z",
        ": y",
    ] {
        let raw = format!("POST / HTTP/1.1\r\nHost: site.test\r\n{field}\r\n\r\n{smuggled}");
        let seen = statuses(&scene, raw.as_bytes()).await;
        assert!(seen.len() <= 1, "{field:?}: {seen:?}");
        assert!(
            seen.iter().all(|status| matches!(status, 400 | 405 | 413)),
            "{field:?}: {seen:?}"
        );
    }
    // HTTP/1.0 knows no Transfer-Encoding; a proxy in front may.
    let old = format!("POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n{smuggled}");
    let seen = statuses(&scene, old.as_bytes()).await;
    assert!(seen.len() <= 1 && seen != [200], "{seen:?}");
}

/// Nothing is upgraded to, and what follows may be meant for a tunnel: it is no request.
#[tokio::test]
async fn nothing_is_read_behind_a_request_for_an_upgrade() {
    let scene = Scene::usual().await;
    for upgrade in ["websocket", "h2c", "TLS/1.0"] {
        let raw = format!(
            "GET /about HTTP/1.1\r\nHost: site.test\r\nConnection: Upgrade, HTTP2-Settings\r\n\
             Upgrade: {upgrade}\r\nHTTP2-Settings: AAMAAABkAAQAoAAAAAIAAAAA\r\n\r\n\
             GET /none HTTP/1.1\r\nHost: site.test\r\n\r\n"
        );
        assert_eq!(statuses(&scene, raw.as_bytes()).await, [200], "{upgrade}");
    }
}

#[tokio::test]
async fn too_much_head_gets_a_page() {
    let scene = Scene::usual().await;
    let long = format!(
        "GET /{} HTTP/1.1\r\nHost: site.test\r\n\r\n",
        "a".repeat(9000)
    );
    let mut many = "GET / HTTP/1.1\r\nHost: site.test\r\n".to_owned();
    for index in 0..110 {
        write!(many, "x-{index}: y\r\n").unwrap();
    }
    let wide = format!(
        "GET / HTTP/1.1\r\nHost: site.test\r\nx: {}\r\n\r\n",
        "y".repeat(40_000)
    );
    for (raw, status, word) in [
        (long, 414, "URI_TOO_LONG"),
        (many + "\r\n", 431, "REQUEST_HEADER_FIELDS_TOO_LARGE"),
        (wide, 431, "REQUEST_HEADER_FIELDS_TOO_LARGE"),
    ] {
        let mut client = scene.connect().await;
        client.send(raw).await;
        let reply = client.reply().await;
        assert_eq!(reply.status, status);
        assert!(reply.text().contains(word));
        assert_eq!(reply.header("connection"), "close");
        assert!(client.rest().await.is_empty());
    }
}

#[tokio::test]
async fn what_the_library_refuses_gets_a_page_with_the_number_of_its_record() {
    let wide = format!(
        "GET / HTTP/1.1\r\nHost: site.test\r\nx: {}\r\n\r\n",
        "y".repeat(150_000)
    );
    let long = format!(
        "GET /{} HTTP/1.1\r\nHost: site.test\r\n\r\n",
        "a".repeat(70_000)
    );
    let mut many = "GET / HTTP/1.1\r\nHost: site.test\r\n".to_owned();
    for index in 0..110 {
        write!(many, "x-{index}: y\r\n").unwrap();
    }
    many.push_str("\r\n");
    let too_large = "REQUEST_HEADER_FIELDS_TOO_LARGE";
    for (raw, status, word, reason) in [
        (wide.as_str(), 431, too_large, "edge.header_bytes_max"),
        (many.as_str(), 431, too_large, "edge.header_count_max"),
        (long.as_str(), 414, "URI_TOO_LONG", "edge.target_bytes_max"),
        (
            "GET / HTTP/1.1\r\nHost : site.test\r\n\r\n",
            400,
            "BAD_REQUEST",
            "header",
        ),
        ("hello\r\n\r\n", 400, "BAD_REQUEST", "method"),
    ] {
        let scene = Scene::usual().await;
        let mut client = scene.connect().await;
        client.send(raw).await;
        let reply = client.reply().await;
        assert_eq!(reply.status, status);
        assert!(reply.text().contains(word), "{}", reply.text());
        assert_eq!(reply.header("connection"), "close");
        assert!(client.rest().await.is_empty());
        let record = scene.records(1).await.remove(0);
        assert_eq!(record.served_by, holm_telemetry::ServedBy::Connection);
        assert_eq!(record.status, status);
        let said = record.reason.as_deref().unwrap_or_default();
        assert!(said.contains(reason), "{said}");
        assert_eq!(reply.header("eo-log-uuid"), record.request_id.to_string());
    }
}

#[tokio::test]
async fn a_refused_head_behind_good_requests_takes_nothing_from_their_answers() {
    let scene = Scene::usual().await;
    let good = "GET /index.html HTTP/1.1\r\nHost: site.test\r\n\r\n";
    let mut client = scene.connect().await;
    client
        .send(format!("{good}{good}GET / HTTP/1.1\r\nHost : a\r\n\r\n"))
        .await;
    for _ in 0..2 {
        assert_eq!(client.reply().await.status, 200);
    }
    let reply = client.reply().await;
    assert_eq!(reply.status, 400);
    assert!(reply.text().contains("BAD_REQUEST"));
    assert!(client.rest().await.is_empty());
}

#[tokio::test]
async fn a_body_that_is_too_large_ends_the_connection_after_the_answer() {
    let scene = Scene::usual().await;
    for (method, status) in [("POST", 405), ("GET", 413)] {
        let mut client = scene.connect().await;
        client
            .send(format!(
                "{method} / HTTP/1.1\r\nHost: site.test\r\nContent-Length: 100000\r\n\r\n{}",
                "a".repeat(100_000)
            ))
            .await;
        let reply = client.reply().await;
        assert_eq!(
            (reply.status, reply.header("connection")),
            (status, "close")
        );
        assert!(client.rest().await.is_empty());
    }
}

#[tokio::test]
async fn a_body_that_never_comes_ends_the_connection_after_the_answer() {
    let scene = Scene::usual().await;
    for (method, status) in [("POST", 405), ("GET", 408)] {
        let mut client = scene.connect().await;
        client
            .send(format!(
                "{method} / HTTP/1.1\r\nHost: site.test\r\nContent-Length: 5\r\n\r\nhe"
            ))
            .await;
        let reply = client.reply().await;
        assert_eq!(
            (reply.status, reply.header("connection")),
            (status, "close")
        );
        assert!(client.rest().await.is_empty());
    }
}
