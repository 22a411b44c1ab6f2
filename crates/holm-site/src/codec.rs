//! The bytes of a document, of a snapshot and of a change of a snapshot. Versioned; the conversions are written by
//! hand.
//!
//! All begin with eight bytes of magic and the format as a little-endian `u16`; what follows is postcard. A
//! snapshot and a change have the BLAKE3 hash of what follows between, because nothing else guards them; a change
//! has the bytes of a snapshot behind its postcard.

mod document;
mod functions;
mod guard;
mod lines;
mod manifest;
mod snapshot;
#[cfg(test)]
mod tests;

use holm_types::{BlobDigest, ProjectId};
use serde::{Deserialize, Serialize};

use crate::{DeploymentDocument, EdgeSnapshot, SnapshotChange};

/// Why bytes are not what they should be.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// Other magic bytes.
    #[error("these bytes are not a {what}")]
    NotThis {
        /// `deployment document`, `edge snapshot` or `change of an edge snapshot`.
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
    let payload = to_bytes(&document::WireDocument::from(document));
    let lines = to_bytes(&lines::WireLines::from(&document.rules));
    let functions = to_bytes(&functions::WireFunctions::from(document));
    framed(&DOCUMENT, &[&payload, &lines, &functions])
}

/// The document in these bytes. The blob store has compared them with their digest; this checks the shape.
pub fn decode_document(bytes: &[u8]) -> Result<DeploymentDocument, DecodeError> {
    let (format, payload) = unframed(&DOCUMENT, bytes)?;
    let (wire, rest) =
        take::<document::WireDocument<'_, manifest::EntriesRead>>(&DOCUMENT, payload)?;
    let (lines, rest) = match format {
        1 => (lines::WireLines::default(), rest),
        _ => take(&DOCUMENT, rest)?,
    };
    let (functions, rest) = match format {
        1 | 2 => (functions::WireFunctions::default(), rest),
        _ => take(&DOCUMENT, rest)?,
    };
    let damaged = |NotAWord| DOCUMENT.damaged();
    let mut document = DeploymentDocument::try_from(wire).map_err(damaged)?;
    lines.add_to(&mut document.rules).map_err(damaged)?;
    functions.add_to(&mut document).map_err(damaged)?;
    if rest.is_empty() {
        Ok(document)
    } else {
        Err(DOCUMENT.damaged())
    }
}

/// The bytes of a snapshot, with a checksum.
pub fn encode_snapshot(snapshot: &EdgeSnapshot) -> Vec<u8> {
    let mut payload = to_bytes(&snapshot::WireSnapshot::from(snapshot));
    payload.extend(to_bytes(&guard::WireGuards::from(&*snapshot.guards)));
    framed(&SNAPSHOT, &[BlobDigest::of(&payload).as_bytes(), &payload])
}

/// The snapshot in these bytes. Format 1 ended with the hosts; format 2 has the guards behind them.
pub fn decode_snapshot(bytes: &[u8]) -> Result<EdgeSnapshot, DecodeError> {
    read_snapshot(bytes, |_| {})
}

