//! Several parts of a file in one answer (`multipart/byteranges`, RFC 9110 section 14.6). The parts lie
//! apart and are few, so the answer is hardly larger than the file, and takes no more memory than one
//! part would.

use std::ops::Range;

use bytes::Bytes;
use holm_types::BlobDigest;
use http::HeaderValue;

use super::{NotHere, Source, content_range};
use crate::body::BodySource;

/// What stands between the parts: made of the file's digest, which no file has in it.
fn boundary(source: &BlobDigest) -> String {
    let mut boundary = source.to_string();
    boundary.truncate(32);
    boundary
}

/// The media type of the whole answer.
pub(super) fn media_type(source: &BlobDigest) -> HeaderValue {
    let text = format!("multipart/byteranges; boundary={}", boundary(source));
    HeaderValue::try_from(text).expect("hexadecimal digits may be sent")
}

/// The parts, each with its head.
pub(super) fn body(source: &Source<'_>, ranges: &[Range<u64>]) -> Result<BodySource, NotHere> {
    let boundary = boundary(&source.form.key.source);
    let media_type = source.request.asset.media_type.as_bytes();
    let mut parts = Vec::with_capacity(2 * ranges.len() + 1);
    let mut line_end: &[u8] = b"";
    for range in ranges {
        let about = content_range(range, source.form.size_bytes);
        let head = [
            line_end,
            b"--",
            boundary.as_bytes(),
            b"\r\ncontent-type: ",
            media_type,
            b"\r\ncontent-range: ",
            about.as_bytes(),
            b"\r\n\r\n",
        ];
        parts.push(BodySource::Whole(Bytes::from(head.concat())));
        parts.push(source.body(range.clone())?);
        line_end = b"\r\n";
    }
    let end = format!("\r\n--{boundary}--\r\n");
    parts.push(BodySource::Whole(Bytes::from(end)));
    Ok(BodySource::Parts(parts.into()))
}
