//! Functions asked by visitors, on real sockets and by the real engine.

use holm_telemetry::{SendOutcome, ServedBy};

use crate::function_scene::{FunctionScene, Project};
use crate::scene::{FILES, Host};

#[tokio::test]
async fn a_function_answers_and_files_do_where_there_are_some() {
    let Some(scene) = FunctionScene::of(Project {
        files: FILES,
        functions: &[
            (
                "/hello",
                &[],
                "() => new Response('hello', { headers: { 'x-a': '1' } })",
            ),
            ("/about", &[], "() => new Response('never')"),
        ],
        ..Project::default()
    })
    .await
    else {
        return;
    };
    let reply = scene.get("/hello", "").await;
    assert_eq!((reply.status, &*reply.text()), (200, "hello"));
    assert_eq!(reply.header("x-a"), "1");
    assert_eq!(reply.header("content-length"), "5");
    let record = scene.records(1).await.remove(0);
    assert_eq!(record.served_by, ServedBy::Function);
    assert_eq!((record.status, record.sent_bytes), (200, 5));
    assert_eq!((record.fault, record.reason), (None, None));
    assert_eq!(record.outcome, SendOutcome::Sent);
    assert!(record.deployment_id.is_some());
    assert_eq!(record.request_id.to_string(), reply.header("eo-log-uuid"));
    assert_eq!(scene.get("/about", "").await.text(), "<h1>about</h1>");
    assert_eq!(scene.get("/", "").await.text(), "<h1>home</h1>");
    assert_eq!(scene.get("/none", "").await.status, 404);
}

#[tokio::test]
async fn what_it_is_told() {
    let Some(scene) = FunctionScene::of(Project {
        functions: &[(
            "/users/[id]/[[rest]]",
            &[],
            "c => Response.json({
                url: c.request.url, params: c.params, env: c.env.GREETING, uuid: c.eo.uuid,
                ip: c.clientIp, headers: [...c.request.headers.keys()].sort(),
                cookie: c.request.headers.get('cookie'),
            })",
        )],
        ..Project::default()
    })
    .await
    else {
        return;
    };
    let fields = "cookie: a=b\r\nx-holm-call: {}\r\neo-connecting-ip: 1.1.1.1\r\nx-private: 1\r\n\
                  connection: x-private\r\nx-forwarded-for: 203.0.113.9\r\n";
    let reply = scene.get("/users/2%20a/b/%C3%BC?q=1&q=2", fields).await;
    let told: serde_json::Value = serde_json::from_str(&reply.text()).unwrap();
    let want = serde_json::json!({
        "url": "http://site.test/users/2%20a/b/%C3%BC?q=1&q=2",
        "params": { "id": "2%20a", "rest": ["b", "%C3%BC"] },
        "env": "grüße", "uuid": reply.header("eo-log-uuid"), "ip": "203.0.113.9",
        "headers": ["cookie", "host", "x-forwarded-for"], "cookie": "a=b",
    });
    assert_eq!(told, want);
}

#[tokio::test]
async fn methods_and_head() {
    let Some(scene) = FunctionScene::of(Project {
        files: FILES,
        functions: &[
            (
                "/it",
                &["onRequestGet"],
                "{ GET: () => new Response('get') }",
            ),
            (
                "/all",
                &[],
                "c => new Response(c.request.method, { headers: { 'content-length': '3' } })",
            ),
            (
                "/about",
                &["onRequestPost"],
                "{ POST: async c => new Response('posted ' + await c.request.text()) }",
            ),
        ],
        ..Project::default()
    })
    .await
    else {
        return;
    };
    let ask = |method: &'static str, path: &'static str| scene.ask(method, "site.test", path, "");
    assert_eq!(ask("GET", "/it").await.text(), "get");
    // No 405: another method is for the files, and there is none.
    assert_eq!(ask("DELETE", "/it").await.status, 404);
    assert_eq!(ask("HEAD", "/it").await.status, 404);
    let head = ask("HEAD", "/all").await;
    assert_eq!((head.status, &*head.body), (200, &b""[..]));
    assert_eq!(ask("PUT", "/all").await.text(), "PUT");
    let fields = "content-length: 4\r\n\r\nbody";
    let mut client = scene.connect().await;
    client
        .send(format!(
            "POST /about HTTP/1.1\r\nhost: site.test\r\n{fields}"
        ))
        .await;
    assert_eq!(client.reply().await.text(), "posted body");
    client
        .send("GET /about HTTP/1.1\r\nhost: site.test\r\n\r\n")
        .await;
    assert_eq!(client.reply().await.text(), "<h1>about</h1>");
    // A file says itself which methods it takes, and its connection goes on.
    client
        .send("PUT / HTTP/1.1\r\nhost: site.test\r\ncontent-length: 2\r\n\r\nxx")
        .await;
    assert_eq!(client.reply().await.status, 405);
    client
        .send("GET /it HTTP/1.1\r\nhost: site.test\r\n\r\n")
        .await;
    assert_eq!(client.reply().await.text(), "get");
}

