//! `holm pages`: a script of `edgeone pages` moves by changing one word.

use crate::http::get;
use crate::program::{Bench, Server};

/// Runs a word with EdgeOne's variables instead of Holm's.
fn run(bench: &Bench, server: &Server<'_>, args: &[&str]) -> (i32, String, String) {
    let output = bench
        .command()
        .args(args)
        .env("HOLM_API", server.text("api_url"))
        .env("EDGEONE_PAGES_API_TOKEN", server.text("token"))
        .env("GITHUB_OUTPUT", bench.path("outputs"))
        .output()
        .unwrap();
    (
        output.status.code().unwrap(),
        String::from_utf8(output.stdout).unwrap(),
        String::from_utf8(output.stderr).unwrap(),
    )
}

fn value<'a>(out: &'a str, name: &str) -> &'a str {
    out.lines()
        .find_map(|line| line.strip_prefix(name)?.strip_prefix('='))
        .unwrap_or_else(|| panic!("{name} in {out}"))
}

#[test]
fn the_lines_that_scripts_look_for_are_printed() {
    let bench = Bench::new();
    let site = bench.site("dist", &[("index.html", "one")]);
    let server = bench.up(None);
    let site = site.to_str().unwrap();
    let words = ["pages", "deploy", site, "-n", "my-shop", "-a", "overseas"];
    let (exit, out, err) = run(&bench, &server, &words);
    assert_eq!(exit, 0, "{err}");
    assert!(out.starts_with("[cli][✔] Deploy Success\n"), "{out}");
    // EdgeOne deploys to production unless told otherwise.
    assert_eq!(
        get(&format!("{}/", value(&out, "EDGEONE_DEPLOY_URL"))).text(),
        "one"
    );
    assert_eq!(get(&server.host("my-shop.localhost", "/")).text(), "one");
    assert_eq!(value(&out, "EDGEONE_DEPLOY_TYPE"), "preset");
    let project = value(&out, "EDGEONE_PROJECT_ID");
    assert!(project.starts_with("prj_"), "{project}");
    let outputs = std::fs::read_to_string(bench.path("outputs")).unwrap();
    assert_eq!(value(&outputs, "EDGEONE_PROJECT_ID"), project);

    std::fs::write(std::path::Path::new(site).join("index.html"), "two").unwrap();
    let words = [
        "pages", "deploy", site, "-n", "my-shop", "-e", "preview", "--json",
    ];
    let (exit, out, err) = run(&bench, &server, &words);
    assert_eq!(exit, 0, "{err}");
    let last: serde_json::Value = serde_json::from_str(out.lines().last().unwrap()).unwrap();
    assert_eq!(
        (&last["status"], &last["projectId"]),
        (&"success".into(), &project.into())
    );
    assert_eq!(
        get(&format!("{}/", last["url"].as_str().unwrap())).text(),
        "two"
    );
    assert_eq!(get(&server.host("my-shop.localhost", "/")).text(), "one");
}

#[test]
fn a_failed_deployment_is_told_as_edgeone_tells_it() {
    let bench = Bench::new();
    let bad_region = r#"{ "cloudFunctions": { "mainlandRegions": ["mars"] } }"#;
    let site = bench.site(
        "dist",
        &[("index.html", "one"), ("edgeone.json", bad_region)],
    );
    let server = bench.up(None);
    let words = ["pages", "deploy", site.to_str().unwrap(), "-n", "shop"];
    let (exit, out, err) = run(&bench, &server, &words);
    assert_eq!((exit, out.as_str()), (1, ""));
    assert!(
        err.contains("Deployment failed: Deployment failed with status: Failed"),
        "{err}"
    );
}

#[test]
fn a_folder_is_linked_and_deployed_without_a_name() {
    let bench = Bench::new();
    let site = bench.site("shop", &[("index.html", "one")]);
    let server = bench.up(Some(&site));
    std::fs::remove_dir_all(bench.path(".holm")).ok();
    let (exit, _, err) = run(&bench, &server, &["pages", "link", "-n", "nobody"]);
    assert_eq!(exit, 1);
    assert!(
        err.contains("Project not found, please check your project name."),
        "{err}"
    );
    let (exit, out, err) = run(&bench, &server, &["pages", "link", "-n", "shop"]);
    assert_eq!(exit, 0, "{err}");
    assert!(out.contains("Project shop linked successfully."), "{out}");
    let (exit, out, err) = run(
        &bench,
        &server,
        &["pages", "deploy", site.to_str().unwrap()],
    );
    // The folder's link names the server as well, and EdgeOne's variable is not for it: HOLM_API is.
    assert_eq!(exit, 0, "{err}");
    assert_eq!(
        value(&out, "EDGEONE_DEPLOY_URL"),
        server.host("shop.localhost", "")
    );
    let opened = server.json(&["open", "--json"]);
    assert_eq!(opened["url"], server.host("shop.localhost", ""));
}

#[test]
fn variables_are_set_listed_pulled_and_removed() {
    let bench = Bench::new();
    let site = bench.site("shop", &[("index.html", "one")]);
    let server = bench.up(Some(&site));
    let env = |args: &[&str]| {
        let words = [&["pages", "env"], args, &["-n", "shop"]].concat();
        let (exit, out, err) = run(&bench, &server, &words);
        assert_eq!(exit, 0, "{args:?}: {err}");
        out
    };
    let told = env(&["set", "GREETING", "hello"]);
    assert_eq!(
        told,
        "[cli][✔] Add environment GREETING variables succeed!\n"
    );
    env(&["add", "OTHER", "x"]);
    assert!(env(&["ls"]).contains("GREETING"));
    env(&["pull", "-f", "local.env"]);
    let pulled = std::fs::read_to_string(bench.path("local.env")).unwrap();
    assert!(
        pulled.contains("GREETING=") && pulled.contains("hello"),
        "{pulled}"
    );
    env(&["rm", "GREETING"]);
    assert!(!env(&["ls"]).contains("GREETING"));
    let (exit, _, err) = run(
        &bench,
        &server,
        &["pages", "env", "set", "1X", "y", "-n", "shop"],
    );
    assert_eq!(exit, 1, "{err}");
}
