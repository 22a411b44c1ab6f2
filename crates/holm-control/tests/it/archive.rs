//! Deployments from archives: unpacked by the server, or refused with nothing stored (S-06, S-08).

use std::path::Path;

use holm_control::ControlLimits;
use holm_storage::BlobStore as _;
use holm_testkit::{ZipEntry, hostile_zips, zip};
use holm_types::BlobDigest;
use serde_json::Value;

use crate::client::{Answer, Ask};
use crate::deploy::{path_of, text_of};
use crate::server::TestServer;

impl TestServer {
    fn send_zip(&self, query: &str, bytes: Vec<u8>) -> Answer {
        let target = format!("/v1/projects/blog/deployments{query}");
        self.send(Ask::post(&target).body("application/zip", bytes))
    }

    /// Every file of the data folder with its size, without the database's own.
    fn on_disk(&self) -> Vec<(String, u64)> {
        let mut found = Vec::new();
        let folder = self.db_file().parent().unwrap().to_owned();
        list(&folder, &mut found);
        found.retain(|(path, _)| !path.contains("control.db"));
        found.sort();
        found
    }
}

fn list(folder: &Path, found: &mut Vec<(String, u64)>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            list(&path, found);
        } else if let Ok(metadata) = path.metadata() {
            found.push((path.display().to_string(), metadata.len()));
        }
    }
}

fn paths(plan: &Value) -> Vec<&str> {
    let files = plan["files"].as_array().unwrap();
    files
        .iter()
        .map(|file| file["path"].as_str().unwrap())
        .collect()
}

/// More than one pack's worth, so that pieces and whole blobs both occur.
fn site() -> Vec<u8> {
    let large: Vec<u8> = (0..400_000_u32).map(|n| (n % 251) as u8).collect();
    zip(&[
        ZipEntry::deflated("index.html", b"<h1>from a ZIP</h1>"),
        ZipEntry::deflated(
            "edgeone.json",
            br#"{"redirects":[{"source":"/old","destination":"/","statusCode":301}]}"#,
        ),
        ZipEntry::folder("assets/"),
        ZipEntry::deflated("assets/large.bin", &large),
        ZipEntry::stored("assets/copy.html", b"<h1>from a ZIP</h1>").streamed(),
        ZipEntry::stored(".env", b"SECRET=1"),
        ZipEntry::stored("node_modules/x/index.js", b"x"),
        ZipEntry::stored("__MACOSX/._index.html", b"x"),
    ])
}

#[test]
fn an_archive_is_unpacked_and_served_in_two_calls() {
    let server = TestServer::start();
    let query = "?environment=production&create_project=true&branch=main&message=one%20two";
    let created = server.send_zip(query, site()).expect(201);
    assert_eq!(created["missing"], serde_json::json!([]));
    let deployment = &created["deployment"];
    assert_eq!(deployment["source"]["kind"], "archive");
    assert_eq!(deployment["source"]["message"], "one two");
    assert_eq!(deployment["file_count"], 4, "{deployment}");
    let sealed = server.commit(deployment, Vec::new()).expect(200);
    assert_eq!(server.shown("blog"), text_of(&sealed["id"]));
    let digest = BlobDigest::of(b"<h1>from a ZIP</h1>");
    let bytes = server.block_on(server.blobs.read_verified(digest)).unwrap();
    assert_eq!(bytes, "<h1>from a ZIP</h1>".as_bytes());
    assert!(
        server
            .blobs
            .size_bytes(&BlobDigest::of(b"SECRET=1"))
            .is_none()
    );
    // The same again stores nothing and makes another deployment.
    let again = server.send_zip(query, site()).expect(201);
    assert_ne!(again["deployment"]["id"], sealed["id"]);
    server.commit(&again["deployment"], Vec::new()).expect(200);
}

