//! TLS: what is agreed upon, what is refused, and certificates that change.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use holm_edge::{Certificate, EdgeLimits, listen};
use holm_telemetry::{Protocol, SendOutcome, ServedBy};
use rcgen::{CertificateParams, KeyPair};
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::client::WAIT_MAX;
use crate::function_scene::{FunctionScene, Project};
use crate::http2::Client;
use crate::scene::{FILES, Scene};

/// A certificate that nobody has signed but itself.
struct SelfSigned {
    der: CertificateDer<'static>,
    chain: String,
    key: String,
}

fn self_signed() -> SelfSigned {
    let key = KeyPair::generate().unwrap();
    let params = CertificateParams::new(vec!["site.test".to_owned()]).unwrap();
    let certificate = params.self_signed(&key).unwrap();
    SelfSigned {
        der: certificate.der().clone(),
        chain: certificate.pem(),
        key: key.serialize_pem(),
    }
}

/// A listener with TLS beside the scene's own.
struct Secure {
    scene: Scene,
    certificate: Certificate,
    trusted: SelfSigned,
    address: SocketAddr,
    _stop: watch::Sender<bool>,
}

impl Secure {
    async fn new(limits: EdgeLimits) -> Self {
        let mut files = FILES.to_vec();
        files.push((
            "/edgeone.json",
            br#"{"redirects":[{"source":"/old","destination":"/new","statusCode":301}]}"#,
        ));
        Self::over(Scene::with(limits, &files).await)
    }

    fn over(scene: Scene) -> Self {
        let trusted = self_signed();
        let certificate =
            Certificate::from_pem(trusted.chain.as_bytes(), trusted.key.as_bytes()).unwrap();
        let listener = listen::bind(([127, 0, 0, 1], 0).into()).unwrap();
        let address = listener.local_addr().unwrap();
        let (stop, stopped) = watch::channel(false);
        let serving = (scene.edge.clone(), certificate.clone());
        tokio::spawn(async move { serving.0.serve_tls(listener, serving.1, stopped).await });
        Self {
            scene,
            certificate,
            trusted,
            address,
            _stop: stop,
        }
    }

    async fn connect(&self, protocols: &[&str]) -> std::io::Result<TlsStream<TcpStream>> {
        connect(self.address, &self.trusted, protocols).await
    }
}

