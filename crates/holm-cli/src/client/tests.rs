//! What goes over the wire, and what is made of what comes back: a listener that records each request
//! and gives the answers it was told to give.

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::thread::JoinHandle;

use holm_types::{DeploymentId, ProjectName};

use super::*;

/// A request as it was received.
#[derive(Debug)]
struct Received {
    line: String,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
}

impl Received {
    fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(key, _)| key == name);
        found.map(|(_, value)| value.as_str())
    }
}

/// Answers one request after another, and hands back what it received.
fn listen(answers: Vec<String>) -> (Client, JoinHandle<Vec<Received>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let api = format!("http://{}", listener.local_addr().unwrap())
        .parse()
        .unwrap();
    let thread = std::thread::spawn(move || {
        let mut answers = answers.into_iter().peekable();
        let mut received = Vec::new();
        while answers.peek().is_some() {
            let (stream, _) = listener.accept().unwrap();
            serve(stream, &mut answers, &mut received);
        }
        received
    });
    let token = Some("holm_secret".parse().unwrap());
    let mut client = Client::new(Access {
        api,
        token,
        trust: crate::trust::Trust::default(),
    });
    client.limits.retry_pause = Duration::from_millis(1);
    (client, thread)
}

/// Instead of an answer: the connection is closed.
const HANG_UP: &str = "";

fn serve(
    stream: TcpStream,
    answers: &mut impl Iterator<Item = String>,
    received: &mut Vec<Received>,
) {
    let mut reader = BufReader::new(stream);
    while let Some(request) = receive(&mut reader) {
        received.push(request);
        match answers.next() {
            Some(answer) if answer != HANG_UP => {
                reader.get_mut().write_all(answer.as_bytes()).unwrap();
            }
            _ => return,
        }
    }
}

fn receive(reader: &mut BufReader<TcpStream>) -> Option<Received> {
    let mut line = String::new();
    reader
        .read_line(&mut line)
        .ok()
        .filter(|count| *count > 0)?;
    let mut headers = Vec::new();
    loop {
        let mut header = String::new();
        reader.read_line(&mut header).unwrap();
        let Some((name, value)) = header.trim_end().split_once(": ") else {
            break;
        };
        headers.push((name.to_ascii_lowercase(), value.to_owned()));
    }
    let mut request = Received {
        line: line.trim_end().to_owned(),
        headers,
        body: Vec::new(),
    };
    let length = request
        .header("content-length")
        .map_or(0, |text| text.parse().unwrap());
    request.body = vec![0; length];
    reader.read_exact(&mut request.body).unwrap();
    Some(request)
}

fn answer(status: &str, media_type: &str, body: &str) -> String {
    let length = body.len();
    format!(
        "HTTP/1.1 {status}\r\nContent-Type: {media_type}\r\nContent-Length: {length}\r\n\r\n{body}"
    )
}

fn instance() -> String {
    let body = r#"{"name":"holm","version":"9.9.9","is_claimed":true,"base_domain":"localhost"}"#;
    answer("200 OK", "application/json", body)
}

fn problem(status: u16, code: &str) -> String {
    let body = format!(
        r#"{{"type":"x","title":"Do this.","status":{status},"detail":"No.","code":"{code}","blame":"caller","retry":"no","request_id":"17"}}"#
    );
    answer(&format!("{status} X"), "application/problem+json", &body)
}

#[test]
fn requests_carry_token_and_version_on_one_kept_connection() {
    let (client, thread) = listen(vec![instance(), instance()]);
    client.instance_view().unwrap();
    assert_eq!(client.instance_view().unwrap().version, "9.9.9");
    drop(client);
    let received = thread.join().unwrap();
    assert_eq!(received[0].line, "GET /v1/instance HTTP/1.1");
    assert_eq!(
        received[1].header("authorization"),
        Some("Bearer holm_secret")
    );
    assert_eq!(
        received[1].header("user-agent"),
        Some(concat!("holm-cli/", env!("CARGO_PKG_VERSION")))
    );
}

