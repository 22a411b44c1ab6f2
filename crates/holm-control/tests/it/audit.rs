//! The audit log: every change leaves a row, in the same transaction, with no secret in it.

use std::time::Duration;

use holm_api::{Method, OPERATIONS, Policy};
use holm_control::ControlLimits;
use holm_types::Clock as _;
use serde_json::{Value, json};

use crate::client::Ask;
use crate::deploy::{Upload, text_of};
use crate::server::wait_until;
use crate::team::{PASSWORD, Person, Team, quick, sign_in};

fn words(row: &Value) -> String {
    let text = |name: &str| row[name].as_str().unwrap_or("-").to_owned();
    let (operation, target) = (text("operation"), text("target"));
    format!(
        "{operation} {target} {} {} {}",
        text("outcome"),
        row["status"],
        text("code")
    )
}

#[test]
fn a_change_and_a_refusal_leave_a_row_each_and_looking_leaves_none() {
    let team = Team::start();
    let before = team.audit().len();
    let make = || {
        let ask = Ask::post("/v1/projects").json(&json!({ "name": "blog" }));
        team.send(&team.developer, ask)
    };
    let made = make();
    made.expect(201);
    make().expect_problem("project/name-taken");
    team.send(&team.viewer, Ask::new("DELETE", "/v1/projects/blog"))
        .expect_problem("auth/forbidden");
    team.send(&team.viewer, Ask::get("/v1/projects"))
        .expect(200);
    let rows = team.audit();
    assert_eq!(rows.len(), before + 3);
    let newest: Vec<String> = rows.iter().take(3).map(words).collect();
    assert_eq!(
        newest,
        [
            "project_delete /projects/blog refused 403 auth/forbidden",
            "project_create /projects refused 409 project/name-taken",
            "project_create /projects done 201 -",
        ]
    );
    let done = &rows[2];
    assert_eq!(done["user_id"], json!(team.developer.id));
    assert_eq!(done["email"], "dev@example.org");
    assert!(text_of(&done["token_id"]).starts_with("tok_"));
    assert_eq!(done["address"], "127.0.0.1");
    assert_eq!(done["request_id"].as_str(), made.field("x-request-id"));
}

#[test]
fn no_changing_operation_is_without_a_row() {
    let team = Team::start();
    for operation in OPERATIONS {
        if operation.method == Method::Get || !matches!(operation.policy, Policy::Needs(_)) {
            continue;
        }
        let path = operation.path.replace(['{', '}'], "");
        let method = operation.method.as_str().to_uppercase();
        team.send(&team.owner, Ask::new(&method, &format!("/v1{path}")));
        let newest = team.audit().remove(0);
        assert_eq!(newest["operation"], operation.id);
        assert_eq!(newest["target"], json!(path));
    }
}

#[test]
fn strangers_leave_no_row_but_where_they_try_a_password() {
    let team = Team::start();
    let before = team.audit().len();
    let address = team.server.address;
    Ask::post("/v1/projects")
        .send(address)
        .expect_problem("auth/required");
    let unknown = Ask::post("/v1/projects").bearer("holm_x").send(address);
    unknown.expect_problem("auth/unknown-token");
    assert_eq!(team.audit().len(), before);
    sign_in(&team.server, "dev@example.org", "wrong").expect_problem("auth/bad-credentials");
    sign_in(&team.server, "dev@example.org", PASSWORD).expect(201);
    let rows = team.audit();
    assert_eq!(rows.len(), before + 2);
    assert_eq!(
        words(&rows[1]),
        "session_create /session refused 401 auth/bad-credentials"
    );
    assert_eq!(rows[1]["user_id"], json!(null));
    assert_eq!(words(&rows[0]), "session_create /session done 201 -");
    assert_eq!(rows[0]["user_id"], json!(team.developer.id));
}

#[test]
fn a_change_that_stands_and_failed_afterwards_says_both() {
    let limits = ControlLimits {
        take_up_wait_max: std::time::Duration::from_millis(20),
        ..quick()
    };
    let team = Team::start_with(limits);
    team.server.deploy_text("blog", "one");
    team.server.edge.send_replace(false);
    team.send(&team.developer, Ask::new("DELETE", "/v1/projects/blog"))
        .expect_problem("edge/not-taken-up");
    let row = team.audit().remove(0);
    assert_eq!(
        words(&row),
        "project_delete /projects/blog failed 503 edge/not-taken-up"
    );
    let gone = team.send(&team.developer, Ask::get("/v1/projects/blog"));
    gone.expect_problem("project/not-found");
}

#[test]
fn no_secret_and_no_control_character_gets_into_the_log() {
    let team = Team::start();
    let token = team.token(&team.owner, &["*:read"]);
    let mut upload = Upload::new(&[("/index.html", "hello")]);
    upload.head["source"] = json!({ "message": "a secret message" });
    team.server.deploy("blog", &upload).expect(200);
    team.send(
        &team.owner,
        Ask::new("DELETE", "/v1/projects/a%0d%0ab%1b?x=secret"),
    )
    .expect_problem("project/not-found");
    let text = json!(team.audit()).to_string();
    for hidden in [&token, &team.owner.token, PASSWORD, "secret"] {
        assert!(!text.contains(hidden), "{hidden}");
    }
    assert!(text.contains("/projects/a%0d%0ab%1b"), "{text}");
}

