//! Encoded forms of a blob: which blob holds the br, zstd or gzip form of which. A side index, filled after
//! sealing; losing it loses nothing but time.
//!
//! The file is a header of 16 bytes and records of 168, each with a checksum, appended and never synced:
//! a record that a crash loses is made again. In memory 190 to 380 bytes per source blob;
//! a look-up takes 44 ns (10,000 entries, November 2026).
//!
//! Forms are made twice: quickly after sealing, and as small as can be when there is time. The index
//! remembers which blobs still wait for the second ([`VariantIndex::take_early`]).

mod record;

use std::collections::HashMap;
use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};

use holm_telemetry::event::StorageDamaged;
use holm_types::BlobDigest;

use record::{HEADER, RECORD_LEN};

/// The file is written anew when it has more than this many records for each one that holds.
const RECORDS_PER_SOURCE_MAX: u64 = 2;

/// An encoding of a body (RFC 9110 section 8.4.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ContentCoding {
    /// As it is.
    Identity,
    /// Brotli.
    Br,
    /// Zstandard (RFC 9659: windows of at most 8 MB).
    Zstd,
    /// gzip.
    Gzip,
}

impl ContentCoding {
    /// The name in `Content-Encoding` and `Accept-Encoding`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Identity => "identity",
            Self::Br => "br",
            Self::Zstd => "zstd",
            Self::Gzip => "gzip",
        }
    }

    /// What the entity tag of this form has behind the digest; empty for identity (RFC 9110 section
    /// 8.8.3.3: forms in different codings have different tags).
    pub const fn etag_suffix(self) -> &'static str {
        match self {
            Self::Identity => "",
            Self::Br => "-br",
            Self::Zstd => "-zst",
            Self::Gzip => "-gz",
        }
    }
}

/// One encoded form.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Variant {
    /// The blob that holds it.
    pub digest: BlobDigest,
    /// How large it is.
    pub size_bytes: u64,
}

/// The encoded forms of one blob; `None` where there is none that is smaller.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Variants {
    /// Brotli.
    pub br: Option<Variant>,
    /// Zstandard.
    pub zstd: Option<Variant>,
    /// gzip.
    pub gzip: Option<Variant>,
    /// Whether nothing smaller will be tried: false for what was made quickly after sealing.
    pub is_best: bool,
}

impl Variants {
    /// The forms that there are.
    pub fn iter(&self) -> impl Iterator<Item = Variant> {
        [self.br, self.zstd, self.gzip].into_iter().flatten()
    }

    /// The form in this coding. `None` for identity and where there is none that is smaller.
    pub const fn get(&self, coding: ContentCoding) -> Option<Variant> {
        match coding {
            ContentCoding::Identity => None,
            ContentCoding::Br => self.br,
            ContentCoding::Zstd => self.zstd,
            ContentCoding::Gzip => self.gzip,
        }
    }
}

/// From source digest to encoded forms. Cheap to clone, looked up on the hot path (in memory).
#[derive(Clone, Debug)]
pub struct VariantIndex {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    path: PathBuf,
    table: RwLock<HashMap<BlobDigest, Variants>>,
    /// Blobs whose forms are not the best yet, the last ones to be taken first.
    early: Mutex<Vec<BlobDigest>>,
    log: Mutex<Log>,
}

/// The file and where its last whole record ends.
#[derive(Debug)]
struct Log {
    file: File,
    end: u64,
    is_released: bool,
}

