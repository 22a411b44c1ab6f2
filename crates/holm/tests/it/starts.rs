//! Starting, stopping, and what a second start finds.

use std::time::{Duration, Instant};

use crate::http::{get, post_form};
use crate::program::{Bench, signal};

#[test]
fn up_without_a_folder_shows_the_sample_and_says_where_everything_is() {
    let bench = Bench::new();
    let server = bench.up(None);
    let answer = get(server.text("url"));
    assert_eq!(answer.status, 200);
    assert!(answer.text().contains("<html"));
    assert!(server.text("token").starts_with("holm_"));
    assert!(
        server
            .text("owner_link")
            .starts_with(server.text("console_url"))
    );
    assert_eq!(get(server.text("console_url")).status, 200);
    assert_eq!(server.stop(), Some(0));
}

#[test]
fn tls_where_the_configuration_says_so_with_a_certificate_of_its_own() {
    use std::io::{Read as _, Write as _};
    use std::os::unix::fs::PermissionsExt as _;
    let bench = Bench::new();
    let site = bench.site("blog", &[("index.html", "x")]);
    let data = bench.path("data");
    std::fs::create_dir(&data).unwrap();
    std::fs::write(data.join("holm.toml"), "[tls]\nlisten = \"127.0.0.1:0\"\n").unwrap();
    let server = bench.up(Some(&site));
    let url = server.text("https_url");
    let authority = url.strip_prefix("https://").unwrap().trim_end_matches('/');
    let (host, port) = authority.rsplit_once(':').unwrap();
    assert_eq!(host, "blog.localhost");
    let key = std::fs::metadata(data.join("tls/development.key")).unwrap();
    assert_eq!(key.permissions().mode() & 0o777, 0o600);
    // Who speaks no TLS there is told so in TLS: an alert, which is never sent in clear text HTTP.
    let mut stream = std::net::TcpStream::connect(format!("127.0.0.1:{port}")).unwrap();
    stream.write_all(b"GET / HTTP/1.1\r\n\r\n").unwrap();
    let mut first = [0];
    stream.read_exact(&mut first).unwrap();
    assert_eq!(
        first,
        [21],
        "the content type of an alert (RFC 8446 section 5.1)"
    );
    assert_eq!(server.stop(), Some(0));
}

#[test]
fn what_was_deployed_is_there_after_a_stop_and_after_a_kill() {
    let bench = Bench::new();
    let site = bench.site("blog", &[("index.html", "<h1>first</h1>")]);
    bench.up(Some(&site)).kill();
    let other = bench.site("other", &[("index.html", "<h1>other</h1>")]);
    let server = bench.up(Some(&other));
    assert!(
        get(&server.host("blog.localhost", "/"))
            .text()
            .contains("first")
    );
    assert!(
        get(&server.host("other.localhost", "/"))
            .text()
            .contains("other")
    );
    assert_eq!(server.stop(), Some(0));
    let doctor = bench.run(&["doctor", "--data", bench.path("data").to_str().unwrap()]);
    assert!(
        doctor.status.success(),
        "{}",
        String::from_utf8_lossy(&doctor.stdout)
    );
}

/// The first answer of a server that may not listen yet.
fn answer_once_it_listens(address: &str, url: &str) -> String {
    let give_up = Instant::now() + Duration::from_secs(30);
    while std::net::TcpStream::connect(address).is_err() {
        assert!(Instant::now() < give_up, "nobody listens at {address}");
        std::thread::sleep(Duration::from_millis(1));
    }
    get(url).text()
}

/// As after a restore. A start that lets visitors in too early does not fail each time, so there are some.
#[test]
fn nobody_is_told_not_found_before_the_first_snapshot() {
    let bench = Bench::new();
    let site = bench.site("blog", &[("index.html", "<h1>first</h1>")]);
    let server = bench.up(Some(&site));
    let url = server.host("blog.localhost", "/");
    let (site_at, control_at) = server.addresses();
    assert_eq!(server.stop(), Some(0));
    for _ in 0..5 {
        std::fs::remove_dir_all(bench.path("data/snapshots")).unwrap();
        let seen = std::thread::scope(|scope| {
            let visitor = scope.spawn(|| answer_once_it_listens(&site_at, &url));
            let server = bench.serve_at(&site_at, &control_at);
            let answer = visitor.join().unwrap();
            assert_eq!(server.stop(), Some(0));
            answer
        });
        assert!(seen.contains("first"), "{seen}");
    }
}

#[test]
fn a_second_server_on_the_same_folder_is_refused_by_name() {
    let bench = Bench::new();
    let site = bench.site("blog", &[("index.html", "x")]);
    let _server = bench.up(Some(&site));
    let data = bench.path("data");
    let second = bench.run(&[
        "serve",
        "--listen",
        "127.0.0.1:0",
        "--control-listen",
        "127.0.0.1:0",
        "--data",
        data.to_str().unwrap(),
    ]);
    assert_eq!(second.status.code(), Some(5));
    let stderr = String::from_utf8_lossy(&second.stderr).into_owned();
    assert!(stderr.contains("in use by another Holm"), "{stderr}");
    assert!(stderr.contains("hint:"), "{stderr}");
}

