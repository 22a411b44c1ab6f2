//! Pages of lists.

use serde_json::{Value, json};

use crate::deploy::text_of;
use crate::server::TestServer;
use holm_control::ControlLimits;

fn names(page: &Value) -> Vec<String> {
    let data = page["data"].as_array().unwrap();
    data.iter()
        .map(|project| text_of(&project["name"]))
        .collect()
}

#[test]
fn pages_follow_each_other_newest_first() {
    let server = TestServer::start();
    for number in 1..=5 {
        server.make_project(&format!("p{number}"));
    }
    let first = server.get("/v1/projects?limit=2");
    assert_eq!(names(&first.expect(200)), ["p5", "p4"]);
    let link = first.field("link").unwrap().to_owned();
    let cursor = text_of(&first.json()["next_cursor"]);
    assert_eq!(
        link,
        format!("</v1/projects?limit=2&cursor={cursor}>; rel=\"next\"")
    );
    // A new project does not move the pages.
    server.make_project("p6");
    let second = server.get(&format!("/v1/projects?limit=2&cursor={cursor}"));
    assert_eq!(names(&second.expect(200)), ["p3", "p2"]);
    let cursor = text_of(&second.json()["next_cursor"]);
    let last = server.get(&format!("/v1/projects?limit=2&cursor={cursor}"));
    assert_eq!(names(&last.expect(200)), ["p1"]);
    assert_eq!(last.json()["next_cursor"], Value::Null);
    assert_eq!(last.field("link"), None);
}

#[test]
fn bad_pages_are_refused() {
    let server = TestServer::start();
    server
        .get("/v1/projects?limit=0")
        .expect_problem("request/invalid");
    server
        .get("/v1/projects?limit=101")
        .expect_problem("request/invalid");
    server
        .get("/v1/projects?limit=x")
        .expect_problem("request/invalid");
    server
        .get("/v1/projects?page=2")
        .expect_problem("request/invalid");
    server
        .get("/v1/projects?cursor=x")
        .expect_problem("request/cursor");
    server
        .get("/v1/projects/none/deployments")
        .expect_problem("project/not-found");
}

#[test]
fn there_are_at_most_so_many_projects() {
    let limits = ControlLimits {
        projects_max: 1,
        ..ControlLimits::default()
    };
    let server = TestServer::start_with(limits);
    server.make_project("one");
    let answer = server.post_json("/v1/projects", &json!({ "name": "two" }));
    let problem = answer.expect_problem("project/limit");
    assert_eq!(problem["setting"], "control.projects_max");
}

#[test]
fn tokens_are_listed_without_secrets() {
    let server = TestServer::start();
    let page = server.get("/v1/tokens");
    let data = page.expect(200)["data"].clone();
    assert_eq!(data[0]["name"], "test");
    assert!(!page.text().contains("holm_"), "{}", page.text());
}
