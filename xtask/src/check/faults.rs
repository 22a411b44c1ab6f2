//! `check faults`: the server on a small file system of its own that fills up and runs over at every moment
//! of a deploy, and on a read-only one. Whatever fails says why, and visitors never notice.
//!
//! The file system is a tmpfs, so this wants the right to mount one.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};

use crate::lab::{Holm, HolmProcess, Lab, Launch, write_file};
use crate::options::Options;
use crate::timed;

/// Bytes of the file system; what one deploy and the log of the database need, several times over.
const SIZE_BYTES: u64 = 24 * 1024 * 1024;

/// How much is left free before a deploy that needs about 900 KiB, so that it runs over at another place each
/// time: with the manifest, a pack, a large file, the document, the row, the snapshot, the encoded forms.
const ROOMS_KIB: &[u64] = &[
    0, 4, 8, 16, 32, 64, 96, 128, 192, 256, 320, 400, 480, 560, 640, 720, 800, 880, 960, 1040,
    1200, 1600,
];

const PROJECT: &str = "anvil";

/// How long mounting may take.
const MOUNT_TIME_MAX: Duration = Duration::from_secs(20);

/// Why it cannot run here. `None` when it can.
pub(crate) fn unable() -> Option<String> {
    let may_mount = Command::new("id").arg("-u").output();
    let is_root = may_mount.is_ok_and(|output| output.stdout.starts_with(b"0\n"));
    (!is_root).then(|| "only root may mount the small file system that is filled up".to_owned())
}

/// Runs everything on one data folder.
pub(crate) fn run(root: &Path, options: Options) -> Result<()> {
    if let Some(why) = unable() {
        bail!("{why}");
    }
    let lab = Lab::open(root, options)?;
    let folder = lab.work.join("faults");
    // An earlier run that was killed has left it mounted.
    let left_over = folder.join("disk");
    if left_over.join("data").is_dir() {
        mounted(&["umount"], &left_over)?;
    }
    let folder = lab.empty_folder("faults")?;
    let disk = Disk::mount(folder.join("disk"))?;
    let mut trial = Trial::start(&lab.holm, disk, folder)?;
    trial.run_over_at_every_moment()?;
    trial.be_full()?;
    trial.be_read_only()?;
    trial.recover()
}

/// A mounted tmpfs; unmounted when dropped.
struct Disk {
    folder: PathBuf,
}

fn mounted(words: &[&str], folder: &Path) -> Result<()> {
    let (program, words) = words.split_first().context("a command has a program")?;
    let mut command = Command::new(program);
    command.args(words).arg(folder);
    timed::run(&mut command, MOUNT_TIME_MAX)
}

impl Disk {
    fn mount(folder: PathBuf) -> Result<Self> {
        fs::create_dir_all(&folder)?;
        let size = format!("size={SIZE_BYTES}");
        mounted(&["mount", "-t", "tmpfs", "-o", &size, "tmpfs"], &folder)?;
        Ok(Self { folder })
    }

    fn filler(&self) -> PathBuf {
        self.folder.join("filler")
    }

    /// Leaves so much free.
    fn leave_free(&self, free_bytes: u64) -> Result<()> {
        let mut filler = File::options()
            .create(true)
            .append(true)
            .open(self.filler())?;
        let piece = vec![0; 4096];
        loop {
            match filler.write_all(&piece) {
                Ok(()) => {}
                Err(error) if error.kind() == io::ErrorKind::StorageFull => break,
                Err(error) => return Err(error).context("fill the disk"),
            }
        }
        let filled = filler.metadata()?.len();
        filler.set_len(filled.saturating_sub(free_bytes))?;
        Ok(())
    }

    fn empty(&self) -> Result<()> {
        fs::remove_file(self.filler()).context("remove the filler")
    }

    fn remount(&self, how: &str) -> Result<()> {
        mounted(&["mount", "-o", &format!("remount,{how}")], &self.folder)
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        // Lazily: a server that was just killed may still be ending.
        drop(mounted(&["umount", "-l"], &self.folder));
    }
}

