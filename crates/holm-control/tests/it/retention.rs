//! What is kept and what expires, making a deployment again, aliases of branches, and what is left of a
//! deleted project.

use holm_control::ControlLimits;
use holm_types::DeploymentId;
use serde_json::{Value, json};

use crate::client::Ask;
use crate::deploy::{Upload, path_of, text_of};
use crate::server::{TestServer, wait_until};

fn keeping(deployments_kept_max: u64) -> TestServer {
    TestServer::start_with(ControlLimits {
        deployments_kept_max,
        ..ControlLimits::default()
    })
}

fn target(id: &str) -> String {
    format!("/v1/projects/blog/deployments/{id}")
}

/// The label of a deployment's own host.
fn own(id: &str) -> String {
    format!("blog--{}", id.parse::<DeploymentId>().unwrap().label())
}

fn state(server: &TestServer, id: &str) -> String {
    text_of(&server.get(&target(id)).expect(200)["state"])
}

#[track_caller]
fn wait_until_expired(server: &TestServer, id: &str) {
    wait_until(&format!("{id} has expired"), || {
        state(server, id) == "expired"
    });
    server.wait_until_shown(&own(id), "401");
}

#[test]
fn the_newest_are_kept_and_what_is_pinned_or_pointed_at() {
    let server = keeping(2);
    let pinned = server.deploy_text("blog", "pinned");
    assert_eq!(
        server.post(&format!("{}/pin", target(&pinned))).expect(200)["is_pinned"],
        true
    );
    let upload = Upload::new(&[("/index.html", "branch")])
        .preview()
        .branch("x");
    let branch = text_of(&server.deploy("blog", &upload).expect(200)["id"]);
    let [old, two, three] = ["1", "2", "3"].map(|text| server.deploy_text("blog", text));
    wait_until_expired(&server, &old);
    for kept in [&pinned, &branch, &two, &three] {
        assert_eq!(state(&server, kept), "sealed");
        assert_eq!(server.shown(&own(kept)), **kept);
    }
    server
        .post(&format!("{}/promote", target(&old)))
        .expect_problem("deployment/ended");
    server
        .post(&format!("{}/pin", target(&old)))
        .expect_problem("deployment/ended");
    // Live it is kept without its pin too, and no longer once production moves on.
    server
        .post(&format!("{}/promote", target(&pinned)))
        .expect(200);
    server
        .post(&format!("{}/unpin", target(&pinned)))
        .expect(200);
    server
        .post(&format!("{}/promote", target(&three)))
        .expect(200);
    wait_until_expired(&server, &pinned);
    // A roll-back passes over what has expired.
    server.post("/v1/projects/blog/rollback").expect(200);
    assert_eq!(server.shown("blog"), two);
    assert_eq!(state(&server, &branch), "sealed");
}

#[test]
fn a_project_says_how_many_it_keeps() {
    let server = keeping(10);
    let ids = ["1", "2", "3", "4"].map(|text| server.deploy_text("blog", text));
    let patch = Ask::new("PATCH", "/v1/projects/blog").json(&json!({ "deployments_kept": 3 }));
    server.send(patch).expect(200);
    wait_until_expired(&server, &ids[0]);
    for kept in &ids[1..] {
        assert_eq!(state(&server, kept), "sealed");
    }
}

#[test]
fn an_expired_deployment_is_made_again_with_the_present_variables() {
    let server = keeping(1);
    server.make_project("blog");
    let set = |value: &str| {
        let variables = json!({ "variables": [{ "name": "A", "value": value }] });
        server
            .post_json("/v1/projects/blog/variables", &variables)
            .expect(200);
    };
    set("old");
    let files = &[
        ("/index.html", "1"),
        ("/edgeone.json", r#"{"trailingSlash":true}"#),
    ];
    let old = text_of(&server.deploy("blog", &Upload::new(files)).expect(200)["id"]);
    set("new");
    let live = server.deploy_text("blog", "2");
    wait_until_expired(&server, &old);
    let made = server
        .post(&format!("{}/redeploy", target(&old)))
        .expect(201);
    let again = text_of(&made["id"]);
    assert_eq!(made["redeployed_from"], old);
    assert_eq!(
        (&made["state"], &made["is_live"]),
        (&json!("sealed"), &json!(true))
    );
    assert_eq!(server.shown("blog"), again);
    let variables = server
        .get(&format!("{}/variables", target(&again)))
        .expect(200);
    assert_eq!(variables["data"][0]["value"], "new");
    // Of a sealed one too, and to the other environment when that is named.
    let preview = server
        .post(&format!("{}/redeploy?environment=preview", target(&again)))
        .expect(201);
    assert_eq!(
        (&preview["environment"], &preview["is_live"]),
        (&json!("preview"), &json!(false))
    );
    assert_eq!(server.shown("blog"), again);
    assert_eq!(state(&server, &live), "expired");
    let uploading = server
        .announce("blog", &Upload::new(&[("/a", "a")]))
        .expect(201);
    let target = format!("{}/redeploy", path_of(&uploading["deployment"]));
    server.post(&target).expect_problem("deployment/not-sealed");
}

#[test]
fn what_was_collected_cannot_be_made_again() {
    let server = TestServer::start();
    let id = server.deploy_text("blog", "1");
    let folder = server.db_file().parent().unwrap().to_owned();
    let server = server.restart_after(|| {
        std::fs::remove_dir_all(folder.join("blobs")).unwrap();
    });
    let problem = server
        .post(&format!("{}/redeploy", target(&id)))
        .expect_problem("deployment/collected");
    assert!(
        text_of(&problem["detail"]).contains("collected"),
        "{problem}"
    );
    let list = server.get("/v1/projects/blog/deployments").expect(200);
    assert_eq!(list["data"].as_array().unwrap().len(), 1, "{list}");
    // With the document, but without a file that it names.
    let server = TestServer::start();
    let large = "x".repeat(70_000);
    let id = server.deploy_text("blog", &large);
    let folder = server.db_file().parent().unwrap().to_owned();
    let server = server.restart_after(|| {
        let mut removed = 0;
        remove_large(&folder.join("blobs"), &mut removed);
        assert_eq!(removed, 1);
    });
    server
        .post(&format!("{}/redeploy", target(&id)))
        .expect_problem("deployment/collected");
    assert_eq!(server.shown("blog--none"), "404");
    let list = server.get("/v1/projects/blog/deployments").expect(200);
    assert_eq!(list["data"][0]["state"], "cancelled");
}

/// Removes the files of blobs that are kept as they are.
fn remove_large(folder: &std::path::Path, removed: &mut u32) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            remove_large(&path, removed);
        } else if (70_000..71_000).contains(&std::fs::metadata(&path).unwrap().len()) {
            std::fs::remove_file(&path).unwrap();
            *removed += 1;
        }
    }
}

