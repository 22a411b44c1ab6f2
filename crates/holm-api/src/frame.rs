//! The body of `blob_upload` and `deployment_commit`: blobs one after another, each as 32 bytes of
//! digest, 8 bytes of size (big-endian), then the bytes.

use bytes::{Buf, Bytes, BytesMut};
use holm_types::BlobDigest;

/// The media type of such a body.
pub const FRAME_MEDIA_TYPE: &str = "application/vnd.holm.blobs";

/// The bytes before each blob.
pub const FRAME_HEADER_BYTES: usize = 40;

/// The bytes that announce a blob.
pub fn frame_header(digest: &BlobDigest, size_bytes: u64) -> [u8; FRAME_HEADER_BYTES] {
    let mut header = [0_u8; FRAME_HEADER_BYTES];
    let (left, right) = header.split_at_mut(32);
    left.copy_from_slice(digest.as_bytes());
    right.copy_from_slice(&size_bytes.to_be_bytes());
    header
}

/// One step of reading such a body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Frame {
    /// A blob begins.
    Begin {
        /// Which.
        digest: BlobDigest,
        /// How many bytes follow.
        size_bytes: u64,
    },
    /// Some of its bytes, never empty.
    Data(Bytes),
    /// It has ended.
    End,
}

/// The body ended within a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the upload ended in the middle of a blob")]
pub struct FrameError;

/// Reads such a body as it arrives. Holds at most what was pushed last and one header.
#[derive(Debug, Default)]
pub struct FrameDecoder {
    buffer: BytesMut,
    /// Bytes of the current blob still to come. `None` between blobs.
    remaining: Option<u64>,
}

impl FrameDecoder {
    /// A decoder at the start of a body.
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes the next bytes of the body; follow with [`FrameDecoder::next_frame`] until it is `None`.
    pub fn push(&mut self, bytes: &[u8]) {
        self.buffer.extend_from_slice(bytes);
    }

    /// The next step. `None` when more bytes are needed.
    pub fn next_frame(&mut self) -> Option<Frame> {
        match self.remaining {
            None => {
                let header = self.buffer.get(..FRAME_HEADER_BYTES)?;
                let (digest, size) = header.split_at(32);
                let digest = BlobDigest::from_bytes(digest.try_into().ok()?);
                let size_bytes = u64::from_be_bytes(size.try_into().ok()?);
                self.buffer.advance(FRAME_HEADER_BYTES);
                self.remaining = Some(size_bytes);
                Some(Frame::Begin { digest, size_bytes })
            }
            Some(0) => {
                self.remaining = None;
                Some(Frame::End)
            }
            Some(remaining) => {
                let here = usize::try_from(remaining)
                    .unwrap_or(usize::MAX)
                    .min(self.buffer.len());
                if here == 0 {
                    return None;
                }
                self.remaining = Some(remaining - here as u64);
                Some(Frame::Data(self.buffer.split_to(here).freeze()))
            }
        }
    }

    /// Says that the body has ended. An error when it ended within a frame.
    pub fn finish(self) -> Result<(), FrameError> {
        if self.remaining.is_none() && self.buffer.is_empty() {
            Ok(())
        } else {
            Err(FrameError)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_survive_any_cut() {
        let mut body = Vec::new();
        for blob in [&b"hello"[..], b"", b"world!"] {
            body.extend_from_slice(&frame_header(&BlobDigest::of(blob), blob.len() as u64));
            body.extend_from_slice(blob);
        }
        for cut in 1..body.len() {
            let mut decoder = FrameDecoder::new();
            let mut blobs: Vec<Vec<u8>> = Vec::new();
            for piece in body.chunks(cut) {
                decoder.push(piece);
                while let Some(frame) = decoder.next_frame() {
                    match frame {
                        Frame::Begin { .. } => blobs.push(Vec::new()),
                        Frame::Data(bytes) => blobs.last_mut().unwrap().extend_from_slice(&bytes),
                        Frame::End => {}
                    }
                }
            }
            assert_eq!(blobs, [&b"hello"[..], b"", b"world!"]);
            assert_eq!(decoder.finish(), Ok(()));
        }
    }

    #[test]
    fn a_cut_off_body_is_an_error() {
        let mut decoder = FrameDecoder::new();
        decoder.push(&frame_header(&BlobDigest::of(b"x"), 1));
        while decoder.next_frame().is_some() {}
        assert_eq!(decoder.finish(), Err(FrameError));
    }
}
