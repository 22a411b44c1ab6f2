//! The variant index: restarts, torn ends, damaged records.

use std::fs;
use std::path::Path;

use holm_storage::{ContentCoding, Variant, VariantIndex, Variants};
use holm_types::BlobDigest;

use crate::support::{cut, flip};

fn source(number: u8) -> BlobDigest {
    BlobDigest::of(&[number])
}

fn variants(number: u8) -> Variants {
    let variant = |salt| Variant {
        digest: BlobDigest::of(&[number, salt]),
        size_bytes: 7 + u64::from(number),
    };
    Variants {
        br: (number & 1 == 0).then(|| variant(1)),
        gzip: (number & 2 == 0).then(|| variant(2)),
        zstd: (number & 3 != 0).then(|| variant(3)),
        is_best: number & 4 == 0,
    }
}

fn record(file: &Path, numbers: impl IntoIterator<Item = u8>) {
    let index = VariantIndex::open(file).unwrap();
    numbers
        .into_iter()
        .for_each(|number| index.record(source(number), variants(number)).unwrap());
}

/// Which of the first ten are known; each must be right.
fn known(file: &Path) -> Vec<u8> {
    let index = VariantIndex::open(file).unwrap();
    let known: Vec<u8> = (0..10)
        .filter(|number| index.get(&source(*number)).is_some())
        .collect();
    for number in &known {
        assert_eq!(index.get(&source(*number)), Some(variants(*number)));
    }
    assert_eq!(index.count(), known.len());
    known
}

#[test]
fn what_is_recorded_survives_a_restart_and_the_last_holds() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("variants");
    assert!(known(&file).is_empty());
    record(&file, 0..5);
    record(&file, 5..8);
    assert_eq!(known(&file), (0..8).collect::<Vec<_>>());
    let index = VariantIndex::open(&file).unwrap();
    index.record(source(3), variants(0)).unwrap();
    assert_eq!(index.get(&source(3)), Some(variants(0)));
    let index = VariantIndex::open(&file).unwrap();
    assert_eq!(index.get(&source(3)), Some(variants(0)));
}

#[test]
fn a_torn_end_is_cut_off_and_written_over() {
    let folder = tempfile::tempdir().unwrap();
    for kept in [0, 5, 16, 17, 100, 16 + 168, 16 + 168 + 1, 16 + 3 * 168 - 1] {
        let file = folder.path().join(kept.to_string());
        record(&file, 0..3);
        assert_eq!(fs::metadata(&file).unwrap().len(), 16 + 3 * 168);
        cut(&file, kept);
        let whole = u8::try_from(kept.saturating_sub(16) / 168).unwrap();
        assert_eq!(
            known(&file),
            (0..whole).collect::<Vec<_>>(),
            "cut to {kept}"
        );
        record(&file, 5..7);
        assert_eq!(
            known(&file),
            (0..whole).chain(5..7).collect::<Vec<_>>(),
            "cut to {kept}"
        );
    }
}

#[test]
fn a_hole_of_zeros_at_the_end_is_cut_off() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("variants");
    record(&file, 0..2);
    cut(&file, 16 + 5 * 168);
    assert_eq!(known(&file), [0, 1]);
    assert_eq!(fs::metadata(&file).unwrap().len(), 16 + 2 * 168);
}

#[test]
fn a_damaged_record_is_left_out_and_the_others_stay() {
    let folder = tempfile::tempdir().unwrap();
    for at in 0..168 {
        let file = folder.path().join(at.to_string());
        record(&file, 0..3);
        flip(&file, 16 + 168 + at);
        assert_eq!(known(&file), [0, 2], "byte {at}");
        record(&file, [1]);
        assert_eq!(known(&file), [0, 1, 2]);
    }
}

#[test]
fn a_file_that_is_no_index_is_set_aside() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("variants");
    fs::write(&file, "something else").unwrap();
    record(&file, 0..2);
    assert_eq!(known(&file), [0, 1]);
    assert_eq!(
        fs::read_to_string(folder.path().join("variants.damaged")).unwrap(),
        "something else"
    );
}

#[test]
fn what_is_forgotten_stays_forgotten_and_may_be_learned_again() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("variants");
    record(&file, 0..8);
    let index = VariantIndex::open(&file).unwrap();
    let kept = index.retain(|digest, _| *digest != source(3) && *digest != source(5));
    assert_eq!(kept.unwrap(), 2);
    assert_eq!(index.get(&source(3)), None);
    assert_eq!(known(&file), [0, 1, 2, 4, 6, 7]);
    record(&file, [5]);
    assert_eq!(known(&file), [0, 1, 2, 4, 5, 6, 7]);
}

#[test]
fn a_file_of_mostly_forgotten_records_is_written_anew() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("variants");
    record(&file, 0..8);
    let index = VariantIndex::open(&file).unwrap();
    index.retain(|digest, _| *digest == source(4)).unwrap();
    assert_eq!(fs::metadata(&file).unwrap().len(), 16 + 168);
    index.record(source(9), variants(9)).unwrap();
    assert_eq!(known(&file), [4, 9]);
}

#[test]
fn codings_have_names_and_tags() {
    let forms = variants(0);
    let check = |coding: ContentCoding, name, suffix, form| {
        assert_eq!(
            (coding.as_str(), coding.etag_suffix(), forms.get(coding)),
            (name, suffix, form)
        );
    };
    check(ContentCoding::Identity, "identity", "", None);
    check(ContentCoding::Br, "br", "-br", forms.br);
    check(ContentCoding::Gzip, "gzip", "-gz", forms.gzip);
}

#[test]
fn what_is_not_the_best_yet_is_given_out_once_and_again_after_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("variants");
    record(&file, 0..8);
    for _ in 0..2 {
        let index = VariantIndex::open(&file).unwrap();
        let mut early: Vec<_> = std::iter::from_fn(|| index.take_early()).collect();
        early
            .sort_by_key(|(_, variants)| variants.br.or(variants.gzip).map(|form| form.size_bytes));
        let want: Vec<_> = (4..8)
            .map(|number| (source(number), variants(number)))
            .collect();
        assert_eq!(early.len(), want.len());
        assert!(want.iter().all(|one| early.contains(one)));
    }
    let index = VariantIndex::open(&file).unwrap();
    let best = |number| Variants {
        is_best: true,
        ..variants(number)
    };
    for number in 4..7 {
        index.record(source(number), best(number)).unwrap();
    }
    assert_eq!(index.take_early(), Some((source(7), variants(7))));
    assert_eq!(index.take_early(), None);
    // The newest first.
    index.record(source(20), variants(4)).unwrap();
    index.record(source(21), variants(5)).unwrap();
    assert_eq!(index.take_early(), Some((source(21), variants(5))));
}

#[test]
fn an_index_that_was_released_writes_no_more() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("index");
    let index = VariantIndex::open(&file).unwrap();
    index.record(source(1), variants(1)).unwrap();
    index.release();
    record(&file, [2, 3]);
    assert!(index.record(source(4), variants(4)).is_err());
    assert_eq!(index.get(&source(1)), Some(variants(1)));
    assert_eq!(known(&file), [1, 2, 3]);
}
