//! HTTP/2 with a client that keeps to it: the same answers and records as over HTTP/1.1.

use bytes::Bytes;
use h2::client::SendRequest;
use holm_edge::EdgeLimits;
use holm_telemetry::{Protocol, SendOutcome};
use http::{HeaderMap, Request, StatusCode};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::client::WAIT_MAX;
use crate::scene::{FILES, Scene};

/// An answer over HTTP/2.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Vec<u8>,
}

/// A connection.
#[derive(Clone)]
pub(crate) struct Client(SendRequest<Bytes>);

impl Client {
    pub(crate) async fn over(io: impl AsyncRead + AsyncWrite + Unpin + Send + 'static) -> Self {
        let (client, connection) = h2::client::handshake(io).await.unwrap();
        tokio::spawn(connection);
        Self(client)
    }

    pub(crate) async fn connect(scene: &Scene) -> Self {
        Self::over(TcpStream::connect(scene.address).await.unwrap()).await
    }

    pub(crate) async fn ask(&self, request: Request<()>) -> Result<Answer, h2::Error> {
        let asking = async {
            let mut client = self.0.clone().ready().await?;
            let (response, _) = client.send_request(request, true)?;
            let (parts, mut incoming) = response.await?.into_parts();
            let mut body = Vec::new();
            while let Some(piece) = incoming.data().await {
                let piece = piece?;
                body.extend_from_slice(&piece);
                incoming.flow_control().release_capacity(piece.len())?;
            }
            let (status, headers) = (parts.status, parts.headers);
            Ok(Answer {
                status,
                headers,
                body,
            })
        };
        timeout(WAIT_MAX, asking)
            .await
            .expect("an answer comes in time")
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        let request = Request::get(format!("http://site.test{path}"));
        self.ask(request.body(()).unwrap()).await.unwrap()
    }
}

#[tokio::test]
async fn the_same_listener_gives_the_same_answers() {
    let scene = Scene::usual().await;
    let client = Client::connect(&scene).await;
    scene.get("/", "").await;
    for path in [
        "/",
        "/about",
        "/data.bin",
        "/assets/app.1a2b3c4d.js",
        "/empty.bin",
        "/no",
    ] {
        // Asked twice, so that both come from memory.
        scene.get(path, "").await;
        let old = scene.get(path, "").await;
        let new = client.get(path).await;
        assert_eq!(new.status.as_u16(), old.status, "{path}");
        assert_eq!(new.body, old.body, "{path}");
        let differing = ["date", "eo-log-uuid"];
        for (name, value) in &old.headers {
            // An empty answer ends with its head, and needs no length.
            let is_framing = name == "content-length" && value == "0";
            if !differing.contains(&name.as_str()) && !is_framing {
                assert_eq!(new.headers[name.as_str()], **value, "{path}: {name}");
            }
        }
        let framing = usize::from(old.body.is_empty());
        assert_eq!(new.headers.len(), old.headers.len() - framing, "{path}");
    }
    let records = scene.records(19).await;
    let is_new = |record: &&holm_telemetry::AccessRecord| {
        record.protocol == Some(Protocol::Http2) && !record.is_secure
    };
    assert_eq!(records.iter().filter(is_new).count(), 6);
    assert_eq!(records[0].protocol, Some(Protocol::Http11));
}

#[tokio::test]
async fn many_requests_at_once_each_have_their_answer_and_record() {
    let scene = Scene::usual().await;
    let client = Client::connect(&scene).await;
    // Until the server's settings have come a client does not know how many may be open at once.
    client.get("/").await;
    let asking = (0..299).map(|number| {
        let client = client.clone();
        let path = FILES[number % FILES.len()].0.trim_end_matches("index.html");
        tokio::spawn(async move { (number, client.get(path).await) })
    });
    for asked in asking.collect::<Vec<_>>() {
        let (number, answer) = asked.await.unwrap();
        assert_eq!(answer.body, FILES[number % FILES.len()].1);
    }
    let records = scene.records(300).await;
    let ids: std::collections::BTreeSet<_> =
        records.iter().map(|record| record.request_id).collect();
    assert_eq!(ids.len(), 300);
    assert!(
        records
            .iter()
            .all(|record| record.outcome == SendOutcome::Sent)
    );
    assert_eq!(scene.edge.counts().connections_open, 1);
    assert_eq!(scene.edge.counts().requests_in_flight, 0);
}

#[tokio::test]
async fn large_files_of_several_answers_come_whole() {
    let large: Vec<u8> = (0..3_000_000_u32).map(|at| (at % 251) as u8).collect();
    let medium = &large[..200_000];
    let scene = Scene::with(
        EdgeLimits::default(),
        &[("/large.bin", &large), ("/medium.bin", medium)],
    )
    .await;
    let client = Client::connect(&scene).await;
    let asking = (0..8).map(|number| {
        let client = client.clone();
        let path = ["/large.bin", "/medium.bin"][number % 2];
        tokio::spawn(async move { client.get(path).await.body })
    });
    for (number, asked) in asking.collect::<Vec<_>>().into_iter().enumerate() {
        let want = [large.as_slice(), medium][number % 2];
        assert!(asked.await.unwrap() == want, "answer {number} differs");
    }
    let sent: u64 = scene
        .records(8)
        .await
        .iter()
        .map(|record| record.sent_bytes)
        .sum();
    assert_eq!(sent, 4 * 3_200_000);
}

#[tokio::test]
async fn an_answer_that_is_given_up_leaves_a_record_and_the_connection() {
    let large = vec![b'x'; 8 << 20];
    let mut files = FILES.to_vec();
    files.push(("/large.bin", &large));
    let scene = Scene::with(EdgeLimits::default(), &files).await;
    let client = Client::connect(&scene).await;
    let request = Request::get("http://site.test/large.bin").body(()).unwrap();
    let mut sender = client.0.clone().ready().await.unwrap();
    let (response, _) = sender.send_request(request, true).unwrap();
    drop(response.await.unwrap());
    let record = scene.records(1).await.remove(0);
    assert_eq!(record.outcome, SendOutcome::ClientGone);
    assert!(record.sent_bytes < large.len() as u64);
    assert_eq!(client.get("/").await.status, 200);
}

#[tokio::test]
async fn draining_lets_answers_end() {
    let large = vec![b'x'; 8 << 20];
    let mut files = FILES.to_vec();
    files.push(("/large.bin", &large));
    let scene = Scene::with(EdgeLimits::default(), &files).await;
    let idle = Client::connect(&scene).await;
    idle.get("/").await;
    let busy = Client::connect(&scene).await;
    let asked = tokio::spawn(async move { busy.get("/large.bin").await });
    scene
        .until("it is in flight", || {
            scene.edge.counts().requests_in_flight == 1
        })
        .await;
    let (report, records) = scene.stop().await;
    assert_eq!((report.open_count, report.cut_count), (2, 0));
    assert_eq!(asked.await.unwrap().body.len(), large.len());
    assert_eq!(records.take().len(), 2);
}
