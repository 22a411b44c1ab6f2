//! The edge serves while control is down.

use std::time::{Duration, Instant};

use crate::http::get;
use crate::program::Bench;

/// More than the 10 s after which the control plane is opened again.
const OPEN_AGAIN_MAX: Duration = Duration::from_secs(40);

#[test]
fn sites_are_served_while_the_database_is_damaged_and_control_comes_back() {
    let bench = Bench::new();
    let site = bench.site("blog", &[("index.html", "one")]);
    let server = bench.up(Some(&site));
    let (page, api) = (
        server.host("blog.localhost", "/"),
        server.text("api_url").to_owned(),
    );
    let (listen, control_listen) = server.addresses();
    assert_eq!(server.stop(), Some(0));
    let database = bench.path("data/control.db");
    let whole = std::fs::read(&database).unwrap();
    let noise: Vec<u8> = (0..=250).cycle().take(whole.len()).collect();
    std::fs::write(&database, noise).unwrap();

    let server = bench.serve_at(&listen, &control_listen);
    assert_eq!(get(&page).text(), "one");
    let refused = get(&format!("{api}/v1/projects"));
    assert_eq!(refused.status, 503, "{}", refused.text());
    assert_eq!(
        refused.header("content-type"),
        Some("application/problem+json")
    );
    assert!(refused.text().contains("storage/unavailable"));
    let said = bench.said();
    assert!(
        said.contains("error: open the control plane") && said.contains("because:"),
        "{said}"
    );
    assert!(said.contains("holm doctor"), "{said}");

    std::fs::write(&database, whole).unwrap();
    let start = Instant::now();
    while get(&format!("{api}/v1/projects")).status == 503 {
        assert!(start.elapsed() < OPEN_AGAIN_MAX, "{}", bench.said());
        std::thread::sleep(Duration::from_millis(200));
    }
    assert_eq!(get(&page).text(), "one");
    assert_eq!(server.stop(), Some(0));
}

#[test]
fn it_stops_in_order_while_the_database_is_damaged() {
    let bench = Bench::new();
    let site = bench.site("blog", &[("index.html", "one")]);
    assert_eq!(bench.up(Some(&site)).stop(), Some(0));
    std::fs::write(bench.path("data/control.db"), [7; 8192]).unwrap();
    let server = bench.serve_at("127.0.0.1:0", "127.0.0.1:0");
    assert!(server.ready["owner_link"].is_null());
    assert_eq!(server.stop(), Some(0));
}

#[test]
fn without_anything_to_serve_a_damaged_database_ends_the_start() {
    let bench = Bench::new();
    std::fs::create_dir_all(bench.path("data")).unwrap();
    std::fs::write(bench.path("data/control.db"), [7; 8192]).unwrap();
    let data = bench.path("data");
    let output = bench.run(&[
        "serve",
        "--listen",
        "127.0.0.1:0",
        "--control-listen",
        "127.0.0.1:0",
        "--data",
        data.to_str().unwrap(),
    ]);
    assert_eq!(output.status.code(), Some(1));
}
