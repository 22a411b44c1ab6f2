//! `init`, `link`, `unlink`, `pages`: what they do to a folder, and what they refuse before a server is
//! asked.

use std::fs;

use crate::person::Person;

fn read(person: &Person, path: &str) -> String {
    fs::read_to_string(person.path(path)).unwrap()
}

#[test]
fn init_writes_what_is_not_there_and_overwrites_nothing() {
    let person = Person::new();
    person.write("edgeone.json", "{\"mine\": 1}");
    let said = person.types("init -n blog --edgeone-json --api https://holm.example");
    assert_eq!((said.exit, said.out.as_str()), (0, ""), "{}", said.err);
    let link = read(&person, ".holm/project.json");
    assert!(
        link.contains("\"blog\"") && link.contains("https://holm.example"),
        "{link}"
    );
    assert!(!link.contains("token"), "{link}");
    assert_eq!(read(&person, "edgeone.json"), "{\"mine\": 1}");
    assert!(
        said.err
            .contains("edgeone.json is there and was left as it is"),
        "{}",
        said.err
    );

    // The same again changes nothing; another project is a conflict.
    let said = person.types("init --json --api https://other.example");
    let object: serde_json::Value = serde_json::from_str(&said.out).unwrap();
    assert_eq!(
        (&object["project"], &object["written"]),
        (&"blog".into(), &serde_json::json!([]))
    );
    assert_eq!(read(&person, ".holm/project.json"), link);
    assert_eq!(person.types("init -n other").exit, 5);
    assert_eq!(read(&person, ".holm/project.json"), link);

    let said = person.types("unlink --json");
    assert_eq!(
        (said.exit, said.out.as_str()),
        (0, "{\"was_linked\":true}\n")
    );
    assert!(!person.path(".holm").exists());
    assert_eq!(
        person.types("unlink --json").out,
        "{\"was_linked\":false}\n"
    );
}

#[test]
fn verbose_says_which_file_gave_which_value() {
    let mut person = Person::new();
    person.types("init -n blog --api http://127.0.0.1:1");
    person.set("HOLM_TOKEN", "holm_x");
    let said = person.types("deployments --verbose");
    assert!(said.err.contains("project  blog  (from "), "{}", said.err);
    assert!(said.err.contains(".holm/project.json)"), "{}", said.err);
    assert!(
        said.err
            .contains("server   http://127.0.0.1:1  (from the link file"),
        "{}",
        said.err
    );
    assert!(said.err.contains("token    from none"), "{}", said.err);
    let said = person.types("deployments --verbose --api http://127.0.0.1:1");
    assert!(
        said.err
            .contains("(from --api)\ntoken    from HOLM_TOKEN\n"),
        "{}",
        said.err
    );
    assert!(!said.err.contains("holm_x"), "{}", said.err);
}

#[test]
fn the_authority_of_a_server_is_read_from_a_file() {
    let mut person = Person::new();
    person.set("HOLM_TOKEN", "holm_x");
    let said = person.types("projects --api https://127.0.0.1:1 --ca nothing.pem");
    assert_eq!(said.exit, 2, "{}", said.err);
    assert!(
        said.err
            .contains("`nothing.pem` (--ca): there is no such file"),
        "{}",
        said.err
    );
    person.write("ca.pem", "hello");
    person.set(
        "HOLM_CA",
        person.path("ca.pem").to_str().unwrap().to_owned().as_str(),
    );
    let said = person.types("projects --api https://127.0.0.1:1");
    assert!(
        said.err
            .contains("(HOLM_CA): there is no certificate in it"),
        "{}",
        said.err
    );
}

#[test]
fn pages_refuses_in_edgeones_way() {
    let mut person = Person::new();
    person.write("dist/index.html", "x");
    let said = person.types("pages deploy ./dist");
    assert_eq!((said.exit, said.out.as_str()), (1, ""));
    assert!(
        said.err
            .contains("Missing project name. Please use -n or --name option"),
        "{}",
        said.err
    );
    let said = person.types("pages deploy ./dist --anonymous --json");
    assert_eq!(said.exit, 1);
    let object: serde_json::Value = serde_json::from_str(&said.out).unwrap();
    assert_eq!(object["status"], "error");
    for (words, reason) in [
        ("pages dev --port 8088", "holm up DIR"),
        ("makers build", "nothing is built here"),
        ("pages nonsense", "there is no such command"),
    ] {
        let said = person.types(words);
        assert_eq!((said.exit, said.out.as_str()), (1, ""), "{words}");
        assert!(said.err.contains(reason), "{words}: {}", said.err);
    }
    // A token of another service is named as such, and is sent nowhere.
    person.set("EDGEONE_PAGES_API_TOKEN", "AbCdEf0123456789=");
    let said = person.types("pages deploy ./dist -n blog -e preview --api http://127.0.0.1:1");
    assert_eq!(said.exit, 1);
    assert!(
        said.err
            .contains("use the token from EDGEONE_PAGES_API_TOKEN"),
        "{}",
        said.err
    );
    let said = person.types("pages deploy ./dist -n blog -a mars");
    assert_eq!(said.exit, 2, "{}", said.err);
}

#[test]
fn a_result_that_cannot_be_written_is_a_failure() {
    let full = fs::OpenOptions::new().write(true).open("/dev/full");
    let Ok(full) = full else { return };
    let person = Person::new();
    let said = person.types_into("completion bash", full);
    assert_eq!(said.exit, 1, "{}", said.err);
    assert!(
        said.err.contains("write the result to standard output"),
        "{}",
        said.err
    );
}