fn read_snapshot(
    bytes: &[u8],
    prepare: impl FnOnce(&mut snapshot::WireSnapshot<'_>),
) -> Result<EdgeSnapshot, DecodeError> {
    let (format, payload) = checked(&SNAPSHOT, bytes)?;
    let (mut wire, rest) = take::<snapshot::WireSnapshot<'_>>(&SNAPSHOT, payload)?;
    prepare(&mut wire);
    let mut snapshot = EdgeSnapshot::try_from(wire).map_err(|NotAWord| SNAPSHOT.damaged())?;
    let (guards, rest) = match format {
        1 => (guard::WireGuards::default(), rest),
        _ => take(&SNAPSHOT, rest)?,
    };
    snapshot.guards = guards.read().map_err(|NotAWord| SNAPSHOT.damaged())?;
    if rest.is_empty() {
        Ok(snapshot)
    } else {
        Err(SNAPSHOT.damaged())
    }
}

/// The snapshot in these bytes without any hosts but the one of this name, for who asks about one host.
pub fn decode_snapshot_about(bytes: &[u8], host: &str) -> Result<EdgeSnapshot, DecodeError> {
    read_snapshot(bytes, |wire| wire.keep_only(host))
}

/// The bytes of a change: its projects, then a snapshot of what they have.
pub fn encode_change(change: &SnapshotChange) -> Vec<u8> {
    let projects: Vec<[u8; 16]> = change.projects.iter().map(|id| *id.as_bytes()).collect();
    let mut payload = to_bytes(&projects);
    payload.extend(encode_snapshot(&change.snapshot));
    framed(&CHANGE, &[BlobDigest::of(&payload).as_bytes(), &payload])
}

/// The change in these bytes.
pub fn decode_change(bytes: &[u8]) -> Result<SnapshotChange, DecodeError> {
    let (_, payload) = checked(&CHANGE, bytes)?;
    let (projects, snapshot) = take::<Vec<[u8; 16]>>(&CHANGE, payload)?;
    let projects: Vec<_> = projects.into_iter().map(ProjectId::from_bytes).collect();
    let change = SnapshotChange {
        projects,
        snapshot: decode_snapshot(snapshot)?,
    };
    let is_in_order = change.projects.is_sorted_by(|one, other| one < other);
    let hosts = change.snapshot.hosts.iter().map(|entry| entry.project_id);
    let guards = change.snapshot.guards.iter().map(|guard| guard.project_id);
    if is_in_order && hosts.chain(guards).all(|id| change.replaces(id)) {
        Ok(change)
    } else {
        Err(CHANGE.damaged())
    }
}

/// The snapshot in the bytes of a whole one and of the changes behind it.
pub fn decode_snapshot_with<'b>(
    bytes: &[u8],
    changes: impl IntoIterator<Item = &'b [u8]>,
) -> Result<EdgeSnapshot, DecodeError> {
    let mut snapshot = decode_snapshot(bytes)?;
    let changes = changes.into_iter().map(decode_change);
    snapshot.apply(changes.collect::<Result<_, _>>()?);
    Ok(snapshot)
}

/// A number on the wire that stands for nothing, or an order that was lost.
struct NotAWord;

/// One of the kinds of bytes.
struct Kind {
    what: &'static str,
    magic: &'static [u8; 8],
    /// The format that is written, and the newest that is read.
    format: u16,
}

const DOCUMENT: Kind = Kind {
    what: "deployment document",
    magic: b"HOLMDOC\0",
    format: 3,
};

const SNAPSHOT: Kind = Kind {
    what: "edge snapshot",
    magic: b"HOLMSNAP",
    format: 2,
};

const CHANGE: Kind = Kind {
    what: "change of an edge snapshot",
    magic: b"HOLMCHNG",
    format: 1,
};

const CHECKSUM_BYTES: usize = 32;

impl Kind {
    const fn damaged(&self) -> DecodeError {
        DecodeError::Damaged { what: self.what }
    }
}

fn framed(kind: &Kind, parts: &[&[u8]]) -> Vec<u8> {
    let mut out = Vec::with_capacity(10 + parts.iter().map(|part| part.len()).sum::<usize>());
    out.extend_from_slice(kind.magic);
    out.extend_from_slice(&kind.format.to_le_bytes());
    for part in parts {
        out.extend_from_slice(part);
    }
    out
}

/// The format, and what follows the checksum, if it is right.
fn checked<'b>(kind: &Kind, bytes: &'b [u8]) -> Result<(u16, &'b [u8]), DecodeError> {
    let (format, body) = unframed(kind, bytes)?;
    let (checksum, payload) = body
        .split_at_checked(CHECKSUM_BYTES)
        .ok_or(kind.damaged())?;
    if BlobDigest::of(payload).as_bytes() == checksum {
        Ok((format, payload))
    } else {
        Err(kind.damaged())
    }
}

/// The format, and what follows it.
fn unframed<'b>(kind: &Kind, bytes: &'b [u8]) -> Result<(u16, &'b [u8]), DecodeError> {
    let rest = bytes
        .strip_prefix(kind.magic)
        .ok_or(DecodeError::NotThis { what: kind.what })?;
    let (format, body) = rest.split_first_chunk::<2>().ok_or(kind.damaged())?;
    let found = u16::from_le_bytes(*format);
    if found > kind.format {
        return Err(DecodeError::TooNew {
            what: kind.what,
            found,
            newest: kind.format,
        });
    }
    if found == 0 {
        return Err(kind.damaged());
    }
    Ok((found, body))
}

fn to_bytes(wire: &impl Serialize) -> Vec<u8> {
    postcard::to_stdvec(wire)
        .expect("the wire structs have no maps and no types that postcard cannot write")
}

/// What stands at the front, and the rest. Lengths on the wire are not trusted: a list grows with the bytes that
/// are really there.
fn take<'b, T: Deserialize<'b>>(
    kind: &Kind,
    payload: &'b [u8],
) -> Result<(T, &'b [u8]), DecodeError> {
    postcard::take_from_bytes(payload).map_err(|_| kind.damaged())
}
