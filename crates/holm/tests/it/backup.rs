//! A back-up while deploys go on, and what is made of it; back-ups that are torn; storage that is given
//! back.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

use serde_json::Value;

use crate::http::get;
use crate::program::{Bench, Server};

fn text_of(output: &std::process::Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

fn large(number: usize) -> String {
    format!("round {number} ").repeat(10_000)
}

fn api(server: &Server<'_>, method: &str, path: &str, token: &str) -> crate::http::Answer {
    let bearer = format!("Bearer {token}");
    let url = format!("{}/v1{path}", server.text("api_url"));
    crate::http::ask(method, &url, &[("Authorization", &bearer)])
}

fn deployments(server: &Server<'_>, token: &str) -> Vec<Value> {
    let list = api(server, "GET", "/projects/load/deployments?limit=100", token);
    let list: Value = serde_json::from_str(&list.text()).unwrap();
    list["data"].as_array().unwrap().clone()
}

/// Deploys one round after another, each of files of its own and one that all share; every third one is
/// deleted again.
fn load(bench: &Bench, server: &Server<'_>, stop: &AtomicBool) -> usize {
    let mut rounds = 0;
    while !stop.load(Ordering::SeqCst) {
        let files = [
            ("index.html", format!("round {rounds}")),
            ("large.txt", large(rounds)),
            ("shared.txt", large(1_000_000)),
        ];
        let files: Vec<_> = files
            .iter()
            .map(|(path, text)| (*path, text.as_str()))
            .collect();
        let site = bench.site("load", &files);
        let made = server.deploy(&site, "load");
        rounds += 1;
        if rounds % 3 == 0 {
            let id = deployments(server, server.text("token"))
                .iter()
                .find(|row| row["is_live"] == false)
                .map(|row| row["id"].as_str().unwrap().to_owned());
            let path = format!("/projects/load/deployments/{}", id.unwrap());
            let gone = api(server, "DELETE", &path, server.text("token"));
            assert_eq!(gone.status, 204, "{}", gone.text());
        }
        assert_eq!(made["state"].as_str().unwrap_or("sealed"), "sealed");
    }
    rounds
}

/// Backs up while somebody deploys, deletes and collects; the newest of three back-ups.
fn back_up_under_load(bench: &Bench, server: &Server<'_>) -> PathBuf {
    let stop = AtomicBool::new(false);
    let file = bench.path("all.backup");
    let rounds = std::thread::scope(|scope| {
        let loading = scope.spawn(|| load(bench, server, &stop));
        for _ in 0..3 {
            std::thread::sleep(std::time::Duration::from_millis(500));
            server.run(&["storage", "--collect"]);
            let name = file.to_str().unwrap();
            let saved = server.json(&["backup", name, "--force", "--with-keys", "--json"]);
            assert!(saved["blob_count"].as_u64().unwrap() > 3, "{saved}");
            assert_eq!(saved["file_bytes"], std::fs::metadata(&file).unwrap().len());
        }
        stop.store(true, Ordering::SeqCst);
        loading.join().unwrap()
    });
    assert!(rounds > 3, "{rounds} rounds");
    file
}

fn restore(bench: &Bench, file: &Path) -> std::process::Output {
    let data = bench.path("data");
    bench.run(&[
        "restore",
        file.to_str().unwrap(),
        "--data",
        data.to_str().unwrap(),
        "--json",
    ])
}

#[test]
fn a_back_up_under_load_is_restored_on_another_machine() {
    let bench = Bench::new();
    let server = bench.up(None);
    let file = back_up_under_load(&bench, &server);
    let (token, url) = (
        server.text("token").to_owned(),
        server.text("url").to_owned(),
    );
    let api_url = server.text("api_url").to_owned();
    assert_eq!(server.stop(), Some(0));

    let other = Bench::new();
    let restored = restore(&other, &file);
    assert!(restored.status.success(), "{}", text_of(&restored));
    let doctor = other.run(&["doctor", "--data", other.path("data").to_str().unwrap()]);
    let said = String::from_utf8_lossy(&doctor.stdout).into_owned();
    // There is no snapshot before the first start, which is all that is said.
    assert!(
        !said.contains("damaged") && !said.contains("not in the store"),
        "{said}"
    );
    let again = restore(&other, &file);
    assert_eq!(again.status.code(), Some(5), "it is not empty any more");

    let port = |url: &str| {
        url.trim_end_matches('/')
            .rsplit_once(':')
            .unwrap()
            .1
            .to_owned()
    };
    let at = |url: &str| format!("127.0.0.1:{}", port(url));
    let server = other.serve_at(&at(&url), &at(&api_url));
    let rows = deployments(&server, &token);
    let sealed: Vec<_> = rows.iter().filter(|row| row["state"] == "sealed").collect();
    assert!(sealed.len() > 2, "{rows:?}");
    let mut seen_count = 0;
    for row in sealed {
        let url = row["url"].as_str().unwrap();
        let answer = get(url);
        if answer.status == 401 {
            // More than retention keeps: it took this one after the rows were read, and says so.
            let now = deployments(&server, &token);
            let state = now.iter().find(|now| now["id"] == row["id"]);
            assert_eq!(state.unwrap()["state"], "expired");
            continue;
        }
        seen_count += 1;
        let page = answer.text();
        let number: usize = page.strip_prefix("round ").unwrap().parse().unwrap();
        assert_eq!(get(&format!("{url}/large.txt")).text(), large(number));
        assert_eq!(get(&format!("{url}/shared.txt")).text(), large(1_000_000));
    }
    assert!(seen_count > 2, "{rows:?}");
    let production = get(&format!("http://load.localhost:{}/", port(&url)));
    assert!(production.text().starts_with("round "));
    drop(server);
    let doctor = other.run(&["doctor", "--data", other.path("data").to_str().unwrap()]);
    let said = String::from_utf8_lossy(&doctor.stdout).into_owned();
    assert!(doctor.status.success(), "{said}");
}

#[test]
fn a_torn_or_foreign_file_is_refused_and_leaves_nothing() {
    let bench = Bench::new();
    let site = bench.site("blog", &[("index.html", "one"), ("large.txt", &large(1))]);
    let server = bench.up(Some(&site));
    let file = bench.path("all.backup");
    server.json(&["backup", file.to_str().unwrap(), "--with-keys", "--json"]);
    let refused = server.run(&["backup", file.to_str().unwrap()]);
    assert_eq!(
        refused.status.code(),
        Some(5),
        "there is a file of this name"
    );
    drop(server);
    let whole = std::fs::read(&file).unwrap();
    let other = Bench::new();
    let check = |bytes: &[u8], want: &str| {
        let file = other.path("torn.backup");
        std::fs::write(&file, bytes).unwrap();
        let refused = restore(&other, &file);
        let said = text_of(&refused);
        assert_eq!(refused.status.code(), Some(1), "{said}");
        assert!(said.contains(want), "{want}: {said}");
        let left = std::fs::read_dir(other.path("data")).unwrap();
        let left: Vec<_> = left.map(|entry| entry.unwrap().file_name()).collect();
        assert!(left.is_empty(), "{left:?}");
    };
    let half = whole.len() / 2;
    check(&whole[..half], &format!("it ends at byte {half}"));
    check(&whole[..whole.len() - 1], "torn");
    check(b"something else entirely", "not a back-up of Holm");
    let mut flipped = whole.clone();
    flipped[half] ^= 1;
    check(&flipped, "damaged before byte");
    let mut unknown = whole.clone();
    let at = unknown
        .windows(10)
        .position(|window| window == b"control.db")
        .unwrap();
    unknown[at..at + 10].copy_from_slice(b"../evil.db");
    check(&unknown, "`../evil.db`, which this program does not know");

    assert!(restore(&other, &file).status.success());
}

#[test]
fn a_half_restored_folder_does_not_start_and_is_restored_again() {
    let bench = Bench::new();
    let site = bench.site("blog", &[("index.html", "one")]);
    let server = bench.up(Some(&site));
    let file = bench.path("all.backup");
    server.json(&["backup", file.to_str().unwrap(), "--with-keys", "--json"]);
    drop(server);
    let other = Bench::new();
    assert!(restore(&other, &file).status.success());
    // As if killed before its end.
    std::fs::write(other.path("data/restoring"), "").unwrap();
    let data = other.path("data");
    let data = data.to_str().unwrap();
    let started = other.run(&["serve", "--data", data, "--listen", "127.0.0.1:0"]);
    assert_eq!(started.status.code(), Some(1));
    let said = text_of(&started);
    assert!(said.contains("half of a back-up"), "{said}");
    assert!(!other.run(&["doctor", "--data", data]).status.success());
    assert!(restore(&other, &file).status.success());
    assert!(!other.path("data/restoring").exists());
}

#[test]
fn storage_says_what_is_there_and_collects() {
    let bench = Bench::new();
    let site = bench.site("blog", &[("index.html", "one"), ("large.txt", &large(1))]);
    let server = bench.up(Some(&site));
    let site = bench.site("blog", &[("index.html", "two"), ("large.txt", &large(2))]);
    server.deploy(&site, "blog");
    let token = server.text("token");
    let first = api(&server, "GET", "/projects/blog/deployments", token);
    let first: Value = serde_json::from_str(&first.text()).unwrap();
    let id = first["data"][1]["id"].as_str().unwrap();
    api(
        &server,
        "DELETE",
        &format!("/projects/blog/deployments/{id}"),
        token,
    );
    let look = server.json(&["storage", "--dry-run", "--json"]);
    assert!(look["dead_count"].as_u64().unwrap() >= 3, "{look}");
    let done = server.json(&["storage", "--collect", "--json"]);
    assert!(done["freed_bytes"].as_u64().unwrap() >= 70_000, "{done}");
    let said = server.run(&["storage"]);
    let said = String::from_utf8_lossy(&said.stdout).into_owned();
    assert!(said.contains("in own files     1 blobs"), "{said}");
    assert!(said.contains("last collection"), "{said}");
}