#[test]
fn hostile_archives_are_refused_by_name_and_leave_nothing() {
    let server = TestServer::start();
    server.make_project("blog");
    let before = server.on_disk();
    for (what, name, bytes) in hostile_zips() {
        let problem = server
            .send_zip("", bytes)
            .expect_problem("deployment/archive");
        assert_eq!(problem["status"], 422);
        assert_eq!(
            problem["errors"][0]["pointer"],
            format!("entry:{name}"),
            "{what}: {problem}"
        );
        assert!(
            problem["detail"].as_str().unwrap().contains(name),
            "{what}: {problem}"
        );
    }
    server
        .send_zip("", b"no archive".to_vec())
        .expect_problem("deployment/archive");
    server
        .send_zip("", Vec::new())
        .expect_problem("deployment/archive");
    assert_eq!(server.on_disk(), before);
    let list = server.get("/v1/projects/blog/deployments").expect(200);
    assert_eq!(list["data"], serde_json::json!([]));
}

#[test]
fn names_that_no_url_reaches_are_refused_as_in_a_manifest() {
    let server = TestServer::start();
    server.make_project("blog");
    let bytes = zip(&[ZipEntry::stored("50%25.html", b"x")]);
    let problem = server
        .send_zip("", bytes)
        .expect_problem("deployment/archive");
    assert_eq!(problem["errors"][0]["pointer"], "entry:/50%25.html");
}

#[test]
fn bombs_are_refused_by_the_limit_they_reach() {
    let limits = ControlLimits {
        files_max: 3,
        file_bytes_max: 1000,
        archive_entries_max: 5,
        archive_unpacked_bytes_max: 2500,
        archive_directory_bytes_max: 400,
        archive_bytes_max: 4000,
        ..ControlLimits::default()
    };
    let server = TestServer::start_with(limits);
    server.make_project("blog");
    let before = server.on_disk();
    let check = |bytes: Vec<u8>, code: &str, status: u16, setting: &str| {
        let problem = server.send_zip("", bytes).expect_problem(code);
        assert_eq!(
            (&problem["status"], &problem["setting"]),
            (&status.into(), &setting.into())
        );
    };
    let files = |count: usize, bytes: usize| -> Vec<u8> {
        let file = |n| ZipEntry::deflated(&format!("{n}"), &vec![b'x'; bytes]);
        zip(&(0..count).map(file).collect::<Vec<_>>())
    };
    let too_large = "deployment/archive-too-large";
    check(files(6, 1), too_large, 413, "control.archive_entries_max");
    check(
        files(3, 900),
        too_large,
        413,
        "control.archive_unpacked_bytes_max",
    );
    check(
        files(4, 1),
        "deployment/too-many-files",
        422,
        "control.files_max",
    );
    check(
        files(1, 1001),
        "deployment/file-too-large",
        422,
        "control.file_bytes_max",
    );
    let long = zip(&[ZipEntry::stored(&"a".repeat(400), b"x")]);
    check(long, too_large, 413, "control.archive_directory_bytes_max");
    check(
        vec![0; 5000],
        "request/too-large",
        413,
        "control.archive_bytes_max",
    );
    assert_eq!(server.on_disk(), before);
}

#[test]
fn ten_gigabytes_of_zeros_are_refused_as_a_bomb() {
    let server = TestServer::start();
    server.make_project("blog");
    let zeros = ZipEntry::deflated("0", &vec![0; 20 * 1024 * 1024]);
    let entries: Vec<ZipEntry> = (0..512)
        .map(|n| ZipEntry {
            name: n.to_string().into_bytes(),
            local_name: n.to_string().into_bytes(),
            ..zeros.clone()
        })
        .collect();
    let unpacked = "control.archive_unpacked_bytes_max";
    let problem = server.send_zip("", zip(&entries));
    assert_eq!(
        problem.expect_problem("deployment/archive-too-large")["setting"],
        unpacked
    );
    let ratio = "control.archive_ratio_max";
    let problem = server.send_zip("", zip(&entries[..10]));
    assert_eq!(
        problem.expect_problem("deployment/archive-too-large")["setting"],
        ratio
    );
}

