//! What is refused before a server is asked, and what is said then.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};

use crate::person::Person;

/// An address where nobody listens: port 1 is reserved for a service of the past. (A port that was free
/// a moment ago may be another test's now.)
const NOBODY: &str = "http://127.0.0.1:1";

#[test]
fn a_folder_that_is_not_there_is_named() {
    let said = Person::new().types("deploy dist");
    assert_eq!(said.exit, 4);
    assert_eq!(said.out, "");
    assert_eq!(
        said.err,
        "error: could not deploy `dist`: there is no folder `dist`\n  \
         next: Name a folder that exists; if a build makes it, run the build first.\n"
    );
}

#[test]
fn with_json_a_failure_is_one_object_on_stdout() {
    let said = Person::new().types("deploy dist --json");
    let object: serde_json::Value = serde_json::from_str(&said.out).unwrap();
    assert_eq!(object["error"]["exit_code"], 4);
    assert_eq!(
        object["error"]["message"],
        "could not deploy `dist`: there is no folder `dist`"
    );
    assert!(said.err.starts_with("error: "));
}

#[test]
fn without_a_token_the_way_to_one_is_told() {
    let person = Person::new();
    person.write("index.html", "x");
    for words in [
        "deploy",
        "projects",
        "rollback -n blog",
        "promote dpl_0 -n blog",
        "explain http://blog.localhost/",
    ] {
        let said = person.types(words);
        assert_eq!(
            (said.exit, said.out.as_str()),
            (3, ""),
            "{words}: {}",
            said.err
        );
        assert!(
            said.err.contains("holm login --api http://127.0.0.1:8089"),
            "{words}: {}",
            said.err
        );
    }
}

#[test]
fn without_a_terminal_nothing_is_asked() {
    let said = Person::new().types("login");
    assert_eq!(said.exit, 2);
    assert!(said.err.contains("--token-stdin"), "{}", said.err);
}

#[test]
fn nobody_listening_is_told_at_once() {
    let mut person = Person::new();
    let api = NOBODY;
    person.write("index.html", "x");
    person.set("HOLM_API", api).set("HOLM_TOKEN", "holm_x");
    for words in ["status", "deploy", "login", "projects"] {
        let said = person.types(words);
        assert_eq!(
            (said.exit, said.out.as_str()),
            (1, ""),
            "{words}: {}",
            said.err
        );
        assert!(
            said.err.contains(&format!("no connection to {api}")),
            "{words}: {}",
            said.err
        );
        assert!(said.err.contains("holm serve"), "{words}: {}", said.err);
    }
    assert!(
        !person.config().exists(),
        "a token that was not checked is not kept"
    );
    assert!(
        !person.path(".holm").exists(),
        "no link without a deployment"
    );
}

#[test]
fn a_token_is_not_sent_in_the_clear() {
    let mut person = Person::new();
    person.set("HOLM_TOKEN", "holm_x");
    let said = person.types("projects --api http://holm.example");
    assert_eq!(said.exit, 9);
    assert!(said.err.contains("--insecure-http"), "{}", said.err);
}

#[test]
fn an_owner_link_goes_where_it_says() {
    let mut person = Person::new();
    let api = NOBODY;
    person.set("HOLM_TOKEN", &format!("{api}/claim?code=abc"));
    let said = person.types("login");
    assert_eq!(said.exit, 1);
    assert!(
        said.err.contains(&format!(
            "could not become the owner of {api}: no connection"
        )),
        "{}",
        said.err
    );
    person.set("HOLM_TOKEN", "http://holm.example/claim?code=abc");
    assert_eq!(person.types("login").exit, 9);
}

#[test]
fn a_link_out_of_the_folder_is_refused_by_name() {
    let mut person = Person::new();
    person.write("index.html", "x");
    symlink("/etc/passwd", person.path("passwd")).unwrap();
    person.set("HOLM_TOKEN", "holm_x").set("HOLM_API", NOBODY);
    let said = person.types("deploy -n blog");
    assert_eq!(said.exit, 9);
    assert!(
        said.err
            .contains("`/passwd` is a symbolic link to `/etc/passwd`, outside of the folder"),
        "{}",
        said.err
    );
}

#[test]
fn a_dry_run_needs_no_server_and_says_what_would_go() {
    let person = Person::new();
    person.write("dist/index.html", "hello");
    person.write("dist/.env", "SECRET=1");
    person.write("edgeone.json", r#"{"outputDirectory":"dist"}"#);
    let said = person.types("deploy --dry-run --prod -n blog");
    assert_eq!(said.exit, 0, "{}", said.err);
    assert_eq!(said.out, "/edgeone.json  (read, not served)\n/index.html\n");
    assert_eq!(
        said.err,
        "files from dist, rules from edgeone.json\n\
         would deploy 2 files (31 B) from `dist` to production of `blog`; nothing was stored\n"
    );
    let said = person.types("deploy --dry-run --json -n blog");
    let object: serde_json::Value = serde_json::from_str(&said.out).unwrap();
    assert_eq!(object["environment"], "preview");
    assert_eq!(object["files"][1]["path"], "/index.html");
}

#[test]
fn tokens_that_others_can_read_are_warned_about() {
    let person = Person::new();
    fs::create_dir_all(person.config()).unwrap();
    let file = person.config().join("credentials.json");
    fs::write(&file, r#"{"version":1,"servers":{}}"#).unwrap();
    fs::set_permissions(&file, fs::Permissions::from_mode(0o644)).unwrap();
    let said = person.types("projects");
    assert_eq!(said.exit, 3);
    assert!(
        said.err
            .starts_with("warning: other users can read your tokens; run: chmod 600 "),
        "{}",
        said.err
    );
}

#[test]
fn colours_are_as_asked_for() {
    let mut person = Person::new();
    assert!(
        !person.types("deploy dist").err.contains('\u{1b}'),
        "no terminal, no colour"
    );
    person.set("FORCE_COLOR", "1");
    assert!(
        person
            .types("deploy dist")
            .err
            .starts_with("\u{1b}[1;31merror\u{1b}[0m: ")
    );
    person.set("NO_COLOR", "1");
    assert!(!person.types("deploy dist").err.contains('\u{1b}'));
}
