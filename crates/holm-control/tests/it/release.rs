//! Aliases: promote, roll back, branches, deletion; and that all of it outlives a restart.

use std::time::Duration;

use holm_control::ControlLimits;
use serde_json::{Value, json};

use crate::client::Ask;
use crate::deploy::{Upload, text_of};
use crate::server::TestServer;

fn promote(server: &TestServer, id: &str) -> Value {
    server
        .post(&format!("/v1/projects/blog/deployments/{id}/promote"))
        .expect(200)
}

fn delete(server: &TestServer, id: &str) -> u16 {
    server
        .delete(&format!("/v1/projects/blog/deployments/{id}"))
        .status
}

fn own_host(server: &TestServer, id: &str) -> String {
    let view = server
        .get(&format!("/v1/projects/blog/deployments/{id}"))
        .expect(200);
    server.shown(&format!("blog--{}", text_of(&view["label"])))
}

#[test]
fn promote_and_roll_back_move_one_pointer() {
    let server = TestServer::start();
    let [one, two, three] = ["1", "2", "3"].map(|text| server.deploy_text("blog", text));
    assert_eq!(server.shown("blog"), three);

    let back = server.post("/v1/projects/blog/rollback").expect(200);
    assert_eq!((&back["id"], &back["is_live"]), (&json!(two), &json!(true)));
    assert_eq!(server.shown("blog"), two);
    server.post("/v1/projects/blog/rollback").expect(200);
    assert_eq!(server.shown("blog"), one);
    server
        .post("/v1/projects/blog/rollback")
        .expect_problem("project/nothing-to-roll-back");
    assert_eq!(server.shown("blog"), one);

    assert_eq!(promote(&server, &three)["is_live"], true);
    assert_eq!(promote(&server, &three)["is_live"], true);
    assert_eq!(server.shown("blog"), three);
    server.post("/v1/projects/blog/rollback").expect(200);
    assert_eq!(server.shown("blog"), one);
    assert_eq!(own_host(&server, &two), two);
}

#[test]
fn roll_back_passes_over_what_was_deleted() {
    let server = TestServer::start();
    let [one, two, three] = ["1", "2", "3"].map(|text| server.deploy_text("blog", text));
    assert_eq!(delete(&server, &two), 204);
    server.post("/v1/projects/blog/rollback").expect(200);
    assert_eq!(server.shown("blog"), one);
    assert_eq!(own_host(&server, &two), "410");
    assert_eq!(own_host(&server, &three), three);
}

#[test]
fn what_is_live_cannot_be_deleted_and_what_is_deleted_stays_so() {
    let server = TestServer::start();
    let one = server.deploy_text("blog", "1");
    let target = format!("/v1/projects/blog/deployments/{one}");
    server.delete(&target).expect_problem("deployment/is-live");
    let two = server.deploy_text("blog", "2");
    assert_eq!(delete(&server, &one), 204);
    assert_eq!(delete(&server, &one), 204);
    assert_eq!(server.get(&target).expect(200)["state"], "deleted");
    server
        .post(&format!("{target}/promote"))
        .expect_problem("deployment/ended");
    let list = server.get("/v1/projects/blog/deployments").expect(200);
    assert_eq!(list["data"].as_array().unwrap().len(), 1);
    assert_eq!(list["data"][0]["id"], two);
}

#[test]
fn an_unfinished_deployment_cannot_be_promoted() {
    let server = TestServer::start();
    let created = server
        .announce("blog", &Upload::new(&[("/a", "a")]))
        .expect(201);
    let id = text_of(&created["deployment"]["id"]);
    server
        .post(&format!("/v1/projects/blog/deployments/{id}/promote"))
        .expect_problem("deployment/not-sealed");
}

#[test]
fn a_preview_and_its_branch_leave_production_alone() {
    let server = TestServer::start();
    let live = server.deploy_text("blog", "live");
    let branch = |text: &str| {
        let upload = Upload::new(&[("/index.html", text)])
            .preview()
            .branch("feature/x");
        text_of(&server.deploy("blog", &upload).expect(200)["id"])
    };
    let first = branch("1");
    assert_eq!(server.shown("blog--b-feature-x"), first);
    let second = branch("2");
    assert_eq!(server.shown("blog--b-feature-x"), second);
    assert_eq!(server.shown("blog"), live);
    assert_eq!(own_host(&server, &first), first);
    assert_eq!(delete(&server, &second), 204);
    assert_eq!(server.shown("blog--b-feature-x"), "404");
    promote(&server, &first);
    assert_eq!(server.shown("blog"), first);
}

