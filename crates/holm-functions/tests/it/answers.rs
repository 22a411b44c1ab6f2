//! What a function is given and what comes back.

use std::time::Duration;

use http::{HeaderValue, Method};
use http_body_util::BodyExt;

use crate::support::{Wishes, body, deployment, get, house, post};

#[tokio::test]
async fn hello() {
    let Some(house) = house(Wishes::default()).await else {
        return;
    };
    let site = deployment(1, "export const handlers = [() => new Response('hello')]");
    let response = house.ask(&site, get(0)).await.unwrap();
    assert_eq!(response.status(), 200);
    assert_eq!(
        response.headers()["content-type"],
        "text/plain;charset=UTF-8"
    );
    assert_eq!(response.body(), "hello");
    let counters = house.functions.counters();
    assert_eq!(
        (counters.invocations, counters.started, counters.running),
        (1, 1, 1)
    );
}

#[tokio::test]
async fn the_context() {
    let Some(house) = house(Wishes::default()).await else {
        return;
    };
    let site = deployment(
        1,
        "export const handlers = [async c => Response.json({
            url: c.request.url, method: c.request.method, params: c.params, env: c.env.GREETING,
            ip: c.clientIp, city: c.geo.cityName, eo: c.request.eo.uuid, cf: c.request.cf === c.request.eo,
            cookie: c.request.headers.get('cookie'), forged: c.request.headers.get('x-holm-call'),
            deno: typeof Deno, worker: typeof Worker, process: typeof process,
            mutable: (c.request.headers.delete('cookie'), c.request.headers.get('cookie')),
        })]",
    );
    let mut invocation = get(0);
    invocation.params_json = Some(r#"{"id":"2%20a","rest":["ü","b"]}"#.to_owned());
    invocation
        .headers
        .insert("cookie", HeaderValue::from_static("a=b"));
    invocation.headers.insert(
        "x-holm-call",
        HeaderValue::from_static(r#"{"id":"forged","url":"https://forged.example/","route":0}"#),
    );
    let text = house.text(&site, invocation).await;
    let found: serde_json::Value = serde_json::from_str(&text).unwrap();
    let want = serde_json::json!({
        "url": "https://site.example/path?q=1", "method": "GET",
        "params": { "id": "2%20a", "rest": ["ü", "b"] }, "env": "grüße \u{1F600}",
        "ip": "192.0.2.7", "city": "Köln", "eo": "inv_test", "cf": true,
        "cookie": "a=b", "forged": null,
        "deno": "undefined", "worker": "undefined", "process": "undefined", "mutable": null,
    });
    assert_eq!(found, want);
}

#[tokio::test]
async fn handlers_by_method_and_headers_that_come_twice() {
    let Some(house) = house(Wishes::default()).await else {
        return;
    };
    let site = deployment(
        1,
        "const r = new Response(null, { status: 204 });
         r.headers.append('set-cookie', 'a=1'); r.headers.append('set-cookie', 'b=2');
         export const handlers = [{ GET: () => r.clone(), ANY: c => new Response(c.request.method) }]",
    );
    let response = house.ask(&site, get(0)).await.unwrap();
    assert_eq!(response.status(), 204);
    let cookies: Vec<_> = response.headers().get_all("set-cookie").iter().collect();
    assert_eq!(cookies, ["a=1", "b=2"]);
    let mut put = post(0, "x");
    put.method = Method::PUT;
    assert_eq!(house.text(&site, put).await, "PUT");
}

#[tokio::test]
async fn an_answer_streams() {
    let Some(house) = house(Wishes::default()).await else {
        return;
    };
    // The second piece comes only after the test has asked for it, so the first is not held back.
    let site = deployment(
        1,
        "let go; const gate = new Promise(r => go = r);
         export const handlers = [() => {
            const { readable, writable } = new TransformStream();
            (async () => { const w = writable.getWriter(), e = new TextEncoder();
              await w.write(e.encode('one')); await gate; await w.write(e.encode('two')); await w.close(); })();
            return new Response(readable);
         }, () => { go(); return new Response('open'); }]",
    );
    let response = house.functions.invoke(&site, get(0)).await.unwrap();
    let mut body = response.into_body();
    let first = tokio::time::timeout(Duration::from_secs(5), body.frame()).await;
    let first = first.unwrap().unwrap().unwrap().into_data().unwrap();
    assert_eq!(first, "one");
    assert_eq!(house.text(&site, get(1)).await, "open");
    assert_eq!(body.collect().await.unwrap().to_bytes(), "two");
    assert_eq!(house.functions.counters().in_flight, 0);
}

#[tokio::test]
async fn a_request_streams() {
    let Some(house) = house(Wishes::default()).await else {
        return;
    };
    let site = deployment(
        1,
        "export const handlers = [c => new Response(c.request.body), async c => {
            try { return new Response(await c.request.text()) } catch (e) { return new Response(e.name) }
         }]",
    );
    let large = "0123456789".repeat(300_000);
    assert_eq!(house.text(&site, post(0, large.clone())).await, large);
    let fits = "x".repeat(1_000_000);
    assert_eq!(house.text(&site, post(1, fits.clone())).await, fits);
    assert_eq!(house.text(&site, post(1, fits + "x")).await, "OverSize");
    let (sender, receiver) = tokio::sync::mpsc::channel::<&'static str>(1);
    let pieces = futures_util::stream::unfold(receiver, |mut receiver| async {
        let piece = receiver.recv().await?;
        let frame = http_body::Frame::data(bytes::Bytes::from(piece));
        Some((Ok(frame), receiver))
    });
    let mut invocation = post(0, "");
    invocation.body = http_body_util::StreamBody::new(pieces).boxed_unsync();
    let functions = house.functions.clone();
    let asked = tokio::spawn(async move { functions.invoke(&site, invocation).await });
    sender.send("up").await.unwrap();
    let mut body = asked.await.unwrap().unwrap().into_body();
    let echoed = body.frame().await.unwrap().unwrap().into_data().unwrap();
    assert_eq!(echoed, "up");
    drop(sender);
    assert!(body.collect().await.unwrap().to_bytes().is_empty());
}