#[tokio::test]
async fn a_client_that_asks_first_is_told_to_send_and_what_is_not_read_ends_the_connection() {
    let Some(scene) = FunctionScene::of(Project {
        functions: &[
            (
                "/read",
                &[],
                "async c => new Response(await c.request.text())",
            ),
            ("/no", &[], "() => new Response('no', { status: 403 })"),
        ],
        ..Project::default()
    })
    .await
    else {
        return;
    };
    let head = "HTTP/1.1\r\nhost: site.test\r\nexpect: 100-continue\r\ncontent-length: 4\r\n\r\n";
    let mut client = scene.connect().await;
    client.send(format!("POST /read {head}")).await;
    client.read_past("HTTP/1.1 100 Continue\r\n\r\n").await;
    client.send("body").await;
    assert_eq!(client.reply().await.text(), "body");
    let mut client = scene.connect().await;
    client
        .send("POST /no HTTP/1.1\r\nhost: site.test\r\ncontent-length: 1000000\r\n\r\nbegun")
        .await;
    let reply = client.reply().await;
    assert_eq!((reply.status, reply.header("connection")), (403, "close"));
    assert!(client.rest().await.is_empty());
}

#[tokio::test]
async fn bodies_stream_both_ways() {
    let Some(scene) = FunctionScene::of(Project {
        functions: &[
            ("/echo", &[], "c => new Response(c.request.body)"),
            (
                "/drip",
                &[],
                "() => new Response(new ReadableStream({ async pull(it) {
                    it.enqueue(new TextEncoder().encode('tick;'));
                    await new Promise(() => {});
                } }))",
            ),
        ],
        ..Project::default()
    })
    .await
    else {
        return;
    };
    // Each piece comes back before the next is sent: nothing on the way gathers them.
    let mut client = scene.connect().await;
    client
        .send("POST /echo HTTP/1.1\r\nhost: site.test\r\ntransfer-encoding: chunked\r\n\r\n3\r\none\r\n")
        .await;
    client.read_past("3\r\none\r\n").await;
    client.send("3\r\ntwo\r\n").await;
    client.read_past("3\r\ntwo\r\n").await;
    client.send("0\r\n\r\n").await;
    client.read_past("0\r\n\r\n").await;
    // The first bytes of an answer that never ends.
    let mut drip = scene.connect().await;
    drip.send("GET /drip HTTP/1.1\r\nhost: site.test\r\n\r\n")
        .await;
    drip.read_past("tick;").await;
    assert_eq!(scene.counts().in_flight, 1);
    drop(drip);
}

#[tokio::test]
async fn its_own_site_is_files_and_never_code() {
    let Some(scene) = FunctionScene::of(Project {
        files: &[
            ("/index.html", b"<h1>home</h1>"),
            ("/404.html", b"<h1>lost</h1>"),
            ("/data.json", b"{\"n\":1}"),
            ("/edgeone.json", br#"{"redirects":[{"source":"/old","destination":"/data.json","statusCode":301}]}"#),
        ],
        functions: &[
            ("/own", &[], "async c => {
                const to = new URL(c.request.url).searchParams.get('to');
                const answer = await fetch(new URL(to, c.request.url), { redirect: 'manual' });
                return new Response(answer.status + ' ' + await answer.text(), answer);
            }"),
            ("/next", &[], "async c => {
                const answer = await c.next('/data.json');
                return new Response(answer.body, { headers: { 'x-next': answer.headers.get('content-type') } });
            }"),
        ],
        middleware: Some((&["^/data"], "() => new Response('guarded')")),
    })
    .await
    else {
        return;
    };
    assert_eq!(scene.get("/data.json", "").await.text(), "guarded");
    let own = |to: &'static str| scene.get(to, "accept-encoding: br\r\n");
    let reply = own("/own?to=/data.json").await;
    assert_eq!(reply.text(), "200 {\"n\":1}");
    assert!(reply.header("content-type").starts_with("application/json"));
    assert_eq!(own("/own?to=/").await.text(), "200 <h1>home</h1>");
    // Itself it does not reach.
    assert!(own("/own?to=/own").await.text().starts_with("404 "));
    assert!(own("/own?to=/old").await.text().starts_with("301 "));
    let reply = own("/next").await;
    assert_eq!(reply.text(), "{\"n\":1}");
    assert!(reply.header("x-next").starts_with("application/json"));
    // Sub-requests are part of the visitor's request, and leave no record.
    scene.records(6).await;
}

#[tokio::test]
async fn over_http2() {
    let Some(scene) = FunctionScene::of(Project {
        functions: &[(
            "/hello",
            &[],
            "c => {
                const answer = new Response('hello ' + c.request.headers.get('host'));
                answer.headers.append('set-cookie', 'a=1');
                answer.headers.append('set-cookie', 'b=2');
                answer.headers.append('set-cookie', 'everywhere=1; Domain=test');
                answer.headers.set('connection', 'close');
                return answer;
            }",
        )],
        ..Project::default()
    })
    .await
    else {
        return;
    };
    let client = crate::http2::Client::connect(&scene).await;
    let answer = client.get("/hello").await;
    assert_eq!(answer.body, b"hello site.test");
    assert_eq!(answer.headers.get_all("set-cookie").iter().count(), 2);
    assert!(!answer.headers.contains_key("connection"));
    let reply = scene.get("/hello", "").await;
    assert_eq!(reply.header("set-cookie"), "a=1\nb=2");
    assert_eq!(reply.header("connection"), "");
}