/// One server on the disk, and what it has promised.
struct Trial {
    holm: Holm,
    launch: Launch,
    server: Option<HolmProcess>,
    disk: Disk,
    folder: PathBuf,
    /// The deployment that production shows.
    shown: u64,
    next: u64,
    refused: u64,
    done: u64,
}

impl Trial {
    fn start(holm: &Holm, disk: Disk, folder: PathBuf) -> Result<Self> {
        let data = disk.folder.join("data");
        write_file(
            &data.join("holm.toml"),
            b"[limits]\n\"control.collect_settle_time\" = 0\n",
        )?;
        let launch = Launch::new(holm, &data)?.with_token()?;
        let server = launch.start()?;
        let mut trial = Self {
            holm: holm.clone(),
            launch,
            server: Some(server),
            disk,
            folder,
            shown: 0,
            next: 0,
            refused: 0,
            done: 0,
        };
        ensure!(trial.deploy()?.is_none(), "the first deploy fails");
        Ok(trial)
    }

    fn server(&self) -> Result<&HolmProcess> {
        self.server.as_ref().context("the server runs")
    }

    /// Deploys another site; what was said when it was refused.
    fn deploy(&mut self) -> Result<Option<String>> {
        self.next += 1;
        let site = self.folder.join("site");
        for (name, bytes) in content(self.next) {
            write_file(&site.join(name), &bytes)?;
        }
        match self.holm.deploy(self.server()?, &site, PROJECT) {
            Ok(_) => {
                self.shown = self.next;
                self.done += 1;
                Ok(None)
            }
            Err(error) => {
                self.refused += 1;
                Ok(Some(format!("{error:#}")))
            }
        }
    }

    /// Production answers what it should, every byte. After a refused deploy that may be the new one too
    /// (it was kept, and only the answer was lost), but never a mixture.
    fn check_served(&mut self) -> Result<()> {
        let server = self.server()?;
        let host = server.production_host(PROJECT);
        let page = server.visit(&host, "/")?;
        let text = page.text();
        let number: u64 = text
            .trim()
            .parse()
            .with_context(|| format!("production answers {} {text}", page.status))?;
        ensure!(
            number == self.shown || number == self.next,
            "production shows {number}, not {} or {}",
            self.shown,
            self.next
        );
        for (name, bytes) in content(number) {
            let answer = server.visit(&host, &format!("/{name}"))?;
            ensure!(
                answer.body == bytes,
                "/{name} of {number} answers {} with {} bytes",
                answer.status,
                answer.body.len()
            );
        }
        self.shown = number;
        Ok(())
    }

    fn run_over_at_every_moment(&mut self) -> Result<()> {
        for room in ROOMS_KIB {
            self.disk.leave_free(room * 1024)?;
            let refused = self.deploy()?;
            let what = format!("with {room} KiB free");
            if let Some(said) = &refused {
                check_words(said).with_context(|| what.clone())?;
            }
            self.check_served().with_context(|| what.clone())?;
            self.disk.empty()?;
            println!(
                "{what}: {}",
                refused.map_or("deployed", |_| "refused, served as before")
            );
            // What the deploys before have used goes back.
            self.collect().with_context(|| what.clone())?;
        }
        ensure!(
            self.refused > 3 && self.done > 3,
            "{} refused and {} done: the rooms do not fit the site any more",
            self.refused,
            self.done
        );
        Ok(())
    }

    fn words(&self, words: &[&str]) -> Result<String> {
        let server = self.server()?;
        let (api, token) = (server.api_url().to_owned(), server.token()?.to_owned());
        let mut all = words.to_vec();
        all.extend(["--api", &api, "--token", &token]);
        self.holm.run(&all)
    }

    fn collect(&self) -> Result<()> {
        self.delete_old()?;
        self.words(&["storage", "--collect"]).map(drop)
    }

    /// Deletes what production does not show.
    fn delete_old(&self) -> Result<()> {
        let path = format!("/v1/projects/{PROJECT}/deployments");
        let list = self.server()?.call("GET", &format!("{path}?limit=100"))?;
        let list: serde_json::Value = serde_json::from_str(&list.text())?;
        for row in list["data"].as_array().context("a list")? {
            if row["is_live"] != true {
                let id = row["id"].as_str().context("an id")?;
                let gone = self.server()?.call("DELETE", &format!("{path}/{id}"))?;
                ensure!(
                    [204, 409].contains(&gone.status),
                    "deleting answers {} {}",
                    gone.status,
                    gone.text()
                );
            }
        }
        Ok(())
    }

