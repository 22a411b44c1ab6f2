//! Blobs on their way to the server: what is missing is cut into batches, and each batch is one body
//! of frames that is read from disk while it is sent.

use std::cell::Cell;
use std::collections::BTreeSet;
use std::fs::File;
use std::io::{self, Read};

use holm_api::{FRAME_HEADER_BYTES, frame_header};
use holm_types::BlobDigest;

use super::digest::{DigestedFile, open_regular};
use crate::client::Stopped;
use crate::progress::Progress;

/// Blobs that travel in one request.
#[derive(Clone, Debug, Default)]
pub(crate) struct Batch<'a> {
    files: Vec<&'a DigestedFile>,
    blob_bytes: u64,
}

impl<'a> Batch<'a> {
    fn push(&mut self, file: &'a DigestedFile) {
        self.blob_bytes += file.found.stamp.size_bytes;
        self.files.push(file);
    }

    /// How many blobs.
    pub(crate) fn blob_count(&self) -> u64 {
        self.files.len() as u64
    }

    /// Their bytes.
    pub(crate) fn blob_bytes(&self) -> u64 {
        self.blob_bytes
    }

    /// The body's bytes, with the frame headers.
    pub(crate) fn body_bytes(&self) -> u64 {
        self.blob_bytes + self.blob_count() * FRAME_HEADER_BYTES as u64
    }
}

/// What is to be sent: batches for requests of their own, and the last for the commit.
#[derive(Clone, Debug, Default)]
pub(crate) struct UploadPlan<'a> {
    pub batches: Vec<Batch<'a>>,
    pub inline: Batch<'a>,
}

impl<'a> UploadPlan<'a> {
    /// Distributes the missing blobs, each once.
    pub(crate) fn new(
        files: &'a [DigestedFile],
        missing: &[BlobDigest],
        inline_bytes_max: u64,
        batch_bytes_max: u64,
    ) -> Self {
        let mut missing: BTreeSet<BlobDigest> = missing.iter().copied().collect();
        let mut plan = Self::default();
        let mut batch = Batch::default();
        for file in files.iter().filter(|file| missing.remove(&file.digest)) {
            let would_be =
                batch.body_bytes() + FRAME_HEADER_BYTES as u64 + file.found.stamp.size_bytes;
            if would_be > batch_bytes_max && !batch.files.is_empty() {
                plan.batches.push(std::mem::take(&mut batch));
            }
            batch.push(file);
        }
        if batch.body_bytes() <= inline_bytes_max {
            plan.inline = batch;
        } else {
            plan.batches.push(batch);
        }
        plan
    }

    /// How many blobs are sent.
    pub(crate) fn blob_count(&self) -> u64 {
        self.all().map(Batch::blob_count).sum()
    }

    /// Their bytes.
    pub(crate) fn blob_bytes(&self) -> u64 {
        self.all().map(Batch::blob_bytes).sum()
    }

    fn all(&self) -> impl Iterator<Item = &Batch<'a>> {
        self.batches.iter().chain([&self.inline])
    }
}

/// What one attempt to send a batch has told the progress; taken back when the batch is sent again.
#[derive(Debug, Default)]
pub(crate) struct Told {
    files: Cell<u64>,
    bytes: Cell<u64>,
}

/// The body of one request. Holds one open file and no blob.
pub(crate) struct BatchReader<'a> {
    files: std::slice::Iter<'a, &'a DigestedFile>,
    part: Part<'a>,
    progress: &'a Progress,
    told: &'a Told,
}

enum Part<'a> {
    Between,
    Header {
        header: io::Cursor<[u8; FRAME_HEADER_BYTES]>,
        file: &'a DigestedFile,
        open: File,
    },
    Blob {
        file: &'a DigestedFile,
        /// Ends where the announced size ends.
        open: io::Take<File>,
    },
}

impl<'a> BatchReader<'a> {
    /// A reader at the start of a batch.
    pub(crate) fn new(batch: &'a Batch<'a>, progress: &'a Progress, told: &'a Told) -> Self {
        progress.rewind(told.files.take(), told.bytes.take());
        Self {
            files: batch.files.iter(),
            part: Part::Between,
            progress,
            told,
        }
    }

    /// Puts some bytes into a buffer that is not empty; 0 at the end.
    fn step(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            match std::mem::replace(&mut self.part, Part::Between) {
                Part::Between => {
                    let Some(file) = self.files.next() else {
                        return Ok(0);
                    };
                    let open = open_unchanged(file)?;
                    let header =
                        io::Cursor::new(frame_header(&file.digest, file.found.stamp.size_bytes));
                    self.part = Part::Header { header, file, open };
                }
                Part::Header {
                    mut header,
                    file,
                    open,
                } => {
                    let count = header.read(buffer)?;
                    self.part = if header.position() < FRAME_HEADER_BYTES as u64 {
                        Part::Header { header, file, open }
                    } else {
                        Part::Blob {
                            file,
                            open: open.take(file.found.stamp.size_bytes),
                        }
                    };
                    return Ok(count);
                }
                Part::Blob { open, .. } if open.limit() == 0 => self.tell(1, 0),
                Part::Blob { file, mut open } => {
                    let count = open.read(buffer)?;
                    if count == 0 {
                        return Err(stopped(file));
                    }
                    self.tell(0, count as u64);
                    self.part = Part::Blob { file, open };
                    return Ok(count);
                }
            }
        }
    }

    fn tell(&self, files: u64, bytes: u64) {
        self.progress.advance(files, bytes);
        self.told.files.set(self.told.files.get() + files);
        self.told.bytes.set(self.told.bytes.get() + bytes);
    }
}

