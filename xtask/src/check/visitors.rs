//! Visitors who ask all the time on kept connections and look closely at every answer: body, entity tag
//! and the header that names the deployment have to belong to one deployment.

use std::collections::{BTreeMap, HashMap};
use std::net::SocketAddr;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

use anyhow::{Result, ensure};

use crate::lab::{Connection, Random, Request, Response, write_file};

/// The rule header that says which deployment's rules answered.
const MARKER_HEADER: &str = "x-marker";

/// What is asked for: pages and what they load.
const PATHS: &[&str] = &["/", "/about", "/style.css", "/app.js"];

/// Descriptions of wrong answers that are kept.
const FINDINGS_MAX: usize = 10;

/// Writes the folder of a deployment; every file and the rules name it.
pub(super) fn write_site(folder: &Path, marker: u64) -> Result<()> {
    for path in PATHS {
        let name = match *path {
            "/" => "index.html",
            "/about" => "about.html",
            path => path.trim_start_matches('/'),
        };
        write_file(&folder.join(name), body(marker, path).as_bytes())?;
    }
    let rules = format!(
        r#"{{"headers": [{{"source": "/*", "headers": [{{"key": "{MARKER_HEADER}", "value": "{marker}"}}]}}]}}"#
    );
    write_file(&folder.join("edgeone.json"), rules.as_bytes())
}

fn body(marker: u64, path: &str) -> String {
    let line = match path {
        "/style.css" => format!("/* deployment {marker} */ body {{ order: {marker} }}\n"),
        "/app.js" => format!("console.log(\"deployment {marker}\");\n"),
        path => format!("<!doctype html><title>{path} of deployment {marker}</title>\n"),
    };
    line.repeat(20)
}

/// What all visitors saw.
#[derive(Clone, Debug, Default)]
pub(super) struct Seen {
    /// Requests that were sent.
    pub(super) asked: u64,
    /// Those of them answered with 304.
    pub(super) unchanged: u64,
    /// Requests without an answer, or with another status than 200 and 304.
    pub(super) failed: u64,
    /// Answers whose parts belong to different deployments.
    pub(super) mixed: u64,
    /// Answers that ended their connection.
    pub(super) closing: u64,
    /// Deployments seen, with how many answers each.
    pub(super) markers: BTreeMap<u64, u64>,
    findings: Vec<String>,
}

impl Seen {
    fn add(&mut self, other: Self) {
        self.asked += other.asked;
        self.unchanged += other.unchanged;
        self.failed += other.failed;
        self.mixed += other.mixed;
        self.closing += other.closing;
        for (marker, count) in other.markers {
            *self.markers.entry(marker).or_default() += count;
        }
        self.findings.extend(other.findings);
        self.findings.truncate(FINDINGS_MAX);
    }

    fn finding(&mut self, text: String) {
        if self.findings.len() < FINDINGS_MAX {
            self.findings.push(text);
        }
    }

    /// Fails when an answer was missing or wrong, or when there was too little to see.
    pub(super) fn judge(&self) -> Result<()> {
        for finding in &self.findings {
            println!("  {finding}");
        }
        ensure!(
            self.failed == 0 && self.mixed == 0,
            "{} of {} requests failed, {} answers mix two deployments",
            self.failed,
            self.asked,
            self.mixed
        );
        ensure!(
            self.markers.len() > 1 && self.unchanged > 0,
            "too little was seen: deployments {:?}, {} answers 304",
            self.markers,
            self.unchanged
        );
        Ok(())
    }
}

/// Who asks, and where.
#[derive(Clone, Debug)]
pub(super) struct Visitors {
    address: SocketAddr,
    host: String,
    /// Which deployment and path an entity tag was first seen with.
    tags: std::sync::Arc<Mutex<HashMap<String, (u64, usize)>>>,
}

impl Visitors {
    pub(super) fn new(address: SocketAddr, host: &str) -> Self {
        Self {
            address,
            host: host.to_owned(),
            tags: std::sync::Arc::default(),
        }
    }

