//! What files answer: the whole head, for each kind of request.

use holm_edge::EdgeLimits;
use holm_types::BlobDigest;

use crate::client::Reply;
use crate::scene::{LAST_MODIFIED, Scene};

fn etag(bytes: &[u8]) -> String {
    format!("\"{}\"", BlobDigest::of(bytes))
}

/// Compares the head, with `{etag}` standing for the tag of these bytes.
fn check(reply: &Reply, source: &[u8], head: &str, body: &[u8]) {
    let got = reply
        .head()
        .replace(&BlobDigest::of(source).to_string(), "DIGEST");
    assert_eq!(got, head);
    assert_eq!(reply.body, body);
    assert_eq!(reply.header("server"), "holm");
    assert!(reply.header("eo-log-uuid").len() >= 19);
    assert!(!reply.header("date").is_empty());
}

#[tokio::test]
async fn a_file_first_from_the_store_then_from_memory() {
    let scene = Scene::usual().await;
    let home = b"<h1>home</h1>";
    let head = |eo: &str, standard: &str| {
        format!(
            "200\naccept-ranges: bytes\ncache-control: public, max-age=0, must-revalidate\n\
             cache-status: holm; {standard}\ncontent-length: 13\n\
             content-type: text/html; charset=utf-8\neo-cache-status: {eo}\n\
             etag: \"DIGEST\"\nlast-modified: {LAST_MODIFIED}\nvary: accept-encoding\n"
        )
    };
    check(
        &scene.get("/", "").await,
        home,
        &head("MISS", "fwd=miss"),
        home,
    );
    check(&scene.get("/", "").await, home, &head("HIT", "hit"), home);
    check(
        &scene.ask("HEAD", "site.test", "/", "").await,
        home,
        &head("HIT", "hit"),
        b"",
    );
    let absolute = scene.get("http://site.test/index.html?x=1", "").await;
    check(&absolute, home, &head("HIT", "hit"), home);
    let upper = scene.ask("GET", "SITE.test:80", "/", "").await;
    check(&upper, home, &head("HIT", "hit"), home);
}

#[tokio::test]
async fn names_with_a_hash_are_immutable() {
    let scene = Scene::usual().await;
    let reply = scene.get("/assets/app.1a2b3c4d.js", "").await;
    assert_eq!(
        reply.header("cache-control"),
        "public, max-age=31536000, immutable"
    );
    assert_eq!(
        reply.header("content-type"),
        "text/javascript; charset=utf-8"
    );
}

#[tokio::test]
async fn who_has_it_already_is_told_so() {
    let scene = Scene::usual().await;
    let home = b"<h1>home</h1>";
    let head = format!(
        "304\ncache-control: public, max-age=0, must-revalidate\ncache-status: holm; fwd=miss\n\
         eo-cache-status: MISS\netag: \"DIGEST\"\nlast-modified: {LAST_MODIFIED}\n\
         vary: accept-encoding\n"
    );
    let tag = etag(home);
    for fields in [
        format!("if-none-match: {tag}\r\n"),
        format!("if-none-match: \"x\", W/{tag}\r\n"),
        format!("if-none-match: , \"x\",,{tag}\r\n"),
        "if-none-match: *\r\n".to_owned(),
        format!("if-modified-since: {LAST_MODIFIED}\r\n"),
        format!("if-none-match: {tag}\r\nrange: bytes=0-1\r\n"),
    ] {
        check(&scene.get("/", &fields).await, home, &head, b"");
    }
    for fields in [
        "if-none-match: \"x\"\r\n".to_owned(),
        format!("if-none-match: \"x\"\r\nif-modified-since: {LAST_MODIFIED}\r\n"),
        "if-modified-since: Tue, 14 Nov 2023 22:13:19 GMT\r\n".to_owned(),
        "if-modified-since: Tue, 14 Nov 2023 22:13:21 GMT\r\n".to_owned(),
    ] {
        let reply = scene.get("/", &fields).await;
        assert_eq!(
            (reply.status, reply.text().as_str()),
            (200, "<h1>home</h1>"),
            "{fields}"
        );
    }
}