#[test]
fn the_log_is_bounded_and_refusals_push_nothing_else_out() {
    let limits = ControlLimits {
        audit_rows_max: 12,
        audit_refusals_max: 3,
        ..quick()
    };
    let team = Team::start_with(limits);
    for n in 0..10 {
        team.server.make_project(&format!("p{n}"));
        let refused = Ask::new("DELETE", &format!("/v1/projects/p{n}"));
        team.send(&team.viewer, refused)
            .expect_problem("auth/forbidden");
    }
    // The sweeper ran when the server started; a restart runs it again.
    let token = team.owner.token.clone();
    let server = team.server.restart_with(ControlLimits {
        audit_rows_max: 12,
        audit_refusals_max: 3,
        ..quick()
    });
    let rows = || {
        let page = Ask::get("/v1/audit?limit=100").bearer(&token);
        page.send(server.address).expect(200)["data"]
            .as_array()
            .unwrap()
            .clone()
    };
    wait_until("the log is trimmed", || rows().len() <= 12);
    let rows = rows();
    let count = |outcome: &str| rows.iter().filter(|row| row["outcome"] == outcome).count();
    assert_eq!((count("refused"), count("done")), (3, 9));
}

#[test]
fn the_log_is_asked_for_who_what_where_and_since() {
    let team = Team::start();
    let project = |name: &str| text_of(&team.server.make_project(name)["id"]);
    let (blog, shop) = (project("blog"), project("shop"));
    let set = |who: &Person, project: &str, value: &str| {
        let target = format!("/v1/projects/{project}/variables");
        let body = json!({ "variables": [{ "name": "A", "value": value }] });
        team.send(who, Ask::post(&target).json(&body)).expect(200);
    };
    set(&team.developer, "blog", "1");
    set(&team.owner, "blog", "2");
    team.server.clock.advance(Duration::from_secs(10));
    let since = team.server.clock.now().to_string();
    set(&team.developer, "shop", "3");
    let gone = Ask::new("DELETE", "/v1/projects/shop");
    assert_eq!(team.send(&team.owner, gone).status, 204);
    let ask = |query: &str| team.send(&team.owner, Ask::get(&format!("/v1/audit?{query}")));
    let found = |query: &str| -> Vec<String> {
        let page = ask(query).expect(200);
        let rows = page["data"].as_array().unwrap().iter();
        rows.map(|row| text_of(&row["operation"])).collect()
    };
    let dev = &team.developer;
    for query in ["user=dev@example.org", "user=Dev@Example.org"] {
        let here = format!("{query}&operation=variable_set");
        assert_eq!(found(&here), ["variable_set", "variable_set"], "{query}");
    }
    assert_eq!(
        found(&format!(
            "user={}&project=blog&operation=variable_set",
            dev.id
        )),
        ["variable_set"]
    );
    assert_eq!(
        found("project=blog&operation=variable_set"),
        ["variable_set", "variable_set"]
    );
    assert_eq!(found(&format!("project={blog}")), found("project=blog"));
    let late = ["project_delete", "variable_set"];
    assert_eq!(found(&format!("since={since}")), late);
    // What is gone is found by its id.
    assert_eq!(found(&format!("project={shop}&since={since}")), late);
    for (query, pointer) in [
        ("project=shop", "query:project"),
        ("user=nobody@example.org", "query:user"),
        ("user=x", "query:user"),
        ("operation=none", "query:operation"),
        ("since=yesterday", "query:since"),
    ] {
        let problem = ask(query).expect_problem("request/invalid");
        assert_eq!(problem["errors"][0]["pointer"], pointer, "{query}");
    }
    ask("colour=red").expect_problem("request/invalid");
    // The next page is one of the same list.
    let first = ask("limit=1&operation=variable_set");
    let link = first.field("link").unwrap();
    let target = link.trim_start_matches('<').split('>').next().unwrap();
    assert!(
        target.starts_with("/v1/audit?operation=variable_set&limit=1&cursor="),
        "{link}"
    );
    let second = team.send(&team.owner, Ask::get(target)).expect(200);
    assert_eq!(second["data"][0]["operation"], "variable_set");
    assert_ne!(second["data"][0]["id"], first.json()["data"][0]["id"]);
}

#[test]
fn the_log_has_pages() {
    let team = Team::start();
    for n in 0..5 {
        team.server.make_project(&format!("p{n}"));
    }
    let all: Vec<Value> = team.audit().iter().map(|row| row["id"].clone()).collect();
    let mut paged = Vec::new();
    let mut target = "/v1/audit?limit=2".to_owned();
    loop {
        let page = team.send(&team.owner, Ask::get(&target)).expect(200);
        paged.extend(
            page["data"]
                .as_array()
                .unwrap()
                .iter()
                .map(|row| row["id"].clone()),
        );
        let Some(cursor) = page["next_cursor"].as_str() else {
            break;
        };
        target = format!("/v1/audit?limit=2&cursor={cursor}");
    }
    assert_eq!(paged, all);
}
