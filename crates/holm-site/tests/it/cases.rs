//! The corpus: a deployment and requests in words, and what must come of them.
//!
//! A case file has sections that begin with `# `: `# edgeone.json`, `# _redirects`, `# _headers` and the other configuration files with their
//! text, `# files` with a path a line, `# settings` with `functions_before_files`, `# functions` with
//! `edge|node REGEX NAME` a line, `# sources` with a function's file and its exports a line, `# matcher` with an entry
//! of the middleware's matcher a line, and `# requests` with a request a line. After `----` come the findings and the
//! answers. `UPDATE=1` writes what was found in place of what was expected.
//!
//! A request is `[METHOD] URL [flags]`: a URL with a scheme names its host; `custom` makes the host a custom
//! domain; `explain` prints every rule considered.

mod case;
mod request;
mod sources;

use std::path::{Path, PathBuf};

use case::Case;

#[test]
fn every_case_gives_what_it_says() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus");
    let files = case_files(&root);
    assert!(
        files.len() > 50,
        "the corpus has gone missing: {} cases",
        files.len()
    );
    let mut wrong = Vec::new();
    for file in files {
        let text = std::fs::read_to_string(&file).expect("a case is readable");
        let case = Case::parse(&text);
        let got = case.run();
        if got == case.expected {
            continue;
        }
        if std::env::var_os("UPDATE").is_some() {
            std::fs::write(&file, case.with_expected(&got)).expect("a case is writable");
        } else {
            let name = file.strip_prefix(&root).unwrap_or(&file).display();
            wrong.push(format!(
                "== {name}\n-- expected\n{}-- got\n{got}",
                case.expected
            ));
        }
    }
    assert!(
        wrong.is_empty(),
        "{} cases differ:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
}

fn case_files(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    let entries = std::fs::read_dir(folder).expect("the corpus is a folder");
    for entry in entries {
        let path = entry.expect("a folder lists its entries").path();
        if path.is_dir() {
            files.extend(case_files(&path));
        } else if path
            .extension()
            .is_some_and(|extension| extension == "case")
        {
            files.push(path);
        }
    }
    files.sort();
    files
}