impl Read for BatchReader<'_> {
    /// Fills the buffer across small files, so that the connection gets large writes.
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let mut filled = 0;
        while let Some(rest) = buffer.get_mut(filled..).filter(|rest| !rest.is_empty()) {
            match self.step(rest)? {
                0 => break,
                count => filled += count,
            }
        }
        Ok(filled)
    }
}

fn open_unchanged(file: &DigestedFile) -> io::Result<File> {
    match open_regular(&file.found.source) {
        Ok((open, stamp)) if stamp == file.found.stamp => Ok(open),
        Ok(_) => Err(stopped(file)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Err(stopped(file)),
        Err(error) => Err(error),
    }
}

fn stopped(file: &DigestedFile) -> io::Error {
    io::Error::other(Stopped {
        path: file.found.path.clone(),
    })
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::PathBuf;

    use holm_api::{Frame, FrameDecoder};

    use super::*;
    use crate::deploy::digest::digest_all;
    use crate::deploy::digest_cache::DigestCache;
    use crate::deploy::scan::scan;
    use crate::printer::Printer;
    use crate::progress::ProgressMode;
    use crate::surroundings::Surroundings;

    fn site(sizes: &[usize]) -> (tempfile::TempDir, PathBuf, Vec<DigestedFile>) {
        let folder = tempfile::tempdir().unwrap();
        for (index, size) in sizes.iter().enumerate() {
            let byte = u8::try_from(index).unwrap();
            fs::write(folder.path().join(format!("{index:02}")), vec![byte; *size]).unwrap();
        }
        let root = folder.path().canonicalize().unwrap();
        let files = digest_all(scan(&root).unwrap(), &DigestCache::default()).unwrap();
        (folder, root, files)
    }

    fn silent() -> Progress {
        let surroundings = Surroundings::default();
        Progress::new(
            ProgressMode::Silent,
            &surroundings,
            Printer::new(&surroundings),
        )
    }

    fn all(files: &[DigestedFile]) -> Vec<BlobDigest> {
        files.iter().map(|file| file.digest).collect()
    }

    #[test]
    fn a_small_change_travels_with_the_commit() {
        let (_keep, _, files) = site(&[10, 20]);
        let plan = UploadPlan::new(&files, &all(&files[1..]), 60, 1000);
        assert!(plan.batches.is_empty());
        assert_eq!(
            (plan.inline.blob_count(), plan.inline.body_bytes()),
            (1, 60)
        );
        let plan = UploadPlan::new(&files, &all(&files[1..]), 59, 1000);
        assert_eq!((plan.batches.len(), plan.inline.blob_count()), (1, 0));
    }

    #[test]
    fn batches_have_a_maximum_and_a_large_blob_is_one_of_its_own() {
        let (_keep, _, files) = site(&[60, 60, 500, 60, 10]);
        let plan = UploadPlan::new(&files, &all(&files), 60, 200);
        let counts: Vec<u64> = plan.batches.iter().map(Batch::blob_count).collect();
        assert_eq!(counts, [2, 1, 2]);
        assert_eq!((plan.blob_count(), plan.blob_bytes()), (5, 690));
    }

    #[test]
    fn one_blob_in_two_files_is_sent_once_and_what_is_there_is_not() {
        let (_keep, _, mut files) = site(&[3, 4]);
        files.push(files[0].clone());
        let plan = UploadPlan::new(&files, &all(&files), 1000, 1000);
        assert_eq!(plan.blob_count(), 2);
        assert_eq!(UploadPlan::new(&files, &[], 1000, 1000).blob_count(), 0);
    }

    #[test]
    fn the_body_is_frames_of_the_announced_length_for_any_buffer() {
        let (_keep, _, files) = site(&[0, 1, 100, 5000]);
        let plan = UploadPlan::new(&files, &all(&files), 0, u64::MAX);
        let batch = &plan.batches[0];
        for size in [1, 7, 40, 41, 4096, 1 << 20] {
            let (progress, told) = (silent(), Told::default());
            let mut reader = BatchReader::new(batch, &progress, &told);
            let mut decoder = FrameDecoder::new();
            let mut buffer = vec![0; size];
            let (mut total, mut blobs) = (0, Vec::<Vec<u8>>::new());
            loop {
                let count = reader.read(&mut buffer).unwrap();
                if count == 0 {
                    break;
                }
                total += count as u64;
                decoder.push(&buffer[..count]);
                while let Some(frame) = decoder.next_frame() {
                    match frame {
                        Frame::Begin { .. } => blobs.push(Vec::new()),
                        Frame::Data(bytes) => blobs.last_mut().unwrap().extend_from_slice(&bytes),
                        Frame::End => {}
                    }
                }
            }
            decoder.finish().unwrap();
            assert_eq!(total, batch.body_bytes());
            let digests: Vec<BlobDigest> = blobs.iter().map(|blob| BlobDigest::of(blob)).collect();
            assert_eq!(digests, all(&files));
            assert_eq!((told.files.get(), told.bytes.get()), (4, 5101));
        }
    }

    #[test]
    fn a_file_that_changed_stops_the_body_by_name() {
        let (_keep, root, files) = site(&[10, 10]);
        let plan = UploadPlan::new(&files, &all(&files), 0, u64::MAX);
        fs::write(root.join("01"), "longer than before").unwrap();
        let (progress, told) = (silent(), Told::default());
        let mut reader = BatchReader::new(&plan.batches[0], &progress, &told);
        let error = reader.read_to_end(&mut Vec::new()).unwrap_err();
        let stopped = error
            .get_ref()
            .and_then(|inner| inner.downcast_ref::<Stopped>());
        assert_eq!(stopped.unwrap().path, "/01");
    }
}
