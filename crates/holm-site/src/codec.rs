//! The bytes of a document and of a snapshot. Versioned; the conversions are written by hand.

use crate::{DeploymentDocument, EdgeSnapshot};

/// Why bytes are not what they should be.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// Other magic bytes.
    #[error("these bytes are not a {what}")]
    NotThis {
        /// `deployment document` or `edge snapshot`.
        what: &'static str,
    },
    /// Written by a newer Holm.
    #[error("this {what} has format {found}, this Holm reads up to {newest}")]
    TooNew {
        /// As above.
        what: &'static str,
        /// The format of the bytes.
        found: u16,
        /// The newest that is understood.
        newest: u16,
    },
    /// Cut off or changed.
    #[error("this {what} is damaged")]
    Damaged {
        /// As above.
        what: &'static str,
    },
}

/// The bytes of a document; equal documents have equal bytes.
pub fn encode_document(document: &DeploymentDocument) -> Vec<u8> {
    let _ = document;
    todo!("helper: site")
}

/// The document in these bytes.
pub fn decode_document(bytes: &[u8]) -> Result<DeploymentDocument, DecodeError> {
    let _ = bytes;
    todo!("helper: site")
}

/// The bytes of a snapshot, with a checksum.
pub fn encode_snapshot(snapshot: &EdgeSnapshot) -> Vec<u8> {
    let _ = snapshot;
    todo!("helper: site")
}

/// The snapshot in these bytes.
pub fn decode_snapshot(bytes: &[u8]) -> Result<EdgeSnapshot, DecodeError> {
    let _ = bytes;
    todo!("helper: site")
}
