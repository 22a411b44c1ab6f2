//! What the server has acknowledged for one project, and what may therefore be seen after a crash.

use std::collections::BTreeSet;

use anyhow::{Context, Result, bail, ensure};
use serde::Deserialize;

use super::content::{Shown, look};
use crate::lab::HolmProcess;

/// Deleted deployments that are still asked for.
const REMEMBERED_DELETIONS: usize = 20;

/// What is known about one deployment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    /// Acknowledged; must be there.
    Present,
    /// Its deletion was cut off: there or gone, either wholly.
    Uncertain,
    /// Its deletion was acknowledged.
    Deleted,
}

/// One deployment whose id is known.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    pub(super) id: String,
    pub(super) host: String,
    pub(super) marker: u64,
    pub(super) fate: Fate,
}

/// How much happened.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Counts {
    pub(super) deployed: u64,
    pub(super) promoted: u64,
    pub(super) deleted: u64,
    pub(super) cut_off: u64,
    pub(super) checked: u64,
}

/// One project.
#[derive(Debug)]
pub(super) struct Ledger {
    pub(super) project: String,
    pub(super) entries: Vec<Entry>,
    /// The deployments that production may show. Empty before the first.
    pub(super) production: BTreeSet<u64>,
    /// A deployment that was cut off before its id was known.
    pub(super) unacknowledged: Option<u64>,
    pub(super) counts: Counts,
}

/// The part of the API's list of deployments that is read here.
#[derive(Debug, Deserialize)]
struct ListedPage {
    data: Vec<Listed>,
}

#[derive(Debug, Deserialize)]
struct Listed {
    id: String,
    url: String,
    state: String,
}

impl Ledger {
    pub(super) fn new(project: &str) -> Self {
        Self {
            project: project.to_owned(),
            entries: Vec::new(),
            production: BTreeSet::new(),
            unacknowledged: None,
            counts: Counts::default(),
        }
    }

    /// Those that must be there.
    pub(super) fn present(&self) -> impl Iterator<Item = &Entry> {
        self.entries
            .iter()
            .filter(|entry| entry.fate == Fate::Present)
    }

    /// Compares the server with the ledger, and settles what was uncertain.
    pub(super) fn verify(&mut self, server: &HolmProcess) -> Result<()> {
        self.verify_entries(server)?;
        self.verify_unacknowledged(server)?;
        self.verify_production(server)?;
        self.forget_old_deletions();
        Ok(())
    }

    fn verify_entries(&mut self, server: &HolmProcess) -> Result<()> {
        for entry in &mut self.entries {
            let shown = look(server, &entry.host)?;
            entry.fate = match (entry.fate, shown) {
                (Fate::Present | Fate::Uncertain, Shown::Whole(marker))
                    if marker == entry.marker =>
                {
                    Fate::Present
                }
                (Fate::Uncertain | Fate::Deleted, Shown::Gate(410)) => Fate::Deleted,
                (fate, shown) => bail!(
                    "{} is {fate:?} as deployment {}, but shows {shown:?}",
                    entry.host,
                    entry.marker
                ),
            };
            self.counts.checked += 1;
        }
        Ok(())
    }

    /// What the cut-off deployment left: nothing, something unfinished, or the whole of it.
    fn verify_unacknowledged(&mut self, server: &HolmProcess) -> Result<()> {
        let Some(marker) = self.unacknowledged.take() else {
            return Ok(());
        };
        for listed in self.list(server)? {
            let host = listed
                .url
                .split("://")
                .nth(1)
                .unwrap_or_default()
                .trim_end_matches('/')
                .to_owned();
            let is_known = self.entries.iter().any(|entry| entry.id == listed.id);
            if is_known || listed.state != "sealed" {
                continue;
            }
            let shown = look(server, &host)?;
            ensure!(
                shown == Shown::Whole(marker),
                "{host} was cut off as deployment {marker}, but shows {shown:?}"
            );
            self.counts.checked += 1;
            self.entries.push(Entry {
                id: listed.id,
                host,
                marker,
                fate: Fate::Present,
            });
        }
        Ok(())
    }

    fn list(&self, server: &HolmProcess) -> Result<Vec<Listed>> {
        let path = format!("/v1/projects/{}/deployments?limit=100", self.project);
        let answer = server.call("GET", &path)?;
        if answer.status == 404 {
            // Cut off before the project was made.
            return Ok(Vec::new());
        }
        ensure!(
            answer.status == 200,
            "GET {path} answered {}: {}",
            answer.status,
            answer.text()
        );
        let page: ListedPage =
            serde_json::from_slice(&answer.body).context("read the deployments")?;
        Ok(page.data)
    }

    fn verify_production(&mut self, server: &HolmProcess) -> Result<()> {
        let host = server.production_host(&self.project);
        match look(server, &host)? {
            Shown::Whole(marker) if self.production.contains(&marker) => {
                self.production = BTreeSet::from([marker]);
            }
            // Only before the first deployment was acknowledged.
            Shown::Gate(404 | 423) if self.present().next().is_none() => self.production.clear(),
            shown => bail!(
                "production may show {:?}, but shows {shown:?}",
                self.production
            ),
        }
        self.counts.checked += 1;
        Ok(())
    }

    fn forget_old_deletions(&mut self) {
        let is_deleted = |entry: &Entry| entry.fate == Fate::Deleted;
        let mut surplus = self
            .entries
            .iter()
            .filter(|entry| is_deleted(entry))
            .count();
        self.entries.retain(|entry| {
            let is_forgotten = is_deleted(entry) && surplus > REMEMBERED_DELETIONS;
            surplus -= usize::from(is_forgotten);
            !is_forgotten
        });
    }
}
