//! The deploy protocol: what is asked for, what is refused, and that nothing is half done.

use holm_api::frame_header;
use holm_control::ControlLimits;
use holm_storage::BlobStore as _;
use holm_types::BlobDigest;
use serde_json::json;

use crate::client::Ask;
use crate::deploy::{Upload, path_of, text_of};
use crate::server::TestServer;

#[test]
fn a_first_deploy_takes_two_calls_and_is_served() {
    let server = TestServer::start();
    let upload = Upload::new(&[
        ("/index.html", "hello"),
        ("/a/b.css", "x{}"),
        ("/copy.html", "hello"),
    ]);
    let created = server.announce("blog", &upload).expect(201);
    assert_eq!(created["missing"].as_array().unwrap().len(), 2);
    assert_eq!(created["inline_bytes_max"], 4 * 1024 * 1024);
    let deployment = &created["deployment"];
    assert_eq!(deployment["state"], "uploading");
    assert_eq!(deployment["file_count"], 3);
    assert_eq!(deployment["size_bytes"], 13);
    let label = text_of(&deployment["label"]);
    server.wait_until_shown("blog", "423");
    assert_eq!(server.shown(&format!("blog--{label}")), "423");

    let sealed = server
        .commit(deployment, upload.frames(&created["missing"]))
        .expect(200);
    let id = text_of(&sealed["id"]);
    assert_eq!(sealed["state"], "sealed");
    assert_eq!(sealed["is_live"], true);
    assert_eq!(sealed["production_url"], "http://blog.localhost:8088");
    assert_eq!(
        sealed["url"],
        format!("http://blog--{label}.localhost:8088")
    );
    // At once: the answer came after the edge took the snapshot up.
    assert_eq!(server.shown("blog"), id);
    assert_eq!(server.shown(&format!("blog--{label}")), id);

    let by_label = server
        .get(&format!("/v1/projects/blog/deployments/{label}"))
        .expect(200);
    assert_eq!(by_label["id"], id);
    let project = server.get("/v1/projects/blog").expect(200);
    assert_eq!(project["live_deployment_id"], id);
}

#[test]
fn the_second_deploy_sends_only_what_changed() {
    let server = TestServer::start();
    server
        .deploy(
            "blog",
            &Upload::new(&[("/index.html", "one"), ("/b", "same")]),
        )
        .expect(200);
    let upload = Upload::new(&[("/index.html", "two"), ("/b", "same")]);
    let created = server.announce("blog", &upload).expect(201);
    assert_eq!(created["missing"], json!([BlobDigest::of(b"two")]));
}

#[test]
fn blobs_may_come_first_and_in_parts() {
    let server = TestServer::start();
    let large = "x".repeat(200_000);
    let upload = Upload::new(&[
        ("/index.html", "small"),
        ("/large.txt", &large),
        ("/empty", ""),
    ]);
    let created = server.announce("blog", &upload).expect(201);
    let deployment = &created["deployment"];
    let first = upload.frames(&json!([BlobDigest::of(large.as_bytes())]));
    let stored = server.put_blobs(deployment, first).expect(200);
    assert_eq!(
        (&stored["stored_count"], &stored["stored_bytes"]),
        (&json!(1), &json!(200_000))
    );

    let problem = server
        .commit(deployment, Vec::new())
        .expect_problem("blob/missing");
    assert_eq!(problem["missing"].as_array().unwrap().len(), 2);
    assert_eq!(problem["retry"], "yes");
    let rest = upload.frames(&problem["missing"]);
    server.commit(deployment, rest).expect(200);
}