async fn connect(
    address: SocketAddr,
    trusted: &SelfSigned,
    protocols: &[&str],
) -> std::io::Result<TlsStream<TcpStream>> {
    let mut roots = RootCertStore::empty();
    roots.add(trusted.der.clone()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = protocols
        .iter()
        .map(|name| name.as_bytes().to_vec())
        .collect();
    let name = ServerName::try_from("site.test").unwrap();
    let stream = TcpStream::connect(address).await.unwrap();
    let connector = TlsConnector::from(Arc::new(config));
    timeout(WAIT_MAX, connector.connect(name, stream))
        .await
        .expect("the handshake ends in time")
}

async fn get_http1(mut stream: TlsStream<TcpStream>, path: &str) -> String {
    let request = format!("GET {path} HTTP/1.1\r\nhost: site.test\r\nconnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    // An end without `close_notify` is an error here.
    timeout(WAIT_MAX, stream.read_to_string(&mut answer))
        .await
        .expect("the answer ends in time")
        .unwrap();
    answer
}

#[tokio::test]
async fn both_say_what_they_speak() {
    let secure = Secure::new(EdgeLimits::default()).await;
    for (protocols, want) in [
        (&["h2", "http/1.1"][..], Some(&b"h2"[..])),
        (&["http/1.1"], Some(b"http/1.1")),
        (&[], None),
    ] {
        let stream = secure.connect(protocols).await.unwrap();
        assert_eq!(stream.get_ref().1.alpn_protocol(), want);
        let want = if want == Some(b"h2") {
            assert_eq!(Client::over(stream).await.get("/").await.body, FILES[0].1);
            Protocol::Http2
        } else {
            let answer = get_http1(stream, "/").await;
            assert!(answer.starts_with("HTTP/1.1 200 ") && answer.ends_with("<h1>home</h1>"));
            Protocol::Http11
        };
        let record = secure.scene.records(1).await.remove(0);
        assert_eq!((record.protocol, record.is_secure), (Some(want), true));
    }
    // Nothing that the two could both speak.
    assert!(secure.connect(&["spdy/3"]).await.is_err());
    let record = secure.scene.records(1).await.remove(0);
    assert_eq!((record.status, record.served_by), (0, ServedBy::Connection));
}

#[tokio::test]
async fn redirects_and_large_files_go_over_it() {
    let secure = Secure::new(EdgeLimits::default()).await;
    let stream = secure.connect(&["http/1.1"]).await.unwrap();
    let answer = get_http1(stream, "/old").await;
    assert!(answer.starts_with("HTTP/1.1 301 "), "{answer}");
    let client = Client::over(secure.connect(&["h2"]).await.unwrap()).await;
    for (path, bytes) in FILES {
        assert_eq!(
            client.get(path.trim_end_matches("index.html")).await.body,
            *bytes,
            "{path}"
        );
    }
}

#[tokio::test]
async fn who_says_goodbye_leaves_no_word_about_a_request() {
    let secure = Secure::new(EdgeLimits::default()).await;
    let mut stream = secure.connect(&["http/1.1"]).await.unwrap();
    let request = b"GET / HTTP/1.1\r\nhost: site.test\r\n\r\n";
    stream.write_all(request).await.unwrap();
    let mut beginning = [0; 12];
    stream.read_exact(&mut beginning).await.unwrap();
    assert_eq!(&beginning, b"HTTP/1.1 200");
    // `close_notify` is bytes as well, but not of a request.
    stream.shutdown().await.unwrap();
    drop(stream);
    let scene = &secure.scene;
    scene
        .until("it is closed", || scene.edge.counts().connections_open == 0)
        .await;
    assert_eq!(scene.records(1).await[0].status, 200);
}

#[tokio::test]
async fn a_new_certificate_is_used_for_new_connections() {
    let secure = Secure::new(EdgeLimits::default()).await;
    let kept = Client::over(secure.connect(&["h2"]).await.unwrap()).await;
    let other = self_signed();
    secure
        .certificate
        .replace(other.chain.as_bytes(), other.key.as_bytes())
        .unwrap();
    assert!(
        secure.connect(&["h2"]).await.is_err(),
        "the old one is no longer shown"
    );
    assert!(connect(secure.address, &other, &["h2"]).await.is_ok());
    assert_eq!(kept.get("/").await.status, 200);
    // One that cannot be used changes nothing.
    let key = secure.trusted.key.as_bytes();
    assert!(
        secure
            .certificate
            .replace(other.chain.as_bytes(), key)
            .is_err()
    );
    assert!(secure.certificate.replace(b"", key).is_err());
    assert!(connect(secure.address, &other, &["h2"]).await.is_ok());
}

#[tokio::test]
async fn who_speaks_no_tls_is_let_go_with_a_record() {
    let secure = Secure::new(EdgeLimits::default()).await;
    let mut stream = TcpStream::connect(secure.address).await.unwrap();
    stream
        .write_all(b"GET / HTTP/1.1\r\nhost: site.test\r\n\r\n")
        .await
        .unwrap();
    let mut answer = Vec::new();
    // The end may be a reset, as not all that was sent is read.
    drop(
        timeout(WAIT_MAX, stream.read_to_end(&mut answer))
            .await
            .expect("it ends in time"),
    );
    assert!(
        !answer.starts_with(b"HTTP/"),
        "no page goes out in clear text"
    );
    let record = secure.scene.records(1).await.remove(0);
    assert_eq!(record.served_by, ServedBy::Connection);
    assert!(record.reason.unwrap().starts_with("agree on TLS"));
}

#[tokio::test]
async fn slow_handshakes_are_ended_and_give_their_turns_back() {
    let limits = EdgeLimits {
        tls_handshakes_max: 2,
        ..EdgeLimits::default()
    };
    let secure = Secure::new(limits).await;
    let mut silent = Vec::new();
    for _ in 0..2 {
        let mut stream = TcpStream::connect(secure.address).await.unwrap();
        stream.write_all(&[0x16, 3, 1]).await.unwrap();
        silent.push(stream);
    }
    secure
        .scene
        .until("both are open", || {
            secure.scene.edge.counts().connections_open == 2
        })
        .await;
    secure
        .scene
        .until("both are let go", || {
            secure.scene.clock.advance(Duration::from_millis(100));
            secure.scene.edge.counts().connections_shed_total == 2
        })
        .await;
    let records = secure.scene.records(2).await;
    for record in records {
        assert_eq!(record.served_by, ServedBy::Connection);
        assert!(record.reason.unwrap().contains("edge.tls_handshake_max"));
    }
    assert!(secure.connect(&["h2"]).await.is_ok());
}

#[tokio::test]
async fn a_client_that_says_goodbye_ends_what_a_function_does_for_it() {
    let Some(FunctionScene { scene, host }) = FunctionScene::of(Project {
        functions: &[(
            "/silent",
            &[],
            "c => new Promise(() => console.log(c.request.url))",
        )],
        ..Project::default()
    })
    .await
    else {
        return;
    };
    let secure = Secure::over(scene);
    let mut client = secure.connect(&["http/1.1"]).await.unwrap();
    let request = "GET /silent?q=1 HTTP/1.1\r\nhost: site.test\r\n\r\n";
    client.write_all(request.as_bytes()).await.unwrap();
    let counts = || secure.scene.edge.function_counts().unwrap_or_default();
    let scene = &secure.scene;
    scene
        .until("it is asked", || host.lines.all().len() == 1)
        .await;
    assert_eq!(host.lines.all()[0].1.text, "https://site.test/silent?q=1");
    // What TLS says of the end is bytes that nobody reads while the function works.
    client.shutdown().await.unwrap();
    drop(client);
    scene
        .until("it has ended", || counts().in_flight == 0)
        .await;
    assert_eq!(scene.records(1).await[0].outcome, SendOutcome::ClientGone);
}