    /// Has so many of them ask for as long as `meanwhile` runs.
    pub(super) fn ask_while<T>(
        &self,
        connections: usize,
        meanwhile: impl FnOnce() -> Result<T>,
    ) -> Result<(T, Seen)> {
        let is_over = AtomicBool::new(false);
        std::thread::scope(|scope| {
            let asking: Vec<_> = (0..connections)
                .map(|number| {
                    let is_over = &is_over;
                    scope.spawn(move || {
                        let mut seen = Seen::default();
                        let mut visitor = Visitor::new(self, number);
                        while !is_over.load(Ordering::Relaxed) {
                            visitor.ask(&mut seen);
                        }
                        seen
                    })
                })
                .collect();
            let done = meanwhile();
            is_over.store(true, Ordering::Relaxed);
            let mut all = Seen::default();
            for one in asking {
                let seen = one
                    .join()
                    .map_err(|_| anyhow::anyhow!("a visitor panicked"))?;
                all.add(seen);
            }
            Ok((done?, all))
        })
    }

    /// The deployment that one answer shows, on a connection of its own.
    pub(super) fn look(&self) -> Result<u64> {
        let mut connection = Connection::open(self.address)?;
        let answer = connection.send(&Request::get(&self.host, "/"))?;
        self.marker_of(&answer, 0, None)
            .map_err(|finding| anyhow::anyhow!(finding))
    }

    /// Which deployment answered. An error says how the parts of the answer contradict each other.
    fn marker_of(
        &self,
        answer: &Response,
        path: usize,
        asked_with: Option<&str>,
    ) -> Result<u64, String> {
        let named = answer.header(MARKER_HEADER);
        let marker: u64 = named
            .as_deref()
            .and_then(|text| text.parse().ok())
            .ok_or_else(|| format!("{} without {MARKER_HEADER}", PATHS[path]))?;
        let tag = answer.header("etag").unwrap_or_default();
        let mut tags = self.tags.lock().unwrap_or_else(PoisonError::into_inner);
        let first = *tags.entry(tag.clone()).or_insert((marker, path));
        if first != (marker, path) {
            return Err(format!(
                "{} has the rules of {marker} and the entity tag {tag} of {first:?}",
                PATHS[path]
            ));
        }
        if answer.status == 304 && asked_with != Some(tag.as_str()) {
            return Err(format!("{} is 304 for another entity tag", PATHS[path]));
        }
        if answer.status == 200 && answer.text() != body(marker, PATHS[path]) {
            return Err(format!("{} is not the file of {marker}", PATHS[path]));
        }
        Ok(marker)
    }
}

/// One of them, with its connection.
struct Visitor<'a> {
    of: &'a Visitors,
    connection: Option<Connection>,
    random: Random,
    /// The entity tag last seen, by path.
    known: Vec<Option<String>>,
}

impl<'a> Visitor<'a> {
    fn new(of: &'a Visitors, number: usize) -> Self {
        Self {
            of,
            connection: None,
            random: Random::seeded(number as u64),
            known: vec![None; PATHS.len()],
        }
    }

    /// One request. One in four asks only for what has changed.
    fn ask(&mut self, seen: &mut Seen) {
        let path = usize::try_from(self.random.below(PATHS.len() as u64)).unwrap_or(0);
        let condition = self.known[path]
            .clone()
            .filter(|_| self.random.below(4) == 0);
        let mut request = Request::get(&self.of.host, PATHS[path]);
        if let Some(tag) = &condition {
            request = request.header("if-none-match", tag);
        }
        seen.asked += 1;
        let answer = match self.send(&request) {
            Ok(answer) => answer,
            Err(error) => {
                seen.failed += 1;
                return seen.finding(format!("{}: {error:#}", PATHS[path]));
            }
        };
        if answer.header("connection").as_deref() == Some("close") {
            seen.closing += 1;
            self.connection = None;
        }
        if !matches!(answer.status, 200 | 304) {
            seen.failed += 1;
            return seen.finding(format!("{} answers {}", PATHS[path], answer.status));
        }
        seen.unchanged += u64::from(answer.status == 304);
        match self.of.marker_of(&answer, path, condition.as_deref()) {
            Ok(marker) => *seen.markers.entry(marker).or_default() += 1,
            Err(finding) => {
                seen.mixed += 1;
                seen.finding(finding);
            }
        }
        self.known[path] = answer.header("etag");
    }

    /// On the kept connection. One that ends instead of answering is a failure: no request is sent twice.
    fn send(&mut self, request: &Request) -> Result<Response> {
        let mut connection = match self.connection.take() {
            Some(kept) => kept,
            None => Connection::open(self.of.address)?,
        };
        let answer = connection.send(request)?;
        self.connection = Some(connection);
        Ok(answer)
    }
}
