//! Why a URL answers as it does.

use crate::deploy::Upload;
use crate::server::TestServer;

const RULES: &str = r#"{
  "redirects": [{ "source": "/old", "destination": "/new", "statusCode": 301 }],
  "headers": [{ "source": "/*", "headers": [{ "key": "X-Test", "value": "yes" }] }]
}"#;

fn explain(server: &TestServer, url: &str) -> crate::client::Answer {
    let encoded = url
        .replace(':', "%3A")
        .replace('/', "%2F")
        .replace('?', "%3F");
    server.get(&format!("/v1/explain?url={encoded}"))
}

#[test]
fn a_url_is_explained_by_the_same_plan() {
    let server = TestServer::start();
    let upload = Upload::new(&[("/index.html", "hello"), ("/edgeone.json", RULES)]);
    let deployment = server.deploy("blog", &upload).expect(200);

    let redirect = explain(&server, "http://blog.localhost:8088/old?a=1").expect(200);
    assert_eq!(redirect["decision"], "redirect", "{redirect}");
    assert_eq!(redirect["status"], 301);
    assert_eq!(redirect["deployment_id"], deployment["id"]);
    let considered = redirect["considered"].as_array().unwrap();
    assert!(
        considered
            .iter()
            .any(|rule| rule["outcome"] == "matched" && rule["line"] == 2)
    );

    let asset = explain(&server, "http://blog.localhost:8088/").expect(200);
    assert_eq!(
        (&asset["decision"], &asset["summary"]),
        (&"asset".into(), &"/index.html".into())
    );
    assert!(
        asset["headers"]
            .as_array()
            .unwrap()
            .contains(&serde_json::json!(["x-test", "yes"]))
    );

    let two = Upload::new(&[("/page.html", "only a page")]);
    server.deploy("shop", &two).expect(200);
    let nothing = explain(&server, "http://shop.localhost:8088/none").expect(200);
    assert_eq!(
        (&nothing["decision"], &nothing["status"]),
        (&"not_found".into(), &404.into())
    );
}

#[test]
fn gates_and_other_deployments_are_explained() {
    let server = TestServer::start();
    let created = server
        .announce("blog", &Upload::new(&[("/a", "a")]))
        .expect(201);
    server.wait_until_shown("blog", "423");
    let gate = explain(&server, "http://blog.localhost/").expect(200);
    assert_eq!(
        (&gate["decision"], &gate["status"]),
        (&"gate".into(), &423.into())
    );
    let one = server.deploy_text("blog", "1");
    let two = server.deploy_text("blog", "2");
    let report = explain(&server, "http://blog.localhost/").expect(200);
    assert_eq!(report["deployment_id"], two);
    let ask = |id: &str| {
        server.get(&format!(
            "/v1/explain?url=http://blog.localhost/&deployment={id}"
        ))
    };
    assert_eq!(ask(&one).expect(200)["deployment_id"], one);
    let unfinished = created["deployment"]["id"].as_str().unwrap();
    ask(unfinished).expect_problem("deployment/not-sealed");
    ask("nonsense").expect_problem("deployment/not-found");
    explain(&server, "http://none.localhost/").expect_problem("explain/unknown-host");
    for bad in [
        "nonsense",
        "ftp://blog.localhost/",
        "http://blog.localhost/%2e%2e/x",
        "",
    ] {
        explain(&server, &bad.replace('%', "%25")).expect_problem("request/invalid");
    }
    server.get("/v1/explain").expect_problem("request/invalid");
}