#[tokio::test]
async fn who_means_another_version_is_refused() {
    let rules = br#"{"headers": [
        {"source": "/*", "headers": [{"key": "Cache-Control", "value": "max-age=60"}]}
    ]}"#;
    let mut files = crate::scene::FILES.to_vec();
    files.push(("/edgeone.json", rules));
    let scene = Scene::with(EdgeLimits::default(), &files).await;
    let tag = etag(b"0123456789");
    let refused = [
        "if-match: \"other\"\r\n".to_owned(),
        format!("if-match: W/{tag}\r\n"),
        format!("if-match: \"other\"\r\nif-none-match: {tag}\r\n"),
        format!("if-match: \"other\"\r\nif-unmodified-since: {LAST_MODIFIED}\r\n"),
        "if-unmodified-since: Tue, 14 Nov 2023 22:13:19 GMT\r\n".to_owned(),
        "if-match: \"other\"\r\nrange: bytes=99-\r\n".to_owned(),
    ];
    for fields in &refused {
        let reply = scene.get("/data.bin", fields).await;
        let length = reply.body.len();
        let head = format!(
            "412\ncache-control: no-store\ncontent-length: {length}\n\
             content-type: text/html; charset=utf-8\nvary: accept\n"
        );
        assert_eq!(reply.head(), head, "{fields}");
        assert!(reply.text().contains("412: PRECONDITION_FAILED</h1>"));
        let head = scene.ask("HEAD", "site.test", "/data.bin", fields).await;
        assert_eq!((head.status, head.body.len()), (412, 0), "{fields}");
        let lost = scene.get("/nothing", fields).await;
        assert_eq!(lost.status, 404, "there is no file to ask about");
        let options = scene.ask("OPTIONS", "site.test", "/data.bin", fields).await;
        assert_eq!(options.status, 204, "no form of the file is asked for");
    }
    for (fields, status) in [
        (format!("if-match: {tag}\r\n"), 200),
        ("if-match: *\r\n".to_owned(), 200),
        (format!("if-match: , \"x\",, {tag}\r\n"), 200),
        (
            format!("if-match: {tag}\r\nif-unmodified-since: Tue, 14 Nov 2023 22:13:19 GMT\r\n"),
            200,
        ),
        (format!("if-unmodified-since: {LAST_MODIFIED}\r\n"), 200),
        (format!("if-match: {tag}\r\nrange: bytes=0-1\r\n"), 206),
        (format!("if-match: {tag}\r\nif-none-match: {tag}\r\n"), 304),
    ] {
        let reply = scene.get("/data.bin", &fields).await;
        assert_eq!(reply.status, status, "{fields}");
        assert_eq!(reply.header("cache-control"), "max-age=60", "{fields}");
    }
}

#[tokio::test]
async fn a_part_of_a_file() {
    let scene = Scene::usual().await;
    let part = |range: &str, length: u64, cache: (&str, &str)| {
        format!(
            "206\naccept-ranges: bytes\ncache-control: public, max-age=0, must-revalidate\n\
             cache-status: holm; {}\ncontent-length: {length}\ncontent-range: bytes {range}/10\n\
             content-type: application/octet-stream\neo-cache-status: {}\netag: \"DIGEST\"\n\
             last-modified: {LAST_MODIFIED}\n",
            cache.1, cache.0
        )
    };
    let (miss, hit) = (("MISS", "fwd=miss"), ("HIT", "hit"));
    let data = b"0123456789";
    let ranged = |range: &str| format!("range: bytes={range}\r\n");
    check(
        &scene.get("/data.bin", &ranged("2-4")).await,
        data,
        &part("2-4", 3, miss),
        b"234",
    );
    check(
        &scene.get("/data.bin", &ranged("7-")).await,
        data,
        &part("7-9", 3, hit),
        b"789",
    );
    check(
        &scene.get("/data.bin", &ranged("-2")).await,
        data,
        &part("8-9", 2, hit),
        b"89",
    );
    let tag = etag(data);
    let fields = format!("range: bytes=0-0\r\nif-range: {tag}\r\n");
    check(
        &scene.get("/data.bin", &fields).await,
        data,
        &part("0-0", 1, hit),
        b"0",
    );

    let outside = scene.get("/data.bin", &ranged("10-")).await;
    assert_eq!(
        (outside.status, outside.header("content-range")),
        (416, "bytes */10")
    );
    assert!(outside.body.is_empty());
    for fields in [
        "range: lines=1-2\r\n".to_owned(),
        format!("range: bytes=0-0\r\nif-range: W/{tag}\r\n"),
        "range: bytes=0-0\r\nif-range: \"other\"\r\n".to_owned(),
        "range: bytes=0-0\r\nif-range: Mon, 13 Nov 2023 22:13:20 GMT\r\n".to_owned(),
        format!("range: bytes=0-0\r\nif-range: {LAST_MODIFIED}\r\n"),
    ] {
        let reply = scene.get("/data.bin", &fields).await;
        assert_eq!(
            (reply.status, reply.body.as_slice()),
            (200, &data[..]),
            "{fields}"
        );
    }
    let head = scene
        .ask("HEAD", "site.test", "/data.bin", &ranged("0-1"))
        .await;
    assert_eq!((head.status, head.header("content-length")), (200, "10"));
    assert_eq!(scene.get("/empty.bin", &ranged("0-")).await.status, 416);
    assert_eq!(
        scene.get("/empty.bin", "").await.header("content-length"),
        "0"
    );
}

