//! What becomes of functions that fail, hang, or are given up, and of those who ask them.

use std::time::Duration;

use holm_edge::{EdgeLimits, FunctionTrial, TrialError};
use holm_functions::FunctionLimits;
use holm_telemetry::{FaultSource, SendOutcome, ServedBy};
use holm_types::{BlobDigest, DeploymentId};

use crate::function_scene::{FunctionScene, Project};
use crate::scene::FILES;

#[tokio::test]
async fn a_failure_is_545_and_its_reason_is_in_the_record() {
    let Some(scene) = FunctionScene::of(Project {
        functions: &[
            ("/throws", &[], "() => { throw new Error('no luck') }"),
            ("/nothing", &[], "() => 7"),
            (
                "/long",
                &[],
                "() => { throw new Error('\\n<script>' + 'x'.repeat(3000)) }",
            ),
        ],
        ..Project::default()
    })
    .await
    else {
        return;
    };
    let bare = scene.get("/throws", "").await;
    assert_eq!(
        (bare.status, &*bare.text()),
        (545, "Error return from script")
    );
    let record = scene.records(1).await.remove(0);
    assert_eq!(record.served_by, ServedBy::Function);
    assert_eq!(record.fault, Some(FaultSource::Site));
    let reason = record.reason.unwrap();
    assert_eq!(reason, "the function threw: Error: no luck");
    let page = scene.get("/throws", "accept: text/html\r\n").await;
    assert_eq!(page.status, 545);
    assert!(page.text().contains("EDGE_FUNCTION_INVOCATION_FAILED"));
    assert!(page.text().contains(page.header("eo-log-uuid")));
    assert!(!page.text().contains("no luck"));
    assert_eq!(page.header("cache-control"), "no-store");
    let json = scene.get("/nothing", "accept: application/json\r\n").await;
    let json: serde_json::Value = serde_json::from_str(&json.text()).unwrap();
    assert_eq!(json["status"], 545);
    assert_eq!(json["code"], "EDGE_FUNCTION_INVOCATION_FAILED");
    scene.records(2).await;
    let page = scene.get("/long", "accept: text/html\r\n").await;
    assert!(!page.text().contains("xxx"));
    let reason = scene.records(1).await.remove(0).reason.unwrap();
    assert_eq!(reason.len(), 1024);
}

#[tokio::test]
async fn an_endless_loop_ends_while_others_are_served() {
    let limits = FunctionLimits {
        cpu_max: Duration::from_millis(200),
        ..FunctionLimits::default()
    };
    let project = Project {
        files: FILES,
        functions: &[("/loop", &[], "() => { for (;;); }")],
        ..Project::default()
    };
    let Some(scene) = FunctionScene::with(EdgeLimits::default(), limits, project).await else {
        return;
    };
    let neighbour = Project {
        functions: &[("/hello", &[], "() => new Response('hello')")],
        ..Project::default()
    };
    let neighbour = scene.site("other.test", neighbour).await.deployment(9);
    let site = Project {
        files: FILES,
        functions: &[("/loop", &[], "() => { for (;;); }")],
        ..Project::default()
    };
    let site = scene.site("site.test", site).await;
    scene.publish(2, vec![site, neighbour]).await;
    let looping = scene.get("/loop", "");
    let others = async {
        for _ in 0..5 {
            let reply = scene.ask("GET", "other.test", "/hello", "").await;
            assert_eq!(reply.text(), "hello");
            assert_eq!(scene.get("/", "").await.text(), "<h1>home</h1>");
        }
    };
    let (reply, ()) = tokio::join!(looping, others);
    assert_eq!(reply.status, 545);
    let records = scene.records(11).await;
    let reasons = records.iter().filter_map(|record| record.reason.clone());
    let reasons: Vec<_> = reasons.collect();
    assert!(
        reasons[0].contains("CPU time; 200 ms are allowed"),
        "{reasons:?}"
    );
}