#[test]
fn only_announced_blobs_with_their_own_bytes_are_taken() {
    let server = TestServer::start();
    let upload = Upload::new(&[("/index.html", "hello"), ("/b", "other")]);
    let created = server.announce("blog", &upload).expect(201);
    let deployment = &created["deployment"];
    let frame = |digest: BlobDigest, size: u64, bytes: &[u8]| {
        let mut body = frame_header(&digest, size).to_vec();
        body.extend_from_slice(bytes);
        body
    };
    let hello = BlobDigest::of(b"hello");
    let other = BlobDigest::of(b"other");

    let stranger = frame(BlobDigest::of(b"stranger"), 8, b"stranger");
    server
        .put_blobs(deployment, stranger)
        .expect_problem("blob/unexpected");
    server
        .put_blobs(deployment, frame(hello, 6, b"hello!"))
        .expect_problem("blob/unexpected");
    server
        .put_blobs(deployment, frame(hello, 5, b"jello"))
        .expect_problem("blob/mismatch");
    server
        .put_blobs(deployment, frame(hello, 5, b"hel"))
        .expect_problem("blob/framing");
    server
        .put_blobs(deployment, b"short".to_vec())
        .expect_problem("blob/framing");
    let mut twice = frame(hello, 5, b"hello");
    twice.extend_from_slice(&frame(hello, 5, b"hello"));
    server
        .put_blobs(deployment, twice)
        .expect_problem("blob/unexpected");
    // A body with one bad blob leaves none of its good ones.
    let mut half_good = frame(other, 5, b"other");
    half_good.extend_from_slice(&frame(hello, 5, b"jello"));
    server
        .put_blobs(deployment, half_good)
        .expect_problem("blob/mismatch");
    assert_eq!(server.blobs.missing(&[hello, other]), [hello, other]);
    assert_eq!(server.state_of(deployment), "uploading");
    // And the deployment still goes through.
    server
        .commit(deployment, upload.frames(&created["missing"]))
        .expect(200);
}

#[test]
fn a_commit_carries_at_most_its_limit() {
    let limits = ControlLimits {
        inline_bytes_max: 100,
        ..ControlLimits::default()
    };
    let server = TestServer::start_with(limits);
    let text = "y".repeat(101);
    let upload = Upload::new(&[("/index.html", &text)]);
    let created = server.announce("blog", &upload).expect(201);
    assert_eq!(created["inline_bytes_max"], 100);
    let frames = upload.frames(&created["missing"]);
    let deployment = &created["deployment"];
    let problem = server
        .commit(deployment, frames.clone())
        .expect_problem("request/too-large");
    assert_eq!(problem["limit"], 100);
    assert_eq!(problem["setting"], "control.inline_bytes_max");
    server.put_blobs(deployment, frames).expect(200);
    server.commit(deployment, Vec::new()).expect(200);
}

#[test]
fn a_bad_manifest_makes_no_deployment_and_no_project() {
    let server = TestServer::start();
    let target = "/v1/projects/blog/deployments";
    let ndjson = |body: &str| server.send(Ask::post(target).body("application/x-ndjson", body));
    let problem =
        ndjson("{\"environment\":\"production\",\"file_count\":1,\"create_project\":true}\n{}")
            .expect_problem("deployment/manifest");
    assert_eq!(problem["errors"][0]["pointer"], "line:2");
    ndjson("").expect_problem("deployment/manifest");
    let long = format!(
        "{{\"environment\":\"production\",{}\"file_count\":0}}",
        " ".repeat(20_000)
    );
    ndjson(&long).expect_problem("deployment/manifest");
    server
        .send(Ask::post(target).body("text/plain", "x"))
        .expect_problem("request/media-type");
    server
        .get("/v1/projects/blog")
        .expect_problem("project/not-found");
    // Without `create_project` there must be one.
    let head = "{\"environment\":\"production\",\"file_count\":0}";
    ndjson(head).expect_problem("project/not-found");
    let bad_name = Upload::new(&[]);
    server
        .announce("Bad_Name", &bad_name)
        .expect_problem("project/name-invalid");
}

#[test]
fn limits_on_files_name_the_setting() {
    let limits = ControlLimits {
        files_max: 2,
        file_bytes_max: 10,
        ..ControlLimits::default()
    };
    let server = TestServer::start_with(limits);
    let many = Upload::new(&[("/a", "1"), ("/b", "2"), ("/c", "3")]);
    let problem = server
        .announce("blog", &many)
        .expect_problem("deployment/too-many-files");
    assert_eq!(
        (&problem["limit"], &problem["observed"]),
        (&json!(2), &json!(3))
    );
    assert_eq!(problem["setting"], "control.files_max");
    let large = Upload::new(&[("/a", "12345678901")]);
    let problem = server
        .announce("blog", &large)
        .expect_problem("deployment/file-too-large");
    assert_eq!(
        (&problem["limit"], &problem["observed"]),
        (&json!(10), &json!(11))
    );
}

