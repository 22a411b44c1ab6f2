//! `check crash`: the server is killed at random moments while it is deployed to and blobs are collected,
//! and is asked afterwards for everything that it acknowledged.
//!
//! After each kill: every acknowledged deployment answers its exact content on its own URL, every
//! acknowledged deletion stays deleted, production shows one whole deployment that it may show, and
//! `holm doctor` has nothing to say.

mod content;
mod ledger;
mod worker;

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};

use crate::lab::{Holm, HolmProcess, Lab, Launch, Random, write_file};
use crate::options::Options;

use ledger::Ledger;

/// Projects that are worked on at the same time, each by a thread of its own.
const PROJECTS: &[&str] = &["anvil", "bellows"];

/// The latest moment of a kill after the work has begun.
const KILL_AFTER_MAX_MS: u64 = 600;

/// How long all rounds together may take.
const TIME_MAX: Duration = Duration::from_mins(20);

/// How often the doctor is asked, in rounds.
const ROUNDS_PER_DOCTOR: usize = 10;

/// What the threads of one round share.
struct Round<'a> {
    holm: &'a Holm,
    server: &'a HolmProcess,
    /// Set just before the kill: an error after this moment is no failure.
    is_killing: &'a AtomicBool,
    /// The next deployment's number; never used twice.
    next_marker: &'a AtomicU64,
    /// Where the folders to deploy are written.
    work: &'a Path,
}

/// Kills the server again and again.
pub(crate) fn run(root: &Path, mut options: Options) -> Result<()> {
    let rounds: usize = options.take_or("rounds", 100)?;
    let seed: u64 = options.take_or("seed", 1)?;
    let lab = Lab::open(root, options)?;
    println!("{rounds} kills with seed {seed}; `--seed {seed}` repeats the moments");
    let trial = Trial::new(&lab)?;
    let mut random = Random::seeded(seed);
    let mut ledgers: Vec<Ledger> = PROJECTS.iter().map(|name| Ledger::new(name)).collect();
    let start = Instant::now();
    for round in 1..=rounds {
        ensure!(
            start.elapsed() < TIME_MAX,
            "{round} of {rounds} rounds took over {} s",
            TIME_MAX.as_secs()
        );
        trial
            .round(round, &mut random, &mut ledgers)
            .with_context(|| format!("round {round}, seed {seed}"))?;
    }
    trial.finish(&mut ledgers)?;
    report(&ledgers, rounds, start.elapsed())
}

/// Fails when the work left too little to lose.
fn report(ledgers: &[Ledger], rounds: usize, took: Duration) -> Result<()> {
    let sum = |count: fn(&Ledger) -> u64| ledgers.iter().map(count).sum::<u64>();
    let deployed = sum(|ledger| ledger.counts.deployed);
    let checked = sum(|ledger| ledger.counts.checked);
    println!(
        "{rounds} kills in {:.0} s: {deployed} deployments, {} promotions and {} deletions acknowledged, {} cut off, {checked} answers compared",
        took.as_secs_f64(),
        sum(|ledger| ledger.counts.promoted),
        sum(|ledger| ledger.counts.deleted),
        sum(|ledger| ledger.counts.cut_off),
    );
    ensure!(
        deployed > 0 && checked > 0,
        "nothing was deployed, so nothing has been shown"
    );
    println!("{rounds} passed, 0 failed");
    Ok(())
}

/// One data folder through all its crashes.
struct Trial {
    holm: Holm,
    launch: Launch,
    data: PathBuf,
    work: PathBuf,
    next_marker: AtomicU64,
}

impl Trial {
    fn new(lab: &Lab) -> Result<Self> {
        let folder = lab.empty_folder("crash")?;
        let data = folder.join("data");
        // So that collections are under way when the kill comes.
        write_file(
            &data.join("holm.toml"),
            b"[limits]\n\"control.collect_settle_time\" = 0\n",
        )?;
        Ok(Self {
            holm: lab.holm.clone(),
            launch: Launch::new(&lab.holm, &data)?.with_token()?,
            work: folder.join("sites"),
            data,
            next_marker: AtomicU64::new(1),
        })
    }

    /// Starts, verifies what the last kill left, works, kills.
    fn round(&self, round: usize, random: &mut Random, ledgers: &mut [Ledger]) -> Result<()> {
        let server = self.launch.start().context("start after a kill")?;
        Self::verify(&server, ledgers)?;
        if round.is_multiple_of(ROUNDS_PER_DOCTOR) {
            self.ask_doctor()?;
        }
        let kill_after = Duration::from_millis(random.below(KILL_AFTER_MAX_MS));
        let seeds: Vec<u64> = ledgers.iter().map(|_| random.next()).collect();
        let is_killing = AtomicBool::new(false);
        let shared = Round {
            holm: &self.holm,
            server: &server,
            is_killing: &is_killing,
            next_marker: &self.next_marker,
            work: &self.work,
        };
        std::thread::scope(|scope| {
            let workers: Vec<_> = ledgers
                .iter_mut()
                .zip(seeds)
                .map(|(ledger, seed)| {
                    let shared = &shared;
                    scope.spawn(move || worker::work(shared, ledger, Random::seeded(seed)))
                })
                .collect();
            scope.spawn(|| self.collect_often(&server, &is_killing));
            std::thread::sleep(kill_after);
            is_killing.store(true, Ordering::SeqCst);
            server.kill_now().context("kill the server")?;
            for worker in workers {
                worker
                    .join()
                    .map_err(|_| anyhow::anyhow!("a worker panicked"))??;
            }
            Ok(())
        })
    }

    /// Gives back the space of what the workers delete, until the kill. What it answers is of no matter: what
    /// it removes wrongly is missed by `verify` and the doctor.
    fn collect_often(&self, server: &HolmProcess, is_killing: &AtomicBool) {
        let Ok(token) = server.token() else { return };
        let words = [
            "storage",
            "--collect",
            "--api",
            server.api_url(),
            "--token",
            token,
        ];
        while !is_killing.load(Ordering::SeqCst) {
            drop(self.holm.run(&words));
        }
    }

    fn verify(server: &HolmProcess, ledgers: &mut [Ledger]) -> Result<()> {
        for ledger in ledgers {
            ledger
                .verify(server)
                .with_context(|| format!("project {}", ledger.project))?;
        }
        Ok(())
    }

    fn ask_doctor(&self) -> Result<()> {
        let data = self
            .data
            .to_str()
            .context("the data folder's name is not UTF-8")?;
        match self.holm.run(&["doctor", "--data", data]) {
            Ok(_) => Ok(()),
            Err(error) => bail!("the doctor is not content: {error:#}"),
        }
    }

    /// A last start, look, orderly end, and the doctor on the closed folder.
    fn finish(&self, ledgers: &mut [Ledger]) -> Result<()> {
        let server = self.launch.start().context("start after the last kill")?;
        Self::verify(&server, ledgers)?;
        server.stop()?;
        self.ask_doctor()
    }
}
