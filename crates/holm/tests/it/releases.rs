//! Promote, roll back, delete: moving pointers, never content.

use crate::http::get;
use crate::program::Bench;

#[test]
fn roll_back_and_promote_move_production_and_nothing_else() {
    let bench = Bench::new();
    let site = bench.site("blog", &[("index.html", "one")]);
    let server = bench.up(Some(&site));
    let production = server.host("blog.localhost", "/");
    std::fs::write(site.join("index.html"), "two").unwrap();
    let second = server.deploy(&site, "blog");
    assert_eq!(get(&production).text(), "two");
    assert!(
        server
            .run(&["rollback", "--project", "blog"])
            .status
            .success()
    );
    assert_eq!(get(&production).text(), "one");
    let id = second["deployment_id"].as_str().unwrap();
    assert!(
        server
            .run(&["promote", id, "--project", "blog"])
            .status
            .success()
    );
    assert_eq!(get(&production).text(), "two");
}

#[test]
fn a_deleted_deployment_is_gone_and_the_live_one_cannot_be_deleted() {
    let bench = Bench::new();
    let site = bench.site("blog", &[("index.html", "one")]);
    let server = bench.up(Some(&site));
    let first = server.deploy(&site, "blog");
    std::fs::write(site.join("index.html"), "two").unwrap();
    let second = server.deploy(&site, "blog");
    let api = |method: &str, id: &str| {
        let path = format!(
            "{}/v1/projects/blog/deployments/{id}",
            server.text("api_url")
        );
        let bearer = format!("Bearer {}", server.text("token"));
        crate::http::ask(method, &path, &[("Authorization", &bearer)])
    };
    let live = api("DELETE", second["deployment_id"].as_str().unwrap());
    assert_eq!(live.status, 409);
    assert!(
        live.text().contains("deployment/is-live"),
        "{}",
        live.text()
    );
    assert_eq!(
        api("DELETE", first["deployment_id"].as_str().unwrap()).status,
        204
    );
    let gone = get(first["url"].as_str().unwrap());
    assert_eq!(gone.status, 410);
    assert!(gone.text().contains("DELETED"));
    assert_eq!(get(&server.host("blog.localhost", "/")).text(), "two");
}

#[test]
fn lists_name_what_is_live() {
    let bench = Bench::new();
    let site = bench.site("blog", &[("index.html", "one")]);
    let server = bench.up(Some(&site));
    let projects = server.run(&["projects"]);
    assert!(String::from_utf8_lossy(&projects.stdout).contains("blog"));
    let deployments = server.run(&["deployments", "--project", "blog"]);
    assert!(String::from_utf8_lossy(&deployments.stdout).contains("live"));
}
