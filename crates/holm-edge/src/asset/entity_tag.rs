//! The name of one form of a file: `"<digest>"`, `"<digest>-br"`, `"<digest>-zst"`,
//! `"<digest>-gz"` (decision D10.8).

use std::fmt::Write as _;

use holm_storage::ContentCoding;
use holm_types::BlobDigest;
use http::HeaderValue;

/// `"` + 64 digits + `-zst` + `"`.
const BYTES_MAX: usize = 70;

/// A strong entity tag (RFC 9110 section 8.8.3), kept on the stack until it has to be sent.
#[derive(Clone, Copy, Debug)]
pub(crate) struct EntityTag {
    bytes: [u8; BYTES_MAX],
    length: usize,
}

impl EntityTag {
    /// The tag of a source blob in a coding.
    pub(crate) fn new(source: &BlobDigest, coding: ContentCoding) -> Self {
        let mut tag = Self {
            bytes: [0; BYTES_MAX],
            length: 0,
        };
        let suffix = coding.etag_suffix();
        write!(tag, "\"{source}{suffix}\"").expect("the longest tag has BYTES_MAX bytes");
        tag
    }

    /// The tag with its quotes.
    pub(crate) fn as_bytes(&self) -> &[u8] {
        self.bytes.get(..self.length).unwrap_or_default()
    }

    /// Ready to be sent.
    pub(crate) fn to_header(self) -> HeaderValue {
        HeaderValue::from_bytes(self.as_bytes()).expect("hexadecimal digits and quotes may be sent")
    }
}

impl std::fmt::Write for EntityTag {
    fn write_str(&mut self, text: &str) -> std::fmt::Result {
        let end = self.length + text.len();
        self.bytes
            .get_mut(self.length..end)
            .ok_or(std::fmt::Error)?
            .copy_from_slice(text.as_bytes());
        self.length = end;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_name_digest_and_coding() {
        let digest = BlobDigest::from_bytes([0xAB; 32]);
        let hex = "ab".repeat(32);
        for (coding, want) in [
            (ContentCoding::Identity, format!("\"{hex}\"")),
            (ContentCoding::Br, format!("\"{hex}-br\"")),
            (ContentCoding::Zstd, format!("\"{hex}-zst\"")),
            (ContentCoding::Gzip, format!("\"{hex}-gz\"")),
        ] {
            assert_eq!(EntityTag::new(&digest, coding).to_header(), want);
        }
    }
}
