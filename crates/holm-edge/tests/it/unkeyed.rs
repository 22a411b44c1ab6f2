//! What one visitor sends never changes what another is shown (S-14, S-15): no header field that an answer
//! does not name in `Vary` has a part in it, and nothing of a visitor's is kept for the next.

use holm_edge::EdgeLimits;

use crate::client::Reply;
use crate::scene::Scene;

const PROJECT_FILE: &[u8] = br#"{
  "redirects": [{ "source": "/old/*", "destination": "/new/:splat", "statusCode": 301 }],
  "rewrites": [{ "source": "/alias", "destination": "/about.html" }],
  "headers": [{ "source": "/*", "headers": [{ "key": "X-Site", "value": "yes" }] }],
  "trailingSlash": false
}"#;

const FILES: &[crate::scene::File<'static>] = &[
    ("/index.html", b"<h1>home</h1>"),
    ("/404.html", b"<h1>lost</h1>"),
    ("/about.html", b"<h1>about</h1>"),
    ("/account/index.html", b"<h1>account</h1>"),
    ("/assets/app.1a2b3c4d.js", b"console.log(1)"),
    ("/edgeone.json", PROJECT_FILE),
];

/// Fields by which caches in front of other servers were poisoned.
const UNKEYED: &[&str] = &[
    "x-forwarded-host: evil.test",
    "x-forwarded-scheme: nothttps",
    "x-forwarded-proto: https",
    "x-forwarded-port: 1",
    "x-forwarded-prefix: /evil",
    "x-forwarded-for: 203.0.113.9",
    "forwarded: host=evil.test;proto=https",
    "x-host: evil.test",
    "x-original-host: evil.test",
    "x-original-url: /about",
    "x-rewrite-url: /about",
    "x-override-url: /about",
    "x-http-method-override: DELETE",
    "x-method-override: POST",
    "rsc: 1",
    "next-router-prefetch: 1",
    "next-router-state-tree: %5B%22%22%5D",
    "next-router-segment-prefetch: /x",
    "next-url: /evil",
    "x-now-route-matches: 1=x",
    "x-invoke-status: 500",
    "x-invoke-path: /about",
    "x-invoke-error: x",
    "x-matched-path: /about",
    "x-middleware-subrequest: middleware:middleware",
    "x-middleware-prefetch: 1",
    "x-nextjs-data: 1",
    "x-prerender-revalidate: 1",
    "x-vercel-id: x",
    "purpose: prefetch",
    "sec-fetch-dest: script",
    "cookie: session=secret; eo_token=x; eo_time=1; holm_pass=1.x",
    "authorization: Bearer secret",
    "origin: https://evil.test",
    "referer: https://evil.test/",
    "user-agent: evil",
    "accept-language: xx",
    "cache-control: no-cache, no-store",
    "pragma: akamai-x-cache-on",
    "cdn-loop: x",
    "via: 1.1 evil",
    "eo-cache-status: HIT",
    "x-holm-anything: x",
    "upgrade-insecure-requests: 1",
    "te: trailers",
    "max-forwards: 0",
    "content-type: text/html",
];

const PATHS: &[&str] = &[
    "/",
    "/about",
    "/about/",
    "/alias",
    "/old/x?y=1",
    "/assets/app.1a2b3c4d.js",
    "/none",
    "/account/none.css",
];

fn seen(reply: &Reply) -> (String, Vec<u8>) {
    // Whether the file was in memory already is what an earlier request changes, and says nothing else.
    let head = reply
        .head()
        .lines()
        .filter(|line| !line.contains("cache-status"))
        .collect();
    (head, reply.body.clone())
}

#[tokio::test(flavor = "multi_thread")]
async fn no_field_that_is_not_named_changes_an_answer() {
    let scene = Scene::with(EdgeLimits::default(), FILES).await;
    for path in PATHS {
        let plain = seen(&scene.get(path, "").await);
        for field in UNKEYED {
            let poisoned = scene.get(path, &format!("{field}\r\n")).await;
            assert_eq!(seen(&poisoned), plain, "{path} with {field}");
        }
        let all = UNKEYED.join("\r\n") + "\r\n";
        assert_eq!(seen(&scene.get(path, &all).await), plain, "{path} with all");
        assert_eq!(seen(&scene.get(path, "").await), plain, "{path} afterwards");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_get_with_a_body_and_an_odd_host_say_nothing_new() {
    let scene = Scene::with(EdgeLimits::default(), FILES).await;
    let plain = seen(&scene.get("/about", "").await);
    let mut client = scene.connect().await;
    client
        .send("GET /about HTTP/1.1\r\nhost: site.test\r\ncontent-length: 9\r\n\r\n/evil?x=1")
        .await;
    assert_eq!(seen(&client.reply().await), plain);
    for host in ["SITE.test", "site.test:8088", "site.test."] {
        assert_eq!(
            seen(&scene.ask("GET", host, "/about", "").await),
            plain,
            "{host}"
        );
    }
    assert_eq!(seen(&scene.get("/about", "").await), plain);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_short_answer_to_one_is_not_kept_for_the_next() {
    let scene = Scene::with(EdgeLimits::default(), FILES).await;
    for path in PATHS {
        let plain = seen(&scene.get(path, "").await);
        for (method, fields) in [
            ("GET", "if-none-match: *\r\n"),
            (
                "GET",
                "if-modified-since: Fri, 01 Jan 2100 00:00:00 GMT\r\n",
            ),
            ("GET", "range: bytes=0-1\r\n"),
            ("GET", "range: bytes=9999-\r\n"),
            ("GET", "if-match: \"none\"\r\n"),
            ("GET", "accept: application/json\r\n"),
            ("HEAD", ""),
            ("OPTIONS", ""),
            ("POST", "content-length: 0\r\n"),
        ] {
            scene.ask(method, "site.test", path, fields).await;
            let next = seen(&scene.get(path, "").await);
            assert_eq!(next, plain, "{path} after {method} {fields}");
        }
    }
}

/// What is kept in memory is kept by its content: neither queries, nor paths, nor hosts make it be read
/// from the store again, or take room twice (S-47).
#[tokio::test(flavor = "multi_thread")]
async fn many_names_for_one_file_are_read_once() {
    let scene = Scene::with(EdgeLimits::default(), FILES).await;
    let document = scene.deploy(FILES).await;
    let hosts = (0..20).map(|n| crate::scene::Host::site(&format!("h{n}.test"), document));
    scene.publish(2, hosts.collect()).await;
    for n in 0..100 {
        let host = format!("h{}.test", n % 20);
        for path in ["/about", "/about.html", "/alias", "/%61bout"] {
            let path = format!("{path}?{n}=x");
            let reply = scene.ask("GET", &host, &path, "").await;
            assert_eq!(reply.status, 200, "{host}{path}");
        }
    }
    let records = scene.records(400).await;
    let reads = records
        .iter()
        .filter(|record| record.cache != holm_telemetry::CacheStatus::Hit);
    assert_eq!(reads.count(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_asked_for_under_the_name_of_a_file_is_not_kept_as_one() {
    let scene = Scene::with(EdgeLimits::default(), FILES).await;
    for path in [
        "/account/x.css",
        "/account/a.1a2b3c4d.js",
        "/account;x.css",
        "/account%2Fx.css",
    ] {
        let reply = scene.get(path, "cookie: session=secret\r\n").await;
        assert_eq!(reply.status, 404, "{path}");
        let kept = reply.header("cache-control");
        assert!(
            kept.contains("max-age=0, must-revalidate"),
            "{path}: {kept}"
        );
        assert!(!reply.text().contains("account"), "{path}");
    }
}