#[tokio::test]
async fn a_client_that_goes_away_ends_the_invocation() {
    let Some(scene) = FunctionScene::of(Project {
        functions: &[(
            "/ticks",
            &[],
            "() => new Response(new ReadableStream({ async pull(it) {
                it.enqueue(new TextEncoder().encode('tick;'));
                await new Promise(done => setTimeout(done, 10));
            } }))",
        )],
        ..Project::default()
    })
    .await
    else {
        return;
    };
    let mut client = scene.connect().await;
    client
        .send("GET /ticks HTTP/1.1\r\nhost: site.test\r\n\r\n")
        .await;
    client.read_past("tick;").await;
    drop(client);
    scene
        .until("the invocation has ended", || scene.counts().in_flight == 0)
        .await;
    let record = scene.records(1).await.remove(0);
    assert_eq!(record.outcome, SendOutcome::ClientGone);
    assert_eq!(record.served_by, ServedBy::Function);
}

#[tokio::test]
async fn nobody_computes_for_a_client_that_has_left() {
    let Some(scene) = FunctionScene::of(Project {
        functions: &[
            ("/silent", &[], "() => new Promise(() => {})"),
            (
                "/stalls",
                &[],
                "() => new Response(new ReadableStream({
                start(it) { it.enqueue(new TextEncoder().encode('tick;')); },
            }))",
            ),
            ("/hello", &[], "() => new Response('hello')"),
        ],
        ..Project::default()
    })
    .await
    else {
        return;
    };
    for path in ["/silent", "/stalls"] {
        let mut client = scene.connect().await;
        // On a kept connection, which has had an answer before.
        client
            .send("GET /hello HTTP/1.1\r\nhost: site.test\r\n\r\n")
            .await;
        assert_eq!(client.reply().await.text(), "hello");
        client
            .send(format!("GET {path} HTTP/1.1\r\nhost: site.test\r\n\r\n"))
            .await;
        scene
            .until("the function is asked", || scene.counts().in_flight == 1)
            .await;
        drop(client);
        scene
            .until("the invocation has ended", || scene.counts().in_flight == 0)
            .await;
        let record = scene.records(2).await.remove(1);
        assert_eq!(record.outcome, SendOutcome::ClientGone, "{path}");
        assert_eq!(record.fault, Some(FaultSource::Client));
        assert_eq!(
            record.reason.as_deref(),
            Some("the client left before it had its answer")
        );
    }
    // It was not shed for being slow.
    assert_eq!(scene.edge.counts().connections_shed_total, 0);
}

#[tokio::test]
async fn what_is_too_large_is_413() {
    let limits = EdgeLimits {
        function_body_bytes_max: 1000,
        ..EdgeLimits::default()
    };
    let project = Project {
        functions: &[(
            "/read",
            &[],
            "async c => new Response(String((await c.request.text()).length))",
        )],
        ..Project::default()
    };
    let Some(scene) = FunctionScene::with(limits, FunctionLimits::default(), project).await else {
        return;
    };
    let post = |fields: String| {
        let scene = &scene;
        async move {
            let mut client = scene.connect().await;
            client
                .send(format!(
                    "POST /read HTTP/1.1\r\nhost: site.test\r\n{fields}"
                ))
                .await;
            client.reply().await
        }
    };
    let body = "x".repeat(1000);
    let reply = post(format!("content-length: 1000\r\n\r\n{body}")).await;
    assert_eq!(reply.text(), "1000");
    let reply = post(format!("content-length: 1001\r\n\r\n{body}x")).await;
    assert_eq!(reply.status, 413);
    let chunk = format!("transfer-encoding: chunked\r\n\r\n3e8\r\n{body}\r\n1\r\nx\r\n0\r\n\r\n");
    assert_eq!(post(chunk).await.status, 413);
    let records = scene.records(3).await;
    assert_eq!(records[1].fault, Some(FaultSource::Client));
    assert_eq!(records[2].fault, Some(FaultSource::Client));
}