#[test]
fn a_deleted_project_vanishes_with_all_its_hosts() {
    let server = TestServer::start();
    let id = server.deploy_text("blog", "1");
    server
        .deploy("blog", &Upload::new(&[("/a", "a")]).branch("main"))
        .expect(200);
    server.deploy_text("shop", "2");
    assert_eq!(server.snapshot().hosts.len(), 6);
    assert_eq!(server.delete("/v1/projects/blog").status, 204);
    assert_eq!(server.snapshot().hosts.len(), 2);
    server
        .get("/v1/projects/blog")
        .expect_problem("project/not-found");
    server
        .get(&format!("/v1/projects/blog/deployments/{id}"))
        .expect_problem("project/not-found");
    server
        .delete("/v1/projects/blog")
        .expect_problem("project/not-found");
    // The name is free, and the new project has nothing of the old.
    server.make_project("blog");
    assert_eq!(server.shown("blog"), "404");
    server
        .get(&format!("/v1/projects/blog/deployments/{id}"))
        .expect_problem("deployment/not-found");
}

#[test]
fn a_restart_changes_nothing_and_another_base_domain_changes_the_hosts() {
    let server = TestServer::start();
    let id = server.deploy_text("blog", "1");
    let before = server.snapshot();
    let server = server.restart();
    assert_eq!(server.snapshot(), before);
    assert_eq!(server.shown("blog"), id);
    let two = server.deploy_text("blog", "2");
    assert!(server.snapshot().version > before.version);
    let server = server.restart_as("sites.test");
    let hosts: Vec<String> = server
        .snapshot()
        .hosts
        .into_iter()
        .map(|entry| entry.host)
        .collect();
    assert!(hosts.contains(&"blog.sites.test".to_owned()), "{hosts:?}");
    assert!(
        hosts.iter().all(|host| host.ends_with(".sites.test")),
        "{hosts:?}"
    );
    assert_eq!(
        server.get("/v1/projects/blog").expect(200)["live_deployment_id"],
        two
    );
}

#[test]
fn settings_act_on_later_deployments() {
    let server = TestServer::start();
    server.make_project("blog");
    let patch = |body: &Value| server.send(Ask::new("PATCH", "/v1/projects/blog").json(body));
    assert_eq!(
        patch(&json!({})).expect(200)["functions_before_files"],
        false
    );
    let changed = patch(&json!({ "functions_before_files": true })).expect(200);
    assert_eq!(changed["functions_before_files"], true);
    patch(&json!({ "name": "other" })).expect_problem("request/invalid");
    assert_eq!(
        server.get("/v1/projects/blog").expect(200)["functions_before_files"],
        true
    );
}

#[test]
fn what_the_edge_does_not_take_up_is_kept_but_is_no_success() {
    let server = TestServer::start_with(ControlLimits {
        take_up_wait_max: Duration::from_millis(50),
        ..ControlLimits::default()
    });
    let [two, three] = ["2", "3"].map(|text| server.deploy_text("blog", text));
    let upload = Upload::new(&[("/index.html", "4")]);
    let created = server.announce("blog", &upload).expect(201);
    let frames = upload.frames(&created["missing"]);
    server.edge.send_replace(false);
    let commit = server.commit(&created["deployment"], frames);
    let problem = commit.expect_problem("edge/not-taken-up");
    assert_eq!(problem["setting"], "control.take_up_wait_max");
    assert_eq!(problem["limit"], problem["observed"]);
    assert_eq!((commit.status, &problem["retry"]), (503, &json!("yes")));
    let detail = text_of(&problem["detail"]);
    assert!(detail.contains("kept but not served yet"), "{detail}");
    let again = server.commit(&created["deployment"], Vec::new());
    again.expect_problem("edge/not-taken-up");
    // A roll-back that is asked for again is the same one.
    for _ in 0..3 {
        server
            .post("/v1/projects/blog/rollback")
            .expect_problem("edge/not-taken-up");
    }
    server.edge.send_replace(true);
    let back = server.post("/v1/projects/blog/rollback").expect(200);
    assert_eq!(back["id"], three);
    server
        .commit(&created["deployment"], Vec::new())
        .expect(200);
    let further = server.post("/v1/projects/blog/rollback").expect(200);
    assert_eq!(further["id"], two);
    assert_eq!(server.shown("blog"), two);
}

#[test]
fn a_snapshot_that_cannot_be_written_is_no_success() {
    let server = TestServer::start();
    let [one, two] = ["1", "2"].map(|text| server.deploy_text("blog", text));
    let folder = server.db_file().with_file_name("snapshots");
    let aside = folder.with_file_name("aside");
    std::fs::rename(&folder, &aside).unwrap();
    std::fs::write(&folder, "in the way").unwrap();
    let target = format!("/v1/projects/blog/deployments/{one}/promote");
    let refused = server.post(&target);
    let problem = refused.expect_problem("storage/unavailable");
    let detail = text_of(&problem["detail"]);
    assert!(detail.contains("kept but not served yet"), "{detail}");
    assert_eq!(server.shown("blog"), two);
    std::fs::remove_file(&folder).unwrap();
    std::fs::rename(&aside, &folder).unwrap();
    promote(&server, &one);
    assert_eq!(server.shown("blog"), one);
}