impl VariantIndex {
    /// Opens the index file (made if absent); a torn end is cut off. A record that is damaged in the
    /// middle is left out, a file that is no index is set aside, both with an event.
    pub fn open(file: &Path) -> io::Result<Self> {
        let bytes = match fs::read(file) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
            bytes => bytes?,
        };
        let bytes = if bytes.is_empty() || bytes.starts_with(&HEADER) {
            bytes
        } else {
            set_aside(file)?;
            Vec::new()
        };
        let mut table = HashMap::new();
        let end = read_records(
            file,
            bytes.get(HEADER.len()..).unwrap_or_default(),
            &mut table,
        );
        let log = Log::open(file, end)?;
        let early = table.iter().filter(|(_, variants)| !variants.is_best);
        let inner = Inner {
            path: file.to_owned(),
            early: Mutex::new(early.map(|(source, _)| *source).collect()),
            table: RwLock::new(table),
            log: Mutex::new(log),
        };
        Ok(Self {
            inner: Arc::new(inner),
        })
    }

    /// The forms of a blob. `None` when nobody has tried yet.
    pub fn get(&self, source: &BlobDigest) -> Option<Variants> {
        let table = self
            .inner
            .table
            .read()
            .unwrap_or_else(PoisonError::into_inner);
        table.get(source).copied()
    }

    /// Remembers the forms of a blob (also that there are none worth keeping). The forms must be stored
    /// durably before, so that the index never points at nothing.
    ///
    /// # Errors
    /// When the disk refuses; then nothing is remembered.
    pub fn record(&self, source: BlobDigest, variants: Variants) -> io::Result<()> {
        let mut log = self
            .inner
            .log
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        log.append(&record::encode(source, variants))?;
        let mut table = self
            .inner
            .table
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        table.insert(source, variants);
        drop(table);
        if !variants.is_best {
            self.early().push(source);
        }
        Ok(())
    }

    /// Forgets every source for which `holds` says no. How many there were.
    ///
    /// # Errors
    /// When the disk refuses; they are forgotten all the same, but come back at the next start.
    pub fn retain(&self, holds: impl Fn(&BlobDigest, &Variants) -> bool) -> io::Result<u64> {
        let mut log = self
            .inner
            .log
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if log.is_released {
            return Err(io::ErrorKind::ReadOnlyFilesystem.into());
        }
        let gone = self.forget(holds);
        for source in &gone {
            log.append(&record::encode_forgotten(*source))?;
        }
        let kept_count = self.count() as u64;
        if !gone.is_empty() && log.record_count() > kept_count * RECORDS_PER_SOURCE_MAX {
            *log = self.write_anew()?;
        }
        Ok(gone.len() as u64)
    }

    fn forget(&self, holds: impl Fn(&BlobDigest, &Variants) -> bool) -> Vec<BlobDigest> {
        let read = self.inner.table.read();
        let table = read.unwrap_or_else(PoisonError::into_inner);
        let gone = table
            .iter()
            .filter(|(source, variants)| !holds(source, variants));
        let gone: Vec<_> = gone.map(|(source, _)| *source).collect();
        drop(table);
        let write = self.inner.table.write();
        let mut table = write.unwrap_or_else(PoisonError::into_inner);
        for source in &gone {
            table.remove(source);
        }
        gone
    }

    /// A file of what holds, in the place of the old one.
    fn write_anew(&self) -> io::Result<Log> {
        let temporary = self.inner.path.with_added_extension("new");
        let mut file = BufWriter::new(File::create(&temporary)?);
        file.write_all(&HEADER)?;
        let mut end = HEADER.len() as u64;
        for (source, variants) in self.all() {
            file.write_all(&record::encode(source, variants))?;
            end += RECORD_LEN as u64;
        }
        let file = file.into_inner().map_err(io::IntoInnerError::into_error)?;
        file.sync_all()?;
        fs::rename(&temporary, &self.inner.path)?;
        Ok(Log {
            file,
            end,
            is_released: false,
        })
    }

    /// Every source that has been tried, with its forms, in no order.
    pub fn all(&self) -> Vec<(BlobDigest, Variants)> {
        let table = self
            .inner
            .table
            .read()
            .unwrap_or_else(PoisonError::into_inner);
        table
            .iter()
            .map(|(source, variants)| (*source, *variants))
            .collect()
    }

    /// Lets another process write the file instead: [`VariantIndex::record`] fails from now on, what was
    /// recorded before can still be looked up.
    pub fn release(&self) {
        let log = self.inner.log.lock();
        log.unwrap_or_else(PoisonError::into_inner).is_released = true;
    }

    /// A blob whose forms are not the best yet, the newest first; each is given out once, and again
    /// after a restart if nothing better was recorded. `None` when there is none.
    pub fn take_early(&self) -> Option<(BlobDigest, Variants)> {
        loop {
            let source = self.early().pop()?;
            match self.get(&source) {
                Some(variants) if !variants.is_best => return Some((source, variants)),
                _ => {}
            }
        }
    }

    fn early(&self) -> MutexGuard<'_, Vec<BlobDigest>> {
        self.inner
            .early
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// Makes what is remembered so far survive a crash of the machine. Blocks on the disk.
    ///
    /// # Errors
    /// When the disk refuses.
    pub fn sync(&self) -> io::Result<()> {
        let log = self.inner.log.lock();
        log.unwrap_or_else(PoisonError::into_inner).file.sync_data()
    }

    /// How many source blobs have been tried.
    pub fn count(&self) -> usize {
        self.inner
            .table
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .len()
    }
}

impl Log {
    fn open(path: &Path, records_end: u64) -> io::Result<Self> {
        let file = File::options()
            .create(true)
            .truncate(false)
            .write(true)
            .open(path)?;
        file.write_all_at(&HEADER, 0)?;
        let end = HEADER.len() as u64 + records_end;
        file.set_len(end)?;
        Ok(Self {
            file,
            end,
            is_released: false,
        })
    }

    /// Records in the file, those that hold no more too.
    fn record_count(&self) -> u64 {
        (self.end - HEADER.len() as u64) / RECORD_LEN as u64
    }

    /// At the end of the last whole record, so that half a record of a full disk is written over.
    fn append(&mut self, record: &[u8; RECORD_LEN]) -> io::Result<()> {
        if self.is_released {
            return Err(io::ErrorKind::ReadOnlyFilesystem.into());
        }
        self.file.write_all_at(record, self.end)?;
        self.end += RECORD_LEN as u64;
        Ok(())
    }
}

/// Fills the table; returns where the last whole record ends.
fn read_records(file: &Path, bytes: &[u8], table: &mut HashMap<BlobDigest, Variants>) -> u64 {
    let (mut end, mut damaged_count, mut suspects) = (0, 0, 0);
    for (position, bytes) in (1_u64..).zip(bytes.chunks_exact(RECORD_LEN)) {
        let Some((source, variants)) = record::decode(bytes) else {
            // Damaged if a whole record follows, otherwise part of the torn end.
            suspects += 1;
            continue;
        };
        match variants {
            Some(variants) => table.insert(source, variants),
            None => table.remove(&source),
        };
        damaged_count += std::mem::take(&mut suspects);
        end = position * RECORD_LEN as u64;
    }
    if damaged_count > 0 {
        let reason =
            format!("{damaged_count} records are damaged; they are left out and made again");
        StorageDamaged {
            path: file.display().to_string(),
            reason,
        }
        .emit();
    }
    end
}

fn set_aside(file: &Path) -> io::Result<()> {
    fs::rename(file, damaged_name(file))?;
    let reason =
        "it is no variant index of this version; it was set aside and is made anew".to_owned();
    StorageDamaged {
        path: file.display().to_string(),
        reason,
    }
    .emit();
    Ok(())
}

fn damaged_name(file: &Path) -> PathBuf {
    file.with_added_extension("damaged")
}