#[tokio::test]
async fn without_an_engine_it_is_503_and_the_operator_is_told_why() {
    let missing = std::path::PathBuf::from("/nowhere/deno");
    let project = Project {
        files: FILES,
        functions: &[("/hello", &[], "() => new Response('hello')")],
        ..Project::default()
    };
    let scene = FunctionScene::run_by(
        missing,
        EdgeLimits::default(),
        FunctionLimits::default(),
        project,
    )
    .await;
    let reply = scene.get("/hello", "").await;
    assert_eq!(reply.status, 503);
    assert_eq!(scene.get("/", "").await.text(), "<h1>home</h1>");
    let record = scene.records(2).await.remove(0);
    assert_eq!(record.fault, Some(FaultSource::Platform));
    assert_eq!(record.served_by, ServedBy::Function);
    let reason = record.reason.unwrap();
    assert!(reason.contains("/nowhere/deno"), "{reason}");
}

#[tokio::test]
async fn what_cannot_be_loaded_or_sends_nothing_is_545() {
    let limits = FunctionLimits {
        first_byte_max: Duration::from_millis(300),
        ..FunctionLimits::default()
    };
    let silent = Project {
        functions: &[("/silent", &[], "() => new Promise(() => {})")],
        ..Project::default()
    };
    let Some(scene) = FunctionScene::with(EdgeLimits::default(), limits, silent).await else {
        return;
    };
    assert_eq!(scene.get("/silent", "").await.status, 545);
    let reason = scene.records(1).await.remove(0).reason.unwrap();
    assert!(reason.contains("300 ms are allowed"), "{reason}");
    let broken = Project {
        functions: &[("/hello", &[], "nothing.of.the.kind")],
        ..Project::default()
    };
    let broken = scene.site("site.test", broken).await.deployment(9);
    scene.publish(2, vec![broken]).await;
    assert_eq!(scene.get("/hello", "").await.status, 545);
    let record = scene.records(1).await.remove(0);
    assert_eq!(record.fault, Some(FaultSource::Site));
    let reason = record.reason.unwrap();
    assert!(reason.contains("nothing is not defined"), "{reason}");
}

#[tokio::test]
async fn code_is_tried_before_a_host_shows_it() {
    let Some(scene) = FunctionScene::of(Project {
        files: FILES,
        ..Project::default()
    })
    .await
    else {
        return;
    };
    let trial = |number: u8, code: &'static str| {
        let scene = &scene;
        async move {
            let code = scene.store(code.as_bytes()).await;
            let trial = FunctionTrial {
                deployment: DeploymentId::from_bytes([number; 16]),
                code,
                variables: [("WORD".to_owned(), "yes".to_owned())].into(),
            };
            scene.edge.try_functions(trial).await
        }
    };
    let good = "export const handlers = [() => new Response('x')];";
    assert!(trial(8, good).await.is_ok());
    assert_eq!(scene.counts().running, 1);
    let broken = trial(9, "export const handlers = [;").await.unwrap_err();
    assert!(matches!(&broken, TrialError::Code(_)), "{broken}");
    assert!(broken.to_string().contains("SyntaxError"), "{broken}");
    // The same number with other code is looked at anew.
    assert!(trial(9, good).await.is_ok());
    let missing = FunctionTrial {
        deployment: DeploymentId::from_bytes([7; 16]),
        code: BlobDigest::of(b"nowhere"),
        variables: [].into(),
    };
    let missing = scene.edge.try_functions(missing).await.unwrap_err();
    assert!(matches!(&missing, TrialError::Untried { .. }), "{missing}");
}