#[test]
fn a_taken_port_is_named_with_the_flag_that_changes_it() {
    let bench = Bench::new();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let data = bench.path("data");
    let output = bench.run(&[
        "serve",
        "--listen",
        &address,
        "--control-listen",
        "127.0.0.1:0",
        "--data",
        data.to_str().unwrap(),
    ]);
    assert_eq!(output.status.code(), Some(5));
    let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(
        stderr.contains(&address) && stderr.contains("--listen"),
        "{stderr}"
    );
}

#[test]
fn the_api_is_not_opened_beyond_loopback_for_a_server_without_an_owner() {
    let bench = Bench::new();
    let data = bench.path("data");
    let output = bench.run(&[
        "serve",
        "--listen",
        "127.0.0.1:0",
        "--control-listen",
        "0.0.0.0:0",
        "--data",
        data.to_str().unwrap(),
    ]);
    assert_eq!(output.status.code(), Some(2));
    let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(stderr.contains("refuse to open the API"), "{stderr}");
}

#[test]
fn the_owner_link_works_once_and_is_gone_after_that() {
    let bench = Bench::new();
    let site = bench.site("blog", &[("index.html", "x")]);
    let server = bench.up(Some(&site));
    let link = server.text("owner_link").to_owned();
    // Looking at the page claims nothing; a chat's link preview must not become the owner.
    assert_eq!(get(&link).status, 200);
    assert_eq!(get(&link).status, 200);
    let origin = server.text("console_url").to_owned();
    let (address, code) = link.split_once("?code=").unwrap();
    let form = format!("code={code}");
    let foreign = post_form(address, "http://evil.example", &form);
    assert_eq!(foreign.status, 403, "{}", foreign.text());
    let claim = post_form(address, &origin, &form);
    assert_eq!(claim.status, 200, "{}", claim.text());
    assert!(claim.text().contains("holm login") && claim.text().contains("holm_"));
    let again = post_form(address, &origin, &form);
    assert!(matches!(again.status, 403 | 409), "{}", again.status);
    server.kill();
    let server = bench.up(Some(&site));
    assert!(server.ready["owner_link"].is_null(), "{}", server.ready);
}

#[test]
fn a_signal_during_the_deploy_of_up_ends_it_with_the_number_of_the_signal() {
    use rustix::process::Signal;
    for (sent, want) in [(Signal::INT, 130), (Signal::TERM, 143)] {
        let bench = Bench::new();
        let site = bench.site("blog", &[("index.html", "x")]);
        // Enough to hash that the deploy is still going on when the signal arrives.
        for name in 0..40 {
            let file = std::fs::File::create(site.join(format!("{name}.bin"))).unwrap();
            file.set_len(20_000_000 + name).unwrap();
        }
        let mut command = bench.command();
        command.arg("up").arg(&site).args([
            "--listen",
            "127.0.0.1:0",
            "--control-listen",
            "127.0.0.1:0",
        ]);
        let mut child = bench.spawn(command);
        let start = std::time::Instant::now();
        while !bench.path("data/control.db").exists() {
            assert!(start.elapsed().as_secs() < 20, "{}", bench.said());
            std::thread::sleep(std::time::Duration::from_millis(10));
        }
        signal(&child, sent);
        assert_eq!(child.wait().unwrap().code(), Some(want), "{}", bench.said());
        assert!(bench.said().contains("stopped by a signal"));
    }
}

#[test]
fn doctor_finds_a_lost_or_torn_snapshot_and_files_that_are_none() {
    use std::fs;
    let bench = Bench::new();
    let site = bench.site("blog", &[("index.html", "x")]);
    assert_eq!(bench.up(Some(&site)).stop(), Some(0));
    let data = bench.path("data");
    let doctor = || {
        let output = bench.run(&["doctor", "--data", data.to_str().unwrap()]);
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        (output.status.code(), said)
    };
    assert_eq!(doctor().0, Some(0), "{}", doctor().1);

    let records = bench.path("away");
    fs::rename(data.join("records"), &records).unwrap();
    fs::write(data.join("records"), "x").unwrap();
    let (code, said) = doctor();
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains("BAD records"), "{said}");
    fs::remove_file(data.join("records")).unwrap();
    fs::rename(&records, data.join("records")).unwrap();

    let newest = fs::read_dir(data.join("snapshots")).unwrap();
    let newest = newest.map(|entry| entry.unwrap().path()).max().unwrap();
    fs::write(&newest, "torn").unwrap();
    for _ in 0..2 {
        let (code, said) = doctor();
        assert_eq!(code, Some(1), "{said}");
        assert!(said.contains("BAD snapshot"), "{said}");
    }
    fs::remove_dir_all(data.join("snapshots")).unwrap();
    let (code, said) = doctor();
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains("no snapshot of them"), "{said}");
}
