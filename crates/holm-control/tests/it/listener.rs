//! The listener itself: slow and rude clients, and stopping.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;

use holm_control::ControlLimits;
use holm_types::BlobDigest;

use crate::client::Ask;
use crate::deploy::{Upload, path_of};
use crate::server::TestServer;

/// Sends these bytes and reads until the server closes.
fn raw(server: &TestServer, bytes: &[u8]) -> String {
    let mut stream = TcpStream::connect(server.address).unwrap();
    stream
        .set_read_timeout(Some(Duration::from_secs(10)))
        .unwrap();
    stream.write_all(bytes).unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).unwrap();
    String::from_utf8_lossy(&answer).into_owned()
}

#[test]
fn a_head_that_never_ends_and_a_body_that_stops_are_given_up() {
    let limits = ControlLimits {
        head_time_max: Duration::from_millis(200),
        body_idle_max: Duration::from_millis(200),
        ..ControlLimits::default()
    };
    let server = TestServer::start_with(limits);
    raw(&server, b"GET / HTTP/1.1\r\nHost: localhost\r\n");
    let slow = format!(
        "POST /v1/projects HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {}\r\n\
         Content-Length: 100\r\nConnection: close\r\n\r\n{{",
        server.token
    );
    let answer = raw(&server, slow.as_bytes());
    assert!(
        answer.starts_with("HTTP/1.1 408")
            && answer.contains("request/timeout")
            && answer.contains("control.body_idle_max"),
        "{answer}"
    );
    server.get("/v1/me").expect(200);
}

#[test]
fn over_the_limit_of_requests_is_busy_and_soon_over() {
    let limits = ControlLimits {
        requests_max: 1,
        body_idle_max: Duration::from_secs(20),
        ..ControlLimits::default()
    };
    let server = TestServer::start_with(limits);
    let head = format!(
        "POST /v1/projects HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {}\r\n\
         Content-Length: 12\r\nConnection: close\r\n\r\n",
        server.token
    );
    // One of the slow clients gets the place; those that come while another has it are refused.
    let slow = std::cell::RefCell::new(Vec::new());
    crate::server::wait_until("the server is busy", || {
        let mut stream = TcpStream::connect(server.address).unwrap();
        stream.write_all(head.as_bytes()).unwrap();
        slow.borrow_mut().push(stream);
        let answer = server.get("/v1/me");
        answer.status == 503 && answer.json()["code"] == "server/busy"
    });
    let made = slow.into_inner().into_iter().filter(finish).count();
    assert_eq!(made, 1);
    server.get("/v1/me").expect(200);
}

#[test]
fn who_is_not_signed_in_takes_no_room_with_a_slow_body() {
    let server = TestServer::start_with(ControlLimits {
        requests_max: 1,
        open_body_time_max: Duration::from_secs(2),
        ..ControlLimits::default()
    });
    let slow = |target: &str, more: &str| {
        let head = format!(
            "POST {target} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n{more}\r\n"
        );
        let mut stream = TcpStream::connect(server.address).unwrap();
        stream
            .set_read_timeout(Some(Duration::from_secs(10)))
            .unwrap();
        stream.write_all(head.as_bytes()).unwrap();
        stream
    };
    // Refused from the head, without being asked for the body, long before its time is over.
    for more in ["", "Expect: 100-continue\r\n"] {
        let mut stream = slow("/v1/projects", more);
        let mut first = [0; 12];
        stream.read_exact(&mut first).unwrap();
        assert_eq!(&first, b"HTTP/1.1 401");
        server.get("/v1/me").expect(200);
        let mut rest = Vec::new();
        stream.read_to_end(&mut rest).unwrap();
        assert!(!String::from_utf8_lossy(&rest).contains("100 Continue"));
    }
    let waiting = ["/v1/claim", "/claim", "/login"].map(|target| slow(target, ""));
    for _ in 0..20 {
        server.get("/v1/me").expect(200);
    }
    // Their time is over soon, also when a byte comes now and then.
    for mut stream in waiting {
        let mut answer = Vec::new();
        drop(stream.write_all(b"c"));
        stream.read_to_end(&mut answer).unwrap();
        assert!(answer.starts_with(b"HTTP/1.1 408"));
    }
}

