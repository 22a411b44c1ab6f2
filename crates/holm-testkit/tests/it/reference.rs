//! Pages made from tables. `UPDATE=1 cargo test -p holm-testkit` rewrites them; read the diff.

use std::fmt::Write;
use std::path::PathBuf;

use holm_types::{Blame, ErrorCode, Limit, Retry, Unit, VisitorCode};

/// What stands between this line and the end of a page is made here.
const MARK: &str =
    "<!-- Made from the tables in the code by holm-testkit's tests; do not edit below. -->\n";

/// Every room's table of maxima.
const ROOMS: &[(&str, &[Limit])] = &[
    ("holm-edge", holm_edge::LIMITS),
    ("holm-functions", holm_functions::LIMITS),
    ("holm-control", holm_control::LIMITS),
    ("holm-server", holm_server::LIMITS),
    ("holm-cli", holm_cli::LIMITS),
    ("holm-site", holm_site::limits::LIMITS),
    ("holm-build", holm_build::limits::LIMITS),
    ("holm-storage", holm_storage::LIMITS),
    ("holm-telemetry", holm_telemetry::LIMITS),
];

fn check(page: &str, made: &str) {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("../../docs/reference")
        .join(page);
    let text = std::fs::read_to_string(&path).expect("the page exists");
    let (head, found) = text.split_once(MARK).expect("the page has the mark");
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(&path, format!("{head}{MARK}{made}")).expect("the page can be written");
    } else {
        let behind: Vec<&str> = made.lines().filter(|line| !found.contains(line)).collect();
        let ahead: Vec<&str> = found.lines().filter(|line| !made.contains(line)).collect();
        assert!(
            found == made,
            "docs/reference/{page} differs from the code; UPDATE=1 rewrites it\nlacks {behind:#?}\nhas {ahead:#?}"
        );
    }
}

#[test]
fn limits() {
    let mut page = String::new();
    for (room, limits) in ROOMS {
        write!(
            page,
            "\n## {room}\n\n| limit | default | when it is reached |\n| --- | --- | --- |\n"
        )
        .unwrap();
        for limit in *limits {
            writeln!(
                page,
                "| `{}` | {} | {} |",
                limit.name,
                amount(limit),
                limit.at_max
            )
            .unwrap();
        }
    }
    check("limits.md", &page);
}

/// A default as people read it.
fn amount(limit: &Limit) -> String {
    match (limit.unit, limit.default) {
        (Unit::Bytes, bytes) if bytes >= 1 << 30 && bytes % (1 << 30) == 0 => {
            format!("{} GiB", bytes >> 30)
        }
        (Unit::Bytes, bytes) if bytes >= 1 << 20 && bytes % (1 << 20) == 0 => {
            format!("{} MiB", bytes >> 20)
        }
        (Unit::Bytes, bytes) if bytes >= 1 << 10 && bytes % (1 << 10) == 0 => {
            format!("{} KiB", bytes >> 10)
        }
        (Unit::Bytes, bytes) => format!("{bytes} bytes"),
        (Unit::Milliseconds, ms) if ms >= 1000 && ms % 1000 == 0 => format!("{} s", ms / 1000),
        (Unit::Milliseconds, ms) => format!("{ms} ms"),
        (Unit::Count, count) => count.to_string(),
    }
}

#[test]
fn limit_names_are_distinct_and_have_a_room() {
    let mut seen = std::collections::BTreeSet::new();
    for (room, limits) in ROOMS {
        for limit in *limits {
            let prefix = format!("{}.", room.trim_start_matches("holm-"));
            assert!(
                limit.name.starts_with(&prefix),
                "{} is a limit of {room}",
                limit.name
            );
            assert!(seen.insert(limit.name), "{} twice", limit.name);
            assert!(
                limit.at_max.ends_with('.'),
                "{}: what happens there is a sentence",
                limit.name
            );
        }
    }
}

#[test]
fn error_codes() {
    let mut page = String::from(
        "\n## Of the API\n\n| code | status | whose | same request again | what to do |\n| --- | --- | --- | --- | --- |\n",
    );
    for code in ErrorCode::ALL {
        let blame = match code.blame() {
            Blame::Caller => "caller",
            Blame::Platform => "platform",
        };
        let retry = match code.retry() {
            Retry::No => "no",
            Retry::Later => "later",
            Retry::Yes => "yes",
        };
        writeln!(
            page,
            "| `{code}` | {} | {blame} | {retry} | {} |",
            code.status(),
            code.advice()
        )
        .unwrap();
    }
    page.push_str(
        "\n## On the pages that visitors see\n\n| status | word | what happened | visitor | owner |\n| --- | --- | --- | --- | --- |\n",
    );
    for code in VisitorCode::all() {
        writeln!(
            page,
            "| {} | `{}` | {} | {} | {} |",
            code.status(),
            code.word(),
            code.sentence(),
            code.visitor_advice(),
            code.owner_advice()
        )
        .unwrap();
    }
    check("error-codes.md", &page);
}

/// A page that names tests is worth as much as the tests that are there.
#[test]
fn every_test_that_the_page_on_security_names_is_there() {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../..");
    let page = root.join("docs/reference/security-tests.md");
    let page = std::fs::read_to_string(page).expect("the page exists");
    let named: Vec<&str> = page
        .split('`')
        .filter(|text| text.starts_with("crates/"))
        .collect();
    assert!(named.len() > 50, "{}", named.len());
    for name in named {
        let (file, test) = name.split_once("::").unwrap_or((name, ""));
        let text = std::fs::read_to_string(root.join(file))
            .unwrap_or_else(|error| panic!("{file} is named and cannot be read: {error}"));
        let is_there = test.is_empty() || text.contains(&format!("fn {test}("));
        assert!(is_there, "{file} has no test {test}");
    }
}
