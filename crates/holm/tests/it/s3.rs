//! The whole program with its blobs in an S3 server; `cargo xtask check s3` starts one.

use std::path::Path;

use crate::http::get;
use crate::program::Bench;

/// `[storage]` for a prefix that no other test and no earlier run has used.
fn configure(bench: &Bench, folder: &Path, prefix: &str) -> std::path::PathBuf {
    let endpoint = std::env::var("HOLM_TEST_S3_ENDPOINT").expect("the address of an S3 server");
    let key = bench.path("key");
    std::fs::write(
        &key,
        "access_key_id = \"test\"\nsecret_access_key = \"hush-hush\"\n",
    )
    .unwrap();
    std::fs::create_dir_all(folder).unwrap();
    let file = folder.join("holm.toml");
    let text = format!(
        "[storage]\nkind = \"s3\"\nbucket = \"holm-test\"\nendpoint = \"{endpoint}\"\n\
         prefix = \"{prefix}-{}\"\ncredentials_file = \"{}\"\n",
        std::process::id(),
        key.display()
    );
    std::fs::write(&file, text).unwrap();
    file
}

#[test]
#[ignore = "needs an S3 server: cargo xtask check s3"]
fn s3_serves_deploys_collects_and_is_backed_up() {
    let bench = Bench::new();
    configure(&bench, &bench.path("data"), "program");
    let text = "large ".repeat(100_000);
    let site = bench.site("blog", &[("index.html", "one"), ("large.txt", &text)]);
    let server = bench.up(Some(&site));
    let first = server.json(&["deployments", "--project", "blog", "--json"]);
    assert_eq!(
        get(&server.host("blog.localhost", "/large.txt")).text(),
        text
    );
    assert!(!bench.path("data/blobs").exists(), "nothing is kept here");
    let site = bench.site("blog", &[("index.html", "two"), ("large.txt", &text)]);
    server.deploy(&site, "blog");
    assert_eq!(get(&server.host("blog.localhost", "/")).text(), "two");
    assert_eq!(first["data"].as_array().unwrap().len(), 1);
    let view = server.json(&["storage", "--collect", "--json"]);
    assert_eq!(view["dead_count"], 0, "{view}");
    let file = bench.path("all.backup");
    server.json(&["backup", file.to_str().unwrap(), "--with-keys", "--json"]);
    let url = server.text("url").trim_end_matches('/').to_owned();
    let (site_at, control_at) = server.addresses();
    assert_eq!(server.stop(), Some(0));

    let server = bench.serve_at(&site_at, &control_at);
    assert_eq!(
        get(&format!("{url}/large.txt")).text(),
        text,
        "after a restart"
    );
    assert!(!bench.said().contains("hush"), "{}", bench.said());
    let doctor = bench.run(&["doctor", "--data", bench.path("data").to_str().unwrap()]);
    let said = String::from_utf8_lossy(&doctor.stdout).into_owned();
    assert!(doctor.status.success() && !said.contains("hush"), "{said}");
    drop(server);

    let other = Bench::new();
    let config = configure(&other, &other.path("config"), "restored");
    let data = other.path("data");
    let words = [
        "restore",
        file.to_str().unwrap(),
        "--data",
        data.to_str().unwrap(),
    ];
    let clash = other.run(&words);
    let said = String::from_utf8_lossy(&clash.stderr).into_owned();
    assert!(said.contains("another server writes there"), "{said}");
    let restored = other.run(&[&words[..], &["--config", config.to_str().unwrap()]].concat());
    let said = String::from_utf8_lossy(&restored.stderr).into_owned();
    assert!(restored.status.success(), "{said}");
    let server = other.serve_at(&site_at, &control_at);
    let answer = get(&format!("{url}/large.txt"));
    // The file is too long to be shown.
    let is_right = answer.text() == text;
    assert!(is_right, "status {}", answer.status);
    assert_eq!(get(&format!("{url}/")).text(), "two");
    drop(server);
}