#[test]
fn slow_uploads_keep_nobody_from_deploying() {
    let server = TestServer::start_with(ControlLimits {
        deploys_max: 1,
        ..ControlLimits::default()
    });
    let created = server
        .announce("shop", &Upload::new(&[("/a", "a")]))
        .expect(201);
    let commit = format!("{}/commit", path_of(&created["deployment"]));
    let slow: Vec<TcpStream> = ["/v1/projects/shop/deployments", &commit]
        .into_iter()
        .map(|target| {
            let head = format!(
                "POST {target} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {}\r\n\
                 Content-Length: 100\r\nExpect: 100-continue\r\n\r\n",
                server.token
            );
            let mut stream = TcpStream::connect(server.address).unwrap();
            stream
                .set_read_timeout(Some(Duration::from_secs(10)))
                .unwrap();
            stream.write_all(head.as_bytes()).unwrap();
            // The server asks for the body: it is reading now.
            let mut first = [0; 12];
            stream.read_exact(&mut first).unwrap();
            assert_eq!(&first, b"HTTP/1.1 100");
            stream
        })
        .collect();
    let id = server.deploy_text("blog", "1");
    assert_eq!(server.shown("blog"), id);
    drop(slow);
}

/// Sends the rest of a slow client's request; whether it made the project.
fn finish(stream: &TcpStream) -> bool {
    let mut stream = stream;
    // A client that was refused has been hung up on.
    drop(stream.write_all(b"{\"name\":\"a\"}"));
    let mut answer = Vec::new();
    drop(stream.read_to_end(&mut answer));
    answer.starts_with(b"HTTP/1.1 201")
}

#[test]
fn a_client_that_goes_away_does_not_stop_its_commit_halfway() {
    let server = TestServer::start();
    for delay_ms in 0..10 {
        let text = format!("hello {delay_ms}");
        let upload = Upload::new(&[("/index.html", &text)]);
        let created = server.announce("blog", &upload).expect(201);
        let deployment = &created["deployment"];
        let frames = upload.frames(&created["missing"]);
        server.put_blobs(deployment, frames).expect(200);
        let head = format!(
            "POST {}/commit HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {}\r\n\
             Content-Length: 0\r\n\r\n",
            path_of(deployment),
            server.token
        );
        let mut stream = TcpStream::connect(server.address).unwrap();
        stream.write_all(head.as_bytes()).unwrap();
        std::thread::sleep(Duration::from_millis(delay_ms));
        drop(stream);
        // Either it never began, or it goes all the way to the edge.
        let id = deployment["id"].as_str().unwrap();
        crate::server::wait_until("the commit has begun and ended, or neither", || {
            server.shown("blog") == id || server.state_of(deployment) == "uploading"
        });
        server.commit(deployment, Vec::new()).expect(200);
        assert_eq!(server.shown("blog"), id);
    }
}

#[test]
fn half_an_upload_leaves_nothing() {
    let server = TestServer::start();
    let upload = Upload::new(&[("/index.html", "hello"), ("/b", "world")]);
    let created = server.announce("blog", &upload).expect(201);
    let frames = upload.frames(&created["missing"]);
    let head = format!(
        "PUT {}/blobs HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {}\r\n\
         Content-Length: {}\r\n\r\n",
        path_of(&created["deployment"]),
        server.token,
        frames.len()
    );
    let mut stream = TcpStream::connect(server.address).unwrap();
    stream.write_all(head.as_bytes()).unwrap();
    stream.write_all(&frames[..60]).unwrap();
    drop(stream);
    server
        .commit(&created["deployment"], Vec::new())
        .expect_problem("blob/missing");
    server.commit(&created["deployment"], frames).expect(200);
}

#[test]
fn many_deploys_at_once_all_arrive() {
    let server = TestServer::start();
    std::thread::scope(|scope| {
        for project in 0..4 {
            let server = &server;
            scope.spawn(move || {
                for round in 0..5 {
                    let name = format!("p{project}");
                    let text = format!("{project} {round}");
                    let id = server.deploy_text(&name, &text);
                    assert_eq!(server.shown(&name), id);
                    let digest = BlobDigest::of(text.as_bytes());
                    assert!(holm_storage::BlobStore::size_bytes(&server.blobs, &digest).is_some());
                }
            });
        }
    });
    assert_eq!(server.snapshot().hosts.len(), 4 + 20);
    let findings = holm_control::check_database(&server.db_file(), &server.blobs);
    assert_eq!(findings.problems, []);
    Ask::get("/v1/instance").send(server.address).expect(200);
}