#[test]
fn a_failed_compile_leaves_production_alone() {
    let server = TestServer::start();
    let failing = Upload::new(&[("/index.html", "x"), ("/edgeone.json", FAILING)]);
    let created = server.announce("blog", &failing).expect(201);
    let deployment = &created["deployment"];
    let frames = failing.frames(&created["missing"]);
    let problem = server
        .commit(deployment, frames)
        .expect_problem("deployment/failed");
    assert_eq!(problem["diagnostics"][0]["severity"], "error", "{problem}");
    assert_eq!(server.shown("blog"), "424");
    // Again, with the same diagnostics.
    let again = server
        .commit(deployment, Vec::new())
        .expect_problem("deployment/failed");
    assert_eq!(again["diagnostics"], problem["diagnostics"]);
    let view = server.get(&path_of(deployment)).expect(200);
    assert_eq!(view["state"], "failed");
    assert_eq!(view["diagnostics"], problem["diagnostics"]);

    let good = server.deploy_text("blog", "good");
    assert_eq!(server.shown("blog"), good);
    let created = server.announce("blog", &failing).expect(201);
    server
        .commit(&created["deployment"], Vec::new())
        .expect_problem("deployment/failed");
    assert_eq!(server.shown("blog"), good);
}

/// A region that EdgeOne does not have fails the deployment (config-build spec 1).
const FAILING: &str = r#"{"cloudFunctions": {"mainlandRegions": ["nowhere"]}}"#;

#[test]
fn committing_twice_is_committing_once() {
    let server = TestServer::start();
    let upload = Upload::new(&[("/index.html", "hello")]);
    let created = server.announce("blog", &upload).expect(201);
    let frames = upload.frames(&created["missing"]);
    let first = server
        .commit(&created["deployment"], frames.clone())
        .expect(200);
    let second = server.commit(&created["deployment"], frames).expect(200);
    assert_eq!(first, second);
    server
        .put_blobs(&created["deployment"], Vec::new())
        .expect_problem("deployment/ended");
}

#[test]
fn many_may_commit_one_deployment_at_once() {
    let server = TestServer::start();
    let upload = Upload::new(&[("/index.html", "hello")]);
    let created = server.announce("blog", &upload).expect(201);
    let frames = upload.frames(&created["missing"]);
    std::thread::scope(|scope| {
        let committing: Vec<_> = (0..8)
            .map(|_| scope.spawn(|| server.commit(&created["deployment"], frames.clone())))
            .collect();
        for commit in committing {
            assert_eq!(commit.join().unwrap().expect(200)["state"], "sealed");
        }
    });
    assert_eq!(server.shown("blog"), text_of(&created["deployment"]["id"]));
}

#[test]
fn a_cancelled_upload_ends() {
    let server = TestServer::start();
    let upload = Upload::new(&[("/index.html", "hello")]);
    let created = server.announce("blog", &upload).expect(201);
    let deployment = &created["deployment"];
    let cancel = format!("{}/cancel", path_of(deployment));
    assert_eq!(server.post(&cancel).expect(200)["state"], "cancelled");
    assert_eq!(server.post(&cancel).expect(200)["state"], "cancelled");
    let frames = upload.frames(&created["missing"]);
    server
        .commit(deployment, frames.clone())
        .expect_problem("deployment/ended");
    server
        .put_blobs(deployment, frames)
        .expect_problem("deployment/ended");
    server.wait_until_shown("blog", "424");
    let sealed = server.deploy("blog", &upload).expect(200);
    server
        .post(&format!("{}/cancel", path_of(&sealed)))
        .expect_problem("deployment/ended");
}

#[test]
fn a_foreign_projects_deployment_is_not_found() {
    let server = TestServer::start();
    let id = server.deploy_text("blog", "hello");
    server.make_project("shop");
    for action in ["", "/commit", "/cancel", "/promote"] {
        let target = format!("/v1/projects/shop/deployments/{id}{action}");
        let method = if action.is_empty() { "GET" } else { "POST" };
        server
            .send(Ask::new(method, &target))
            .expect_problem("deployment/not-found");
    }
}
