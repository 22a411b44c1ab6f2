//! What a function reaches with `fetch`, and what not.

use std::net::SocketAddr;
use std::sync::Arc;

use holm_functions::{BoxFuture, EgressPolicy, OwnSite, RequestBody, SubRequest};
use holm_types::{DeploymentId, IpNetworkSet};
use http::{Request, Response, header};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;

use crate::support::{Names, Wishes, body, deployment, get, house, post};

/// A server on the loopback that tells what it was asked; `/to/N` redirects to `/to/N-1`.
async fn server() -> SocketAddr {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let served = hyper::server::conn::http1::Builder::new()
                .serve_connection(TokioIo::new(stream), service_fn(tell));
            tokio::spawn(async move { drop(served.await) });
        }
    });
    address
}

async fn tell(request: Request<Incoming>) -> Result<Response<RequestBody>, hyper::Error> {
    let path = request.uri().path().to_owned();
    if let Some(left @ 1..) = path
        .strip_prefix("/to/")
        .and_then(|left| left.parse::<u32>().ok())
    {
        let mut response = Response::new(body(""));
        *response.status_mut() = http::StatusCode::FOUND;
        let next = format!("/to/{}", left - 1);
        response
            .headers_mut()
            .insert(header::LOCATION, next.parse().unwrap());
        return Ok(response);
    }
    let seen = |name: &str| {
        let value = request.headers().get(name);
        value.map_or_else(
            || "-".to_owned(),
            |value| value.to_str().unwrap().to_owned(),
        )
    };
    let head = format!(
        "{} {path} host={} own={} agent={} holm={}",
        request.method(),
        seen("host"),
        seen("x-own"),
        seen("user-agent"),
        seen("x-holm-sub-request")
    );
    let sent = request.into_body().collect().await?.to_bytes();
    let mut response = Response::new(body(format!("{head} body={}", sent.len())));
    response
        .headers_mut()
        .insert("x-answer", http::HeaderValue::from_static("yes"));
    Ok(response)
}

fn loopback_allowed(names: &[&str]) -> Wishes {
    Wishes {
        egress: EgressPolicy {
            also: IpNetworkSet::new(&["127.0.0.0/8".parse().unwrap()]),
        },
        names: Names(
            names
                .iter()
                .map(|name| ((*name).to_owned(), [127, 0, 0, 1].into()))
                .collect(),
        ),
        ..Wishes::default()
    }
}

const FETCH: &str = "export const handlers = [async c => {
    const { url, init } = await c.request.json();
    try { const r = await fetch(url, init); r.headers.set('x-mutable', '1');
      return Response.json({ status: r.status, text: await r.text(), url: r.url, hops: r.redirectUrls.length,
        answer: r.headers.get('x-answer') }) }
    catch (e) { return Response.json({ error: e.message }) } }]";

fn asks(json: &serde_json::Value) -> holm_functions::Invocation {
    post(0, json.to_string())
}

#[tokio::test]
async fn a_request_goes_out_as_it_was_made() {
    let Some(house) = house(loopback_allowed(&["other.example"])).await else {
        return;
    };
    let port = server().await.port();
    let url = format!("http://other.example:{port}/path");
    let init = serde_json::json!({ "method": "POST", "body": "four", "headers": { "x-own": "1" } });
    let asked = asks(&serde_json::json!({ "url": url, "init": init }));
    let found: serde_json::Value =
        serde_json::from_str(&house.text(&deployment(1, FETCH), asked).await).unwrap();
    assert_eq!(
        found["text"],
        format!("POST /path host=other.example:{port} own=1 agent=- holm=- body=4")
    );
    assert_eq!(
        (&found["url"], &found["answer"]),
        (&url.into(), &"yes".into())
    );
}

