//! The pages of Holm's own.

use holm_edge::EdgeLimits;
use holm_types::VisitorCode;

use crate::scene::{Host, Scene};

#[tokio::test]
async fn an_unknown_host_is_not_found() {
    let scene = Scene::usual().await;
    let reply = scene.ask("GET", "other.test", "/", "").await;
    assert_eq!(reply.status, 404);
    assert_eq!(
        reply.header("cache-control"),
        "public, max-age=0, must-revalidate"
    );
    assert_eq!(reply.header("vary"), "accept");
    assert_eq!(reply.header("content-type"), "text/html; charset=utf-8");
    let id = reply.header("eo-log-uuid");
    assert!(reply.text().contains(&format!("Request id: {id}")));
    assert!(reply.text().contains("404: NOT_FOUND</h1>"));
    let dressed = scene
        .ask("GET", "other.test", "/", "accept: text/html\r\n")
        .await;
    assert!(dressed.text().contains("404: NOT_FOUND</h1>"));
    assert!(dressed.text().contains("<style>"), "{}", dressed.text());

    let head = scene.ask("HEAD", "other.test", "/", "").await;
    assert_eq!(head.status, 404);
    assert_eq!(
        head.header("content-length").len(),
        reply.body.len().to_string().len()
    );
}

#[tokio::test]
async fn programs_get_json() {
    let scene = Scene::usual().await;
    let reply = scene
        .ask("GET", "other.test", "/", "accept: application/json\r\n")
        .await;
    assert_eq!(reply.header("content-type"), "application/problem+json");
    let id = reply.header("eo-log-uuid");
    assert!(
        reply.text().contains(&format!("\"request_id\":\"{id}\"")),
        "{}",
        reply.text()
    );
    assert!(reply.text().contains("\"code\":\"NOT_FOUND\""));
}

#[tokio::test]
async fn gates_show_their_page_on_every_path() {
    let scene = Scene::empty(EdgeLimits::default());
    let codes = [
        (VisitorCode::Unauthorized, 401),
        (VisitorCode::Deleted, 410),
        (VisitorCode::Deploying, 423),
        (VisitorCode::Failed, 424),
        (VisitorCode::Unavailable, 451),
    ];
    let host = |code: VisitorCode| format!("g{}.test", code.status());
    let hosts = codes
        .iter()
        .map(|(code, _)| Host::gate(&host(*code), *code));
    scene.publish(1, hosts.collect()).await;
    for (code, status) in codes {
        for (method, path) in [("GET", "/"), ("GET", "/a/b?c"), ("POST", "/")] {
            let reply = scene.ask(method, &host(code), path, "").await;
            assert_eq!(reply.status, status);
            assert_eq!(reply.header("cache-control"), "no-store");
            assert!(reply.text().contains(code.word()), "{}", reply.text());
            let has_message = !reply.header("x-eop-msg").is_empty();
            assert_eq!(has_message, status == 401);
        }
    }
}

#[tokio::test]
async fn previews_stay_out_of_search_engines() {
    let scene = Scene::usual().await;
    let document = scene.deploy(crate::scene::FILES).await;
    let preview = Host::site("p.test", document).preview();
    scene
        .publish(2, vec![Host::site("site.test", document), preview])
        .await;
    let robots = |reply: crate::client::Reply| reply.header("x-robots-tag").to_owned();
    assert_eq!(robots(scene.ask("GET", "p.test", "/", "").await), "noindex");
    assert_eq!(
        robots(scene.ask("GET", "p.test", "/nothing", "").await),
        "noindex"
    );
    assert_eq!(robots(scene.get("/", "").await), "");
}

/// The address of a preview is for those who were given it (S-37).
#[tokio::test]
async fn previews_tell_other_sites_nothing_of_their_address() {
    let scene = Scene::usual().await;
    let rules = br#"{"headers":[{"source":"/about","headers":[
        {"key":"Referrer-Policy","value":"origin"}]}]}"#;
    let files = [crate::scene::FILES, &[("/edgeone.json", rules)]].concat();
    let document = scene.deploy(&files).await;
    let preview = Host::site("p.test", document).preview();
    scene
        .publish(2, vec![Host::site("site.test", document), preview])
        .await;
    for (host, path, want) in [
        ("p.test", "/", "same-origin"),
        ("p.test", "/nothing", "same-origin"),
        ("p.test", "/about", "origin"),
        ("site.test", "/", ""),
    ] {
        let reply = scene.ask("GET", host, path, "").await;
        assert_eq!(reply.header("referrer-policy"), want, "{host}{path}");
    }
}

#[tokio::test]
async fn a_missing_document_is_our_fault_and_says_why_in_the_record() {
    let scene = Scene::usual().await;
    let lost = holm_types::BlobDigest::of(b"never stored");
    scene.publish(2, vec![Host::site("site.test", lost)]).await;
    let reply = scene.get("/", "").await;
    assert_eq!(reply.status, 500);
    assert!(
        !reply.text().contains(&lost.to_string()),
        "the visitor is not told"
    );
    let record = scene.records(1).await.remove(0);
    assert_eq!(record.fault, Some(holm_telemetry::FaultSource::Platform));
    assert!(record.reason.unwrap().contains(&lost.to_string()));
    assert_eq!(&*record.host, "site.test");
}
