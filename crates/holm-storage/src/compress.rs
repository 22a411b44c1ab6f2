//! Making the encoded forms of a blob: quickly (br 5, gzip 6), or as small as can be (br 11, zstd 19).

use std::io::Write;

use brotli::enc::BrotliEncoderParams;
use flate2::Compression;
use flate2::write::GzEncoder;

use crate::ContentCoding;

/// Below this nothing is tried: headers and the coding's own frame eat what is saved.
const SOURCE_BYTES_MIN: usize = 256;
const BROTLI_QUALITY: i32 = 5;
const BROTLI_BEST_QUALITY: i32 = 11;
/// The largest window browsers accept (RFC 7932 section 9.1: 2^22 - 16 bytes).
const BROTLI_WINDOW_BITS: i32 = 22;
const GZIP_LEVEL: u32 = 6;
/// The highest level whose window is still one that clients must take (RFC 9659: 8 MB).
const ZSTD_LEVEL: i32 = 19;

/// The bytes in this coding: br 5 or gzip 6. `None` when that saves less than a tenth, when there are
/// fewer than 256 bytes, or for a coding that is not made quickly. The same input gives the same output.
///
/// Measured November 2026 on one core with JavaScript and Rust text of 57 KB to 5.6 MB: br 29-46 MB/s,
/// gzip 28-38 MB/s. Takes as much memory as the input and the output and about 6 MB for brotli; call it
/// off the threads that serve.
pub fn compress(bytes: &[u8], coding: ContentCoding) -> Option<Vec<u8>> {
    worth_it(bytes, || match coding {
        ContentCoding::Identity | ContentCoding::Zstd => None,
        ContentCoding::Br => brotli(bytes, BROTLI_QUALITY, BROTLI_WINDOW_BITS),
        ContentCoding::Gzip => gzip(bytes),
    })
}

/// The bytes in this coding, as small as can be: br 11 or zstd 19. `None` as for [`compress`].
///
/// About 0.8 MB/s on one core, and for brotli some fifteen times the input in memory: see
/// [`crate::BestEncoder`], which does this where it disturbs nobody.
pub(crate) fn compress_best(bytes: &[u8], coding: ContentCoding) -> Option<Vec<u8>> {
    worth_it(bytes, || match coding {
        ContentCoding::Identity | ContentCoding::Gzip => None,
        ContentCoding::Br => brotli(bytes, BROTLI_BEST_QUALITY, window_bits(bytes.len())),
        ContentCoding::Zstd => zstd::bulk::compress(bytes, ZSTD_LEVEL).ok(),
    })
}

fn worth_it(bytes: &[u8], encode: impl FnOnce() -> Option<Vec<u8>>) -> Option<Vec<u8>> {
    if bytes.len() < SOURCE_BYTES_MIN {
        return None;
    }
    let encoded = encode()?;
    let is_worth_it = encoded.len() <= bytes.len() - bytes.len() / 10;
    is_worth_it.then_some(encoded)
}

/// The smallest window that all of the input lies in: the encoder's tables are as large as it.
fn window_bits(length: usize) -> i32 {
    const BROTLI_WINDOW_BITS_MIN: i32 = 16;
    let bits = i32::try_from(usize::BITS - length.leading_zeros()).unwrap_or(BROTLI_WINDOW_BITS);
    bits.clamp(BROTLI_WINDOW_BITS_MIN, BROTLI_WINDOW_BITS)
}

fn brotli(mut bytes: &[u8], quality: i32, window_bits: i32) -> Option<Vec<u8>> {
    let params = BrotliEncoderParams {
        quality,
        lgwin: window_bits,
        size_hint: bytes.len(),
        ..BrotliEncoderParams::default()
    };
    let mut encoded = Vec::with_capacity(bytes.len() / 4);
    brotli::BrotliCompress(&mut bytes, &mut encoded, &params).ok()?;
    Some(encoded)
}

fn gzip(bytes: &[u8]) -> Option<Vec<u8>> {
    let encoded = Vec::with_capacity(bytes.len() / 4);
    let mut encoder = GzEncoder::new(encoded, Compression::new(GZIP_LEVEL));
    encoder.write_all(bytes).ok()?;
    encoder.finish().ok()
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use super::*;

    #[test]
    fn text_becomes_smaller_and_comes_back() {
        let text = "The quick brown fox jumps over the lazy dog. ".repeat(400);
        let br = compress(text.as_bytes(), ContentCoding::Br).unwrap();
        let mut back = Vec::new();
        brotli::BrotliDecompress(&mut br.as_slice(), &mut back).unwrap();
        assert_eq!(back, text.as_bytes());
        let gzip = compress(text.as_bytes(), ContentCoding::Gzip).unwrap();
        let mut back = Vec::new();
        flate2::read::GzDecoder::new(gzip.as_slice())
            .read_to_end(&mut back)
            .unwrap();
        assert_eq!(back, text.as_bytes());
        assert!(br.len() < text.len() / 10 && gzip.len() < text.len() / 10);
        assert_eq!(
            compress(text.as_bytes(), ContentCoding::Br),
            Some(br),
            "the same every time"
        );
    }

    #[test]
    fn the_best_forms_are_smaller_and_come_back() {
        // Words in an order that a hash decides: nothing that even a weak encoder finds whole.
        let words: Vec<u8> = (0..4000_u32)
            .flat_map(|at| {
                let digest = holm_types::BlobDigest::of(&at.to_le_bytes());
                let word = digest.as_bytes()[0] % 64;
                format!("word-{word} ").into_bytes()
            })
            .collect();
        let early = compress(&words, ContentCoding::Br).unwrap();
        let br = compress_best(&words, ContentCoding::Br).unwrap();
        assert!(br.len() < early.len(), "{} and {}", br.len(), early.len());
        let mut back = Vec::new();
        brotli::BrotliDecompress(&mut br.as_slice(), &mut back).unwrap();
        assert_eq!(back, words);
        let zstd = compress_best(&words, ContentCoding::Zstd).unwrap();
        assert!(zstd.len() < words.len() / 3);
        assert_eq!(zstd::bulk::decompress(&zstd, words.len()).unwrap(), words);
        assert_eq!(compress(&words, ContentCoding::Zstd), None);
        assert_eq!(compress_best(&words, ContentCoding::Gzip), None);
    }

    #[test]
    fn windows_hold_the_input() {
        let check = |length: usize, want: i32| assert_eq!(window_bits(length), want, "{length}");
        check(0, 16);
        check(65_535, 16);
        check(65_536, 17);
        check(2_000_000, 21);
        check(20_000_000, 22);
    }

    #[test]
    fn what_does_not_pay_is_left_alone() {
        // Bytes of a hash do not compress.
        let noise: Vec<u8> = (0..500_u32)
            .flat_map(|number| *holm_types::BlobDigest::of(&number.to_le_bytes()).as_bytes())
            .collect();
        for coding in [
            ContentCoding::Br,
            ContentCoding::Gzip,
            ContentCoding::Identity,
        ] {
            assert_eq!(compress(&noise, coding), None, "{coding:?}");
            assert_eq!(
                compress(&[b'a'; SOURCE_BYTES_MIN - 1], coding),
                None,
                "{coding:?}"
            );
            assert_eq!(compress(&[], coding), None, "{coding:?}");
        }
        assert_eq!(
            compress(&[b'a'; SOURCE_BYTES_MIN], ContentCoding::Identity),
            None
        );
        assert!(compress(&[b'a'; SOURCE_BYTES_MIN], ContentCoding::Br).is_some());
    }
}
