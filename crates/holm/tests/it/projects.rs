//! A project around its deployments: variables, settings, retention, deletion, limits.

use std::io::Write as _;
use std::path::Path;
use std::process::{Output, Stdio};

use serde_json::Value;

use crate::http::get;
use crate::program::{Bench, Server};

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[track_caller]
fn fine(output: &Output) -> String {
    assert!(output.status.success(), "{}", text(&output.stderr));
    text(&output.stdout)
}

/// Waits for something that the server does behind.
#[track_caller]
fn wait_until(what: &str, is_so: impl Fn() -> bool) {
    for _ in 0..400 {
        if is_so() {
            return;
        }
        std::thread::sleep(std::time::Duration::from_millis(25));
    }
    panic!("waited 10 s until {what}");
}

#[test]
fn variables_are_set_listed_pulled_and_deleted() {
    let bench = Bench::new();
    let site = bench.site("blog", &[("index.html", "x")]);
    let server = bench.up(Some(&site));
    let on_blog = |words: &[&str]| server.run(&[words, &["--project", "blog"]].concat());
    fine(&on_blog(&[
        "env",
        "add",
        "API_URL",
        "https://api.example/v1",
    ]));
    fine(&on_blog(&[
        "env",
        "set",
        "MODE",
        "it's # fine",
        "--env",
        "preview",
    ]));
    std::fs::write(bench.path("more.env"), "# two\nA=1\nexport B=\"x\\ny\"\n").unwrap();
    fine(&on_blog(&["env", "add", "--file", "more.env"]));
    fine(&on_blog(&["env", "add", "KEY", "hunter2", "--secret"]));
    let listed = fine(&on_blog(&["env", "ls"]));
    assert!(listed.contains("API_URL  both"), "{listed}");
    assert!(
        listed.contains("(secret)") && !listed.contains("hunter2"),
        "{listed}"
    );
    let json: Value = serde_json::from_str(&fine(&on_blog(&["env", "ls", "--json"]))).unwrap();
    assert_eq!(json["data"].as_array().unwrap().len(), 9, "{json}");
    std::fs::write(bench.path(".env"), "LOCAL=1\nMODE=old\n").unwrap();
    assert_eq!(fine(&on_blog(&["env", "pull"])), ".env\n");
    let pulled = std::fs::read_to_string(bench.path(".env")).unwrap();
    assert_eq!(
        pulled,
        "LOCAL=1\nMODE=\"it's # fine\"\nA=1\nAPI_URL=https://api.example/v1\nB=\"x\\ny\"\n# KEY= is a secret: the server never shows its value\n"
    );
    fine(&on_blog(&["env", "rm", "KEY", "--env", "preview"]));
    let gone = on_blog(&["env", "rm", "KEY", "--env", "preview"]);
    assert_eq!(gone.status.code(), Some(4), "{}", text(&gone.stderr));
    let bad = on_blog(&["env", "add", "1A", "x"]);
    assert_eq!(bad.status.code(), Some(2));
    let long = on_blog(&["env", "add", "LONG", &"x".repeat(501)]);
    assert_eq!(long.status.code(), Some(6));
    let said = text(&long.stderr);
    assert!(said.contains("limit 500, here 501"), "{said}");
    assert!(said.contains("control.variable_value_bytes_max"), "{said}");
}

/// Every file below a folder that has these bytes in it.
fn files_with(folder: &Path, needle: &[u8], found: &mut Vec<String>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files_with(&path, needle, found);
        } else if path.is_file() {
            let bytes = std::fs::read(&path).unwrap();
            if bytes.windows(needle.len()).any(|window| window == needle) {
                found.push(path.display().to_string());
            }
        }
    }
}