#[tokio::test]
async fn over_http2_bodies_stream_and_a_reset_ends_the_invocation() {
    let Some(scene) = FunctionScene::of(Project {
        functions: &[("/echo", &[], "c => new Response(c.request.body)")],
        ..Project::default()
    })
    .await
    else {
        return;
    };
    let (mut client, connection) =
        h2::client::handshake(tokio::net::TcpStream::connect(scene.address).await.unwrap())
            .await
            .unwrap();
    let connection = tokio::spawn(connection);
    let request = http::Request::post("http://site.test/echo")
        .body(())
        .unwrap();
    let (response, mut upload) = client.send_request(request, false).unwrap();
    upload.send_data("one".into(), false).unwrap();
    let mut download = response.await.unwrap().into_body();
    assert_eq!(&download.data().await.unwrap().unwrap()[..], b"one");
    upload.send_data("two".into(), false).unwrap();
    assert_eq!(&download.data().await.unwrap().unwrap()[..], b"two");
    assert_eq!(scene.counts().in_flight, 1);
    upload.send_reset(h2::Reason::CANCEL);
    scene
        .until("the invocation has ended", || scene.counts().in_flight == 0)
        .await;
    let record = scene.records(1).await.remove(0);
    assert_eq!(record.outcome, SendOutcome::ClientGone);
    assert_eq!(record.sent_bytes, 6);
    connection.abort();
}

#[tokio::test]
async fn a_deployment_that_leaves_is_let_go_of_and_a_new_one_is_warm() {
    let hello = |text: &'static str| Project {
        functions: if text == "one" {
            &[("/hello", &[], "() => new Response('one')")]
        } else {
            &[("/hello", &[], "() => new Response('two')")]
        },
        ..Project::default()
    };
    let Some(scene) = FunctionScene::of(hello("one")).await else {
        return;
    };
    assert_eq!(scene.get("/hello", "").await.text(), "one");
    assert_eq!(scene.counts().started, 1);
    let two = scene.site("site.test", hello("two")).await.deployment(7);
    scene.change(2, vec![two]).await;
    scene
        .until("the new one was started before it was asked", || {
            scene.counts().started == 2
        })
        .await;
    scene
        .until("the old one was let go of", || scene.counts().drained == 1)
        .await;
    assert_eq!(scene.get("/hello", "").await.text(), "two");
    assert_eq!(scene.counts().started, 2);
    scene.publish(3, Vec::<Host>::new()).await;
    scene
        .until("nothing runs", || scene.counts().running == 0)
        .await;
}

#[tokio::test]
async fn console_lines_have_the_requests_number() {
    let Some(scene) = FunctionScene::of(Project {
        functions: &[("/talk", &[], "() => { for (let i = 0; i < 30; i++) console.log('line', i); return new Response('x') }")],
        ..Project::default()
    })
    .await
    else {
        return;
    };
    let reply = scene.get("/talk", "").await;
    scene
        .until("its lines have come", || scene.host.lines.all().len() == 20)
        .await;
    let (_, line) = scene.host.lines.all().remove(0);
    assert_eq!(line.text, "line 0");
    assert_eq!(
        line.invocation.as_deref(),
        Some(reply.header("eo-log-uuid"))
    );
}