#[tokio::test]
async fn encoded_forms() {
    let text = "body { color: red }\n".repeat(200);
    let scene = Scene::with(
        EdgeLimits::default(),
        &[("/index.html", b"x"), ("/a.css", text.as_bytes())],
    )
    .await;
    let before = scene.get("/a.css", "accept-encoding: br\r\n").await;
    assert_eq!(
        before.header("content-encoding"),
        "",
        "nobody has made one yet"
    );

    let variants = scene.add_variants(text.as_bytes()).await;
    let source = BlobDigest::of(text.as_bytes());
    let br = scene.get("/a.css", "accept-encoding: gzip, br\r\n").await;
    assert_eq!(br.header("content-encoding"), "br");
    assert_eq!(br.header("vary"), "accept-encoding");
    assert_eq!(br.header("etag"), format!("\"{source}-br\""));
    assert_eq!(BlobDigest::of(&br.body), variants.br.unwrap().digest);
    let gzip = scene.get("/a.css", "accept-encoding: gzip\r\n").await;
    assert_eq!(gzip.header("etag"), format!("\"{source}-gz\""));
    assert_eq!(BlobDigest::of(&gzip.body), variants.gzip.unwrap().digest);
    let plain = scene.get("/a.css", "").await;
    assert_eq!(
        (plain.header("content-encoding"), plain.text()),
        ("", text.clone())
    );
    assert_eq!(plain.header("vary"), "accept-encoding");

    let head = scene
        .ask("HEAD", "site.test", "/a.css", "accept-encoding: br\r\n")
        .await;
    assert_eq!(head.header("content-length"), br.body.len().to_string());
    assert_eq!(head.header("content-encoding"), "br");
    let tags = format!("accept-encoding: br\r\nif-none-match: \"{source}-br\"\r\n");
    assert_eq!(scene.get("/a.css", &tags).await.status, 304);
    let other = format!("accept-encoding: gzip\r\nif-none-match: \"{source}-br\"\r\n");
    assert_eq!(scene.get("/a.css", &other).await.status, 200);
    let part = scene
        .get("/a.css", "accept-encoding: br\r\nrange: bytes=0-3\r\n")
        .await;
    assert_eq!((part.status, part.text().as_str()), (206, "body"));
    assert_eq!(part.header("content-encoding"), "");
}