fn pipe_secret(bench: &Bench, server: &Server<'_>, name: &str, value: &str) -> Output {
    let mut child = bench
        .command()
        .args([
            "env",
            "add",
            name,
            "--secret",
            "--project",
            "blog",
            "--json",
        ])
        .env("HOLM_API", server.text("api_url"))
        .env("HOLM_TOKEN", server.text("token"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    stdin.write_all(value.as_bytes()).unwrap();
    drop(stdin);
    child.wait_with_output().unwrap()
}

#[test]
fn a_secret_is_in_no_file_and_in_no_output_also_after_a_kill() {
    let bench = Bench::new();
    let site = bench.site("blog", &[("index.html", "x")]);
    let server = bench.up(Some(&site));
    let canary = "canary-91b6c2d4";
    let outputs = [
        pipe_secret(&bench, &server, "KEY", canary),
        // Refused: over the limit, and of a bad name.
        pipe_secret(&bench, &server, "KEY", &canary.repeat(50)),
        pipe_secret(&bench, &server, "K-Y", canary),
        server.run(&["env", "ls", "--json", "--project", "blog"]),
        server.run(&["env", "pull", "--env", "production", "--project", "blog"]),
    ];
    let outcomes: Vec<bool> = outputs
        .iter()
        .map(|output| output.status.success())
        .collect();
    assert_eq!(outcomes, [true, false, false, true, true]);
    let deployed = server.deploy(&site, "blog");
    let id = deployed["deployment_id"].as_str().unwrap();
    let inspected = server.run(&["inspect", id, "--project", "blog"]);
    assert!(fine(&inspected).contains("KEY=(secret)"));
    for output in outputs.iter().chain([&inspected]) {
        let said = text(&output.stdout) + &text(&output.stderr);
        assert!(!said.contains(canary), "{said}");
    }
    let nowhere = || {
        let mut found = Vec::new();
        files_with(&bench.path(""), canary.as_bytes(), &mut found);
        assert_eq!(found, Vec::<String>::new());
    };
    nowhere();
    server.kill();
    nowhere();
}

#[test]
fn a_key_that_others_may_read_or_that_is_gone_keeps_the_control_plane_closed_and_sites_up() {
    use std::os::unix::fs::PermissionsExt;
    let bench = Bench::new();
    let site = bench.site("blog", &[("index.html", "x")]);
    let server = bench.up(Some(&site));
    let production = server.host("blog.localhost", "/");
    let key = bench.path("data/secrets.key");
    let mode = || std::fs::metadata(&key).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(), 0o600);
    let (listen, _) = server.addresses();
    server.stop();
    let check = |want: &str| {
        let server = bench.serve_at(&listen, "127.0.0.1:0");
        assert_eq!(get(&production).text(), "x");
        wait_until(want, || bench.said().contains(want));
        assert_eq!(
            get(&format!("{}/v1/instance", server.text("api_url"))).status,
            503
        );
        server.stop();
    };
    std::fs::set_permissions(&key, PermissionsExt::from_mode(0o644)).unwrap();
    check("others may read the key");
    std::fs::set_permissions(&key, PermissionsExt::from_mode(0o600)).unwrap();
    let bytes = std::fs::read(&key).unwrap();
    std::fs::write(&key, &bytes[..31]).unwrap();
    check("has 31 bytes");
    std::fs::write(&key, [9; 32]).unwrap();
    check("is not the one");
    std::fs::remove_file(&key).unwrap();
    check("is gone");
    assert!(!key.exists(), "no other key is made");
}

#[test]
fn retention_pins_and_redeploying() {
    let bench = Bench::new();
    let site = bench.site("blog", &[("index.html", "0")]);
    let server = bench.up(Some(&site));
    let deploy = |content: &str| {
        std::fs::write(site.join("index.html"), content).unwrap();
        server.deploy(&site, "blog")
    };
    let set = [
        "projects",
        "set",
        "--project",
        "blog",
        "--deployments-kept",
        "3",
        "--display-name",
        "My blog",
    ];
    let settings = fine(&server.run(&set));
    assert!(settings.contains("deployments kept        3"), "{settings}");
    let pinned = deploy("pinned");
    let url = pinned["url"].as_str().unwrap();
    assert_eq!(fine(&server.run(&["pin", url])).trim_end(), url);
    let old = deploy("old");
    let old_url = old["url"].as_str().unwrap();
    assert_eq!(get(old_url).status, 200);
    for content in ["1", "2", "3"] {
        deploy(content);
    }
    wait_until("the old one answers 401", || get(old_url).status == 401);
    assert_eq!(get(url).text(), "pinned");
    let id = old["deployment_id"].as_str().unwrap();
    let again = fine(&server.run(&["redeploy", id, "--project", "blog"]));
    assert_eq!(get(again.trim_end()).text(), "old");
    assert_eq!(get(&server.host("blog.localhost", "/")).text(), "old");
    let inspected = server.json(&["inspect", again.trim_end(), "--json"]);
    assert_eq!(inspected["deployment"]["redeployed_from"], id);
    assert_eq!(inspected["aliases"][0]["kind"], "production");
}

#[test]
fn deleting_asks_and_a_deleted_project_leaves_nothing_also_after_a_kill() {
    let bench = Bench::new();
    let site = bench.site("blog", &[("index.html", "x")]);
    let server = bench.up(Some(&site));
    let first = server.deploy(&site, "shop");
    for content in ["1", "2", "3"] {
        std::fs::write(site.join("index.html"), content).unwrap();
        server.deploy(&site, "shop");
    }
    let first_url = first["url"].as_str().unwrap();
    let refused = server.run(&["delete", first_url]);
    assert_eq!(refused.status.code(), Some(2));
    assert!(
        text(&refused.stderr).contains("--yes"),
        "{}",
        text(&refused.stderr)
    );
    assert_eq!(get(first_url).status, 200);
    fine(&server.run(&["delete", first_url, "--yes"]));
    assert_eq!(get(first_url).status, 410);
    let unknown = server.run(&["delete", "nobody", "--yes"]);
    assert_eq!(unknown.status.code(), Some(4));
    fine(&server.run(&["delete", "shop", "--yes"]));
    assert_eq!(get(&server.host("shop.localhost", "/")).status, 404);
    // At once: whatever the sweeper has done so far, the rest follows after the start.
    let shop = server.host("shop.localhost", "/");
    let blog = server.host("blog.localhost", "/");
    let (listen, _) = server.addresses();
    server.kill();
    let server = bench.serve_at(&listen, "127.0.0.1:0");
    assert_eq!((get(&shop).status, get(&blog).status), (404, 200));
    let data = bench.path("data");
    let doctor = || bench.run(&["doctor", "--data", data.to_str().unwrap()]);
    fine(&doctor());
    server.stop();
    fine(&doctor());
}

#[test]
fn limits_of_every_room_are_listed_with_what_holds() {
    let bench = Bench::new();
    std::fs::create_dir_all(bench.path("data")).unwrap();
    let file = "[limits]\n\"control.files_max\" = 1\n\"edge.connections_max\" = 777\n";
    std::fs::write(bench.path("data/holm.toml"), file).unwrap();
    let site = bench.site("blog", &[("index.html", "x")]);
    let server = bench.up(Some(&site));
    let list = server.json(&["limits", "--json"]);
    let rows = list["data"].as_array().unwrap();
    let value = |name: &str| &rows.iter().find(|row| row["name"] == name).unwrap()["value"];
    assert_eq!(
        (value("control.files_max"), value("edge.connections_max")),
        (&1.into(), &777.into())
    );
    for room in ["cli.", "server.", "site.", "storage.", "telemetry."] {
        assert!(
            rows.iter()
                .any(|row| row["name"].as_str().unwrap().starts_with(room)),
            "{room}"
        );
    }
    let table = fine(&server.run(&["limits", "files_max"]));
    assert!(table.contains("control.files_max"), "{table}");
    bench.site("blog", &[("two.html", "x")]);
    let refused = server.run(&["deploy", site.to_str().unwrap(), "--project", "blog"]);
    assert_eq!(refused.status.code(), Some(6));
    let said = text(&refused.stderr);
    assert!(
        said.contains("limit 1, here 2") && said.contains("control.files_max"),
        "{said}"
    );
}
