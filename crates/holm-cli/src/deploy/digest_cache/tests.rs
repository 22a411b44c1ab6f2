//! When a kept digest is trusted.

use super::*;
use crate::deploy::scan::scan;

/// A folder with one file, and what its cache says after a deployment that began this much later.
struct Site {
    folder: tempfile::TempDir,
}

impl Site {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("site")).unwrap();
        fs::write(folder.path().join("site/a.html"), "one").unwrap();
        Self { folder }
    }

    fn root(&self) -> PathBuf {
        self.folder.path().canonicalize().unwrap().join("site")
    }

    fn cache(&self) -> DigestCache {
        DigestCache::load(Some(&self.folder.path().join("cache")), &self.root())
    }

    fn found(&self) -> FoundFile {
        scan(&self.root()).unwrap().remove(0)
    }

    /// Saves the digest of the file as it is, with the file at rest for `rest_ns`.
    fn deploy(&self, rest_ns: i128) {
        let found = self.found();
        let bytes = fs::read(&found.source).unwrap();
        let mut cache = self.cache();
        cache.scanned_at_ns = Some(found.stamp.changed_ns + rest_ns);
        cache
            .save(&[DigestedFile {
                found,
                digest: BlobDigest::of(&bytes),
            }])
            .unwrap();
    }
}

#[test]
fn a_file_at_rest_is_known_next_time() {
    let site = Site::new();
    site.deploy(REST_NS + 1);
    assert_eq!(
        site.cache().get(&site.found()),
        Some(BlobDigest::of(b"one"))
    );
}

#[test]
fn a_file_that_was_just_written_is_read_again() {
    let site = Site::new();
    site.deploy(REST_NS);
    assert_eq!(site.cache().get(&site.found()), None);
}

#[test]
fn a_change_of_the_same_size_is_seen_even_with_the_time_put_back() {
    let site = Site::new();
    site.deploy(REST_NS + 1);
    let path = site.root().join("a.html");
    let before = fs::metadata(&path).unwrap().modified().unwrap();
    fs::write(&path, "two").unwrap();
    fs::File::open(&path).unwrap().set_modified(before).unwrap();
    assert_eq!(fs::metadata(&path).unwrap().modified().unwrap(), before);
    assert_eq!(site.cache().get(&site.found()), None);
}

#[test]
fn a_file_replaced_by_another_is_seen() {
    let site = Site::new();
    site.deploy(REST_NS + 1);
    fs::write(site.root().join("b.html"), "two").unwrap();
    fs::rename(site.root().join("b.html"), site.root().join("a.html")).unwrap();
    assert_eq!(site.cache().get(&site.found()), None);
}

#[test]
fn a_damaged_cache_is_an_empty_one() {
    let site = Site::new();
    site.deploy(REST_NS + 1);
    let path = site.cache().file.unwrap();
    let good = fs::read(&path).unwrap();
    for cut in [0, 7, 20, good.len() - 1] {
        fs::write(&path, &good[..cut]).unwrap();
        assert_eq!(site.cache().get(&site.found()), None);
    }
    let mut flipped = good.clone();
    flipped[15] ^= 1;
    fs::write(&path, &flipped).unwrap();
    assert_eq!(site.cache().get(&site.found()), None);
    fs::write(&path, &good).unwrap();
    assert!(site.cache().get(&site.found()).is_some());
}

#[test]
fn without_a_cache_folder_nothing_is_known_and_nothing_fails() {
    let site = Site::new();
    let cache = DigestCache::load(None, &site.root());
    assert_eq!(cache.get(&site.found()), None);
    cache.save(&[]).unwrap();
}
