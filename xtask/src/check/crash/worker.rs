//! What happens to one project until the server is killed: deploy, promote, delete, in random order.

use std::sync::atomic::Ordering;

use anyhow::{Context, Result, ensure};

use super::Round;
use super::content;
use super::ledger::{Entry, Fate, Ledger};
use crate::lab::{Random, Response};

/// Deployments of a project that are kept; beyond it one is deleted, as retention would
/// otherwise retire the oldest by itself.
const KEPT_MAX: usize = 6;

/// Works until the server is gone. An error only when something failed before the kill.
pub(super) fn work(round: &Round<'_>, ledger: &mut Ledger, mut random: Random) -> Result<()> {
    while !round.is_killing.load(Ordering::SeqCst) {
        let outcome = step(round, ledger, &mut random);
        if round.is_killing.load(Ordering::SeqCst) {
            ledger.counts.cut_off += u64::from(outcome.is_err());
            return Ok(());
        }
        outcome.with_context(|| format!("project {}", ledger.project))?;
    }
    Ok(())
}

fn step(round: &Round<'_>, ledger: &mut Ledger, random: &mut Random) -> Result<()> {
    let present: Vec<Entry> = ledger.present().cloned().collect();
    let idle: Vec<Entry> = present
        .iter()
        .filter(|entry| !ledger.production.contains(&entry.marker))
        .cloned()
        .collect();
    if present.len() >= KEPT_MAX {
        return delete(round, ledger, random.one_of(&idle));
    }
    match random.below(10) {
        0..=1 if !present.is_empty() => promote(round, ledger, random.one_of(&present)),
        2..=3 if !idle.is_empty() => delete(round, ledger, random.one_of(&idle)),
        _ => deploy(round, ledger),
    }
}

/// The ledger notes the intention first: from then on either outcome may be seen, until the answer comes.
fn deploy(round: &Round<'_>, ledger: &mut Ledger) -> Result<()> {
    let marker = round.next_marker.fetch_add(1, Ordering::SeqCst);
    let folder = round.work.join(&ledger.project);
    content::write(&folder, marker)?;
    ledger.unacknowledged = Some(marker);
    ledger.production.insert(marker);
    let deployed = round.holm.deploy(round.server, &folder, &ledger.project)?;
    ledger.unacknowledged = None;
    ledger.production.retain(|allowed| *allowed == marker);
    ledger.counts.deployed += 1;
    ledger.entries.push(Entry {
        host: deployed.host(),
        id: deployed.id,
        marker,
        fate: Fate::Present,
    });
    Ok(())
}

fn promote(round: &Round<'_>, ledger: &mut Ledger, entry: &Entry) -> Result<()> {
    ledger.production.insert(entry.marker);
    let path = format!(
        "/v1/projects/{}/deployments/{}/promote",
        ledger.project, entry.id
    );
    expect_status(&round.server.call("POST", &path)?, 200, &path)?;
    ledger.production.retain(|allowed| *allowed == entry.marker);
    ledger.counts.promoted += 1;
    Ok(())
}

fn delete(round: &Round<'_>, ledger: &mut Ledger, entry: &Entry) -> Result<()> {
    set_fate(ledger, &entry.id, Fate::Uncertain);
    let path = format!("/v1/projects/{}/deployments/{}", ledger.project, entry.id);
    expect_status(&round.server.call("DELETE", &path)?, 204, &path)?;
    set_fate(ledger, &entry.id, Fate::Deleted);
    ledger.counts.deleted += 1;
    Ok(())
}

fn set_fate(ledger: &mut Ledger, id: &str, fate: Fate) {
    for entry in ledger.entries.iter_mut().filter(|entry| entry.id == id) {
        entry.fate = fate;
    }
}

fn expect_status(answer: &Response, status: u16, path: &str) -> Result<()> {
    ensure!(
        answer.status == status,
        "{path} answered {}: {}",
        answer.status,
        answer.text()
    );
    Ok(())
}
