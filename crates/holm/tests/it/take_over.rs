//! A next server takes the place of the one that runs.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use crate::http::get;
use crate::program::Bench;

/// A visitor whose connection stays open.
struct Visitor(TcpStream);

impl Visitor {
    fn new(address: &str) -> Self {
        let stream = TcpStream::connect(address).unwrap();
        stream
            .set_read_timeout(Some(Duration::from_secs(20)))
            .unwrap();
        Self(stream)
    }

    fn ask(&mut self) -> String {
        let request = b"GET / HTTP/1.1\r\nhost: blog.localhost\r\n\r\n";
        self.0.write_all(request).unwrap();
        let mut answer = Vec::new();
        let mut part = [0; 4096];
        while !answer.ends_with(b"</html>") {
            let count = self.0.read(&mut part).unwrap();
            assert!(
                count > 0,
                "cut after {:?}",
                String::from_utf8_lossy(&answer)
            );
            answer.extend_from_slice(&part[..count]);
        }
        String::from_utf8(answer).unwrap()
    }
}

fn doctor_is_content(bench: &Bench) {
    let doctor = bench.run(&["doctor", "--data", bench.path("data").to_str().unwrap()]);
    let said = String::from_utf8_lossy(&doctor.stdout).into_owned();
    assert!(doctor.status.success(), "{said}");
}

#[test]
fn visitors_and_deployments_go_over_to_the_next_server() {
    let bench = Bench::new();
    let site = bench.site("blog", &[("index.html", "<html>one</html>")]);
    let old = bench.up(Some(&site));
    let (listen, control_listen) = old.addresses();
    let page = old.host("blog.localhost", "/");
    let token = old.text("token").to_owned();
    let mut visitor = Visitor::new(&listen);
    assert!(!visitor.ask().contains("connection: close"));

    let new = bench.take_over(&listen, &control_listen);
    assert_eq!(new.ready["took_over_from"], old.pid());
    let last = visitor.ask();
    assert!(
        last.contains("200 OK") && last.contains("connection: close"),
        "{last}"
    );
    assert_eq!(old.ended(), Some(0), "{}", bench.said());

    bench.site("blog", &[("index.html", "<html>two</html>")]);
    let deployed = bench
        .command()
        .args([
            "deploy",
            site.to_str().unwrap(),
            "--project",
            "blog",
            "--prod",
        ])
        .env("HOLM_API", new.text("api_url"))
        .env("HOLM_TOKEN", &token)
        .output()
        .unwrap();
    assert!(deployed.status.success(), "{deployed:?}");
    assert_eq!(get(&page).text(), "<html>two</html>");
    assert!(Visitor::new(&listen).ask().contains("two"));

    let third = bench.take_over(&listen, &control_listen);
    assert_eq!(third.ready["took_over_from"], new.pid());
    assert_eq!(new.ended(), Some(0), "{}", bench.said());
    assert_eq!(get(&page).text(), "<html>two</html>");
    assert_eq!(third.stop(), Some(0));
    assert!(TcpStream::connect(&listen).is_err());
    assert!(!bench.path("data/handover.sock").exists());
    doctor_is_content(&bench);
}

#[test]
fn a_next_server_that_does_not_start_leaves_the_sites_to_the_old_one() {
    let bench = Bench::new();
    let site = bench.site("blog", &[("index.html", "<html>one</html>")]);
    let old = bench.up(Some(&site));
    let (listen, control_listen) = old.addresses();
    let (page, api) = (
        old.host("blog.localhost", "/"),
        old.text("api_url").to_owned(),
    );
    let wrong = bench.path("wrong.toml");
    std::fs::write(&wrong, "[limits]\n\"control.files_max\" = 999999999999\n").unwrap();
    let data = bench.path("data");
    let failed = bench.run(&[
        "serve",
        "--take-over",
        "--listen",
        &listen,
        "--control-listen",
        &control_listen,
        "--data",
        data.to_str().unwrap(),
        "--config",
        wrong.to_str().unwrap(),
    ]);
    let why = String::from_utf8_lossy(&failed.stderr).into_owned();
    assert_eq!(failed.status.code(), Some(1), "{why}");
    assert!(why.contains("control.files_max"), "{why}");
    let refused = get(&format!("{api}/v1/projects"));
    assert_eq!(refused.status, 503);
    assert!(
        refused.text().contains("a next server"),
        "{}",
        refused.text()
    );
    assert_eq!(get(&page).text(), "<html>one</html>");
    let said = bench.said();
    assert!(said.contains("`holm serve --take-over` again"), "{said}");

    let new = bench.take_over(&listen, &control_listen);
    assert_eq!(old.ended(), Some(0), "{}", bench.said());
    assert_eq!(get(&page).text(), "<html>one</html>");
    assert_eq!(get(&format!("{api}/v1/projects")).status, 401);
    assert_eq!(new.stop(), Some(0));
    doctor_is_content(&bench);
}

#[test]
fn without_a_server_it_starts_as_usual_and_another_holder_is_named() {
    let bench = Bench::new();
    let server = bench.take_over("127.0.0.1:0", "127.0.0.1:0");
    assert!(server.ready["took_over_from"].is_null());
    assert_eq!(server.stop(), Some(0));
    let data = bench.path("data");
    let held = std::fs::File::open(data.join("lock")).unwrap();
    held.lock().unwrap();
    let refused = bench.run(&["serve", "--take-over", "--data", data.to_str().unwrap()]);
    let said = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert_eq!(refused.status.code(), Some(5), "{said}");
    assert!(said.contains("no server there hands over"), "{said}");
    assert!(said.contains("hint:"), "{said}");
}
