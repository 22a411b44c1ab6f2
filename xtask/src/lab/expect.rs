//! Check files: requests and the answers they must give, in the format of `runchecks.py`.
//!
//! A subset of that format, for the fixtures of this repository: `status`, `headers` (exact,
//! `~substring`, `null` for absent), `body_contains`, `body_absent`, `body_equals`. A field that is
//! not known here is an error, so that no expectation is passed over in silence.

use std::collections::BTreeMap;
use std::fmt;
use std::net::SocketAddr;
use std::path::Path;

use anyhow::{Context, Result, ensure};
use serde::Deserialize;

use super::{Request, Response, fetch};

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct CheckFile {
    project: String,
    requests: Vec<CheckRequest>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct CheckRequest {
    #[serde(default = "get")]
    method: String,
    path: String,
    #[serde(default)]
    headers: BTreeMap<String, String>,
    #[serde(default)]
    body: String,
    /// Why this is asked, for the reader.
    #[serde(default)]
    note: Option<String>,
    expect: Expectation,
}

fn get() -> String {
    "GET".to_owned()
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Expectation {
    status: Option<u16>,
    #[serde(default)]
    headers: BTreeMap<String, Option<String>>,
    #[serde(default)]
    body_contains: Vec<String>,
    #[serde(default)]
    body_absent: Vec<String>,
    body_equals: Option<String>,
}

/// How many requests gave the answer they must give.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Tally {
    pub(crate) passed: usize,
    pub(crate) failed: usize,
}

impl Tally {
    /// Adds another.
    pub(crate) fn add(&mut self, other: Self) {
        self.passed += other.passed;
        self.failed += other.failed;
    }

    /// One more.
    pub(crate) fn count(&mut self, is_right: bool) {
        self.passed += usize::from(is_right);
        self.failed += usize::from(!is_right);
    }

    /// An error when something failed, or when nothing ran.
    pub(crate) fn verdict(self) -> Result<()> {
        ensure!(self.failed == 0, "{self}");
        ensure!(self.passed > 0, "no request ran, so nothing has passed");
        Ok(())
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} passed, {} failed", self.passed, self.failed)
    }
}

/// Sends every request of a check file to a site and prints each verdict.
pub(crate) fn run_check_file(file: &Path, address: SocketAddr, host: &str) -> Result<Tally> {
    let text = std::fs::read_to_string(file).with_context(|| format!("read {}", file.display()))?;
    let checks: CheckFile =
        serde_json::from_str(&text).with_context(|| format!("parse {}", file.display()))?;
    let mut tally = Tally::default();
    for check in &checks.requests {
        let complaints = check.complaints(address, host)?;
        tally.count(complaints.is_empty());
        let verdict = if complaints.is_empty() {
            "ok  "
        } else {
            "FAIL"
        };
        let note = check
            .note
            .as_deref()
            .map(|note| format!(" ({note})"))
            .unwrap_or_default();
        println!(
            "{verdict} {} {} {}{note}",
            checks.project, check.method, check.path
        );
        for complaint in complaints {
            println!("       {complaint}");
        }
    }
    Ok(tally)
}

impl CheckRequest {
    fn complaints(&self, address: SocketAddr, host: &str) -> Result<Vec<String>> {
        let mut request = Request::new(&self.method, host, &self.path);
        for (name, value) in &self.headers {
            request = request.header(name, value);
        }
        request.body = self.body.clone().into_bytes();
        Ok(self.expect.complaints(&fetch(address, &request)?))
    }
}

impl Expectation {
    /// Every way in which an answer is not the one expected.
    fn complaints(&self, response: &Response) -> Vec<String> {
        let text = response.text();
        let mut complaints = Vec::new();
        if let Some(status) = self.status.filter(|status| *status != response.status) {
            complaints.push(format!("status is {}, not {status}", response.status));
        }
        for (name, wanted) in &self.headers {
            let found = response.header(&name.to_ascii_lowercase());
            if !header_matches(wanted.as_deref(), found.as_deref()) {
                complaints.push(format!("header {name} is {found:?}, not {wanted:?}"));
            }
        }
        for part in self
            .body_contains
            .iter()
            .filter(|part| !text.contains(part.as_str()))
        {
            complaints.push(format!("the body lacks {part:?}"));
        }
        for part in self
            .body_absent
            .iter()
            .filter(|part| text.contains(part.as_str()))
        {
            complaints.push(format!("the body has {part:?}"));
        }
        if self
            .body_equals
            .as_ref()
            .is_some_and(|wanted| *wanted != text)
        {
            complaints.push(format!("the body is {text:?}"));
        }
        complaints
    }
}

fn header_matches(wanted: Option<&str>, found: Option<&str>) -> bool {
    match (wanted, found) {
        (None, found) => found.is_none(),
        (Some(_), None) => false,
        (Some(wanted), Some(found)) => match wanted.strip_prefix('~') {
            Some(part) => found.to_lowercase().contains(&part.to_lowercase()),
            None => found == wanted,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(expectation: &str, want: &str) {
        let expectation: Expectation = serde_json::from_str(expectation).unwrap();
        let response = Response {
            status: 200,
            headers: vec![("etag".to_owned(), "\"AB\"".to_owned())],
            body: b"hello".to_vec(),
        };
        let said = expectation.complaints(&response).join("; ");
        assert!(
            if want.is_empty() {
                said.is_empty()
            } else {
                said.contains(want)
            },
            "{said:?} / {want:?}"
        );
    }

    #[test]
    fn each_field_can_fail() {
        check(
            r#"{"status": 200, "headers": {"ETag": "~ab", "age": null}, "body_contains": ["ell"]}"#,
            "",
        );
        check(r#"{"status": 404}"#, "status is 200, not 404");
        check(r#"{"headers": {"etag": "AB"}}"#, "header etag");
        check(r#"{"headers": {"etag": null}}"#, "header etag");
        check(r#"{"headers": {"vary": "x"}}"#, "header vary is None");
        check(r#"{"body_contains": ["bye"]}"#, "lacks");
        check(r#"{"body_absent": ["hell"]}"#, "has");
        check(r#"{"body_equals": "hell"}"#, "the body is");
        assert!(serde_json::from_str::<Expectation>(r#"{"body_regex": "x"}"#).is_err());
    }

    #[test]
    fn a_run_without_requests_has_not_passed() {
        assert!(Tally::default().verdict().is_err());
        assert!(
            Tally {
                passed: 3,
                failed: 0
            }
            .verdict()
            .is_ok()
        );
        assert!(
            Tally {
                passed: 3,
                failed: 1
            }
            .verdict()
            .is_err()
        );
    }
}
