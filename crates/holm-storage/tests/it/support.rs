//! What these tests share: blobs, a runtime, files.

use std::fs;
use std::path::{Path, PathBuf};

use bytes::Bytes;
use holm_storage::{BlobStore, UploadReceipt};
use holm_types::BlobDigest;

pub(crate) const PACKED_MAX: usize = 64 * 1024;

/// A blob of this size whose content follows from the seed.
pub(crate) fn blob(seed: u64, size: usize) -> (BlobDigest, Bytes) {
    let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
    let bytes: Vec<u8> = std::iter::repeat_with(|| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()[3]
    })
    .take(size)
    .collect();
    (BlobDigest::of(&bytes), bytes.into())
}

pub(crate) fn run<T>(future: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(future)
}

/// Stores blobs in one upload.
pub(crate) async fn store_all(
    store: &dyn BlobStore,
    blobs: &[(BlobDigest, Bytes)],
) -> UploadReceipt {
    let mut upload = store.upload();
    for (digest, bytes) in blobs {
        upload.put(*digest, bytes.clone()).await.unwrap();
    }
    upload.finish().await.unwrap()
}

/// Every blob is there and its bytes are right.
pub(crate) async fn check_all(store: &dyn BlobStore, blobs: &[(BlobDigest, Bytes)]) {
    for (digest, bytes) in blobs {
        assert_eq!(store.size_bytes(digest), Some(bytes.len() as u64));
        assert_eq!(store.read_verified(*digest).await.unwrap(), bytes);
    }
}

/// The files below a folder, in the order of their paths.
pub(crate) fn files_below(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                files.push(path);
            }
        }
    }
    files.sort();
    files
}

/// A copy of a folder as it is now: what a crash at this moment would leave.
pub(crate) fn copy_folder(from: &Path, to: &Path) {
    for file in files_below(from) {
        let copy = to.join(file.strip_prefix(from).unwrap());
        fs::create_dir_all(copy.parent().unwrap()).unwrap();
        fs::copy(&file, copy).unwrap();
    }
}

/// Changes one bit of a file.
pub(crate) fn flip(path: &Path, at: usize) {
    let mut bytes = fs::read(path).unwrap();
    bytes[at] ^= 1;
    fs::write(path, bytes).unwrap();
}

/// Cuts a file.
pub(crate) fn cut(path: &Path, len: u64) {
    fs::File::options()
        .write(true)
        .open(path)
        .unwrap()
        .set_len(len)
        .unwrap();
}
