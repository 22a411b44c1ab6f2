//! `holm backup`: everything in one file, checked while it arrives.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use holm_api::{BackupDecoder, BackupKind, BackupPart};
use serde::Serialize;

use super::Session;
use super::storage::size;
use crate::args::BackupArgs;
use crate::client::Client;
use crate::error::CliError;
use crate::exit::Exit;

/// What was saved; what `--json` prints.
#[derive(Debug, Default, Serialize)]
struct Saved {
    file: PathBuf,
    file_bytes: u64,
    blob_count: u64,
    /// Blobs that the server could not read.
    lost: Vec<String>,
}

pub(super) fn run(session: &Session<'_>, args: &BackupArgs) -> Result<(), CliError> {
    let link = session.link()?;
    let client = session.client(&args.connection, link.as_ref())?;
    let doing = format!("save a back-up as {}", args.file.display());
    if args.file.exists() && !args.force {
        let why = "there is a file of this name";
        return Err(CliError::new(Exit::Conflict, doing, why)
            .next("Choose another name, or replace it with --force."));
    }
    let partial = args.file.with_added_extension("part");
    let saved = save(&client, args, &partial, &doing);
    if saved.is_err() {
        // Half of a back-up is of no use; the error that matters is the first.
        drop(fs::remove_file(&partial));
    }
    let mut saved = saved?;
    saved.file.clone_from(&args.file);
    tell(session, &saved, args.json);
    if saved.lost.is_empty() {
        return Ok(());
    }
    let why = format!(
        "the server could not read {} blobs; everything else is in the back-up",
        saved.lost.len()
    );
    Err(CliError::new(Exit::Failure, doing, why)
        .next("`holm doctor` on the server names them; deploy their files again."))
}

/// Receives into a file of another name, checks every byte, and only then gives it its name.
fn save(
    client: &Client,
    args: &BackupArgs,
    partial: &Path,
    doing: &str,
) -> Result<Saved, CliError> {
    let failed = |error: io::Error| CliError::because(Exit::Failure, doing, &error);
    let file = File::options()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(partial)
        .map_err(failed)?;
    let mut desk = Desk {
        file,
        decoder: BackupDecoder::new(),
        saved: Saved::default(),
    };
    client
        .backup_create(args.with_keys, &mut |bytes| desk.take(bytes))
        .map_err(|error| error.explain(doing))?;
    let torn = desk.decoder.finish();
    torn.map_err(|error| CliError::because(Exit::Failure, doing, &error))?;
    desk.file.sync_all().map_err(failed)?;
    fs::rename(partial, &args.file).map_err(failed)?;
    Ok(desk.saved)
}

struct Desk {
    file: File,
    decoder: BackupDecoder,
    saved: Saved,
}

impl Desk {
    fn take(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.file.write_all(bytes)?;
        self.saved.file_bytes += bytes.len() as u64;
        self.decoder.push(bytes);
        while let Some(part) = self.decoder.next_part().map_err(io::Error::other)? {
            match part {
                BackupPart::Begin {
                    kind: BackupKind::Blob,
                    ..
                } => self.saved.blob_count += 1,
                BackupPart::Begin {
                    kind: BackupKind::Lost,
                    name,
                    ..
                } => self.saved.lost.push(name),
                _ => {}
            }
        }
        Ok(())
    }
}

fn tell(session: &Session<'_>, saved: &Saved, as_json: bool) {
    session.printer.done(&format!(
        "{} blobs, {} in all",
        saved.blob_count,
        size(saved.file_bytes)
    ));
    if as_json {
        session.printer.result_json(saved);
    } else {
        session.printer.result(&saved.file.display().to_string());
    }
}