#[tokio::test]
async fn redirects_are_followed_up_to_the_limit_and_checked_each() {
    let Some(house) = house(loopback_allowed(&["other.example"])).await else {
        return;
    };
    let port = server().await.port();
    let site = deployment(1, FETCH);
    let ask = async |path: &str, init: serde_json::Value| {
        let url = format!("http://other.example:{port}{path}");
        let text = house
            .text(
                &site,
                asks(&serde_json::json!({ "url": url, "init": init })),
            )
            .await;
        serde_json::from_str::<serde_json::Value>(&text).unwrap()
    };
    let twelve = ask("/to/12", serde_json::json!({})).await;
    assert_eq!(
        (&twelve["status"], &twelve["hops"]),
        (&200.into(), &12.into())
    );
    let thirteen = ask("/to/13", serde_json::json!({})).await;
    assert!(
        thirteen["error"]
            .as_str()
            .unwrap()
            .contains("more than 12 redirects")
    );
    let manual = ask("/to/3", serde_json::json!({ "redirect": "manual" })).await;
    assert_eq!(manual["status"], 302);
}

#[tokio::test]
async fn private_addresses_are_refused_by_name_and_by_number() {
    let names = Names([("inside.example".to_owned(), [10, 0, 0, 1].into())].into());
    let Some(house) = house(Wishes {
        names,
        ..Wishes::default()
    })
    .await
    else {
        return;
    };
    let site = deployment(1, FETCH);
    let port = server().await.port();
    for url in [
        format!("http://127.0.0.1:{port}/"),
        format!("http://[::ffff:127.0.0.1]:{port}/"),
        "http://169.254.169.254/latest/meta-data".to_owned(),
        "http://inside.example/".to_owned(),
        "http://localhost/".to_owned(),
    ] {
        let text = house
            .text(&site, asks(&serde_json::json!({ "url": url })))
            .await;
        assert!(text.contains("not public"), "{url}: {text}");
    }
    let counters = house.functions.counters();
    assert_eq!(
        (counters.sub_requests, counters.sub_requests_refused),
        (5, 5)
    );
}

#[tokio::test]
async fn an_invocation_has_so_many_sub_requests() {
    let Some(house) = house(loopback_allowed(&["other.example"])).await else {
        return;
    };
    let port = server().await.port();
    let site = deployment(
        1,
        &format!(
            "export const handlers = [async () => {{
                const all = Array.from({{ length: 70 }}, () => fetch('http://other.example:{port}/').then(r => r.text()));
                const done = await Promise.allSettled(all);
                return new Response(done.filter(d => d.status === 'fulfilled').length + ' '
                    + done.find(d => d.status === 'rejected').reason.message); }}]"
        ),
    );
    let text = house.text(&site, get(0)).await;
    assert_eq!(text, "64 an invocation may make 64 sub-requests");
}

#[derive(Debug)]
struct Own;

impl OwnSite for Own {
    fn is_own(&self, _deployment: DeploymentId, host: &str) -> bool {
        host == "site.example"
    }

    fn answer(
        &self,
        deployment: DeploymentId,
        request: SubRequest,
    ) -> BoxFuture<'_, Result<Response<RequestBody>, String>> {
        let said = format!("own {} {} {deployment}", request.method, request.url);
        Box::pin(std::future::ready(Ok(Response::new(body(said)))))
    }
}

#[tokio::test]
async fn the_own_site_is_asked_within_holm() {
    let wishes = Wishes {
        own_site: Some(Arc::new(Own)),
        ..Wishes::default()
    };
    let Some(house) = house(wishes).await else {
        return;
    };
    let site = deployment(
        1,
        "export const handlers = [c => c.next(), () => fetch('https://site.example/a.css'), c => fetch(c.request)]",
    );
    let own = |path: &str| format!("own GET https://site.example/{path} {}", site.id);
    assert_eq!(house.text(&site, get(0)).await, own("path?q=1"));
    assert_eq!(house.text(&site, get(1)).await, own("a.css"));
    assert_eq!(house.text(&site, get(2)).await, own("path?q=1"));
}