#[tokio::test]
async fn what_is_thrown_is_told_with_its_line() {
    let Some(house) = house(Wishes::default()).await else {
        return;
    };
    let site = deployment(
        1,
        "export const handlers = [\n() => { throw new TypeError('oh no') },\nasync () => { throw 'text' },\n() => 7,\n]",
    );
    let threw = house.failure(&site, get(0)).await;
    assert_eq!(threw.kind(), "threw");
    assert_eq!(threw.to_string(), "the function threw: TypeError: oh no");
    let holm_functions::InvocationFailure::Threw { stack, .. } = threw else {
        panic!("it threw");
    };
    assert!(stack.unwrap().contains("bundle.js:2:"));
    assert!(
        house
            .failure(&site, get(1))
            .await
            .to_string()
            .contains("text")
    );
    let other = house.failure(&site, get(2)).await.to_string();
    assert!(other.contains("not a Response"), "{other}");
    assert!(
        house
            .failure(&site, get(9))
            .await
            .to_string()
            .contains("no handler 9")
    );
    assert_eq!(house.functions.counters().started, 1);
}

#[tokio::test]
async fn console_lines_belong_to_their_invocation_and_end_at_the_limit() {
    let Some(house) = house(Wishes::default()).await else {
        return;
    };
    let site = deployment(
        1,
        "export const handlers = [async () => {
            for (let i = 0; i < 30; i++) { console.log('line', i, { a: 1 }); await null; }
            return new Response('done');
         }]",
    );
    assert_eq!(house.text(&site, get(0)).await, "done");
    crate::support::until("lines arrive", || house.lines.all().len() == 20).await;
    let mut again = get(0);
    again.caller.uuid = "inv_other".to_owned();
    house.text(&site, again).await;
    crate::support::until("more lines arrive", || house.lines.all().len() == 40).await;
    let lines = house.lines.all();
    assert_eq!(lines[0].0, site.id);
    assert_eq!(lines[0].1.text, "line 0 { a: 1 }");
    assert_eq!(lines[19].1.invocation.as_deref(), Some("inv_test"));
    assert_eq!(lines[20].1.invocation.as_deref(), Some("inv_other"));
}

#[tokio::test]
async fn a_script_that_listens_is_a_bundle() {
    let Some(house) = house(Wishes::default()).await else {
        return;
    };
    let site = deployment(
        1,
        "addEventListener('fetch', e => e.respondWith(new Response('heard ' + e.request.method)))",
    );
    assert_eq!(house.text(&site, post(0, "")).await, "heard POST");
}

#[tokio::test]
async fn nothing_is_compressed_on_the_way() {
    let Some(house) = house(Wishes::default()).await else {
        return;
    };
    let site = deployment(
        1,
        "export const handlers = [c => new Response('x'.repeat(9000), {
            headers: { 'x-seen': c.request.headers.get('accept-encoding') } })]",
    );
    let mut invocation = get(0);
    invocation
        .headers
        .insert("accept-encoding", HeaderValue::from_static("gzip, br"));
    invocation.body = body("");
    let response = house.ask(&site, invocation).await.unwrap();
    assert_eq!(response.headers()["x-seen"], "gzip, br");
    assert!(!response.headers().contains_key("content-encoding"));
    assert_eq!(response.body().len(), 9000);
}
