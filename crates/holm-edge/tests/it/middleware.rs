//! A middleware before files and functions, by the real engine.

use holm_telemetry::{FaultSource, ServedBy};

use crate::function_scene::{FunctionScene, Project};
use crate::scene::FILES;

/// What `next`, `rewrite` and `redirect` of the middleware's context come to, in the fields that say it.
const MIDDLEWARE: &str = "c => {
    const url = new URL(c.request.url);
    const say = (headers) => new Response(null, { headers });
    switch (url.searchParams.get('do')) {
        case 'next': {
            const fields = encodeURIComponent(JSON.stringify({ 'x-new': 'ü', cookie: null }));
            const answer = say({ 'x-middleware-next': '1', 'x-middleware-request-headers': fields, 'x-seen': 'yes' });
            answer.headers.append('set-cookie', 'm=1');
            answer.headers.append('set-cookie', 'm=2');
            return answer;
        }
        case 'rewrite': return say({ 'x-middleware-rewrite': new URL('/told?changed=1', url).href });
        case 'file': return say({ 'x-middleware-rewrite': '/about', 'x-middleware-next': '1', 'x-seen': 'yes' });
        case 'redirect': return Response.redirect(new URL('/login', url), 307);
        case 'answer': return new Response('no entry', { status: 403, headers: { 'x-why': 'because' } });
        case 'throw': throw new Error('broken');
        case 'nonsense': return say({ 'x-middleware-rewrite': 'http://[', 'x-middleware-next': '1' });
        case 'private': return say({ 'x-middleware-rewrite': 'http://127.0.0.1:1/secret' });
        default: return say({ 'x-middleware-next': '1' });
    }
}";

const TOLD: &str = "async c => Response.json({
    url: c.request.url, cookie: c.request.headers.get('cookie'), fresh: c.request.headers.get('x-new'),
    body: await c.request.text(),
})";

async fn scene() -> Option<FunctionScene> {
    FunctionScene::of(Project {
        files: FILES,
        functions: &[("/told", &[], TOLD)],
        middleware: Some((&[], MIDDLEWARE)),
    })
    .await
}

#[tokio::test]
async fn it_lets_requests_go_on_and_changes_them() {
    let Some(scene) = scene().await else { return };
    assert_eq!(scene.get("/", "").await.text(), "<h1>home</h1>");
    let reply = scene.get("/?do=next", "").await;
    assert_eq!(reply.text(), "<h1>home</h1>");
    assert_eq!(reply.header("x-seen"), "yes");
    assert_eq!(reply.header("set-cookie"), "m=1\nm=2");
    assert!(
        reply
            .headers
            .keys()
            .all(|name| !name.starts_with("x-middleware"))
    );
    let records = scene.records(2).await;
    assert_eq!(records[1].served_by, ServedBy::Asset);
    let reply = scene.get("/told?do=next", "cookie: a=b\r\n").await;
    let told: serde_json::Value = serde_json::from_str(&reply.text()).unwrap();
    let want = serde_json::json!({
        "url": "http://site.test/told?do=next", "cookie": null, "fresh": "ü", "body": "",
    });
    assert_eq!(told, want);
    assert_eq!(reply.header("x-seen"), "yes");
    assert_eq!(scene.get("/lost?do=next", "").await.status, 404);
}

#[tokio::test]
async fn it_sends_them_elsewhere() {
    let Some(scene) = scene().await else { return };
    let reply = scene.get("/x?do=file", "").await;
    assert_eq!(reply.text(), "<h1>about</h1>");
    assert_eq!(reply.header("x-seen"), "yes");
    let mut client = scene.connect().await;
    client
        .send("POST /x?do=rewrite HTTP/1.1\r\nhost: site.test\r\ncontent-length: 4\r\n\r\nbody")
        .await;
    let told: serde_json::Value = serde_json::from_str(&client.reply().await.text()).unwrap();
    assert_eq!(told["url"], "http://site.test/told?changed=1");
    assert_eq!(told["body"], "body");
    let reply = scene.get("/x?do=redirect", "").await;
    assert_eq!(
        (reply.status, reply.header("location")),
        (307, "http://site.test/login")
    );
    let reply = scene.get("/?do=answer", "").await;
    assert_eq!((reply.status, &*reply.text()), (403, "no entry"));
    assert_eq!(reply.header("x-why"), "because");
}

#[tokio::test]
async fn it_guards_also_when_it_fails() {
    let Some(scene) = scene().await else { return };
    for what in ["throw", "nonsense", "private"] {
        let reply = scene.get(&format!("/?do={what}"), "").await;
        assert_eq!(reply.status, 545, "{what}");
        assert!(!reply.text().contains("home"));
        let record = scene.records(1).await.remove(0);
        assert_eq!(record.fault, Some(FaultSource::Site), "{what}");
        assert!(record.reason.is_some(), "{what}");
    }
    // What a visitor says in its words is not believed.
    let forged = "x-middleware-next: 1\r\nx-middleware-rewrite: /about\r\n";
    assert_eq!(scene.get("/?do=answer", forged).await.status, 403);
}

#[tokio::test]
async fn redirects_come_first_and_rules_of_headers_last() {
    let rules = br#"{
        "redirects": [{"source": "/old", "destination": "/new", "statusCode": 301}],
        "headers": [{"source": "/*", "headers": [{"key": "x-rule", "value": "1"}]}]
    }"#;
    let Some(scene) = FunctionScene::of(Project {
        files: &[("/index.html", b"home"), ("/edgeone.json", rules)],
        functions: &[("/hello", &[], "() => new Response('hello')")],
        middleware: Some((
            &["^/guarded", "^/old"],
            "() => new Response('no', { status: 403 })",
        )),
    })
    .await
    else {
        return;
    };
    let reply = scene.get("/old", "").await;
    assert_eq!((reply.status, reply.header("location")), (301, "/new"));
    let reply = scene.get("/guarded", "").await;
    assert_eq!((reply.status, reply.header("x-rule")), (403, "1"));
    let reply = scene.get("/hello", "").await;
    assert_eq!((&*reply.text(), reply.header("x-rule")), ("hello", "1"));
    assert_eq!(scene.get("/", "").await.text(), "home");
}
