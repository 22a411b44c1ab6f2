//! Following a deployment: 202, the stream of events, going on behind the last one seen.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpStream;
use std::time::Duration;

use holm_control::ControlLimits;
use serde_json::Value;

use crate::client::Ask;
use crate::deploy::{Upload, path_of, text_of};
use crate::server::TestServer;

/// An open stream of events.
struct Stream(BufReader<TcpStream>);

impl TestServer {
    fn follow(&self, deployment: &Value, after: u64) -> Stream {
        let mut stream = TcpStream::connect(self.address).unwrap();
        stream
            .set_read_timeout(Some(Duration::from_secs(20)))
            .unwrap();
        let (path, token) = (path_of(deployment), &self.token);
        let request = format!(
            "GET {path}/events HTTP/1.1\r\nHost: {}\r\nAuthorization: Bearer {token}\r\n\
             Last-Event-ID: {after}\r\n\r\n",
            self.address
        );
        stream.write_all(request.as_bytes()).unwrap();
        Stream(BufReader::new(stream))
    }
}

impl Stream {
    /// The next event: its id, its kind, its data. `None` at the stream's end.
    fn next(&mut self) -> Option<(u64, String, Value)> {
        let (mut id, mut kind) = (0, String::new());
        loop {
            let mut line = String::new();
            self.0.read_line(&mut line).unwrap();
            let line = line.trim_end();
            if line == "0" {
                return None;
            } else if let Some(text) = line.strip_prefix("id: ") {
                id = text.parse().unwrap();
            } else if let Some(text) = line.strip_prefix("event: ") {
                text.clone_into(&mut kind);
            } else if let Some(text) = line.strip_prefix("data: ") {
                return Some((id, kind, serde_json::from_str(text).unwrap()));
            }
        }
    }

    fn kinds(mut self) -> Vec<String> {
        std::iter::from_fn(|| self.next().map(|(_, kind, _)| kind)).collect()
    }
}

fn commit_async(server: &TestServer, deployment: &Value, frames: Vec<u8>) -> crate::client::Answer {
    let target = format!("{}/commit", path_of(deployment));
    let ask = Ask::post(&target).field("Prefer", "handling=lenient, respond-async");
    server.send(ask.body("application/vnd.holm.blobs", frames))
}

#[test]
fn a_commit_may_go_on_behind_its_answer_and_its_events_tell_how() {
    let server = TestServer::start();
    let upload = Upload::new(&[("/index.html", "hello")]);
    let created = server.announce("blog", &upload).expect(201);
    let deployment = &created["deployment"];
    let mut stream = server.follow(deployment, 0);
    let (id, kind, data) = stream.next().unwrap();
    assert_eq!(
        (id, kind.as_str(), &data["event"]),
        (1, "created", &"created".into())
    );

    let answer = commit_async(&server, deployment, upload.frames(&created["missing"]));
    assert_eq!(answer.field("location"), Some(path_of(deployment).as_str()));
    assert_eq!(answer.field("preference-applied"), Some("respond-async"));
    assert!(
        answer
            .field("link")
            .unwrap()
            .contains("/events>; rel=\"monitor\"")
    );
    assert_eq!(answer.expect(202)["state"], "uploading");

    let (id, kind, data) = stream.next().unwrap();
    assert_eq!(
        (id, kind.as_str(), &data["stored_count"]),
        (2, "stored", &1.into())
    );
    assert_eq!(stream.kinds(), ["sealed", "served"]);
    assert_eq!(server.shown("blog"), text_of(&deployment["id"]));

    // Behind the last event seen; and behind the very last there is nothing more to come.
    assert_eq!(server.follow(deployment, 3).kinds(), ["served"]);
    assert_eq!(
        server.follow(deployment, 0).kinds(),
        ["created", "stored", "sealed", "served"]
    );
    let target = format!("{}/events", path_of(deployment));
    let done = server.send(Ask::get(&target).field("Last-Event-ID", "4"));
    assert_eq!(done.status, 204);
    let wrong = server.send(Ask::get(&target).field("Last-Event-ID", "x"));
    wrong.expect_problem("request/invalid");
    // Without the preference a commit is carried out before it is answered; twice tells nothing twice.
    server.commit(deployment, Vec::new()).expect(200);
    assert_eq!(server.follow(deployment, 3).kinds(), ["served"]);
}

#[test]
fn what_ends_a_deployment_ends_its_stream() {
    let server = TestServer::start();
    let upload = Upload::new(&[("/index.html", "hello")]);
    let cancelled = &server.announce("blog", &upload).expect(201)["deployment"];
    let stream = server.follow(cancelled, 1);
    server
        .post(&format!("{}/cancel", path_of(cancelled)))
        .expect(200);
    assert_eq!(stream.kinds(), ["cancelled"]);

    let slow = &server.announce("blog", &upload).expect(201)["deployment"];
    let stream = server.follow(slow, 1);
    server.clock.advance(Duration::from_hours(25));
    let again = server.restart();
    drop(stream);
    // The sweeper runs at the start.
    crate::server::wait_until("it is timed out", || again.state_of(slow) == "timed_out");
    assert_eq!(again.follow(slow, 1).kinds(), ["timed_out"]);
}

#[test]
fn a_deployment_that_is_not_served_yet_is_told_so() {
    let limits = ControlLimits {
        take_up_wait_max: Duration::from_millis(20),
        ..ControlLimits::default()
    };
    let server = TestServer::start_with(limits);
    server.deploy_text("blog", "one");
    server.edge.send_replace(false);
    let upload = Upload::new(&[("/index.html", "two")]);
    let created = server.announce("blog", &upload).expect(201);
    let frames = upload.frames(&created["missing"]);
    assert_eq!(
        commit_async(&server, &created["deployment"], frames).status,
        202
    );
    let mut stream = server.follow(&created["deployment"], 3);
    let (_, kind, data) = stream.next().unwrap();
    assert_eq!(
        (kind.as_str(), &data["code"]),
        ("not_served_yet", &"edge/not-taken-up".into())
    );
    assert!(stream.next().is_none());
}

#[test]
fn streams_have_a_maximum() {
    let limits = ControlLimits {
        event_streams_max: 1,
        ..ControlLimits::default()
    };
    let server = TestServer::start_with(limits);
    let upload = Upload::new(&[("/index.html", "hello")]);
    let deployment = &server.announce("blog", &upload).expect(201)["deployment"];
    let mut first = server.follow(deployment, 0);
    first.next().unwrap();
    let target = format!("{}/events", path_of(deployment));
    let problem = server.get(&target).expect_problem("server/busy");
    assert_eq!(problem["setting"], "control.event_streams_max");
}

#[test]
fn the_openapi_document_is_the_same_bytes_each_time() {
    let server = TestServer::start();
    let first = server.get("/v1/openapi.json");
    assert_eq!(first.body, server.get("/v1/openapi.json").body);
    assert_eq!(first.json()["info"]["version"], "0.0.0-test");
}