#[tokio::test]
async fn better_forms_take_the_place_of_those_in_memory() {
    let lines = (0..3000_u32).map(|at| format!("a{} {{ left: {}px }}\n", at % 97, at * at % 89));
    let text = lines.collect::<Vec<_>>().concat();
    let scene = Scene::with(
        EdgeLimits::default(),
        &[("/index.html", b"x"), ("/a.css", text.as_bytes())],
    )
    .await;
    let early = scene.add_variants(text.as_bytes()).await;
    for _ in 0..2 {
        let reply = scene.get("/a.css", "accept-encoding: br\r\n").await;
        assert_eq!(BlobDigest::of(&reply.body), early.br.unwrap().digest);
    }
    let best = scene.add_best_variants(text.as_bytes()).await;
    assert!(best.br.unwrap().size_bytes < early.br.unwrap().size_bytes);
    let source = BlobDigest::of(text.as_bytes());
    for _ in 0..2 {
        let reply = scene.get("/a.css", "accept-encoding: br\r\n").await;
        assert_eq!(BlobDigest::of(&reply.body), best.br.unwrap().digest);
        let reply = scene.get("/a.css", "accept-encoding: gzip, zstd\r\n").await;
        assert_eq!(reply.header("content-encoding"), "zstd");
        assert_eq!(reply.header("etag"), format!("\"{source}-zst\""));
        assert_eq!(BlobDigest::of(&reply.body), best.zstd.unwrap().digest);
    }
}

#[tokio::test]
async fn an_encoded_form_that_is_lost_is_done_without() {
    let text = "p{}\n".repeat(500);
    let scene = Scene::with(
        EdgeLimits::default(),
        &[("/index.html", b"x"), ("/a.css", text.as_bytes())],
    )
    .await;
    let lost = holm_storage::Variant {
        digest: BlobDigest::of(b"never stored"),
        size_bytes: 12,
    };
    let variants = holm_storage::Variants {
        br: Some(lost),
        ..holm_storage::Variants::default()
    };
    scene
        .variants
        .record(BlobDigest::of(text.as_bytes()), variants)
        .unwrap();
    let reply = scene.get("/a.css", "accept-encoding: br\r\n").await;
    assert_eq!((reply.status, reply.text()), (200, text));
}

#[tokio::test]
async fn a_large_file_is_streamed_in_pieces() {
    let large: Vec<u8> = (0..1_000_003_u32)
        .map(|n| n.to_le_bytes()[n as usize % 3])
        .collect();
    let scene = Scene::with(
        EdgeLimits::default(),
        &[("/index.html", b"x"), ("/large.bin", &large)],
    )
    .await;
    let reply = scene.get("/large.bin", "").await;
    assert_eq!(reply.header("content-length"), "1000003");
    assert_eq!(reply.header("eo-cache-status"), "MISS");
    assert!(reply.body == large);
    let part = scene
        .get("/large.bin", "range: bytes=300000-900000\r\n")
        .await;
    assert_eq!(part.header("content-range"), "bytes 300000-900000/1000003");
    assert!(part.body == large[300_000..=900_000]);
    let head = scene.ask("HEAD", "site.test", "/large.bin", "").await;
    assert_eq!(head.header("content-length"), "1000003");
    let sent: u64 = scene
        .records(3)
        .await
        .iter()
        .map(|record| record.sent_bytes)
        .sum();
    assert_eq!(sent, 1_000_003 + 600_001);
}

#[tokio::test]
async fn rules_of_the_site() {
    let rules = br#"{
        "redirects": [{"source": "/old/*", "destination": "/new/:splat", "statusCode": 301}],
        "headers": [
            {"source": "/*", "headers": [{"key": "X-Frame-Options", "value": "DENY"}]},
            {"source": "/about.html", "headers": [
                {"key": "Cache-Control", "value": "max-age=60"},
                {"key": "Content-Length", "value": "3"},
                {"key": "Connection", "value": "close"}
            ]}
        ],
        "caches": [{"source": "/data.bin", "cacheTtl": 0}]
    }"#;
    let mut files = crate::scene::FILES.to_vec();
    files.push(("/edgeone.json", rules));
    files.retain(|(path, _)| *path != "/404.html");
    let scene = Scene::with(EdgeLimits::default(), &files).await;

    let moved = scene.get("/old/a?b=c", "").await;
    assert_eq!(
        (moved.status, moved.header("location")),
        (301, "/new/a?b=c")
    );
    assert_eq!(moved.header("content-length"), "0");

    let about = scene.get("/about.html", "").await;
    assert_eq!(about.header("cache-control"), "max-age=60");
    assert_eq!(about.header("x-frame-options"), "DENY");
    assert_eq!(
        about.header("content-length"),
        "14",
        "framing is not a site's to set"
    );
    assert_eq!(about.header("connection"), "");

    let lost = scene.get("/nothing/here", "").await;
    assert_eq!((lost.status, lost.header("x-frame-options")), (404, "DENY"));
    for _ in 0..2 {
        assert_eq!(
            scene.get("/data.bin", "").await.header("eo-cache-status"),
            "MISS"
        );
    }
    assert_eq!(scene.get("/edgeone.json", "").await.status, 404);
}