#[test]
fn branches_with_one_slug_have_hosts_of_their_own() {
    let server = TestServer::start();
    let deploy = |branch: &str, text: &str| {
        let upload = Upload::new(&[("/index.html", text)])
            .preview()
            .branch(branch);
        text_of(&server.deploy("blog", &upload).expect(200)["id"])
    };
    let slash = deploy("feature/a", "1");
    let hyphen = deploy("feature-a", "2");
    let upper = deploy("Feature/A", "3");
    let slash_again = deploy("feature/a", "4");
    assert_ne!(slash, slash_again);
    let list = server.get("/v1/projects/blog/aliases").expect(200);
    let rows = list["data"].as_array().unwrap();
    assert_eq!(rows.len(), 3, "{list}");
    let mut hosts = std::collections::BTreeSet::new();
    for (branch, want) in [
        ("feature/a", slash_again),
        ("feature-a", hyphen),
        ("Feature/A", upper),
    ] {
        let row = rows.iter().find(|row| row["branch"] == branch).unwrap();
        assert_eq!(
            (&row["deployment_id"], &row["kind"]),
            (&json!(want), &json!("branch"))
        );
        let url = text_of(&row["url"]);
        let label = url.trim_start_matches("http://").split('.').next().unwrap();
        assert_eq!(server.shown(label), want);
        assert!(hosts.insert(label.to_owned()));
    }
    assert!(hosts.contains("blog--b-feature-a"));
    server.deploy_text("blog", "live");
    let page = server.get("/v1/projects/blog/aliases?limit=1").expect(200);
    assert_eq!(page["data"][0]["kind"], "production");
    assert_eq!(page["data"][0]["branch"], Value::Null);
    assert!(page["next_cursor"].is_string());
}

/// How many rows of these tables there are.
fn row_counts(server: &TestServer, tables: &[&str]) -> Vec<u32> {
    let flags = rusqlite::OpenFlags::SQLITE_OPEN_READ_ONLY;
    let connection = rusqlite::Connection::open_with_flags(server.db_file(), flags).unwrap();
    let count = |table: &&str| {
        let sql = format!("SELECT count(*) FROM {table}");
        connection.query_row(&sql, (), |row| row.get(0)).unwrap()
    };
    tables.iter().map(count).collect()
}

#[test]
fn nothing_is_left_of_a_deleted_project_and_the_others_are_untouched() {
    let tables = [
        "projects",
        "deployments",
        "aliases",
        "alias_moves",
        "announced_manifests",
        "variables",
        "deployment_variables",
    ];
    let server = TestServer::start_with(ControlLimits {
        sweep_rows_max: 2,
        ..ControlLimits::default()
    });
    let fill = |project: &str| {
        server.make_project(project);
        let variables = json!({ "variables": [{ "name": "A", "value": "1" }] });
        server
            .post_json(&format!("/v1/projects/{project}/variables"), &variables)
            .expect(200);
        for text in ["1", "2", "3"] {
            server.deploy_text(project, text);
        }
        let upload = Upload::new(&[("/index.html", "b")]).preview().branch("b");
        server.deploy(project, &upload).expect(200);
        server.announce(project, &upload).expect(201);
        server
            .post(&format!("/v1/projects/{project}/rollback"))
            .expect(200);
    };
    fill("keep");
    let before = row_counts(&server, &tables);
    assert!(before.iter().all(|count| *count > 0), "{before:?}");
    let kept = server.shown("keep");
    fill("blog");
    assert_eq!(server.delete("/v1/projects/blog").status, 204);
    assert_eq!(server.shown("blog"), "404");
    server
        .get("/v1/projects/blog")
        .expect_problem("project/not-found");
    wait_until("the rows are gone", || {
        row_counts(&server, &tables) == before
    });
    assert_eq!(server.shown("keep"), kept);
    assert_eq!(server.shown("blog--b-b"), "404");
    fill("blog");
}