#[tokio::test]
async fn an_answer_that_breaks_off_cuts_the_connection() {
    let limits = FunctionLimits {
        cpu_max: Duration::from_millis(100),
        ..FunctionLimits::default()
    };
    let project = Project {
        functions: &[(
            "/breaks",
            &[],
            "() => new Response(new ReadableStream({ async pull(it) {
                it.enqueue(new TextEncoder().encode('tick;'));
                await new Promise(done => setTimeout(done, 10));
                for (;;);
            } }))",
        )],
        ..Project::default()
    };
    let Some(scene) = FunctionScene::with(EdgeLimits::default(), limits, project).await else {
        return;
    };
    let mut client = scene.connect().await;
    client
        .send("GET /breaks HTTP/1.1\r\nhost: site.test\r\n\r\n")
        .await;
    let came = String::from_utf8(client.rest().await).unwrap();
    assert!(came.contains("200 OK") && came.contains("tick;"), "{came}");
    assert!(!came.ends_with("0\r\n\r\n"), "{came}");
    let record = scene.records(1).await.remove(0);
    assert_eq!(record.outcome, SendOutcome::Failed);
    assert_eq!(record.fault, Some(FaultSource::Site));
    assert!(record.reason.unwrap().contains("100 ms are allowed"));
}

#[tokio::test]
async fn a_body_that_does_not_come_is_408() {
    let limits = EdgeLimits {
        function_body_idle_max: Duration::from_millis(200),
        ..EdgeLimits::default()
    };
    let project = Project {
        functions: &[(
            "/read",
            &[],
            "async c => new Response(await c.request.text())",
        )],
        ..Project::default()
    };
    let Some(scene) = FunctionScene::with(limits, FunctionLimits::default(), project).await else {
        return;
    };
    let mut client = scene.connect().await;
    client
        .send("POST /read HTTP/1.1\r\nhost: site.test\r\ncontent-length: 10\r\n\r\nhalf")
        .await;
    assert_eq!(client.reply().await.status, 408);
    assert_eq!(scene.records(1).await[0].fault, Some(FaultSource::Client));
}

#[tokio::test]
async fn a_body_may_take_longer_than_a_first_byte_but_not_trickle() {
    let limits = EdgeLimits {
        function_body_idle_max: Duration::from_secs(1),
        function_body_rate_min_bytes: 16,
        ..EdgeLimits::default()
    };
    let function_limits = FunctionLimits {
        first_byte_max: Duration::from_millis(250),
        ..FunctionLimits::default()
    };
    let project = Project {
        functions: &[(
            "/read",
            &[],
            "async c => new Response(await c.request.text())",
        )],
        ..Project::default()
    };
    let Some(scene) = FunctionScene::with(limits, function_limits, project).await else {
        return;
    };
    for (piece, count, status) in [("eight by", 4, 200), ("x", 8, 408)] {
        let mut client = scene.connect().await;
        let length = piece.len() * count;
        let head =
            format!("POST /read HTTP/1.1\r\nhost: site.test\r\ncontent-length: {length}\r\n\r\n");
        client.send(head).await;
        for _ in 0..count {
            client.send(piece).await;
            tokio::time::sleep(Duration::from_millis(240)).await;
        }
        assert_eq!(client.reply().await.status, status, "{piece}");
    }
}

#[tokio::test]
async fn requests_of_functions_end_before_the_server_does() {
    let Some(scene) = FunctionScene::of(Project {
        functions: &[(
            "/slow",
            &[],
            "async () => { await new Promise(done => setTimeout(done, 300)); return new Response('done'); }",
        )],
        ..Project::default()
    })
    .await
    else {
        return;
    };
    let mut client = scene.connect().await;
    client
        .send("GET /slow HTTP/1.1\r\nhost: site.test\r\n\r\n")
        .await;
    scene
        .until("the function is asked", || scene.counts().in_flight == 1)
        .await;
    scene.begin_stop();
    assert_eq!(client.reply().await.text(), "done");
    scene.edge.stop_functions().await;
    assert_eq!(scene.counts().running, 0);
}