    /// Nothing at all is left: every word that writes says so, none that reads fails.
    fn be_full(&mut self) -> Result<()> {
        self.disk.leave_free(0)?;
        for _ in 0..3 {
            let said = self.deploy()?.context("a deploy on a full disk")?;
            check_words(&said)?;
            self.check_served()?;
        }
        let backup = self.folder.join("full.backup");
        let backup = backup.to_str().context("a name in UTF-8")?;
        let refused = self.words(&["backup", backup, "--force"]);
        let refused = refused.err().context("a back-up on a full disk")?;
        check_words(&format!("{refused:#}"))?;
        self.words(&["storage"])?;
        self.words(&["deployments", "--project", PROJECT])?;
        self.check_served()?;
        // Restarted while it is full, it serves all the same.
        self.restart()?;
        self.check_served()?;
        self.disk.empty()?;
        println!("full: deploys and back-ups are refused, restarted, served as before");
        Ok(())
    }

    fn restart(&mut self) -> Result<()> {
        if let Some(server) = self.server.take() {
            server.stop()?;
        }
        self.server = Some(self.launch.start().context("start again")?);
        Ok(())
    }

    /// On a read-only disk the server does not start and says why; the kernel refuses to turn one read-only
    /// under a server that has files open for writing.
    fn be_read_only(&mut self) -> Result<()> {
        if let Some(server) = self.server.take() {
            server.stop()?;
        }
        self.disk.remount("ro")?;
        let data = self.disk.folder.join("data");
        let data = data.to_str().context("a name in UTF-8")?;
        let refused = self.holm.run(&["serve", "--data", data]);
        let said = refused.err().context("a start on a read-only disk")?;
        let said = format!("{said:#}");
        ensure!(
            said.contains("Read-only file system") && said.contains(data),
            "a start on a read-only disk says: {said}"
        );
        self.holm
            .run(&["doctor", "--data", data])
            .context("the doctor reads a read-only disk")?;
        self.disk.remount("rw")?;
        self.server = Some(self.launch.start().context("start again")?);
        self.check_served()?;
        println!("read-only: no start, and it is said why; the doctor reads it");
        Ok(())
    }

    /// With room again everything works, and nothing is found wrong.
    fn recover(&mut self) -> Result<()> {
        if let Some(said) = self.deploy()? {
            bail!("with room again a deploy is refused: {said}");
        }
        self.check_served()?;
        self.restart()?;
        self.check_served()?;
        self.collect()?;
        if let Some(server) = self.server.take() {
            server.stop()?;
        }
        let data = self.disk.folder.join("data");
        let data = data.to_str().context("a name in UTF-8")?;
        self.holm
            .run(&["doctor", "--data", data])
            .context("the doctor is not content")?;
        println!(
            "{} deploys done, {} refused, every answer right; 0 failed",
            self.done, self.refused
        );
        Ok(())
    }
}

/// Says that it is the disk, and names no path of the server.
fn check_words(said: &str) -> Result<()> {
    ensure!(
        said.contains("disk") || said.contains("storage/unavailable"),
        "what is said does not say that it is the disk: {said}"
    );
    ensure!(
        !said.contains("panicked") && !said.contains("internal"),
        "a full disk is taken for a bug: {said}"
    );
    Ok(())
}

/// A page that says which, small files, and large ones that do and do not compress.
fn content(number: u64) -> Vec<(String, Vec<u8>)> {
    let mut files = vec![("index.html".to_owned(), format!("{number}\n").into_bytes())];
    for small in 0..40 {
        let text = format!("{number} {small} ").repeat(400);
        files.push((format!("small/{small}.css"), text.into_bytes()));
    }
    let mut state = number.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
    let noise = std::iter::repeat_with(|| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()[3]
    });
    files.push(("noise.bin".to_owned(), noise.take(300_000).collect()));
    files.push((
        "large.js".to_owned(),
        format!("call({number});\n").repeat(20_000).into_bytes(),
    ));
    files
}