#[tokio::test]
async fn rules_about_files_stay_off_what_is_none() {
    let rules = br#"{
        "redirects": [{"source": "/assets/old", "destination": "/new", "statusCode": 302}],
        "headers": [{"source": "/assets/*", "headers": [
            {"key": "Cache-Control", "value": "public, max-age=31536000, immutable"},
            {"key": "Content-Type", "value": "application/json"},
            {"key": "Location", "value": "/z"},
            {"key": "Vary", "value": "Cookie"}
        ]}]
    }"#;
    let files = [
        ("/index.html", &b"<title>one</title>"[..]),
        ("/assets/data.json", b"{}"),
        ("/edgeone.json", rules),
    ];
    let scene = Scene::with(EdgeLimits::default(), &files).await;
    let immutable = "public, max-age=31536000, immutable";

    let file = scene.get("/assets/data.json", "").await;
    assert_eq!(file.header("cache-control"), immutable);
    assert!(file.header("vary").contains("accept-encoding"), "{file:?}");
    assert!(file.header("vary").contains("Cookie"), "{file:?}");

    // The single page stands in for a script that is gone: a visitor must not keep that for a year.
    let gone = scene.get("/assets/gone.js", "").await;
    assert_eq!(gone.status, 200);
    assert_eq!(
        gone.header("cache-control"),
        "public, max-age=0, must-revalidate"
    );

    let moved = scene.get("/assets/old", "").await;
    assert_eq!((moved.status, moved.header("location")), (302, "/new"));
    assert_eq!(
        moved.header("cache-control"),
        "public, max-age=0, must-revalidate"
    );

    let refused = scene
        .ask("POST", "site.test", "/assets/data.json", "")
        .await;
    assert_eq!(refused.status, 405);
    assert_eq!(refused.header("cache-control"), "no-store");
    assert_eq!(refused.header("content-type"), "text/html; charset=utf-8");
}

#[tokio::test]
async fn the_sites_own_404_page() {
    let scene = Scene::usual().await;
    let lost = b"<h1>lost</h1>";
    let head = "404\ncache-control: public, max-age=0, must-revalidate\n\
        cache-status: holm; fwd=miss\ncontent-length: 13\ncontent-type: text/html; charset=utf-8\n\
        eo-cache-status: MISS\nvary: accept-encoding\n";
    let fields =
        format!("if-none-match: *\r\nrange: bytes=0-1\r\nif-modified-since: {LAST_MODIFIED}\r\n");
    check(&scene.get("/nothing", &fields).await, lost, head, lost);
    assert_eq!(
        scene.ask("POST", "site.test", "/nothing", "").await.status,
        404
    );
}

#[tokio::test]
async fn other_methods() {
    let scene = Scene::usual().await;
    for method in ["POST", "PUT", "DELETE", "PATCH", "TRACE", "FOO"] {
        let reply = scene.ask(method, "site.test", "/", "").await;
        assert_eq!(
            (reply.status, reply.header("allow")),
            (405, "GET, HEAD, OPTIONS"),
            "{method}"
        );
    }
    let options = scene.ask("OPTIONS", "site.test", "/", "").await;
    assert_eq!(
        (options.status, options.header("allow")),
        (204, "GET, HEAD, OPTIONS")
    );
    assert_eq!(scene.ask("OPTIONS", "site.test", "*", "").await.status, 204);
    assert_eq!(
        scene.ask("OPTIONS", "u@site.test", "*", "").await.status,
        400
    );
}