#[test]
fn a_dry_run_says_what_would_be_and_stores_nothing() {
    let server = TestServer::start();
    let before = server.on_disk();
    let query = "?dry_run=true&create_project=true";
    let plan = server.send_zip(query, site()).expect(200);
    assert_eq!(plan["dry_run"], true);
    assert_eq!(plan["makes_project"], true);
    assert_eq!(plan["environment"], "preview");
    assert_eq!(plan["would_fail"], false);
    assert_eq!(plan["missing_count"], 3);
    assert_eq!(plan["missing_bytes"].as_u64().unwrap(), 400_000 + 19 + 68);
    assert_eq!(
        paths(&plan),
        [
            "/index.html",
            "/edgeone.json",
            "/assets/large.bin",
            "/assets/copy.html"
        ]
    );
    assert_eq!(server.on_disk(), before);
    server
        .get("/v1/projects/blog")
        .expect_problem("project/not-found");
    server
        .send_zip("?dry_run=true", site())
        .expect_problem("project/not-found");
}

#[test]
fn a_dry_run_of_a_manifest_names_what_is_missing_and_unread() {
    let server = TestServer::start();
    let upload = crate::deploy::Upload::new(&[("/index.html", "hi"), ("/edgeone.json", "{")]);
    let target = "/v1/projects/blog/deployments?dry_run=true";
    let ask = || Ask::post(target).body("application/x-ndjson", upload.manifest());
    let plan = server.send(ask()).expect(200);
    assert_eq!(
        (&plan["missing_count"], &plan["would_fail"]),
        (&2.into(), &false.into())
    );
    assert_eq!(plan["diagnostics"][0]["code"], "plan/rules-not-read");
    server
        .get("/v1/projects/blog")
        .expect_problem("project/not-found");
    // The same files once they are known: now the rules are read.
    let created = server.announce("blog", &upload).expect(201);
    let frames = upload.frames(&created["missing"]);
    server.commit(&created["deployment"], frames).expect(200);
    let plan = server.send(ask()).expect(200);
    assert_eq!(plan["missing_count"], 0);
    assert_eq!(plan["makes_project"], false);
    assert_eq!(plan["diagnostics"][0]["code"], "edgeone-json/json5");
    let said_twice = Ask::post("/v1/projects/blog/deployments?environment=preview");
    let said_twice = said_twice.body("application/x-ndjson", upload.manifest());
    server.send(said_twice).expect_problem("request/invalid");
}

#[test]
fn one_folder_around_the_site_is_taken_off_and_told() {
    let server = TestServer::start();
    let query = "?create_project=true";
    let wrapped = zip(&[
        ZipEntry::folder("dist/"),
        ZipEntry::stored("dist/index.html", b"home"),
        ZipEntry::stored("dist/a/b.html", b"b"),
        ZipEntry::stored("__MACOSX/dist/._index.html", b"x"),
        ZipEntry::stored(".DS_Store", b"x"),
    ]);
    let created = server.send_zip(query, wrapped).expect(201);
    let sealed = server
        .commit(&created["deployment"], Vec::new())
        .expect(200);
    assert_eq!(sealed["diagnostics"][0]["code"], "archive/unwrapped");
    assert_eq!(sealed["file_count"], 2);
    let again = server.get(&path_of(&sealed)).expect(200);
    assert_eq!(again["diagnostics"], sealed["diagnostics"]);
    // A site of one section keeps its paths, and so does one with files beside the folder.
    for entries in [
        [
            ZipEntry::stored("docs/guide.html", b"home"),
            ZipEntry::stored("docs/b.html", b"b"),
        ],
        [
            ZipEntry::stored("docs/index.html", b"home"),
            ZipEntry::stored("b.html", b"b"),
        ],
    ] {
        let plan = server.send_zip("?dry_run=true", zip(&entries)).expect(200);
        let names: Vec<String> = entries
            .iter()
            .map(|entry| format!("/{}", String::from_utf8_lossy(&entry.name)))
            .collect();
        assert_eq!(paths(&plan), names);
    }
}