#[test]
fn blobs_are_streamed_with_their_length_and_opened_anew_for_another_try() {
    let (client, thread) = listen(vec![
        problem(503, "server/busy"),
        answer("200 OK", "application/json", "{}"),
    ]);
    let opened = Cell::new(0);
    let body = vec![7_u8; 700_000];
    let frames = Frames {
        size_bytes: body.len() as u64,
        open: &|| {
            opened.set(opened.get() + 1);
            Box::new(body.as_slice())
        },
    };
    let project: ProjectName = "blog".parse().unwrap();
    let id = DeploymentId::from_bytes([1; 16]);
    client.blob_upload(&project, &id, &frames).unwrap();
    drop(client);
    let received = thread.join().unwrap();
    assert_eq!((received.len(), opened.get()), (2, 2));
    for request in received {
        assert_eq!(
            request.line,
            format!("PUT /v1/projects/blog/deployments/{id}/blobs HTTP/1.1")
        );
        assert_eq!(request.header("content-length"), Some("700000"));
        assert_eq!(request.header("transfer-encoding"), None);
        assert_eq!(
            request.header("content-type"),
            Some(holm_api::FRAME_MEDIA_TYPE)
        );
        assert_eq!(request.body, body);
    }
}

#[test]
fn a_body_that_stops_is_told_by_the_name_of_its_file() {
    let (client, _thread) = listen(vec![HANG_UP.into()]);
    let frames = Frames {
        size_bytes: 10,
        open: &|| Box::new(Stopping),
    };
    let id = DeploymentId::from_bytes([1; 16]);
    let error = client
        .deployment_commit(&"blog".parse().unwrap(), &id, &frames)
        .unwrap_err();
    assert!(
        matches!(&error, ClientError::Stopped(stopped) if stopped.path == "/a.js"),
        "{error:?}"
    );
}

/// A body of which a file changed.
struct Stopping;

impl Read for Stopping {
    fn read(&mut self, _: &mut [u8]) -> std::io::Result<usize> {
        Err(std::io::Error::other(Stopped {
            path: "/a.js".into(),
        }))
    }
}

#[test]
fn a_4xx_is_an_error_at_once_and_keeps_what_the_server_said() {
    let (client, thread) = listen(vec![problem(422, "blob/mismatch")]);
    let error = client.me_view().unwrap_err();
    assert_eq!(error.code(), Some("blob/mismatch"));
    let told = error.explain("ask");
    assert_eq!(told.to_string(), "could not ask: No");
    assert_eq!(
        (told.next_step(), told.request_id()),
        (Some("Do this."), Some("17"))
    );
    drop(client);
    assert_eq!(thread.join().unwrap().len(), 1);
}

#[test]
fn busy_is_tried_a_few_times_and_then_told() {
    let (client, thread) = listen(vec![problem(503, "server/busy"); 5]);
    let error = client.instance_view().unwrap_err();
    assert_eq!(error.explain("x").exit(), crate::exit::Exit::Quota);
    drop(client);
    assert_eq!(thread.join().unwrap().len(), 5);
}

#[test]
fn a_lost_answer_is_asked_for_again_only_where_twice_does_no_harm() {
    let (client, thread) = listen(vec![instance(), HANG_UP.into(), instance(), HANG_UP.into()]);
    client.instance_view().unwrap();
    client.instance_view().unwrap();
    let error = client
        .project_rollback(&"blog".parse().unwrap())
        .unwrap_err();
    assert!(matches!(error, ClientError::Lost { .. }), "{error:?}");
    drop(client);
    let lines: Vec<String> = thread
        .join()
        .unwrap()
        .into_iter()
        .map(|request| request.line)
        .collect();
    assert_eq!(lines.len(), 4);
    assert_eq!(lines[3], "POST /v1/projects/blog/rollback HTTP/1.1");
}

#[test]
fn redirects_are_not_followed_and_strangers_are_recognized() {
    let elsewhere =
        "HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n";
    let html = answer("200 OK", "text/html", "<html>");
    let (client, thread) = listen(vec![elsewhere.into(), html]);
    assert!(matches!(
        client.me_view(),
        Err(ClientError::NotHolm { status: 302, .. })
    ));
    assert!(matches!(
        client.me_view(),
        Err(ClientError::Unreadable { .. })
    ));
    drop(client);
    assert_eq!(thread.join().unwrap().len(), 2);
}

#[test]
fn nobody_there_is_told_at_once_with_the_next_step() {
    // Reserved for a service of the past; a port that was free a moment ago may be another test's now.
    let api = "http://127.0.0.1:1";
    let client = Client::new(Access {
        api: api.parse().unwrap(),
        token: None,
        trust: crate::trust::Trust::default(),
    });
    let told = client.instance_view().unwrap_err().explain("ask");
    assert!(
        told.why().starts_with(&format!("no connection to {api}: ")),
        "{told}"
    );
    assert!(told.next_step().unwrap().contains("holm serve"), "{told}");
}
